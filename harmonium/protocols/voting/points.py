"""Rules that add up points: plurality, weighted, Borda, approval and score.

The option with the most points wins. All sums are of whole numbers (weights
and scores are brought to a common denominator first), so that equal is equal
whatever the order of the ballots.
"""

from __future__ import annotations

import abc
import functools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import ClassVar

import attrs

from harmonium.protocols.checks import check_number, is_number
from harmonium.protocols.errors import SpecError
from harmonium.protocols.voting.ballot import Ballot, BallotKind
from harmonium.protocols.voting.question import Question
from harmonium.protocols.voting.rule import Count, Refusal, Rule

__all__ = ["Approval", "Borda", "Plurality", "PointsRule", "Score", "Weighted"]


@attrs.frozen(kw_only=True)
class PointsRule(Rule):
    """Add up the points that each ballot gives; the most points win.

    Confidence is the winner's points as a share of the most that one option
    could have had from the ballots that state a preference.
    """

    @abc.abstractmethod
    def points(self, question: Question, ballot: Ballot) -> Iterable[tuple[str, int]]:
        """Return what the ballot gives, in parts of a unit."""

    @abc.abstractmethod
    def most(self, question: Question, member: str) -> int:
        """Return the most that a ballot of the member can give one option.

        A ballot that gives one option this much can give all others nothing.
        """

    def parts(self) -> int:
        """Return how many parts make a unit of the rule."""
        return 1

    def count(self, question: Question, ballots: Sequence[Ballot]) -> Count:
        """Add up the points; lead those who have the most, if it is more than 0."""
        scores = dict.fromkeys(question.options or (), 0)
        for ballot in ballots:
            for option, points in self.points(question, ballot):
                scores[option] = scores.get(option, 0) + points
        best, second = _top_two(scores.values())
        possible = sum(self.most(question, ballot.voter) for ballot in ballots)
        return Count(
            scores=scores,
            leaders=tuple(o for o, points in scores.items() if points == best > 0),
            margin=(best - second) / self.parts(),
            confidence=best / possible if possible else 0.0,
            parts=self.parts(),
        )

    def is_settled(
        self, question: Question, _ballots: Sequence[Ballot], awaited: Sequence[str], count: Count
    ) -> bool:
        """Whether the leader stays ahead when all that is awaited goes to one rival."""
        gain = sum(self.most(question, member) for member in awaited)
        if not gain:
            return True
        leader = min(count.leaders, key=question.rank, default=None)
        if leader is None:
            return False
        lead = count.scores[leader]
        return all(
            gain + has < lead or (gain + has == lead and question.prefers(leader, rival))
            for rival, has in _standings(question, count)
            if rival != leader
        )


def _standings(question: Question, count: Count) -> Iterator[tuple[str | None, float]]:
    for option in question.candidates(count.scores):
        yield option, 0 if option is None else count.scores.get(option, 0)


def _top_two(scores: Iterable[int]) -> tuple[int, int]:
    best, second, *_ = *sorted(scores, reverse=True), 0, 0
    return best, second


@attrs.frozen(kw_only=True)
class Plurality(PointsRule):
    """Choose the option with the most votes, however few they are.

    Unit: votes. Confidence: the share of the votes (without abstentions) that
    are for the choice.
    """

    name: ClassVar[str] = "plurality"
    kind: ClassVar[BallotKind] = BallotKind.CHOICE

    def points(self, _question: Question, ballot: Ballot) -> Iterable[tuple[str, int]]:
        """Give the choice one vote."""
        return ((str(ballot.choice), 1),)

    def most(self, _question: Question, _member: str) -> int:
        """Return one vote."""
        return 1


def _weights(
    weights: Mapping[str, float] | Iterable[tuple[str, float]],
) -> tuple[tuple[str, float], ...]:
    try:
        return tuple(sorted(dict(weights).items()))
    except (TypeError, ValueError):
        problem = f"{weights!r} are no weights"
        raise SpecError("Weighted", problem, "give a mapping from members to numbers") from None


@attrs.frozen
class Weighted(PointsRule):
    """Choose the option with the most weight behind it.

    With two options and weights ``log(p / (1 - p))``, where `p` is how often a
    member is right, this is the best of all rules for independent members
    (Nitzan and Paroush, Optimal decision rules in uncertain dichotomous choice
    situations, International Economic Review 23(2), 1982).

    Unit: weight. Confidence: the share of the weight cast that is for the
    choice. The quorum counts members, not weight.

    Args:
        weights: The weight of each member, from 0; read as the decimal that it
            is written as, so that 0.1 and 0.2 together equal 0.3.

    Raises:
        SpecError: If a weight is negative or no number; when a round opens, if
            a member has no weight.

    Example:
        >>> Weighted({"ann": 0.5, "ben": 0.25}).most(Question("q", ("ann",)), "ann")
        2
    """

    name: ClassVar[str] = "weighted"
    kind: ClassVar[BallotKind] = BallotKind.CHOICE

    weights: tuple[tuple[str, float], ...] = attrs.field(converter=_weights)

    def __attrs_post_init__(self) -> None:
        for member, weight in self.weights:
            if not (is_number(weight) and weight >= 0):
                problem = f"the weight of {member} is {weight!r}"
                raise SpecError("Weighted.weights", problem, "give a number from 0 up")

    @functools.cached_property
    def _exact(self) -> dict[str, Fraction]:
        return {member: Fraction(str(weight)) for member, weight in self.weights}

    @functools.cached_property
    def _parts(self) -> int:
        return math.lcm(*(weight.denominator for weight in self._exact.values()))

    @functools.cached_property
    def _whole(self) -> dict[str, int]:
        return {member: int(weight * self._parts) for member, weight in self._exact.items()}

    def parts(self) -> int:
        """Return the common denominator of the weights."""
        return self._parts

    def points(self, question: Question, ballot: Ballot) -> Iterable[tuple[str, int]]:
        """Give the choice the weight of the voter."""
        return ((str(ballot.choice), self.most(question, ballot.voter)),)

    def most(self, _question: Question, member: str) -> int:
        """Return the weight of the member."""
        return self._whole[member]

    def check(self, question: Question) -> None:
        """Raise `SpecError` also when a member has no weight."""
        super().check(question)
        without = [member for member in question.members if member not in self._exact]
        if without:
            question.refuse(f"{', '.join(without)} has no weight", "give every member one")


@attrs.frozen(kw_only=True)
class Borda(PointsRule):
    """Choose the option that stands highest in the rankings on the whole.

    With n options a ballot gives n points to its first, n - 1 to its second,
    and so on; options that it leaves out get nothing. For full rankings the
    winner is that of the count from n - 1 down to 0. (Borda, Mémoire sur les
    élections au scrutin, Histoire de l'Académie royale des sciences, 1781;
    that what is left out gets nothing is the pessimistic of the variants in
    Emerson, The original Borda count and partial voting, Social Choice and
    Welfare 40(2), 2013.)

    Unit: points. Confidence: the winner's points as a share of those that it
    would have as first of every ballot. A ballot is for the choice when it
    ranks it first.
    """

    name: ClassVar[str] = "borda"
    kind: ClassVar[BallotKind] = BallotKind.RANKING
    closed: ClassVar[bool] = True

    def points(self, question: Question, ballot: Ballot) -> Iterable[tuple[str, int]]:
        """Give n, n - 1, n - 2 points and so on down the ranking."""
        first = len(question.options or ())
        return zip(ballot.ranking or (), range(first, 0, -1), strict=False)

    def most(self, question: Question, _member: str) -> int:
        """Return the points of a first place."""
        return len(question.options or ())

    def supports(self, ballot: Ballot, choice: str, _count: Count) -> bool:
        """Whether the ballot ranks the choice first."""
        return (ballot.ranking or ())[:1] == (choice,)


@attrs.frozen(kw_only=True)
class Approval(PointsRule):
    """Choose the option that the most members can live with.

    (Brams and Fishburn, Approval voting, American Political Science Review
    72(3), 1978.)

    Unit: approvals. Confidence: the share of the ballots that approve of the
    choice.
    """

    name: ClassVar[str] = "approval"
    kind: ClassVar[BallotKind] = BallotKind.APPROVALS
    closed: ClassVar[bool] = True

    def points(self, _question: Question, ballot: Ballot) -> Iterable[tuple[str, int]]:
        """Give each option approved of one point."""
        return ((option, 1) for option in ballot.approvals or ())

    def most(self, _question: Question, _member: str) -> int:
        """Return one approval."""
        return 1

    def supports(self, ballot: Ballot, choice: str, _count: Count) -> bool:
        """Whether the ballot approves of the choice."""
        return choice in (ballot.approvals or ())


_SCORE_PARTS = 1_000_000


@attrs.frozen(kw_only=True)
class Score(PointsRule):
    """Choose the option with the highest sum of scores.

    Unit: points. Confidence: the mean score of the choice as a share of the
    highest score. A ballot is for the choice when it gives it at least half of
    the highest score.

    Args:
        top: The highest score that a ballot may give; above 0. Scores are read
            to six decimals.

    Raises:
        SpecError: If `top` is not a number above 0.
    """

    name: ClassVar[str] = "score"
    kind: ClassVar[BallotKind] = BallotKind.SCORES
    closed: ClassVar[bool] = True

    top: float = 1.0

    def __attrs_post_init__(self) -> None:
        check_number("Score.top", self.top, above=0.0)

    def parts(self) -> int:
        """Return a million: scores are read to six decimals."""
        return _SCORE_PARTS

    def points(self, _question: Question, ballot: Ballot) -> Iterable[tuple[str, int]]:
        """Give each option its score."""
        return ((option, round(points * _SCORE_PARTS)) for option, points in ballot.scores or ())

    def most(self, _question: Question, _member: str) -> int:
        """Return the highest score."""
        return round(self.top * _SCORE_PARTS)

    def supports(self, ballot: Ballot, choice: str, _count: Count) -> bool:
        """Whether the ballot gives the choice at least half of the highest score."""
        return dict(ballot.scores or ()).get(choice, 0.0) >= self.top / 2

    def refusal(self, question: Question, ballot: Ballot) -> Refusal | None:
        """Refuse also a ballot with a score above the highest."""
        if any(points > self.top for _, points in ballot.scores or ()):
            return Refusal.OUT_OF_RANGE
        return super().refusal(question, ballot)
