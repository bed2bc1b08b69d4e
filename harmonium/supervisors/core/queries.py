"""Questions about the children; they are answered in every state and change none."""

from __future__ import annotations

from harmonium.supervisors.core.answers import Counts, Outcome, Reply, Row
from harmonium.supervisors.core.child import Child, Status, Why
from harmonium.supervisors.core.effects import Answer
from harmonium.supervisors.core.events import CountChildren, GetSpec, WhichChild, WhichChildren
from harmonium.supervisors.core.turn import Turn

__all__ = ["count", "row", "spec", "which", "which_one"]

_RESTARTING = frozenset({Status.PENDING, Status.STARTING, Status.WAITING})


def row(child: Child) -> Row:
    """Describe one child."""
    again = child.why is Why.RESTART and child.status in _RESTARTING
    return Row(
        child.id,
        child.incarnation if child.live else 0,
        "restarting" if again else child.status.value,
        supervisor=child.spec.is_supervisor,
        restarts=child.restarts,
        reason="" if child.reason is None else str(child.reason),
        until=child.until,
    )


def which(turn: Turn, event: WhichChildren) -> None:
    """List all children, in start order."""
    turn.emit(Answer(event.request, tuple(row(one) for one in turn.upward())))


def which_one(turn: Turn, event: WhichChild) -> None:
    """Describe one child, or answer that there is none."""
    child = turn.state.table.get(event.child)
    missing = Reply(Outcome.NOT_FOUND, event.child)
    turn.emit(Answer(event.request, missing if child is None else row(child)))


def count(turn: Turn, event: CountChildren) -> None:
    """Count all children."""
    specs = active = supervisors = 0
    for one in turn.upward():
        specs += 1
        active += one.live and not one.suspended and one.status is not Status.STARTING
        supervisors += one.spec.is_supervisor
    turn.emit(Answer(event.request, Counts(specs, active, supervisors, specs - supervisors)))


def spec(turn: Turn, event: GetSpec) -> None:
    """Give the spec of one child, or answer that there is none."""
    child = turn.state.table.get(event.child)
    missing = Reply(Outcome.NOT_FOUND, event.child)
    turn.emit(Answer(event.request, missing if child is None else child.spec))
