"""`Child`: what a supervisor knows of one child."""

from __future__ import annotations

import enum
from typing import Any, NoReturn

import attrs

from harmonium.protocols.budget import Window
from harmonium.protocols.lifecycle import SHUTDOWN, Exit
from harmonium.protocols.quick import copier
from harmonium.supervisors.core.cause import Cause
from harmonium.supervisors.core.timers import Due
from harmonium.supervisors.poison import Suspect
from harmonium.supervisors.spec import ChildSpec

__all__ = ["After", "Aside", "Child", "Status", "Why", "copy_child"]


class Status(enum.Enum):
    """Where a child is; every wait is one of these."""

    PENDING = "pending"
    """It will be started when its turn comes (at boot, or in a group restart)."""
    STARTING = "starting"
    """It was told to start and is not ready yet."""
    RUNNING = "running"
    """It is ready, or has failed a moment ago and will be stopped with its group."""
    STOPPING = "stopping"
    """It was told to stop and is not gone yet; `After` says what follows."""
    LOST = "lost"
    """It is gone without a reason; a better report is waited for."""
    WAITING = "waiting"
    """Its restart is put off (backoff)."""
    BROKEN = "broken"
    """Its own budget is used up; it is tried again later (half-open)."""
    ESCALATED = "escalated"
    """It failed, and the supervisor's parent has to decide."""
    HELD = "held"
    """An operator stopped it."""
    FINISHED = "finished"
    """It ended and is not to be restarted."""


class After(enum.Enum):
    """What follows when a child that is being stopped is gone."""

    NOTHING = "nothing"
    """The supervisor is going down."""
    GROUP = "group"
    """It is started again with its group."""
    WAIT = "wait"
    """It is started when its backoff is over."""
    QUARANTINE = "quarantine"
    """It is left alone, then tried."""
    HOLD = "hold"
    """An operator wants it down."""
    RETIRE = "retire"
    """It is not to be restarted."""
    DISCARD = "discard"
    """It was added and did not start; its spec is dropped."""
    FAIL = "fail"
    """Its start took too long, and counts as failed now."""


class Why(enum.Enum):
    """What a start is for; it decides what a failure of the start leads to."""

    BOOT = "boot"
    """The supervisor itself starts; then it fails."""
    ADDED = "added"
    """`start_child`: the caller is told, the spec is dropped."""
    MANUAL = "manual"
    """`restart_child`: the caller is told, the child is held."""
    RESTART = "restart"
    """The supervisor restarts it: one more attempt, charged."""


@attrs.frozen(slots=True)
class Aside:
    """What is known of a message that crashed the child.

    Args:
        suspect: Its history.
        serial: Of the timer that ends its time apart; 0 while it is not apart.
    """

    suspect: Suspect
    serial: int = 0


@attrs.define(slots=True)
class Child:
    """One child, as a record.

    A `Turn` makes a copy, changes it and settles it; a settled record refuses
    any change, so that every state that was ever handed out stays true.

    Args:
        spec: How it is started, stopped and restarted.
        id: Its id (that of the spec).
        place: Its place in the start order.
        status: Where it is.
        incarnation: The number of its newest instance.
        cell: Whether its cell (ref, mailbox, watchers) exists.
        suspended: Whether its instance failed and is still there.
        why: What its newest start was for.
        after: What follows its stop.
        due: What its timer is for.
        serial: Its timer's serial; 0 if it has none.
        until: When it is to be started again, in seconds; None if nobody knows.
        cause: Why it is to be started again; kept until it is ready.
        reason: Why its last instance ended; None before the first end.
        ended: The incarnation that `reason` is about.
        ready_at: Since when it is ready, in seconds; None if it is not.
        waited: The deliberate wait before its newest start, in seconds.
        failures: Failures in a row, for the backoff.
        streak: Restarts in a row without a lasting success, for the budget.
        restarts: Restarts altogether.
        window: Its own restarts, where it has a budget of its own.
        trials: How often in a row it was quarantined.
        on_trial: Whether its present run decides about the quarantine.
        suspects: Messages that crashed it.
        starters: Requests to be answered when it is ready.
        stoppers: Requests to be answered when it is gone.
        added: Whether it was added at run time.
    """

    spec: ChildSpec
    id: str
    place: int = -1
    status: Status = Status.PENDING
    incarnation: int = 0
    cell: bool = False
    suspended: bool = False
    why: Why = Why.BOOT
    after: After = After.NOTHING
    due: Due = Due.START
    serial: int = 0
    until: float | None = None
    cause: Cause | None = None
    reason: Exit | None = None
    ended: int = 0
    ready_at: float | None = None
    waited: float = 0.0
    failures: int = 0
    streak: int = 0
    restarts: int = 0
    window: Window | None = None
    trials: int = 0
    on_trial: bool = False
    suspects: tuple[Aside, ...] = ()
    starters: tuple[Any, ...] = ()
    stoppers: tuple[Any, ...] = ()
    added: bool = False

    @property
    def live(self) -> bool:
        """Whether an instance exists that has to be stopped first."""
        return self.status in _LIVE or self.suspended

    @property
    def last_words(self) -> Exit:
        """Why its last instance ended; a shutdown if none ever did."""
        return self.reason or SHUTDOWN

    @property
    def down(self) -> bool:
        """Whether it stays down until somebody starts it."""
        return self.status is Status.HELD or self.status is Status.FINISHED

    def uptime(self, now: float) -> float:
        """Tell how long it has been ready; 0 if it never was since its start."""
        return 0.0 if self.ready_at is None else now - self.ready_at

    def settle(self) -> None:
        """Refuse any change from now on."""
        self.__class__ = _Settled


class _Settled(Child):
    """A record that is part of a state."""

    __slots__ = ()

    def __setattr__(self, name: str, value: Any) -> NoReturn:
        raise attrs.exceptions.FrozenInstanceError


copy_child = copier(Child)
"""Make a record that may be changed."""

_LIVE = frozenset({Status.STARTING, Status.RUNNING, Status.STOPPING})
