"""The request machine: a pure function from state and event to state and effects.

`advance` is all that a coordinator needs. The state is a fold of the events:
keep the events and their times, and `replay` makes the state of them again;
`RestoredFromLog` then asks again for whatever was in flight.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from harmonium.protocols.decision_log import Kind
from harmonium.protocols.failure import Failure, describe
from harmonium.protocols.pipeline import nesting, saga, work
from harmonium.protocols.pipeline.effects import CancelTimer, Effect, Finish, SetTimer
from harmonium.protocols.pipeline.events import (
    Begun,
    Cancelled,
    Event,
    RestoredFromLog,
    TimerFired,
    UndoFailed,
    UndoReplied,
)
from harmonium.protocols.pipeline.finding import find, path_of
from harmonium.protocols.pipeline.nesting import child_of
from harmonium.protocols.pipeline.spec import Pipeline
from harmonium.protocols.pipeline.state import Phase, RequestState
from harmonium.protocols.pipeline.stepping import conclude, visit
from harmonium.protocols.pipeline.turn import Engine, Turn
from harmonium.protocols.pipeline.unit import UNDO, Unit

__all__ = ["advance", "begin", "replay"]


def begin(
    pipeline: Pipeline[Any, Any],
    id: str,
    request: Any,
    now: float,
    *,
    deadline: float | None = None,
    stream: bool = False,
    correlation_id: str = "",
) -> tuple[RequestState, tuple[Effect, ...]]:
    """Begin a request: the short form of `Begun` on a new state."""
    state = RequestState.new(pipeline, id, correlation_id=correlation_id)
    return advance(state, Begun(request, deadline, stream), now)


def advance(
    state: RequestState, event: Event, now: float
) -> tuple[RequestState, tuple[Effect, ...]]:
    """Let an event happen to a request.

    It never raises for what an agent, a person or a voter says, nor for what a
    callable of the pipeline raises: both become part of the request's story.
    A late, repeated or wrong answer is recorded and refused.

    Args:
        state: Where the request stands; `RequestState.new` before `Begun`.
        event: What happened.
        now: The time, in seconds of the coordinator's clock. A durable
            coordinator takes a clock that goes on after a restart.

    Returns:
        The next state, and the effects to carry out in their order.
    """
    effects: list[Effect] = []
    turn = Turn(state, now, _ENGINE, effects)
    _happen(turn, event)
    return turn.close(), tuple(effects)


def replay(state: RequestState, events: Iterable[tuple[Event, float]]) -> RequestState:
    """Make the state of its events and their times; effects are not carried out again."""
    for event, at in events:
        state = advance(state, event, at)[0]
    return state


def _happen(turn: Turn, event: Event) -> None:
    handler = _HANDLERS.get(type(event), _deliver)
    if turn.phase is Phase.NEW and not isinstance(event, Begun):
        turn.record(Kind.REFUSED, what=event, why="the request has not begun")
        return
    handler(turn, event)
    _run(turn)


def _run(turn: Turn) -> None:
    """Go on until something has to be waited for."""
    while turn.phase is Phase.RUNNING and turn.failure is None:
        if turn.asks_enough:
            turn.asks_enough = False
            _ask_enough(turn)
        elif turn.ready:
            visit(turn, turn.ready.popleft())
        elif not turn.left:
            _finish(turn)
        else:
            return
    if turn.phase is Phase.RUNNING:
        saga.begin(turn)
    if not turn.phase.is_over:
        saga.pump(turn)


def _ask_enough(turn: Turn) -> None:
    enough = turn.state.pipeline.enough
    if enough is None or not turn.left:
        return
    try:
        done = enough(turn.context())
    except Exception as error:  # noqa: BLE001 - whatever the pipeline's callable raised
        turn.fail("", describe(error))
        return
    if done:
        _finish(turn)


def _finish(turn: Turn) -> None:
    result = turn.state.pipeline.result
    context = turn.context()
    try:
        turn.result = context.results() if result is None else result(context)
    except Exception as error:  # noqa: BLE001 - whatever the pipeline's callable raised
        turn.fail("", describe(error))
        return
    turn.answered = True
    turn.record(Kind.FINISHED, turn.state.prefix, what=turn.result)
    if turn.deadline is not None and not turn.is_late:
        turn.effects.append(CancelTimer(saga.deadline_token(turn)))
    if not turn.state.prefix:
        turn.effects.append(Finish(turn.result))
    if turn.left or saga.has_open_children(turn):
        saga.begin(turn, floor=len(turn.finished))
    else:
        turn.phase = Phase.FINISHED


# --- What can happen ------------------------------------------------------


def _begin(turn: Turn, event: Event) -> None:
    if not isinstance(event, Begun) or turn.phase is not Phase.NEW:
        turn.record(Kind.REFUSED, what="Begun", why="the request has begun before")
        return
    within = turn.state.pipeline.within
    limits = [event.deadline, None if within is None else turn.now + within]
    turn.deadline = min((limit for limit in limits if limit is not None), default=None)
    turn.phase = Phase.RUNNING
    turn.request = event.request
    turn.stream = event.stream
    turn.record(Kind.BEGAN, turn.state.prefix, what=event.request, rule=turn.graph.name)
    if turn.deadline is not None and not turn.is_late:
        turn.effects.append(SetTimer(saga.deadline_token(turn), turn.deadline))
    turn.ready.extend(turn.graph.roots)


def _deliver(turn: Turn, event: Event) -> None:
    """Bring an event to the work that it is addressed to."""
    if isinstance(event, TimerFired) and event.token == saga.deadline_token(turn):
        _expire(turn)
        return
    path = path_of(event)
    if isinstance(event, UndoReplied | UndoFailed):
        path += UNDO
    unit = find(turn, path)
    if unit is None:
        if not isinstance(event, TimerFired):
            turn.record(Kind.REFUSED, path, what=event, why="nothing is asked of this step")
    elif unit.is_undo:
        saga.conclude(unit, work.hear(unit, event))
    elif path == unit.path:
        conclude(unit, work.hear(unit, event))
    else:
        _deliver_below(unit, event)


def _deliver_below(unit: Unit, event: Event) -> None:
    conclude(unit, work.forward(unit, event))
    child, closing = child_of(unit.work), unit.turn.saga
    is_undone = child is not None and child.phase is Phase.FAILED
    if is_undone and closing is not None and closing.path == unit.path:
        saga.child_undone(unit)


def _expire(turn: Turn) -> None:
    """End what is open at the request's deadline; rules that need no time still count."""
    if turn.answered or turn.phase not in (Phase.RUNNING, Phase.SETTLING):
        return
    if not turn.is_late:  # the timer came too early
        if turn.deadline is not None:
            turn.effects.append(SetTimer(saga.deadline_token(turn), turn.deadline))
        return
    turn.record(Kind.EXPIRED, turn.state.prefix, why="the request's deadline has passed")
    for unit in saga.units(turn):
        if unit.work.status.is_busy and (child_of(unit.work) is None or turn.failure is None):
            conclude(unit, work.expire(unit))


def _cancel(turn: Turn, event: Event) -> None:
    reason = event.reason if isinstance(event, Cancelled) else ""
    if turn.phase is not Phase.RUNNING:
        turn.record(Kind.REFUSED, what="Cancelled", why="the request's outcome is known")
        return
    turn.record(Kind.CANCELLED, why=reason)
    turn.fail("", Failure("Cancelled", reason, in_doubt=False))


def _restore(turn: Turn, event: Event) -> None:
    del event
    if turn.phase.is_over:
        return
    turn.record(Kind.RESUMED, turn.state.prefix, why="the coordinator was restored from its log")
    if turn.deadline is not None and not turn.answered:
        turn.effects.append(SetTimer(saga.deadline_token(turn), turn.deadline))
    for unit in saga.units(turn):
        child = child_of(unit.work)
        if unit.work.status.is_busy:
            work.restore(unit)
        elif child is not None and not child.is_over:
            nesting.restore(unit)
    undo = None if turn.saga is None else find(turn, turn.saga.path + UNDO)
    if undo is not None:
        work.restore(undo)


_HANDLERS: dict[type, Callable[[Turn, Event], None]] = {
    Begun: _begin,
    Cancelled: _cancel,
    RestoredFromLog: _restore,
}


# --- The same, for the request of a sub-pipeline --------------------------


def _child_expires(turn: Turn) -> None:
    _expire(turn)
    _run(turn)


def _child_is_cancelled(turn: Turn, failure: Failure) -> None:
    turn.fail("", failure)
    _run(turn)


def _child_is_undone(turn: Turn) -> None:
    saga.compensate(turn)
    _run(turn)


_ENGINE = Engine(
    begin=_happen,
    deliver=_happen,
    expire=_child_expires,
    cancel=_child_is_cancelled,
    compensate=_child_is_undone,
    restore=lambda turn: _restore(turn, RestoredFromLog()),
)
