"""The ports: what agents, coordinators and topics ask of a store.

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

from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any, Protocol

from harmonium.actors.store.operations import Operation
from harmonium.actors.store.payload import Payload
from harmonium.actors.store.pending import Pending
from harmonium.actors.store.values import (
    Change,
    Claim,
    Event,
    Fence,
    Filter,
    Item,
    Lease,
    Page,
    Record,
    Recovered,
    Snapshot,
    Statistics,
    Stream,
)
from harmonium.actors.store.watching import Watch

__all__ = [
    "EventStreams",
    "IdempotencyKeys",
    "Leases",
    "RecordLog",
    "StateStore",
    "Store",
    "TopicJournal",
]


class EventStreams(Protocol):
    """Streams of events, one for each thing that is event-sourced.

    A stream begins with its first event and is gone when it is deleted: nothing
    of it stays. Versions count from 1 without gaps.
    """

    def append(
        self,
        stream: str,
        events: Iterable[Payload],
        *,
        expected_version: int | None = None,
        fence: Fence | None = None,
    ) -> Pending[int]:
        """Append events, all or none, and return the stream's new version.

        Args:
            stream: Name of the stream.
            events: The payloads, in order; none at all only checks the version.
            expected_version: The version that the writer has read (0: the stream
                must not be there); None appends to whatever is there.
            fence: The lease that must still be held.

        Raises:
            VersionConflict: If the stream is at another version.
            StaleToken: If the lease was lost.
        """
        ...

    def read(self, stream: str, *, after: int = 0, limit: int = 1000) -> Pending[list[Event]]:
        """Read up to `limit` events with a version above `after`, in order.

        Events that were compacted are left out; `recover` reads what stands for them.

        Raises:
            StoreCorrupt: If a version is missing or a payload cannot be read.
        """
        ...

    def recover(self, stream: str) -> Pending[Recovered]:
        """Read the snapshot and all events after it, at one moment."""
        ...

    def status(self, stream: str) -> Pending[Stream]:
        """Read where the stream stands; version 0 when it is not there."""
        ...

    def streams(
        self, prefix: str = "", *, after: str = "", limit: int = 1000
    ) -> Pending[list[Stream]]:
        """List up to `limit` streams, sorted by name, whose name begins with `prefix`.

        Args:
            prefix: What the names begin with.
            after: Only names above this: the last name of the page before.
            limit: Most streams to return.
        """
        ...

    def save_snapshot(
        self,
        stream: str,
        version: int,
        data: Payload,
        *,
        compact: bool = False,
        fence: Fence | None = None,
    ) -> Pending[bool]:
        """Keep what the events up to `version` came to, in place of an older snapshot.

        Args:
            stream: Name of the stream.
            version: The last event that it covers.
            data: The payload.
            compact: Delete the events that it covers in the same commit.
            fence: The lease that must still be held.

        Returns:
            False when a snapshot of the same or a later version is there already.

        Raises:
            VersionConflict: If the stream has no such version.
        """
        ...

    def snapshot(self, stream: str) -> Pending[Snapshot | None]:
        """Read the snapshot, or None."""
        ...

    def compact(self, stream: str, up_to: int, *, fence: Fence | None = None) -> Pending[int]:
        """Delete the events up to version `up_to` and return how many there were.

        Raises:
            VersionConflict: If the snapshot does not cover them: they would be lost.
        """
        ...

    def delete(
        self, stream: str, *, expected_version: int | None = None, fence: Fence | None = None
    ) -> Pending[bool]:
        """Delete the stream with its snapshot; False when it was not there.

        Raises:
            VersionConflict: If it is at another version than the expected one.
        """
        ...


class TopicJournal(Protocol):
    """All that was published to durable topics, in one order, and who has read how far.

    Offsets rise over all topics in the order of the commits, in every process: a
    reader that has seen an offset will never see a smaller one appear later.
    """

    def publish(
        self, topic: str, *data: Payload, fence: Fence | None = None
    ) -> Pending[tuple[int, ...]]:
        """Append entries, all or none, and return their offsets."""
        ...

    def read(self, after: int = 0, *, prefix: str = "", limit: int = 1000) -> Pending[Page]:
        """Read up to `limit` entries with an offset above `after`.

        Args:
            after: The cursor: the offset of the last entry that was read.
            prefix: Only topics that begin with this.
            limit: Most entries to return.
        """
        ...

    def end(self) -> Pending[int]:
        """The last offset given out; 0 when nothing was ever published."""
        ...

    def offset_at(self, time: float) -> Pending[int]:
        """The cursor from which a read begins with the first entry of `time` or later."""
        ...

    def cursor(self, subscription: str) -> Pending[int]:
        """How far the subscription has read; 0 when it is new."""
        ...

    def cursors(self) -> Pending[dict[str, int]]:
        """How far each subscription has read."""
        ...

    def move(self, subscription: str, offset: int, *, fence: Fence | None = None) -> Pending[int]:
        """Set how far the subscription has read, forwards or back."""
        ...

    def moving(self, subscription: str, offset: int) -> Operation:
        """`move` as an operation, to commit together with what was done."""
        ...

    def forget(self, subscription: str, *, fence: Fence | None = None) -> Pending[bool]:
        """Delete the cursor; False when there was none."""
        ...

    def trim(
        self,
        *,
        up_to: int | None = None,
        before: float | None = None,
        keep: int | None = None,
        limit: int = 10_000,
    ) -> Pending[int]:
        """Delete the oldest entries; see `RecordLog.trim`. Cursors are not looked at."""
        ...


class StateStore(Protocol):
    """Keys and values of one namespace, with revisions, expiry and watches."""

    def get(self, key: str) -> Pending[Item | None]:
        """Read the value; None when it is not there or has expired."""
        ...

    def put(
        self, key: str, data: Payload, *, ttl: float | None = None, fence: Fence | None = None
    ) -> Pending[int]:
        """Write the value, whatever is there, and return its revision.

        Args:
            key: The key.
            data: The payload.
            ttl: After how many seconds it is gone, above 0; None keeps it.
            fence: The lease that must still be held.
        """
        ...

    def compare_and_set(
        self,
        key: str,
        data: Payload,
        *,
        revision: int | None,
        ttl: float | None = None,
        fence: Fence | None = None,
    ) -> Pending[int | None]:
        """Write the value if nobody has written since; returns its revision, else None.

        Args:
            key: The key.
            data: The payload.
            revision: What the value had when it was read; None: it must not be there.
            ttl: After how many seconds it is gone, above 0; None keeps it.
            fence: The lease that must still be held.
        """
        ...

    def delete(
        self, key: str, *, revision: int | None = None, fence: Fence | None = None
    ) -> Pending[bool]:
        """Delete the value; False when it was not there.

        Raises:
            VersionConflict: If `revision` is given and the value has another.
        """
        ...

    def list(self, prefix: str = "", *, after: str = "", limit: int = 1000) -> Pending[list[Item]]:
        """List up to `limit` values, sorted by key, whose key begins with `prefix`.

        Args:
            prefix: What the keys begin with.
            after: Only keys above this: the last key of the page before.
            limit: Most values to return.
        """
        ...

    def watch(self, prefix: str, callback: Callable[[Change], object]) -> Pending[Watch]:
        """Call back for each change of a key that begins with `prefix`, until closed.

        From when the result is there, each change of this process is reported,
        in order, right after it is durable; of several changes of a key that were
        committed together, the last. A change of another process is found by
        polling: of several changes in one interval, the last. An expired value
        is reported when it is swept, not when it expires.

        The callback runs in the thread of the store (in the thread that writes,
        for the memory store): it must be short, must not wait for the store, and
        what it raises is logged and dropped.
        """
        ...

    def changes(self, prefix: str = "") -> AsyncIterator[Change]:
        """Iterate over the changes in an event loop, from the first step until the store is closed.

        A slow reader sees the last change of each key, not all of them, so what
        waits is bounded by the number of keys.
        """
        ...


class Leases(Protocol):
    """Who is the only one. The time is the store's; the token makes it safe."""

    def acquire(self, name: str, holder: str, ttl: float) -> Pending[Lease | None]:
        """Take the lease if it is free, has run out, or is this holder's already.

        A holder that acquires again gets a new token, so that what its former
        incarnation still writes is refused.

        Args:
            name: Name of the lease.
            holder: Who wants it: unique for each agent and process.
            ttl: After how many seconds without renewal others may take it.

        Returns:
            The lease, or None while somebody else has it.
        """
        ...

    def renew(self, lease: Lease, ttl: float) -> Pending[Lease]:
        """Keep the lease for `ttl` seconds from now, with the same token.

        A lease that has run out can still be renewed while nobody has taken it.

        Raises:
            StaleToken: If somebody has.
        """
        ...

    def release(self, lease: Lease) -> Pending[bool]:
        """Give the lease back; False when it was lost already."""
        ...

    def holder(self, name: str) -> Pending[Lease | None]:
        """Who has the lease; None when nobody has or it has run out."""
        ...


class RecordLog(Protocol):
    """A log that is only appended to (decisions, dead letters), with filters and deletion by id."""

    def append(
        self,
        *data: Payload,
        key: str = "",
        expected_last: int | None = None,
        fence: Fence | None = None,
    ) -> Pending[tuple[int, ...]]:
        """Append records, all or none, and return their ids.

        Args:
            data: The payloads, in order.
            key: What they can be found by (a correlation id, a path); may be empty.
            expected_last: The last id that the writer knows of (for a chain of
                hashes, for example); None appends to whatever is there.
            fence: The lease that must still be held.

        Raises:
            VersionConflict: If another record was appended since.
        """
        ...

    def scan(
        self,
        only: Filter | None = None,
        *,
        after: int = 0,
        before: int | None = None,
        newest_first: bool = False,
        limit: int = 1000,
    ) -> Pending[list[Record]]:
        """Read up to `limit` records that pass the filter.

        Args:
            only: Which records; None takes all.
            after: Only ids above this.
            before: Only ids below this; None has no such bound.
            newest_first: Begin at the end.
            limit: Most records to return.
        """
        ...

    def last_id(self) -> Pending[int]:
        """The last id given out; 0 when nothing was ever appended."""
        ...

    def delete(self, *ids: int, fence: Fence | None = None) -> Pending[int]:
        """Delete records by id and return how many were there."""
        ...

    def trim(
        self,
        *,
        up_to: int | None = None,
        before: float | None = None,
        keep: int | None = None,
        limit: int = 10_000,
    ) -> Pending[int]:
        """Delete the oldest records that any of the bounds lets go.

        Args:
            up_to: Those with this id or a smaller one.
            before: Those committed before this time, in seconds.
            keep: All but the newest so many.
            limit: Most records to delete at once, since other writes wait
                meanwhile. Call again while the result is this many.

        Returns:
            How many were deleted.
        """
        ...


class IdempotencyKeys(Protocol):
    """Which requests were seen, and what was answered. Keys live in scopes."""

    def claim(
        self,
        scope: str,
        key: str,
        *,
        owner: str,
        ttl: float,
        instead_of: str | None = None,
        fence: Fence | None = None,
    ) -> Pending[Claim]:
        """Claim a key: of any number of callers at once, one gets it.

        Args:
            scope: Whose keys these are.
            key: The idempotency key.
            owner: Who would do the work: an incarnation of an agent.
            ttl: After how many seconds an unfinished claim is forgotten.
            instead_of: An owner that is known to be dead: its unfinished claim
                is taken over.
            fence: The lease that must still be held.
        """
        ...

    def finish(
        self, claim: Claim, reply: Payload, *, ttl: float, fence: Fence | None = None
    ) -> Pending[int]:
        """Store the reply, for all who claim the key within `ttl` seconds.

        Raises:
            VersionConflict: If the claim was taken over or has expired.
        """
        ...

    def finishing(self, claim: Claim, reply: Payload, *, ttl: float) -> Operation:
        """`finish` as an operation, to commit together with the effects."""
        ...

    def abandon(self, claim: Claim, *, fence: Fence | None = None) -> Pending[bool]:
        """Give the claim up, so that the key can be claimed again.

        Raises:
            VersionConflict: If the claim was taken over.
        """
        ...

    def find(self, scope: str, key: str) -> Pending[Claim | None]:
        """Read what is known of a key; None when it is new or expired."""
        ...

    def trim(self, scope: str, *, keep: int, limit: int = 10_000) -> Pending[int]:
        """Delete the oldest keys but the newest `keep`; returns how many, at most `limit`."""
        ...


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
