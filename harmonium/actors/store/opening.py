"""`open_store`: from a path or a URL to a store."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from harmonium.actors.store.memory import MemoryStore
from harmonium.actors.store.parts import Parts
from harmonium.protocols.errors import ConfigError

__all__ = ["open_store"]

_MEMORY = {"memory", "memory:", ":memory:"}


def open_store(
    place: str | Path,
    *,
    now: Callable[[], float] | None = None,
    poll_every: float = 0.5,
    patience: float = 5.0,
) -> Parts:
    """Open the store at a place; the file or the tables are made where they are missing.

    Any number of processes may open the same file or database.

    Args:
        place: A path or ``sqlite:///PATH`` for a SQLite file, a URL
            ``postgresql://...`` for PostgreSQL, ``memory:`` for a store that
            ends with the process.
        now: The clock, in seconds; None takes the machine's, for PostgreSQL the
            server's. It dates what is written and ends leases and values.
        poll_every: How often a watch looks for changes of other processes, in seconds.
        patience: How long a commit waits for the commit of another process
            before it fails, in seconds.

    Raises:
        ConfigError: If the place is no path and no such URL, or what it needs is
            not installed.
        StoreError: If the store cannot be opened, or a newer Harmonium wrote it.
        StoreCorrupt: If what is there is damaged.

    Example:
        >>> with open_store("memory:") as store:
        ...     store.streams.append("orders/1", [{"sku": "A1"}]).result()
        1
    """
    if str(place) in _MEMORY:
        return MemoryStore(now or time.time)
    try:
        from harmonium.actors.store.sql.opening import open_sql_store  # noqa: PLC0415 - an extra
    except ImportError:
        raise ConfigError(
            "store", "a store on disk needs SQLAlchemy", "pip install harmonium[store]"
        ) from None
    return open_sql_store(place, now, poll_every, patience)
