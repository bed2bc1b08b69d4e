"""The ballot box: it keeps the ballots of each question and decides by one rule.

It is the book of the tally agent, as a till's journal is of the till: it
outlives a crash of its agent, and putting the same ballots in again changes
nothing.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence

import attrs

from harmonium.protocols.errors import SpecError
from harmonium.protocols.voting import (
    Ballot,
    DawidSkene,
    OnlineWeightedMajority,
    Plurality,
    Question,
    SeededDraw,
    Verdict,
    decide,
)

__all__ = ["BallotBox", "RuleName"]


class RuleName(enum.StrEnum):
    """How questions are decided."""

    MAJORITY = "majority"
    """The answer with the most votes; of two answers, the one with more than half."""
    WEIGHTED = "weighted"
    """The likeliest answer; how reliable each worker is, is learned in one pass."""
    DAWID_SKENE = "dawid_skene"
    """The likeliest answer; who errs how is learned from all questions at once."""


@attrs.define(slots=True)
class BallotBox:
    """Ballots and verdicts of all questions.

    Args:
        rule: How questions are decided.
        seed: Seeds the draw of a tie.
    """

    rule: RuleName
    seed: int
    ballots: dict[str, tuple[Ballot, ...]] = attrs.field(factory=dict, init=False)
    verdicts: dict[str, Verdict] = attrs.field(factory=dict, init=False)
    options: tuple[str, ...] = attrs.field(default=(), init=False)
    learned: OnlineWeightedMajority | None = attrs.field(default=None, init=False)

    def open(self, options: Sequence[str]) -> None:
        """Fix what may be voted for; opening again changes nothing.

        Raises:
            SpecError: If the rule needs two options and there are fewer.
        """
        if self.rule is not RuleName.MAJORITY and len(options) < 2:
            problem = f"all answers are alike, and rule {self.rule.value} compares at least two"
            raise SpecError("votes", problem, "set rule=majority")
        if not self.options:
            self.options = tuple(options)

    def put(self, question: str, members: Sequence[str], ballots: Sequence[Ballot]) -> None:
        """Keep the ballots of a question, and decide it unless the rule wants all at once.

        Args:
            question: Its id.
            members: All who may vote on it.
            ballots: One of each who did.
        """
        if question in self.ballots:
            return
        if self.rule is not RuleName.DAWID_SKENE:
            self.verdicts[question] = self._decide(question, members, ballots)
        self.ballots[question] = tuple(ballots)

    def _decide(self, question: str, members: Sequence[str], ballots: Sequence[Ballot]) -> Verdict:
        options = self.options if len(self.options) > 1 else None
        asked = Question(question, tuple(members), options, tie=SeededDraw(self.seed))
        if self.rule is RuleName.MAJORITY:
            return decide(Plurality(), asked, ballots)
        rule = self.learned or OnlineWeightedMajority(self.options)
        verdict = decide(rule, asked, ballots)
        self.learned = rule.learn(ballots)
        return verdict

    def close(self) -> tuple[Verdict, ...]:
        """Decide what is left to decide, and give all verdicts in order of the questions."""
        if self.rule is RuleName.DAWID_SKENE:
            rule = DawidSkene(self.options)
            self.verdicts = rule.decide_all(self.ballots, tie=SeededDraw(self.seed))
        return tuple(self.verdicts.values())
