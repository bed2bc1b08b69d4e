"""`Thinning`: which of many alike events are worth a line in a log.

A mailbox that sheds 100,000 messages a second must not write as many lines:
they would cost more than the messages, and hide all others. (Pekko likewise logs
the first ten dead letters and then suspends, `log-dead-letters-suspend-duration`.)
"""

from __future__ import annotations

from collections.abc import Hashable

__all__ = ["Thinning"]

_POWERS = frozenset(10**n for n in range(2, 16))


class Thinning:
    """Counts alike events in their spells, and picks those to log.

    The first few of a spell are picked, then the 100th, the 1,000th and so on.
    A spell ends when none has come for a while; the next one is logged again.

    Args:
        first: How many of each spell are picked. At least 1.
        quiet: Seconds without one after which a spell has ended. Above 0.
        kinds: How many kinds are remembered; beyond it, all are forgotten.

    Example:
        >>> thin = Thinning(first=2, quiet=60.0)
        >>> [thin.count("full", now=float(n)) for n in range(4)]
        [1, 2, 0, 0]
        >>> thin.count("full", now=100.0)
        1
    """

    def __init__(self, *, first: int = 10, quiet: float = 60.0, kinds: int = 1_000) -> None:
        self._first = first
        self._quiet = quiet
        self._kinds = kinds
        self._spells: dict[Hashable, tuple[int, float]] = {}

    def count(self, kind: Hashable, now: float) -> int:
        """Count one more; gives its number in the spell if it is to be logged, else 0."""
        number, last = self._spells.get(kind, (0, now))
        number = 1 if now - last > self._quiet else number + 1
        if len(self._spells) >= self._kinds and kind not in self._spells:
            self._spells.clear()
        self._spells[kind] = (number, now)
        return number if number <= self._first or number in _POWERS else 0
