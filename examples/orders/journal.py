"""`Journal`: what an agent has decided, kept outside of it, so that a crash forgets nothing.

An agent appends what it decided, answers when that is `saved`, and reads all of
it when it starts again. On a system with a store the journal is a stream there
and outlives the process; otherwise it is in memory and lives as long as the system.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

from harmonium.actors.store import Pending, Store
from harmonium.protocols.errors import StoreError

__all__ = ["Journal"]

T = TypeVar("T")


class Journal(Generic[T]):
    """Records of one agent, in the order they were decided; it only grows.

    Args:
        name: Of its stream in a store.
        write: Makes JSON of a record.
        read: Makes the record of it again.
    """

    def __init__(self, name: str, write: Callable[[T], Any], read: Callable[[Any], T]) -> None:
        self._name = name
        self._write = write
        self._read = read
        self._records: list[T] = []
        self._store: Store | None = None
        self._last: Pending[int] | None = None

    async def open(self, store: Store | None) -> None:
        """Read what is durable; an agent calls it whenever it starts.

        Raises:
            StoreError: If it cannot be read.
        """
        self._store = store
        if store is None:
            return
        with contextlib.suppress(StoreError):  # what a write came to is seen by reading
            await self.saved()
        self._last = None
        found = await store.streams.recover(self._name)
        self._records = [self._read(event.data) for event in found.events]

    def append(self, record: T) -> None:
        """Keep one more; it counts at once, and is durable when `saved` returns."""
        if self._store is not None:
            # The version that is expected keeps a second process out.
            self._last = self._store.streams.append(
                self._name, [self._write(record)], expected_version=len(self._records)
            )
        self._records.append(record)

    async def saved(self) -> None:
        """Wait until all that was appended is durable; answer only then.

        Raises:
            StoreError: If it could not be written; the agent has to start again.
        """
        if self._last is not None:
            await self._last

    def __iter__(self) -> Iterator[T]:
        return iter(tuple(self._records))

    def __len__(self) -> int:
        return len(self._records)
