"""What a driver's error means to who uses the store."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from harmonium.protocols.errors import StoreCorrupt, StoreError

__all__ = ["explain"]

_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_CORRUPT = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT}
_SHORT_READ = 522  # SQLITE_IOERR_SHORT_READ: the file ends before its last page
_LOCK_TIMEOUT = {"55P03", "57014", "25P03"}
_DAMAGED = {"XX001", "XX002"}


def explain(error: BaseException, place: str) -> StoreError:
    """Turn what a driver raised into a `StoreError` that names the place.

    Args:
        error: What was raised.
        place: The file, or the URL without its password.
    """
    if isinstance(error, StoreError):
        return error
    cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
    text = " ".join(str(cause).split()) or type(cause).__name__
    if isinstance(cause, sqlite3.Error):
        return _explain_sqlite(cause, place, text)
    state = getattr(cause, "sqlstate", None)
    if state in _LOCK_TIMEOUT:
        return StoreError(f"{place} is held by another process: {text}")
    if state in _DAMAGED:
        return StoreCorrupt(place, 0, text)
    return StoreError(f"{place}: {text}")


def _explain_sqlite(cause: sqlite3.Error, place: str, text: str) -> StoreError:
    code = getattr(cause, "sqlite_errorcode", 0) or 0
    if code & 0xFF in _BUSY:
        return StoreError(f"{place} is held by another process: {text}")
    if code & 0xFF in _CORRUPT or code == _SHORT_READ or "decode" in text:
        return StoreCorrupt(place, _size(place), text)
    return StoreError(f"{place}: {text}")


def _size(place: str) -> int:
    """The length of the file, where reading ends at the latest."""
    try:
        return Path(place).stat().st_size
    except OSError:
        return 0
