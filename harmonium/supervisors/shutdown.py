"""The stop of a system, in phases: intake, drain, children, flush, close.

Each phase has a limit in seconds. What a limit cuts off is in the report, and
every message that was left has become a dead letter.
"""

from __future__ import annotations

import attrs

from harmonium.actors import burying, ending
from harmonium.actors.account import Account
from harmonium.actors.cell import Cell
from harmonium.actors.ground import Ground
from harmonium.actors.promise import Promise
from harmonium.protocols.checks import check_seconds

__all__ = ["PhaseReport", "StopLimits", "StopReport", "stop_ground"]

POLL = 0.01
"""Seconds between two looks at whether the mailboxes have drained."""

FLUSH = 5.0
"""Seconds that messages under way get to arrive once their agents are gone."""


@attrs.frozen(slots=True)
class StopLimits:
    """How long each phase may take, in seconds.

    Args:
        drain: To let the agents work off their mail. At least 0, which does not wait.
        children: To let the tree stop; its agents are killed then. At least 0.

    Raises:
        SpecError: If a bound above does not hold.
    """

    drain: float = 5.0
    children: float = 30.0

    def __attrs_post_init__(self) -> None:
        check_seconds("StopLimits.drain", self.drain)
        check_seconds("StopLimits.children", self.children)


@attrs.frozen(slots=True)
class PhaseReport:
    """How one phase went."""

    name: str
    seconds: float
    finished: bool


@attrs.frozen(slots=True)
class StopReport:
    """What was done, and what was not finished.

    Args:
        phases: In the order they ran.
        unfinished: How many messages were waiting or in work when the drain ended.
        killed: Paths of the agents that had to be killed.
        account: The fate of every message.
    """

    phases: tuple[PhaseReport, ...]
    unfinished: int
    killed: tuple[str, ...]
    account: Account

    @property
    def clean(self) -> bool:
        """Whether every phase ended by itself."""
        return all(phase.finished for phase in self.phases)

    def __str__(self) -> str:
        phases = ", ".join(
            f"{p.name} {p.seconds:.2f} s{'' if p.finished else ' (limit reached)'}"
            for p in self.phases
        )
        return f"stopped: {phases}; {self.unfinished} messages unfinished; {self.account}"


def stop_ground(ground: Ground, limits: StopLimits) -> Promise[StopReport]:
    """Stop everything on a ground; the promise is settled with the report.

    One run, however often it is asked for.
    """
    if ground.stopping is None:
        ground.stopping = _Stop(ground, limits).run()
    stopping: Promise[StopReport] = ground.stopping
    return stopping


class _Stop:
    """The phases, one after the other, driven by timers of the ground."""

    def __init__(self, ground: Ground, limits: StopLimits) -> None:
        self._ground = ground
        self._limits = limits
        self._done: Promise[StopReport] = Promise(ground)
        self._phases: list[PhaseReport] = []
        self._killed: list[str] = []
        self._unfinished = 0
        self._since = ground.clock()

    def run(self) -> Promise[StopReport]:
        self._ground.open = False
        self._drain()
        return self._done

    def _drain(self) -> None:
        ground = self._ground
        left = ground.account().in_flight
        late = ground.clock() - self._since >= self._limits.drain
        if left and not late:
            ground.after(POLL, self._drain)
            return
        self._unfinished = left
        self._end_phase("drain", finished=not left)
        self._stop_tops()

    def _stop_tops(self) -> None:
        """Stop the top-level agents in reverse order; kill what is late."""
        ground = self._ground
        timer = ground.after(self._limits.children, self._kill)

        def gone() -> None:
            timer.cancel()
            self._end_phase("children", finished=not self._killed)
            self._flush()

        ending.stop_children(ground.root, gone, self._limits.children + 1.0)

    def _kill(self) -> None:
        for top in list((self._ground.root.children or {}).values()):
            self._killed.extend(_paths(top))
            burying.kill(top)

    def _flush(self) -> None:
        """Let what is under way arrive, and find its agent dead."""
        ground = self._ground
        left = ground.in_transit
        late = ground.clock() - self._since >= FLUSH
        if left and not late:
            ground.after(POLL, self._flush)
            return
        self._end_phase("flush", finished=not left)
        self._close()

    def _close(self) -> None:
        account = self._ground.account()
        self._done.settle(
            StopReport(tuple(self._phases), self._unfinished, tuple(self._killed), account)
        )

    def _end_phase(self, name: str, *, finished: bool) -> None:
        now = self._ground.clock()
        self._phases.append(PhaseReport(name, now - self._since, finished))
        self._since = now


def _paths(cell: Cell) -> list[str]:
    return [cell.path, *(p for c in (cell.children or {}).values() for p in _paths(c))]
