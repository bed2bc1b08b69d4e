"""A vote as a step of a pipeline: who votes, by which rule, until when.

The counting is `harmonium.protocols.voting`; this is the seam to it. What the
pipeline's machine asks of a round stands in `Poll`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol, Self

import attrs

from harmonium.protocols.checks import check_seconds
from harmonium.protocols.failure import Failure
from harmonium.protocols.voting.ballot import Ballot
from harmonium.protocols.voting.round import Refused, Round, cast, expire, give_up, open_round
from harmonium.protocols.voting.rule import Rule
from harmonium.protocols.voting.ties import Tie
from harmonium.protocols.voting.verdict import Outcome, Verdict

__all__ = ["Poll", "Vote", "VotePoll", "read_ballot"]


class Poll(Protocol):
    """A round of voting as the pipeline's machine sees it: a value."""

    @property
    def verdict(self) -> Any:
        """What the vote came to, or None while it is open."""

    @property
    def failure(self) -> Failure | None:
        """Why the verdict is no result, or None when it is one."""

    @property
    def escalate_to(self) -> str | None:
        """Who has the last word on a tie, or None."""

    def ballot(self, voter: str, said: Any, now: float) -> tuple[Self, str]:
        """Take a ballot; give why it is refused, or nothing."""

    def gone(self, voter: str, now: float) -> Self:
        """Note that no ballot of this voter will come."""

    def close(self, now: float) -> Self:
        """Close the round, however early it is."""

    def settle(self, answer: Any, who: str) -> Any:
        """Give the verdict that follows the last word on a tie."""


def read_ballot(said: Any) -> Ballot | str:
    """Read the usual forms of a ballot.

    A `Ballot`, a text, a truth value (``approve`` or ``reject``), or a message
    with a field `ballot`, `choice` or `approve` that holds one.

    Raises:
        ValueError: If it is none of these.
    """
    if isinstance(said, Ballot | str):
        return said
    if isinstance(said, bool):
        return "approve" if said else "reject"
    for name in ("ballot", "choice", "approve"):
        if getattr(said, name, None) is not None:
            return read_ballot(getattr(said, name))
    raise ValueError(f"{type(said).__name__} is no ballot: give the vote a read=")


@attrs.frozen(slots=True, eq=False)
class Vote:
    """A vote among a group.

    The step's `send` makes the question, the request itself by default. Its
    result is the `Verdict`. A verdict that decides nothing fails the attempt,
    with error ``QuorumNotReached``, ``Tied``, ``NotReached`` or ``Vetoed``, so
    that the step's fallback rules decide.

    Args:
        among: Name of a group, pool or topic, whose configured members vote;
            or the names of the voters; or a callable of the context for them.
        rule: How it is decided, or a callable of the context that gives it.
        deadline: How long the round is open, in seconds; shorter when the
            request has less.
        tie: What becomes of a tie. ``Escalate("lead")`` asks that agent the
            same question; its answer decides.
        options: What may be voted for; None leaves it open, or to the rule.
        early: Close as soon as the outcome can no longer change.
        read: Brings what a voter replied to a `Ballot` or a choice; raising
            refuses the ballot.
        undecided_is_result: Take a verdict that decides nothing as the result.

    Raises:
        SpecError: If the deadline is not above 0 and finite.
    """

    among: str | tuple[str, ...] | Callable[[Any], Iterable[str]]
    rule: Rule | Callable[[Any], Rule] = attrs.field(kw_only=True)
    deadline: float = attrs.field(default=5.0, kw_only=True)
    tie: Tie | None = attrs.field(default=None, kw_only=True)
    options: tuple[str, ...] | None = attrs.field(default=None, kw_only=True)
    early: bool = attrs.field(default=True, kw_only=True)
    read: Callable[[Any], Ballot | str] = attrs.field(default=read_ballot, kw_only=True)
    undecided_is_result: bool = attrs.field(default=False, kw_only=True)

    def __attrs_post_init__(self) -> None:
        check_seconds("Vote.deadline", self.deadline, above=0.0)

    def voters(self, context: Any) -> str | tuple[str, ...]:
        """Give the name of the group, or the names of the voters."""
        among = self.among(context) if callable(self.among) else self.among
        return among if isinstance(among, str) else tuple(among)

    def open(self, context: Any, members: tuple[str, ...], *, id: str, deadline: float) -> VotePoll:
        """Open a round among these members.

        Args:
            context: What is known; a rule may be made of it.
            members: All configured members.
            id: Names the round.
            deadline: When it closes, on the machine's clock.
        """
        rule = self.rule if isinstance(self.rule, Rule) else self.rule(context)
        opened = open_round(
            rule,
            members,
            context.now,
            id=id,
            options=self.options,
            deadline=deadline,
            tie=self.tie,
            early=self.early,
        )
        return VotePoll(self, opened)


@attrs.frozen(slots=True)
class VotePoll:
    """A round of `harmonium.protocols.voting`, as the machine wants it."""

    vote: Vote
    round: Round

    @property
    def verdict(self) -> Verdict | None:
        """What the vote came to, or None while it is open."""
        return self.round.verdict

    @property
    def failure(self) -> Failure | None:
        """Why the verdict is no result."""
        verdict = self.round.verdict
        if verdict is None or verdict.decided or self.vote.undecided_is_result:
            return None
        kinds = (_NAMES[verdict.outcome], "QuorumError")
        return Failure(kinds[0], str(verdict), kinds, in_doubt=False)

    @property
    def escalate_to(self) -> str | None:
        """Who has the last word on a tie."""
        return None if self.round.verdict is None else self.round.verdict.escalate_to

    def ballot(self, voter: str, said: Any, now: float) -> tuple[VotePoll, str]:
        """Take a ballot; give why it is refused, or nothing."""
        try:
            read = self.vote.read(said)
            ballot = read if isinstance(read, Ballot) else Ballot(voter, read)
        except Exception as error:  # noqa: BLE001 - whatever it raises, it is no ballot
            return self, str(error) or type(error).__name__
        id_ = self.round.question.id
        ballot = attrs.evolve(ballot, voter=voter, round=ballot.round or id_)
        after, effects = cast(self.round, ballot, now)
        refused = next((e.why.value for e in effects if isinstance(e, Refused)), "")
        return VotePoll(self.vote, after), refused

    def gone(self, voter: str, now: float) -> VotePoll:
        """Note that no ballot of this voter will come."""
        return VotePoll(self.vote, give_up(self.round, voter, now)[0])

    def close(self, now: float) -> VotePoll:
        """Close the round now, at its deadline or before."""
        due = self.round.deadline
        ends = now if due is None else min(now, due)
        return VotePoll(self.vote, expire(attrs.evolve(self.round, deadline=ends), now)[0])

    def settle(self, answer: Any, who: str) -> Verdict:
        """Give the verdict with the choice that somebody made between those tied.

        Raises:
            ValueError: If the answer is none of the tied options.
        """
        verdict = self.round.verdict
        read = self.vote.read(answer)
        choice = read.choice if isinstance(read, Ballot) else read
        if verdict is None or choice not in verdict.tied:
            raise ValueError(f"{choice!r} is not one of those tied")
        supporters = frozenset(b.voter for b in verdict.ballots if b.choice == choice)
        return attrs.evolve(
            verdict,
            outcome=Outcome.DECIDED,
            choice=choice,
            tied=(),
            supporters=supporters,
            tie_broken_by=who,
        )


_NAMES = {
    Outcome.NO_QUORUM: "QuorumNotReached",
    Outcome.TIED: "Tied",
    Outcome.NOT_REACHED: "NotReached",
    Outcome.VETOED: "Vetoed",
}
