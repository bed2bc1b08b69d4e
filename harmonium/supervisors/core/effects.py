"""What a decision leads to: the effects that an interpreter carries out, in order.

The interpreter carries out each effect without waiting for its end; what comes of
it returns as an event. The last one is the `Record` of the decision, to be kept in a
journal (the newest ones, in a ring). A child's *cell* is what others hold on to: ref, path,
mailbox and watchers. It outlives incarnations and ends with `Release`.
"""

from __future__ import annotations

from typing import Any

import attrs

from harmonium.protocols.errors import BudgetExhausted
from harmonium.protocols.lifecycle import Exit
from harmonium.protocols.quick import quick
from harmonium.protocols.waiting import Mail
from harmonium.supervisors.core.answers import Reply
from harmonium.supervisors.core.cause import Cause
from harmonium.supervisors.core.record import Record
from harmonium.supervisors.core.timers import Token
from harmonium.supervisors.spec import ChildSpec

__all__ = [
    "Answer",
    "CancelTimer",
    "Effect",
    "Escalate",
    "Finish",
    "GiveUp",
    "Kill",
    "Notice",
    "Park",
    "Quarantine",
    "Ready",
    "Release",
    "Restart",
    "Resume",
    "Retry",
    "SetAside",
    "SetTimer",
    "Spend",
    "Start",
    "Stop",
]


# --- Children ---


@quick
@attrs.frozen(slots=True)
class Start:
    """Build an instance. Answer: `Started`, `Failed` in phase START, `Declined` or `Exited`.

    Args:
        child: Its id.
        incarnation: The number of the new instance.
        spec: How to make it.
        cause: Why the one before ended; it goes to `after_restart`. None for a
            first start, which calls `started`.
        fresh: Make a new cell. If not, use the one that is kept: its mail
            waits, its ref and watchers stay.
        reports: Whether a child that is a supervisor has to report the restarts
            that it charges (`Spend`).
    """

    child: str
    incarnation: int
    spec: ChildSpec
    cause: Cause | None = None
    fresh: bool = True
    reports: bool = False


@quick
@attrs.frozen(slots=True)
class Restart:
    """Tear the failed instance down and build the next one in the same cell.

    The old one hears `before_restart(cause, message)`; its own children are
    stopped unless it keeps them; then the new one is built and hears
    `after_restart(cause)`. No `Exited` of the old one is needed. Answer: as for
    `Start`, for `successor`.

    Args:
        child: Its id.
        incarnation: The failed, suspended instance.
        successor: The number of the new one.
        spec: How to make it.
        cause: What the old one raised, in words; its exception is in the child's cell.
        reports: As in `Start`.
    """

    child: str
    incarnation: int
    successor: int
    spec: ChildSpec
    cause: Cause
    reports: bool = False


@attrs.frozen(slots=True)
class Resume:
    """Let the suspended instance go on with its next message; its state is kept."""

    child: str
    incarnation: int


@quick
@attrs.frozen(slots=True)
class Stop:
    """Ask the instance to stop, its own children first. Answer: `Exited`.

    Works on an instance that is still starting (give the start up), running or
    suspended. The time limit is the core's: it sends `Kill` when it is over.

    Args:
        child: Its id.
        incarnation: Which instance.
        keep: Keep the cell, mail and watchers for a later `Start`: the instance
            hears `before_restart(cause, message)`, not `stopped`. The message is
            None unless it is the one that failed.
        cause: Why, for `before_restart`; None for an ordinary stop.
    """

    child: str
    incarnation: int
    keep: bool = False
    cause: Cause | None = None


@attrs.frozen(slots=True)
class Kill:
    """End the instance and all below it at once, no hook called. Answer: `Exited`.

    The exit has to come soon: an instance that cannot be interrupted is cut off,
    so that nothing that it still does has an effect. The cell is kept until
    `Release`.
    """

    child: str
    incarnation: int


@quick
@attrs.frozen(slots=True)
class Release:
    """End the cell: waiting mail becomes dead letters, watchers are told, the path is free.

    Args:
        child: Its id.
        reason: What watchers and senders are told.
        gone: Whether the supervisor has forgotten the spec, too.
    """

    child: str
    reason: Exit
    gone: bool = False


@quick
@attrs.frozen(slots=True)
class Park:
    """From now until the next instance is ready, arriving mail meets this policy.

    `harmonium.protocols.waiting.admit` decides for one message. Mail that waited
    before is kept in order, but `Refuse` answers it, too.

    Args:
        child: Its id.
        mail: The policy.
        until: When a restart is due, in seconds of `now`; None if unknown.
        cause: Why it is away, as text.
    """

    child: str
    mail: Mail
    until: float | None
    cause: str


# --- The message that failed; without one of these it ends as failed ---


@attrs.frozen(slots=True)
class Retry:
    """Put the message back: it is the first one the next instance handles."""

    child: str
    message: str


@attrs.frozen(slots=True)
class SetAside:
    """Keep the message apart until the next `Retry` of it; others get their turn."""

    child: str
    message: str


@attrs.frozen(slots=True)
class Quarantine:
    """Make the message a dead letter with its crash bundle.

    Args:
        child: Its id.
        message: The message's id.
        fingerprint: The crash that it caused.
        attempts: How often.
    """

    child: str
    message: str
    fingerprint: str
    attempts: int


# --- Time ---


@quick
@attrs.frozen(slots=True)
class SetTimer:
    """Send `TimerFired(token)` after `delay` seconds; at least 0."""

    token: Token
    delay: float


@quick
@attrs.frozen(slots=True)
class CancelTimer:
    """Drop the timer; firing it all the same does no harm."""

    token: Token


# --- The supervisor itself, and those who watch it ---


@attrs.frozen(slots=True)
class Ready:
    """All children were started: report `Started` to the parent, release the caller."""


@attrs.frozen(slots=True)
class Finish:
    """All children are gone: end the supervisor with this reason.

    Once only. If the supervisor is being stopped by its parent, go on with that
    stop. If not, and `start_failed` is set, report `Failed` in phase START with
    ``reason.error``.
    """

    reason: Exit
    start_failed: bool = False


@attrs.frozen(slots=True)
class Escalate:
    """Fail with the child's own exception: report `Failed` in phase CHILD to the parent.

    The child stays suspended. RESUME of the parent comes back as `Resumed`; for
    RESTART and STOP the supervisor is stopped like any agent (`StopAll`). At the
    root, give `StopAll` with this cause.
    """

    child: str
    cause: Cause


@attrs.frozen(slots=True)
class GiveUp:
    """The budget is used up; children are being stopped, `Finish` follows.

    For logs, alerts and crash bundles; at the root never to be passed over in
    silence.

    Args:
        error: What ran out, and the last cause.
        parks: The supervisor will stay, with all children held; no `Finish`.
    """

    error: BudgetExhausted = attrs.field(eq=str)
    parks: bool = False


@attrs.frozen(slots=True)
class Spend:
    """Tell the parent that restarts were charged: its event `Spent`."""

    count: int
    cause: str


@attrs.frozen(slots=True)
class Answer:
    """Give an operator the answer to a request.

    Args:
        request: As it came with the command.
        value: A `Reply`, or what a query asked for.
    """

    request: Any
    value: Reply | Any


@attrs.frozen(slots=True)
class Notice:
    """Something a person should see in the log; nothing else depends on it.

    Args:
        child: Whom it is about; empty for the supervisor.
        text: One sentence.
    """

    child: str
    text: str


Effect = (
    Start
    | Restart
    | Resume
    | Stop
    | Kill
    | Release
    | Park
    | Retry
    | SetAside
    | Quarantine
    | SetTimer
    | CancelTimer
    | Ready
    | Finish
    | Escalate
    | GiveUp
    | Spend
    | Answer
    | Notice
    | Record
)
