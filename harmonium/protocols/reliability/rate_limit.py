"""The rate limit: so many requests a second, and a burst."""

from __future__ import annotations

import attrs

from harmonium.protocols.checks import check_count, check_number, check_seconds

__all__ = ["RateLimit", "RateState"]


@attrs.frozen
class RateState:
    """When the bucket is full again, and the latest time seen; in seconds."""

    full_at: float = float("-inf")
    seen: float = float("-inf")


@attrs.frozen
class RateLimit:
    """A token bucket of `burst` tokens that fills with `per_second`.

    Computed as the generic cell rate algorithm (ITU-T I.371): one number says
    when the bucket will be full, and nothing ticks. Time must be monotonic; if
    it goes back all the same, no token is won or lost by it.

    Args:
        per_second: Requests a second in the long run. Above 0.
        burst: Requests that may come at once after a pause. At least 1.
        max_wait: How long a request may be kept back for its turn, in seconds
            from 0 on; with 0 it is refused at once.

    Raises:
        SpecError: If a bound above does not hold.

    Example:
        >>> limit = RateLimit(2.0, burst=1, max_wait=1.0)
        >>> state, first = limit.take(limit.start(), now=0.0)
        >>> state, second = limit.take(state, now=0.1)
        >>> first, second
        (0.0, 0.4)
    """

    per_second: float
    burst: int = attrs.field(default=1, kw_only=True)
    max_wait: float = attrs.field(default=0.0, kw_only=True)

    def __attrs_post_init__(self) -> None:
        check_number("RateLimit.per_second", self.per_second, above=0.0)
        check_count("RateLimit.burst", self.burst, least=1)
        check_seconds("RateLimit.max_wait", self.max_wait)

    def start(self) -> RateState:
        """Begin with a full bucket."""
        return RateState()

    def take(
        self, state: RateState, now: float, *, cost: float = 1.0, max_wait: float | None = None
    ) -> tuple[RateState, float | None]:
        """Take the turn of one request, now or a little later.

        Turns are given in the order in which they are asked for; who waits has
        its turn already.

        Args:
            state: The bucket.
            now: Monotonic time, in seconds.
            cost: Tokens that it takes, above 0.
            max_wait: How long this request can wait; None for the limit's own.

        Returns:
            The new state, and the seconds to wait before the request goes; None
            when it is refused, which takes no token.
        """
        now = max(now, state.seen)
        full_at = max(state.full_at, now) + cost / self.per_second
        wait = max(0.0, full_at - self.burst / self.per_second - now)
        if wait > (self.max_wait if max_wait is None else min(max_wait, self.max_wait)):
            return RateState(state.full_at, now), None
        return RateState(full_at, now), wait

    def free_at(self, state: RateState) -> float:
        """Tell from when on a request of one token would not wait."""
        return state.full_at + (1 - self.burst) / self.per_second
