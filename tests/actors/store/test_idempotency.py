"""Idempotency keys: one of many gets the work, all get the reply."""

from __future__ import annotations

import asyncio

import pytest

from harmonium.actors.store import AppendEvents, Claim, ClaimStatus, Store, TrimItems
from harmonium.protocols.errors import VersionConflict
from tests.actors.store.conftest import Clock, Place


def claim(store: Store, key: str = "k", owner: str = "a", **more: str) -> Claim:
    return store.idempotency.claim("scope", key, owner=owner, ttl=10, **more).result()


def test_one_of_many_gets_the_work(store: Store) -> None:
    """Of fifty that claim a key at the same time, one is new and the rest wait for it."""

    async def one(n: int) -> Claim:
        return await store.idempotency.claim("scope", "k", owner=f"agent {n}", ttl=10)

    async def run() -> list[Claim]:
        return await asyncio.gather(*(one(n) for n in range(50)))

    claims = asyncio.run(run())
    winners = [found for found in claims if found.status is ClaimStatus.NEW]
    assert len(winners) == 1
    others = {found.owner for found in claims if found.status is ClaimStatus.PENDING}
    assert {winners[0].owner} == others


def test_the_reply_goes_to_all_who_come_later(store: Store) -> None:
    """A finished key gives its reply and no work."""
    first = claim(store)
    store.idempotency.finish(first, {"total": "1.20"}, ttl=100).result()

    again = claim(store, owner="b")
    assert (ClaimStatus.DONE, {"total": "1.20"}) == (again.status, again.reply)
    assert again == store.idempotency.find("scope", "k").result()


@pytest.mark.parametrize("reply", [None, b"\n\x00", "line\nfeed", [], 0])
def test_any_payload_is_a_reply(store: Store, reply: object) -> None:
    """None is a reply too, and no bytes confuse the owner with the reply."""
    store.idempotency.finish(claim(store, owner='own\n"er'), reply, ttl=100).result()

    found = store.idempotency.find("scope", "k").result()
    assert (ClaimStatus.DONE, 'own\n"er', reply) == (found.status, found.owner, found.reply)


def test_effects_and_reply_in_one_commit(store: Store) -> None:
    """After a crash there are both or none."""
    mine = claim(store)
    store.commit(
        AppendEvents("s", ["effect"]), store.idempotency.finishing(mine, "reply", ttl=10)
    ).result()

    assert claim(store).reply == "reply"
    assert store.streams.status("s").result().version == 1


def test_a_dead_owner_is_replaced_and_cannot_finish(store: Store) -> None:
    """Who takes over names whom; the former owner's reply is refused with its effects."""
    dead = claim(store, owner="a")
    assert claim(store, owner="c", instead_of="b").status is ClaimStatus.PENDING
    heir = claim(store, owner="b", instead_of="a")

    assert heir.status is ClaimStatus.NEW
    with pytest.raises(VersionConflict):
        store.commit(
            AppendEvents("s", ["effect"]), store.idempotency.finishing(dead, "late", ttl=10)
        ).result()
    assert store.streams.status("s").result().version == 0
    store.idempotency.finish(heir, "reply", ttl=10).result()
    assert claim(store, owner="d", instead_of="b").reply == "reply"


def test_an_abandoned_key_can_be_claimed(store: Store) -> None:
    """Work that failed cleanly gives its key back, once."""
    mine = claim(store)
    assert store.idempotency.abandon(mine).result() is True

    assert claim(store, owner="b").status is ClaimStatus.NEW
    with pytest.raises(VersionConflict):
        store.idempotency.abandon(mine).result()


def test_claims_and_replies_are_forgotten_in_time(store: Store, clock: Clock) -> None:
    """An unfinished claim ends with its time, a reply with its own."""
    first = claim(store)
    clock.time += 10
    with pytest.raises(VersionConflict):
        store.idempotency.finish(first, "late", ttl=10).result()
    second = claim(store)
    assert second.status is ClaimStatus.NEW
    store.idempotency.finish(second, "reply", ttl=50).result()
    clock.time += 49
    assert claim(store).status is ClaimStatus.DONE
    clock.time += 1
    assert store.idempotency.find("scope", "k").result() is None


def test_keys_are_bounded_by_number(store: Store) -> None:
    """A trim keeps the newest keys of its scope."""
    for n in range(10):
        store.idempotency.finish(claim(store, f"k{n}"), n, ttl=10).result()
    store.idempotency.claim("other", "k", owner="a", ttl=10).result()

    assert store.idempotency.trim("scope", keep=3).result() == 7
    kept = [n for n in range(10) if store.idempotency.find("scope", f"k{n}").result()]
    assert [7, 8, 9] == kept
    assert store.idempotency.trim("scope", keep=3).result() == 0
    assert store.idempotency.find("other", "k").result() is not None


def test_a_trim_spares_what_its_own_commit_wrote(store: Store) -> None:
    """A key that is finished in the commit of the trim is not the oldest any more."""
    claims = [claim(store, f"k{n}") for n in range(3)]
    finishing = store.idempotency.finishing(claims[0], "reply", ttl=10)
    assert 1 == store.commit(finishing, TrimItems("$keys:scope", 1, 10)).result()[1]

    kept = [n for n in range(3) if store.idempotency.find("scope", f"k{n}").result()]
    assert [0, 2] == kept


def test_keys_outlive_the_store(durable: Place) -> None:
    """A reply is known after the store is opened again."""
    first = durable.open()
    first.idempotency.finish(claim(first), "reply", ttl=10).result()
    first.close()

    assert claim(durable.open(), owner="b").reply == "reply"
