"""What agents build on a store, on each of the stores: values, events, topics, letters, leases."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from harmonium import Agent, System, child, handles, message, supervisor
from harmonium.actors.dead_letters import Replayed
from harmonium.actors.event_sourced import EventSourced
from harmonium.actors.singleton import Singleton
from harmonium.protocols.errors import Unavailable
from harmonium.protocols.reliability.lease import LeasePolicy
from harmonium.supervisors.operations import operate
from tests.actors.store import selling
from tests.actors.store.conftest import Place

ROOT = Path(__file__).parents[3]


@message
class Sold:
    """So many were sold."""

    units: int


@message
class Sell:
    """Sell so many."""

    units: int


@message
class Figures:
    """What the seller has sold, by its events and by its notes."""

    sold: int
    noted: int


class Seller(EventSourced):
    """Counts what it sells twice: in events, and in a value that it keeps."""

    events = (Sold,)
    snapshot_class = Sold
    snapshot_every = 2
    publishes = (Sold,)

    def __init__(self) -> None:
        self.sold = 0

    def apply(self, event: Sold) -> None:
        self.sold += event.units

    def snapshot(self) -> Sold:
        return Sold(self.sold)

    def restore(self, state: Sold) -> None:
        self.sold = state.units

    @handles
    async def sell(self, order: Sell) -> Figures:
        item = await self.keep.item("sold")
        noted = (0 if item is None else item.value) + order.units
        revision = None if item is None else item.revision
        assert await self.keep.compare_and_set("sold", noted, revision=revision)
        await self.persist(Sold(order.units))
        await self.publish(Sold(order.units), topic="sales.eu", durable=True)
        return Figures(self.sold, noted)


class Ledger(Agent):
    """Writes down what it hears of."""

    def __init__(self, book: list[int]) -> None:
        self.book = book

    def started(self) -> None:
        self.subscribe("sales.*", durable="ledger")

    @handles
    def sold(self, event: Sold) -> None:
        self.book.append(event.units)


def shop(book: list[int]) -> Any:
    return supervisor(
        "shop", children=[child(Seller, id="seller"), child(Ledger, book, id="ledger")]
    )


async def comes(condition: Any) -> None:
    """Wait for it, in real time."""
    async with asyncio.timeout(20.0):
        while not condition():  # noqa: ASYNC110 - no event says so
            await asyncio.sleep(0.002)


def test_a_second_life_goes_on_where_the_first_one_ended(durable: Place) -> None:
    """Kept values, events with a snapshot, the place in a topic and a dead letter are there."""
    book: list[int] = []

    async def life(first: int) -> None:
        store = durable.open(now=None)
        async with System(shop(book), store=store) as system:
            for n in range(first, first + 3):
                last = await system.ask("seller", Sell(n))
            assert last == Figures(sum(range(first + 3)), sum(range(first + 3)))
            await comes(lambda: len(book) == first + 3)
            if first == 0:
                await operate(system.ref("/shop")).stop_child("ledger")
                await system.tell("/shop/ledger", Sold(100))
                await operate(system.ref("/shop")).restart_child("ledger")
            else:
                (letter,) = system.dead_letters
                assert await system.dead_letters.replay(letter.id) is Replayed.SENT
                await comes(lambda: book[-1] == 100)
        await store.aclose()

    asyncio.run(life(0))
    asyncio.run(life(3))
    assert book == [0, 1, 2, 3, 4, 5, 100]


def test_one_of_two_connections_leads(durable: Place) -> None:
    """A singleton of a second system waits until the first one has stopped."""

    def tree() -> Any:
        options = {"lease": "seller", "policy": LeasePolicy(2.0)}
        return supervisor("shop", children=[child(Singleton, Seller, id="one", kwargs=options)])

    async def main() -> None:
        stores = [durable.open(now=time.time) for _ in range(2)]
        first, second = (System(tree(), store=store) for store in stores)
        async with first, second:
            await first.ask("one", Sell(1))
            refused = await asyncio.gather(second.ask("one", Sell(1)), return_exceptions=True)
            assert isinstance(refused[0], Unavailable)
            await first.astop()
            await comes(lambda: second.ref("one")._cell.children)
            assert await second.ask("one", Sell(1)) == Figures(2, 2)
        for store in stores:
            await store.aclose()

    asyncio.run(main())


def sell_until_killed(url: str, lines: int) -> list[tuple[str, int]]:
    """Run the program until it has printed so many lines, kill it, and read what it said."""
    command = [sys.executable, "-m", "tests.actors.store.selling", url]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        said = [program.stdout.readline() for _ in range(lines)]
        program.kill()
        said += program.stdout.read().splitlines(keepends=True)
    whole = [line.split() for line in said if line.endswith("\n")]
    return [(who, int(n)) for who, n in whole]


def test_kill_9_takes_back_nothing_that_was_answered(tmp_path: Path) -> None:
    """The seller never falls behind its answers, and the ledger hears of every sale, in order."""
    place = str(tmp_path / "s.db")
    answered, heard = 0, 0
    for lines in (7, 30):
        for who, n in sell_until_killed(place, lines):
            if who == "seller":
                assert n in {answered + 1, answered + 2}  # an answer may die with its process
                answered = n
            else:
                assert n <= heard + 1
                heard = max(heard, n)

    async def last_life() -> tuple[int, int]:
        async with System(selling.tree(), store=place) as system:
            sold = (await system.ask("seller", selling.Sell())).n
            assert system.store is not None
            journal = system.store.topics
            async with asyncio.timeout(20.0):
                while await journal.cursor("ledger") < await journal.end():  # noqa: ASYNC110
                    await asyncio.sleep(0.002)
            entries = (await journal.read(limit=10_000)).entries
            return sold, len({entry.data["message"]["data"]["n"] for entry in entries})

    sold, published = asyncio.run(last_life())
    assert sold in {answered + 1, answered + 2}
    assert published == sold
