"""The ports that keep what happened, in order: event streams, the topic journal, logs.

`harmonium.actors.store.ports` says what is durable when.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from harmonium.actors.store.operations import Operation
from harmonium.actors.store.payload import Payload
from harmonium.actors.store.pending import Pending
from harmonium.actors.store.values import (
    Event,
    Fence,
    Filter,
    Page,
    Record,
    Recovered,
    Snapshot,
    Stream,
)

__all__ = ["EventStreams", "RecordLog", "TopicJournal"]


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

    def trim_taken(
        self,
        *,
        before: float | None = None,
        older: float | None = None,
        keep: int | None = None,
        limit: int = 10_000,
    ) -> Pending[int]:
        """Delete the oldest entries that any of the bounds lets go and all cursors have passed.

        The cursors are those of the moment of the deletion. Without any cursor
        the bounds decide alone.

        Args:
            before: Those committed before this time, in seconds.
            older: Those committed more than so many seconds ago.
            keep: All but the newest so many.
            limit: Most entries to look at, since other writes wait meanwhile.
                Call again while the result is this many.

        Returns:
            How many were deleted.
        """
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
