"""From ballots to a verdict: vetoes, quorum, the rule, the tie policy."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import attrs

from harmonium.protocols.voting.ballot import Ballot
from harmonium.protocols.voting.question import Question
from harmonium.protocols.voting.rule import Count, Rule
from harmonium.protocols.voting.ties import Escalate, Priority
from harmonium.protocols.voting.verdict import Outcome, Verdict

__all__ = ["decide", "is_settled"]


def decide(
    rule: Rule, question: Question, ballots: Sequence[Ballot], *, early: bool = False
) -> Verdict:
    """Return what the ballots come to, as if no more would come.

    Args:
        rule: How to decide.
        question: What is asked of whom.
        ballots: At most one of each member, such as a round has counted.
        early: Noted in the verdict: more ballots could have come.
    """
    outcome, count = _outcome(rule, question, ballots)
    voters = {ballot.voter for ballot in ballots}
    verdict = Verdict(
        question=question.id,
        rule=rule.name,
        outcome=outcome,
        scores=_scores(count),
        ballots=tuple(ballots),
        quorum=rule.needed(question),
        missing=tuple(member for member in question.members if member not in voters),
        early=early,
    )
    return verdict if outcome is not Outcome.DECIDED else _chosen(verdict, rule, question, count)


def _outcome(rule: Rule, question: Question, ballots: Sequence[Ballot]) -> tuple[Outcome, Count]:
    nothing = Count(scores={}, leaders=())
    if any(ballot.veto for ballot in ballots):
        return Outcome.VETOED, nothing
    if len(ballots) < rule.needed(question):
        return Outcome.NO_QUORUM, nothing
    count = rule.count(question, preferences(ballots))
    return (Outcome.DECIDED if count.leaders else Outcome.NOT_REACHED), count


def preferences(ballots: Sequence[Ballot]) -> tuple[Ballot, ...]:
    """Return the ballots that prefer something."""
    return tuple(ballot for ballot in ballots if ballot.kind is not None)


def _scores(count: Count) -> tuple[tuple[str, float], ...]:
    best_first = sorted(count.scores.items(), key=lambda score: (-score[1], score[0]))
    return tuple((option, points / count.parts) for option, points in best_first)


def _chosen(verdict: Verdict, rule: Rule, question: Question, count: Count) -> Verdict:
    first = min(map(question.rank, count.leaders))
    tied = tuple(option for option in count.leaders if question.rank(option) == first)
    if len(tied) > 1:
        to = question.tie.to if isinstance(question.tie, Escalate) else None
        return attrs.evolve(verdict, outcome=Outcome.TIED, tied=tied, escalate_to=to)
    choice, broken = tied[0], count.tie_used or len(count.leaders) > 1
    policy = "priority" if isinstance(question.tie, Priority) else "seeded draw"
    supporters = (b.voter for b in verdict.ballots if rule.supports(b, choice, count))
    return attrs.evolve(
        verdict,
        choice=choice,
        margin=count.margin,
        confidence=count.confidence,
        supporters=frozenset(supporters),
        tie_broken_by=policy if broken else None,
    )


def is_settled(
    rule: Rule, question: Question, ballots: Sequence[Ballot], awaited: Collection[str]
) -> bool:
    """Whether the outcome can no longer change.

    It is exact: True if, and only if, the awaited members could not bring
    about another outcome, choice or set of tied options, whatever each of them
    does: vote for anything that may be voted for, abstain, veto if it has the
    right to, or stay away.

    Args:
        rule: How to decide.
        question: What is asked of whom.
        ballots: At most one of each member.
        awaited: The members whose ballots may still come. A member who has no
            ballot and is not awaited is sure to stay away.
    """
    if not awaited or any(ballot.veto for ballot in ballots):
        return True
    if any(rule.may_veto(member) for member in awaited):
        return False
    needed = rule.needed(question)
    if len(ballots) < needed:
        return len(ballots) + len(awaited) < needed
    stated = preferences(ballots)
    return rule.is_settled(question, stated, tuple(awaited), rule.count(question, stated))
