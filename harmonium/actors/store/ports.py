"""The port: what agents, coordinators and topics ask of a store.

Every method hands its work over at once and returns a `Pending`: ``await`` it
in an event loop, or call ``.result()`` in a plain thread (the command line).

**What is durable when.** A write is durable when its `Pending` has a result:
on disk after an fsync (SQLite), acknowledged by the server (PostgreSQL), or in
the memory of this process (the memory store without a disk). Before that it may
be lost in a crash, but never in part. When it raises `VersionConflict` or
`StaleToken`, nothing was written. When it raises any other `StoreError`, the
outcome is not known: read before you write again. Writes that were handed over
by one thread become durable in that order. A read sees all writes that were
durable when it was handed over, and none in part.

**Who waits for whom.** All writes that wait while a group is being committed
form the next group and share its sync. A group's members do not share their
fate: a refused one leaves the others as they are.

**Which time.** All times are in seconds of the store's clock: the callable that
it was opened with, the clock of this machine, or that of the PostgreSQL server.
"""

from __future__ import annotations

from typing import Any, Protocol

from harmonium.actors.store.journal_ports import EventStreams, RecordLog, TopicJournal
from harmonium.actors.store.operations import Operation
from harmonium.actors.store.pending import Pending
from harmonium.actors.store.state_ports import IdempotencyKeys, Leases, StateStore
from harmonium.actors.store.values import Fence, Statistics

__all__ = ["Store"]


class Store(Protocol):
    """One place of durable state; see the module for what is durable when."""

    @property
    def streams(self) -> EventStreams:
        """The event streams."""
        ...

    @property
    def topics(self) -> TopicJournal:
        """The topic journal."""
        ...

    @property
    def leases(self) -> Leases:
        """The leases."""
        ...

    @property
    def idempotency(self) -> IdempotencyKeys:
        """The idempotency keys."""
        ...

    def state(self, namespace: str) -> StateStore:
        """The state of one namespace."""
        ...

    def log(self, name: str) -> RecordLog:
        """The log of that name."""
        ...

    def commit(
        self, *operations: Operation, fence: Fence | None = None
    ) -> Pending[tuple[Any, ...]]:
        """Do the operations together or not at all, and return their results.

        Later operations see what earlier ones did; only those that trim or expire
        look at what was there before the commit. When one raises, none is done.

        Args:
            operations: `AppendEvents`, `PutItem`, `AppendRecords` and the like.
            fence: The lease that must still be held.

        Raises:
            VersionConflict: If an expected version is not the one that is there.
            StaleToken: If the lease was lost.
        """
        ...

    def now(self) -> Pending[float]:
        """Read the store's clock, in seconds."""
        ...

    def sweep(self, *, limit: int = 10_000) -> Pending[int]:
        """Delete values that have expired, as the store also does by itself.

        Args:
            limit: Most values to delete at once.

        Returns:
            How many were deleted.
        """
        ...

    def statistics(self) -> Statistics:
        """What the store has done since it was opened."""
        ...

    def close(self) -> None:
        """Write what was handed over, then close; what comes later raises `StoreError`.

        Returns when no thread and no connection of the store is left. Closing
        twice does nothing. Do not call it in a callback of a watch.
        """
        ...

    async def aclose(self) -> None:
        """`close` without blocking the event loop while the last group is written."""
        ...
