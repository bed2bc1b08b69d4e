"""`Statements`: the texts that load and write rows, for one dialect."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Table

from harmonium.actors.store.sql.schema import (
    counters,
    events,
    items,
    leases,
    records,
    snapshots,
    streams,
)

__all__ = ["Statements"]


class Statements:
    """Texts for the driver, with a mark for each value, in the order of the columns.

    Through SQLAlchemy's expression language a row costs 8 us more, and a group
    has two or three rows for each event. A list goes in as one JSON text or one
    array, so a text is the same for groups of all sizes, and compiled once.

    Args:
        dialect: ``sqlite`` or ``postgresql``.
    """

    def __init__(self, dialect: str) -> None:
        self._sqlite = dialect == "sqlite"
        mark = self._mark = "?" if self._sqlite else "%s"
        self.load_streams = self._load(streams, "name")
        self.load_leases = self._load(leases, "name")
        self.load_counters = self._load(counters, "name")
        self.load_items = f"{self._load(items, 'key')} AND namespace = {mark}"
        self.load_records = f"{self._load(records, 'id')} AND log = {mark}"
        self.last_stream = f"SELECT max(id) FROM {streams.name}"  # noqa: S608 - our own names
        self.cut_events = f"{_delete(events)} stream = {mark} AND version <= {mark}"
        self.update_streams = (
            f"UPDATE {streams.name} "  # noqa: S608 - our own names
            f"SET version = {mark}, compacted = {mark}, snapshot = {mark} WHERE id = {mark}"
        )
        self.inserts = {table.name: self._insert(table) for table in (streams, events, records)}
        keyed = (snapshots, items, leases, counters)
        self.upserts = {table.name: self._upsert(table) for table in keyed}
        self.deletes = {
            table.name: f"{_delete(table)} {self._matches(table)}"
            for table in (*keyed, streams, records)
        }

    def wanted(self, values: Iterable[Any]) -> Any:
        """A list as one value."""
        return json.dumps(list(values)) if self._sqlite else list(values)

    def _load(self, table: Table, column: str) -> str:
        among = "IN (SELECT value FROM json_each(?))" if self._sqlite else "= ANY(%s)"
        return f"SELECT {_columns(table)} FROM {table.name} WHERE {column} {among}"  # noqa: S608

    def _insert(self, table: Table) -> str:
        marks = ", ".join([self._mark] * len(table.columns))
        return f"INSERT INTO {table.name} ({_columns(table)}) VALUES ({marks})"  # noqa: S608

    def _upsert(self, table: Table) -> str:
        key = table.primary_key.columns.keys()
        rest = [name for name in table.columns.keys() if name not in key]  # noqa: SIM118
        news = ", ".join(f"{name} = excluded.{name}" for name in rest)
        return f"{self._insert(table)} ON CONFLICT ({', '.join(key)}) DO UPDATE SET {news}"

    def _matches(self, table: Table) -> str:
        return " AND ".join(f"{name} = {self._mark}" for name in table.primary_key.columns.keys())  # noqa: SIM118


def _columns(table: Table) -> str:
    return ", ".join(table.columns.keys())


def _delete(table: Table) -> str:
    return f"DELETE FROM {table.name} WHERE"  # noqa: S608 - our own names
