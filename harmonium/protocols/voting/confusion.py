"""Rules that weigh a ballot by how its voter is known to err."""

from __future__ import annotations

import abc
import math
from collections.abc import Iterable, Sequence
from typing import ClassVar

import attrs

from harmonium.protocols.errors import SpecError
from harmonium.protocols.voting.ballot import Ballot, BallotKind
from harmonium.protocols.voting.names import listed
from harmonium.protocols.voting.question import Question
from harmonium.protocols.voting.rule import Count, Rule

__all__ = ["Confusion", "ConfusionRule", "normalised"]

Confusion = tuple[tuple[float, ...], ...]
"""For each true option (row) one number for each answer (column), in places of options."""


@attrs.frozen
class ConfusionRule(Rule):
    """Choose the option that is likeliest to be true, given how each voter errs.

    With the chance that a member answers `a` when `t` is true, and how
    frequent `t` is, Bayes' rule gives the chance of each option; members are
    taken to be independent. For two options and members who err alike both
    ways this is the weighted majority with log-odds as weights.

    Unit: nats; the margin is the log-odds of the choice against its nearest
    rival. Confidence: the chance that the choice is true. As members are not
    quite independent, it is often too sure.

    Args:
        options: What may be voted for; the same in all votes.

    Raises:
        SpecError: If there are fewer than two different options.
    """

    kind: ClassVar[BallotKind] = BallotKind.CHOICE
    closed: ClassVar[bool] = True

    options: tuple[str, ...] = attrs.field(converter=listed)

    def __attrs_post_init__(self) -> None:
        if len(set(self.options)) < max(2, len(self.options)):
            self.refuse("it has not two different options", "name at least two, each once")

    def refuse(self, problem: str, remedy: str) -> None:
        """Raise `SpecError` with this rule as its place."""
        raise SpecError(type(self).__name__, problem, remedy)

    @abc.abstractmethod
    def shares(self) -> Sequence[float]:
        """Return how frequent each option is among the truths; above 0."""

    @abc.abstractmethod
    def chance(self, member: str, truth: int, answer: int) -> float:
        """Return how likely the member gives this answer when that is true; above 0."""

    def place(self, option: str) -> int:
        """Return the option's place, from 0; refuse what is none of the options."""
        if option not in self.options:
            self.refuse(f"{option!r} is none of the options", "give one of them")
        return self.options.index(option)

    def reliability(self, member: str) -> float:
        """Return how likely the member is right on the next question, from 0 to 1."""
        return math.fsum(
            share * self.chance(member, place, place) for place, share in enumerate(self.shares())
        )

    def options_for(self, options: Iterable[str] | None) -> tuple[str, ...]:
        """Return the rule's own options; refuse others."""
        if options is not None and set(options) != set(self.options):
            self.refuse("the vote has other options than the rule", "leave out the vote's")
        return self.options

    def chances(self, ballots: Iterable[Ballot]) -> tuple[float, ...]:
        """Return how likely each option is true, given ballots that each make a choice."""
        return normalised(self._logs(ballots))

    def count(self, _question: Question, ballots: Sequence[Ballot]) -> Count:
        """Add up the logs of the chances; lead those with the highest sum."""
        logs = self._logs(ballots)
        best, second, *_ = sorted(logs, reverse=True)
        leaders = (option for option, log in zip(self.options, logs, strict=True) if log == best)
        return Count(
            scores=dict(zip(self.options, logs, strict=True)),
            leaders=tuple(leaders) if ballots else (),
            margin=best - second,
            confidence=max(normalised(logs)),
        )

    def is_settled(
        self, question: Question, ballots: Sequence[Ballot], awaited: Sequence[str], count: Count
    ) -> bool:
        """Whether the leader stays ahead of each rival when all that is awaited favours that."""
        if not count.leaders:
            return False
        first = min(map(question.rank, count.leaders))
        tied = [option for option in count.leaders if question.rank(option) == first]
        if any(self._favouring(option, tied[0], awaited) for option in tied[1:]):
            return False
        rivals = [option for option in self.options if option not in tied]
        return not any(
            self._passes(rival, tied[0], question, [*ballots, *more])
            for rival in rivals
            for more in [self._favouring(rival, tied[0], awaited)]
        )

    def _passes(
        self, rival: str, leader: str, question: Question, ballots: Sequence[Ballot]
    ) -> bool:
        has = dict(zip(self.options, self._logs(ballots), strict=True))
        if has[rival] == has[leader]:
            return not question.prefers(leader, rival)
        return has[rival] > has[leader]

    def _favouring(self, rival: str, leader: str, awaited: Sequence[str]) -> list[Ballot]:
        """Return the ballots that would favour the rival the most, where any does."""
        to, of = self.place(rival), self.place(leader)
        ballots = []
        for member in awaited:
            odds = [
                self.chance(member, to, answer) / self.chance(member, of, answer)
                for answer in range(len(self.options))
            ]
            if max(odds) > 1:
                ballots.append(Ballot(member, self.options[odds.index(max(odds))]))
        return ballots

    def _logs(self, ballots: Iterable[Ballot]) -> list[float]:
        """Return the log of each option's chance, but for a constant."""
        answers = [(ballot.voter, self.place(str(ballot.choice))) for ballot in ballots]
        return [
            # fsum rounds once, so that equal ballots tie whatever their order.
            math.fsum(
                [math.log(share)]
                + [math.log(self.chance(voter, place, answer)) for voter, answer in answers]
            )
            for place, share in enumerate(self.shares())
        ]


def normalised(logs: Sequence[float]) -> tuple[float, ...]:
    """Return the chances, which sum to 1, of their logs."""
    highest = max(logs)
    shares = [math.exp(log - highest) for log in logs]
    total = math.fsum(shares)
    return tuple(share / total for share in shares)
