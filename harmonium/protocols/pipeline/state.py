"""Where a request stands: frozen values, made anew by each event.

Nothing here is written to a store: the events are, and the state is made of
them again.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Any

import attrs

from harmonium.protocols.failure import Failure
from harmonium.protocols.persistent_map import PersistentMap
from harmonium.protocols.quick import quick

if TYPE_CHECKING:
    from harmonium.protocols.ladder import Ladder
    from harmonium.protocols.pipeline.spec import Pipeline

__all__ = [
    "Climb",
    "Gathered",
    "NodeState",
    "Phase",
    "RequestState",
    "Saga",
    "Spread",
    "Status",
    "Work",
]


class Status(enum.Enum):
    """How a piece of work stands; one that waits for its needs has no state yet."""

    RUNNING = "running"
    PAUSED = "paused"
    """It waits for the backoff of a retry."""
    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"
    CANCELLED = "cancelled"

    is_busy: bool
    """Whether it can still change by itself."""
    is_done: bool
    """Whether those who need it may go on."""

    def __init__(self, name: str) -> None:
        # Plain attributes: a property of an Enum costs 100 ns, these are read per event.
        self.is_busy = name in {"running", "paused"}
        self.is_done = name in {"done", "skipped"}


class Phase(enum.Enum):
    """How a request stands."""

    NEW = "new"
    RUNNING = "running"
    SETTLING = "settling"
    """Its outcome is known; work in flight that has an undo is waited for."""
    UNDOING = "undoing"
    FINISHED = "finished"
    FAILED = "failed"

    is_over: bool
    """Whether no event can change the request any more."""

    def __init__(self, name: str) -> None:
        self.is_over = name in {"finished", "failed"}


@quick
@attrs.frozen(slots=True)
class Work:
    """One piece of work: a step, an item of a mapped step, or an undo.

    Args:
        status: How it stands.
        attempt: The number of the newest attempt.
        run: The number of the logical send, from 1: a new one begins when the
            agent has answered the one before, or when another message is sent.
        to: Who did it or is asked now.
        message: What was sent last.
        flights: The attempts in flight, each with whom it asks.
        used: How often each fallback rule was used.
        until: When its timer fires, or None.
        failure: Its last failure.
        in_doubt: Whether an attempt failed that may have been done all the same.
        detail: What its body needs: a round, replies, a child's state.
        climb: The ladder in use, or None.
        accepted: The attempt whose answer was taken, or 0.
        value: Its result.
    """

    status: Status
    attempt: int
    run: int
    to: str | None
    message: Any
    flights: tuple[tuple[int, str], ...]
    used: tuple[int, ...]
    until: float | None
    failure: Failure | None
    in_doubt: bool
    detail: Any
    climb: Climb | None
    accepted: int
    value: Any


@quick
@attrs.frozen(slots=True)
class Spread:
    """A mapped step.

    Args:
        status: How the step stands.
        items: The collection.
        begun: How many items were begun; they are begun in their order.
        busy: How many items are in work.
        works: The items that were begun, by place.
        value: The results in the order of the items, once all are there.
    """

    status: Status
    items: tuple[Any, ...]
    begun: int = 0
    busy: int = 0
    works: PersistentMap[int, Work] = attrs.field(factory=PersistentMap)
    value: tuple[Any, ...] | None = None

    # `attrs.evolve` takes 3 us; these are made for each item twice.

    def having(self, place: int, work: Work) -> Spread:
        """Give the step with one item in this state."""
        works = self.works.set(place, work)
        return Spread(self.status, self.items, self.begun, self.busy, works, self.value)

    def counting(self, *, begun: int, busy: int) -> Spread:
        """Give the step with these numbers of items."""
        return Spread(self.status, self.items, begun, busy, self.works, self.value)


NodeState = Work | Spread


@attrs.frozen(slots=True)
class Gathered:
    """The replies to a `Publish` so far.

    Args:
        replies: The replies that count.
        heard: Who replied, whether it counts or not.
        reached: How many subscribers there are, or None when not known yet.
    """

    replies: tuple[Any, ...] = ()
    heard: tuple[str, ...] = ()
    reached: int | None = None


@attrs.frozen(slots=True)
class Climb:
    """A ladder in use.

    Args:
        ladder: The ladder.
        rung: The rung that is asked, from 0.
        message: What an agent was asked, or the text a person was.
    """

    ladder: Ladder
    rung: int
    message: Any = None


@quick
@attrs.frozen(slots=True)
class Saga:
    """The undoing of what was done.

    Args:
        floor: How many of the finished steps stay as they are.
        left: Paths that are still to be undone, the next one last.
        path: The path that is being undone, or empty.
        work: The undo in work.
        undone: Paths that were undone, in the order of undoing.
        standing: Paths whose undo failed for good.
    """

    floor: int = 0
    left: tuple[str, ...] = ()
    path: str = ""
    work: Work | None = None
    undone: tuple[str, ...] = ()
    standing: tuple[str, ...] = ()


@quick
@attrs.frozen(slots=True)
class RequestState:
    """One request on its way through a pipeline.

    Args:
        pipeline: Its pipeline.
        id: Its id, the beginning of every idempotency key.
        correlation_id: The correlation id of the request message.
        phase: How it stands.
        request: The request message.
        deadline: When it ends, or None.
        stream: Whether the asker wants partial results.
        nodes: The state of each step; None while it waits for its needs.
        left: How many steps are not done yet.
        finished: Paths of the finished steps that have an undo, in that order.
        answered: Whether the outcome was told to the asker, or to the parent step.
        failed_step: The step that made the request fail, or empty.
        failure: Why the request failed, or None.
        saga: The undoing, once the outcome is known.
        result: The answer.
        prefix: What stands before a step's name in a path; empty at the top.
        key_prefix: What stands before a step's name in an idempotency key.
    """

    pipeline: Pipeline[Any, Any]
    id: str
    correlation_id: str
    phase: Phase
    request: Any
    deadline: float | None
    stream: bool
    nodes: tuple[NodeState | None, ...]
    left: int
    finished: tuple[str, ...]
    answered: bool
    failed_step: str
    failure: Failure | None
    saga: Saga | None
    result: Any
    prefix: str
    key_prefix: str

    @classmethod
    def new(
        cls,
        pipeline: Pipeline[Any, Any],
        id: str,
        *,
        correlation_id: str = "",
        prefix: str = "",
        key_prefix: str = "",
    ) -> RequestState:
        """Give the state of a request that has not begun."""
        count = len(pipeline.graph.nodes)
        return cls(
            pipeline=pipeline,
            id=id,
            correlation_id=correlation_id or id,
            phase=Phase.NEW,
            request=None,
            deadline=None,
            stream=False,
            nodes=(None,) * count,
            left=count,
            finished=(),
            answered=False,
            failed_step="",
            failure=None,
            saga=None,
            result=None,
            prefix=prefix,
            key_prefix=key_prefix or f"{id}:",
        )

    @property
    def is_over(self) -> bool:
        """Whether no event can change it any more, so that it may be forgotten."""
        return self.phase.is_over

    def status(self, step: str) -> Status | None:
        """Give the status of a step by name; None while it waits for its needs."""
        state = self.nodes[self.pipeline.graph.index[step]]
        return None if state is None else state.status
