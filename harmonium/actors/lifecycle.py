"""Starting, failing, ending and burying agents.

An incarnation ends in steps that may each take time: the handler in work,
the children in reverse order, the hook. `end` runs them one after the other
and reports `Exited`. The cell stays, so that its parent can `start` the next
incarnation with the same mailbox, or `bury` it, which gives what is left in
the mailbox its fate and tells the watchers.
"""

from __future__ import annotations

import inspect
from asyncio import CancelledError
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from harmonium.actors.cell import BLOCKED, NO_MAIL, QUEUED, Cell, CellState, Extras
from harmonium.actors.execution import Execution
from harmonium.actors.from_thread import Severed
from harmonium.protocols.errors import AgentDead, AskFailed, HandlerOverrun, SpecError
from harmonium.protocols.lifecycle import (
    NORMAL,
    SHUTDOWN,
    Declined,
    Exit,
    Exited,
    ExitKind,
    Failed,
    Phase,
    Report,
    Started,
)
from harmonium.protocols.signals import Terminated

if TYPE_CHECKING:
    from harmonium.actors.ask import Ask
    from harmonium.actors.birth import Birth
    from harmonium.actors.context import RawEnvelope

__all__ = [
    "bury",
    "end",
    "fail",
    "kill",
    "overrun",
    "place",
    "quarantine_failed",
    "report_to_parent",
    "request_stop",
    "restart",
    "resume",
    "retry_failed",
    "set_failed_aside",
    "settle_failure",
    "start",
    "stop",
    "stop_children",
    "stop_to_restart",
]

CHILD_STOP_LIMIT = 5.0
"""Seconds that a child spawned by an agent gets to stop; then it is killed."""

Then = Callable[[], None]


def place(parent: Cell, birth: Birth, id: str) -> Cell:
    """Make a cell for a child that is not started yet."""
    if parent.children is None:
        parent.children = {}
    if id in parent.children:
        raise SpecError(
            f"{parent.path.rstrip('/')}/{id}", "the id is taken", "give each child its own id"
        )
    cell = Cell(parent.ground, parent, id, birth)
    parent.children[id] = cell
    return cell


# -- starting


def start(cell: Cell, incarnation: int, cause: BaseException | None = None) -> None:
    """Build the incarnation and run its hook; then it takes mail.

    Never raises: a failure is reported to the parent as `Failed` in phase
    START, and the cell waits for the decision.

    Args:
        cell: Whose incarnation.
        incarnation: Its number; greater than any before.
        cause: What ended the one before it, if this is a restart.
    """
    cell.incarnation = incarnation
    cell.state = CellState.STARTING
    _hold(cell)
    if cell.more_ is not None:
        cell.more_.declined = None
        cell.more_.failure = None
        cell.more_.start_failed = False
        cell.more_.stop_reason = None
    try:
        agent = _build(cell)
        hook = _start_hook(cell, agent, cause)
    except BaseException as error:  # a constructor may raise anything
        fail(cell, error, Phase.START, None)
        return
    if hook is None:
        _ready(cell, incarnation)
    else:
        _run_hook(cell, hook, lambda error: _started(cell, incarnation, error))


def _build(cell: Cell) -> Any:
    birth, ground = cell.birth, cell.ground
    factory = birth.factory
    if isinstance(factory, type):
        agent_class: Any = factory
        agent: Any = agent_class.__new__(agent_class)
        cell.agent = agent
        agent._cell = cell  # before __init__, so that the constructor may use self.ref and self.log
        if agent_class.__init__ is not object.__init__:
            agent_class.__init__(agent, *birth.args, **birth.kwargs)
    else:
        agent = factory(*birth.args, **birth.kwargs)
        if not hasattr(agent, "__table__"):
            raise SpecError(cell.path, f"its factory returned {agent!r}, which is no Agent")
        agent._cell = cell
        cell.agent = agent
    table = agent.__table__
    cell.accepts = table.accepts
    cell.fast = ground.fast_table(cell, table)
    return agent


def _start_hook(cell: Cell, agent: Any, cause: BaseException | None) -> Any:
    """The coroutine of the hook, or None when it has run or there is none."""
    cell.ground.active, before = cell, cell.ground.active
    try:
        if cause is not None:
            result = agent.after_restart(cause)
        elif agent.__has_started__:
            result = agent.started()
        else:
            return None
    finally:
        cell.ground.active = before
    return result if inspect.isawaitable(result) else None


def _started(cell: Cell, incarnation: int, error: BaseException | None) -> None:
    if cell.incarnation != incarnation or cell.state is not CellState.STARTING:
        return
    if error is not None:
        fail(cell, error, Phase.START, None)
    else:
        _ready(cell, incarnation)


def _ready(cell: Cell, incarnation: int) -> None:
    more = cell.more_
    if more is not None and more.declined is not None:
        _decline(cell, incarnation, more.declined)
        return
    if more is not None and more.stop_reason is not None:
        end(cell, more.stop_reason)
        return
    cell.state = CellState.RUNNING
    if more is not None:
        _open_mailbox(cell, more)
    if cell.queued() or cell.signals:
        cell.ground.schedule(cell)
    elif cell.scheduled == BLOCKED:
        cell.scheduled = 0
    cell.ground.observers.started(cell)
    _report(cell, Started(cell.id, incarnation))


def _open_mailbox(cell: Cell, more: Extras) -> None:
    """The doorkeeper of a waiting agent goes, and what is to be retried comes first."""
    if more.park is not None:
        more.park = None
        if cell.mailbox is not NO_MAIL and not more.parked:
            cell.limit = cell.ground.mailbox_limit(cell)
    if more.retrying is not None:
        _put_back(cell, more)


def _put_back(cell: Cell, more: Any) -> None:
    """A message that is to be retried goes to the head of the mailbox."""
    envelope, more.retrying = more.retrying, None
    if cell.mailbox is NO_MAIL:
        cell.ground.deliver(cell, envelope, None)
    else:
        cell.mailbox.appendleft(envelope)


def _decline(cell: Cell, incarnation: int, why: str) -> None:
    _bury_children(cell, "its parent declined to run")
    cell.state = CellState.WAITING
    _discard(cell, Exit(ExitKind.NORMAL, why))
    _report(cell, Declined(cell.id, incarnation, why))
    _bury_unless_supervised(cell)


def resume(cell: Cell) -> None:
    """Let a failed agent go on with the state it has (the failed message is gone)."""
    if cell.state is CellState.FAILED:
        cell.state = CellState.RUNNING
        cell.more.failure = None
        cell.ground.schedule(cell)


# -- failing


def fail(cell: Cell, error: BaseException, phase: Phase, envelope: RawEnvelope | None) -> None:
    """Suspend an agent that raised, and report it to its parent once."""
    ground = cell.ground
    cell.current = None
    if envelope is not None:
        _unstash_failed(cell, envelope)
    retry = not cell.more.hold_failed and _wants_retry(cell, phase, envelope)
    undecided = cell.more.hold_failed and phase is Phase.HANDLER and not retry
    if envelope is not None and not retry and not undecided:
        ground.fail_message(cell, envelope, error)
    if cell.state in (CellState.STOPPING, CellState.DEAD, CellState.FAILED):
        if envelope is not None and (retry or undecided):  # nobody is left to try it again
            ground.fail_message(cell, envelope, error)
        ground.log_error(cell, f"raised in phase {phase.value} while it was ended", error)
        return
    more = cell.more
    if retry:
        more.retrying = envelope
        more.attempts += 1
    _close_executions(cell, error)
    _fail_deferred(cell, AskFailed.of(cell.path, error))
    more.start_failed = cell.state is CellState.STARTING
    cell.state = CellState.FAILED
    more.failure = (error, envelope)
    if undecided:
        more.undecided = envelope
    _hold(cell)
    ground.observers.crashed(cell, error, phase, envelope)
    _report(cell, Failed(cell.id, cell.incarnation, error, phase, _view(cell, envelope)))


def _unstash_failed(cell: Cell, envelope: RawEnvelope) -> None:
    """What was stashed by a handler that raised then has failed, and is stashed no more."""
    stash = cell.more.stash
    for index, one in enumerate(stash):
        if one is envelope:
            del stash[index]
            cell.ground.handled += 1
            return


def _wants_retry(cell: Cell, phase: Phase, envelope: RawEnvelope | None) -> bool:
    if envelope is None or phase is not Phase.HANDLER or not cell.birth.retries:
        return False
    if cell.more.attempts >= cell.birth.retries:
        cell.more.attempts = 0
        return False
    return True


def _view(cell: Cell, envelope: RawEnvelope | None) -> Any:
    return None if envelope is None else cell.ground.view(cell, envelope)


# -- the message that failed, while its parent has not decided


def settle_failure(cell: Cell) -> None:
    """Give a failed message that nobody wants to try again its fate."""
    more = cell.more
    envelope, more.undecided = more.undecided, None
    if envelope is not None:
        error = more.failure[0] if more.failure is not None else AgentDead(cell.path)
        cell.ground.fail_message(cell, envelope, error)


def retry_failed(cell: Cell, message_id: str) -> None:
    """Have the failed message, or one set aside, handled first after the restart."""
    more = cell.more
    envelope, more.undecided = more.undecided, None
    if envelope is None:
        envelope = more.aside.pop(message_id, None)
    if envelope is None:
        return
    if cell.state is CellState.RUNNING:
        more.retrying = envelope
        _put_back(cell, more)
        cell.ground.schedule(cell)
    else:
        more.retrying = envelope


def set_failed_aside(cell: Cell, message_id: str) -> None:
    """Keep the failed message apart until it is tried again."""
    more = cell.more
    envelope, more.undecided = more.undecided, None
    if envelope is not None:
        more.aside[message_id] = envelope


def quarantine_failed(cell: Cell, detail: str) -> None:
    """Make a dead letter of the message that is to blame."""
    more = cell.more
    envelope, more.undecided = more.undecided, None
    if envelope is not None:
        error = AskFailed.of(cell.path, more.failure[0]) if more.failure is not None else None
        cell.ground.dead_letter(cell, envelope, "poison", error, detail=detail)


# -- a handler that runs too long


def overrun(cell: Cell, execution: Execution, limit: float) -> None:
    """End a handler that runs longer than its limit: that is a crash."""
    if execution.finished:
        return
    execution.close()
    cell.ground.end(cell, execution)
    fail(cell, HandlerOverrun(cell.path, limit), Phase.HANDLER, execution.envelope)


def _hold(cell: Cell) -> None:
    """Keep mail from scheduling the cell; signals still do."""
    if cell.scheduled != QUEUED:
        cell.scheduled = BLOCKED


def _close_executions(cell: Cell, cause: BaseException) -> None:
    more, ground = cell.more_, cell.ground
    if more is None:
        return
    for execution in list(more.executions):
        execution.close()
        ground.end(cell, execution)
        if execution.envelope is not None:
            ground.fail_message(cell, execution.envelope, cause)
    if cell.offloop:
        cell.offloop = False
        cell.busy -= 1
        more.left_running = cell.agent
        envelope, more.blocking = more.blocking, None
        if envelope is not None:
            ground.fail_message(cell, envelope, cause)


# -- ending an incarnation


def request_stop(cell: Cell, ask: Ask[None] | None, reason: Exit | None = None) -> None:
    """Stop an agent from outside of it; `ask` is settled when it is gone."""
    if cell.state is CellState.DEAD:
        if ask is not None:
            ask.settle(None)
        return
    if ask is not None:
        cell.more.gone.append(ask)
    cell.ground.signal(cell, stop, cell, reason or SHUTDOWN)


def stop(cell: Cell, reason: Exit = NORMAL) -> None:
    """Begin a graceful end; a no-op when one is under way."""
    if cell.state in (CellState.STOPPING, CellState.DEAD):
        return
    if cell.state is CellState.WAITING:
        _exited(cell, reason)
    elif cell.state is CellState.STARTING and not cell.more.executions:
        cell.more.stop_reason = reason  # it is in its constructor; `_ready` sees it
    else:
        end(cell, reason)


def end(
    cell: Cell,
    reason: Exit,
    *,
    hook: Callable[[], Any] | None = None,
    keep_children: bool = False,
    then: Then | None = None,
) -> None:
    """End the incarnation gracefully: work, children, hook, then `Exited`.

    One that has not become ready gives its start up, and no hook runs.

    Args:
        cell: Whose incarnation.
        reason: What the report says.
        hook: Called in place of `stopped`, if given.
        keep_children: Leave its children running (for a restart).
        then: Called at the end in place of the report, if given.
    """
    starting = cell.state is CellState.STARTING
    was_ready = not starting and not cell.more.start_failed
    if starting:
        _close_executions(cell, AgentDead(cell.path, str(reason)))
    cell.state = CellState.STOPPING
    cell.more.stop_reason = reason
    _hold(cell)
    _cancel_timers(cell)
    ending = _Ending(cell, reason, hook if was_ready else _NO_HOOK, keep_children, then)
    if cell.busy:
        cell.more.when_idle = ending.stop_children
    else:
        ending.stop_children()


_NO_HOOK: Any = object()


class _Ending:
    """The steps of a graceful end; each goes on only if nothing came in between."""

    __slots__ = ("_cell", "_hook", "_incarnation", "_keep_children", "_reason", "_then")

    def __init__(
        self,
        cell: Cell,
        reason: Exit,
        hook: Callable[[], Any] | None,
        keep_children: bool,  # noqa: FBT001
        then: Then | None,
    ) -> None:
        self._cell = cell
        self._reason = reason
        self._hook = hook
        self._keep_children = keep_children
        self._then = then
        self._incarnation = cell.incarnation

    def _is_on(self) -> bool:
        """Whether it was not overtaken by a kill."""
        cell = self._cell
        return cell.state is CellState.STOPPING and cell.incarnation == self._incarnation

    def stop_children(self) -> None:
        """First the children."""
        if not self._is_on():
            return
        if self._keep_children or not self._cell.children:
            self.run_hook()
        else:
            self._cell.agent._stop_children(self.run_hook)

    def run_hook(self) -> None:
        """Then the hook, on an agent that has been ready."""
        if not self._is_on():
            return
        if self._hook is _NO_HOOK or self._cell.agent is None:
            self.finish()
        else:
            _run_stop_hook(self._cell, self._hook, self.finish)

    def finish(self) -> None:
        """At last the report, or what stands in its place."""
        if not self._is_on():
            return
        if self._then is None:
            _exited(self._cell, self._reason)
        else:
            _discard(self._cell, self._reason)
            self._then()


def restart(cell: Cell, successor: int, cause: BaseException) -> None:
    """Replace a failed incarnation: its hook, its end, then the next one.

    Mailbox, ref, path and watchers stay. No `Exited` is reported for it.
    """
    message = _failed_message(cell)
    end(
        cell,
        Exit(ExitKind.CRASH, repr(cause), cause),
        hook=lambda: cell.agent.before_restart(cause, message),
        keep_children=cell.birth.keep_children,
        then=lambda: start(cell, successor, cause),
    )


def stop_to_restart(cell: Cell, cause: BaseException) -> None:
    """End an incarnation that will have a successor: `before_restart`, then `Exited`."""
    if cell.state in (CellState.STOPPING, CellState.DEAD):
        return
    if cell.state is CellState.WAITING:
        _exited(cell, SHUTDOWN)
        return
    message = _failed_message(cell)
    end(
        cell,
        SHUTDOWN,
        hook=lambda: cell.agent.before_restart(cause, message),
        keep_children=cell.birth.keep_children,
    )


def _failed_message(cell: Cell) -> Any:
    failure = cell.more.failure
    return None if failure is None or failure[1] is None else failure[1][0]


def _run_stop_hook(cell: Cell, hook: Callable[[], Any] | None, then: Then) -> None:
    agent, ground = cell.agent, cell.ground

    def done(error: BaseException | None) -> None:
        if error is not None:
            ground.log_error(cell, "its hook raised while it was ended", error)
        then()

    ground.active, before = cell, ground.active
    try:
        result = agent.stopped() if hook is None else hook()
    except BaseException as error:  # a hook may raise anything
        done(error)
        return
    finally:
        ground.active = before
    if inspect.isawaitable(result):
        _run_hook(cell, result, done)
    else:
        then()


def _run_hook(cell: Cell, coroutine: Any, then: Callable[[BaseException | None], None]) -> None:
    def done(execution: Execution, _: Any, error: BaseException | None) -> None:
        cell.ground.end(cell, execution)
        then(error)

    execution = Execution(cell, None, coroutine, done)
    cell.ground.begin(cell, execution, reentrant=False)


def kill(cell: Cell, reason: Exit | None = None) -> None:
    """End the incarnation at once: no hook, no waiting, children first."""
    if cell.state is CellState.DEAD:
        return
    reason = reason or Exit(ExitKind.KILLED)
    _bury_children(cell, "its parent was killed")
    if cell.state is CellState.WAITING:
        return
    cell.state = CellState.STOPPING
    cell.more.when_idle = None
    _close_executions(cell, AgentDead(cell.path, str(reason)))
    _cancel_timers(cell)
    _exited(cell, reason)


def _bury_children(cell: Cell, why: str) -> None:
    """End all that is below at once, the youngest first."""
    for child in reversed(list((cell.children or {}).values())):
        kill(child, Exit(ExitKind.KILLED, why))
        bury(child)


def _settle_gone(cell: Cell) -> None:
    gone, cell.more.gone = cell.more.gone, []
    for ask in gone:
        ask.settle(None)


def _exited(cell: Cell, reason: Exit) -> None:
    """The incarnation is gone; the cell waits for what its parent decides."""
    cell.state = CellState.WAITING
    _discard(cell, reason)
    cell.more.stop_reason = reason
    cell.ground.observers.exited(cell, reason)
    _settle_gone(cell)
    _report(cell, Exited(cell.id, cell.incarnation, reason))
    _bury_unless_supervised(cell)


def _discard(cell: Cell, reason: Exit) -> None:
    """What belongs to the incarnation goes with it: timers, watches, subscriptions."""
    ground, more = cell.ground, cell.more
    _close_executions(cell, CancelledError())
    if more.left_running is not None:  # its thread goes on, and must not act any more
        more.left_running._cell = Severed(cell.path)
        more.left_running = None
    _cancel_timers(cell)
    _fail_deferred(cell, AgentDead(cell.path, str(reason)))
    for subject in more.watching.values():
        subject.more.watchers.pop(cell, None)
    more.watching.clear()
    ground.topics.forget(cell)
    while more.stash:
        envelope = more.stash.pop()
        if cell.mailbox is NO_MAIL:
            ground.deliver(cell, envelope, None)
        else:
            cell.mailbox.appendleft(envelope)


def _cancel_timers(cell: Cell) -> None:
    if cell.more_ is not None:
        for timer in cell.more_.timers:
            timer.cancel()
        cell.more_.timers.clear()


def _fail_deferred(cell: Cell, error: BaseException) -> None:
    if cell.more_ is not None:
        for deferred in list(cell.more_.deferred):
            deferred.fail(error)


def _bury_unless_supervised(cell: Cell) -> None:
    parent = cell.parent
    if parent is not None and (parent.agent is None or not parent.agent.supervises):
        bury(cell)


# -- burying


def bury(cell: Cell) -> None:
    """Take the agent's place away: its mail is dead, its watchers are told."""
    if cell.state is CellState.DEAD:
        return
    ground, more = cell.ground, cell.more
    _bury_children(cell, "its parent is gone")
    reason = more.stop_reason or NORMAL
    error = AgentDead(cell.path, str(reason))
    cell.state = CellState.DEAD
    cell.limit = -1
    cell.agent = None
    settle_failure(cell)
    left = [
        *more.aside.values(),
        *(cell.urgent or ()),
        *cell.mailbox,
        *more.stash,
        *(envelope for envelope, _ in more.parked),
    ]
    more.aside.clear()
    if more.retrying is not None:
        left.insert(0, more.retrying)
        more.retrying = None
    rooms = [room for _, room in more.parked]
    cell.urgent, cell.mailbox = None, NO_MAIL
    more.stash.clear()
    more.parked.clear()
    for envelope in left:
        ground.dead_letter(cell, envelope, "agent is dead", error)
    for room in rooms:
        room.settle(None)
    if cell.parent is not None and cell.parent.children is not None:
        cell.parent.children.pop(cell.id, None)
    ground.registry.forget(cell)
    _settle_gone(cell)
    for watcher in list(more.watchers):
        notify(watcher, cell)
    more.watchers.clear()
    if cell.parent is not None:
        _child_gone(cell.parent)


def notify(watcher: Cell, subject: Cell) -> None:
    """Tell one watcher that an agent is dead for good."""
    reason = subject.more.stop_reason or NORMAL
    terminated = Terminated(subject.path, subject.incarnation, reason.kind.value, reason.detail)
    subject.ground.post_surely(subject, watcher, terminated)


def _child_gone(parent: Cell) -> None:
    more = parent.more_
    if more is not None and more.child_gone is not None:
        more.child_gone()


def report_to_parent(cell: Cell, report: Any) -> None:
    """Tell the parent something, in its own turn."""
    if cell.parent is not None:
        cell.ground.signal(cell.parent, _hand_over, cell.parent, cell, report)


def _report(cell: Cell, report: Report) -> None:
    parent = cell.parent
    if parent is None:
        return
    if parent.agent is None or parent.agent.supervises or isinstance(report, Failed):
        cell.ground.signal(parent, _hand_over, parent, cell, report)


def _hand_over(parent: Cell, cell: Cell, report: Report) -> None:
    if parent.agent is not None:
        parent.agent._child_report(cell, report)
    elif parent.state is not CellState.DEAD and isinstance(report, Exited | Failed):
        kill(cell)


def stop_children(cell: Cell, then: Then, limit: float = CHILD_STOP_LIMIT) -> None:
    """Stop an agent's children in reverse order of their start, one at a time."""
    more = cell.more

    def next_child() -> None:
        if not cell.children:
            more.child_gone = None
            then()
            return
        child = next(reversed(cell.children.values()))
        timer = cell.ground.after(limit, kill, child)

        def gone() -> None:
            timer.cancel()
            next_child()

        more.child_gone = gone
        cell.ground.signal(child, stop, child, SHUTDOWN)

    next_child()


def abandon(cell: Cell) -> None:
    """Bury a child whose start failed before its parent could hear of it."""
    parent = cell.parent
    if parent is not None and parent.signals:
        kept = [entry for entry in parent.signals if entry[1][1:2] != (cell,)]
        parent.signals.clear()
        parent.signals.extend(kept)
    cell.state = CellState.WAITING
    _discard(cell, NORMAL)
    bury(cell)
