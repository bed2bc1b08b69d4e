"""What a request machine wants done: the interpreter does it and reports back.

An effect that waits for an answer names its step and attempt; the report
carries them back. Each `Send`, `Publish` and `Undo` has to be reported on
within its timeout: with a reply, or with a failure (of type ``AskTimeout`` when
nothing came). `AskBallots` and `AskPerson` have timers of their own.
"""

from __future__ import annotations

from typing import Any

import attrs

from harmonium.protocols.decision_log import Entry
from harmonium.protocols.errors import CompensationFailed, CoordinationError, StepFailed
from harmonium.protocols.failure import Failure
from harmonium.protocols.partial import Partial
from harmonium.protocols.quick import quick
from harmonium.protocols.reliability.policy import Policy

__all__ = [
    "Alarm",
    "AskBallots",
    "AskPerson",
    "CancelStep",
    "CancelTimer",
    "Effect",
    "FailRequest",
    "Finish",
    "Partial",
    "Publish",
    "Record",
    "Send",
    "SetTimer",
    "Undo",
]


@quick
@attrs.frozen(slots=True)
class Send:
    """Ask an agent: answer with `Replied` or `Failed`.

    Args:
        step: The step's path.
        attempt: The number that the report has to carry.
        to: Name or path of the agent or pool.
        message: What to send.
        timeout: How long to wait for the reply, in seconds; above 0.
        idempotency_key: The same for every attempt at the same work.
        policy: What holds for the ask; None for nothing more than its timeout.
    """

    step: str
    attempt: int
    to: str
    message: Any
    timeout: float
    idempotency_key: str
    policy: Policy | None = None


@attrs.frozen(slots=True)
class Publish:
    """Publish to a topic: answer with `Reached`, then a `Replied` for each reply.

    A subscriber that fails is reported with `VoterGone`, so that nobody waits for it.

    A timer of the machine ends the gathering, `timeout` is told for the
    deadline of the messages.
    """

    step: str
    attempt: int
    topic: str
    message: Any
    timeout: float
    idempotency_key: str


@attrs.frozen(slots=True)
class AskBallots:
    """Ask each member of a group for its ballot: answer with a `BallotCast` each.

    A group that is named by one name is looked up by the interpreter, which
    first answers with `Polled`: all configured members, alive or not.
    The key of each voter's message is ``f"{idempotency_key}:{voter}"``. A voter
    that fails is reported with `VoterGone`, so that nobody waits for it.

    Args:
        step: The step's path.
        attempt: The number that the report has to carry.
        among: Name of the group, pool or topic, or the names of the voters.
        message: The question.
        deadline: When the round closes, in seconds of the machine's clock.
        idempotency_key: The same for every attempt at the same work; also the
            id of the round, which every ballot carries.
    """

    step: str
    attempt: int
    among: str | tuple[str, ...]
    message: Any
    deadline: float
    idempotency_key: str


@attrs.frozen(slots=True)
class AskPerson:
    """Put a question in a person's inbox: answer with `Answered`.

    The same key means the same question: put it there once. The machine has a
    timer for the deadline.

    Args:
        step: The step's path.
        attempt: The number that the report has to carry.
        who: The person or group.
        question: The text.
        options: The valid answers; empty for free text.
        deadline: When the question lapses, in seconds of the machine's clock.
        idempotency_key: The identity of the question.
        about: The message or value that the question is about, or None.
        expect: The types of which the answer is to be one; none given means text.
        read: Makes the result of the answer, and raises where it is not valid;
            whoever asks may try it, to tell the person at once.
    """

    step: str
    attempt: int
    who: str
    question: str
    options: tuple[str, ...]
    deadline: float
    idempotency_key: str
    about: Any = None
    expect: tuple[type, ...] = ()
    read: Any = None


@attrs.frozen(slots=True)
class CancelStep:
    """Nobody needs this attempt any more: stop waiting, withdraw what was asked."""

    step: str
    attempt: int


@quick
@attrs.frozen(slots=True)
class SetTimer:
    """Send `TimerFired` with this token at this time, or at once when it is past."""

    token: str
    at: float


@attrs.frozen(slots=True)
class CancelTimer:
    """The timer is not needed; if it fires all the same, nothing happens."""

    token: str


@quick
@attrs.frozen(slots=True)
class Undo:
    """Ask an agent to undo a finished step: answer with `UndoReplied` or `UndoFailed`.

    The fields are those of `Send`.
    """

    step: str
    attempt: int
    to: str
    message: Any
    timeout: float
    idempotency_key: str
    policy: Policy | None = None


@attrs.frozen(slots=True)
class Alarm:
    """A finished step still stands after its undo failed for good: tell an operator."""

    step: str
    failure: Failure

    def error(self) -> CompensationFailed:
        """Give the error to report to the parent."""
        return CompensationFailed(self.step, str(self.failure))


@quick
@attrs.frozen(slots=True)
class Record:
    """Append to the decision log."""

    entry: Entry


@attrs.frozen(slots=True)
class Finish:
    """Answer the asker."""

    result: Any


@attrs.frozen(slots=True)
class FailRequest:
    """Answer the asker with an error; what could be undone is undone by now.

    Args:
        step: The step that failed; empty when the request was cancelled or
            ran out of time.
        failure: Why.
        undone: Paths of the steps that were undone, in the order of undoing.
        standing: Paths of the steps that should have been undone and were not.
    """

    step: str
    failure: Failure
    undone: tuple[str, ...] = ()
    standing: tuple[str, ...] = ()

    def error(self) -> CoordinationError:
        """Give the error to raise at the asker."""
        if self.standing:
            cause = f"{self.failure}; still standing: {', '.join(self.standing)}"
            return CompensationFailed(self.standing[0], cause)
        return StepFailed(self.step or "request", str(self.failure))


Effect = (
    Send
    | Publish
    | AskBallots
    | AskPerson
    | CancelStep
    | SetTimer
    | CancelTimer
    | Undo
    | Alarm
    | Partial
    | Record
    | Finish
    | FailRequest
)
