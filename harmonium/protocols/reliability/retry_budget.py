"""How many retries a caller may add to its requests, so that retries cannot become a storm."""

from __future__ import annotations

import attrs

from harmonium.protocols.checks import check_number, check_seconds
from harmonium.protocols.reliability.time_slots import TimeSlots

__all__ = ["RetryBudget", "RetryLevel"]

_SLOTS = 10


@attrs.frozen
class RetryLevel:
    """What was requested and retried in the last seconds."""

    counted: TimeSlots


@attrs.frozen
class RetryBudget:
    """Retries as a share of requests, with a small allowance for quiet times.

    When an agent is down, each of its callers fails and retries; retries
    multiply the load and keep it down. Whenever a retry is made, those of the
    last `window` seconds, this one included, are at most
    ``ratio * requests + minimum * window`` of the same time. (Finagle's
    `RetryBudget`, with its defaults.)

    Args:
        ratio: Retries allowed for each request, from 0 on. 0.2 adds 20 percent.
        minimum: Retries a second that are allowed in any case, from 0 on.
        window: How long a request and a retry count, in seconds. Above 0.

    Raises:
        SpecError: If a bound above does not hold.
    """

    ratio: float = attrs.field(default=0.2, kw_only=True)
    minimum: float = attrs.field(default=10.0, kw_only=True)
    window: float = attrs.field(default=10.0, kw_only=True)

    def __attrs_post_init__(self) -> None:
        check_seconds("RetryBudget.window", self.window, above=0.0)
        check_number("RetryBudget.ratio", self.ratio)
        check_number("RetryBudget.minimum", self.minimum)

    def start(self) -> RetryLevel:
        """Begin with nothing requested."""
        return RetryLevel(TimeSlots(self.window / _SLOTS, _SLOTS))

    def requested(self, level: RetryLevel, now: float) -> RetryLevel:
        """Count a request (not a retry)."""
        return RetryLevel(level.counted.add(now, 1, 0))

    def retry(self, level: RetryLevel, now: float) -> tuple[RetryLevel, bool]:
        """Count a retry if the budget has one left; tell whether it had."""
        if self.left(level, now) < 1.0:
            return level, False
        return RetryLevel(level.counted.add(now, 0, 1)), True

    def left(self, level: RetryLevel, now: float) -> float:
        """Tell how many retries are left at a time."""
        requests, retries = level.counted.sums(now) or (0, 0)
        return self.ratio * requests + self.minimum * self.window - retries
