"""The seam between the parts that callers use (streams, state, ...) and what keeps the rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import attrs

from harmonium.actors.store.operations import Operation
from harmonium.actors.store.pending import Pending
from harmonium.actors.store.rows import (
    CounterRow,
    EventRow,
    ItemRow,
    LeaseRow,
    SnapshotRow,
    StreamRow,
)
from harmonium.actors.store.values import Fence
from harmonium.actors.store.watching import Watch

__all__ = ["Core", "Reader", "Span"]

T = TypeVar("T")


@attrs.frozen(slots=True)
class Span:
    """Which records of a log to read.

    Args:
        log: Name of the log.
        after: Ids above this.
        before: Ids below this; None has no such bound.
        key: Only this key; None takes all.
        prefix: Keys that begin with this.
        newest_first: Begin at the end.
        limit: Most records.
    """

    log: str
    after: int = 0
    before: int | None = None
    key: str | None = None
    prefix: str = ""
    newest_first: bool = False
    limit: int = 1000


class Reader(Protocol):
    """The rows at one moment. Lists are sorted by name, key, version or id."""

    def now(self) -> float:
        """The store's clock."""
        ...

    def stream(self, name: str) -> StreamRow | None:
        """One stream."""
        ...

    def streams(self, prefix: str, after: str, limit: int) -> list[tuple[str, StreamRow]]:
        """Streams by name."""
        ...

    def events(self, stream: str, after: int, limit: int | None) -> list[EventRow]:
        """Events above a version."""
        ...

    def snapshot(self, stream: str) -> SnapshotRow | None:
        """The snapshot of a stream."""
        ...

    def item(self, namespace: str, key: str) -> ItemRow | None:
        """One value that has not expired."""
        ...

    def items(
        self, namespace: str, prefix: str, after: str, limit: int | None
    ) -> list[tuple[str, ItemRow]]:
        """Values by key that have not expired."""
        ...

    def lease(self, name: str) -> LeaseRow | None:
        """One lease, expired or not."""
        ...

    def counter(self, name: str) -> CounterRow | None:
        """One counter."""
        ...

    def records(self, span: Span) -> list[tuple[int, float, str, bytes]]:
        """Records as id, at, key, data."""
        ...


class Core(Protocol):
    """What the parts of a store stand on."""

    def write(
        self,
        operation: Operation,
        fence: Fence | None = None,
        convert: Callable[[Any], T] | None = None,
    ) -> Pending[T]:
        """Commit one operation with the next group."""
        ...

    def write_all(
        self,
        operations: tuple[Operation, ...],
        fence: Fence | None = None,
        convert: Callable[[Any], T] | None = None,
    ) -> Pending[T]:
        """Commit operations with the next group, together or not at all."""
        ...

    def read(
        self, query: Callable[[Reader], Any], convert: Callable[[Any], T] | None = None
    ) -> Pending[T]:
        """Run a query; `convert` runs in the thread that takes the result."""
        ...

    def watch(self, watch: Watch) -> Pending[Watch]:
        """Begin to report changes to a watch."""
        ...
