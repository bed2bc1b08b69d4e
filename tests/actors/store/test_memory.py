"""The memory store on a disk: what was acknowledged survives, in groups, torn or not."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harmonium.actors.store import AppendEvents, AppendRecords, MemoryStore
from harmonium.protocols.errors import StoreCorrupt, StoreError
from tests.actors.store.conftest import Clock
from tests.actors.store.disks import FakeDisk


def contents(store: MemoryStore) -> object:
    tables = store._tables
    return [getattr(tables, f"_{name}") for name in ("streams", "events", "snapshots", "items")] + [
        tables._leases,
        tables._counters,
        tables._logs,
    ]


def test_a_write_is_done_when_the_disk_has_synced(clock: Clock) -> None:
    """Nobody hears or sees of it before."""
    disk = FakeDisk()
    store = MemoryStore(clock, disk=disk)
    pending = store.streams.append("s", [1])

    assert not pending.done()
    assert store.streams.status("s").result().version == 0
    disk.finish()
    assert pending.result() == 1
    assert store.streams.status("s").result().version == 1


def test_what_comes_during_a_sync_forms_one_group(clock: Clock) -> None:
    """A hundred writes need two syncs."""
    disk = FakeDisk()
    store = MemoryStore(clock, disk=disk)
    pendings = [store.streams.append("s", [n], expected_version=n) for n in range(100)]
    assert store.statistics().waiting == 100
    disk.finish()
    assert [pending.done() for pending in pendings] == [True] + [False] * 99
    disk.finish()

    assert [pending.result() for pending in pendings] == list(range(1, 101))
    assert len(disk.kept) == 2
    assert (2, 100, 99) == (
        store.statistics().commits,
        store.statistics().units,
        store.statistics().largest,
    )


def test_a_waiting_task_hears_of_the_sync(clock: Clock) -> None:
    """An awaiting task goes on when the disk is done, in the same event loop."""
    disk = FakeDisk()
    store = MemoryStore(clock, disk=disk)

    async def run() -> int:
        async def append() -> int:
            return await store.streams.append("s", [1])

        task = asyncio.ensure_future(append())
        await asyncio.sleep(0)
        assert not task.done()
        disk.finish()
        return await task

    assert asyncio.run(run()) == 1


@given(st.integers(0, 200), st.integers(0, 9))
def test_a_power_cut_loses_nothing_that_was_acknowledged(surviving: int, syncs: int) -> None:
    """Whatever was torn, the store comes back with whole units up to the last sync at least."""
    disk = FakeDisk()
    store = MemoryStore(Clock(), disk=disk)
    pendings = []
    for n in range(5):
        pendings.append(store.commit(AppendEvents("s", [n] * 3), AppendRecords("l", [n])))
        if syncs & (1 << (n % 4)):
            disk.finish()
    acknowledged = [pending.result()[0] for pending in pendings if pending.done()]

    again = MemoryStore(Clock(), disk=disk.after_power_cut(surviving))
    version = again.streams.status("s").result().version
    assert version >= max(acknowledged, default=0)
    assert version % 3 == 0
    assert version // 3 == again.log("l").last_id().result()
    assert list(range(1, version + 1)) == [
        event.version for event in again.streams.read("s").result()
    ]


def test_a_store_comes_back_as_it_was(clock: Clock) -> None:
    """All tables are rebuilt from the records."""
    disk = FakeDisk()
    store = MemoryStore(clock, disk=disk)
    store.streams.append("s", [1, b"\x00"])
    store.streams.save_snapshot("s", 1, "x", compact=True)
    store.streams.append("gone", [1])
    store.streams.delete("gone")
    store.topics.publish("t", *range(5))
    store.topics.trim(keep=3)
    store.topics.move("sub", 2)
    store.state("a").put("k", {"ü": 1.5}, ttl=1e-9)
    store.leases.acquire("leader", "me", 10)
    store.idempotency.claim("scope", "key", owner="me", ttl=10)
    disk.finish_all()

    assert contents(store) == contents(MemoryStore(clock, disk=disk))


def test_a_damaged_record_in_the_middle_is_named(clock: Clock) -> None:
    """Only the last record may be torn; before it, the store says which one is wrong."""
    disk = FakeDisk()
    store = MemoryStore(clock, disk=disk)
    for n in range(3):
        store.streams.append("s", [n])
        disk.finish()
    disk.kept[1] = disk.kept[1][:-1]

    with pytest.raises(StoreCorrupt) as caught:
        MemoryStore(clock, disk=disk)
    assert caught.value.offset == 1


def test_a_full_disk_fails_the_group_and_no_more(clock: Clock) -> None:
    """When there is room again, the store goes on."""
    disk = FakeDisk()
    store = MemoryStore(clock, disk=disk)
    disk.full = True
    with pytest.raises(StoreError, match="no space"):
        store.streams.append("s", [1]).result()
    disk.full = False
    pending = store.streams.append("s", [2], expected_version=0)
    disk.finish()

    assert pending.result() == 1
    assert store.statistics().failures == 1


def test_a_failed_sync_ends_the_store(clock: Clock) -> None:
    """Nobody knows what is on the disk, so every waiter hears it and the store is opened again."""
    disk = FakeDisk()
    store = MemoryStore(clock, disk=disk)
    pendings = [store.streams.append("s", [n]) for n in range(3)]
    disk.finish(OSError("broken"))

    for pending in pendings:
        with pytest.raises(StoreError, match="open the store again"):
            pending.result()
    with pytest.raises(StoreError, match="open the store again"):
        store.streams.append("s", [1])
    with pytest.raises(StoreError, match="open the store again"):
        store.streams.read("s")


def test_a_refused_unit_needs_no_sync(clock: Clock) -> None:
    """A group that changes nothing is settled at once."""
    store = MemoryStore(clock, disk=FakeDisk())
    assert store.streams.delete("s").result() is False


def test_closing_waits_for_the_disk(clock: Clock) -> None:
    """What was handed over before the end is still settled."""
    disk = FakeDisk()
    store = MemoryStore(clock, disk=disk)
    pending = store.streams.append("s", [1])

    async def run() -> None:
        closing = asyncio.ensure_future(store.aclose())
        await asyncio.sleep(0)
        assert not closing.done()
        disk.finish()
        await closing

    asyncio.run(run())
    assert pending.result() == 1
    asyncio.run(store.aclose())


def test_expired_values_are_swept_with_writes(clock: Clock) -> None:
    """A minute after the last sweep, a write takes the next one with it."""
    store = MemoryStore(clock, sweep_every=60)
    store.state("a").put("k", 1, ttl=5)
    clock.time += 59
    store.log("l").append("x")
    assert ("a", "k") in store._tables._items
    clock.time += 1
    store.log("l").append("x")
    assert ("a", "k") not in store._tables._items
