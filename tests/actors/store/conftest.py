"""The stores that the contract suite runs on, and a clock that stands still."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from harmonium.actors.store import open_store
from harmonium.actors.store.parts import Parts
from tests.actors.store.postgres import NO_SERVER, Server


class Clock:
    """A clock that moves when it is told to."""

    def __init__(self) -> None:
        self.time = 1_000_000.0

    def __call__(self) -> float:
        return self.time


class Place:
    """Where a test opens its store, once or more."""

    def __init__(self, kind: str, url: str | Path, clock: Clock) -> None:
        self.kind = kind
        self.url = url
        self.clock = clock
        self._stores = ExitStack()

    def open(self, **options: Any) -> Parts:
        options.setdefault("now", self.clock)
        return self._stores.enter_context(open_store(self.url, **options))

    def close(self) -> None:
        self._stores.close()


# For the session, so that the server starts before a test's leak guard looks.
@pytest.fixture(scope="session", params=["memory", "sqlite", "postgres"])
def kind(request: pytest.FixtureRequest, server: Server) -> str:
    if request.param == "postgres" and not server.start():
        pytest.skip(NO_SERVER)
    return request.param


@pytest.fixture(scope="session", params=["sqlite", "postgres"])
def durable_kind(request: pytest.FixtureRequest, server: Server) -> str:
    if request.param == "postgres" and not server.start():
        pytest.skip(NO_SERVER)
    return request.param


@pytest.fixture
def clock() -> Clock:
    return Clock()


def _place(kind: str, server: Server, tmp_path: Path, clock: Clock) -> Iterator[Place]:
    if kind == "postgres":
        url: str | Path = server.make_schema()
    else:
        url = "memory:" if kind == "memory" else tmp_path / "store.db"
    place = Place(kind, url, clock)
    yield place
    place.close()
    if kind == "postgres":
        server.drop_schema(str(url))


@pytest.fixture
def place(kind: str, server: Server, tmp_path: Path, clock: Clock) -> Iterator[Place]:
    """Any of the stores."""
    yield from _place(kind, server, tmp_path, clock)


@pytest.fixture
def durable(durable_kind: str, server: Server, tmp_path: Path, clock: Clock) -> Iterator[Place]:
    """Those that a second process can open."""
    yield from _place(durable_kind, server, tmp_path, clock)


@pytest.fixture
def store(place: Place) -> Parts:
    """An open store of any kind."""
    return place.open()
