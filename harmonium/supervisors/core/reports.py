"""What children report: each report is checked against the incarnation that is there."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from harmonium.protocols.lifecycle import (
    Declined,
    Exit,
    Exited,
    ExitKind,
    Overran,
    Phase,
    Started,
)
from harmonium.supervisors.core import group, suspicion
from harmonium.supervisors.core.answers import Outcome
from harmonium.supervisors.core.cause import Cause
from harmonium.supervisors.core.child import After, Child, Status, Why
from harmonium.supervisors.core.effects import Notice
from harmonium.supervisors.core.endings import decline, ended, finish, start_failed
from harmonium.supervisors.core.events import Ended, Failed, Spent
from harmonium.supervisors.core.instances import answer_starters, bury
from harmonium.supervisors.core.recovery import charge_subtree, rest
from harmonium.supervisors.core.state import Mode
from harmonium.supervisors.core.timers import Due
from harmonium.supervisors.core.turn import Turn
from harmonium.supervisors.words import PERMANENT, TEMPORARY

__all__ = ["declined", "exited", "failed", "lost", "overran", "spent", "started"]

RUNNING, STARTING, UP = Status.RUNNING, Status.STARTING, Mode.UP
STOP, CRASH, STARTED = Phase.STOP, ExitKind.CRASH, Outcome.STARTED

_AWAY = frozenset({ExitKind.LOST})


def _present(turn: Turn, id: str, incarnation: int) -> Child | None:
    """Find the child if the report is about its newest instance."""
    child = turn.child(id)
    if child is not None and child.incarnation == incarnation:
        return child
    return None


def started(turn: Turn, event: Started) -> None:
    """Take note that a child is ready."""
    child = _present(turn, event.child, event.incarnation)
    if child is None or child.status is not STARTING:
        return
    turn.disarm(child)
    child.status, child.ready_at, child.cause = RUNNING, turn.now, None
    answer_starters(turn, child, STARTED)


def declined(turn: Turn, event: Declined) -> None:
    """Take note that a child chose not to run."""
    child = _present(turn, event.child, event.incarnation)
    if child is not None and child.status is STARTING:
        decline(turn, child, event.why)


def failed(turn: Turn, event: Failed) -> None:
    """Decide about an instance that raised and is suspended."""
    child = _present(turn, event.child, event.incarnation)
    if child is None or child.suspended:
        return
    at_work = child.status is RUNNING and event.phase is not STOP
    if not at_work and child.status is not STARTING:
        return
    _blame(turn, child, event)
    if turn.state.mode is not UP:
        return
    if group.absorbs(turn, child):
        turn.rule(child.id, "absorb", f"{event.cause}; its group is being restarted anyway.")
    elif at_work:
        charged = suspicion.examine(turn, child, event)
        ended(turn, child, event.cause, charged=charged)
    else:
        start_failed(turn, child, event.cause)


def _blame(turn: Turn, child: Child, event: Failed) -> None:
    turn.disarm(child)
    child.suspended, child.ended = True, child.incarnation
    child.reason = Exit(CRASH, event.cause.text)


def exited(turn: Turn, event: Exited | Ended) -> None:
    """Decide about an instance that is gone; once only, whatever comes twice."""
    child = _present(turn, event.child, event.incarnation)
    cause = event.cause if isinstance(event, Ended) else Cause.of_exit(event.reason)
    if child is not None and child.status is Status.STOPPING:
        _gone(turn, child, event.reason)
    elif child is not None and child.status is Status.LOST and event.reason.kind not in _AWAY:
        _end(turn, child, event.reason, cause)
    elif child is not None and child.live:
        _gone_by_itself(turn, child, event.reason, cause)
    else:
        _amend(turn, event)


def _amend(turn: Turn, event: Exited | Ended) -> None:
    """Keep the better reason of an end that was decided about already."""
    child = turn.child(event.child)
    if child is None or child.ended != event.incarnation or child.reason is None:
        return
    if child.reason.kind in _AWAY and event.reason.kind not in _AWAY:
        child.reason = _without_error(event.reason)
        turn.rule(child.id, "amend", f"Its last instance ended: {event.reason}.")


def _gone_by_itself(turn: Turn, child: Child, reason: Exit, cause: Cause) -> None:
    grace = turn.state.spec.lost_grace
    if reason.kind in _AWAY and grace and not child.suspended and turn.state.mode is UP:
        child.status, child.reason, child.ended = Status.LOST, reason, child.incarnation
        turn.arm(child, Due.LOST, grace)
    else:
        _end(turn, child, reason, cause)


def lost(turn: Turn, child: Child) -> None:
    """Decide about a child of whose end nobody gave a better reason."""
    reason = child.reason or Exit(ExitKind.LOST)
    _end(turn, child, reason, Cause.of_exit(reason))


def _end(turn: Turn, child: Child, reason: Exit, cause: Cause) -> None:
    """Decide about an instance that is gone without having been asked."""
    turn.disarm(child)
    child.suspended, child.ended = False, child.incarnation
    child.reason = _without_error(reason)
    child.status = Status.FINISHED  # until something else is decided
    if turn.state.mode is not UP:
        return
    if group.absorbs(turn, child):
        turn.rule(child.id, "absorb", f"{cause}; its group is being restarted anyway.")
        group.join(turn, child)
    elif child.ready_at is None:
        start_failed(turn, child, cause)
    else:
        ended(turn, child, cause, clean=reason.clean)


def _without_error(reason: Exit) -> Exit:
    """Keep the words only: a state must not keep the frames of an exception alive."""
    return reason if reason.error is None else Exit(reason.kind, reason.detail)


def _gone(turn: Turn, child: Child, reason: Exit) -> None:
    """Go on with what the stop was for."""
    turn.disarm(child)
    if not child.suspended:
        _mind(turn, child, reason)
        child.reason = _without_error(reason)
    child.suspended, child.ended = False, child.incarnation
    child.status = Status.FINISHED  # until something else is decided
    if turn.state.mode is not UP:
        return
    _FOLLOW[child.after](turn, child)


def _mind(turn: Turn, child: Child, reason: Exit) -> None:
    """Report a child that was asked to stop and ended for another reason."""
    asked = reason.kind in (ExitKind.SHUTDOWN, ExitKind.KILLED)
    done = reason.kind is ExitKind.NORMAL and child.spec.restart is not PERMANENT
    if not asked and not done:
        turn.emit(Notice(child.id, f"It was asked to stop and ended for another reason: {reason}."))


def _hold(turn: Turn, child: Child) -> None:
    forgotten = child.spec.restart is TEMPORARY or turn.state.spec.is_dynamic
    bury(turn, child, None if forgotten else Status.HELD, child.last_words)


def _discard(turn: Turn, child: Child) -> None:
    bury(turn, child, None, child.last_words)


def _fail(turn: Turn, child: Child) -> None:
    if group.absorbs(turn, child) and child.why is Why.RESTART:
        group.join(turn, child)
    else:
        start_failed(turn, child, Cause(f"it was not ready within {child.spec.start_timeout:g} s"))


_FOLLOW: Mapping[After, Callable[[Turn, Child], None]] = {
    After.NOTHING: _discard,
    After.GROUP: group.join,
    After.WAIT: lambda turn, child: rest(turn, child, After.WAIT),
    After.QUARANTINE: lambda turn, child: rest(turn, child, After.QUARANTINE),
    After.HOLD: _hold,
    After.RETIRE: finish,
    After.DISCARD: _discard,
    After.FAIL: _fail,
}


def overran(turn: Turn, event: Overran) -> None:
    """Report a handler that is at work for longer than its limit."""
    child = _present(turn, event.child, event.incarnation)
    if child is not None and child.status is RUNNING:
        verb = "was" if event.done else "is"
        name = f"Its handler {event.handler}" if event.handler else "A handler"
        text = f"{name} {verb} at work for {event.seconds:.3g} s, which is over its limit."
        turn.emit(Notice(child.id, text))
        turn.rule(child.id, "report", text)


def spent(turn: Turn, event: Spent) -> None:
    """Charge restarts in the tree below to the subtree's budget."""
    if turn.state.mode is UP:
        charge_subtree(turn, event.count, Cause(event.cause))
