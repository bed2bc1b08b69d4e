"""The state: values with revisions, expiry and listing."""

from __future__ import annotations

import asyncio

import pytest

from harmonium.actors.store import DeleteItem, Item, PutItem, Store
from harmonium.protocols.errors import StoreError, VersionConflict
from tests.actors.store.conftest import Clock


def test_put_and_get(store: Store, clock: Clock) -> None:
    """A value is read with its revision and time; one that is not there is None."""
    state = store.state("a")
    revision = state.put("k", {"n": 1}).result()

    assert Item("k", revision, clock.time, None, {"n": 1}) == state.get("k").result()
    assert state.get("other").result() is None


def test_namespaces_do_not_see_each_other(store: Store) -> None:
    """The same key in two namespaces is two values."""
    store.state("a").put("k", 1)
    store.state("b").put("k", 2).result()

    assert 1 == store.state("a").get("k").result().data
    assert ["k"] == [item.key for item in store.state("b").list().result()]
    assert [] == store.state("c").list().result()


def test_revisions_rise_with_every_change(store: Store) -> None:
    """No two writes get the same revision, not even with a delete between."""
    state = store.state("a")
    first = state.put("k", 1).result()
    second = state.put("other", 1).result()
    state.delete("k").result()
    third = state.put("k", 1).result()

    assert first < second < third


def test_compare_and_set(store: Store) -> None:
    """Of two writers that read the same value, one wins."""
    state = store.state("a")
    revision = state.compare_and_set("k", "first", revision=None).result()

    assert state.compare_and_set("k", "again", revision=None).result() is None
    assert state.compare_and_set("k", "mine", revision=revision).result() > revision
    assert state.compare_and_set("k", "late", revision=revision).result() is None
    assert "mine" == state.get("k").result().data


def test_compare_and_set_sees_a_delete_between(store: Store) -> None:
    """A value that was deleted and written again is not the same value."""
    state = store.state("a")
    revision = state.put("k", "same").result()
    state.delete("k")
    state.put("k", "same")

    assert state.compare_and_set("k", "x", revision=revision).result() is None


def test_counting_together_loses_nothing(store: Store) -> None:
    """A hundred concurrent increments by compare-and-set come to a hundred."""
    state = store.state("a")
    state.put("n", 0).result()

    async def increment() -> None:
        while True:
            item = await state.get("n")
            if await state.compare_and_set("n", item.data + 1, revision=item.revision):
                return

    async def run() -> None:
        await asyncio.gather(*(increment() for _ in range(20)))

    asyncio.run(run())
    assert state.get("n").result().data == 20


def test_delete(store: Store) -> None:
    """A delete says whether there was something, and compares revisions when asked to."""
    state = store.state("a")
    revision = state.put("k", 1).result()

    with pytest.raises(VersionConflict):
        state.delete("k", revision=revision + 1).result()
    assert state.delete("k", revision=revision).result() is True
    assert state.delete("k").result() is False
    assert state.get("k").result() is None


def test_list_by_prefix_in_pages(store: Store) -> None:
    """Keys sort by code point, and a prefix takes no neighbours."""
    state = store.state("a")
    for key in ("b/1", "a/2", "a/1", "a", "a/Z"):
        state.put(key, key).result()

    assert ["a/1", "a/2", "a/Z"] == [item.key for item in state.list("a/").result()]
    assert ["a/2"] == [item.key for item in state.list("a/", after="a/1", limit=1).result()]


def test_a_value_ends_with_its_time_to_live(store: Store, clock: Clock) -> None:
    """After its time it is not there: not for get, list, compare-and-set or delete."""
    state = store.state("a")
    revision = state.put("k", 1, ttl=10).result()
    clock.time += 9.999
    assert state.get("k").result().expires_at == clock.time + 0.001
    clock.time += 0.001

    assert state.get("k").result() is None
    assert [] == state.list().result()
    assert state.compare_and_set("k", 2, revision=revision).result() is None
    assert state.delete("k").result() is False
    assert state.compare_and_set("k", 3, revision=None).result() > revision
    clock.time += 1000
    assert state.get("k").result().data == 3


def test_a_sweep_deletes_what_has_expired(store: Store, clock: Clock) -> None:
    """Storage grows with what lives: expired values go, up to the limit, the oldest first."""
    state = store.state("a")
    for n in range(5):
        state.put(f"k{n}", n, ttl=n + 1)
    state.put("stays", 0).result()
    clock.time += 4

    assert store.sweep(limit=3).result() == 3
    assert store.sweep().result() == 1
    assert store.sweep().result() == 0
    assert ["k4", "stays"] == [item.key for item in state.list().result()]


def test_a_sweep_spares_what_was_written_again(store: Store, clock: Clock) -> None:
    """A value that is renewed in the group of the sweep stays."""
    state = store.state("a")
    state.put("k", "old", ttl=1).result()
    clock.time += 2
    state.put("k", "new", ttl=10)
    store.sweep().result()

    assert state.get("k").result().data == "new"


@pytest.mark.parametrize("ttl", [0, -1, float("inf"), float("nan")])
def test_a_time_to_live_is_above_0(store: Store, ttl: float) -> None:
    """A value that would never be there, or for ever, is a mistake."""
    with pytest.raises(StoreError):
        store.state("a").put("k", 1, ttl=ttl)


def test_names_of_the_store_itself_are_refused(store: Store) -> None:
    """Cursors and idempotency keys cannot be overwritten by a namespace of the same name."""
    with pytest.raises(StoreError):
        store.state("$cursors")
    with pytest.raises(StoreError):
        store.log("$topics")


def test_operations_say_what_they_expect(store: Store) -> None:
    """In a commit, another revision fails the whole unit unless it is not strict."""
    store.state("a").put("k", 1).result()

    with pytest.raises(VersionConflict):
        store.commit(PutItem("a", "new", 1), PutItem("a", "k", 2, revision=None)).result()
    with pytest.raises(VersionConflict):
        store.commit(PutItem("a", "new", 1), DeleteItem("a", "k", revision=None)).result()
    assert store.state("a").get("new").result() is None
    lenient = PutItem("a", "k", 2, revision=None, strict=False)
    assert None is store.commit(PutItem("a", "new", 1), lenient).result()[1]
    assert store.state("a").get("new").result().data == 1
