"""One vote from its opening to its verdict.

A round is a value. Each function takes the round, what happened and the time,
and returns the next round with what is to be done about it; the coordinator
asks the members, keeps the timer and writes the record.
"""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from harmonium.protocols.errors import SpecError
from harmonium.protocols.voting.ballot import Ballot
from harmonium.protocols.voting.names import listed
from harmonium.protocols.voting.question import Question
from harmonium.protocols.voting.rule import Refusal, Rule
from harmonium.protocols.voting.tally import decide, is_settled
from harmonium.protocols.voting.ties import Tie
from harmonium.protocols.voting.verdict import Verdict

__all__ = [
    "Closed",
    "Counted",
    "Effect",
    "Refused",
    "Round",
    "cast",
    "expire",
    "give_up",
    "open_round",
]

KEPT_REFUSALS = 100


@attrs.frozen
class Counted:
    """The ballot counts; it now bears the time of its arrival."""

    ballot: Ballot


@attrs.frozen
class Refused:
    """The ballot is recorded and does not count.

    Args:
        ballot: The ballot, with the time of its arrival.
        why: The reason.
    """

    ballot: Ballot
    why: Refusal


@attrs.frozen
class Closed:
    """The vote is over; this comes once in a round."""

    verdict: Verdict


Effect = Counted | Refused | Closed
"""What a round tells the coordinator, for the record and for what comes next."""


@attrs.frozen(kw_only=True)
class Round:
    """One vote as it stands.

    Args:
        rule: How it is decided.
        question: What is asked of whom.
        opened: When it was opened, in seconds of the system's clock.
        deadline: When it closes at the latest, same clock; None for never.
        early: Whether it closes as soon as the outcome can no longer change.
        ballots: The ballots that count, in order of arrival.
        gone: Members that were given up.
        refused: The first 100 ballots that were refused.
        refusals: How many were refused.
        verdict: What it came to; None while it is open.
    """

    rule: Rule
    question: Question
    opened: float
    deadline: float | None = None
    early: bool = True
    ballots: tuple[Ballot, ...] = ()
    gone: frozenset[str] = frozenset()
    refused: tuple[Refused, ...] = ()
    refusals: int = 0
    verdict: Verdict | None = None

    @property
    def voted(self) -> frozenset[str]:
        """The members whose ballots count."""
        return frozenset(ballot.voter for ballot in self.ballots)

    @property
    def awaited(self) -> tuple[str, ...]:
        """The members whose ballots may still come."""
        done = self.voted | self.gone
        return tuple(member for member in self.question.members if member not in done)

    def is_over(self, now: float) -> bool:
        """Whether the deadline has passed; a ballot at the very deadline is late."""
        return self.deadline is not None and now >= self.deadline


def open_round(
    rule: Rule,
    members: Iterable[str],
    now: float,
    *,
    id: str,
    options: Iterable[str] | None = None,
    deadline: float | None = None,
    tie: Tie | None = None,
    early: bool = True,
) -> Round:
    """Open a vote.

    Args:
        rule: How it is decided.
        members: All who are configured to vote, alive or not.
        now: The time, in seconds of the system's clock.
        id: Names this vote; every ballot must carry it as its `round`.
        options: What may be voted for; None leaves it open, or to the rule.
        deadline: When it closes at the latest, on the same clock; None waits
            until all have voted or are given up.
        tie: What becomes of a tie.
        early: Close as soon as the outcome can no longer change. Without it
            all ballots are waited for, as a rule that learns from them wants.

    Raises:
        SpecError: If the rule cannot decide the question (a quorum above the
            number of members, no options for a ranked rule, a member without
            weight), or the deadline is not after `now`.
    """
    question = Question(id, listed(members), rule.options_for(options), tie=tie)
    rule.check(question)
    if deadline is not None and not deadline > now:
        problem = f"its deadline {deadline:g} is not after its opening {now:g}"
        raise SpecError(f"vote {id}", problem, "give a point in time, not a duration")
    return Round(rule=rule, question=question, opened=now, deadline=deadline, early=early)


def cast(state: Round, ballot: Ballot, now: float) -> tuple[Round, tuple[Effect, ...]]:
    """Take in a ballot.

    The first ballot of a member counts; a later one is refused, the same one
    delivered again too. So is a ballot of a stranger, of another round, one
    that the rule cannot read, and one that comes at or after the deadline or
    after the verdict. If the deadline has passed unnoticed, the round is
    closed first, so that the verdict does not depend on a late timer.

    Args:
        state: The round.
        ballot: What came; `round` must be the id of the question.
        now: The time, in seconds of the system's clock.
    """
    state, closing = expire(state, now)
    ballot = attrs.evolve(ballot, at=now)
    why = _refusal(state, ballot)
    if why is not None:
        refused = Refused(ballot, why)
        return _refuse(state, refused), (*closing, refused)
    state = attrs.evolve(state, ballots=(*state.ballots, ballot))
    state, closing = _close_if_settled(state)
    return state, (Counted(ballot), *closing)


def give_up(state: Round, member: str, now: float) -> tuple[Round, tuple[Effect, ...]]:
    """Note that no ballot of this member will come: it is dead, or it failed.

    It stays a configured member: quorum and absolute majority still count it.
    Should its ballot come all the same while the round is open, it counts.

    Args:
        state: The round.
        member: The id of the member; a stranger, or one who has voted, changes
            nothing.
        now: The time, in seconds of the system's clock.
    """
    state, closing = expire(state, now)
    if state.verdict is not None or member not in state.awaited:
        return state, closing
    return _close_if_settled(attrs.evolve(state, gone=state.gone | {member}))


def expire(state: Round, now: float) -> tuple[Round, tuple[Effect, ...]]:
    """Close the round if its deadline has passed; else do nothing.

    Args:
        state: The round.
        now: The time, in seconds of the system's clock.
    """
    if state.verdict is not None or not state.is_over(now):
        return state, ()
    return _close(state)


def _close_if_settled(state: Round) -> tuple[Round, tuple[Effect, ...]]:
    awaited = state.awaited
    if awaited and not state.early:
        return state, ()
    if not is_settled(state.rule, state.question, state.ballots, awaited):
        return state, ()
    return _close(state, early=bool(awaited))


def _close(state: Round, *, early: bool = False) -> tuple[Round, tuple[Effect, ...]]:
    verdict = decide(state.rule, state.question, state.ballots, early=early)
    return attrs.evolve(state, verdict=verdict), (Closed(verdict),)


def _refusal(state: Round, ballot: Ballot) -> Refusal | None:
    if ballot.round != state.question.id:
        return Refusal.WRONG_ROUND
    if ballot.voter not in state.question.members:
        return Refusal.NOT_A_MEMBER
    if any(ballot.voter == counted.voter for counted in state.ballots):
        return Refusal.DUPLICATE
    if state.verdict is not None:
        return Refusal.LATE
    return state.rule.refusal(state.question, ballot)


def _refuse(state: Round, refused: Refused) -> Round:
    kept = state.refused if len(state.refused) >= KEPT_REFUSALS else (*state.refused, refused)
    return attrs.evolve(state, refused=kept, refusals=state.refusals + 1)
