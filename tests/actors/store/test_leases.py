"""Leases: one holder at a time, and tokens that fence off who was one."""

from __future__ import annotations

import asyncio

import pytest

from harmonium.actors.store import Fence, Store
from harmonium.protocols.errors import StaleToken, StoreError
from tests.actors.store.conftest import Clock, Place


def test_one_holder_at_a_time(store: Store, clock: Clock) -> None:
    """While one holds the lease, nobody else gets it; when it has run out, the next does."""
    first = store.leases.acquire("leader", "a", 10).result()
    assert ("leader", "a", clock.time + 10) == (first.name, first.holder, first.expires_at)
    clock.time += 9.9
    assert store.leases.acquire("leader", "b", 10).result() is None
    assert store.leases.holder("leader").result() == first
    clock.time += 0.1

    assert store.leases.holder("leader").result() is None
    second = store.leases.acquire("leader", "b", 10).result()
    assert second.holder == "b"
    assert second.token > first.token


def test_tokens_rise_over_all_acquisitions(store: Store) -> None:
    """A token is never given out twice, not after a release and not for another lease."""
    tokens = []
    for name in ("x", "y", "x", "x"):
        lease = store.leases.acquire(name, "a", 10).result()
        tokens.append(lease.token)
        store.leases.release(lease)

    assert sorted(set(tokens)) == tokens


def test_tokens_rise_after_the_store_was_opened_again(durable: Place) -> None:
    """A restart does not give an old token out again."""
    store = durable.open()
    first = store.leases.acquire("x", "a", 10).result()
    store.leases.release(first).result()
    store.close()

    assert durable.open().leases.acquire("x", "a", 10).result().token > first.token


def test_many_at_once_and_one_gets_it(store: Store) -> None:
    """Of fifty that ask at the same time one is the leader."""

    async def run() -> list[object]:
        asked = (store.leases.acquire("leader", f"agent {n}", 10) for n in range(50))
        return [lease for lease in await asyncio.gather(*map(_wait, asked)) if lease]

    async def _wait(pending):
        return await pending

    assert len(asyncio.run(run())) == 1


def test_the_same_holder_gets_a_new_token(store: Store) -> None:
    """A restarted holder need not wait, and its former incarnation is fenced off."""
    before = store.leases.acquire("leader", "a", 10).result()
    after = store.leases.acquire("leader", "a", 10).result()

    assert after.token > before.token
    with pytest.raises(StaleToken):
        store.state("s").put("k", 1, fence=before.fence).result()
    store.state("s").put("k", 1, fence=after.fence).result()


def test_renewal_keeps_the_token(store: Store, clock: Clock) -> None:
    """A renewed lease lasts from now, and its writes go on."""
    lease = store.leases.acquire("leader", "a", 10).result()
    clock.time += 8
    renewed = store.leases.renew(lease, 10).result()

    assert (lease.token, clock.time + 10) == (renewed.token, renewed.expires_at)
    clock.time += 5
    assert store.leases.acquire("leader", "b", 10).result() is None


def test_a_lease_that_ran_out_can_be_renewed_until_another_takes_it(
    store: Store, clock: Clock
) -> None:
    """Running out only lets others in; being overtaken is what ends it."""
    lease = store.leases.acquire("leader", "a", 1).result()
    clock.time += 100
    lease = store.leases.renew(lease, 1).result()
    clock.time += 100
    other = store.leases.acquire("leader", "b", 1).result()

    with pytest.raises(StaleToken) as caught:
        store.leases.renew(lease, 1).result()
    assert (lease.token, other.token) == (caught.value.token, caught.value.current)


def test_a_stale_token_is_refused_in_the_same_commit(store: Store, clock: Clock) -> None:
    """What a former leader writes late is refused whatever it writes."""
    old = store.leases.acquire("leader", "a", 1).result()
    clock.time += 2
    new = store.leases.acquire("leader", "b", 1).result()
    late = [
        store.streams.append("s", [1], fence=old.fence),
        store.streams.save_snapshot("s", 1, 1, fence=old.fence),
        store.streams.delete("s", fence=old.fence),
        store.topics.publish("t", 1, fence=old.fence),
        store.topics.move("sub", 1, fence=old.fence),
        store.state("n").compare_and_set("k", 1, revision=None, fence=old.fence),
        store.log("l").append(1, fence=old.fence),
        store.idempotency.claim("s", "k", owner="a", ttl=1, fence=old.fence),
        store.commit(fence=old.fence),
    ]

    for pending in late:
        with pytest.raises(StaleToken):
            pending.result()
    assert store.streams.append("s", [1], fence=new.fence).result() == 1
    assert store.topics.end().result() == 0


def test_a_released_lease_is_free_and_fenced(store: Store) -> None:
    """After a release others get it at once, and its token is worth nothing."""
    lease = store.leases.acquire("leader", "a", 10).result()
    assert store.leases.release(lease).result() is True
    assert store.leases.release(lease).result() is False

    with pytest.raises(StaleToken):
        store.state("s").put("k", 1, fence=lease.fence).result()
    assert store.leases.acquire("leader", "b", 10).result().holder == "b"
    assert store.leases.release(lease).result() is False


def test_an_invented_token_is_refused(store: Store) -> None:
    """A fence needs a lease that is held."""
    with pytest.raises(StaleToken) as caught:
        store.state("s").put("k", 1, fence=Fence("nobody", 1)).result()
    assert caught.value.current is None


def test_a_lease_lasts_some_time(store: Store) -> None:
    """A lease without time is a mistake."""
    with pytest.raises(StoreError):
        store.leases.acquire("leader", "a", 0)
