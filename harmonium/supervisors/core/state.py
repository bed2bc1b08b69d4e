"""`State`: all that a supervisor knows, as a value."""

from __future__ import annotations

import enum
from typing import Any, NoReturn

import attrs

from harmonium.protocols.budget import EMPTY, Window
from harmonium.protocols.lifecycle import Exit
from harmonium.protocols.quick import copier, quick
from harmonium.supervisors.core.cause import Cause
from harmonium.supervisors.core.table import Table
from harmonium.supervisors.spec import SupervisorSpec

__all__ = ["Group", "Mode", "Stage", "State", "copy_state"]


class Mode(enum.Enum):
    """Where the supervisor itself is."""

    NEW = "new"
    """It waits for `Boot`."""
    UP = "up"
    """It keeps its children running; also while they start for the first time."""
    DOWN = "down"
    """It stops its children, to end itself."""
    OVER = "over"
    """It has ended. It still answers."""


class Stage(enum.Enum):
    """Where a pass through a group of children is."""

    STOPPING = "stopping"
    """They are stopped, the last one first, each awaited."""
    WAITING = "waiting"
    """All are gone; the backoff is not over."""
    STARTING = "starting"
    """They are started, the first one first, each awaited."""


@quick
@attrs.frozen(slots=True)
class Group:
    """A pass through children in order: the boot, or a group restart.

    Args:
        stage: Where it is.
        first: The lowest place that takes part.
        cursor: The next place to look at.
        current: Id of the child that is being awaited; empty if none is.
        cause: Why the group is restarted; None at boot.
        not_before: When the starts may begin, in seconds.
        serial: Of the timer that waits for that; 0 if none is set.
        boot: Whether it is (or began as) the boot, so that a failed first start
            fails the supervisor.
    """

    stage: Stage
    first: int = 0
    cursor: int = 0
    current: str = ""
    cause: Cause | None = None
    not_before: float = 0.0
    serial: int = 0
    boot: bool = False

    def at(self, place: int, child: str) -> Group:
        """Give the pass as it is when this child is awaited, and `place` is looked at next."""
        return Group(  # spelled out: a seventh of attrs.evolve's 2.7 us, and each start pays it
            self.stage,
            self.first,
            place,
            child,
            self.cause,
            self.not_before,
            self.serial,
            self.boot,
        )


@attrs.define(slots=True)
class State:
    """A supervisor between two events.

    Like `Child`, it is changed only as a copy and then settled: a state that
    `decide` returned never changes any more.

    Args:
        spec: What the supervisor is.
        path: Its path, for errors.
        root: Whether no supervisor is above it.
        reports: Whether its restarts are charged to a subtree above it, too.
        mode: Where it is.
        table: Its children.
        window: The restarts that its budget counts.
        subtree: The restarts that its subtree budget counts.
        streak: Group restarts in a row without a lasting success.
        steady_at: When the last pass was completed; None while one is under way.
        waited: The deliberate wait of the last group restart, in seconds.
        group: The pass that is under way, or None.
        cursor: While it goes down: the next place to look at.
        reason: Why it goes down.
        start_failed: Whether it goes down because a first start failed.
        parks: Whether it stays, with its children held, when all are down.
        requests: Who is to be answered when it has ended.
        deferred: Events that wait for the end of the pass.
        escalated: Ids of children about which the parent has to decide.
        resizing: The request to be answered when so many partitions run.
        serial: The newest timer's serial.
        number: How many decisions were made.
        newest: The highest incarnation of any child that was removed, so that
            an id that is used again never meets its old reports.
    """

    spec: SupervisorSpec
    path: str = "/"
    root: bool = False
    reports: bool = False
    mode: Mode = Mode.NEW
    table: Table = attrs.field(factory=Table)
    window: Window = EMPTY
    subtree: Window = EMPTY
    streak: int = 0
    steady_at: float | None = None
    waited: float = 0.0
    group: Group | None = None
    cursor: int = 0
    reason: Exit | None = None
    start_failed: bool = False
    parks: bool = False
    requests: tuple[Any, ...] = ()
    deferred: tuple[Any, ...] = ()
    escalated: tuple[str, ...] = ()
    resizing: tuple[Any, int] | None = None
    serial: int = 0
    number: int = 0
    newest: int = 0

    def settle(self) -> None:
        """Refuse any change from now on."""
        self.__class__ = _Settled


class _Settled(State):
    """A state that `decide` has returned."""

    __slots__ = ()

    def __setattr__(self, name: str, value: Any) -> NoReturn:
        raise attrs.exceptions.FrozenInstanceError


copy_state = copier(State)
"""Make a state that may be changed."""
