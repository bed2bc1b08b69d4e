"""`Journal`: what an agent has decided, kept outside of it, so that a crash forgets nothing.

An agent appends what it decided before it answers, and reads all of it when it
starts again. This one is in memory and lives as long as the system.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

__all__ = ["Journal"]

T = TypeVar("T")


class Journal(Generic[T]):
    """Records of one agent, in the order they were decided; it only grows."""

    def __init__(self) -> None:
        self._records: list[T] = []

    def append(self, record: T) -> None:
        """Keep one more."""
        self._records.append(record)

    def __iter__(self) -> Iterator[T]:
        return iter(tuple(self._records))

    def __len__(self) -> int:
        return len(self._records)
