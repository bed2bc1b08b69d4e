"""The rows that only a condition can find: what a trim or a sweep will delete."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from sqlalchemy import Connection, Select, func, select

from harmonium.actors.store.items import ExpireItems, TrimItems
from harmonium.actors.store.logs import TrimLog
from harmonium.actors.store.rows import item_of
from harmonium.actors.store.sql.schema import items, records
from harmonium.actors.store.taken import CURSORS, JOURNAL, TrimTaken

__all__ = ["select_places"]

_ITEM = (items.c.revision, items.c.at, items.c.expires_at, items.c.data)


def select_places(connection: Connection, asked: Hashable, now: float) -> list[Any]:
    """Find the keys of the rows that an operation would delete, the oldest first."""
    places = select(items.c.namespace, items.c.key)
    if isinstance(asked, TrimLog):
        return _records(connection, asked)
    if isinstance(asked, TrimTaken):
        return _taken(connection, asked, now)
    if isinstance(asked, ExpireItems):
        ended = places.where(items.c.expires_at <= now).order_by(items.c.expires_at)
        return _rows(connection, ended.limit(asked.limit))
    if isinstance(asked, TrimItems):
        mine = items.c.namespace == asked.namespace
        count = connection.execute(select(func.count()).select_from(items).where(mine)).scalar_one()
        most = min(asked.limit, max(0, count - asked.keep))
        return _rows(connection, places.where(mine).order_by(items.c.revision).limit(most))
    raise TypeError(f"nobody can select for {asked!r}")


def _rows(connection: Connection, statement: Select[Any]) -> list[Any]:
    return [tuple(row) for row in connection.execute(statement)]


def _records(connection: Connection, trim: TrimLog) -> list[tuple[str, int]]:
    mine = select(records.c.id).where(records.c.log == trim.log)
    ends = [] if trim.up_to is None else [trim.up_to]
    if trim.before is not None:
        ends.append(_last_before(connection, mine, trim.before))
    if trim.keep is not None:
        gone = mine.order_by(records.c.id.desc()).offset(trim.keep).limit(1)
        ends.append(connection.execute(gone).scalar() or 0)
    chosen = mine.where(records.c.id <= max(ends, default=0)).order_by(records.c.id)
    return [(trim.log, number) for (number,) in connection.execute(chosen.limit(trim.limit))]


def _taken(connection: Connection, trim: TrimTaken, now: float) -> list[tuple[str, int]]:
    cursors = select(items.c.key, *_ITEM).where(items.c.namespace == CURSORS)
    taken = [int(item_of(CURSORS, key, row).data) for key, *row in _rows(connection, cursors)]
    mine = select(records.c.id, records.c.at).where(records.c.log == JOURNAL)
    newest = connection.execute(mine.order_by(records.c.id.desc()).limit(1)).scalar() or 0
    most = records.c.id <= min(taken, default=newest)
    oldest = mine.where(most).order_by(records.c.id).limit(trim.limit)
    goes = (id for id, at in _rows(connection, oldest) if trim.lets_go(id, at, newest, now))
    return [(JOURNAL, id) for id in goes]


def _last_before(connection: Connection, mine: Select[Any], time: float) -> int:
    """The last id before the first record of `time` or later."""
    young = mine.where(records.c.at >= time).order_by(records.c.id).limit(1)
    first = connection.execute(young).scalar()
    if first is not None:
        return int(first) - 1
    return connection.execute(mine.order_by(records.c.id.desc()).limit(1)).scalar() or 0
