"""A pass through children in order: the boot, and the restart of a group.

One step at a time: each stop and each start is awaited before the next one is
ordered, so no start comes before the confirmed end of the last sibling.
"""

from __future__ import annotations

import attrs

from harmonium.supervisors.core.cause import Cause
from harmonium.supervisors.core.child import After, Child, Status, Why
from harmonium.supervisors.core.effects import Park, Ready, SetTimer
from harmonium.supervisors.core.instances import appear, await_start, bury, halt, launch
from harmonium.supervisors.core.shutdown import end_wait
from harmonium.supervisors.core.state import Group, Stage
from harmonium.supervisors.core.timers import Due, Token
from harmonium.supervisors.core.turn import Turn
from harmonium.supervisors.words import (
    ONE_FOR_ALL,
    REVIVE,
    TEMPORARY,
)

__all__ = ["absorbs", "advance", "begin", "boot", "join", "woken"]

RUNNING = Status.RUNNING


def boot(turn: Turn, ready: tuple[str, ...] = (), begun: str = "") -> None:
    """Begin to start all children, the first one first; some may be up by now."""
    cursor = 0
    for id in ready:
        child = turn.child(id)
        if child is not None:
            appear(child)
            child.status, child.ready_at = RUNNING, turn.now
            cursor = child.place + 1
    child = turn.child(begun) if begun else None
    if child is not None:
        appear(child)
        await_start(turn, child)
        cursor = child.place + 1
    if cursor == turn.state.table.end and child is None:  # all are up: 4 us less
        _complete(turn, boot=True)
        return
    turn.state.group = Group(stage=Stage.STARTING, cursor=cursor, current=begun, boot=True)


def begin(turn: Turn, culprit: Child, cause: Cause, delay: float) -> None:
    """Begin to restart the culprit's group; a pass under way is given up for this one.

    Args:
        turn: The decision in the making.
        culprit: The child that has to be restarted.
        cause: Why.
        delay: How long to wait before the starts, in seconds from now.
    """
    state, before = turn.state, turn.state.group
    if before is not None:
        end_wait(turn, before)
    first = 0 if state.spec.strategy is ONE_FOR_ALL else culprit.place
    state.group = Group(
        stage=Stage.STOPPING,
        first=first,
        cursor=state.table.end,
        current=culprit.id,
        cause=cause,
        not_before=turn.now + delay,
        boot=before is not None and before.boot,
    )
    state.steady_at, state.waited = None, delay
    culprit.why = Why.RESTART
    if delay:
        turn.emit(Park(culprit.id, culprit.spec.mail, turn.now + delay, cause.text))
    if culprit.suspended:
        halt(turn, culprit, After.GROUP, keep=True, cause=cause)
    else:
        culprit.status = Status.PENDING


def absorbs(turn: Turn, child: Child) -> bool:
    """Tell whether the end of the child belongs to a group restart that is stopping it."""
    group = turn.state.group
    return group is not None and group.stage is Stage.STOPPING and child.place >= group.first


def join(turn: Turn, child: Child) -> None:
    """Have a child that is gone wait for its group's starts; a temporary one is forgotten."""
    if child.spec.restart is TEMPORARY:
        bury(turn, child, None, child.last_words)
        return
    if child.ready_at is not None:
        child.why = Why.RESTART  # if not, its first start is still owed to whoever wanted it
    child.status, child.suspended = Status.PENDING, False


def woken(turn: Turn, serial: int) -> None:
    """Take note that the wait before the starts is over."""
    group = turn.state.group
    if group is not None and group.serial == serial:
        turn.state.group = attrs.evolve(group, serial=0, not_before=turn.now)


def advance(turn: Turn) -> None:
    """Take the pass as far as it goes by now."""
    going = True
    while going and (group := turn.state.group) is not None:
        if group.stage is Stage.STARTING:
            going = _starting(turn, group)
        elif group.stage is Stage.STOPPING:
            going = _stopping(turn, group)
        else:
            going = _waiting(turn, group)


# Each stage goes one step, and tells whether there may be another one at once.


def _stopping(turn: Turn, group: Group) -> bool:
    awaited = turn.peek(group.current)
    if awaited is not None and awaited.status is Status.STOPPING:
        return False
    for known in turn.downward(group.cursor):
        if known.place < group.first:
            break
        if _stop_one(turn, group, turn.edit(known)):
            turn.state.group = group.at(known.place - 1, known.id)
            return False
    turn.state.group = attrs.evolve(group, stage=Stage.WAITING, current="")
    return True


def _stop_one(turn: Turn, group: Group, child: Child) -> bool:
    """Stop a child of the group; tell whether there is something to wait for."""
    if child.live and child.status is not Status.STOPPING:
        halt(turn, child, After.GROUP, keep=True, cause=group.cause)
    elif child.status in (Status.LOST, Status.ESCALATED):
        turn.disarm(child)
        join(turn, child)
    return child.status is Status.STOPPING


def _waiting(turn: Turn, group: Group) -> bool:
    if group.not_before <= turn.now:
        _enlist(turn, group)
        turn.state.group = attrs.evolve(group, stage=Stage.STARTING, cursor=group.first)
        return True
    if not group.serial:
        serial = turn.serial()
        turn.state.group = attrs.evolve(group, serial=serial)
        turn.emit(SetTimer(Token("", Due.GROUP, serial), group.not_before - turn.now))
    return False


def _enlist(turn: Turn, group: Group) -> None:
    """Have those start, too, that were down before the group was restarted."""
    spec = turn.state.spec
    for known in turn.upward(group.first):
        finished = known.status is Status.FINISHED and spec.completed is REVIVE
        if finished or (known.status is Status.HELD and spec.held is REVIVE):
            child = turn.edit(known)
            child.why = Why.RESTART
            join(turn, child)


def _starting(turn: Turn, group: Group) -> bool:
    # STOPPING: it was not ready in time and is being killed, so its start has not ended yet.
    awaited = turn.peek(group.current)
    if awaited is not None and awaited.status in (Status.STARTING, Status.STOPPING):
        return False
    for known in turn.upward(group.cursor):
        if known.status is Status.PENDING:
            child = turn.edit(known)
            child.cause = group.cause
            launch(turn, child)
            turn.state.group = group.at(known.place + 1, known.id)
            return False
    _complete(turn, boot=group.boot)
    return False


def _complete(turn: Turn, *, boot: bool) -> None:
    turn.state.group, turn.state.steady_at = None, turn.now
    if boot:
        turn.emit(Ready())
        turn.rule("", "ready", "All children were started.")
