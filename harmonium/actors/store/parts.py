"""`Parts`: what all stores share: their streams, topics, state, leases, logs and keys."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Self, TypeVar

from harmonium.actors.store.core import Reader
from harmonium.actors.store.idempotency import Idempotency
from harmonium.actors.store.items import ExpireItems
from harmonium.actors.store.journal_ports import EventStreams, RecordLog, TopicJournal
from harmonium.actors.store.leases import FencedLeases
from harmonium.actors.store.logs import Log
from harmonium.actors.store.operations import Operation, Unit
from harmonium.actors.store.pending import Pending
from harmonium.actors.store.ports import Store
from harmonium.actors.store.state import State
from harmonium.actors.store.state_ports import IdempotencyKeys, Leases, StateStore
from harmonium.actors.store.streams import Streams
from harmonium.actors.store.topics import Topics
from harmonium.actors.store.values import Fence
from harmonium.actors.store.watching import Watch
from harmonium.protocols.errors import StoreError

__all__ = ["Parts"]

T = TypeVar("T")


def _own_name(what: str, name: str) -> str:
    if name.startswith("$"):
        raise StoreError(f"{what} {name!r}: names that begin with $ are the store's own")
    return name


class Parts(Store, ABC):
    """A store but for the rows: `submit` takes writes, `read` answers queries."""

    def __init__(self) -> None:
        self._streams = Streams(self)
        self._topics = Topics(self)
        self._leases = FencedLeases(self)
        self._idempotency = Idempotency(self)

    @property
    def streams(self) -> EventStreams:
        """The event streams."""
        return self._streams

    @property
    def topics(self) -> TopicJournal:
        """The topic journal."""
        return self._topics

    @property
    def leases(self) -> Leases:
        """The leases."""
        return self._leases

    @property
    def idempotency(self) -> IdempotencyKeys:
        """The idempotency keys."""
        return self._idempotency

    def state(self, namespace: str) -> StateStore:
        """The state of one namespace."""
        return State(self, _own_name("namespace", namespace))

    def log(self, name: str) -> RecordLog:
        """The log of that name."""
        return Log(self, _own_name("log", name))

    def commit(
        self, *operations: Operation, fence: Fence | None = None
    ) -> Pending[tuple[Any, ...]]:
        """Do the operations together or not at all, and return their results."""
        return self.write_all(operations, fence)

    def now(self) -> Pending[float]:
        """Read the store's clock, in seconds."""
        return self.read(lambda reader: reader.now())

    def sweep(self, *, limit: int = 10_000) -> Pending[int]:
        """Delete values that have expired, as the store also does by itself."""
        return self.write(ExpireItems(limit))

    def write(
        self,
        operation: Operation,
        fence: Fence | None = None,
        convert: Callable[[Any], T] | None = None,
    ) -> Pending[T]:
        """Commit one operation with the next group."""
        unit = Unit((operation,), Pending(convert), fence)
        self.submit(unit)
        return unit.pending

    def write_all(
        self,
        operations: tuple[Operation, ...],
        fence: Fence | None = None,
        convert: Callable[[Any], T] | None = None,
    ) -> Pending[T]:
        """Commit operations with the next group, together or not at all."""
        unit = Unit(operations, Pending(convert), fence, single=False)
        self.submit(unit)
        return unit.pending

    @abstractmethod
    def submit(self, unit: Unit) -> None:
        """Take a unit; settle it once it is durable, refused or lost."""

    @abstractmethod
    def read(
        self, query: Callable[[Reader], Any], convert: Callable[[Any], T] | None = None
    ) -> Pending[T]:
        """Run a query; `convert` runs in the thread that takes the result."""

    @abstractmethod
    def watch(self, watch: Watch) -> Pending[Watch]:
        """Begin to report changes to a watch."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
