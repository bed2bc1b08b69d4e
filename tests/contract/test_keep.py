"""`self.keep`: values that outlive their agent."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from harmonium import TEMPORARY, Agent, AskFailed, child, handles, message, supervisor
from harmonium.actors.simulated import SimulatedGround
from harmonium.actors.stateful_keep import KeptChange
from harmonium.actors.store import MemoryStore
from harmonium.protocols.errors import AgentDead, StaleToken
from harmonium.supervisors.system import System


@message
class Cart:
    """What is kept."""

    items: tuple[str, ...] = ()


@message
class Add:
    """Put an item into the kept cart, and crash if told to."""

    item: str
    crash: bool = False


@message
class Look:
    """Give the kept cart."""


@message
class Changed:
    """A kept value is another now."""

    key: str
    gone: bool


class Shopper(Agent):
    """Keeps a cart over its crashes."""

    def __init__(self, book: list[Any] | None = None) -> None:
        self.book = book

    @handles
    async def add(self, order: Add) -> Cart:
        cart = await self.keep.get("cart", Cart, Cart())
        cart = Cart((*cart.items, order.item))
        await self.keep.put("cart", cart)
        if order.crash:
            raise ValueError("after the write")
        return cart

    @handles
    async def look(self, query: Look) -> Cart:
        return await self.keep.get("cart", Cart, Cart())


def shop(*children: Any) -> Any:
    return supervisor("t", children=children, max_restarts=100)


@pytest.mark.parametrize("store", [None, "memory:"])
def test_a_kept_message_survives_a_crash(play, store):
    """With a store and without one, the next incarnation finds what was written."""

    async def scenario(system):
        await system.ask("one", Add("pen"))
        with pytest.raises(AskFailed):
            await system.ask("one", Add("ink", crash=True))
        assert (await system.ask("one", Look())).items == ("pen", "ink")

    play(shop(child(Shopper, id="one")), scenario, store=store)


def test_agents_do_not_see_each_others_values(play):
    """The namespace is the agent's path."""

    async def scenario(system):
        await system.ask("one", Add("pen"))
        assert (await system.ask("two", Look())).items == ()

    play(shop(child(Shopper, id="one"), child(Shopper, id="two")), scenario)


@message
class Try:
    """Run the agent's own test."""


class Prober(Agent):
    """Runs what it is given, with itself as argument."""

    def __init__(self, probe: Any, book: Any = None) -> None:
        self.probe = probe
        self.book = book

    @handles
    async def run(self, order: Try) -> None:
        await self.probe(self)

    @handles
    def changed(self, change: Changed) -> None:
        self.book.append((change.key, change.gone))


def probe(play, test, **options):
    async def scenario(system):
        await system.ask("probe", Try())

    play(shop(child(Prober, test, id="probe")), scenario, **options)


def test_compare_and_set_writes_only_over_what_was_read(play):
    """It gives the new revision, or None when somebody was faster."""

    async def test(agent):
        first = await agent.keep.compare_and_set("n", 1, revision=None)
        assert await agent.keep.compare_and_set("n", 2, revision=None) is None
        second = await agent.keep.compare_and_set("n", 2, revision=first)
        assert second is not None
        assert second > first
        kept = await agent.keep.item("n")
        assert (kept.value, kept.revision) == (2, second)

    probe(play, test)


def test_values_are_listed_by_prefix_and_deleted(play):
    """A list is sorted by key, a page ends at its limit, a deleted value is gone."""

    async def test(agent):
        for key in ("b/2", "a/1", "b/1"):
            await agent.keep.put(key, key)
        assert [kept.key for kept in await agent.keep.list("b/")] == ["b/1", "b/2"]
        assert [kept.value for kept in await agent.keep.list("b/", limit=1)] == ["b/1"]
        assert [kept.key for kept in await agent.keep.list("b/", after="b/1")] == ["b/2"]
        assert await agent.keep.delete("b/1")
        assert not await agent.keep.delete("b/1")
        assert await agent.keep.get("b/1") is None

    probe(play, test)


def test_shared_values_are_seen_by_all_who_name_them(play):
    """`shared` gives another namespace."""

    async def test(agent):
        await agent.keep.shared("prices").put("pen", "1.20")
        assert await agent.keep.get("pen") is None
        assert await agent.keep.shared("prices").get("pen") == "1.20"

    probe(play, test)


def test_a_value_with_a_ttl_ends_in_virtual_time():
    """After `ttl` seconds of the store's clock it reads as not there."""

    async def test(agent):
        await agent.keep.put("token", "x", ttl=60.0)
        await agent.sleep(59.0)
        assert await agent.keep.get("token") == "x"
        await agent.sleep(2.0)
        assert await agent.keep.get("token") is None

    ground = SimulatedGround()

    async def main():
        async with System(shop(child(Prober, test, id="probe")), ground=ground) as system:
            await system.ask("probe", Try(), timeout=100.0)

    ground.play(main())


def test_a_blocking_handler_may_use_it():
    """Its `result()` waits in the thread."""

    class Slow(Agent):
        @handles(blocking=True)
        def run(self, order: Try) -> Cart:
            self.keep.put("cart", Cart(("pen",))).result()
            found = self.keep.get("cart", Cart).result()
            assert found is not None
            return found

    with System(shop(child(Slow, id="slow"))) as system:
        assert system.ask("slow", Try()).result().items == ("pen",)


def test_an_attribute_of_that_name_is_the_users(play):
    """`self.keep = ...` in a constructor hides ours and breaks nothing."""

    class Keeper(Agent):
        def __init__(self) -> None:
            self.keep: Any = ["mine"]  # type: ignore[assignment]

        @handles
        def look(self, query: Look) -> Cart:
            return Cart(tuple(self.keep))

    async def scenario(system):
        assert (await system.ask("keeper", Look())).items == ("mine",)

    play(shop(child(Keeper, id="keeper")), scenario)


def test_a_watch_sends_messages_until_the_incarnation_ends(play, until):
    """Each change comes once; those after the end of the agent go nowhere."""
    book: list[Any] = []

    async def watch(agent):
        def make(change: KeptChange) -> Changed:
            return Changed(change.key, change.kept is None)

        await agent.keep.shared("prices").watch("pen", make)

    async def scenario(system):
        store = system.store
        await system.ask("probe", Try())
        prices = store.state("prices")
        await prices.put("pen", 1)
        await prices.put("ink", 1)
        await prices.delete("pen")
        await until(lambda: len(book) == 2)
        await system.ref("probe").stop()
        await prices.put("pen", 2)

    play(shop(child(Prober, watch, book, id="probe", restart=TEMPORARY)), scenario, store="memory:")
    assert book == [("pen", False), ("pen", True)]


def test_a_later_incarnation_fences_an_earlier_one():
    """A task that the first one left behind can neither read nor write any more."""
    agents: list[Any] = []

    async def test(agent):
        agents.append(agent)
        await agent.keep.put("n", agent.incarnation)
        if agent.incarnation == 1:
            raise ValueError("once")

    async def main():
        async with System(shop(child(Prober, test, id="probe"))) as system:
            with pytest.raises(AskFailed):
                await system.ask("probe", Try())
            await system.ask("probe", Try())
            with pytest.raises(AgentDead):
                agents[0].keep.put("n", 99)

    asyncio.run(main())


def test_two_systems_on_one_store_do_not_interleave():
    """Who used the path last may write; the other is refused, and stays in its right to restart."""

    async def test(agent):
        await agent.keep.put("n", agent.incarnation)

    async def main():
        store = MemoryStore(lambda: 0.0)
        tree = shop(child(Prober, test, id="probe"))
        async with System(tree, store=store) as old, System(tree, store=store) as new:
            await old.ask("probe", Try())
            await new.ask("probe", Try())
            with pytest.raises(AskFailed, match=StaleToken.__name__):
                await old.ask("probe", Try())
            await old.ask("probe", Try())

    asyncio.run(main())
