"""From a path or a URL to a SQL store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from harmonium.actors.store.sql.engines import Engines, postgres_engines, sqlite_engines
from harmonium.actors.store.sql.store import SqlStore
from harmonium.protocols.errors import ConfigError

__all__ = ["open_sql_store"]

_FORMS = "write a path, sqlite:///PATH, postgresql://USER@HOST/NAME or memory:"


def open_sql_store(
    place: str | Path, now: Callable[[], float] | None, poll_every: float, patience: float
) -> SqlStore:
    """Open the store at a path or URL; see `harmonium.actors.store.open_store`."""
    return SqlStore(_engines(place, patience), now=now, poll_every=poll_every)


def _engines(place: str | Path, patience: float) -> Engines:
    if isinstance(place, Path) or "://" not in place:
        return sqlite_engines(_file(place), patience)
    try:
        url = make_url(place)
    except (ArgumentError, ValueError):
        raise ConfigError("store", "this URL cannot be read", _FORMS) from None
    backend = url.get_backend_name()
    if backend == "postgresql":
        return postgres_engines(url, patience)
    if backend == "sqlite" and not url.host:
        return sqlite_engines(_file(url.database or ""), patience)
    raise ConfigError("store", f"there is no store for {url.drivername!r} URLs", _FORMS)


def _file(path: str | Path) -> Path:
    if not str(path).strip():
        raise ConfigError("store", "the path is empty", _FORMS)
    return Path(path).absolute()
