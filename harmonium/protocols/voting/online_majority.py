"""A weighted majority that learns, vote by vote, how reliable each member is."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import ClassVar

import attrs

from harmonium.protocols.persistent_map import PersistentMap
from harmonium.protocols.voting.ballot import Ballot
from harmonium.protocols.voting.confusion import Confusion, ConfusionRule

__all__ = ["OnlineWeightedMajority"]


@attrs.frozen
class OnlineWeightedMajority(ConfusionRule):
    """Choose the likeliest option, with weights learned in one pass and without truth.

    For each member it keeps how often it is thought to have answered each
    option when each option was true. A ballot weighs for an option by the log
    of the chance, so learned, that this member votes so when that is true; the
    option with the highest sum is chosen. After the vote, `learn` credits each
    ballot to every option in proportion to the chance that it was the true
    one. The rule is a value: `learn` returns the rule for the next vote.

    That weights are multiplied by how well a member did (here: log-odds are
    added) is the weighted majority algorithm of Littlestone and Warmuth (The
    weighted majority algorithm, Information and Computation 108(2), 1994).
    That log-odds are the best weights was shown by Nitzan and Paroush (Optimal
    decision rules in uncertain dichotomous choice situations, International
    Economic Review 23(2), 1982). As no truth is needed, the chances that a
    vote ends with stand for it: one step of the model of Dawid and Skene per
    vote, in the manner of the online EM of Cappé and Moulines (On-line
    expectation-maximization algorithm for latent data models, Journal of the
    Royal Statistical Society B 71(3), 2009).

    Unit, margin and confidence are those of `ConfusionRule`.

    Args:
        options: What may be voted for; the same in all votes.
        hits: How often, in imagined earlier votes, a member was right about
            each option. Above `misses`.
        misses: How often it was wrong there. Above 0. The default, 4 to 1,
            takes newcomers to be right four times out of five, and gives that
            belief the weight of five votes on each option.
        seen: What was learned of each member; leave it to `learn`.
        truths: How often each option is thought to have been true; leave it to
            `learn`.

    Raises:
        SpecError: If there are fewer than two options, or `hits` and `misses`
            are out of bounds.

    Example:
        >>> rule = OnlineWeightedMajority(("no", "yes"))
        >>> for _ in range(9):
        ...     ballots = [Ballot("ann", "yes"), Ballot("ben", "yes"), Ballot("cas", "no")]
        ...     rule = rule.learn(ballots)
        >>> rule.reliability("ann") > 0.8 > rule.reliability("cas")
        True
    """

    name: ClassVar[str] = "online weighted majority"

    hits: float = attrs.field(default=4.0, kw_only=True)
    misses: float = attrs.field(default=1.0, kw_only=True)
    seen: PersistentMap[str, Confusion] = attrs.field(
        factory=PersistentMap, kw_only=True, repr=False, hash=False
    )
    truths: tuple[float, ...] = attrs.field(kw_only=True, repr=False)

    @truths.default
    def _nothing_seen(self) -> tuple[float, ...]:
        return (0.0,) * len(self.options)

    def __attrs_post_init__(self) -> None:
        ConfusionRule.__attrs_post_init__(self)
        if not (math.isfinite(self.hits) and 0 < self.misses < self.hits):
            problem = f"hits is {self.hits} and misses is {self.misses}"
            self.refuse(problem, "give hits > misses > 0")

    def learn(
        self, ballots: Iterable[Ballot], *, truth: str | None = None
    ) -> OnlineWeightedMajority:
        """Return the rule that has learned from the ballots of one vote.

        Args:
            ballots: Those of a verdict. Ballots without a choice teach nothing.
            truth: The right option, where it has become known.

        Raises:
            SpecError: If the truth, or a choice, is none of the options.
        """
        stated = [ballot for ballot in ballots if ballot.choice is not None]
        chances = self.chances(stated) if truth is None else self._certain(truth)
        if not stated and truth is None:
            return self
        seen = self.seen
        for ballot in stated:
            place = self.place(str(ballot.choice))
            learned = _credited(self._counts(ballot.voter), place, chances)
            seen = seen.set(ballot.voter, learned)
        truths = tuple(n + chance for n, chance in zip(self.truths, chances, strict=True))
        return attrs.evolve(self, seen=seen, truths=truths)

    def shares(self) -> Sequence[float]:
        """Return how frequent each option is, one imagined vote for each included."""
        total = math.fsum(self.truths) + len(self.options)
        return [(n + 1.0) / total for n in self.truths]

    def chance(self, member: str, truth: int, answer: int) -> float:
        """Return how likely the member gives this answer when that is true."""
        row = self._counts(member)[truth]
        imagined = self.hits if answer == truth else self.misses / (len(row) - 1)
        return (row[answer] + imagined) / (math.fsum(row) + self.hits + self.misses)

    def _certain(self, truth: str) -> tuple[float, ...]:
        right = self.place(truth)
        return tuple(float(place == right) for place in range(len(self.options)))

    def _counts(self, member: str) -> Confusion:
        width = len(self.options)
        return self.seen.get(member) or ((0.0,) * width,) * width


def _credited(counts: Confusion, answer: int, chances: Sequence[float]) -> Confusion:
    return tuple(
        (*row[:answer], row[answer] + chance, *row[answer + 1 :])
        for row, chance in zip(counts, chances, strict=True)
    )
