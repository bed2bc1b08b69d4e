"""`Draft`: the net effect of a group of writes, built in memory before anything is written.

A store loads the rows that a group of operations asks about, lets each
operation decide against the draft, and writes what came out of it: few
statements for many operations. An operation that is refused leaves no trace.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, Generic, Protocol, TypeVar

import attrs

from harmonium.actors.store.rows import (
    CounterRow,
    EventRow,
    ItemRow,
    LeaseRow,
    RecordRow,
    SnapshotRow,
    StreamRow,
)

__all__ = ["Draft", "Keys", "Loaded", "Overlay"]

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
K_contra = TypeVar("K_contra", contravariant=True)
V_co = TypeVar("V_co", covariant=True)


@attrs.define
class Keys:
    """The rows that a group of operations asks about.

    `selections` are operations that ask by a condition: the store answers with
    the keys of the rows, as they were before the group.
    """

    streams: set[str] = attrs.field(factory=set)
    items: set[tuple[str, str]] = attrs.field(factory=set)
    leases: set[str] = attrs.field(factory=set)
    counters: set[str] = attrs.field(factory=set)
    records: set[tuple[str, int]] = attrs.field(factory=set)
    selections: set[Hashable] = attrs.field(factory=set)


@attrs.define
class Loaded:
    """What stood in those rows; a row that is not there has no entry."""

    streams: dict[str, StreamRow] = attrs.field(factory=dict)
    items: dict[tuple[str, str], ItemRow] = attrs.field(factory=dict)
    leases: dict[str, LeaseRow] = attrs.field(factory=dict)
    counters: dict[str, CounterRow] = attrs.field(factory=dict)
    present: dict[tuple[str, int], bool] = attrs.field(factory=dict)
    selections: dict[Hashable, list[Any]] = attrs.field(factory=dict)


class _Below(Protocol[K_contra, V_co]):
    def get(self, key: K_contra, /) -> V_co | None: ...


class Overlay(Generic[K, V]):
    """A table as it will be: changed rows over the rows below; None is a deleted row."""

    __slots__ = ("_below", "changed")

    def __init__(self, below: _Below[K, V]) -> None:
        self._below = below
        self.changed: dict[K, V | None] = {}

    def get(self, key: K, /) -> V | None:
        """The row as it will be, or None."""
        if key in self.changed:
            return self.changed[key]
        return self._below.get(key)

    def put(self, key: K, row: V | None) -> None:
        """Set the row, or delete it with None."""
        self.changed[key] = row


class Draft:
    """Rows that a group reads and writes. Deletions of events come before insertions.

    Args:
        loaded: The rows before the group.
        below: The draft that this one lies over, for a unit that may be given up.
    """

    __slots__ = (
        "counters",
        "cuts",
        "deletions",
        "events",
        "items",
        "leases",
        "loaded",
        "present",
        "records",
        "snapshots",
        "streams",
    )

    def __init__(self, loaded: Loaded, below: Draft | None = None) -> None:
        under = below or loaded
        self.loaded = loaded
        self.streams: Overlay[str, StreamRow] = Overlay(under.streams)
        self.items: Overlay[tuple[str, str], ItemRow] = Overlay(under.items)
        self.leases: Overlay[str, LeaseRow] = Overlay(under.leases)
        self.counters: Overlay[str, CounterRow] = Overlay(under.counters)
        self.present: Overlay[tuple[str, int], bool] = Overlay(under.present)
        self.snapshots: dict[str, SnapshotRow | None] = {}
        self.events: dict[str, list[EventRow]] = {}
        self.cuts: dict[str, int] = {}
        self.records: dict[tuple[str, int], RecordRow | None] = {}
        self.deletions: dict[tuple[str, str], int] = {}

    def over(self) -> Draft:
        """A draft over this one; `merge` it, or drop it and nothing happened."""
        return Draft(self.loaded, self)

    def merge(self, upper: Draft) -> None:
        """Take what a draft over this one decided."""
        for stream, version in upper.cuts.items():
            self.cut_events(stream, version)
        for stream, rows in upper.events.items():
            self.events.setdefault(stream, []).extend(rows)
        self.streams.changed.update(upper.streams.changed)
        self.items.changed.update(upper.items.changed)
        self.leases.changed.update(upper.leases.changed)
        self.counters.changed.update(upper.counters.changed)
        self.present.changed.update(upper.present.changed)
        self.snapshots.update(upper.snapshots)
        self.records.update(upper.records)
        self.deletions.update(upper.deletions)

    def cut_events(self, stream: str, version: int) -> None:
        """Delete the events of `stream` up to `version`, those of this group too."""
        self.cuts[stream] = max(version, self.cuts.get(stream, 0))
        if stream in self.events:
            self.events[stream] = [row for row in self.events[stream] if row[1] > version]

    def next_number(self, counter: str, now: float = 0.0) -> CounterRow:
        """Count up, and move the counter's time forward to `now`, never back."""
        value, at = self.counters.get(counter) or (0, now)
        row = (value + 1, max(at, now))
        self.counters.put(counter, row)
        return row

    def numbers(self, counter: str) -> range:
        """The numbers of a counter that this group used up."""
        before, _ = self.loaded.counters.get(counter) or (0, 0.0)
        after, _ = self.counters.get(counter) or (0, 0.0)
        return range(before + 1, after + 1)

    def state_changes(self) -> list[tuple[int, str, str, ItemRow | None]]:
        """Number, namespace, key and new row of each changed item, in order."""
        changes = [
            (row[0] if row else self.deletions[place], *place, row)
            for place, row in self.items.changed.items()
        ]
        return sorted(changes, key=lambda change: change[0])
