"""The decision journal: record, replay, explain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from harmonium.protocols.lifecycle import Exit
from harmonium.supervisors.core.cause import Cause
from harmonium.supervisors.core.record import Record

if TYPE_CHECKING:
    from harmonium.supervisors.core.state import State
    from harmonium.supervisors.core.turn import Turn

__all__ = ["record"]


def record(turn: Turn, before: State, event: Any) -> Record:
    """Write down a decision with its inputs."""
    budget, window = before.spec.budget, turn.state.window
    return Record(
        turn.state.number,
        turn.now,
        _bare(event),
        turn.draw,
        tuple(turn.verdicts),
        tuple(turn.effects),
        before.window.used(budget, turn.now),
        window.used(budget, turn.now),
    )


def _bare(event: Any) -> Any:
    """Leave out exceptions: they would keep their frames, and so whole agents, alive."""
    cause, reason = getattr(event, "cause", None), getattr(event, "reason", None)
    if isinstance(cause, Cause) and cause.error is not None:
        return attrs.evolve(event, cause=cause.bare())
    if isinstance(reason, Exit) and reason.error is not None:
        return attrs.evolve(event, reason=attrs.evolve(reason, error=None))
    return event
