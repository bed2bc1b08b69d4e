"""Carry a piece of work from its message to its end, through its fallback rules."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Mapping
from typing import Any

import attrs

from harmonium.protocols.decision_log import Kind
from harmonium.protocols.failure import Failure, describe
from harmonium.protocols.fallback import (
    Chain,
    Choice,
    Escalate,
    Prefer,
    Retry,
    Skip,
    To,
    Use,
    wait_before,
)
from harmonium.protocols.pipeline import asking, balloting, climbing, gathering, judging, nesting
from harmonium.protocols.pipeline.context import build
from harmonium.protocols.pipeline.events import Event, TimerFired
from harmonium.protocols.pipeline.graph import Body
from harmonium.protocols.pipeline.state import Phase, Status
from harmonium.protocols.pipeline.unit import Got, LeftOut, Lost, Outcome, Unit, failure_of, set_

__all__ = ["Behaviour", "behaviour_of", "expire", "forward", "hear", "restore", "start"]


@attrs.frozen(slots=True)
class Behaviour:
    """What a body does with its work."""

    begin: Callable[[Unit], Outcome]
    hear: Callable[[Unit, Event], Outcome]
    expire: Callable[[Unit], Outcome]
    restore: Callable[[Unit], None]


def _of(module: Any) -> Behaviour:
    return Behaviour(module.begin, module.hear, module.expire, module.restore)


_ASKING = _of(asking)
_CLIMBING = _of(climbing)
_BODIES: Mapping[Body, Behaviour] = {
    Body.SEND: _ASKING,
    Body.UNDO: _ASKING,
    Body.TOPIC: _of(gathering),
    Body.VOTE: _of(balloting),
    Body.PERSON: _CLIMBING,
    Body.PIPELINE: _of(nesting),
    Body.CONFLICT: _of(judging),
}


def behaviour_of(unit: Unit) -> Behaviour:
    """Give what answers for the work now: its body, or the ladder it climbs."""
    return _BODIES[unit.task.body] if unit.work.climb is None else _CLIMBING


# --- What happens to a piece of work --------------------------------------


def start(unit: Unit) -> Outcome:
    """Make the message and begin."""
    outcome: Outcome
    try:
        set_(unit.own(), "message", unit.make(unit.task.source))
    except Exception as error:  # noqa: BLE001 - whatever the pipeline's callable raised
        outcome = failure_of(error)
        return _to_the_end(unit, outcome, unsent=True)
    return _to_the_end(unit, _BODIES[unit.task.body].begin(unit))


def hear(unit: Unit, event: Event) -> Outcome:
    """Take an event that is addressed to this work; give its end, or None."""
    status = unit.work.status
    if status is Status.RUNNING:
        return _to_the_end(unit, behaviour_of(unit).hear(unit, event))
    if not isinstance(event, TimerFired):
        unit.refuse_late(event)
    elif status is Status.PAUSED and event.token == unit.token():
        unit.change(status=Status.RUNNING, until=None)
        return _to_the_end(unit, _BODIES[unit.task.body].begin(unit))
    return None


def forward(unit: Unit, event: Event) -> Outcome:
    """Hand an event to the sub-pipeline of this work; give its end, or None."""
    return _to_the_end(unit, nesting.forward(unit, event))


def expire(unit: Unit) -> Outcome:
    """End what the work waits for, at the request's deadline."""
    if unit.work.status is Status.PAUSED:
        unit.withdraw()
        unit.change(status=Status.RUNNING)
        return _to_the_end(unit, asking.EXPIRED)
    return _to_the_end(unit, behaviour_of(unit).expire(unit))


def restore(unit: Unit) -> None:
    """Take up again what was in flight, and set its timer again.

    Past the deadline nothing is asked again, because its timer fires at once;
    a sub-pipeline may be undoing, which has no deadline.
    """
    if unit.is_late and nesting.child_of(unit.work) is None:
        return
    if unit.work.until is not None:
        unit.set_timer(unit.work.until)
    if unit.work.status is Status.RUNNING:
        behaviour_of(unit).restore(unit)


# --- After a failure ------------------------------------------------------


def _to_the_end(unit: Unit, outcome: Outcome, *, unsent: bool = False) -> Outcome:
    """Follow the fallback rules until something is waited for, or the work ends."""
    while isinstance(outcome, Failure):
        outcome = _fall_back(unit, outcome, unsent=unsent)
    return outcome


def _fall_back(unit: Unit, failure: Failure, *, unsent: bool) -> Outcome:
    work = unit.work
    if failure.error != judging.CONFLICT:  # that has an entry of its own
        who = work.to or ""
        unit.turn.record(Kind.FAILED, unit.path, who=who, what=failure.error, why=failure.text)
    unit.change(failure=failure, in_doubt=work.in_doubt or failure.in_doubt)
    if unit.turn.phase is not Phase.RUNNING and not unit.is_undo:
        return Lost(failure)  # the request is closing: nothing new is begun
    try:
        choice = _choose(unit, failure, urgent=unsent or unit.is_late)
    except Exception as error:  # noqa: BLE001 - whatever a rule's backoff raised
        return Lost(describe(error))
    if choice.rule is None:
        return Lost(failure)
    kind = Kind.RESOLVED if unit.task.body is Body.CONFLICT else Kind.FELL_BACK
    unit.turn.record(kind, unit.path, rule=choice.text, why=choice.why)
    return _apply(unit, choice, failure)


def _choose(unit: Unit, failure: Failure, *, urgent: bool) -> Choice:
    """Choose a rule, but not a retry that would begin after the deadline, or never."""
    remaining = unit.remaining()
    if remaining is None:
        remaining = math.inf
    while True:
        chain, choice = Chain(unit.task.rules, unit.work.used).after(failure, urgent=urgent)
        unit.change(used=chain.used)
        rule = choice.rule
        if not isinstance(rule, Retry):
            return choice
        if wait_before(rule, choice.count, _draw(unit, choice.count)) < remaining:
            return choice


def _apply(unit: Unit, choice: Choice, failure: Failure) -> Outcome:
    rule = choice.rule
    if isinstance(rule, Retry):
        return _retry(unit, rule, choice.count, failure)
    if isinstance(rule, To):
        unit.change(to=rule.to)
        _renew_key(unit, failure)
        return _BODIES[unit.task.body].begin(unit)
    if isinstance(rule, Use):
        return _use(unit, rule)
    if isinstance(rule, Escalate):
        return climbing.climb(unit, rule.ladder)
    if isinstance(rule, Prefer):
        return Got(unit.context()[rule.step])
    return LeftOut() if isinstance(rule, Skip) else Lost(failure)


def _retry(unit: Unit, rule: Retry, count: int, failure: Failure) -> Outcome:
    wait = wait_before(rule, count, _draw(unit, count))
    _renew_key(unit, failure)
    if wait <= 0:
        return _BODIES[unit.task.body].begin(unit)
    unit.change(status=Status.PAUSED)
    unit.set_timer(unit.turn.now + wait)
    return None


def _renew_key(unit: Unit, failure: Failure) -> None:
    """Begin a new logical send after a refusal: what follows is new to the agent.

    With the old key, an agent that remembers its answers would only repeat it.
    """
    if asking.REFUSED in failure.kinds:
        unit.change(run=unit.work.run + 1)


def _draw(unit: Unit, count: int) -> float:
    """Spread the retries of many requests, the same way again in a replay."""
    return zlib.crc32(f"{unit.key}#{count}".encode()) / 2**32


def _use(unit: Unit, rule: Use) -> Outcome:
    try:
        if not rule.sends:
            value = build(rule.source, unit.context(), unit.seed)
            unit.change(to=None)
            return Got(value)
        unit.change(message=unit.make(rule.source), run=unit.work.run + 1)
    except Exception as error:  # noqa: BLE001 - whatever the pipeline's callable raised
        return failure_of(error)
    return _BODIES[unit.task.body].begin(unit)
