"""Watches: every change of this process in order, and what other processes have changed."""

from __future__ import annotations

import asyncio
from queue import Empty, SimpleQueue

import pytest

from harmonium.actors.store import Change, MemoryStore, Store
from harmonium.actors.store.watching import Watch, Watchers
from tests.actors.store.conftest import Clock, Place

PATIENCE = 20.0


class Heard:
    """A callback that keeps what it is told."""

    def __init__(self) -> None:
        self._changes: SimpleQueue[Change] = SimpleQueue()

    def __call__(self, change: Change) -> None:
        self._changes.put(change)

    def next(self) -> tuple[str, object]:
        change = self._changes.get(timeout=PATIENCE)
        return change.key, None if change.item is None else change.item.data

    def is_silent(self) -> bool:
        try:
            self._changes.get_nowait()
        except Empty:
            return True
        return False


async def is_watched(store: Store) -> None:
    """Wait until a watch has begun."""
    while not store._watchers:  # noqa: ASYNC110 - nobody tells
        await asyncio.sleep(0)


@pytest.fixture
def heard() -> Heard:
    return Heard()


def test_changes_are_reported_in_order(store: Store, heard: Heard) -> None:
    """Puts, successful compare-and-sets and deletes are told, with the new value."""
    state = store.state("a")
    state.watch("k", heard).result()
    revision = state.put("k1", 1).result()
    state.compare_and_set("k1", 2, revision=revision).result()
    state.compare_and_set("k1", 3, revision=revision).result()
    state.delete("k1").result()
    state.delete("k1").result()
    state.put("k2", "last").result()

    assert [("k1", 1), ("k1", 2), ("k1", None), ("k2", "last")] == [heard.next() for _ in range(4)]


def test_only_the_prefix_of_the_namespace_is_reported(store: Store, heard: Heard) -> None:
    """Other keys, other namespaces and what was there before are not told."""
    store.state("a").put("k0", "before").result()
    store.state("a").watch("k", heard).result()
    store.state("a").put("other", 1).result()
    store.state("b").put("k1", 1).result()
    store.state("a").put("k2", 2).result()

    assert ("k2", 2) == heard.next()
    store.close()
    assert heard.is_silent()


def test_a_known_value_that_goes_is_reported(store: Store, heard: Heard) -> None:
    """What was there before the watch began is told when it is deleted."""
    store.state("a").put("k", 1).result()
    store.state("a").watch("", heard).result()
    store.state("a").delete("k").result()

    assert ("k", None) == heard.next()


def test_a_closed_watch_is_silent(store: Store, heard: Heard) -> None:
    """Closing ends the reports."""
    watch = store.state("a").watch("", heard).result()
    store.state("a").put("k", 1).result()
    assert ("k", 1) == heard.next()
    watch.close()
    store.state("a").put("k", 2).result()
    store.close()

    assert heard.is_silent()


def test_an_expired_value_is_reported_when_it_is_swept(
    store: Store, clock: Clock, heard: Heard
) -> None:
    """Expiry is a change like a delete."""
    store.state("a").watch("", heard).result()
    store.state("a").put("k", 1, ttl=5).result()
    clock.time += 10
    store.sweep().result()

    assert [("k", 1), ("k", None)] == [heard.next(), heard.next()]


def test_a_callback_that_raises_hurts_nobody(store: Store, heard: Heard) -> None:
    """The other watches and the writer go on."""

    def broken(change: Change) -> None:
        raise ValueError(change)

    store.state("a").watch("", broken).result()
    store.state("a").watch("", heard).result()
    store.state("a").put("k", 1).result()

    assert ("k", 1) == heard.next()


def test_a_callback_may_write(store: Store, heard: Heard) -> None:
    """What a callback writes is reported after what it was called for, to all."""
    state = store.state("a")

    def echo(change: Change) -> None:
        if change.key == "k":
            state.put("echo", change.item.data)

    state.watch("", echo).result()
    state.watch("", heard).result()
    state.put("k", 1).result()

    assert [("k", 1), ("echo", 1)] == [heard.next(), heard.next()]


def test_changes_of_another_process_are_found(durable: Place, heard: Heard) -> None:
    """A second store on the same place is seen by polling: puts, rewrites and deletes."""
    mine, other = durable.open(poll_every=0.005), durable.open()
    other.state("a").put("old", 0).result()
    mine.state("a").watch("", heard).result()
    other.state("a").put("new", 1).result()
    assert ("new", 1) == heard.next()
    other.state("a").put("new", 2).result()
    assert ("new", 2) == heard.next()
    other.state("a").delete("old").result()
    assert ("old", None) == heard.next()
    mine.state("a").put("mine", 3).result()
    assert ("mine", 3) == heard.next()
    other.state("a").delete("mine").result()
    assert ("mine", None) == heard.next()


def test_own_and_foreign_changes_are_each_reported_once(durable: Place, heard: Heard) -> None:
    """Polling does not repeat what was told, and misses nothing that another process did."""
    mine, other = durable.open(poll_every=0.001), durable.open()
    mine.state("a").watch("", heard).result()
    for n in range(30):
        mine.state("a").put(f"mine {n}", n)
        other.state("a").put(f"other {n}", n)
    mine.commit().result()
    other.commit().result()

    told = [heard.next()[0] for _ in range(60)]
    assert len(set(told)) == 60
    assert [f"mine {n}" for n in range(30)] == [key for key in told if key[0] == "m"]


def test_changes_iterate_in_an_event_loop(store: Store) -> None:
    """A slow reader gets the last state of each key; the end of the store ends the loop."""

    async def run() -> list[Change]:
        state = store.state("a")
        changes = state.changes("k")
        first = asyncio.ensure_future(anext(changes))
        await is_watched(store)
        await state.put("k1", "begin")
        told = [await first]
        for n in range(5):
            await state.put("k2", n)
        await state.delete("k1")
        await store.aclose()
        return told + [change async for change in changes]

    told = [(change.key, change.item and change.item.data) for change in asyncio.run(run())]
    assert [("k1", "begin"), ("k2", 4), ("k1", None)] == told


def test_a_left_iteration_ends_its_watch(store: Store) -> None:
    """Nothing is kept for a reader that has gone."""

    async def run() -> bool:
        changes = store.state("a").changes()
        first = asyncio.ensure_future(anext(changes))
        await is_watched(store)
        await store.state("a").put("k", 1)
        await first
        await changes.aclose()
        return any(watch.is_open for watch in store._watchers._watches)

    assert asyncio.run(run()) is False


def test_a_poll_that_saw_less_than_was_told_is_not_believed() -> None:
    """A look from before an own change does not take the change back."""
    told: list[Change] = []
    watchers = Watchers()
    watchers.add(Watch("a", "", told.append), lambda _: [])
    watchers.notify([(5, "a", "k", (5, 0.0, None, b"1"))], range(5, 6))
    watchers.compare(4, lambda _: [])
    watchers.compare(5, lambda _: [("k", (5, 0.0, None, b"1"))])

    assert [("k", 1)] == [(change.key, change.item.data) for change in told]


def test_watches_cost_nothing_when_there_are_none(clock: Clock) -> None:
    """A store without watches remembers no changes."""
    store = MemoryStore(clock)
    for n in range(10):
        store.state("a").put("k", n)

    assert [] == store._watchers._own
    assert not store._watchers
