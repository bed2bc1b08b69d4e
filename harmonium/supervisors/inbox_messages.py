"""What is said to an inbox, and what it says to the coordinator that asked."""

from __future__ import annotations

import enum

from harmonium.protocols.envelope import Lane
from harmonium.protocols.message import message
from harmonium.protocols.question import Question

__all__ = [
    "AnswerOutcome",
    "AnswerQuestion",
    "AnswerTaken",
    "ListQuestions",
    "Outcome",
    "PutQuestion",
    "ShowQuestion",
    "TakeAnswer",
    "WithdrawQuestion",
]


@message
class PutQuestion:
    """Put a question there, once for each key.

    Args:
        question: The question; when it came and when it lapses is set there.
        within: Seconds until it lapses.
    """

    question: Question
    within: float


@message
class WithdrawQuestion:
    """Nobody waits for the answer any more."""

    key: str
    why: str


@message
class ListQuestions:
    """List what is open; with `everything`, what is over too."""

    everything: bool = False


@message
class ShowQuestion:
    """Show one question: by its id, the beginning of its id, or its key."""

    id: str


@message
class AnswerQuestion:
    """Answer a question, or decline to.

    Args:
        id: Its id, the beginning of its id, or its key.
        answer: The answer as text, JSON where a type is expected; or why one declines.
        by: Who says it.
        decline: Whether to refuse an answer: the next rung is asked at once.
    """

    id: str
    answer: str
    by: str = ""
    decline: bool = False


class Outcome(enum.Enum):
    """What became of an answer."""

    TAKEN = "taken"
    REFUSED = "refused"
    KEPT = "kept"
    """Its coordinator does not run now, and takes it when it does."""


@message
class AnswerOutcome:
    """What became of an answer, and why it was not taken."""

    outcome: Outcome
    why: str = ""

    @property
    def ok(self) -> bool:
        """Whether it was not refused."""
        return self.outcome is not Outcome.REFUSED


@message(lane=Lane.CONTROL)
class TakeAnswer:
    """Told to the coordinator that asked; it passes the requests that wait there."""

    key: str
    correlation_id: str
    step: str
    answer: str
    by: str
    declined: bool = False


@message
class AnswerTaken:
    """Whether the coordinator took it.

    Args:
        problem: Why not; empty if it did.
        is_late: Whether nobody waits for it any more, so that no other answer will do.
    """

    problem: str = ""
    is_late: bool = False
