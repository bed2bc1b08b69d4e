"""`Cell`: what the ground keeps for one agent, across all its incarnations.

The cell outlives a crash: path, ref, mailbox and watchers are its own, the
agent object is only the present incarnation. It is a record; the scheduler
moves mail through it; `starting`, `failing`, `ending` and `burying` change its state.

A hundred thousand of them must fit, so it has slots, makes its mailbox on the
first message and keeps what few agents need in `Extras`.
"""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from harmonium.actors.ref import Ref

if TYPE_CHECKING:
    from harmonium.actors.birth import Birth
    from harmonium.actors.context import RawEnvelope
    from harmonium.actors.deferred import Deferred
    from harmonium.actors.execution import Execution
    from harmonium.actors.ground import Ground
    from harmonium.actors.inbox import AgentInbox
    from harmonium.actors.promise import Promise
    from harmonium.actors.route import Route
    from harmonium.actors.timers import Timer
    from harmonium.protocols.lifecycle import Exit

__all__ = [
    "BLOCKED",
    "DEAD",
    "FAILED",
    "IDLE",
    "NONE_YET",
    "NO_MAIL",
    "QUEUED",
    "RUNNING",
    "STARTING",
    "STOPPING",
    "WAITING",
    "Cell",
    "CellState",
    "Extras",
]

IDLE, QUEUED, BLOCKED = range(3)
"""`Cell.scheduled`: nothing to do; in the ready queue; has mail but may not take it."""

NO_MAIL: Any = ()
"""Stands for the mailbox until the first message; length 0, so `limit` 0 sends the
first message down the slow path, which makes the real one."""


NONE_YET: Any = frozenset()
"""Stands for a part of `Extras` until something is put into it: of the 2.5 kB that their
deques, sets and lists took, an agent mostly needs none."""


class CellState(enum.IntEnum):
    """Where an agent is in its life."""

    STARTING = 0
    """Its constructor or `started` has not returned; mail waits."""
    RUNNING = 1
    """It takes mail."""
    FAILED = 2
    """It raised and waits for its parent's decision; mail waits."""
    WAITING = 3
    """Its parent will start it again later (backoff); mail waits as the parent says."""
    STOPPING = 4
    """It takes no more mail; children and hooks are being ended."""
    DEAD = 5
    """Over. Mail to it is dead."""


# As names of the module: before Python 3.12 a member asked of its class takes 80 ns more.
STARTING, RUNNING, FAILED, WAITING, STOPPING, DEAD = CellState


class Extras:
    """The parts of a cell that few agents have."""

    __slots__ = (
        "after_visit",
        "aside",
        "attempts",
        "before_mail",
        "blocking",
        "budgets",
        "child_gone",
        "declined",
        "deferred",
        "executions",
        "failure",
        "first",
        "gone",
        "handled",
        "hold_failed",
        "inboxes",
        "key",
        "keyed",
        "left_running",
        "legacy",
        "names",
        "numbered",
        "park",
        "parked",
        "retrying",
        "route",
        "spread",
        "start_failed",
        "stash",
        "stop_reason",
        "timers",
        "undecided",
        "watchers",
        "watching",
        "when_idle",
    )

    def __init__(self) -> None:  # noqa: PLR0915 - one statement for each part
        self.after_visit: Callable[[Cell], None] | None = None
        """Told when the agent has handled mail, where a pool wants to know."""
        self.aside: dict[str, RawEnvelope] = {}
        self.attempts = 0
        self.before_mail: Callable[[], None] | None = None
        """Called before mail is put into the mailbox of a pool's member: the pool's comes first."""
        self.blocking: RawEnvelope | None = None
        self.budgets: tuple[str, ...] = ()
        """The scopes of the budgets that its messages count for."""
        self.child_gone: Callable[[], None] | None = None
        self.declined: str | None = None
        # Dicts and not sets: what happens to several of them happens in the order they came, and
        # not in that of their places in memory, which no run has twice.
        self.deferred: dict[Deferred, None] = NONE_YET
        self.executions: dict[Execution, None] = NONE_YET
        self.failure: tuple[BaseException, RawEnvelope | None] | None = None
        self.first = 1
        """The number of its first incarnation; above 1 where its id was another agent's before."""
        self.gone: list[Promise[None]] = NONE_YET
        self.handled = 0
        self.hold_failed = False
        self.left_running: Any = None
        """The agent object whose blocking handler could not be ended."""
        self.key: str | None = None
        """The idempotency key of the message a sync handler has just been given."""
        self.keyed = 0
        """The number of the message whose key that is."""
        self.inboxes: dict[str, AgentInbox] | None = None
        """What its idempotent handlers have in work and have answered."""
        self.legacy: Any = None
        """What an incarnation leaves to the next one."""
        self.undecided: RawEnvelope | None = None
        self.names: list[str] = NONE_YET
        self.numbered = 0
        self.park: Callable[[RawEnvelope], bool] | None = None
        self.parked: deque[tuple[RawEnvelope, Promise[None]]] = NONE_YET
        self.retrying: RawEnvelope | None = None
        self.route: Route | None = None
        """Where mail goes that is sent to a pool; None for whoever takes its own."""
        self.spread: Callable[[RawEnvelope], None] | None = None
        """Deals out the mail of a pool's own mailbox, the given envelope first."""
        self.start_failed = False
        self.stash: deque[RawEnvelope] = NONE_YET
        self.stop_reason: Exit | None = None
        self.timers: set[Timer] = NONE_YET
        self.watchers: dict[Cell, None] = {}
        self.watching: dict[str, Cell] = {}
        self.when_idle: Callable[[], None] | None = None

    def hold(self, execution: Execution) -> None:
        """Keep a handler or hook that has suspended."""
        if self.executions is NONE_YET:
            self.executions = {execution: None}
        else:
            self.executions[execution] = None

    def wait_for_room(self, envelope: RawEnvelope, room: Promise[None]) -> None:
        """Keep what waits for room in the mailbox."""
        if self.parked is NONE_YET:
            self.parked = deque()
        self.parked.append((envelope, room))

    def own_timers(self) -> set[Timer]:
        """The timers that end with the incarnation, to be added to."""
        if self.timers is NONE_YET:
            self.timers = set()
        return self.timers


class Cell:
    """One agent's place in the tree: identity, mailbox, state."""

    __slots__ = (
        "accepts",
        "agent",
        "birth",
        "busy",
        "children",
        "coming",
        "current",
        "executing",
        "fast",
        "ground",
        "id",
        "incarnation",
        "limit",
        "mailbox",
        "more_",
        "offloop",
        "parent",
        "ref_",
        "scheduled",
        "signals",
        "state",
        "urgent",
    )

    def __init__(self, ground: Ground, parent: Cell | None, id: str, birth: Birth) -> None:
        self.ground = ground
        self.parent = parent
        self.id = id
        self.birth = birth
        self.agent: Any = None
        self.state = STARTING
        self.scheduled = IDLE
        self.incarnation = 0
        self.coming = 0
        """How many user messages are under way to it; none, where they take no time."""
        self.mailbox: deque[RawEnvelope] = NO_MAIL
        self.limit = 0
        self.accepts: Mapping[type, Any] = _NOTHING
        self.fast: Mapping[type, Callable[[Any, Any], Any]] = _NOTHING
        self.current: Any = None
        self.executing: Execution | None = None
        self.busy = 0
        self.offloop = False
        self.children: dict[str, Cell] | None = None
        self.signals: deque[tuple[Callable[..., Any], tuple[Any, ...]]] | None = None
        self.urgent: deque[RawEnvelope] | None = None
        self.more_: Extras | None = None
        self.ref_: Ref | None = None

    @property
    def more(self) -> Extras:
        """The rare parts, made on first use."""
        more = self.more_
        if more is None:
            more = self.more_ = Extras()
        return more

    @property
    def ref(self) -> Ref:
        """The handle that others hold; the same object for all incarnations."""
        ref = self.ref_
        if ref is None:
            ref = self.ref_ = Ref(self)
        return ref

    @property
    def path(self) -> str:
        """Where the agent stands in the tree, like ``/shop/inventory/3``."""
        above = self.parent
        if above is None:
            return "/"
        path = f"/{self.id}"
        while above.parent is not None:  # few steps: a list and a join take twice as long
            path = f"/{above.id}{path}"
            above = above.parent
        return path

    @property
    def alive(self) -> bool:
        """Whether the agent may still take mail, now or after a restart."""
        return self.state is not DEAD

    def queued(self) -> int:
        """How many user messages wait, urgent and parked ones included."""
        count = len(self.mailbox) + (len(self.urgent) if self.urgent else 0)
        if self.more_ is not None:
            count += len(self.more_.parked)
        return count

    def __repr__(self) -> str:
        return f"<Cell {self.path} #{self.incarnation} {CellState(self.state).name.lower()}>"


_NOTHING: Mapping[type, Any] = {}
