"""Timers: what is due when, in the order of time and then of registration.

A binary heap with lazy deletion. Cancelled entries are swept out when they
are more than half of it, so memory follows the timers that are alive (asyncio
does the same). Nobody here reads a clock: `now` is an argument.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Any

__all__ = ["Timer", "Timers"]

_SWEEP_FROM = 64
_new, _push = object.__new__, heapq.heappush


class Timer:
    """One registered call, made by `Timers.add`; `cancel` is idempotent and safe after it fired."""

    __slots__ = ("_timers", "args", "call", "cancelled", "seq", "when")

    _timers: Timers
    when: float
    seq: int
    call: Callable[..., Any] | None
    args: tuple[Any, ...]
    cancelled: bool

    @property
    def active(self) -> bool:
        """Whether it is still to fire."""
        return self.call is not None

    def cancel(self) -> None:
        """Take it back: it will not fire."""
        self.cancelled = True
        if self.call is not None:
            self.call = None
            self.args = ()
            timers = self._timers
            timers.cancelled = cancelled = timers.cancelled + 1
            if cancelled > _SWEEP_FROM and cancelled * 2 > len(timers.heap):
                timers.sweep()

    def __lt__(self, other: Timer) -> bool:
        return (self.when, self.seq) < (other.when, other.seq)


class Timers:
    """A set of timers, O(log n) to add and to fire, O(1) amortised to cancel."""

    __slots__ = ("_seq", "cancelled", "heap")

    def __init__(self) -> None:
        # Public for the scheduler, which looks at the first entry before each turn.
        # Entries are (when, seq, timer): comparing tuples costs a third of
        # calling Timer.__lt__.
        self.heap: list[tuple[float, int, Timer]] = []
        self._seq = 0
        self.cancelled = 0

    def __len__(self) -> int:
        return len(self.heap) - self.cancelled

    def add(self, when: float, call: Callable[..., Any], *args: Any) -> Timer:
        """Register `call(*args)` for the time `when`, in seconds of the ground's clock."""
        self._seq = seq = self._seq + 1
        timer = _new(Timer)  # without a constructor: half the time, and each ask has a timer
        timer._timers = self
        timer.when = when
        timer.seq = seq
        timer.call = call
        timer.args = args
        timer.cancelled = False
        _push(self.heap, (when, seq, timer))
        return timer

    def rearm(self, timer: Timer, when: float, call: Callable[..., Any]) -> None:
        """Let a timer that has fired fire once more, under the same handle."""
        self._seq = seq = self._seq + 1
        timer.when, timer.seq, timer.call = when, seq, call
        heapq.heappush(self.heap, (when, seq, timer))

    def next_due(self) -> float | None:
        """When the earliest live timer fires, or None."""
        heap = self.heap
        while heap and heap[0][2].call is None:
            heapq.heappop(heap)
            self.cancelled -= 1
        return heap[0][0] if heap else None

    def sweep(self) -> None:
        """Take out what was cancelled, when that is the majority."""
        self.heap = [entry for entry in self.heap if entry[2].call is not None]
        heapq.heapify(self.heap)
        self.cancelled = 0
