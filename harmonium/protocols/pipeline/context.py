"""What a step's callables see: the request, and the results of the steps it needs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar, overload

from harmonium.protocols.errors import SpecError
from harmonium.protocols.nearest import did_you_mean
from harmonium.protocols.pipeline.state import Status

if TYPE_CHECKING:
    from harmonium.protocols.failure import Failure
    from harmonium.protocols.pipeline.graph import Graph
    from harmonium.protocols.pipeline.spec import Step
    from harmonium.protocols.pipeline.state import NodeState

__all__ = ["Context", "build"]

Req = TypeVar("Req")
T = TypeVar("T")


class Keyed(Protocol):
    """A thing with an idempotency key."""

    @property
    def key(self) -> str:
        """The key."""


class Context(Generic[Req]):
    """What is known when a message is made or a condition is asked.

    ``c["stock"]`` gives the result of a step, ``c[stock]`` does the same for a
    step object and lets a type checker see the type of the result. Only steps
    that are needed, directly or through others, can be read: all else may or
    may not be there yet. Do not keep a context after the call.

    Attributes:
        request: The request.
        item: The item, in a mapped step; None otherwise.
        index: Its place in the collection, from 0; None otherwise.
        failure: Why the step failed, in a fallback rule; None otherwise.
        now: The time, in seconds of the coordinator's clock.
        source: Whose context it is; for the machine.
        result: The result that is undone, in an undo; None otherwise.

    Raises:
        SpecError: When a step is read that is unknown or not needed.
    """

    __slots__ = (
        "_graph",
        "_nodes",
        "_owner",
        "failure",
        "index",
        "item",
        "now",
        "request",
        "result",
        "source",
    )

    def __init__(
        self,
        graph: Graph,
        nodes: Sequence[NodeState | None],
        request: Req,
        *,
        owner: int | None = None,
        now: float = 0.0,
    ) -> None:
        self._graph = graph
        self._nodes = nodes
        self._owner = owner
        self.request: Req = request
        self.item: Any = None
        self.index: int | None = None
        self.failure: Failure | None = None
        self.now = now
        self.source: Keyed | None = None
        self.result: Any = None

    @overload
    def __getitem__(self, step: str) -> Any: ...
    @overload
    def __getitem__(self, step: Step[T]) -> T: ...
    def __getitem__(self, step: str | Step[T]) -> Any:
        state = self._state(step)
        return None if state is None else state.value

    @property
    def key(self) -> str:
        """The idempotency key of the work; empty where there is none."""
        return "" if self.source is None else self.source.key

    def get(self, step: str | Step[Any], default: Any = None) -> Any:
        """Give the step's result, or the default when it was skipped or not run."""
        state = self._state(step)
        return state.value if state is not None and state.status is Status.DONE else default

    def skipped(self, step: str | Step[Any]) -> bool:
        """Say whether the step was skipped, by its condition or by a `Skip` rule."""
        state = self._state(step)
        return state is not None and state.status is Status.SKIPPED

    def results(self) -> dict[str, Any]:
        """Give the result of every step that can be read and is done, by name."""
        return dict(self._done())

    def _done(self) -> Iterator[tuple[str, Any]]:
        for node in self._graph.nodes:
            state = self._nodes[node.index]
            if state is not None and state.status is Status.DONE and self._may_read(node.index):
                yield node.name, state.value

    def _state(self, step: str | Step[Any]) -> NodeState | None:
        name = step if isinstance(step, str) else step.name
        index = self._graph.index.get(name)
        if index is None:
            raise self._unknown(name)
        if not self._may_read(index):
            raise self._not_needed(name)
        return self._nodes[index]

    def _may_read(self, index: int) -> bool:
        owner = self._owner
        return owner is None or index == owner or index in self._graph.nodes[owner].visible

    def _unknown(self, name: str) -> SpecError:
        remedy = did_you_mean(name, self._graph.index)
        return SpecError(self._place(), f"reads {name!r}, which is no step", remedy)

    def _not_needed(self, name: str) -> SpecError:
        problem = f"reads {name!r}, which it does not need"
        return SpecError(self._place(), problem, f"add {name!r} to its after=[...]")

    def _place(self) -> str:
        place = f"pipeline {self._graph.name}"
        if self._owner is None:
            return place
        return f"{place}, step {self._graph.nodes[self._owner].name!r}"


def build(source: Any, context: Context[Any], seed: Any) -> Any:
    """Make a message or value: a class of the seed, a callable of the context, or as it is."""
    if isinstance(source, type):
        return source(seed)
    return source(context) if callable(source) else source
