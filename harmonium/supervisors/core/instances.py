"""Starting and stopping one instance of one child."""

from __future__ import annotations

from typing import Any

from harmonium.protocols.lifecycle import Exit
from harmonium.protocols.quick import maker
from harmonium.supervisors.core.answers import Heard, Outcome, Reply
from harmonium.supervisors.core.cause import Cause
from harmonium.supervisors.core.child import After, Child, Status, Why
from harmonium.supervisors.core.effects import Answer, Kill, Notice, Release, Restart, Start, Stop
from harmonium.supervisors.core.timers import Due
from harmonium.supervisors.core.turn import Turn

__all__ = [
    "answer_starters",
    "answer_stoppers",
    "appear",
    "await_start",
    "bury",
    "halt",
    "kill",
    "launch",
    "make_start",
    "respond",
]

RESTART, STARTING, START = Why.RESTART, Status.STARTING, Due.START

make_start, _make_restart = maker(Start), maker(Restart)
"""Each crash orders one of them, each boot one for each child."""


def launch(turn: Turn, child: Child) -> None:
    """Start the next instance: in place of a failed one, in a kept cell, or in a new one."""
    if child.serial:
        turn.disarm(child)
    spec, before, cause = child.spec, child.incarnation, child.cause
    reports = spec.is_supervisor and _reports(turn)
    if child.suspended and cause is not None:
        turn.emit(_make_restart(child.id, before, before + 1, spec, cause.bare(), reports))
    else:
        fresh = not child.cell
        turn.emit(make_start(child.id, before + 1, spec, None if fresh else cause, fresh, reports))
    appear(child)
    await_start(turn, child)


def appear(child: Child) -> None:
    """Count the next instance, which is being built."""
    child.incarnation += 1
    child.restarts += child.why is RESTART
    child.ready_at = child.until = None
    child.cell, child.suspended = True, False


def await_start(turn: Turn, child: Child) -> None:
    """Wait for the child to become ready, but not for ever."""
    child.status = STARTING
    if child.spec.start_timeout is not None:
        turn.arm(child, START, child.spec.start_timeout)


def _reports(turn: Turn) -> bool:
    return turn.state.reports or turn.state.spec.subtree is not None


def halt(
    turn: Turn, child: Child, after: After, *, keep: bool = False, cause: Cause | None = None
) -> None:
    """Stop the instance, as its spec says; `after` follows when it is gone."""
    turn.disarm(child)
    limit = child.spec.stop_limit
    child.status, child.after = Status.STOPPING, after
    if limit == 0.0:
        turn.emit(Kill(child.id, child.incarnation))
        return
    turn.emit(Stop(child.id, child.incarnation, keep, cause))
    if limit is not None:
        turn.arm(child, Due.STOP, limit)


def kill(turn: Turn, child: Child, after: After) -> None:
    """End the instance unasked; `after` follows when it is gone."""
    turn.disarm(child)
    child.status, child.after = Status.STOPPING, after
    turn.emit(Kill(child.id, child.incarnation))


def bury(turn: Turn, child: Child, status: Status | None, reason: Exit) -> None:
    """End the child's cell and leave the child at `status`; None forgets the child."""
    turn.disarm(child)
    if child.cell:
        turn.emit(Release(child.id, reason, gone=status is None))
    child.cell = child.suspended = False
    child.cause, child.ready_at, child.until = None, None, None
    child.on_trial, child.suspects = False, ()
    answer_starters(turn, child, Outcome.STOPPING)
    answer_stoppers(turn, child)
    if status is None:
        turn.drop(child)
    else:
        child.status = status


def respond(turn: Turn, request: Any, reply: Reply) -> None:
    """Answer a command; where that was done before, say aloud if it came to nothing."""
    if not isinstance(request, Heard):
        turn.emit(Answer(request, reply))
    elif not reply.ok:
        words = f"What was ordered came to nothing: {reply.outcome.value} {reply.cause}"
        turn.emit(Notice(reply.child, f"{words.rstrip()}."))


def answer_starters(turn: Turn, child: Child, outcome: Outcome, cause: str = "") -> None:
    """Tell those who wait for the start how it ended."""
    if not child.starters:
        return
    live = child.incarnation if outcome is Outcome.STARTED else 0
    for request in child.starters:
        respond(turn, request, Reply(outcome, child.id, live, cause))
    child.starters = ()


def answer_stoppers(turn: Turn, child: Child) -> None:
    """Tell those who wait for the stop that it is done."""
    for request in child.stoppers:
        respond(turn, request, Reply(Outcome.OK, child.id))
    child.stoppers = ()
