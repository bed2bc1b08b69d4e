"""Leases with fencing tokens: one leader, also when clocks, pauses and networks play tricks.

A lease ends by time, so a holder that died does not block the others (Gray and
Cheriton, "Leases", 1989). A holder that was only slow may still believe in a
lease that is over: so each grant has a token, greater than all before it, that
goes with every write, and the store refuses a write with an older token than it
has seen (Kleppmann, "How to do distributed locking", 2016). The store decides
on its own monotonic clock; a holder counts from before it asked.
"""

from __future__ import annotations

import attrs

from harmonium.protocols.checks import check_seconds, check_share

__all__ = ["Fence", "Grant", "Held", "LeasePolicy", "LeaseState"]


@attrs.frozen
class LeaseState:
    """What the store knows of one lease.

    Args:
        holder: Who has it; None when it was given back.
        token: The token of the last grant; it never falls.
        until: When it ends, in seconds of the store's clock.
        seen: The latest time seen: a clock that goes back ends no lease early
            and makes none longer.
    """

    holder: str | None = None
    token: int = 0
    until: float = float("-inf")
    seen: float = float("-inf")


@attrs.frozen
class Grant:
    """The lease is the holder's, for `seconds` from the moment it asked."""

    holder: str
    token: int
    seconds: float


@attrs.frozen
class Held:
    """Somebody else has the lease; ask again in `seconds`."""

    holder: str
    seconds: float


@attrs.frozen
class LeasePolicy:
    """How long a lease lasts.

    Args:
        seconds: For how long it is granted. Above 0.
        margin: Share of it that the holder gives up at the end, for clocks that
            do not run equally fast. From 0, below 1.

    Raises:
        SpecError: If a bound above does not hold.
    """

    seconds: float = attrs.field(default=10.0)
    margin: float = attrs.field(default=0.1, kw_only=True)

    def __attrs_post_init__(self) -> None:
        check_seconds("LeasePolicy.seconds", self.seconds, above=0.0)
        check_share("LeasePolicy.margin", self.margin, zero=True)

    # --- At the store

    def acquire(
        self, state: LeaseState, holder: str, now: float
    ) -> tuple[LeaseState, Grant | Held]:
        """Grant the lease if nobody has it; its holder gets it again with a new token.

        Args:
            state: What is known of it.
            holder: Who asks. An incarnation of its own: a holder that restarted
                must not pass for the one before.
            now: The store's monotonic time, in seconds.
        """
        now = max(now, state.seen)
        if state.holder not in {None, holder} and now < state.until:
            kept = attrs.evolve(state, seen=now)
            return kept, Held(str(state.holder), state.until - now)
        token = state.token + 1
        granted = LeaseState(holder, token, now + self.seconds, now)
        return granted, Grant(holder, token, self.seconds)

    def renew(
        self, state: LeaseState, holder: str, token: int, now: float
    ) -> tuple[LeaseState, Grant | None]:
        """Make a running lease last longer, with its token; None if it is over or another's."""
        now = max(now, state.seen)
        if (holder, token) != (state.holder, state.token) or now >= state.until:
            return attrs.evolve(state, seen=now), None
        renewed = LeaseState(holder, token, now + self.seconds, now)
        return renewed, Grant(holder, token, self.seconds)

    def release(self, state: LeaseState, holder: str, token: int) -> LeaseState:
        """Give the lease back; one that is another's stays as it is."""
        if (holder, token) != (state.holder, state.token):
            return state
        return attrs.evolve(state, holder=None)

    # --- At the holder

    def safe_until(self, asked_at: float) -> float:
        """Tell until when a holder may act, on its own monotonic clock.

        Args:
            asked_at: When it *sent* the request that was granted, in seconds.
        """
        return asked_at + self.seconds * (1.0 - self.margin)

    def renew_at(self, asked_at: float) -> float:
        """Tell when a holder should renew: after a third, so that two tries may fail."""
        return asked_at + self.seconds / 3.0


@attrs.frozen
class Fence:
    """The highest token that a resource has seen."""

    token: int = 0

    def admits(self, token: int) -> tuple[Fence, bool]:
        """Check the token of a write: one older than the highest seen is refused."""
        if token < self.token:
            return self, False
        return Fence(token), True
