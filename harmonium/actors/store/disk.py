"""The disk under a memory store: where its groups become durable, and how they are read again.

This is the seam for simulation: a disk may be slow, full, or lose what was not
synced; the store on it must come back with all that it acknowledged.
"""

from __future__ import annotations

import ast
import zlib
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from harmonium.protocols.errors import StoreCorrupt

__all__ = ["Disk", "pack", "unpack"]


class Disk(Protocol):
    """An append-only file. All calls come from the thread that uses the store."""

    def append(self, record: bytes) -> None:
        """Take a record; it may be lost, whole or its end, until the next sync is done.

        Raises:
            OSError: If there is no room; the record must then not be there later.
        """
        ...

    def sync(self, done: Callable[[OSError | None], None]) -> None:
        """Make durable what was appended, then call `done`, now or later.

        Args:
            done: Called once with None, or with the error. After an error nobody
                knows what is durable, so the store refuses all further work until
                it is opened again on the records (as after a failed fsync).
        """
        ...

    def records(self) -> Iterable[bytes]:
        """What is there when a store is opened: the last record may be torn."""
        ...

    def truncate(self, records: int) -> None:
        """Keep so many records and drop what comes after them: a torn one.

        Else the next record would come behind it, and it would look like damage.
        """
        ...


def pack(changes: Any) -> bytes:
    """Make a record of plain values, with a checksum before it."""
    body = repr(changes).encode()
    return zlib.crc32(body).to_bytes(4, "big") + body


def unpack(records: Iterable[bytes]) -> Iterable[Any]:
    """Read records in order; a torn last one is dropped: it was never acknowledged.

    Raises:
        StoreCorrupt: If a record before the last is damaged.
    """
    torn: int | None = None
    for index, record in enumerate(records):
        if torn is not None:
            raise StoreCorrupt("the disk of a memory store", torn, "a record is damaged")
        if zlib.crc32(record[4:]).to_bytes(4, "big") != record[:4]:
            torn = index
            continue
        yield ast.literal_eval(record[4:].decode())
