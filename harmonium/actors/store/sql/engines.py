"""Engines: how a connection to SQLite or PostgreSQL is made, and how its transactions begin."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
from sqlalchemy import URL, Connection, Engine, create_engine, event, text

from harmonium.protocols.errors import ConfigError, StoreCorrupt, StoreError

__all__ = ["Engines", "postgres_engines", "sqlite_engines"]

_WRITER_LOCK = 0x4841524D  # "HARM", with the schema it makes the key of an advisory lock


@attrs.frozen
class Engines:
    """One engine whose transactions exclude all other writers, and one that only reads.

    Args:
        writer: Its transactions begin by excluding other writers.
        reader: Its transactions see one moment.
        place: The file, or the URL without its password.
        now: The database's clock, or None to use this machine's.
    """

    writer: Engine
    reader: Engine
    place: str
    now: Callable[[Connection], float] | None

    def dispose(self) -> None:
        """Close all connections."""
        self.reader.dispose()
        self.writer.dispose()


def sqlite_engines(path: Path, patience: float) -> Engines:
    """Engines on a SQLite file, in WAL mode with a sync for each commit.

    Args:
        path: The file; it is made when it is not there.
        patience: How long to wait for another process, in seconds.

    Raises:
        ConfigError: If there can be no such file.
    """
    if path.is_dir():
        raise ConfigError(str(path), "is a folder, not a file", "name a file in it")
    if not path.parent.is_dir():
        raise ConfigError(str(path), f"there is no folder {path.parent}", "make it first")
    _check_header(path)
    url = URL.create("sqlite", database=str(path))
    writer, reader = (create_engine(url, pool_size=1, max_overflow=0) for _ in range(2))
    for engine in (writer, reader):
        event.listen(engine, "connect", lambda c, _: _sqlite_connected(c, patience))
    # The lock is taken when the transaction begins: to upgrade a reading
    # transaction later fails at once instead of waiting its turn.
    event.listen(writer, "begin", lambda c: c.exec_driver_sql("BEGIN IMMEDIATE"))
    event.listen(reader, "begin", lambda c: c.exec_driver_sql("BEGIN"))
    return Engines(writer, reader, str(path), None)


def _check_header(path: Path) -> None:
    """Refuse what SQLite would not: a short file of another kind, and a last page cut short.

    It takes the first for an empty database, and reads zeros where the second ends.
    What another process was writing while it was looked at is looked at again.
    """
    while True:
        before = _states(path)
        problem = _problem_of(path)
        if problem is None:
            return
        if _states(path) == before:
            raise problem


def _problem_of(path: Path) -> StoreError | None:
    size, *logs = (size for size, _ in _states(path))
    if not size or any(logs):
        return None  # with a log, only SQLite can say what the file is
    try:
        with path.open("rb") as file:
            begin = file.read(100)
    except OSError as error:
        return StoreError(f"{path} cannot be read: {error}")
    if len(begin) < 100 or not begin.startswith(b"SQLite format 3\x00"):
        return StoreCorrupt(str(path), 0, "this is no SQLite database")
    # https://www.sqlite.org/fileformat.html#the_database_header
    page_size, pages = int.from_bytes(begin[16:18], "big"), int.from_bytes(begin[28:32], "big")
    if size < pages * (page_size if page_size > 1 else 65_536):
        return StoreCorrupt(str(path), size, "the file ends before its last page")
    return None


def _states(path: Path) -> list[tuple[int, int]]:
    """Size and time of the last change of a database and of its logs; zeros for what is not."""
    return [_state(path.with_name(path.name + end)) for end in ("", "-journal", "-wal")]


def _state(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except FileNotFoundError:  # another process may have just taken it away
        return 0, 0
    return found.st_size, found.st_mtime_ns


def _sqlite_connected(connection: Any, patience: float) -> None:
    connection.isolation_level = None  # transactions begin as the listeners say
    connection.execute(f"PRAGMA busy_timeout = {int(patience * 1000)}")
    _use_wal(connection, patience)
    connection.execute("PRAGMA synchronous = FULL")


def _use_wal(connection: Any, patience: float) -> None:
    """Switch to WAL; for this one SQLite does not wait for other processes by itself."""
    until = time.monotonic() + patience
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except Exception as error:
            if "locked" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(0.01)
        else:
            return


def postgres_engines(url: URL, patience: float) -> Engines:
    """Engines on a PostgreSQL database; the server's clock is the store's.

    Args:
        url: The database.
        patience: How long to wait for another process, in seconds.

    Raises:
        ConfigError: If psycopg is not installed.
    """
    url = url.set(drivername="postgresql+psycopg")
    place = url.render_as_string(hide_password=True)
    limits = {"connect_timeout": 10, "tcp_user_timeout": 30_000}
    try:
        writer, reader = (
            create_engine(
                url, pool_size=1, max_overflow=0, pool_pre_ping=True, connect_args=limits, **how
            )
            for how in ({}, {"isolation_level": "REPEATABLE READ"})
        )
    except ImportError:
        raise ConfigError(
            place, "PostgreSQL needs psycopg", "pip install harmonium[postgres]"
        ) from None
    event.listen(writer, "connect", lambda c, _: _postgres_connected(c, patience))
    event.listen(writer, "begin", _exclude_writers)
    return Engines(writer, reader, place, _server_clock)


def _postgres_connected(connection: Any, patience: float) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SET lock_timeout = {int(patience * 1000)}")
        # A process that is stopped in the middle of a commit loses its turn.
        cursor.execute("SET idle_in_transaction_session_timeout = 60000")
        # What is acknowledged must be durable, whatever the server's default is.
        cursor.execute(
            "SELECT set_config('synchronous_commit', 'on', false) "
            "WHERE current_setting('synchronous_commit') = 'off'"
        )
    connection.commit()


def _exclude_writers(connection: Connection) -> None:
    """Let one writer in at a time, so that numbers rise in the order of the commits."""
    connection.execute(
        text("SELECT pg_advisory_xact_lock(:lock, hashtext(current_schema()))"),
        {"lock": _WRITER_LOCK},
    )


def _server_clock(connection: Connection) -> float:
    seconds = connection.execute(text("SELECT extract(epoch FROM clock_timestamp())")).scalar()
    return float(seconds or 0)
