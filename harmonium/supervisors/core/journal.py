"""Writing a decision down, so that it can be made again and explained."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import attrs

from harmonium.protocols.lifecycle import Exit, Exited
from harmonium.protocols.quick import maker
from harmonium.supervisors.core.cause import Cause
from harmonium.supervisors.core.effects import Escalate, Finish, Release, Start, Stop
from harmonium.supervisors.core.events import Ended, Failed, KillAll, StopAll
from harmonium.supervisors.core.record import Record

if TYPE_CHECKING:
    from harmonium.supervisors.core.state import State
    from harmonium.supervisors.core.turn import Turn

__all__ = ["bare", "record"]

_make_record, _make_failed = maker(Record), maker(Failed)


def record(turn: Turn, before: State, event: Any) -> Record:
    """Write down a decision with its inputs."""
    state, now, strips = turn.state, turn.now, _STRIPS.get
    used = before.window.used(before.spec.budget, now)
    return _make_record(
        state.number,
        now,
        bare(event),
        turn.draw,
        tuple(turn.verdicts),
        # `bare` of each, without its call: a decision has three or four effects.
        tuple([s(e) if (s := strips(e.__class__)) else e for e in turn.effects]),
        used,
        used if state.window is before.window else len(state.window),
    )


def bare(value: Any) -> Any:
    """Leave the exceptions out of an event or an effect.

    They would keep their frames alive, and with them whole agents: a journal of
    a thousand crashes would hold a thousand of them.
    """
    strip = _STRIPS.get(value.__class__)
    return value if strip is None else strip(value)


def _of_exited(value: Exited) -> Exited | Ended:
    error = value.reason.error
    if error is None:
        return value
    return Ended(value.child, value.incarnation, _silent(value.reason), Cause.of(error).bare())


def _of_failed(value: Failed) -> Failed:
    # Spelled out: a fifth of attrs.evolve's 2.5 us, and each crash pays it.
    return _make_failed(
        value.child, value.incarnation, value.cause.bare(), value.phase, value.suspect
    )


def _of_cause(value: Any) -> Any:
    cause = value.cause
    if cause is None or cause.error is None:
        return value
    return attrs.evolve(value, cause=cause.bare())


def _of_reason(value: Any) -> Any:
    reason = value.reason
    return value if reason.error is None else attrs.evolve(value, reason=_silent(reason))


def _silent(reason: Exit) -> Exit:
    return Exit(reason.kind, reason.detail)


_STRIPS: Mapping[type, Callable[[Any], Any]] = {
    Exited: _of_exited,
    Failed: _of_failed,
    StopAll: _of_reason,
    KillAll: _of_reason,
    Start: _of_cause,
    Stop: _of_cause,
    Escalate: _of_cause,
    Release: _of_reason,
    Finish: _of_reason,
}
"""What may hold an exception: all events and effects with a `Cause` or an `Exit`."""
