"""`Scaler`: measures one pool and asks the autoscaling policy how large it should be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from harmonium.actors.cell import Cell
from harmonium.protocols.autoscale import Autoscale, Decision, Sample, ScaleState
from harmonium.supervisors.pool_traffic import Traffic

__all__ = ["Scaler"]


class Scaler:
    """Evaluates a pool once a period, on the ground's clock.

    A member is busy from its visit by the scheduler that leaves it with mail or
    with a suspended handler to the one that leaves it with none. So the time
    that async and blocking handlers wait counts, and the time of a sync handler
    only where mail waits behind it. How long a message waited follows from the
    queue and the rate at which it was worked off (Little's law).

    Args:
        cell: The pool's cell.
        policy: When it grows and shrinks.
        traffic: Where the mail is counted.
        resize: Called with the new size and the reason, when it changes.
    """

    def __init__(
        self,
        cell: Cell,
        policy: Autoscale,
        traffic: Traffic,
        resize: Callable[[int, str], None],
    ) -> None:
        self._cell = cell
        self._policy = policy
        self._traffic = traffic
        self._resize = resize
        self._timer: Any = None
        self._state: ScaleState = policy.start()
        self._at = cell.ground.clock()
        self._arrived = traffic.arrived
        self._queued = 0
        self.last: Decision | None = None

    def start(self, size: int) -> None:
        """Begin to evaluate; also when somebody else changed the size."""
        ground = self._cell.ground
        self._state = self._policy.start(size, ground.clock())
        if self._timer is None:
            self._at, self._queued = ground.clock(), self._traffic.inside()
            self._set()

    def stop(self) -> None:
        """Evaluate no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _set(self) -> None:
        ground = self._cell.ground
        self._timer = ground.after(self._policy.period, ground.signal, self._cell, self._evaluate)

    def _evaluate(self) -> None:
        if self._timer is None:
            return
        self._set()
        sample = self._sample()
        self._state, decision = self._policy.decide(self._state, sample, sample.at)
        self.last = decision
        if decision.change:
            self._resize(decision.size, f"{decision.reason} ({_figures(sample)}).")

    def _sample(self) -> Sample:
        traffic, now = self._traffic, self._cell.ground.clock()
        seconds = max(now - self._at, 1e-9)
        arrived = traffic.arrived - self._arrived
        left = traffic.inside()
        finished = max(self._queued + arrived - left, 0)
        working = sum(one.take_busy(now) for one in traffic.everybody)
        size = max(len(traffic.members), 1)
        waiting = traffic.queued()
        each = seconds / finished if finished else seconds
        self._at, self._arrived, self._queued = now, traffic.arrived, left
        return Sample(
            now,
            seconds,
            members=size,
            queued=waiting,
            arrived=arrived,
            finished=finished,
            busy=min(working / (size * seconds), 1.0),
            wait=waiting * each,
        )


def _figures(sample: Sample) -> str:
    rate = sample.arrived / sample.seconds
    return (
        f"{sample.members} members {sample.busy:.0%} busy, {sample.queued} messages wait, "
        f"{rate:.1f} came a second"
    )
