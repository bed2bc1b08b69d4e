"""What may happen to a supervisor: the events that `decide` takes.

Reports of children carry the incarnation they are about, timers carry the token
they were set with; what does not fit the present state is inert. A report
arrives once or several times, early or late: the decision is the same.
"""

from __future__ import annotations

from typing import Any

import attrs

from harmonium.protocols.lifecycle import Declined, Exit, Exited, Overran, Phase, Started
from harmonium.protocols.quick import quick
from harmonium.supervisors.core.cause import Cause
from harmonium.supervisors.core.timers import Token
from harmonium.supervisors.spec import ChildSpec, SupervisorSpec

__all__ = [
    "Boot",
    "Command",
    "CountChildren",
    "Declined",
    "DeleteChild",
    "Ended",
    "Event",
    "Exited",
    "Failed",
    "GetSpec",
    "KillAll",
    "Overran",
    "Query",
    "Reconfigure",
    "Report",
    "Resize",
    "RestartChild",
    "Resumed",
    "Scaled",
    "Spent",
    "StartChild",
    "Started",
    "StopAll",
    "StopChild",
    "Suspect",
    "TimerFired",
    "WhichChild",
    "WhichChildren",
]


# --- What children report (the others are those of protocols.lifecycle) ---


@attrs.frozen(slots=True)
class Suspect:
    """The message in work when a child failed, as far as a decision needs it.

    Args:
        message: Its id.
        fingerprint: Where and how the handler raised; equal for equal crashes.
        handled: How many messages the child has handled well, over all
            incarnations.
    """

    message: str
    fingerprint: str
    handled: int


@quick
@attrs.frozen(slots=True)
class Failed:
    """The incarnation raised and is suspended, its instance still there.

    In phase START it never became ready: the start has failed.

    Args:
        child: Its id.
        incarnation: Which one it was.
        cause: What it raised.
        phase: Where.
        suspect: The message in work, where the child's spec watches for poison.
    """

    child: str
    incarnation: int
    cause: Cause
    phase: Phase = Phase.HANDLER
    suspect: Suspect | None = None


@attrs.frozen(slots=True)
class Ended:
    """What `Exited` says, with the words of its exception in place of the exception.

    So it stands in the journal, and can be decided about again.

    Args:
        child: Its id.
        incarnation: Which one it was.
        reason: Why it ended.
        cause: The same with the names of the exception's classes.
    """

    child: str
    incarnation: int
    reason: Exit
    cause: Cause


@attrs.frozen(slots=True)
class Spent:
    """Restarts were charged in the tree below a child that is a supervisor.

    Args:
        child: Its id.
        count: How many restarts.
        cause: The last one's cause, as text.
    """

    child: str
    count: int
    cause: str


# --- Time, and the parent ---


@attrs.frozen(slots=True)
class TimerFired:
    """The delay of an earlier `SetTimer` is over."""

    token: Token


@attrs.frozen(slots=True)
class Boot:
    """Start the children, in order.

    The first ones may be up already: what is ready as soon as it is built needs no
    decision of its own (`first_starts`).

    Args:
        ready: Ids of those that were ready as soon as they were built, in order.
        begun: Id of the next one, if it was built and was not ready at once; its
            report follows.
    """

    ready: tuple[str, ...] = ()
    begun: str = ""


@attrs.frozen(slots=True)
class StopAll:
    """Stop the children in reverse order, then end. The first reason given wins.

    Args:
        reason: Why; the supervisor's own exit reason.
        request: Who is to be answered when all is over, or None.
    """

    reason: Exit
    request: Any = None


@attrs.frozen(slots=True)
class KillAll:
    """Kill all children at once, then end. Also while `StopAll` is under way."""

    reason: Exit


@attrs.frozen(slots=True)
class Resumed:
    """The parent answered an escalated failure with RESUME."""


# --- What an operator asks; `request` comes back in the `Answer` ---


@attrs.frozen(slots=True)
class StartChild:
    """Add a child and start it; answered when it is ready or has failed.

    Args:
        request: Comes back in the answer.
        spec: The child; None takes the template of a dynamic supervisor.
        id: Another id for it; None for the spec's own, or for a made-up one
            where the template is used.
        args: Put behind the arguments of the template.
        wait: Whether the answer is to tell how the start ended; if not, or if
            a pass through the children has to end first, it comes at once.
    """

    request: Any
    spec: ChildSpec | None = None
    id: str | None = None
    args: tuple[Any, ...] = ()
    wait: bool = True


@attrs.frozen(slots=True)
class StopChild:
    """Stop a child and hold it; answered when it is gone, or at once."""

    request: Any
    child: str
    wait: bool = True


@attrs.frozen(slots=True)
class RestartChild:
    """Start a child that is held, finished or quarantined; charged to no budget."""

    request: Any
    child: str
    wait: bool = True


@attrs.frozen(slots=True)
class DeleteChild:
    """Forget the spec of a child that is down."""

    request: Any
    child: str


@attrs.frozen(slots=True)
class Resize:
    """Have `count` partitions run; answered when they do."""

    request: Any
    count: int


@attrs.frozen(slots=True)
class Scaled:
    """A pool changes its size; its members come and go as further events.

    Args:
        choice: What is done: grow or shrink.
        why: One sentence with the figures that it rests on.
    """

    choice: str
    why: str


@attrs.frozen(slots=True)
class Reconfigure:
    """Take over the limits and policies of a new spec; children are not touched."""

    request: Any
    spec: SupervisorSpec


@attrs.frozen(slots=True)
class WhichChildren:
    """List the children, in start order."""

    request: Any


@attrs.frozen(slots=True)
class WhichChild:
    """Show one child."""

    request: Any
    child: str


@attrs.frozen(slots=True)
class CountChildren:
    """Count the children."""

    request: Any


@attrs.frozen(slots=True)
class GetSpec:
    """Show the spec of one child."""

    request: Any
    child: str


Report = Started | Failed | Exited | Ended | Declined | Overran | Spent
Command = StartChild | StopChild | RestartChild | DeleteChild | Resize | Reconfigure
Query = WhichChildren | WhichChild | CountChildren | GetSpec
Event = Report | TimerFired | Boot | StopAll | KillAll | Resumed | Scaled | Command | Query
