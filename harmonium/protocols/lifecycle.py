"""What a parent hears of its children, and why an agent ended.

An agent that fails does not die at once: its cell suspends it and sends the
parent one `Failed` report; the parent decides. `Exited` is the last word on an
incarnation. Every report names the incarnation, so a late one is inert.
"""

from __future__ import annotations

import enum
from typing import Any

import attrs

from harmonium.protocols.quick import quick

__all__ = [
    "NORMAL",
    "SHUTDOWN",
    "Declined",
    "Exit",
    "ExitKind",
    "Exited",
    "Failed",
    "Overran",
    "Phase",
    "Report",
    "Started",
]


class ExitKind(enum.Enum):
    """The documented classes of reasons for which an incarnation ends."""

    NORMAL = "normal"
    """The agent stopped itself: its work is done."""
    SHUTDOWN = "shutdown"
    """It was asked to stop, or explained a clean stop with a detail."""
    KILLED = "killed"
    """It was ended without being asked; its `stopped` hook did not run."""
    CRASH = "crash"
    """Its code raised, in a handler, in a hook or in its constructor."""
    EXHAUSTED = "exhausted"
    """It is a supervisor that spent its restart budget (abnormal on purpose)."""
    LOST = "lost"
    """Its process or host is gone, and no reason arrived."""


@quick
@attrs.frozen(slots=True)
class Exit:
    """Why an incarnation ended.

    Args:
        kind: The class of the reason.
        detail: What the agent or the operator said of it; any text.
        error: The exception, where there was one.
    """

    kind: ExitKind
    detail: str = ""
    error: BaseException | None = attrs.field(default=None, eq=False)

    @property
    def clean(self) -> bool:
        """Whether a transient child with this reason counts as finished."""
        return self.kind in _CLEAN

    def __str__(self) -> str:
        return f"{self.kind.value}: {self.detail}" if self.detail else self.kind.value


_CLEAN = frozenset({ExitKind.NORMAL, ExitKind.SHUTDOWN})

NORMAL = Exit(ExitKind.NORMAL)
SHUTDOWN = Exit(ExitKind.SHUTDOWN)


class Phase(enum.Enum):
    """Where in its life an incarnation failed."""

    START = "start"
    """In its constructor, `started` or `after_restart`: it never was ready."""
    HANDLER = "handler"
    """While it handled a message."""
    STOP = "stop"
    """In its `stopped` hook."""
    CHILD = "child"
    """A child of it failed, and it passed the failure on (escalation)."""


@quick
@attrs.frozen(slots=True)
class Started:
    """The incarnation is ready: constructor and hooks have returned."""

    child: str
    incarnation: int


@quick
@attrs.frozen(slots=True)
class Failed:
    """The incarnation raised and is suspended until its parent decides.

    Args:
        child: The child's id under its parent.
        incarnation: Which generation failed, from 1.
        error: What was raised.
        phase: Where it was raised.
        envelope: The envelope in work as its ground carries it (`Ground.view`
            shows it), or None outside a handler.
    """

    child: str
    incarnation: int
    error: BaseException
    phase: Phase
    envelope: Any = None


@quick
@attrs.frozen(slots=True)
class Exited:
    """The incarnation is gone; nothing of it runs any more."""

    child: str
    incarnation: int
    reason: Exit


@attrs.frozen(slots=True)
class Declined:
    """The child chose not to run (it called `decline` while it started)."""

    child: str
    incarnation: int
    why: str = ""


@attrs.frozen(slots=True)
class Overran:
    """A handler runs longer than its limit and cannot be cancelled; it is reported.

    One that can be cancelled (an async one) is cancelled by its cell, which is
    a crash: `Failed`.

    Args:
        child: The child's id under its parent.
        incarnation: Which one it is.
        seconds: How long the handler runs by now, or ran.
        handler: Its name; empty if nobody knows.
        done: Whether it has come back.
    """

    child: str
    incarnation: int
    seconds: float
    handler: str = ""
    done: bool = False


Report = Started | Failed | Exited | Declined | Overran
