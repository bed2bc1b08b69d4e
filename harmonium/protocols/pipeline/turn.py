"""One event's worth of work on a request: a scratch that becomes the next state.

The state is frozen; while one event is handled, its parts stand here unfrozen,
so that each event builds one new state however many things it changes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

import attrs

from harmonium.protocols.decision_log import Entry, Kind
from harmonium.protocols.failure import Failure
from harmonium.protocols.partial import Partial
from harmonium.protocols.pipeline.context import Context
from harmonium.protocols.pipeline.effects import Effect, Record
from harmonium.protocols.pipeline.events import Begun, Event
from harmonium.protocols.pipeline.state import NodeState, Phase, RequestState, Saga

__all__ = ["Engine", "Turn"]


@attrs.frozen(slots=True)
class Engine:
    """What a step that runs a sub-pipeline needs of the machine above it."""

    begin: Callable[[Turn, Begun], None]
    deliver: Callable[[Turn, Event], None]
    expire: Callable[[Turn], None]
    cancel: Callable[[Turn, Failure], None]
    compensate: Callable[[Turn], None]
    restore: Callable[[Turn], None]


class Turn:
    """The parts of a `RequestState` while an event is handled.

    Attributes:
        ready: Numbers of the nodes to look at: their needs are done, or an
            item of theirs is.
        effects: What is to be done; shared with the turns of sub-pipelines.
    """

    __slots__ = (
        "answered",
        "asks_enough",
        "deadline",
        "effects",
        "engine",
        "failed_step",
        "failure",
        "finished",
        "graph",
        "left",
        "nodes",
        "now",
        "phase",
        "ready",
        "request",
        "result",
        "saga",
        "state",
        "stream",
    )

    def __init__(
        self, state: RequestState, now: float, engine: Engine, effects: list[Effect]
    ) -> None:
        self.state = state
        self.graph = state.pipeline.graph
        self.now = now
        self.engine = engine
        self.effects = effects
        self.ready: deque[int] = deque()
        self.asks_enough = False
        self.phase: Phase = state.phase
        self.request = state.request
        self.deadline = state.deadline
        self.stream = state.stream
        self.nodes: list[NodeState | None] = list(state.nodes)
        self.left = state.left
        self.finished = state.finished
        self.answered = state.answered
        self.failed_step = state.failed_step
        self.failure = state.failure
        self.saga: Saga | None = state.saga
        self.result = state.result

    def close(self) -> RequestState:
        """Freeze the parts into the next state."""
        old = self.state
        return RequestState(
            old.pipeline,
            old.id,
            old.correlation_id,
            self.phase,
            self.request,
            self.deadline,
            self.stream,
            tuple(self.nodes),
            self.left,
            self.finished,
            self.answered,
            self.failed_step,
            self.failure,
            self.saga,
            self.result,
            old.prefix,
            old.key_prefix,
        )

    @property
    def is_late(self) -> bool:
        """Whether the request's deadline has passed without an answer."""
        return self.deadline is not None and self.now >= self.deadline and not self.answered

    def context(self, owner: int | None = None) -> Context[Any]:
        """Give what the callables of a step may see; of the pipeline, without an owner."""
        return Context(self.graph, self.nodes, self.request, owner=owner, now=self.now)

    def record(
        self,
        kind: Kind,
        step: str = "",
        *,
        who: str = "",
        what: Any = None,
        rule: Any = "",
        why: str = "",
    ) -> None:
        """Ask for an entry in the decision log."""
        correlation = self.state.correlation_id
        entry = Entry(self.now, correlation, kind, step, who, what, rule, why)
        self.effects.append(Record(entry))

    def complete(self, index: int, value: Any) -> None:
        """Note that a node is done or skipped, and look at those that need it."""
        self.left -= 1
        node = self.graph.nodes[index]
        if self.stream:
            self.effects.append(Partial(self.state.prefix + node.name, value))
        self.asks_enough = self.state.pipeline.enough is not None
        nodes = self.graph.nodes
        states = self.nodes
        for dependent in node.dependents:
            for need in nodes[dependent].needs:
                state = states[need]
                if state is None or not state.status.is_done:
                    break
            else:
                self.ready.append(dependent)

    def fail(self, step: str, failure: Failure) -> None:
        """Note the failure that ends the request; the first one counts."""
        if self.failure is None and not self.answered:
            self.failed_step = step
            self.failure = failure
