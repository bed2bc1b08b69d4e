"""How long events of durable topics are kept for those who come later, or go back."""

from __future__ import annotations

import attrs

from harmonium.protocols.checks import check_count, check_seconds

__all__ = ["Retention"]


@attrs.frozen(kw_only=True)
class Retention:
    """How much of the journal of durable topics stays after everybody has had it.

    An event is deleted when it is beyond one of the bounds *and* every durable
    subscription that the store knows has taken it. So a subscriber that is
    down, or slow, loses nothing; it holds up the deletion for as long as it
    takes. Without subscriptions the bounds decide alone.

    The journal is one for all topics of a store, and so are the bounds. Of
    several systems on one store each applies its own: the narrowest counts.

    Args:
        entries: How many of the newest events stay, at least 0. None sets no bound.
        seconds: For how long an event stays, in seconds of the store's clock,
            above 0. None sets no bound. Without either nothing is ever deleted.
        every: How many seconds lie between two looks, above 0.

    Raises:
        SpecError: If a bound above does not hold.

    Example:
        >>> Retention(entries=100_000, seconds=7 * 86_400.0).deletes
        True
        >>> Retention().deletes
        False
    """

    entries: int | None = None
    seconds: float | None = None
    every: float = 60.0

    def __attrs_post_init__(self) -> None:
        if self.entries is not None:
            check_count("Retention.entries", self.entries)
        if self.seconds is not None:
            check_seconds("Retention.seconds", self.seconds, above=0.0)
        check_seconds("Retention.every", self.every, above=0.0)

    @property
    def deletes(self) -> bool:
        """Whether anything ever goes."""
        return self.entries is not None or self.seconds is not None
