"""The tables of a store, and the version of their layout."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    insert,
    select,
)
from sqlalchemy.schema import SchemaItem

from harmonium.protocols.errors import StoreError

__all__ = [
    "METADATA",
    "SCHEMA",
    "counters",
    "events",
    "items",
    "leases",
    "meta",
    "prepare",
    "records",
    "snapshots",
    "streams",
]

SCHEMA = 1
"""Rises with each change of the tables."""

METADATA = MetaData()

# Names sort by code point in every store: SQLite does, PostgreSQL by its C collation.
_Name = String().with_variant(Text(collation="C"), "postgresql")


def _name(name: str, *, primary_key: bool = False) -> Column[str]:
    return Column(name, _Name, primary_key=primary_key, nullable=False)


def _number(name: str, *, primary_key: bool = False) -> Column[int]:
    return Column(name, BigInteger, primary_key=primary_key, nullable=False, autoincrement=False)


def _time(name: str, *, nullable: bool = False) -> Column[float]:
    return Column(name, Double, nullable=nullable)


def _data() -> Column[bytes]:
    return Column("data", LargeBinary, nullable=False)


def _table(name: str, *columns: SchemaItem, rowid: bool = False) -> Table:
    """A table; without a rowid its rows lie in the tree of their key, one write instead of two."""
    return Table(f"harmonium_{name}", METADATA, *columns, sqlite_with_rowid=rowid)


meta = _table("meta", _name("name", primary_key=True), _name("value"))
counters = _table("counters", _name("name", primary_key=True), _number("value"), _time("at"))
streams = _table(
    "streams",
    Column(
        "id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False
    ),
    _name("name"),
    _number("version"),
    _number("compacted"),
    _number("snapshot"),
    UniqueConstraint("name", name="harmonium_streams_by_name"),
    rowid=True,
)
# Events lie in the order in which they came, and find their stream by a small
# index: a group for 1,000 streams writes about 100 pages. In the tree of
# (name, version) it wrote 1,000, and an event took 19 us instead of 5.
events = _table(
    "events",
    _number("stream"),
    _number("version"),
    _time("at"),
    _data(),
    UniqueConstraint("stream", "version", name="harmonium_events_by_stream"),
    rowid=True,
)
snapshots = _table(
    "snapshots", _number("stream", primary_key=True), _number("version"), _time("at"), _data()
)
items = _table(
    "items",
    _name("namespace", primary_key=True),
    _name("key", primary_key=True),
    _number("revision"),
    _time("at"),
    _time("expires_at", nullable=True),
    _data(),
)
leases = _table(
    "leases",
    _name("name", primary_key=True),
    _name("holder"),
    _number("token"),
    _time("expires_at"),
)
records = _table(
    "records",
    _name("log", primary_key=True),
    _number("id", primary_key=True),
    _time("at"),
    _name("key"),
    _data(),
)
Index("harmonium_records_by_key", records.c.log, records.c.key, records.c.id)
Index(
    "harmonium_items_by_end",
    items.c.expires_at,
    sqlite_where=items.c.expires_at.is_not(None),
    postgresql_where=items.c.expires_at.is_not(None),
)


def prepare(connection: Connection, place: str) -> None:
    """Make the tables where they are missing, and check the version of the layout.

    Args:
        connection: In a transaction that keeps other writers out.
        place: The database, for the error.

    Raises:
        StoreError: If the layout is that of another version of Harmonium.
    """
    meta.create(connection, checkfirst=True)
    found = connection.execute(select(meta.c.value).where(meta.c.name == "schema")).scalar()
    if found is None:
        METADATA.create_all(connection)
        connection.execute(insert(meta).values(name="schema", value=str(SCHEMA)))
    elif found != str(SCHEMA):
        raise StoreError(
            f"{place} has schema {found}, this Harmonium reads {SCHEMA}; "
            "open it with the version that wrote it, or use another place"
        )
