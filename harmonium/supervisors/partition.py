"""Which partition a key belongs to."""

from __future__ import annotations

from harmonium.protocols.errors import Unavailable
from harmonium.protocols.stable_hash import Key, stable_hash

__all__ = ["partition_of"]


def partition_of(key: Key, partitions: int, *, path: str = "") -> str:
    """Name the partition of a key: the id of the child that is responsible for it.

    An integer goes by the remainder of its absolute value, any other key by a
    hash that is the same in every process. The same key always goes to the same
    partition while their number stays the same.

    Args:
        key: The key.
        partitions: How many partitions run, as told by `start` or the last resize.
        path: Path of the partition supervisor, for the error.

    Raises:
        Unavailable: If no partition runs.

    Example:
        >>> partition_of(-7, 4), partition_of(7, 4), partition_of("x", 4)
        ('3', '3', '3')
    """
    if partitions < 1:
        raise Unavailable(path, None, "no partitions run; resize it")
    number = abs(key) if isinstance(key, int) else stable_hash(key)
    return str(number % partitions)
