"""Dawid and Skene's rule: learn from a whole batch of votes who errs how, then decide all."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import ClassVar

import attrs

from harmonium.protocols.immutable import FrozenMap
from harmonium.protocols.voting.ballot import Ballot
from harmonium.protocols.voting.confusion import Confusion, ConfusionRule
from harmonium.protocols.voting.confusion_em import Fit, fit_confusion
from harmonium.protocols.voting.question import Question
from harmonium.protocols.voting.tally import decide
from harmonium.protocols.voting.ties import Tie
from harmonium.protocols.voting.verdict import Verdict

__all__ = ["DawidSkene"]

Batch = Mapping[str, Sequence[Ballot]]


@attrs.frozen
class DawidSkene(ConfusionRule):
    """Choose the likeliest option, with weights learned from a batch and without truth.

    Collect the ballots of many votes, then let `decide_all` find at once which
    option is true in each and how each member errs: expectation-maximisation
    alternates between the two until neither moves (Dawid and Skene, Maximum
    likelihood estimation of observer error-rates using the EM algorithm,
    Applied Statistics 28(1), 1979). The fitted rule is a rule like others and
    decides further votes too; members that the batch did not have tell it
    nothing.

    Unit, margin and confidence are those of `ConfusionRule`.

    Args:
        options: What may be voted for; the same in all votes.
        smoothing: Imagined answers of each member in each cell of its table,
            so that no chance is ever 0. Above 0.
        tolerance: Stop when no chance moves by more than this. Above 0.
        max_iterations: Stop after so many rounds in any case. At least 1.
        confusion: What `fit` learned of each member.
        found_shares: What `fit` learned of each option.
        iterations: How many rounds `fit` took; 0 before it.

    Raises:
        SpecError: If there are fewer than two options, or a number is out of
            bounds; when a round opens, if the rule is not fitted.
    """

    name: ClassVar[str] = "dawid-skene"

    smoothing: float = attrs.field(default=0.01, kw_only=True)
    tolerance: float = attrs.field(default=1e-3, kw_only=True)
    max_iterations: int = attrs.field(default=500, kw_only=True)
    confusion: FrozenMap[str, Confusion] = attrs.field(
        factory=FrozenMap, kw_only=True, repr=False, hash=False
    )
    found_shares: tuple[float, ...] = attrs.field(default=(), kw_only=True, repr=False)
    iterations: int = attrs.field(default=0, kw_only=True)

    def __attrs_post_init__(self) -> None:
        ConfusionRule.__attrs_post_init__(self)
        if not (0 < self.smoothing < math.inf and 0 < self.tolerance < math.inf):
            self.refuse("smoothing and tolerance must be above 0", "leave out both, or mend one")
        if self.max_iterations < 1:
            self.refuse(f"max_iterations is {self.max_iterations}", "give at least 1")

    def fit(self, batch: Batch) -> DawidSkene:
        """Return the rule fitted to the ballots of many votes.

        Args:
            batch: The ballots of each vote, by its id. Ballots without a choice
                tell nothing.

        Raises:
            SpecError: If there are no ballots, or one names none of the options.
        """
        # Sorted, so that the order of the batch does not show in the last digits.
        voters = sorted({ballot.voter for ballots in batch.values() for ballot in ballots})
        number = {voter: place for place, voter in enumerate(voters)}
        if not voters:
            self.refuse("there are no ballots to learn from", "give a batch of votes")
        answers = [
            [(number[b.voter], self.place(b.choice)) for b in ballots if b.choice is not None]
            for ballots in batch.values()
        ]
        fit = fit_confusion(
            answers,
            members=len(voters),
            options=len(self.options),
            smoothing=self.smoothing,
            tolerance=self.tolerance,
            max_iterations=self.max_iterations,
        )
        return self._fitted(voters, fit)

    def _fitted(self, voters: Sequence[str], fit: Fit) -> DawidSkene:
        return attrs.evolve(
            self,
            confusion=FrozenMap(zip(voters, fit.confusion, strict=True)),
            found_shares=fit.shares,
            iterations=len(fit.trail),
        )

    def decide_all(self, batch: Batch, *, tie: Tie | None = None) -> dict[str, Verdict]:
        """Fit the rule to a batch, and decide every vote of it.

        Args:
            batch: The ballots of each vote, by its id; the voters of a vote are
                taken to be all its members. Votes without a ballot are left
                out.
            tie: What becomes of a tie.
        """
        if not any(batch.values()):
            return {}
        fitted = self.fit(batch)
        return {
            id: decide(fitted, Question(id, _voters(ballots), self.options, tie=tie), ballots)
            for id, ballots in batch.items()
            if ballots
        }

    def shares(self) -> Sequence[float]:
        """Return how frequent each option was in the batch."""
        return self.found_shares

    def chance(self, member: str, truth: int, answer: int) -> float:
        """Return how likely the member gives this answer when that is true."""
        rows = self.confusion.get(member)
        return rows[truth][answer] if rows else 1 / len(self.options)

    def check(self, question: Question) -> None:
        """Raise `SpecError` also when the rule is not fitted."""
        super().check(question)
        if not self.iterations:
            question.refuse("rule dawid-skene is not fitted", "call fit with a batch of votes")


def _voters(ballots: Sequence[Ballot]) -> tuple[str, ...]:
    return tuple(ballot.voter for ballot in ballots)
