"""Look for a conflict between replies: the body of a conflict."""

from __future__ import annotations

from harmonium.protocols.decision_log import Kind
from harmonium.protocols.failure import Failure
from harmonium.protocols.pipeline.events import Event
from harmonium.protocols.pipeline.unit import Got, Outcome, Unit, failure_of

__all__ = ["CONFLICT", "begin", "expire", "hear", "restore"]

CONFLICT = "Conflict"
"""The error by which a contradiction goes."""


def begin(unit: Unit) -> Outcome:
    """Ask whether the replies contradict one another; if so, the rules resolve it.

    The conflict goes the way of a failure, with error ``Conflict``, so that
    the rules of `resolve` are tried in their order.
    """
    context = unit.context()
    conflict = unit.task.extra
    try:
        contradict = conflict.when(context)
    except Exception as error:  # noqa: BLE001 - whatever the pipeline's callable raised
        return failure_of(error)
    if not contradict:
        return Got(None)
    said = {name: context[name] for name in conflict.between}
    unit.turn.record(Kind.CONFLICT, unit.path, what=said, rule=conflict.name)
    between = " and ".join(conflict.between)
    return Failure(CONFLICT, f"{between} contradict one another", in_doubt=False)


def hear(unit: Unit, event: Event) -> Outcome:
    """Refuse everything: nobody was asked."""
    unit.refuse(event, "nobody was asked")
    return None


def expire(unit: Unit) -> Outcome:
    """Do nothing: a conflict is judged at once, only its ladder can wait."""
    unit.withdraw()
    return None


def restore(unit: Unit) -> None:
    """Do nothing: nothing is in flight."""
