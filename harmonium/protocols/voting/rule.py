"""What all voting rules have in common."""

from __future__ import annotations

import abc
import enum
from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar

import attrs

from harmonium.protocols.errors import SpecError
from harmonium.protocols.voting.ballot import Ballot, BallotKind
from harmonium.protocols.voting.names import listed, listed_or_none
from harmonium.protocols.voting.question import Question

__all__ = ["Count", "Refusal", "Rule"]


class Refusal(enum.Enum):
    """Why a ballot was recorded but not counted."""

    NOT_A_MEMBER = "not_a_member"
    WRONG_ROUND = "wrong_round"
    DUPLICATE = "duplicate"
    LATE = "late"
    WRONG_KIND = "wrong_kind"
    UNKNOWN_OPTION = "unknown_option"
    OUT_OF_RANGE = "out_of_range"
    NO_VETO_RIGHT = "no_veto_right"


@attrs.frozen(kw_only=True)
class Count:
    """What a rule makes of the ballots, before the tie policy is asked.

    Args:
        scores: What each option has; whole numbers, but for the rules that
            learn, so that equal is equal.
        leaders: The options that lead; several when they lead alike, none when
            no option has what the rule asks for.
        margin: Lead of the leader before the next option.
        confidence: Confidence in a leader, from 0 to 1.
        tie_used: Whether the tie policy had a say on the way here.
        parts: How many of these make one unit of the rule.
    """

    scores: Mapping[str, float]
    leaders: tuple[str, ...]
    margin: float = 0.0
    confidence: float = 0.0
    tie_used: bool = False
    parts: int = 1


def _veto(veto: bool | Iterable[str]) -> bool | frozenset[str]:  # noqa: FBT001 - a converter
    return veto if isinstance(veto, bool) else frozenset(listed(veto))


def _quorum(rule: object, _field: object, quorum: int | None) -> None:
    whole = isinstance(quorum, int) and not isinstance(quorum, bool)
    if quorum is not None and not (whole and quorum >= 1):
        remedy = "give at least 1, or None for more than half"
        raise SpecError(f"{type(rule).__name__}.quorum", f"it is {quorum!r}", remedy)


@attrs.frozen(kw_only=True)
class Rule(abc.ABC):
    """A way to make one decision of many ballots.

    A rule is a value: it holds its settings, and its methods are pure.

    Args:
        quorum: How many configured members must take part; one who abstains
            takes part. Default: more than half of them.
        veto: Who may forbid a decision: True for everybody, or a set of member
            ids. While such a member has not voted, nothing is decided early.
    """

    name: ClassVar[str]
    kind: ClassVar[BallotKind]
    closed: ClassVar[bool] = False
    """Whether the rule needs the options beforehand."""

    quorum: int | None = attrs.field(default=None, validator=_quorum)
    veto: bool | frozenset[str] = attrs.field(default=False, converter=_veto)

    @abc.abstractmethod
    def count(self, question: Question, ballots: Sequence[Ballot]) -> Count:
        """Count the ballots that state a preference."""

    @abc.abstractmethod
    def is_settled(
        self, question: Question, ballots: Sequence[Ballot], awaited: Sequence[str], count: Count
    ) -> bool:
        """Whether no ballots of the awaited members could change the outcome.

        They may vote for whatever the question allows, abstain or stay away,
        in any combination. Quorum and vetoes are looked after elsewhere.

        Args:
            question: What is fixed.
            ballots: Those that state a preference, so far.
            awaited: Who may still vote; at least one.
            count: What `count` made of the ballots.
        """

    def supports(self, ballot: Ballot, choice: str, _count: Count) -> bool:
        """Whether the ballot counts for the choice."""
        return ballot.choice == choice

    def refusal(self, question: Question, ballot: Ballot) -> Refusal | None:
        """Return why this rule cannot read the ballot, or None."""
        if ballot.veto and not self.may_veto(ballot.voter):
            return Refusal.NO_VETO_RIGHT
        if ballot.kind not in (self.kind, None):
            return Refusal.WRONG_KIND
        if question.options is not None and not set(ballot.options) <= set(question.options):
            return Refusal.UNKNOWN_OPTION
        return None

    def options_for(self, options: Iterable[str] | None) -> tuple[str, ...] | None:
        """Return the options of a question: those given, unless the rule brings its own."""
        return listed_or_none(options)

    def check(self, question: Question) -> None:
        """Raise `SpecError` when the rule cannot decide the question."""
        if self.needed(question) > len(question.members):
            members = f"{len(question.members)} members"
            question.refuse(f"the quorum is {self.quorum} of {members}", "lower the quorum")
        if self.closed and question.options is None:
            question.refuse(f"rule {self.name} needs to know the options", "name them")
        if isinstance(self.veto, frozenset) and not self.veto <= set(question.members):
            strangers = ", ".join(sorted(self.veto - set(question.members)))
            question.refuse(f"{strangers} may veto but is no member", "name members only")

    def needed(self, question: Question) -> int:
        """Return how many members must take part."""
        return len(question.members) // 2 + 1 if self.quorum is None else self.quorum

    def may_veto(self, member: str) -> bool:
        """Whether this member may forbid a decision."""
        return self.veto if isinstance(self.veto, bool) else member in self.veto
