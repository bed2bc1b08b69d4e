"""What the agents of the example say to each other."""

from __future__ import annotations

from harmonium.protocols.message import field, message, non_empty
from harmonium.protocols.voting import Ballot, Verdict

__all__ = ["AskBallot", "BallotCast", "ClosePoll", "HoldVote", "OpenPoll", "PollClosed", "VoteHeld"]


@message
class AskBallot:
    """Vote on a question; the answer is a `BallotCast`."""

    question: str


@message
class BallotCast:
    """The vote of one worker on one question."""

    ballot: Ballot


@message
class OpenPoll:
    """Fix what may be voted for, before the first vote."""

    options: tuple[str, ...] = field(validator=non_empty)


@message
class HoldVote:
    """Ask all who may vote on a question for their ballots.

    Held again, nothing changes: the question is the idempotency key.

    Args:
        question: Its id.
        voters: The address of each voter's agent and the voter's name.
    """

    question: str
    voters: tuple[tuple[str, str], ...] = field(validator=non_empty)


@message
class VoteHeld:
    """The ballots of a question are in the box."""

    question: str
    ballots: int


@message
class ClosePoll:
    """Decide every question; the answer is `PollClosed`."""


@message
class PollClosed:
    """All verdicts, in the order in which the votes were held."""

    verdicts: tuple[Verdict, ...]
