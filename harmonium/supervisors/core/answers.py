"""What an operator hears: outcomes of commands, rows and counts of queries."""

from __future__ import annotations

import enum

import attrs

__all__ = ["Counts", "Heard", "Outcome", "Reply", "Row"]


class Outcome(enum.Enum):
    """How a command ended."""

    STARTED = "started"
    """The child is ready."""
    DECLINED = "declined"
    """The child decided not to start."""
    FAILED = "failed"
    """The start failed; the cause is in the reply."""
    ALREADY_STARTED = "already_started"
    """A live child has this id."""
    ALREADY_PRESENT = "already_present"
    """A child that is down, or being restarted, has this id."""
    FULL = "max_children"
    """The supervisor has as many children as it may have."""
    INVALID = "invalid"
    """The command makes no sense here; the cause says why."""
    OK = "ok"
    """Done, or there was nothing to do."""
    RUNNING = "running"
    """The child is alive; stop it first."""
    PENDING = "pending"
    """The command is accepted and is carried out later, or is under way."""
    RESTARTING = "restarting"
    """The child is on its way back; stop it first."""
    STOPPING = "stopping"
    """The child, or the supervisor, is on its way down."""
    NOT_FOUND = "not_found"
    """No child has this id."""


@attrs.frozen(slots=True)
class Reply:
    """The answer to a command.

    Args:
        outcome: How it ended.
        child: The id it was about.
        incarnation: The live instance, where there is one; else 0.
        cause: Why it did not work, as text; empty if it did.
    """

    outcome: Outcome
    child: str = ""
    incarnation: int = 0
    cause: str = ""

    @property
    def ok(self) -> bool:
        """Whether the command did what it was for, or is going to."""
        return self.outcome in _GOOD


_GOOD = frozenset({Outcome.STARTED, Outcome.DECLINED, Outcome.OK, Outcome.PENDING})


@attrs.frozen(slots=True)
class Heard:
    """Stands for a request that was answered before the command is carried out.

    Args:
        who: Who gave the command, as the subject of a sentence.
    """

    who: str


@attrs.frozen(slots=True)
class Row:
    """One child, as `which_children` shows it.

    Args:
        id: Its id.
        incarnation: The live instance; 0 if there is none.
        state: Where it is: pending, starting, running, restarting, stopping,
            escalated, lost, broken, held or finished.
        supervisor: Whether it is a supervisor.
        restarts: How often it was restarted by its supervisor.
        reason: Why its last instance ended; empty if none did.
        until: When it is tried again, in seconds of `now`; None if unknown.
    """

    id: str
    incarnation: int
    state: str
    supervisor: bool = False
    restarts: int = 0
    reason: str = ""
    until: float | None = None


@attrs.frozen(slots=True)
class Counts:
    """How many children there are.

    Args:
        specs: All that are listed, dead or alive.
        active: Those with a live instance.
        supervisors: Listed ones that are supervisors.
        agents: Listed ones that are not.
    """

    specs: int
    active: int
    supervisors: int
    agents: int
