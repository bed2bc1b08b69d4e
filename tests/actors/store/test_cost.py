"""What the store costs: time for an append with a thousand in flight, and room on the disk."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from harmonium.actors.store import Store, open_store

IN_FLIGHT = 1000
APPENDS = 10
EVENT = {"kind": "step finished", "data": "x" * 200}


async def append_in_turn(store: Store, stream: str, appends: int) -> None:
    for version in range(appends):
        await store.streams.append(stream, [EVENT], expected_version=version)


def test_an_append_with_a_thousand_in_flight(tmp_path: Path) -> None:
    """One append costs far less than the 250 us of a step, since a group shares its sync."""

    async def run(store: Store) -> None:
        streams = (f"request/{n:08}" for n in range(IN_FLIGHT))
        await asyncio.gather(*(append_in_turn(store, stream, APPENDS) for stream in streams))

    with open_store(tmp_path / "store.db") as store:
        begun, worked = time.perf_counter(), time.process_time()
        asyncio.run(run(store))
        seconds, work = time.perf_counter() - begun, time.process_time() - worked
        done = store.statistics()
    total = IN_FLIGHT * APPENDS
    print(
        f"\n{total / seconds:,.0f} events/s, {seconds / total * 1e6:.0f} us each, "
        f"{work / total * 1e6:.0f} us of them work; {done.commits} commits, "
        f"{done.units / done.commits:.0f} units in the mean group"
    )
    assert done.units == total
    assert done.commits < total / 50
    # Work and not wall time: a busy machine or a slow disk is no failure.
    assert work / total < 150e-6


def test_room_grows_with_live_work_only(tmp_path: Path) -> None:
    """Requests that come and go leave a file of the same size."""
    path = tmp_path / "store.db"

    async def request(store: Store, name: str) -> None:
        for version in range(5):
            await store.streams.append(name, [EVENT], expected_version=version)
        await store.streams.save_snapshot(name, 5, EVENT, compact=True)
        claim = await store.idempotency.claim("scope", name, owner="me", ttl=1)
        await store.idempotency.finish(claim, EVENT, ttl=1)
        await store.idempotency.abandon(
            await store.idempotency.claim("other", name, owner="me", ttl=1)
        )
        await store.topics.publish("done", name)
        await store.streams.delete(name)

    async def many(store: Store, begin: int) -> None:
        await asyncio.gather(*(request(store, f"request/{begin + n}") for n in range(200)))
        await store.idempotency.trim("scope", keep=10)
        await store.topics.trim(keep=10)

    sizes = []
    for part in range(6):
        with open_store(path) as store:
            asyncio.run(many(store, part * 1000))
            assert store.streams.streams().result() == []
        sizes.append(path.stat().st_size)
    assert sizes[-1] <= 1.5 * sizes[0]
