"""Run a sub-pipeline: the body of a pipeline step.

The child is a request state of its own inside the step's state. Its steps are
addressed through the step's path (``ship/label``), and it is undone as a whole
when the parent's time comes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs

from harmonium.protocols.failure import Failure
from harmonium.protocols.pipeline.events import Begun, Event
from harmonium.protocols.pipeline.state import Phase, RequestState, Status
from harmonium.protocols.pipeline.turn import Turn
from harmonium.protocols.pipeline.unit import Got, Outcome, Unit

__all__ = ["begin", "cancel", "child_of", "compensate", "expire", "forward", "hear", "restore"]


def child_of(work: Any) -> RequestState | None:
    """Give the state of the sub-pipeline that a step runs or ran."""
    child = getattr(work, "detail", None)
    return child if isinstance(child, RequestState) else None


def begin(unit: Unit) -> Outcome:
    """Begin the sub-pipeline; a second run has paths and keys of its own."""
    message, pipeline = unit.work.message, unit.task.extra
    if not isinstance(message, pipeline.request):
        text = f"{type(message).__name__} is no {pipeline.request.__name__}"
        return Failure("ContractError", text, ("ContractError", "DefinitionError"), in_doubt=False)
    work, state = unit.work, unit.turn.state
    attempt = work.attempt + 1
    run = f"~{attempt}" if attempt > 1 else ""
    child = RequestState.new(
        pipeline,
        state.id,
        correlation_id=state.correlation_id,
        prefix=f"{unit.path}{run}/",
        key_prefix=f"{unit.key}{run}/",
    )
    unit.change(attempt=attempt, detail=child)
    begun = Begun(message, _deadline(unit), unit.turn.stream)
    return _act(unit, lambda turn: unit.turn.engine.begin(turn, begun))


def _deadline(unit: Unit) -> float | None:
    ends = unit.turn.now + unit.task.timeout
    if unit.turn.deadline is not None:
        ends = min(ends, unit.turn.deadline)
    return None if ends == float("inf") else ends


def _act(unit: Unit, act: Callable[[Turn], None]) -> Outcome:
    """Let something happen to the child, and see what it comes to."""
    child = child_of(unit.work)
    if child is None:
        return None
    parent = unit.turn
    turn = Turn(child, parent.now, parent.engine, parent.effects)
    act(turn)
    after = turn.close()
    unit.change(detail=after)
    return _outcome(unit, after)


def _outcome(unit: Unit, child: RequestState) -> Outcome:
    if unit.work.status is not Status.RUNNING:
        return None  # it was given up before; the child only tidies up
    if child.answered and child.failure is None:
        return Got(child.result, unit.work.attempt, is_recorded=True)
    if child.failure is not None and (child.is_over or unit.is_late):
        text = f"{child.failed_step or 'request'}: {child.failure}"
        return attrs.evolve(child.failure, text=text, in_doubt=False)
    return None


def hear(unit: Unit, event: Event) -> Outcome:
    """Refuse what is meant for the step itself: its sub-pipeline does the work."""
    unit.refuse(event, "it is no answer to a step of the sub-pipeline")
    return None


def forward(unit: Unit, event: Event) -> Outcome:
    """Hand an event to the child."""
    return _act(unit, lambda turn: unit.turn.engine.deliver(turn, event))


def expire(unit: Unit) -> Outcome:
    """Let the request's deadline end the child's steps too."""
    return _act(unit, unit.turn.engine.expire)


def cancel(unit: Unit, failure: Failure) -> None:
    """Stop the child; it undoes what it did."""
    _act(unit, lambda turn: unit.turn.engine.cancel(turn, failure))


def compensate(unit: Unit) -> bool:
    """Undo a child that has finished; say whether it is over already."""
    _act(unit, unit.turn.engine.compensate)
    child = child_of(unit.work)
    return child is None or child.phase is Phase.FAILED


def restore(unit: Unit) -> None:
    """Take up the child's work in flight again."""
    _act(unit, unit.turn.engine.restore)
