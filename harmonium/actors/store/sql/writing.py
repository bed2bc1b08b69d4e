"""`Writing`: the statements that load what a group asks about, and write what it came to."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping
from typing import Any

from sqlalchemy import (
    ARRAY,
    Column,
    ColumnElement,
    Connection,
    Select,
    Table,
    any_,
    bindparam,
    delete,
    func,
    insert,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite

from harmonium.actors.store.draft import Draft, Keys, Loaded
from harmonium.actors.store.logs import TrimLog
from harmonium.actors.store.sql.schema import (
    counters,
    events,
    items,
    leases,
    records,
    snapshots,
    streams,
)
from harmonium.actors.store.state import ExpireItems, TrimItems

__all__ = ["Writing"]


class Writing:
    """Loads and writes for one dialect: ``sqlite`` or ``postgresql``.

    The texts of the statements are the same for groups of all sizes: a list
    goes in as one JSON text or one array, so nothing is compiled twice.
    """

    def __init__(self, dialect: str) -> None:
        self._sqlite = dialect == "sqlite"
        self._load_streams = self._load_by(streams, streams.c.name)
        self._load_leases = self._load_by(leases, leases.c.name)
        self._load_counters = self._load_by(counters, counters.c.name)
        self._load_items = self._load_by(items, items.c.key).where(
            items.c.namespace == bindparam("space")
        )
        self._find_records = select(records.c.id).where(
            records.c.log == bindparam("log_name"), self._among(records.c.id)
        )
        self._cut = delete(events).where(
            events.c.stream == bindparam("b_stream"), events.c.version <= bindparam("b_version")
        )
        self._insert_events = insert(events)
        self._insert_records = insert(records)
        self._upserts = {
            table.name: self._upsert(table)
            for table in (streams, snapshots, items, leases, counters)
        }
        self._deletes = {
            table.name: _delete(table) for table in (streams, snapshots, items, leases, records)
        }

    # -- statements

    def _among(self, column: Column[Any]) -> ColumnElement[bool]:
        if self._sqlite:
            each = func.json_each(bindparam("wanted")).table_valued("value")
            return column.in_(select(each.c.value))
        return column == any_(bindparam("wanted", type_=ARRAY(column.type)))

    def _load_by(self, table: Table, column: Column[Any]) -> Select[Any]:
        return select(table).where(self._among(column))

    def _wanted(self, values: Iterable[Any]) -> Any:
        return json.dumps(list(values)) if self._sqlite else list(values)

    def _upsert(self, table: Table) -> Any:
        statement = sqlite.insert(table) if self._sqlite else postgresql.insert(table)
        rest = [column.name for column in table.columns if not column.primary_key]
        return statement.on_conflict_do_update(
            index_elements=list(table.primary_key.columns),
            set_={name: statement.excluded[name] for name in rest},
        )

    # -- loading

    def load(self, connection: Connection, keys: Keys, now: float) -> Loaded:
        """Load the rows that a group asks about."""
        loaded = Loaded(
            streams=self._named(connection, self._load_streams, keys.streams),
            leases=self._named(connection, self._load_leases, keys.leases),
            counters=self._named(connection, self._load_counters, keys.counters),
        )
        for space, wanted in _by_first(keys.items).items():
            for row in self._rows(connection, self._load_items, wanted, space=space):
                loaded.items[row[0], row[1]] = tuple(row[2:])
        for log, ids in _by_first(keys.records).items():
            for row in self._rows(connection, self._find_records, ids, log_name=log):
                loaded.present[log, row[0]] = True
        for asked in keys.selections:
            loaded.selections[asked] = _select(connection, asked, now)
        return loaded

    def _named(self, connection: Connection, statement: Select[Any], names: set[str]) -> Any:
        return {row[0]: tuple(row[1:]) for row in self._rows(connection, statement, names)}

    def _rows(
        self, connection: Connection, statement: Select[Any], wanted: Iterable[Any], **more: str
    ) -> Iterable[Any]:
        if not wanted:
            return ()
        return connection.execute(statement, {"wanted": self._wanted(wanted), **more})

    # -- writing

    def write(self, connection: Connection, draft: Draft) -> None:
        """Write the net effect of a group."""
        cuts = [{"b_stream": name, "b_version": version} for name, version in draft.cuts.items()]
        _execute(connection, self._cut, cuts)
        self._add(connection, self._insert_events, events, _flat(draft.events))
        self._change(connection, streams, draft.streams.changed)
        self._change(connection, snapshots, draft.snapshots)
        self._change(connection, items, draft.items.changed)
        self._change(connection, leases, draft.leases.changed)
        self._change(connection, counters, draft.counters.changed)
        added = [(*place, *row) for place, row in draft.records.items() if row is not None]
        self._add(connection, self._insert_records, records, added)
        gone = [place for place, row in draft.records.items() if row is None]
        self._drop(connection, records, gone)

    def _add(self, connection: Connection, statement: Any, table: Table, rows: list[Any]) -> None:
        names = table.columns.keys()
        _execute(connection, statement, [dict(zip(names, row, strict=True)) for row in rows])

    def _change(self, connection: Connection, table: Table, changed: Mapping[Any, Any]) -> None:
        if not changed:
            return
        kept = [(*_key(key), *row) for key, row in changed.items() if row is not None]
        self._add(connection, self._upserts[table.name], table, kept)
        self._drop(connection, table, [_key(key) for key, row in changed.items() if row is None])

    def _drop(self, connection: Connection, table: Table, keys: list[tuple[Any, ...]]) -> None:
        names = [f"b_{column.name}" for column in table.primary_key.columns]
        rows = [dict(zip(names, key, strict=True)) for key in keys]
        _execute(connection, self._deletes[table.name], rows)


def _delete(table: Table) -> Any:
    matches = [column == bindparam(f"b_{column.name}") for column in table.primary_key.columns]
    return delete(table).where(*matches)


def _execute(connection: Connection, statement: Any, rows: list[dict[str, Any]]) -> None:
    if rows:
        connection.execute(statement, rows)


def _key(key: Any) -> tuple[Any, ...]:
    return key if isinstance(key, tuple) else (key,)


def _flat(lists: Mapping[str, list[Any]]) -> list[Any]:
    return [row for rows in lists.values() for row in rows]


def _by_first(pairs: Iterable[tuple[str, Any]]) -> dict[str, list[Any]]:
    grouped: dict[str, list[Any]] = defaultdict(list)
    for first, second in pairs:
        grouped[first].append(second)
    return grouped


# -- what only a condition can find


def _select(connection: Connection, asked: Hashable, now: float) -> list[Any]:
    if isinstance(asked, TrimLog):
        return _select_records(connection, asked)
    places = select(items.c.namespace, items.c.key)
    if isinstance(asked, ExpireItems):
        ended = places.where(items.c.expires_at <= now).order_by(items.c.expires_at)
        return _places(connection, ended.limit(asked.limit))
    if isinstance(asked, TrimItems):
        mine = items.c.namespace == asked.namespace
        count = connection.execute(select(func.count()).select_from(items).where(mine)).scalar_one()
        most = min(asked.limit, max(0, count - asked.keep))
        return _places(connection, places.where(mine).order_by(items.c.revision).limit(most))
    raise TypeError(f"nobody can select for {asked!r}")


def _places(connection: Connection, statement: Select[Any]) -> list[Any]:
    return [tuple(row) for row in connection.execute(statement)]


def _select_records(connection: Connection, trim: TrimLog) -> list[tuple[str, int]]:
    mine = records.c.log == trim.log
    oldest = select(records.c.id).where(mine).order_by(records.c.id)
    ends = [] if trim.up_to is None else [trim.up_to]
    if trim.before is not None:
        young = oldest.where(records.c.at >= trim.before).limit(1)
        ends.append(_last_before(connection, trim.log, young))
    if trim.keep is not None:
        newest = select(records.c.id).where(mine).order_by(records.c.id.desc())
        ends.append(connection.execute(newest.offset(trim.keep).limit(1)).scalar() or 0)
    chosen = oldest.where(records.c.id <= max(ends, default=0)).limit(trim.limit)
    return [(trim.log, number) for (number,) in connection.execute(chosen)]


def _last_before(connection: Connection, log: str, young: Select[Any]) -> int:
    """The last id before the first record that is young enough to stay."""
    first = connection.execute(young).scalar()
    if first is not None:
        return int(first) - 1
    last = select(func.max(records.c.id)).where(records.c.log == log)
    return connection.execute(last).scalar() or 0
