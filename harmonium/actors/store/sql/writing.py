"""`Writing`: one group's transaction: load what it asks about, write what it came to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import count
from typing import Any

from sqlalchemy import Connection, Table

from harmonium.actors.store.draft import Draft, Keys, Loaded
from harmonium.actors.store.rows import EventRow, SnapshotRow, StreamRow
from harmonium.actors.store.sql.schema import (
    counters,
    events,
    items,
    leases,
    records,
    snapshots,
    streams,
)
from harmonium.actors.store.sql.selecting import select_places
from harmonium.actors.store.sql.statements import Statements

__all__ = ["Writing"]


class Writing:
    """Loads and writes in one transaction that excludes all other writers.

    Args:
        connection: In that transaction.
        statements: For its dialect.
    """

    def __init__(self, connection: Connection, statements: Statements) -> None:
        self._connection = connection
        self._statements = statements
        self._ids: dict[str, int] = {}

    # -- loading

    def load(self, keys: Keys, now: float) -> Loaded:
        """Load the rows that a group asks about."""
        statements = self._statements
        loaded = Loaded(
            leases=self._named(statements.load_leases, keys.leases),
            counters=self._named(statements.load_counters, keys.counters),
        )
        for id, name, *row in self._rows(statements.load_streams, keys.streams):
            self._ids[name] = id
            loaded.streams[name] = tuple(row)
        for space, wanted in _by_first(keys.items).items():
            for _, key, *row in self._rows(statements.load_items, wanted, space):
                loaded.items[space, key] = tuple(row)
        for log, ids in _by_first(keys.records).items():
            for row in self._rows(statements.load_records, ids, log):
                loaded.present[log, row[1]] = True
        for asked in keys.selections:
            loaded.selections[asked] = select_places(self._connection, asked, now)
        return loaded

    def _rows(self, statement: str, wanted: Iterable[Any], *more: str) -> Iterable[Any]:
        if not wanted:
            return ()
        values = (self._statements.wanted(wanted), *more)
        return self._connection.exec_driver_sql(statement, values).all()

    def _named(self, statement: str, names: set[str]) -> dict[str, Any]:
        return {row[0]: tuple(row[1:]) for row in self._rows(statement, names)}

    # -- writing

    def write(self, draft: Draft) -> None:
        """Write the net effect of a group."""
        self._write_streams(draft.streams.changed)
        self._write_events(draft.cuts, draft.events)
        self._write_snapshots(draft.snapshots)
        self._change(items, draft.items.changed)
        self._change(leases, draft.leases.changed)
        self._change(counters, draft.counters.changed)
        added = [(*place, *row) for place, row in draft.records.items() if row is not None]
        self._run(self._statements.inserts[records.name], added)
        self._drop(records, [place for place, row in draft.records.items() if row is None])

    def _run(self, statement: str, rows: list[Any]) -> None:
        if rows:
            self._connection.exec_driver_sql(statement, rows)

    def _drop(self, table: Table, keys: list[Any]) -> None:
        self._run(self._statements.deletes[table.name], keys)

    def _change(self, table: Table, changed: Mapping[Any, tuple[Any, ...] | None]) -> None:
        if changed:
            kept = [(*_key(key), *row) for key, row in changed.items() if row is not None]
            self._run(self._statements.upserts[table.name], kept)
            self._drop(table, [_key(key) for key, row in changed.items() if row is None])

    def _write_streams(self, changed: Mapping[str, StreamRow | None]) -> None:
        ids = self._ids
        known = [(*row, ids[name]) for name, row in changed.items() if row and name in ids]
        self._run(self._statements.update_streams, known)
        self._drop(
            streams, [(ids[name],) for name, row in changed.items() if not row and name in ids]
        )
        new = [name for name, row in changed.items() if row and name not in ids]
        if new:
            last = self._connection.exec_driver_sql(self._statements.last_stream).scalar() or 0
            ids.update(zip(new, count(last + 1), strict=False))
            rows = [(ids[name], name, *(changed[name] or ())) for name in new]
            self._run(self._statements.inserts[streams.name], rows)

    def _write_events(self, cuts: dict[str, int], added: dict[str, list[EventRow]]) -> None:
        ids = self._ids
        gone = [(ids[name], version) for name, version in cuts.items() if name in ids]
        self._run(self._statements.cut_events, gone)
        rows = [(ids[name], *row[1:]) for name, new in added.items() for row in new]
        self._run(self._statements.inserts[events.name], rows)

    def _write_snapshots(self, changed: Mapping[str, SnapshotRow | None]) -> None:
        ids = self._ids
        self._change(snapshots, {(ids[name],): row for name, row in changed.items() if name in ids})


def _key(key: Any) -> tuple[Any, ...]:
    return key if isinstance(key, tuple) else (key,)


def _by_first(pairs: Iterable[tuple[str, Any]]) -> dict[str, list[Any]]:
    grouped: dict[str, list[Any]] = defaultdict(list)
    for first, second in pairs:
        grouped[first].append(second)
    return grouped
