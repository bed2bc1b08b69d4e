"""End a request that has failed, was cancelled or has enough: stop, wait, undo.

What is in flight without an undo is withdrawn. What is in flight *with* one is
waited for, because it may be done all the same; if it is, it is undone with
the rest. Then every finished step with an undo is undone, one after the other,
in reverse order of completion. (Garcia-Molina and Salem, Sagas, 1987.)
"""

from __future__ import annotations

from typing import Any

import attrs

from harmonium.protocols.decision_log import Kind
from harmonium.protocols.failure import Failure
from harmonium.protocols.pipeline import nesting, work
from harmonium.protocols.pipeline.effects import Alarm, CancelTimer, FailRequest
from harmonium.protocols.pipeline.finding import find
from harmonium.protocols.pipeline.graph import Body
from harmonium.protocols.pipeline.nesting import child_of
from harmonium.protocols.pipeline.state import Phase, Saga, Spread, Status, Work
from harmonium.protocols.pipeline.turn import Turn
from harmonium.protocols.pipeline.unit import Got, LeftOut, Lost, Outcome, Unit

__all__ = [
    "begin",
    "child_undone",
    "compensate",
    "conclude",
    "deadline_token",
    "has_open_children",
    "pump",
    "units",
]


def deadline_token(turn: Turn) -> str:
    """Name the timer of the request's deadline."""
    return f"{turn.state.prefix}!deadline"


def begin(turn: Turn, *, floor: int = 0) -> None:
    """Close the request: its outcome is known.

    Args:
        turn: The turn.
        floor: How many of the finished steps are to stay as they are.
    """
    turn.phase = Phase.SETTLING
    turn.saga = Saga(floor)
    turn.ready.clear()
    cause = turn.failure or Failure("NotNeeded", "the request has its answer", in_doubt=False)
    for unit in units(turn):
        if unit.work.status.is_busy:
            _stop(unit, cause)
    for index, state in enumerate(turn.nodes):
        if isinstance(state, Spread) and state.status is Status.RUNNING:
            turn.nodes[index] = attrs.evolve(state, status=Status.CANCELLED)


def units(turn: Turn) -> list[Unit]:
    """Give every piece of work that was begun."""
    found = []
    for node, state in zip(turn.graph.nodes, turn.nodes, strict=True):
        if isinstance(state, Work):
            found.append(Unit(turn, node, None, state))
        elif isinstance(state, Spread):
            places = range(state.begun) if state.busy or _nests(node.task.body) else ()
            found += [Unit(turn, node, place, state.works[place]) for place in places]
    return found


def _nests(body: Body) -> bool:
    return body is Body.PIPELINE


def _stop(unit: Unit, cause: Failure) -> None:
    if child_of(unit.work) is not None:
        nesting.cancel(unit, cause)
        unit.store()
        if (child_of(unit.work) or unit.turn.state).is_over:
            _drop(unit)
    elif unit.work.flights and unit.node.undo is not None and unit.work.climb is None:
        if unit.task.body is Body.SEND:
            unit.clear_timer()  # no second copy any more; other timers end the wait
        unit.store()
    else:
        unit.withdraw()
        unit.turn.record(Kind.NOT_NEEDED, unit.path, why=str(cause))
        _drop(unit)


def _drop(unit: Unit) -> None:
    unit.change(status=Status.CANCELLED)
    unit.store()
    if unit.item is not None:
        spread = unit.spread()
        unit.turn.nodes[unit.node.index] = attrs.evolve(spread, busy=spread.busy - 1)
    if unit.node.undo_in_doubt and unit.work.in_doubt:
        unit.turn.finished = (*unit.turn.finished, unit.path)


def compensate(turn: Turn) -> None:
    """Undo a request that has finished; the parent of a sub-pipeline asks for it."""
    if turn.phase is Phase.FINISHED:
        turn.failure = Failure("Undone", "the request above it failed", in_doubt=False)
        turn.phase = Phase.SETTLING
        turn.saga = Saga()


def pump(turn: Turn) -> None:
    """Go on with the closing as far as nothing has to be waited for."""
    if turn.phase is Phase.SETTLING and not _is_settling(turn):
        saga = turn.saga or Saga()
        turn.phase = Phase.UNDOING
        turn.saga = attrs.evolve(saga, left=turn.finished[saga.floor :])
    while turn.phase is Phase.UNDOING and turn.saga is not None and not turn.saga.path:
        if not turn.saga.left:
            _end(turn)
        else:
            _undo_next(turn, turn.saga)


def has_open_children(turn: Turn) -> bool:
    """Say whether a sub-pipeline that was given up is still being undone."""
    if not any(_nests(node.task.body) for node in turn.graph.nodes):
        return False
    children = (child_of(unit.work) for unit in units(turn))
    return any(child is not None and not child.is_over for child in children)


def _is_settling(turn: Turn) -> bool:
    for unit in units(turn):
        child = child_of(unit.work)
        if unit.work.status.is_busy or (child is not None and not child.is_over):
            return True
    return False


def _undo_next(turn: Turn, saga: Saga) -> None:
    path = saga.left[-1]
    turn.saga = attrs.evolve(saga, left=saga.left[:-1], path=path, work=None)
    unit = find(turn, path)
    assert unit is not None  # noqa: S101 - what has finished is there
    if child_of(unit.work) is not None and unit.node.undo is None:
        turn.record(Kind.UNDOING, path, why=str(turn.failure))
        over = nesting.compensate(unit)
        unit.store()
        if over:
            child_undone(unit)
        return
    undo = Unit(turn, unit.node, unit.item, None, undo=True)
    undo.change(to=undo.work.to or unit.work.to)
    turn.record(Kind.UNDOING, path, who=undo.work.to or "", why=str(turn.failure))
    conclude(undo, work.start(undo))


def child_undone(unit: Unit) -> None:
    """Note that the sub-pipeline of a step is undone, as far as it could be."""
    child = child_of(unit.work)
    saga = unit.turn.saga
    if child is None or child.saga is None or saga is None:
        return
    undone, standing = child.saga.undone, child.saga.standing
    unit.turn.saga = attrs.evolve(
        saga, path="", undone=(*saga.undone, *undone), standing=(*saga.standing, *standing)
    )


def conclude(unit: Unit, outcome: Outcome) -> None:
    """Store an undo, and go on to the next one when it has ended."""
    turn = unit.turn
    if outcome is None:
        unit.store()
        return
    unit.withdraw(but=getattr(outcome, "accepted", 0))
    saga = turn.saga or Saga()
    if isinstance(outcome, Got):
        turn.record(
            Kind.UNDONE, saga.path, who=outcome.who or unit.work.to or "", what=outcome.value
        )
        saga = attrs.evolve(saga, undone=(*saga.undone, saga.path))
    else:
        failure = _why(unit, outcome)
        turn.record(Kind.STANDING, saga.path, why=str(failure))
        if not isinstance(outcome, LeftOut):
            turn.effects.append(Alarm(saga.path, failure))
        saga = attrs.evolve(saga, standing=(*saga.standing, saga.path))
    turn.saga = attrs.evolve(saga, path="", work=None)


def _why(unit: Unit, outcome: Any) -> Failure:
    if isinstance(outcome, Lost):
        return outcome.failure
    return unit.work.failure or Failure("Skipped", "its rule leaves it standing")


def _end(turn: Turn) -> None:
    saga = turn.saga or Saga()
    turn.finished = turn.finished[: saga.floor]  # what was undone is not finished any more
    if turn.failure is None:
        turn.phase = Phase.FINISHED
        return
    turn.phase = Phase.FAILED
    failure = turn.failure
    turn.record(Kind.GAVE_UP, turn.failed_step or turn.state.prefix, why=str(failure))
    if turn.deadline is not None and not turn.is_late and not turn.answered:
        turn.effects.append(CancelTimer(deadline_token(turn)))
    if not turn.state.prefix:
        effect = FailRequest(turn.failed_step, failure, saga.undone, saga.standing)
        turn.effects.append(effect)
