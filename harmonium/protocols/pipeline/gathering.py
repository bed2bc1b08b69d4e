"""Publish to a topic and gather the replies: the body of a topic step."""

from __future__ import annotations

import attrs

from harmonium.protocols.decision_log import Kind
from harmonium.protocols.failure import Failure
from harmonium.protocols.pipeline.asking import EXPIRED, rejection
from harmonium.protocols.pipeline.effects import Publish
from harmonium.protocols.pipeline.events import (
    Event,
    Failed,
    Reached,
    Replied,
    TimerFired,
    VoterGone,
)
from harmonium.protocols.pipeline.gather import Gather
from harmonium.protocols.pipeline.state import Gathered
from harmonium.protocols.pipeline.unit import Got, Outcome, Unit

__all__ = ["begin", "expire", "hear", "restore"]


def begin(unit: Unit) -> Outcome:
    """Publish, and set the timer that ends the gathering."""
    if unit.is_late:
        return EXPIRED
    attempt = unit.work.attempt + 1
    topic = unit.task.target or ""
    unit.change(attempt=attempt, flights=((attempt, topic),), detail=Gathered())
    _publish(unit)
    unit.set_timer(unit.turn.now + unit.within(unit.task.timeout))
    return None


def _publish(unit: Unit) -> None:
    attempt, topic = unit.work.flights[0]
    timeout = unit.within(unit.task.timeout)
    effect = Publish(unit.path, attempt, topic, unit.work.message, timeout, unit.key)
    unit.turn.effects.append(effect)


def hear(unit: Unit, event: Event) -> Outcome:
    """Take a reply, the word that none will come, the number of subscribers, or the time's end."""
    if isinstance(event, TimerFired):
        return _close(unit) if event.token == unit.token() else None
    if not isinstance(event, Replied | VoterGone | Failed | Reached):
        unit.refuse(event, "it is no answer to what was published")
        return None
    if unit.flight(event.attempt) is None:
        unit.refuse_late(event)
        return None
    if isinstance(event, Failed):
        unit.withdraw(but=event.attempt)
        return event.failure
    if isinstance(event, Reached):
        unit.change(detail=attrs.evolve(_gathered(unit), reached=event.count))
    elif isinstance(event, VoterGone):
        _lose(unit, event)
    else:
        _take(unit, event)
    return _close(unit) if _is_complete(unit) else None


def _take(unit: Unit, event: Replied) -> None:
    gathered = _gathered(unit)
    if event.who and event.who in gathered.heard:
        unit.refuse(event, f"a second reply of {event.who}")
        return
    replies = gathered.replies
    refused = rejection(unit, event.reply)
    if refused is None:
        replies = (*replies, event.reply)
    else:
        unit.refuse(event, str(refused))
    unit.change(detail=Gathered(replies, (*gathered.heard, event.who), gathered.reached))


def _lose(unit: Unit, event: VoterGone) -> None:
    """Wait no longer for a subscriber that is dead, has failed or has timed out."""
    gathered = _gathered(unit)
    unit.turn.record(Kind.FAILED, unit.path, who=event.voter, why=str(event.failure))
    if event.voter not in gathered.heard:
        unit.change(detail=attrs.evolve(gathered, heard=(*gathered.heard, event.voter)))


def _gathered(unit: Unit) -> Gathered:
    gathered: Gathered = unit.work.detail
    return gathered


def _is_complete(unit: Unit) -> bool:
    gathered, gather = _gathered(unit), _gather(unit)
    if gather.want is not None and len(gathered.replies) >= gather.want:
        return True
    return gathered.reached is not None and len(gathered.heard) >= gathered.reached


def _gather(unit: Unit) -> Gather:
    gather: Gather = unit.task.extra
    return gather


def _close(unit: Unit) -> Outcome:
    """Make the result of what came, or fail when it is too little."""
    replies, least = _gathered(unit).replies, _gather(unit).least
    attempt = unit.work.attempt
    unit.withdraw()
    if len(replies) >= least:
        return Got(replies, attempt)
    return Failure("TooFewReplies", f"{len(replies)} of the {least} needed")


def expire(unit: Unit) -> Outcome:
    """Make do with what came by the request's deadline."""
    return _close(unit)


def restore(unit: Unit) -> None:
    """Publish again: a subscriber that has replied is refused the second time."""
    _publish(unit)
