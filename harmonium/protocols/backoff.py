"""`Backoff`: how long to wait before one more attempt."""

from __future__ import annotations

import math
from typing import Any

import attrs

from harmonium.protocols.checks import check_count, check_number, check_seconds, check_share

__all__ = ["Backoff"]


def _check(instance: Backoff, _: Any, __: Any) -> None:
    instance.check("Backoff")


@attrs.frozen(slots=True)
class Backoff:
    """How long a supervisor waits before it restarts a child again.

    The wait grows by `factor` with each failure in a row, from `initial` up to
    `maximum`. Chance then lengthens it by a share of at most `jitter`, so that
    siblings which died together do not come back together. The result is never
    above `maximum` and never below `initial`: near the maximum the wait is first
    shortened to leave chance its room (Pekko adds its jitter after the cap and
    exceeds it).

    A failure ends a row only after the child was ready and well for
    `stable_for`; a mere start is no recovery.

    Args:
        initial: Wait after the first failure, in seconds. Above 0.
        maximum: Longest wait, in seconds. At least `initial`.
        factor: How much longer each wait is than the one before. At least 1.
        jitter: Share of the wait that chance may add, from 0 to 1.
        stable_for: How long the child must have been ready, in seconds, for
            its next failure to count as the first one again. At least 0.
        max_retries: How many restarts in a row are tried; at one more failure
            the supervisor gives up and tells its parent. None sets no limit.

    Raises:
        SpecError: If a bound above does not hold.

    Example:
        >>> [Backoff(3.0, 30.0, jitter=0.0).delay(n) for n in range(1, 7)]
        [3.0, 6.0, 12.0, 24.0, 30.0, 30.0]
    """

    initial: float = attrs.field(default=0.1)
    maximum: float = attrs.field(default=30.0)
    factor: float = attrs.field(default=2.0, kw_only=True)
    jitter: float = attrs.field(default=0.2, kw_only=True)
    stable_for: float = attrs.field(default=10.0, kw_only=True)
    max_retries: int | None = attrs.field(default=None, kw_only=True, validator=_check)

    def check(self, place: str) -> None:
        """Raise SpecError, naming `place`, if a bound does not hold."""
        check_seconds(f"{place}.initial", self.initial, above=0.0)
        check_seconds(f"{place}.maximum", self.maximum, least=self.initial)
        check_seconds(f"{place}.stable_for", self.stable_for)
        check_number(f"{place}.factor", self.factor, least=1.0)
        check_share(f"{place}.jitter", self.jitter, zero=True, one=True)
        if self.max_retries is not None:
            check_count(f"{place}.max_retries", self.max_retries)

    def delay(self, failures: int, draw: float = 0.0) -> float:
        """Tell the wait after the n-th failure in a row, in seconds.

        Args:
            failures: Which failure in a row it was, from 1; any size.
            draw: A number from chance, in [0, 1). The same number gives the
                same wait.
        """
        low = max(self.initial, min(self._grown(failures - 1), self.maximum / (1.0 + self.jitter)))
        high = min(self.maximum, low * (1.0 + self.jitter))
        return min(high, low + (high - low) * draw)

    def _grown(self, steps: int) -> float:
        """Grow the first wait, by no more steps than reach the maximum: 2 ** 10**6 is no float."""
        growth = math.log(self.factor)
        if growth:
            steps = min(steps, math.ceil(math.log(self.maximum / self.initial) / growth))
        return float(self.initial * self.factor**steps)
