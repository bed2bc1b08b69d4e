"""Counts over the last seconds, in a few slots of time."""

from __future__ import annotations

import math

import attrs

__all__ = ["TimeSlots"]


@attrs.frozen
class TimeSlots:
    """A sliding window of counts, forgotten slot by slot.

    It costs a few slots whatever it counts. What it forgets is up to one slot
    early or late. A clock that goes back counts into the latest slot.

    Args:
        width: Length of one slot, in seconds. Above 0.
        kept: How many slots make the window, the running one included.
        slots: Number of the slot and its counts, in rising order.
    """

    width: float
    kept: int
    slots: tuple[tuple[int, tuple[int, ...]], ...] = ()

    def add(self, now: float, *amounts: int) -> TimeSlots:
        """Count amounts at a time; each call gives as many."""
        number = self._number(now)
        slots = self.slots
        if slots and slots[-1][0] == number:
            sums = tuple(map(int.__add__, slots[-1][1], amounts))
            return TimeSlots(self.width, self.kept, (*slots[:-1], (number, sums)))
        kept = tuple(slot for slot in slots if slot[0] > number - self.kept)
        return TimeSlots(self.width, self.kept, (*kept, (number, amounts)))

    def sums(self, now: float) -> tuple[int, ...]:
        """Add up what the window holds at a time; nothing counted gives an empty tuple."""
        oldest = self._number(now) - self.kept
        return tuple(map(sum, zip(*(c for n, c in self.slots if n > oldest), strict=True)))

    def _number(self, now: float) -> int:
        number = math.floor(now / self.width)
        return max(number, self.slots[-1][0]) if self.slots else number
