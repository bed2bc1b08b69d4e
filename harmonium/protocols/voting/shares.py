"""Rules that ask for a share of the votes: majority, supermajority, unanimity.

The share is of the votes cast, abstentions left out, or with `absolute=True`
of all configured members, where every member who does not vote for an option
in effect votes against it.
"""

from __future__ import annotations

import abc
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from typing import ClassVar

import attrs

from harmonium.protocols.errors import SpecError
from harmonium.protocols.voting.ballot import Ballot, BallotKind
from harmonium.protocols.voting.question import Question
from harmonium.protocols.voting.rule import Count, Rule

__all__ = ["Majority", "ShareRule", "Supermajority", "Unanimity"]


@attrs.frozen(kw_only=True)
class ShareRule(Rule):
    """Choose the option with a share of the votes; without one, nothing is chosen.

    Unit: votes. Confidence: the choice's share of the votes, or of the members
    when `absolute`.

    Args:
        absolute: Measure the share against all configured members, not against
            the votes cast.
    """

    kind: ClassVar[BallotKind] = BallotKind.CHOICE

    absolute: bool = False

    @abc.abstractmethod
    def leaders(self, votes: Counter[str], base: int) -> tuple[str, ...]:
        """Return the options that have the share of the base."""

    def base(self, question: Question, ballots: Sequence[Ballot]) -> int:
        """Return how many votes the share is of."""
        return len(question.members) if self.absolute else len(ballots)

    def count(self, question: Question, ballots: Sequence[Ballot]) -> Count:
        """Count the votes; lead those who have the share."""
        votes = Counter(str(ballot.choice) for ballot in ballots)
        base = self.base(question, ballots)
        best, second, *_ = *sorted(votes.values(), reverse=True), 0, 0
        return Count(
            scores=dict.fromkeys(question.options or (), 0) | votes,
            leaders=self.leaders(votes, base),
            margin=best - second,
            confidence=best / base if base else 0.0,
        )


@attrs.frozen(kw_only=True)
class Majority(ShareRule):
    """Choose the option with more than half of the votes.

    An even split of all votes between two options is a tie, for the tie policy
    to break. With more than two options it may be that none has a majority.
    For two options, this is the only rule that is decisive, treats members
    alike, treats options alike and responds to every vote (May, A set of
    independent necessary and sufficient conditions for simple majority
    decision, Econometrica 20(4), 1952).

    Example:
        >>> Majority(quorum=3)
        Majority(quorum=3, veto=False, absolute=False)
    """

    name: ClassVar[str] = "majority"

    def leaders(self, votes: Counter[str], base: int) -> tuple[str, ...]:
        """Return who has more than half, or the two who have half each."""
        halves = tuple(option for option, n in votes.items() if 2 * n == base)
        return halves if len(halves) == 2 else _above(votes, base)

    def is_settled(
        self, question: Question, ballots: Sequence[Ballot], awaited: Sequence[str], count: Count
    ) -> bool:
        """Whether all that is awaited leaves the leader its majority, or all without one."""
        more, best = len(awaited), max(count.scores.values(), default=0)
        if len(count.leaders) == 2:
            return False
        if self.absolute:
            return bool(count.leaders) or 2 * (best + more) <= len(question.members)
        if not count.leaders:
            return bool(ballots) and 2 * best + more <= len(ballots)
        spare = 2 * best - len(ballots) - more
        return spare > 0 or (spare == 0 and _wins_ties(question, len(ballots), more, count))


def _above(votes: Counter[str], base: int) -> tuple[str, ...]:
    return tuple(option for option, n in votes.items() if 2 * n > base)


def _wins_ties(question: Question, cast: int, more: int, count: Count) -> bool:
    """Whether the leader wins if all that is awaited goes against it and makes it half.

    Only an even split with one rival is a tie. If the votes against it could
    go to two rivals, then nobody has a majority.
    """
    (leader,) = count.leaders
    others = [o for o in question.candidates(count.scores) if o != leader]
    against = cast - count.scores[leader]
    one_rival = question.options is not None and len(others) == 1
    if not one_rival and (against or more > 1):
        return False
    return all(question.prefers(leader, other) for other in others)


def _share(share: float | Fraction) -> Fraction:
    try:
        return Fraction(share).limit_denominator(1000)
    except (TypeError, ValueError, OverflowError, ZeroDivisionError):
        remedy = "give more than 1/2, at most 1"
        raise SpecError("Supermajority", f"the share is {share!r}", remedy) from None


@attrs.frozen
class Supermajority(ShareRule):
    """Choose the option with at least a share of the votes, such as two thirds.

    There are no ties: two options cannot both have more than half.

    Args:
        share: Above 1/2, up to 1. A float is read as the nearest fraction with
            a denominator up to 1000, so that ``2 / 3`` is two thirds exactly.

    Raises:
        SpecError: If the share is out of its bounds.

    Example:
        >>> Supermajority(2 / 3).share
        Fraction(2, 3)
    """

    name: ClassVar[str] = "supermajority"

    share: Fraction = attrs.field(converter=_share)

    def __attrs_post_init__(self) -> None:
        if not Fraction(1, 2) < self.share <= 1:
            problem, remedy = f"the share is {self.share}", "give more than 1/2, at most 1"
            raise SpecError("Supermajority", problem, remedy)

    def leaders(self, votes: Counter[str], base: int) -> tuple[str, ...]:
        """Return who has the share."""
        return _at_least(votes, self.share, base)

    def is_settled(
        self, question: Question, ballots: Sequence[Ballot], awaited: Sequence[str], count: Count
    ) -> bool:
        """Whether all that is awaited leaves the leader its share, or all without one."""
        return _share_settled(self.share, self, question, ballots, awaited, count)


@attrs.frozen(kw_only=True)
class Unanimity(ShareRule):
    """Choose the option that everybody votes for.

    Members who abstain do not stand in the way, nor do those who are missing
    once the quorum is there. With `absolute=True` both do.
    """

    name: ClassVar[str] = "unanimity"

    def leaders(self, votes: Counter[str], base: int) -> tuple[str, ...]:
        """Return who has all votes."""
        return _at_least(votes, Fraction(1), base)

    def is_settled(
        self, question: Question, ballots: Sequence[Ballot], awaited: Sequence[str], count: Count
    ) -> bool:
        """Whether two options have votes, so that nothing can have all of them."""
        return _share_settled(Fraction(1), self, question, ballots, awaited, count)


def _at_least(votes: Counter[str], share: Fraction, base: int) -> tuple[str, ...]:
    return tuple(option for option, n in votes.items() if n >= share * base)


def _share_settled(
    share: Fraction,
    rule: ShareRule,
    question: Question,
    ballots: Sequence[Ballot],
    awaited: Sequence[str],
    count: Count,
) -> bool:
    best = int(max(count.scores.values(), default=0))
    base, more = rule.base(question, ballots), len(awaited)
    later = base if rule.absolute else base + more
    if count.leaders:
        return best >= share * later
    return best + more < share * later
