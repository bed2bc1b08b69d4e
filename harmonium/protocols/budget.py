"""The restart intensity: how many restarts within how many seconds, in a sliding window.

The rule is that of Erlang/OTP's `supervisor`, on a nanosecond clock. Before each
restart at time ``now``: forget what is older than ``now - within``, add ``now``;
the restart is allowed if at most `max_restarts` entries are left. The bound is
inclusive: an entry exactly `within` old still counts.
"""

from __future__ import annotations

from bisect import bisect_left
from functools import lru_cache
from typing import Any

import attrs

from harmonium.protocols.checks import check_count, check_seconds

__all__ = ["EMPTY", "Budget", "Window"]

_NANO = 1_000_000_000


def _check(instance: Budget, _: Any, __: Any) -> None:
    instance.check("Budget")


@attrs.frozen(slots=True)
class Budget:
    """At most `max_restarts` restarts within any `within` seconds.

    Args:
        max_restarts: How many restarts the window may hold. At least 0; with 0
            the first failure is one too many.
        within: Length of the window, in seconds. Above 0.

    Raises:
        SpecError: If a bound above does not hold.
    """

    max_restarts: int = attrs.field(default=1)
    within: float = attrs.field(default=5.0, validator=_check)

    def check(self, place: str) -> None:
        """Raise SpecError, naming `place`, if a bound does not hold."""
        check_count(f"{place}.max_restarts", self.max_restarts)
        check_seconds(f"{place}.within", self.within, above=0.0)

    @property
    def spacing(self) -> float:
        """How far apart lasting failures are still affordable, in seconds.

        Failures closer than this use the window up sooner or later.
        """
        return self.within / self.max_restarts if self.max_restarts else float("inf")

    def __str__(self) -> str:
        return _in_words(self.max_restarts, self.within)


@lru_cache(maxsize=256)  # a fifth of 0.5 us, and each crash says it
def _in_words(restarts: int, within: float) -> str:
    return f"{restarts} restart{'' if restarts == 1 else 's'} within {within:g} s"


class Window:
    """The restarts that still count, as a value.

    `spend` gives a new window and leaves this one as it was. Versions share
    one growing list, of which each knows its own part; only the newest version
    appends in place, an older one copies first. So a decision costs the same
    with ten entries and with a million (amortised), and the list never holds
    more than twice the entries inside the window.

    Example:
        >>> allowed, window = Window().spend(Budget(1, 10.0), now=0.0)
        >>> allowed, window.spend(Budget(1, 10.0), now=10.0)[0]
        (True, False)
    """

    __slots__ = ("_end", "_stamps", "_start")

    def __init__(self) -> None:
        self._stamps: list[int] = []
        self._start = 0
        self._end = 0

    def spend(self, budget: Budget, now: float) -> tuple[bool, Window]:
        """Enter one restart at `now` and tell whether it is allowed.

        Args:
            budget: The limit that holds.
            now: Monotonic time in seconds; counted in whole nanoseconds.

        Returns:
            Whether the restart is allowed, and the window with it entered.
        """
        stamp = round(now * _NANO)
        stamps, start = self._stamps, self._since(stamp - round(budget.within * _NANO))
        # An older version, or a list of which half is forgotten (or all: an empty window is
        # shared by many): copy the living part.
        if len(stamps) != self._end or 2 * start >= self._end:
            stamps, start = stamps[start : self._end], 0
        stamps.append(stamp)
        window = Window.__new__(Window)
        window._stamps, window._start, window._end = stamps, start, len(stamps)  # noqa: SLF001
        return len(stamps) - start <= budget.max_restarts, window

    def used(self, budget: Budget, now: float) -> int:
        """Tell how many restarts still count at `now`."""
        if self._end == self._start:  # 0.05 us, where the rest takes 0.6
            return 0
        return self._end - self._since(round((now - budget.within) * _NANO))

    def _since(self, oldest: int) -> int:
        """Find the first entry that is not older."""
        start = self._start
        if start == self._end or self._stamps[start] >= oldest:  # as a rule; half the price
            return start
        return bisect_left(self._stamps, oldest, start, self._end)

    def entries(self) -> tuple[float, ...]:
        """List the times that were entered and not yet forgotten, in seconds."""
        return tuple(stamp / _NANO for stamp in self._stamps[self._start : self._end])

    def __len__(self) -> int:
        return self._end - self._start

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Window) and self.entries() == other.entries()

    def __hash__(self) -> int:
        return hash(self.entries())

    def __repr__(self) -> str:
        return f"Window{self.entries()}"


EMPTY = Window()
"""Before the first restart."""
