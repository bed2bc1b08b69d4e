"""Timers that fire: each counts only while its serial is the one waited for."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from harmonium.supervisors.core import group
from harmonium.supervisors.core.child import After, Child, Status, Why
from harmonium.supervisors.core.effects import Notice
from harmonium.supervisors.core.events import TimerFired
from harmonium.supervisors.core.instances import kill, launch
from harmonium.supervisors.core.reports import lost
from harmonium.supervisors.core.state import Mode
from harmonium.supervisors.core.suspicion import try_again
from harmonium.supervisors.core.timers import Due
from harmonium.supervisors.core.turn import Turn

__all__ = ["fired"]


def fired(turn: Turn, event: TimerFired) -> None:
    """Do what was due, unless it is outdated."""
    token = event.token
    if token.due is Due.GROUP:
        group.woken(turn, token.serial)
        return
    child = turn.child(token.child)
    if child is None:
        return
    if token.due is Due.ASIDE:
        try_again(turn, child, token.serial)
    elif child.serial == token.serial and (_LATE[token.due] or turn.state.mode is Mode.UP):
        child.serial = 0  # it has fired: there is nothing left to cancel
        _DO[token.due](turn, child, event)


def _not_ready(turn: Turn, child: Child, _: TimerFired) -> None:
    turn.emit(Notice(child.id, f"It was not ready within {child.spec.start_timeout:g} s."))
    turn.rule(child.id, "kill", f"It was not ready within {child.spec.start_timeout:g} s.")
    kill(turn, child, After.FAIL)


def _not_gone(turn: Turn, child: Child, _: TimerFired) -> None:
    turn.emit(Notice(child.id, f"It did not stop within {child.spec.stop_limit:g} s: killed."))
    turn.rule(child.id, "kill", f"It did not stop within {child.spec.stop_limit:g} s.")
    kill(turn, child, child.after)


def _due_again(turn: Turn, child: Child, _: TimerFired) -> None:
    turn.rule(child.id, "start", f"Its backoff of {child.waited:.3g} s is over.")
    launch(turn, child)


def _try_out(turn: Turn, child: Child, event: TimerFired) -> None:
    if turn.state.group is not None:
        turn.state.deferred = (*turn.state.deferred, event)
        child.serial = event.token.serial
        return
    child.on_trial, child.why = True, Why.RESTART
    turn.rule(child.id, "try", f"Its quarantine no. {child.trials} is over.")
    launch(turn, child)


def _no_better_reason(turn: Turn, child: Child, _: TimerFired) -> None:
    if child.status is Status.LOST:
        lost(turn, child)


_DO: Mapping[Due, Callable[[Turn, Child, TimerFired], None]] = {
    Due.START: _not_ready,
    Due.STOP: _not_gone,
    Due.BACKOFF: _due_again,
    Due.TRIAL: _try_out,
    Due.LOST: _no_better_reason,
}

_LATE: Mapping[Due, bool] = {
    Due.START: True,
    Due.STOP: True,
    Due.BACKOFF: False,
    Due.TRIAL: False,
    Due.LOST: False,
}
"""Which timers count even while the supervisor goes down."""
