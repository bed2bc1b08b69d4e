"""What a store keeps: plain rows, and how they become the values that callers see."""

from __future__ import annotations

from typing import TypeAlias

from harmonium.actors.store.payload import decode
from harmonium.actors.store.values import Entry, Event, Item, Lease, Record, Snapshot, Stream

__all__ = [
    "CounterRow",
    "EventRow",
    "ItemRow",
    "LeaseRow",
    "NumberedRow",
    "RecordRow",
    "SnapshotRow",
    "StreamRow",
    "entry_of",
    "event_of",
    "item_of",
    "lease_of",
    "prefix_end",
    "record_of",
    "snapshot_of",
    "stream_of",
]

# Plain tuples: a frozen attrs value costs 1 us to make, and a group makes two
# or three rows for each event.
StreamRow: TypeAlias = tuple[int, int, int]
"""version, compacted, snapshot"""
EventRow: TypeAlias = tuple[str, int, float, bytes]
"""stream, version, at, data"""
SnapshotRow: TypeAlias = tuple[int, float, bytes]
"""version, at, data"""
ItemRow: TypeAlias = tuple[int, float, float | None, bytes]
"""revision, at, expires_at, data"""
LeaseRow: TypeAlias = tuple[str, int, float]
"""holder, token, expires_at"""
CounterRow: TypeAlias = tuple[int, float]
"""value, the latest time used with it"""
RecordRow: TypeAlias = tuple[float, str, bytes]
"""at, key, data"""
NumberedRow: TypeAlias = tuple[int, float, str, bytes]
"""id, at, key, data"""


def stream_of(name: str, row: StreamRow | None) -> Stream:
    """The value of a stream; one that is not there has version 0."""
    return Stream(name, *row) if row else Stream(name)


def event_of(row: EventRow) -> Event:
    """The value of an event."""
    stream, version, at, data = row
    return Event(stream, version, at, decode(data, f"stream {stream}", version))


def snapshot_of(stream: str, row: SnapshotRow | None) -> Snapshot | None:
    """The value of a snapshot."""
    if row is None:
        return None
    version, at, data = row
    return Snapshot(stream, version, at, decode(data, f"snapshot of {stream}", version))


def item_of(namespace: str, key: str, row: ItemRow) -> Item:
    """The value of an item."""
    revision, at, expires_at, data = row
    return Item(key, revision, at, expires_at, decode(data, f"state {namespace}/{key}", revision))


def lease_of(name: str, row: LeaseRow) -> Lease:
    """The value of a lease."""
    return Lease(name, *row)


def record_of(log: str, row: NumberedRow) -> Record:
    """The value of a record."""
    id, at, key, data = row
    return Record(id, key, at, decode(data, f"log {log}", id))


def entry_of(row: NumberedRow) -> Entry:
    """The value of a topic's entry."""
    offset, at, topic, data = row
    return Entry(offset, topic, at, decode(data, "the topic journal", offset))


def prefix_end(prefix: str) -> str | None:
    """The least text above all that begin with `prefix`; None when there is none.

    Example:
        >>> prefix_end("orders/")
        'orders0'
    """
    while prefix:
        last = ord(prefix[-1])
        if last < 0x10FFFF:
            # Surrogates are no text: step over them.
            return prefix[:-1] + chr(0xE000 if last == 0xD7FF else last + 1)
        prefix = prefix[:-1]
    return None
