"""`Supervisor`: the agent that carries out what the pure core decides.

It holds no policy. Reports of children, timers and commands become events of
`harmonium.supervisors.core`; the effects that come back are carried out one
after the other by `Carrier`. It never waits, so it always answers.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from harmonium.actors import failed_mail, failing
from harmonium.actors.agent import Agent
from harmonium.actors.birth import Birth
from harmonium.actors.burying import report, report_first
from harmonium.actors.cell import RUNNING, Cell
from harmonium.actors.promise import Promise
from harmonium.protocols.lifecycle import SHUTDOWN, Exited, Phase, Started
from harmonium.protocols.lifecycle import Failed as ChildFailed
from harmonium.supervisors.carrier import Carrier
from harmonium.supervisors.core import events
from harmonium.supervisors.core.cause import Cause
from harmonium.supervisors.core.decide import AT_ONCE, decide, first_starts, initial, survivors
from harmonium.supervisors.core.record import Record
from harmonium.supervisors.core.state import State
from harmonium.supervisors.fingerprint import fingerprint
from harmonium.supervisors.spec import ChildSpec, SupervisorSpec

if TYPE_CHECKING:
    from harmonium.supervisors.journal_file import JournalFile

__all__ = ["Supervisor", "birth_of"]


JOURNAL = 1_000
"""How many decisions a supervisor remembers."""


class Supervisor(Agent):
    """Runs the children of one spec, and restarts what crashed.

    Args:
        spec: What to supervise.
        reports: Whether restarts are charged to a budget above it, too.
    """

    supervises = True

    def __init__(self, spec: SupervisorSpec, *, reports: bool = False) -> None:
        parent = self._cell.parent
        root = parent is None or parent.parent is None
        added: tuple[ChildSpec, ...] = ()
        if self._cell.more_ is not None:  # not so at a first start, and few need one later
            added, self._cell.more.legacy = self._cell.more.legacy or (), None
        self.state: State = initial(spec, path=self.path, root=root, reports=reports, added=added)
        self.journal: deque[Record] = deque(maxlen=JOURNAL)
        self._file: JournalFile | None = None
        journals = self._cell.ground.journals
        if journals is not None:
            self._file = journals.begin(self.path, spec, root=root, reports=reports, added=added)
        self.up: Promise[None] = Promise(self._cell.ground)
        self.gone: Callable[[], None] | None = None
        self._carrier = Carrier(self)
        self._looks = False
        """Whether children are being built in our own turn, so that we see who is ready."""
        self._seen: list[Cell] = []
        """Those that became ready so, and are not reported."""

    def started(self) -> Any:
        """Start the children; ready when they are."""
        self.happen(self._begin())
        return self.up if self.up.done() else self._wait_for_children()

    async def _wait_for_children(self) -> None:
        await self.up

    def _begin(self) -> events.Boot:
        """Build the first children, for as long as each is ready at once."""
        ready: list[str] = []
        self._looks = True
        for start in first_starts(self.state):
            self._carrier.start(start)
            if not self._saw_ready():
                self._looks = False
                return events.Boot(tuple(ready), start.child)
            ready.append(start.child)
        self._looks = False
        return events.Boot(tuple(ready))

    def _saw_ready(self) -> bool:
        """Whether the child that was built is ready, and nothing else is to be heard of it."""
        if not self._seen:
            return False
        child = self._seen.pop()
        if child.state is RUNNING and not self._cell.signals:
            return True
        report_first(child, Started(child.id, child.incarnation))
        return False

    def after_restart(self, cause: BaseException) -> Any:
        """Start over: a new supervisor knows its spec and nothing else."""
        return self.started()

    def before_restart(self, cause: BaseException, message: Any) -> Any:
        """Leave word of the children that are to come back; all are stopped by now."""
        self._cell.more.legacy = survivors(self.state)

    def happen(self, event: Any) -> None:
        """Let the core decide about one event, carry the effects out, and go on with who is up."""
        self._decide(event)
        if self._seen:
            self._go_on()

    def _decide(self, event: Any) -> None:
        ground, carry_out = self._cell.ground, self._carrier.carry_out
        self.state, effects = decide(self.state, event, ground.clock(), ground.random.random())
        self._looks = True
        try:
            for effect in effects:
                carry_out(effect)
        finally:
            self._looks = False

    def _go_on(self) -> None:
        """Decide about the children that were ready at once; behind the first many they report."""
        left = AT_ONCE
        while self._seen:
            child = self._seen.pop(0)
            news = Started(child.id, child.incarnation)
            if left:
                left -= 1
                self._decide(news)
            else:
                report(child, news)

    def remember(self, record: Record) -> None:
        """Keep a decision in the journal, and in its file where there is one."""
        self.journal.append(record)
        if self._file is not None:
            self._file.write(record)

    def birth_of(self, spec: ChildSpec, *, reports: bool = False) -> Birth:
        """How to make the agent that a child's spec describes."""
        return birth_of(spec, reports=reports)

    # -- what the runtime calls

    def _child_ready(self, child: Cell) -> bool:
        """See for ourselves that a child we build is ready, unless there is news before that.

        At boot a report would take 3 us, to be made and heard in a turn of its own. A
        supervisor below makes one: a whole tree would come up in one turn.
        """
        if not self._looks or self._cell.signals or child.agent.supervises:
            return False
        self._seen.append(child)
        return True

    def _child_report(self, child: Cell, report: Any) -> None:
        if child.parent is not self._cell:
            return
        if isinstance(report, ChildFailed):
            self._failed(child, report)
        elif not isinstance(report, Exited) or child.alive:
            self.happen(report)

    def _failed(self, child: Cell, report: ChildFailed) -> None:
        event = events.Failed(
            report.child,
            report.incarnation,
            Cause.of(report.error),
            report.phase,
            self._suspect(child, report),
        )
        self._decide(event)
        bundles = self._cell.ground.bundles
        if bundles is not None:
            bundles.write(child, report, self.journal[-1] if self.journal else None)
        failed_mail.settle_failure(child)
        self._go_on()

    def _suspect(self, child: Cell, report: ChildFailed) -> events.Suspect | None:
        if report.envelope is None or child.more.undecided is None:
            return None
        id = child.ground.view(child, report.envelope).id
        return events.Suspect(id, fingerprint(report.error), child.more.handled)

    def _stop_children(self, then: Callable[[], None]) -> None:
        """Stop the children as the core orders it; `then` follows when all are gone."""
        self.gone = then
        reason = self._cell.more.stop_reason or SHUTDOWN
        self.happen(events.StopAll(reason))
        if self._carrier.finished:
            self.finish()

    def _resumed(self) -> None:
        self.happen(events.Resumed())

    def finish(self) -> None:
        """All children are gone: go on with our own end."""
        then, self.gone = self.gone, None
        if then is not None:
            then()

    def escalate(self, cause: Cause) -> None:
        """Fail with the child's own exception."""
        error = cause.error or RuntimeError(cause.text)
        failing.fail(self._cell, error, Phase.CHILD, None)


def birth_of(spec: ChildSpec | SupervisorSpec, *, reports: bool = False) -> Birth:
    """How to make the agent that a spec describes."""
    start = spec if isinstance(spec, SupervisorSpec) else spec.start
    if isinstance(start, SupervisorSpec):
        settings, options = start.pool, {"reports": reports} if reports else {}
        if settings is not None:
            return Birth(
                settings.agent,
                (start,),
                options,
                mailbox=settings.mailbox,
                overflow=settings.overflow,
                work_budget=start.work_budget,
            )
        return Birth(Supervisor, (start,), options, work_budget=start.work_budget)
    return start
