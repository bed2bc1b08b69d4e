"""Going down: children in reverse order, one at a time; dynamic ones side by side."""

from __future__ import annotations

from typing import Any

from harmonium.protocols.budget import EMPTY
from harmonium.protocols.errors import BudgetExhausted
from harmonium.protocols.lifecycle import SHUTDOWN, Exit, ExitKind
from harmonium.supervisors.core.answers import Outcome, Reply
from harmonium.supervisors.core.cause import Cause
from harmonium.supervisors.core.child import After, Child, Status
from harmonium.supervisors.core.effects import Answer, CancelTimer, Finish, GiveUp, Notice
from harmonium.supervisors.core.events import StartChild
from harmonium.supervisors.core.instances import answer_starters, bury, halt, kill, respond
from harmonium.supervisors.core.state import Group, Mode
from harmonium.supervisors.core.timers import Due, Token
from harmonium.supervisors.core.turn import Turn
from harmonium.supervisors.words import Exhausted, RootExhausted

__all__ = ["advance", "answer_requests", "begin", "give_up", "kill_all"]


def begin(turn: Turn, reason: Exit, *, start_failed: bool = False) -> None:
    """Turn to going down; the first reason wins."""
    state = turn.state
    if state.mode in (Mode.DOWN, Mode.OVER):
        return
    state.mode, state.reason, state.start_failed = Mode.DOWN, reason, start_failed
    state.cursor = state.table.end
    if state.group is not None:
        end_wait(turn, state.group)
        state.group = None
    for event in state.deferred:
        request = getattr(event, "request", None)
        if request is not None:
            respond(turn, request, Reply(Outcome.STOPPING, _whom(event)))
    state.deferred = ()
    if state.spec.is_dynamic:
        _halt_all(turn)


def _whom(event: Any) -> str:
    """Name the child that a command was put off for; empty where it was for all of them."""
    return event.id or "" if isinstance(event, StartChild) else getattr(event, "child", "")


def end_wait(turn: Turn, group: Group) -> None:
    """Drop the timer of a pass that waits for its backoff."""
    if group.serial:
        turn.emit(CancelTimer(Token("", Due.GROUP, group.serial)))


def _halt_all(turn: Turn) -> None:
    for known in list(turn.downward()):
        if known.live and known.status is not Status.STOPPING:
            _halt(turn, turn.edit(known))


def _halt(turn: Turn, child: Child) -> None:
    answer_starters(turn, child, Outcome.STOPPING)
    halt(turn, child, After.NOTHING)


def kill_all(turn: Turn, reason: Exit) -> None:
    """Go down at once, without asking anybody."""
    begin(turn, reason)
    if turn.state.mode is Mode.DOWN:
        for known in list(turn.downward()):
            if known.live:
                child = turn.edit(known)
                answer_starters(turn, child, Outcome.STOPPING)
                kill(turn, child, After.NOTHING)


def give_up(turn: Turn, unit: str, cause: Cause) -> None:
    """Stop trying: the budget is used up, and whoever is above has to know."""
    state = turn.state
    error = BudgetExhausted(state.path, unit, cause.text)
    state.parks = _may_park(turn)
    abnormal = state.spec.exhausted is Exhausted.ABNORMAL
    kind = ExitKind.EXHAUSTED if abnormal else ExitKind.SHUTDOWN
    turn.emit(GiveUp(error, state.parks))
    turn.rule("", "give_up", f"{error}.")
    begin(turn, Exit(kind, str(error), error))


def _may_park(turn: Turn) -> bool:
    state = turn.state
    booted = state.group is None or not state.group.boot
    return state.root and booted and state.spec.on_root_exhausted is RootExhausted.PARK


def advance(turn: Turn) -> None:
    """Go on with going down, as far as it goes by now."""
    state = turn.state
    for known in turn.downward(state.cursor):
        if known.live:
            if known.status is not Status.STOPPING:
                _halt(turn, turn.edit(known))
            return
        state.cursor = known.place - 1
        _lay_down(turn, turn.edit(known))
    _finish(turn)


def _lay_down(turn: Turn, child: Child) -> None:
    """Take leave of a child that is not alive (any more): it never comes back."""
    status = Status.HELD if turn.state.parks else Status.FINISHED
    bury(turn, child, status, child.last_words)


def _reason(turn: Turn) -> Exit:
    return turn.state.reason or SHUTDOWN


def _finish(turn: Turn) -> None:
    state = turn.state
    if state.parks:
        _park(turn)
        return
    state.mode = Mode.OVER
    turn.emit(Finish(_reason(turn), state.start_failed))
    answer_requests(turn)


def answer_requests(turn: Turn) -> None:
    """Tell those who wait for the end that it has come."""
    for request in turn.state.requests:
        turn.emit(Answer(request, Reply(Outcome.OK)))
    turn.state.requests = ()


def _park(turn: Turn) -> None:
    """Stay, with all children held and a fresh budget, until an operator acts."""
    state = turn.state
    state.mode, state.parks, state.reason = Mode.UP, False, None
    state.window, state.subtree, state.streak = EMPTY, EMPTY, 0
    turn.emit(Notice("", "It gave up and is parked: all children are held."))
