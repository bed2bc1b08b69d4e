"""What a store keeps of a payload: JSON text or raw bytes, told apart by the first byte."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeAlias

import attrs

from harmonium.protocols.errors import StoreCorrupt, StoreError

__all__ = ["MAX_NAME_BYTES", "Payload", "check_name", "decode", "encode"]

Payload: TypeAlias = Any
"""A JSON value (usually a dict) or bytes. What is read is a copy, never the object written."""

MAX_NAME_BYTES = 1000
"""PostgreSQL indexes at most 2,704 bytes of a key, and a key is two names."""

_RAW = b"\x00"  # no JSON text begins with it


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is no JSON value")


# One encoder for all: json.dumps with options builds a new one for each call.
_ENCODER = json.JSONEncoder(separators=(",", ":"), allow_nan=False, default=_plain)


def encode(data: Payload) -> bytes:
    """Turn a payload into the bytes that are stored.

    As in JSON, a tuple comes back as a list and a key that is a number as text.

    Raises:
        StoreError: If it is neither a JSON value nor bytes.

    Example:
        >>> encode({"sku": "A1", "units": 3})
        b'{"sku":"A1","units":3}'
    """
    if isinstance(data, bytes | bytearray | memoryview):
        return _RAW + bytes(data)
    try:
        return _ENCODER.encode(data).encode("ascii")
    except (TypeError, ValueError, RecursionError) as error:
        raise StoreError(f"a payload is a JSON value or bytes: {error}") from None


def decode(stored: bytes, place: str, offset: int) -> Payload:
    """Turn stored bytes back into a payload.

    Args:
        stored: What `encode` gave.
        place: Where it was read, for the error.
        offset: Which entry there, for the error.

    Raises:
        StoreCorrupt: If these bytes were never written by `encode`.
    """
    try:
        return stored[1:] if stored[:1] == _RAW else json.loads(stored)
    except (TypeError, ValueError, RecursionError) as error:
        raise StoreCorrupt(place, offset, f"the payload cannot be read: {error}") from None


def check_name(_instance: object, attribute: attrs.Attribute[str], value: str) -> None:
    """Refuse a name that one of the stores could not keep (an attrs validator).

    Raises:
        StoreError: If it is empty, no text, longer than 1,000 bytes of UTF-8, or
            holds a NUL or half of a surrogate pair.
    """
    if value.__class__ is not str or not value:
        raise StoreError(f"{attribute.name} must be text that is not empty, not {value!r}")
    if len(value) > MAX_NAME_BYTES // 4 or not value.isascii() or "\x00" in value:
        _check_unusual(attribute.name, value)


def _check_unusual(what: str, value: str) -> None:
    try:
        size = len(value.encode())
    except UnicodeEncodeError:
        raise StoreError(f"{what} {value!r} is no valid Unicode text") from None
    if size > MAX_NAME_BYTES:
        raise StoreError(f"{what} is {size} bytes long; at most {MAX_NAME_BYTES} are kept")
    if "\x00" in value:
        raise StoreError(f"{what} {value!r} holds a NUL character")
