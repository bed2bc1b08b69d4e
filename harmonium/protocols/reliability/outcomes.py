"""The last results of an agent: of so many calls, or of so many seconds."""

from __future__ import annotations

from typing import Protocol, Self

import attrs

from harmonium.protocols.reliability.time_slots import TimeSlots

__all__ = ["LastCalls", "LastSeconds", "Outcomes"]

_SLOTS = 10


class Outcomes(Protocol):
    """A window of results."""

    def add(self, now: float, *, failed: bool, slow: bool) -> Outcomes:
        """Give the window with one more result."""

    def counts(self, now: float) -> tuple[int, int, int]:
        """Count the results that are in the window at a time, the failed and the slow ones."""


@attrs.frozen
class LastCalls:
    """The last `size` results: one bit each, newest lowest, so that adding one is a shift."""

    size: int
    filled: int = 0
    failures: int = 0
    slows: int = 0

    def add(self, _now: float, *, failed: bool, slow: bool) -> LastCalls:
        """Give the window with one more result; the oldest goes when it is full."""
        mask = (1 << self.size) - 1
        return LastCalls(
            self.size,
            min(self.filled + 1, self.size),
            (self.failures << 1 | failed) & mask,
            (self.slows << 1 | slow) & mask,
        )

    def counts(self, _now: float) -> tuple[int, int, int]:
        """Count the results, the failed and the slow ones."""
        return self.filled, self.failures.bit_count(), self.slows.bit_count()


@attrs.frozen
class LastSeconds:
    """The results of the last seconds, forgotten in tenths of the window."""

    counted: TimeSlots

    @classmethod
    def of(cls, seconds: float) -> Self:
        """Make an empty window of a length."""
        return cls(TimeSlots(seconds / _SLOTS, _SLOTS))

    def add(self, now: float, *, failed: bool, slow: bool) -> LastSeconds:
        """Give the window with one more result."""
        return LastSeconds(self.counted.add(now, 1, int(failed), int(slow)))

    def counts(self, now: float) -> tuple[int, int, int]:
        """Count the results, the failed and the slow ones."""
        calls, failed, slow = self.counted.sums(now) or (0, 0, 0)
        return calls, failed, slow
