"""Event streams: the operations on them, and the part of a store that offers them."""
# ruff: noqa: D102 - the port has the docstrings

from __future__ import annotations

from collections.abc import Iterable
from itertools import zip_longest

import attrs

from harmonium.actors.store.core import Core, Reader
from harmonium.actors.store.draft import Draft, Keys
from harmonium.actors.store.journal_ports import EventStreams
from harmonium.actors.store.payload import Payload, check_name, encode
from harmonium.actors.store.pending import Pending
from harmonium.actors.store.rows import (
    EventRow,
    SnapshotRow,
    StreamRow,
    event_of,
    snapshot_of,
    stream_of,
)
from harmonium.actors.store.values import Event, Fence, Recovered, Snapshot, Stream
from harmonium.protocols.errors import StoreCorrupt, VersionConflict

__all__ = ["AppendEvents", "CompactStream", "DeleteStream", "SaveSnapshot", "Streams"]

_NONE: StreamRow = (0, 0, 0)


def _encode_all(events: Iterable[Payload]) -> tuple[bytes, ...]:
    return tuple([encode(event) for event in events])


def _check_version(stream: str, expected: int | None, actual: int) -> None:
    if expected is not None and expected != actual:
        raise VersionConflict(f"stream {stream}", expected, actual)


@attrs.frozen(slots=True)
class AppendEvents:
    """Append events to a stream; the result is its new version. See `EventStreams.append`."""

    stream: str = attrs.field(validator=check_name)
    events: tuple[bytes, ...] = attrs.field(converter=_encode_all)
    expected_version: int | None = attrs.field(default=None, kw_only=True)

    def ask(self, keys: Keys) -> None:
        keys.streams.add(self.stream)

    def decide(self, draft: Draft, now: float) -> int:
        stream = self.stream
        version, compacted, snapshot = draft.streams.get(stream) or _NONE
        _check_version(stream, self.expected_version, version)
        if self.events:
            rows = draft.events.setdefault(stream, [])
            for version, data in enumerate(self.events, version + 1):  # noqa: B020 - counts on
                rows.append((stream, version, now, data))
            draft.streams.put(stream, (version, compacted, snapshot))
        return version


@attrs.frozen(slots=True)
class SaveSnapshot:
    """Keep a snapshot of a stream; True when it was kept. See `EventStreams.save_snapshot`."""

    stream: str = attrs.field(validator=check_name)
    version: int
    data: bytes = attrs.field(converter=encode)

    def ask(self, keys: Keys) -> None:
        keys.streams.add(self.stream)

    def decide(self, draft: Draft, now: float) -> bool:
        version, compacted, snapshot = draft.streams.get(self.stream) or _NONE
        if not 0 < self.version <= version:
            raise VersionConflict(f"stream {self.stream}", self.version, version)
        if self.version <= snapshot:
            return False
        draft.snapshots[self.stream] = (self.version, now, self.data)
        draft.streams.put(self.stream, (version, compacted, self.version))
        return True


@attrs.frozen(slots=True)
class CompactStream:
    """Delete events that the snapshot covers; the result is how many. See `EventStreams.compact`.

    Args:
        stream: Name of the stream.
        up_to: The last version to delete; None: what the snapshot covers.
    """

    stream: str = attrs.field(validator=check_name)
    up_to: int | None = None

    def ask(self, keys: Keys) -> None:
        keys.streams.add(self.stream)

    def decide(self, draft: Draft, now: float) -> int:
        version, compacted, snapshot = draft.streams.get(self.stream) or _NONE
        up_to = snapshot if self.up_to is None else self.up_to
        if up_to > snapshot:
            raise VersionConflict(f"the snapshot of {self.stream}", up_to, snapshot)
        if up_to <= compacted:
            return 0
        draft.cut_events(self.stream, up_to)
        draft.streams.put(self.stream, (version, up_to, snapshot))
        return up_to - compacted


@attrs.frozen(slots=True)
class DeleteStream:
    """Delete a stream; True when it was there. See `EventStreams.delete`."""

    stream: str = attrs.field(validator=check_name)
    expected_version: int | None = attrs.field(default=None, kw_only=True)

    def ask(self, keys: Keys) -> None:
        keys.streams.add(self.stream)

    def decide(self, draft: Draft, now: float) -> bool:
        version, _, snapshot = draft.streams.get(self.stream) or _NONE
        _check_version(self.stream, self.expected_version, version)
        if not version:
            return False
        draft.cut_events(self.stream, version)
        draft.streams.put(self.stream, None)
        if snapshot:
            draft.snapshots[self.stream] = None
        return True


@attrs.frozen(slots=True)
class _Found:
    """Events as they were found, with what is needed to see that none is missing.

    Args:
        name: Name of the stream.
        row: Where the stream stands; None when it is not there.
        after: The version that the events follow.
        rows: The events.
        limit: Most events that were asked for; None for all.
    """

    name: str
    row: StreamRow | None
    after: int
    rows: list[EventRow]
    limit: int | None = None

    def events(self) -> list[Event]:
        """Make the values, and prove that their versions follow each other."""
        version, compacted, _ = self.row or _NONE
        first = max(self.after, compacted) + 1
        expected = max(0, version + 1 - first)
        if self.limit is not None:
            expected = min(expected, self.limit)
        for number, row in zip_longest(range(first, first + expected), self.rows):
            if row is None or row[1] != number:
                wrong = row[1] if number is None else number
                raise StoreCorrupt(f"stream {self.name}", wrong, "a version is missing")
        return [event_of(row) for row in self.rows]


def _find(reader: Reader, stream: str, after: int, limit: int | None) -> _Found:
    return _Found(stream, reader.stream(stream), after, reader.events(stream, after, limit), limit)


def _recover(reader: Reader, stream: str) -> tuple[SnapshotRow | None, _Found]:
    snapshot = reader.snapshot(stream)
    return snapshot, _find(reader, stream, snapshot[0] if snapshot else 0, None)


class Streams(EventStreams):
    """The event streams of a store."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def append(
        self,
        stream: str,
        events: Iterable[Payload],
        *,
        expected_version: int | None = None,
        fence: Fence | None = None,
    ) -> Pending[int]:
        operation = AppendEvents(stream, events, expected_version=expected_version)
        return self._core.write(operation, fence)

    def read(self, stream: str, *, after: int = 0, limit: int = 1000) -> Pending[list[Event]]:
        return self._core.read(lambda reader: _find(reader, stream, after, limit), _Found.events)

    def recover(self, stream: str) -> Pending[Recovered]:
        def convert(found: tuple[SnapshotRow | None, _Found]) -> Recovered:
            snapshot, after = found
            return Recovered(snapshot_of(stream, snapshot), tuple(after.events()))

        return self._core.read(lambda reader: _recover(reader, stream), convert)

    def status(self, stream: str) -> Pending[Stream]:
        return self._core.read(lambda reader: reader.stream(stream), lambda r: stream_of(stream, r))

    def streams(
        self, prefix: str = "", *, after: str = "", limit: int = 1000
    ) -> Pending[list[Stream]]:
        return self._core.read(
            lambda reader: reader.streams(prefix, after, limit),
            lambda rows: [stream_of(name, row) for name, row in rows],
        )

    def save_snapshot(
        self,
        stream: str,
        version: int,
        data: Payload,
        *,
        compact: bool = False,
        fence: Fence | None = None,
    ) -> Pending[bool]:
        save = SaveSnapshot(stream, version, data)
        if not compact:
            return self._core.write(save, fence)
        return self._core.write_all(
            (save, CompactStream(stream)), fence, lambda results: results[0]
        )

    def snapshot(self, stream: str) -> Pending[Snapshot | None]:
        return self._core.read(
            lambda reader: reader.snapshot(stream), lambda row: snapshot_of(stream, row)
        )

    def compact(self, stream: str, up_to: int, *, fence: Fence | None = None) -> Pending[int]:
        return self._core.write(CompactStream(stream, up_to), fence)

    def delete(
        self, stream: str, *, expected_version: int | None = None, fence: Fence | None = None
    ) -> Pending[bool]:
        return self._core.write(DeleteStream(stream, expected_version=expected_version), fence)
