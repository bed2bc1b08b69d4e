"""`Tables`: the rows of a memory store, with what a store must be able to load, read and change."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Hashable, Iterable
from typing import Any, TypeAlias

import attrs

from harmonium.actors.store.core import Span
from harmonium.actors.store.draft import Draft, Keys, Loaded
from harmonium.actors.store.items import ExpireItems, TrimItems
from harmonium.actors.store.logs import TrimLog
from harmonium.actors.store.rows import (
    CounterRow,
    EventRow,
    ItemRow,
    LeaseRow,
    NumberedRow,
    RecordRow,
    SnapshotRow,
    StreamRow,
    item_of,
)
from harmonium.actors.store.taken import CURSORS, JOURNAL, TrimTaken

__all__ = ["Changes", "Tables", "changes_of"]

Changes: TypeAlias = dict[str, Any]
"""The net effect of a group as plain dicts, lists and tuples."""


def changes_of(draft: Draft) -> Changes:
    """Take the net effect out of a draft; what did not change is left out."""
    changes = {
        "cuts": draft.cuts,
        "events": draft.events,
        "streams": draft.streams.changed,
        "snapshots": draft.snapshots,
        "items": draft.items.changed,
        "leases": draft.leases.changed,
        "counters": draft.counters.changed,
        "records": draft.records,
    }
    return {table: rows for table, rows in changes.items() if rows}


@attrs.define
class _LogRows:
    """The records of one log, with their ids in order."""

    ids: list[int] = attrs.field(factory=list)
    rows: dict[int, RecordRow] = attrs.field(factory=dict)

    def drop(self, gone: set[int]) -> None:
        for number in gone:
            self.rows.pop(number, None)
        self.ids = [number for number in self.ids if number not in gone]


def _update(table: dict[Any, Any], changed: dict[Any, Any]) -> None:
    for key, row in changed.items():
        if row is None:
            table.pop(key, None)
        else:
            table[key] = row


@attrs.define
class Tables:
    """All rows, and the clock.

    Args:
        now: The clock, in seconds.
    """

    now: Callable[[], float]
    _streams: dict[str, StreamRow] = attrs.field(factory=dict)
    _events: dict[str, list[EventRow]] = attrs.field(factory=dict)
    _snapshots: dict[str, SnapshotRow] = attrs.field(factory=dict)
    _items: dict[tuple[str, str], ItemRow] = attrs.field(factory=dict)
    _leases: dict[str, LeaseRow] = attrs.field(factory=dict)
    _counters: dict[str, CounterRow] = attrs.field(factory=dict)
    _logs: dict[str, _LogRows] = attrs.field(factory=dict)

    # -- for writers

    def load(self, keys: Keys, now: float) -> Loaded:
        """Give the rows that a group asks about."""
        return Loaded(
            streams=self._streams,
            items=self._items,
            leases=self._leases,
            counters=self._counters,
            present={place: True for place in keys.records if self._has(place)},
            selections={asked: self._select(asked, now) for asked in keys.selections},
        )

    def _has(self, place: tuple[str, int]) -> bool:
        log, number = place
        return log in self._logs and number in self._logs[log].rows

    def _select(self, asked: Hashable, now: float) -> list[Any]:
        if isinstance(asked, TrimLog):
            return self._select_records(asked)
        if isinstance(asked, TrimTaken):
            return self._select_taken(asked, now)
        if isinstance(asked, TrimItems):
            mine = [
                (row[0], place) for place, row in self._items.items() if place[0] == asked.namespace
            ]
            oldest = sorted(mine)[: max(0, len(mine) - asked.keep)]
            return [place for _, place in oldest][: asked.limit]
        if isinstance(asked, ExpireItems):
            ended = [
                (row[2], place)
                for place, row in self._items.items()
                if row[2] is not None and row[2] <= now
            ]
            return [place for _, place in sorted(ended)][: asked.limit]
        raise TypeError(f"nobody can select for {asked!r}")

    def _select_records(self, trim: TrimLog) -> list[tuple[str, int]]:
        log = self._logs.get(trim.log, _LogRows())
        count = 0
        if trim.up_to is not None:
            count = bisect_right(log.ids, trim.up_to)
        if trim.before is not None:
            count = max(count, bisect_left(log.ids, trim.before, key=lambda n: log.rows[n][0]))
        if trim.keep is not None:
            count = max(count, len(log.ids) - trim.keep)
        return [(trim.log, number) for number in log.ids[: min(count, trim.limit)]]

    def _select_taken(self, trim: TrimTaken, now: float) -> list[tuple[str, int]]:
        log = self._logs.get(JOURNAL, _LogRows())
        taken = [
            int(item_of(*place, row).data)
            for place, row in self._items.items()
            if place[0] == CURSORS
        ]
        newest = log.ids[-1] if log.ids else 0
        oldest = log.ids[: min(trim.limit, bisect_right(log.ids, min(taken, default=newest)))]
        goes = (id for id in oldest if trim.lets_go(id, log.rows[id][0], newest, now))
        return [(JOURNAL, id) for id in goes]

    def apply(self, changes: Changes) -> None:
        """Do what a group came to."""
        for stream, version in changes.get("cuts", {}).items():
            self._cut(stream, version)
        for stream, rows in changes.get("events", {}).items():
            if rows:
                self._events.setdefault(stream, []).extend(rows)
        _update(self._streams, changes.get("streams", {}))
        _update(self._snapshots, changes.get("snapshots", {}))
        _update(self._items, changes.get("items", {}))
        _update(self._leases, changes.get("leases", {}))
        _update(self._counters, changes.get("counters", {}))
        self._change_records(changes.get("records", {}))

    def _cut(self, stream: str, version: int) -> None:
        kept = [row for row in self._events.get(stream, []) if row[1] > version]
        if kept:
            self._events[stream] = kept
        else:
            self._events.pop(stream, None)

    def _change_records(self, changed: dict[tuple[str, int], RecordRow | None]) -> None:
        gone: dict[str, set[int]] = {}
        for (name, number), row in changed.items():
            if row is None:
                gone.setdefault(name, set()).add(number)
                continue
            log = self._logs.setdefault(name, _LogRows())
            log.ids.append(number)
            log.rows[number] = row
        for name, numbers in gone.items():
            log = self._logs.get(name, _LogRows())
            log.drop(numbers)
            if not log.ids:
                self._logs.pop(name, None)

    # -- for readers: the methods of Reader

    def stream(self, name: str) -> StreamRow | None:
        """One stream."""
        return self._streams.get(name)

    def streams(self, prefix: str, after: str, limit: int) -> list[tuple[str, StreamRow]]:
        """Streams by name."""
        names = sorted(name for name in self._streams if name.startswith(prefix) and name > after)
        return [(name, self._streams[name]) for name in names[:limit]]

    def events(self, stream: str, after: int, limit: int | None) -> list[EventRow]:
        """Events above a version."""
        rows = self._events.get(stream, [])
        start = bisect_right(rows, after, key=lambda row: row[1])
        return rows[start : None if limit is None else start + limit]

    def snapshot(self, stream: str) -> SnapshotRow | None:
        """The snapshot of a stream."""
        return self._snapshots.get(stream)

    def item(self, namespace: str, key: str) -> ItemRow | None:
        """One value that has not expired."""
        row = self._items.get((namespace, key))
        return None if row is None or self._ended(row) else row

    def _ended(self, row: ItemRow) -> bool:
        return row[2] is not None and row[2] <= self.now()

    def items(
        self, namespace: str, prefix: str, after: str, limit: int | None
    ) -> list[tuple[str, ItemRow]]:
        """Values by key that have not expired."""
        found = sorted(
            (key, row)
            for (space, key), row in self._items.items()
            if space == namespace and key.startswith(prefix) and key > after
        )
        return [pair for pair in found if not self._ended(pair[1])][:limit]

    def lease(self, name: str) -> LeaseRow | None:
        """One lease, expired or not."""
        return self._leases.get(name)

    def counter(self, name: str) -> CounterRow | None:
        """One counter."""
        return self._counters.get(name)

    def records(self, span: Span) -> list[NumberedRow]:
        """Records as id, at, key, data."""
        log = self._logs.get(span.log, _LogRows())
        start = bisect_right(log.ids, span.after)
        stop = len(log.ids) if span.before is None else bisect_left(log.ids, span.before)
        ids: Iterable[int] = log.ids[start:stop]
        if span.newest_first:
            ids = reversed(log.ids[start:stop])
        found: list[NumberedRow] = []
        for number in ids:
            if len(found) >= span.limit:
                break
            at, key, data = log.rows[number]
            if span.key in {None, key} and key.startswith(span.prefix):
                found.append((number, at, key, data))
        return found
