"""What one member says in a vote."""

from __future__ import annotations

import enum
import math
from collections.abc import Iterable, Mapping

import attrs

from harmonium.protocols.errors import SpecError
from harmonium.protocols.voting.names import listed, listed_or_none

__all__ = ["Ballot", "BallotKind"]


class BallotKind(enum.Enum):
    """How a ballot states its preference; each rule reads one kind."""

    CHOICE = "choice"
    RANKING = "ranking"
    APPROVALS = "approvals"
    SCORES = "scores"


def _pairs(
    scores: Mapping[str, float] | Iterable[tuple[str, float]] | None,
) -> tuple[tuple[str, float], ...] | None:
    if scores is None:
        return None
    return tuple(sorted(dict(scores).items()))


def _names(names: Iterable[str] | None) -> frozenset[str] | None:
    return None if names is None else frozenset(listed(names))


@attrs.frozen
class Ballot:
    """What one member says in one vote.

    It states one preference (a choice, a ranking, approvals or scores), or
    abstains, or vetoes; a veto may stand beside a preference. It is a plain
    value of texts and numbers, so it may be a field of a message.

    Args:
        voter: The id of the member.
        choice: The one option that it wants.
        ranking: Options from best to worst, each once. Options left out are
            worse than all that are named.
        approvals: The options that it can live with; may be empty.
        scores: Points for each option, from 0; options left out get 0.
        abstain: The member takes part (it counts for the quorum) and prefers
            nothing.
        veto: The member forbids any decision. Refused from a member to whom
            the rule gives no veto.
        round: The id of the question that it answers. A ballot of another
            round is refused.
        reason: Why, in the member's words; for the record.
        at: When it arrived, in seconds of the system's clock; the round
            writes it.

    Raises:
        SpecError: If it states two preferences, or nothing at all, or names
            an option twice, or a score is negative or no number.

    Example:
        >>> Ballot("ann", "approve").kind
        <BallotKind.CHOICE: 'choice'>
        >>> Ballot("ben", ranking=["tea", "coffee"]).ranking
        ('tea', 'coffee')
    """

    voter: str
    choice: str | None = None
    ranking: tuple[str, ...] | None = attrs.field(
        default=None, kw_only=True, converter=listed_or_none
    )
    approvals: frozenset[str] | None = attrs.field(default=None, kw_only=True, converter=_names)
    scores: tuple[tuple[str, float], ...] | None = attrs.field(
        default=None, kw_only=True, converter=_pairs
    )
    abstain: bool = attrs.field(default=False, kw_only=True)
    veto: bool = attrs.field(default=False, kw_only=True)
    round: str = attrs.field(default="", kw_only=True)
    reason: str = attrs.field(default="", kw_only=True)
    at: float = attrs.field(default=0.0, kw_only=True)

    def __attrs_post_init__(self) -> None:
        stated = sum(
            value is not None for value in (self.choice, self.ranking, self.approvals, self.scores)
        )
        if stated > 1 or (self.abstain and (stated or self.veto)):
            self._refuse("states more than one thing", "give one preference, or abstain, or veto")
        if not (stated or self.abstain or self.veto):
            self._refuse("says nothing", "give a preference, or abstain=True")
        if self.ranking is not None and len(set(self.ranking)) < len(self.ranking):
            self._refuse("ranks an option twice", "name each option once")
        if any(not (math.isfinite(points) and points >= 0) for _, points in self.scores or ()):
            self._refuse("has a score that is negative or no number", "give scores from 0 up")

    def _refuse(self, problem: str, remedy: str) -> None:
        raise SpecError(f"Ballot of {self.voter}", problem, remedy)

    @property
    def kind(self) -> BallotKind | None:
        """How it states its preference; None when it only abstains or vetoes."""
        if self.choice is not None:
            return BallotKind.CHOICE
        if self.ranking is not None:
            return BallotKind.RANKING
        if self.approvals is not None:
            return BallotKind.APPROVALS
        return BallotKind.SCORES if self.scores is not None else None

    @property
    def options(self) -> tuple[str, ...]:
        """Every option that it names, sorted where it gives them no order."""
        if self.choice is not None:
            return (self.choice,)
        if self.ranking is not None:
            return self.ranking
        if self.approvals is not None:
            return tuple(sorted(self.approvals))
        return tuple(option for option, _ in self.scores or ())
