"""Hold a vote: the body of a vote step."""

from __future__ import annotations

from typing import Any

import attrs

from harmonium.protocols.decision_log import Kind
from harmonium.protocols.failure import Failure
from harmonium.protocols.ladder import AgentRung, Ladder
from harmonium.protocols.pipeline.asking import EXPIRED
from harmonium.protocols.pipeline.climbing import climb
from harmonium.protocols.pipeline.effects import AskBallots
from harmonium.protocols.pipeline.events import (
    BallotCast,
    Event,
    Failed,
    Polled,
    TimerFired,
    VoterGone,
)
from harmonium.protocols.pipeline.unit import Got, Outcome, Unit, failure_of
from harmonium.protocols.pipeline.vote import Poll, Vote

__all__ = ["begin", "expire", "hear", "restore"]


def begin(unit: Unit) -> Outcome:
    """Ask for the ballots; a second round is a new logical send with a key of its own."""
    if unit.is_late:
        return EXPIRED
    vote: Vote = unit.task.extra
    work = unit.work
    attempt = work.attempt + 1
    try:
        among = vote.voters(unit.context())
    except Exception as error:  # noqa: BLE001 - whatever the pipeline's callable raised
        return failure_of(error)
    run = work.run + 1 if work.attempt else 1
    name = among if isinstance(among, str) else ", ".join(among)
    unit.change(attempt=attempt, run=run, flights=((attempt, name),), detail=None)
    unit.set_timer(unit.turn.now + unit.within(vote.deadline))
    _launch(unit, among)
    return None if isinstance(among, str) else _open(unit, among)


def _launch(unit: Unit, among: str | tuple[str, ...]) -> None:
    attempt, until = unit.work.attempt, unit.work.until or unit.turn.now
    effect = AskBallots(unit.path, attempt, among, unit.work.message, until, unit.key)
    unit.turn.effects.append(effect)


def _open(unit: Unit, members: tuple[str, ...]) -> Outcome:
    vote: Vote = unit.task.extra
    deadline = unit.work.until or unit.turn.now
    if deadline <= unit.turn.now:  # restored from a log after the round's time
        return expire(unit)
    try:
        poll = vote.open(unit.context(), members, id=unit.key, deadline=deadline)
    except Exception as error:  # noqa: BLE001 - whatever the pipeline's callable raised
        unit.withdraw()
        return failure_of(error)
    unit.change(detail=poll)
    return None


def hear(unit: Unit, event: Event) -> Outcome:
    """Take the voters, a ballot, the word that none will come, or the end of the time."""
    if isinstance(event, TimerFired):
        return expire(unit) if event.token == unit.token() else None
    if not isinstance(event, Polled | BallotCast | VoterGone | Failed):
        unit.refuse(event, "it is no answer to what was asked")
        return None
    if unit.flight(event.attempt) is None:
        unit.refuse_late(event)
        return None
    if isinstance(event, Failed):
        unit.withdraw(but=event.attempt)
        return event.failure
    if isinstance(event, Polled):
        return _open(unit, event.voters) if unit.work.detail is None else None
    if unit.work.detail is None:
        unit.refuse(event, "it came before the voters were known")
        return None
    return _count(unit, event)


def _count(unit: Unit, event: BallotCast | VoterGone) -> Outcome:
    poll: Poll = unit.work.detail
    now = unit.turn.now
    if isinstance(event, VoterGone):
        unit.turn.record(Kind.FAILED, unit.path, who=event.voter, why=str(event.failure))
        poll = poll.gone(event.voter, now)
    else:
        poll, refused = poll.ballot(event.voter, event.ballot, now)
        if refused:
            unit.refuse(event, refused)
        else:
            unit.turn.record(Kind.VOTED, unit.path, who=event.voter, what=event.ballot)
    unit.change(detail=poll)
    return _conclude(unit, poll)


def _conclude(unit: Unit, poll: Poll) -> Outcome:
    verdict = poll.verdict
    if verdict is None:
        return None
    attempt = unit.work.attempt
    unit.withdraw()
    unit.turn.record(Kind.VERDICT, unit.path, what=verdict, rule=getattr(verdict, "rule", ""))
    if poll.escalate_to is not None:
        who = poll.escalate_to
        return climb(unit, Ladder(AgentRung(who, read=_LastWord(poll, who))))
    return poll.failure or Got(verdict, attempt, is_recorded=True)


@attrs.frozen
class _LastWord:
    """Read the answer of who decides a tie; a value, so that replayed states are equal."""

    poll: Poll
    who: str

    def __call__(self, said: Any) -> Any:
        return self.poll.settle(said, self.who)


def expire(unit: Unit) -> Outcome:
    """Close the round with the ballots that came."""
    if unit.work.detail is None:
        unit.withdraw()
        return Failure("QuorumNotReached", "the voters were never known", in_doubt=False)
    poll: Poll = unit.work.detail.close(unit.turn.now)
    unit.change(detail=poll)
    return _conclude(unit, poll)


def restore(unit: Unit) -> None:
    """Ask again with the same key: who has voted is refused the second time."""
    vote: Vote = unit.task.extra
    try:
        among = vote.voters(unit.context())
    except Exception:  # noqa: BLE001 - it did not raise before; the timer closes the round
        return
    _launch(unit, among)
