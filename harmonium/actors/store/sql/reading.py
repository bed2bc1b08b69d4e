"""`SqlReader`: the rows of a SQL store at one moment."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Select, and_, func, or_, select

from harmonium.actors.store.core import Span
from harmonium.actors.store.rows import (
    CounterRow,
    EventRow,
    ItemRow,
    LeaseRow,
    NumberedRow,
    SnapshotRow,
    StreamRow,
    prefix_end,
)
from harmonium.actors.store.sql.schema import (
    counters,
    events,
    items,
    leases,
    records,
    snapshots,
    streams,
)

__all__ = ["SqlReader"]


def _begins(column: Column[str], prefix: str, after: str) -> list[ColumnElement[bool]]:
    """Conditions for a range of names that an index can follow."""
    conditions: list[ColumnElement[bool]] = []
    if prefix > after:
        conditions.append(column >= prefix)
    else:
        conditions.append(column > after)
    end = prefix_end(prefix)
    if end is not None:
        conditions.append(column < end)
    return conditions


class SqlReader:
    """A `Reader` in one transaction.

    Args:
        connection: In a transaction that sees one moment.
        now: The store's clock.
    """

    def __init__(self, connection: Connection, now: Any) -> None:
        self._connection = connection
        self._now = now
        self._time: float | None = None

    def now(self) -> float:
        """The store's clock, read once."""
        if self._time is None:
            self._time = float(self._now(self._connection))
        return self._time

    def _row(self, statement: Select[Any]) -> Any:
        row = self._connection.execute(statement).first()
        return None if row is None else tuple(row)

    def _rows(self, statement: Select[Any]) -> list[Any]:
        return [tuple(row) for row in self._connection.execute(statement).all()]

    def stream(self, name: str) -> StreamRow | None:
        """One stream."""
        table = streams.c
        found = select(table.version, table.compacted, table.snapshot)
        row: StreamRow | None = self._row(found.where(table.name == name))
        return row

    def streams(self, prefix: str, after: str, limit: int) -> list[tuple[str, StreamRow]]:
        """Streams by name."""
        table = streams.c
        found = select(table.name, table.version, table.compacted, table.snapshot)
        found = found.where(*_begins(table.name, prefix, after))
        rows = self._rows(found.order_by(table.name).limit(limit))
        return [(row[0], row[1:]) for row in rows]

    def events(self, stream: str, after: int, limit: int | None) -> list[EventRow]:
        """Events above a version."""
        table = events.c
        found = (
            select(table.version, table.at, table.data)
            .join(streams, streams.c.id == table.stream)
            .where(streams.c.name == stream, table.version > after)
        )
        rows = self._rows(found.order_by(table.version).limit(limit))
        return [(stream, *row) for row in rows]

    def snapshot(self, stream: str) -> SnapshotRow | None:
        """The snapshot of a stream."""
        table = snapshots.c
        found = (
            select(table.version, table.at, table.data)
            .join(streams, streams.c.id == table.stream)
            .where(streams.c.name == stream)
        )
        row: SnapshotRow | None = self._row(found)
        return row

    def item(self, namespace: str, key: str) -> ItemRow | None:
        """One value that has not expired."""
        table = items.c
        found = select(table.revision, table.at, table.expires_at, table.data)
        row: ItemRow | None = self._row(found.where(table.namespace == namespace, table.key == key))
        return None if row is None or (row[2] is not None and row[2] <= self.now()) else row

    def items(
        self, namespace: str, prefix: str, after: str, limit: int | None
    ) -> list[tuple[str, ItemRow]]:
        """Values by key that have not expired."""
        table = items.c
        found = (
            select(table.key, table.revision, table.at, table.expires_at, table.data)
            .where(table.namespace == namespace, *_begins(table.key, prefix, after))
            .where(or_(table.expires_at.is_(None), table.expires_at > self.now()))
        )
        rows = self._rows(found.order_by(table.key).limit(limit))
        return [(row[0], row[1:]) for row in rows]

    def lease(self, name: str) -> LeaseRow | None:
        """One lease, expired or not."""
        table = leases.c
        found = select(table.holder, table.token, table.expires_at).where(table.name == name)
        row: LeaseRow | None = self._row(found)
        return row

    def counter(self, name: str) -> CounterRow | None:
        """One counter."""
        found = select(counters.c.value, counters.c.at).where(counters.c.name == name)
        row: CounterRow | None = self._row(found)
        return row

    def records(self, span: Span) -> list[NumberedRow]:
        """Records as id, at, key, data."""
        table = records.c
        wanted = [table.log == span.log, table.id > span.after]
        if span.before is not None:
            wanted.append(table.id < span.before)
        if span.key is not None:
            wanted.append(table.key == span.key)
        if span.prefix:
            # Not as a range: that would tempt the planner to sort by key first.
            wanted.append(func.substr(table.key, 1, len(span.prefix)) == span.prefix)
        order = table.id.desc() if span.newest_first else table.id
        found = select(table.id, table.at, table.key, table.data).where(and_(*wanted))
        return self._rows(found.order_by(order).limit(span.limit))
