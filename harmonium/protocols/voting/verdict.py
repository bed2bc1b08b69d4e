"""What a vote came to, and why."""

from __future__ import annotations

import enum

import attrs

from harmonium.protocols.voting.ballot import Ballot

__all__ = ["Outcome", "Verdict"]


class Outcome(enum.Enum):
    """How a vote ended."""

    DECIDED = "decided"
    """An option was chosen."""
    TIED = "tied"
    """Several options lead, and the tie policy does not tell them apart."""
    NOT_REACHED = "not_reached"
    """The quorum was there, but no option had what the rule asks for."""
    NO_QUORUM = "no_quorum"
    """Too few members took part."""
    VETOED = "vetoed"
    """A member with the right to do so forbade a decision."""


@attrs.frozen(kw_only=True)
class Verdict:
    """What a vote came to, and all that it rests on.

    Args:
        question: Id of the vote.
        rule: Name of the rule that decided.
        outcome: How it ended.
        choice: The option chosen; None unless decided.
        margin: How far the choice led before its nearest rival, in the unit of
            the rule: votes, weight, points, or nats of log-odds. 0 for a tie
            that was broken, and where nothing was chosen.
        confidence: From 0 to 1; each rule's docstring says of what. 0 where
            nothing was chosen.
        scores: What each option had, best first, in the unit of the rule.
        ballots: All ballots that were counted, in order of arrival.
        supporters: The voters whose ballots count for the choice.
        tied: The options that nothing tells apart; empty unless tied.
        tie_broken_by: ``"seeded draw"`` or ``"priority"`` where that decided,
            or who was asked.
        escalate_to: Whom to ask about the tie, where the policy says so.
        quorum: How many members had to take part.
        missing: The members without a ballot.
        early: Whether it was closed before all ballots that could still come
            were there, because they could not have changed it.
    """

    question: str
    rule: str
    outcome: Outcome
    choice: str | None = None
    margin: float = 0.0
    confidence: float = 0.0
    scores: tuple[tuple[str, float], ...] = ()
    ballots: tuple[Ballot, ...] = ()
    supporters: frozenset[str] = frozenset()
    tied: tuple[str, ...] = ()
    tie_broken_by: str | None = None
    escalate_to: str | None = None
    quorum: int = 1
    missing: tuple[str, ...] = ()
    early: bool = False

    @property
    def decided(self) -> bool:
        """Whether an option was chosen."""
        return self.outcome is Outcome.DECIDED

    @property
    def ballots_for(self) -> tuple[Ballot, ...]:
        """The ballots that count for the choice."""
        return tuple(b for b in self.ballots if b.voter in self.supporters)

    @property
    def ballots_against(self) -> tuple[Ballot, ...]:
        """The ballots that prefer something else; empty where nothing was chosen."""
        if self.choice is None:
            return ()
        return tuple(b for b in self.ballots if not b.abstain and b.voter not in self.supporters)

    @property
    def abstentions(self) -> tuple[Ballot, ...]:
        """The ballots that abstain."""
        return tuple(b for b in self.ballots if b.abstain)

    @property
    def vetoes(self) -> tuple[Ballot, ...]:
        """The ballots that forbid a decision."""
        return tuple(b for b in self.ballots if b.veto)

    def __str__(self) -> str:
        return f"{self.rule}: {self._result()}, {self._turnout()}"

    def _result(self) -> str:
        if self.outcome is Outcome.DECIDED:
            broken = f", tie broken by {self.tie_broken_by}" if self.tie_broken_by else ""
            lead = f"margin {self.margin:g}, confidence {self.confidence:.2f}{broken}"
            return f"{self.choice} ({lead})"
        if self.outcome is Outcome.TIED:
            asked = f", ask {self.escalate_to}" if self.escalate_to else ""
            return f"tied between {', '.join(self.tied)}{asked}"
        if self.outcome is Outcome.VETOED:
            return f"vetoed by {', '.join(b.voter for b in self.vetoes)}"
        return {
            Outcome.NO_QUORUM: f"no quorum ({len(self.ballots)} of {self.quorum})",
            Outcome.NOT_REACHED: "no option has what the rule asks for",
        }[self.outcome]

    def _turnout(self) -> str:
        undecided = len(self.ballots) - len(self.abstentions) if self.choice is None else 0
        parts = (
            (undecided, "voted"),
            (len(self.ballots_for), "for"),
            (len(self.ballots_against), "against"),
            (len(self.abstentions), "abstained"),
            (len(self.missing), "missing"),
        )
        return ", ".join(f"{n} {what}" for n, what in parts if n) or "no ballots"
