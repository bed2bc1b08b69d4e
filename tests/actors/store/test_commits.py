"""Commits: all or nothing, one fate for each unit, and what an awaiting task hears."""

from __future__ import annotations

import asyncio
import threading

import pytest

from harmonium.actors.store import (
    AcquireLease,
    AppendEvents,
    AppendRecords,
    Change,
    CompactStream,
    DeleteItem,
    DeleteRecords,
    DeleteStream,
    MemoryStore,
    PutItem,
    SaveSnapshot,
    Store,
    open_store,
)
from harmonium.protocols.errors import StoreError, VersionConflict
from tests.actors.store.conftest import Clock, Place
from tests.actors.store.disks import FakeDisk


def test_operations_happen_together(store: Store) -> None:
    """The results come in the order of the operations, and later ones see earlier ones."""
    results = store.commit(
        AppendEvents("s", [1, 2]),
        SaveSnapshot("s", 2, "sum"),
        CompactStream("s"),
        AppendEvents("s", [3], expected_version=2),
        AppendRecords("l", ["done"], key="s"),
        PutItem("n", "k", 1),
        PutItem("n", "k", 2),
    ).result()

    assert [2, True, 2, 3, (1,)] == list(results[:5])
    assert results[5] < results[6]
    assert [3] == [event.version for event in store.streams.read("s").result()]


def test_one_refused_operation_undoes_all(store: Store) -> None:
    """Nothing is left of a unit whose last operation is refused, not even a used number."""
    store.streams.append("s", [1]).result()
    with pytest.raises(VersionConflict):
        store.commit(
            DeleteStream("s"),
            AppendEvents("new", [1]),
            SaveSnapshot("new", 1, "x"),
            AppendRecords("l", ["x"]),
            PutItem("n", "k", 1),
            AppendEvents("s", [9], expected_version=5),
        ).result()

    assert ["s"] == [stream.name for stream in store.streams.streams().result()]
    assert [1] == [event.data for event in store.streams.read("s").result()]
    assert store.streams.snapshot("new").result() is None
    assert store.state("n").get("k").result() is None
    assert (1,) == store.log("l").append("y").result()


def test_a_stream_can_be_deleted_and_begun_again_in_one_commit(store: Store) -> None:
    """Deleting comes first for what was there, last for what came after."""
    store.streams.append("s", [1, 2, 3])
    store.streams.save_snapshot("s", 3, "x").result()
    store.commit(DeleteStream("s"), AppendEvents("s", ["new"], expected_version=0)).result()

    assert [(1, "new")] == [(e.version, e.data) for e in store.streams.read("s").result()]
    assert store.streams.snapshot("s").result() is None


def test_a_new_beginning_can_be_compacted_in_the_same_commit(store: Store) -> None:
    """What was deleted stays deleted, however little of the new stream is compacted."""
    store.streams.append("s", [1, 2, 3]).result()
    store.commit(
        DeleteStream("s"),
        AppendEvents("s", ["a", "b"]),
        SaveSnapshot("s", 1, "sum"),
        CompactStream("s"),
    ).result()

    assert [(2, "b")] == [(e.version, e.data) for e in store.streams.read("s").result()]
    assert store.streams.append("s", ["c"]).result() == 3


def test_every_kind_of_row_changes_in_a_commit_of_many(store: Store) -> None:
    """Leases, deleted records and deleted values of one commit are there for the next."""
    told: list[Change] = []
    store.log("l").append("x", "y")
    store.state("n").put("k", 1).result()
    store.state("n").watch("", told.append).result()
    lease = store.commit(AcquireLease("leader", "me", 10), DeleteRecords("l", (1,))).result()[0]
    store.commit(DeleteItem("n", "k"), AppendEvents("s", [1]), fence=lease.fence).result()

    assert store.leases.holder("leader").result() == lease
    assert [2] == [record.id for record in store.log("l").scan().result()]
    assert store.state("n").get("k").result() is None
    store.close()
    assert [Change("n", "k", None)] == told


def test_units_of_a_group_see_each_other(clock: Clock) -> None:
    """A record that one unit deletes is gone for the next unit of the same group."""
    disk = FakeDisk()
    store = MemoryStore(clock, disk=disk)
    first = store.log("l").append("x")
    doubled = [store.commit(DeleteRecords("l", (1,)), PutItem("n", "k", 1)) for _ in range(2)]
    disk.finish_all()

    assert first.result() == (1,)
    assert [1, 0] == [pending.result()[0] for pending in doubled]


def test_refused_units_do_not_hurt_their_group(store: Store) -> None:
    """Of many units that are committed together, each has its own fate."""

    async def one(n: int) -> int:
        try:
            return await store.streams.append(f"s{n % 50}", [n], expected_version=0)
        except VersionConflict:
            return 0

    async def run() -> list[int]:
        return await asyncio.gather(*(one(n) for n in range(200)))

    assert 50 == sum(asyncio.run(run()))
    assert all(s.version == 1 for s in store.streams.streams().result())


def test_appends_of_one_thread_keep_their_order(store: Store) -> None:
    """What one thread hands over is written in that order, without waiting between."""
    pendings = [store.streams.append("s", [n]) for n in range(300)]

    assert list(range(1, 301)) == [pending.result() for pending in pendings]
    assert list(range(300)) == [event.data for event in store.streams.read("s").result()]


def test_threads_and_tasks_share_a_store(store: Store) -> None:
    """Plain threads and an event loop append to the same stream without a gap."""

    def in_thread() -> None:
        for n in range(20):
            store.streams.append("s", [n]).result()

    async def in_loop() -> None:
        threads = [threading.Thread(target=in_thread) for _ in range(3)]
        for thread in threads:
            thread.start()
        for n in range(20):
            await store.streams.append("s", [n])
        while any(thread.is_alive() for thread in threads):
            await store.commit()
        for thread in threads:
            thread.join()

    asyncio.run(in_loop())
    assert list(range(1, 81)) == [e.version for e in store.streams.read("s").result()]


def test_a_group_shares_one_commit(durable: Place) -> None:
    """A thousand waiting appends need a handful of commits."""
    store = durable.open()
    before = store.statistics().commits
    for pending in [store.streams.append(f"s{n}", [n]) for n in range(1000)]:
        pending.result()

    after = store.statistics()
    assert after.commits - before < 500
    assert after.units >= 1000
    assert after.largest > 1
    assert after.waiting == 0


def test_an_empty_commit_waits_for_what_was_handed_over(store: Store) -> None:
    """A commit of nothing is a barrier."""
    append = store.streams.append("s", [1])
    assert () == store.commit().result()
    assert append.done()


def test_to_give_up_waiting_does_not_take_it_back(store: Store) -> None:
    """A cancelled task leaves its write, and nobody else notices."""

    async def run() -> None:
        task = asyncio.ensure_future(_wait(store.streams.append("s", [1])))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await store.commit()

    async def _wait(pending):
        await pending
        await asyncio.Event().wait()

    asyncio.run(run())
    assert store.streams.status("s").result().version == 1


def test_close_writes_what_was_handed_over(durable: Place) -> None:
    """Closing loses nothing, and refuses what comes later."""
    store = durable.open()
    pendings = [store.streams.append("s", [n]) for n in range(100)]
    store.close()

    assert all(pending.done() for pending in pendings)
    with pytest.raises(StoreError):
        store.streams.append("s", [1])
    with pytest.raises(StoreError):
        store.streams.read("s")
    store.close()
    assert durable.open().streams.status("s").result().version == 100


def test_no_thread_is_left_after_close(durable: Place) -> None:
    """A store's threads end with it."""
    store = durable.open()
    assert [t for t in threading.enumerate() if t.name.startswith("harmonium-store")]
    store.close()
    assert [] == [t for t in threading.enumerate() if t.name.startswith("harmonium-store")]


def test_closing_in_an_event_loop(place: Place) -> None:
    """`aclose` lets those who wait hear of their writes."""

    async def run() -> int:
        async with place.open() as store:
            tasks = [asyncio.ensure_future(_append(store)) for _ in range(100)]
            await asyncio.sleep(0)
        await store.aclose()
        return max(await asyncio.gather(*tasks))

    async def _append(store: Store) -> int:
        return await store.streams.append("s", [1])

    assert asyncio.run(run()) == 100


def test_the_memory_store_needs_no_loop_and_no_thread() -> None:
    """Without a disk, a write is done when the method returns."""
    threads = threading.active_count()
    with open_store("memory:") as store:
        assert store.streams.append("s", [1]).done()
        assert threads == threading.active_count()
    with pytest.raises(StoreError):
        store.streams.append("s", [1])
