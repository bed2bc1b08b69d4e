"""What happens to a request: the only things that its state is made of.

``step`` is a path: ``stock``, ``lines[3]`` (an item of a mapped step),
``ship/label`` (a step of a sub-pipeline). ``attempt`` is the number that the
effect carried; an event with another number is late and is refused.
"""

from __future__ import annotations

from typing import Any

import attrs

from harmonium.protocols.failure import Failure
from harmonium.protocols.quick import quick

__all__ = [
    "Answered",
    "BallotCast",
    "Begun",
    "Cancelled",
    "Event",
    "Failed",
    "Polled",
    "Reached",
    "Replied",
    "RestoredFromLog",
    "TimerFired",
    "UndoFailed",
    "UndoReplied",
    "VoterGone",
]


@attrs.frozen(slots=True)
class Begun:
    """The request has come; always the first event, and only once.

    Args:
        request: The message that asks for the pipeline's work.
        deadline: When the asker gives up, in seconds of the same clock as
            `now`; None when it waits for ever.
        stream: Whether the asker wants partial results.
    """

    request: Any
    deadline: float | None = None
    stream: bool = False


@quick
@attrs.frozen(slots=True)
class Replied:
    """An agent replied to a `Send`, or one of several to a `Publish`.

    Args:
        step: The step's path.
        attempt: The number that the effect carried.
        reply: The reply.
        who: Path of the agent that replied; needed where several may.
    """

    step: str
    attempt: int
    reply: Any
    who: str = ""


@quick
@attrs.frozen(slots=True)
class Failed:
    """A `Send`, `Publish`, `AskBallots` or `AskPerson` failed or timed out."""

    step: str
    attempt: int
    failure: Failure


@attrs.frozen(slots=True)
class Reached:
    """A `Publish` was handed to this many subscribers: no more replies will come."""

    step: str
    attempt: int
    count: int


@attrs.frozen(slots=True)
class Polled:
    """An `AskBallots` to a group went to these: the configured members of the group.

    Comes before any ballot, and only for a group that was named by one name.
    """

    step: str
    attempt: int
    voters: tuple[str, ...]


@quick
@attrs.frozen(slots=True)
class BallotCast:
    """A voter answered an `AskBallots`.

    Args:
        step: The step's path.
        attempt: The number that the effect carried.
        voter: Name of the voter, as the vote knows it.
        ballot: What it said.
    """

    step: str
    attempt: int
    voter: str
    ballot: Any


@attrs.frozen(slots=True)
class VoterGone:
    """No ballot of this voter will come: it is dead, it failed, it timed out.

    Of a subscriber that a `Publish` went to, no reply.
    """

    step: str
    attempt: int
    voter: str
    failure: Failure


@attrs.frozen(slots=True)
class Answered:
    """A person answered an `AskPerson`.

    Args:
        step: The step's path.
        attempt: The number that the effect carried.
        answer: The answer.
        who: Who gave it.
    """

    step: str
    attempt: int
    answer: Any
    who: str = ""


@quick
@attrs.frozen(slots=True)
class TimerFired:
    """The time of a `SetTimer` has come; a cancelled one that fires is inert."""

    token: str


@attrs.frozen(slots=True)
class Cancelled:
    """The asker, or an operator, does not want the request any more."""

    reason: str = ""


@attrs.frozen(slots=True)
class UndoReplied:
    """The agent confirmed an `Undo`."""

    step: str
    attempt: int
    reply: Any = None
    who: str = ""


@attrs.frozen(slots=True)
class UndoFailed:
    """An `Undo` failed or timed out."""

    step: str
    attempt: int
    failure: Failure


@attrs.frozen(slots=True)
class RestoredFromLog:
    """The coordinator has read its log again and goes on from here.

    Whatever was in flight is asked again, with the same attempt number and the
    same idempotency key; timers are set again.
    """


Event = (
    Begun
    | Replied
    | Failed
    | Reached
    | Polled
    | BallotCast
    | VoterGone
    | Answered
    | TimerFired
    | Cancelled
    | UndoReplied
    | UndoFailed
    | RestoredFromLog
)
