"""Ask one agent, hedged or not: the body of a plain step and of an undo."""

from __future__ import annotations

from harmonium.protocols.decision_log import Kind, summary
from harmonium.protocols.failure import Failure
from harmonium.protocols.pipeline.effects import Send, Undo
from harmonium.protocols.pipeline.events import (
    Event,
    Failed,
    Replied,
    TimerFired,
    UndoFailed,
    UndoReplied,
)
from harmonium.protocols.pipeline.unit import UNDO, Got, Outcome, Unit, set_

__all__ = ["EXPIRED", "REFUSED", "begin", "expire", "hear", "rejection", "restore"]

EXPIRED = Failure("DeadlineExceeded", "the request's deadline has passed", in_doubt=False)
REFUSED = "Refused"
"""A name that every declared refusal goes by, beside the name of its type."""

_CUT_OFF = Failure("DeadlineExceeded", "the request's deadline passed before a reply came")


def begin(unit: Unit) -> Outcome:
    """Send the message, once more when it was sent before."""
    if unit.is_late:
        return EXPIRED
    _send(unit, unit.work.to or "")
    hedge = unit.task.hedge
    if hedge is not None:
        unit.set_timer(unit.turn.now + hedge.after)
    return None


def _send(unit: Unit, to: str) -> None:
    work = unit.own()
    attempt = work.attempt + 1
    set_(work, "attempt", attempt)
    set_(work, "flights", (*work.flights, (attempt, to)))
    _launch(unit, attempt, to)


def _launch(unit: Unit, attempt: int, to: str) -> None:
    timeout = unit.within(unit.task.timeout)
    message, policy = unit.work.message, unit.task.policy
    if unit.is_undo:
        step = unit.path.removesuffix(UNDO)
        unit.turn.effects.append(Undo(step, attempt, to, message, timeout, unit.key, policy))
    else:
        unit.turn.effects.append(Send(unit.path, attempt, to, message, timeout, unit.key, policy))


def hear(unit: Unit, event: Event) -> Outcome:
    """Take a reply, a failure, or the time for the second copy."""
    if type(event) is Replied:  # the usual case first: it saves a microsecond
        return _replied(unit, event)
    if isinstance(event, TimerFired):
        return _hedge(unit, event)
    if isinstance(event, Replied | UndoReplied):
        return _replied(unit, event)
    if not isinstance(event, Failed | UndoFailed):
        unit.refuse(event, "it is no answer to what was sent")
        return None
    if unit.flight(event.attempt) is None:
        unit.refuse_late(event)
        return None
    return _lost_one(unit, event.attempt, event.failure)


def _hedge(unit: Unit, event: TimerFired) -> Outcome:
    hedge = unit.task.hedge
    if hedge is None or unit.work.until is None or event.token != unit.token():
        return None
    unit.change(until=None)
    if not unit.is_late:
        to = hedge.to or unit.work.to or ""
        _send(unit, to)
        unit.turn.record(Kind.HEDGED, unit.path, who=to, rule=hedge, why="the first is slow")
    return None


def _replied(unit: Unit, event: Replied | UndoReplied) -> Outcome:
    to = unit.flight(event.attempt)
    if to is None:
        unit.refuse_late(event)
        return None
    refused = rejection(unit, event.reply)
    if refused is None:
        if to != unit.work.to:
            unit.change(to=to)
        return Got(event.reply, event.attempt, event.who)
    if REFUSED not in refused.kinds:
        unit.refuse(event, refused.text)
    return _lost_one(unit, event.attempt, refused)


def rejection(unit: Unit, reply: object) -> Failure | None:
    """Say why a reply is no result: a declared refusal, or a type that is not expected."""
    task = unit.task
    if task.refused and isinstance(reply, task.refused):
        names = tuple(c.__name__ for c in type(reply).__mro__ if c is not object)
        return Failure(names[0], summary(reply), (*names, REFUSED), in_doubt=False)
    if task.expect and not isinstance(reply, task.expect):
        expected = " or ".join(t.__name__ for t in task.expect)
        text = f"{type(reply).__name__} came, {expected} is expected"
        return Failure("WrongReply", text)
    return None


def _lost_one(unit: Unit, attempt: int, failure: Failure) -> Outcome:
    """Take an attempt out; the others may still succeed."""
    flights = tuple(flight for flight in unit.work.flights if flight[0] != attempt)
    unit.change(flights=flights)
    if not flights:
        unit.clear_timer()
        return failure
    unit.change(in_doubt=unit.work.in_doubt or failure.in_doubt)
    unit.turn.record(Kind.FAILED, unit.path, why=f"attempt {attempt}: {failure}")
    return None


def expire(unit: Unit) -> Outcome:
    """End what is in flight at the request's deadline."""
    unit.withdraw()
    return _CUT_OFF


def restore(unit: Unit) -> None:
    """Send again what was in flight, with the same attempt numbers and key."""
    for attempt, to in unit.work.flights:
        _launch(unit, attempt, to)
