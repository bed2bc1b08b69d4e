"""Several stores on one place: they take turns, and who is kept waiting hears of it."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url

from harmonium.actors.store import Store
from harmonium.actors.store.sql.opening import _engines
from harmonium.protocols.errors import StoreError, VersionConflict
from tests.actors.store.conftest import Place
from tests.actors.store.postgres import Server

COUNT = """
import sys
from harmonium.actors.store import open_store
from harmonium.protocols.errors import VersionConflict

with open_store(sys.argv[1]) as store:
    done = 0
    while done < 40:
        version = store.streams.status("s").result().version
        try:
            store.streams.append("s", [sys.argv[2]], expected_version=version).result()
        except VersionConflict:
            continue
        store.topics.publish("t", done).result()
        done += 1
"""


def test_two_processes_count_together(durable: Place) -> None:
    """Appends of two processes with expected versions leave no gap and lose nothing."""
    durable.open().close()
    programs = [
        subprocess.Popen(
            [sys.executable, "-c", COUNT, str(durable.url), name], cwd=Path(__file__).parents[3]
        )
        for name in "ab"
    ]
    assert [0, 0] == [program.wait(60) for program in programs]

    store = durable.open()
    assert ["a"] * 40 + ["b"] * 40 == sorted(e.data for e in store.streams.read("s").result())
    entries = store.topics.read().result().entries
    assert list(range(1, 81)) == [entry.offset for entry in entries]


def test_many_open_a_new_place_at_once(durable: Place) -> None:
    """The first one makes the tables, the others wait for it."""
    failures: list[Exception] = []
    stores: list[Store] = []

    def open_and_append() -> None:
        try:
            store = durable.open()
            stores.append(store)
            store.streams.append("s", [1]).result()
        except StoreError as error:
            failures.append(error)

    threads = [threading.Thread(target=open_and_append) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert stores[0].streams.status("s").result().version == 6


@contextmanager
def held(place: Place) -> Iterator[None]:
    """Be another process in the middle of a commit."""
    engines = _engines(place.url, 5.0)
    with engines.writer.begin():
        yield
    engines.dispose()


def test_a_writer_that_waits_too_long_hears_of_it(durable: Place) -> None:
    """While another process holds the place, writes fail after a while; later they work."""
    store = durable.open(patience=0.05)
    store.streams.append("s", [1]).result()
    with held(durable):
        pendings = [store.streams.append("s", [n]) for n in range(20)]
        for pending in pendings:
            with pytest.raises(StoreError, match="held by another process"):
                pending.result()
        assert store.streams.status("s").result().version == 1

    assert store.streams.append("s", [2], expected_version=1).result() == 2
    assert store.statistics().failures >= 1


def test_a_writer_waits_for_its_turn(durable: Place) -> None:
    """A short commit of another process is waited for."""
    store = durable.open()
    with held(durable):
        pending = store.streams.append("s", [1])
        assert not pending.done()
    assert pending.result() == 1


def test_readers_do_not_wait_for_writers(durable: Place) -> None:
    """Reading goes on while another process is in the middle of a commit."""
    store = durable.open()
    store.streams.append("s", [1]).result()
    with held(durable):
        assert store.streams.status("s").result().version == 1


def test_a_lease_is_one_over_two_stores(durable: Place) -> None:
    """Of two processes one is the leader, and tokens rise over both."""
    first, second = durable.open(), durable.open()
    lease = first.leases.acquire("leader", "a", 10).result()
    assert second.leases.acquire("leader", "b", 10).result() is None
    durable.clock.time += 11

    assert second.leases.acquire("leader", "b", 10).result().token > lease.token
    with pytest.raises(StoreError):
        first.streams.append("s", [1], fence=lease.fence).result()


def test_a_full_disk_fails_those_who_wait_and_no_more(tmp_path: Path) -> None:
    """Every waiter hears that the disk is full; when there is room again, the store goes on."""
    place = Place("sqlite", tmp_path / "store.db", lambda: 0.0)
    store = place.open()
    store.streams.append("s", [1]).result()
    limit_pages(store, 40)
    pendings = [store.streams.append(f"big {n}", ["x" * 5000]) for n in range(60)]
    refused = [pending for pending in pendings if fails(pending)]
    assert refused
    limit_pages(store, 1_000_000)

    assert store.streams.append("s", [2], expected_version=1).result() == 2
    there = {stream.name for stream in store.streams.streams("big ").result()}
    assert len(there) == 60 - len(refused)
    place.close()


def fails(pending: object) -> bool:
    try:
        pending.result()
    except StoreError as error:
        return "full" in str(error)
    return False


def limit_pages(store: Store, pages: int) -> None:
    with store._engines.writer.begin() as connection:
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")


def test_a_broken_driver_hangs_nobody(durable: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is raised below, each waiter gets a StoreError with its own traceback."""
    store = durable.open()

    def broken(*_: object) -> None:
        raise MemoryError("no memory")

    with monkeypatch.context() as patch:
        patch.setattr("harmonium.actors.store.sql.writing.Writing.write", broken)
        pendings = [store.streams.append("s", [n]) for n in range(10)]
        errors = [caught_from(pending) for pending in pendings]
    assert all("no memory" in str(error) for error in errors)
    assert len(set(map(id, errors))) == 10
    assert store.streams.append("s", [1], expected_version=0).result() == 1


def caught_from(pending: object) -> StoreError:
    with pytest.raises(StoreError) as caught:
        pending.result()
    return caught.value


def test_a_lost_connection_is_told_and_made_again(postgres: Server) -> None:
    """When the server ends a connection in a commit, its waiters hear it and the next works."""
    url = postgres.make_schema() + "&application_name=cut"
    place = Place("postgres", url, lambda: 0.0)
    store = place.open()
    store.streams.append("s", [1]).result()
    with held(Place("postgres", postgres_url_of(url), lambda: 0.0)):
        pending = store.streams.append("s", [2])
        other = create_engine(make_url(postgres_url_of(url)).set(drivername="postgresql+psycopg"))
        while not pending.done():
            with other.begin() as connection:
                connection.exec_driver_sql(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE application_name = 'cut' AND wait_event_type = 'Lock'"
                )
        other.dispose()
    with pytest.raises(StoreError):
        pending.result()

    assert store.streams.append("s", [2], expected_version=1).result() == 2
    place.close()
    postgres.drop_schema(postgres_url_of(url))


def postgres_url_of(url: str) -> str:
    return url.removesuffix("&application_name=cut")


def test_a_conflict_with_another_process_is_a_conflict(durable: Place) -> None:
    """Expected versions hold over processes, at once after the other's commit."""
    first, second = durable.open(), durable.open()
    first.streams.append("s", [1], expected_version=0).result()
    with pytest.raises(VersionConflict):
        second.streams.append("s", [1], expected_version=0).result()
