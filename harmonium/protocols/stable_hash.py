"""A hash that is the same in every process, on every machine and in every version."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import hashlib
import uuid

from harmonium.protocols.errors import SpecError

__all__ = ["Key", "stable_hash"]

Key = (
    str
    | bytes
    | int
    | float
    | decimal.Decimal
    | uuid.UUID
    | dt.date
    | enum.Enum
    | tuple["Key", ...]
    | None
)
"""What may stand for a message when it is routed or remembered: a value with a stable text."""

_PLAIN = (int, float, decimal.Decimal, uuid.UUID, dt.date, type(None))


def stable_hash(key: Key) -> int:
    """Hash a key to 64 bits, evenly.

    `hash()` gives a string another number in each process. This one is BLAKE2b
    of the key's text, about 1 us. Keys of different types differ, as 1 and "1".

    Args:
        key: A value with a stable text; a tuple of them counts as one.

    Raises:
        SpecError: If the key is of another type, whose text may hold an address.

    Example:
        >>> stable_hash("order-1")
        2709196713320186429
    """
    data = key.encode(errors="surrogatepass") if type(key) is str else _data(key)
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "big")


def _data(key: Key) -> bytes:
    if isinstance(key, enum.Enum):
        return f"{type(key).__name__}.{key.name}".encode()
    if isinstance(key, str):
        return key.encode(errors="surrogatepass")
    if isinstance(key, bytes):
        return b"bytes\0" + key
    if isinstance(key, tuple):
        parts = [_tagged(each) for each in key]
        return b"tuple\0" + b"".join(len(part).to_bytes(8, "big") + part for part in parts)
    if isinstance(key, _PLAIN):
        return f"{type(key).__name__}\0{key!r}".encode()
    raise SpecError(f"key {type(key).__name__}", "is no routing key", "use its text or its number")


def _tagged(key: Key) -> bytes:
    return (b"s" if isinstance(key, str) else b"o") + _data(key)
