"""Writing a decision down, so that it can be made again and explained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from harmonium.protocols.lifecycle import Exit, Exited
from harmonium.supervisors.core.cause import Cause
from harmonium.supervisors.core.events import Ended
from harmonium.supervisors.core.record import Record

if TYPE_CHECKING:
    from harmonium.supervisors.core.state import State
    from harmonium.supervisors.core.turn import Turn

__all__ = ["bare", "record"]


def record(turn: Turn, before: State, event: Any) -> Record:
    """Write down a decision with its inputs."""
    budget = before.spec.budget
    used = before.window.used(budget, turn.now)
    spent = turn.state.window is not before.window
    return Record(
        turn.state.number,
        turn.now,
        bare(event),
        turn.draw,
        tuple(turn.verdicts),
        tuple(map(bare, turn.effects)),
        used,
        turn.state.window.used(budget, turn.now) if spent else used,
    )


def bare(value: Any) -> Any:
    """Leave the exceptions out of an event or an effect.

    They would keep their frames alive, and with them whole agents: a journal of
    a thousand crashes would hold a thousand of them.
    """
    if isinstance(value, Exited) and value.reason.error is not None:
        words = Cause.of(value.reason.error).bare()
        return Ended(value.child, value.incarnation, _silent(value.reason), words)
    cause, reason = getattr(value, "cause", None), getattr(value, "reason", None)
    if isinstance(cause, Cause) and cause.error is not None:
        return attrs.evolve(value, cause=cause.bare())
    if isinstance(reason, Exit) and reason.error is not None:
        return attrs.evolve(value, reason=_silent(reason))
    return value


def _silent(reason: Exit) -> Exit:
    return Exit(reason.kind, reason.detail)
