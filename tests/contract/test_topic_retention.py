"""The retention of durable topics: what goes by itself, and never before everybody has had it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings
from loguru import logger

from harmonium import Agent, SpecError, child, handles, message, supervisor
from harmonium.actors.durable_topics_values import Subscription
from harmonium.actors.simulated import SimulatedGround
from harmonium.actors.store import MemoryStore
from harmonium.actors.store.pending import Pending, settle
from harmonium.protocols.errors import StoreError
from harmonium.protocols.retention import Retention
from harmonium.supervisors.operations import operate
from harmonium.supervisors.system import System


@message(name="retained.Placed")
class Placed:
    n: int


@message(name="retained.Noise")
class Noise:
    n: int


class Billing(Agent):
    """Keeps what it hears, and takes its time."""

    def __init__(
        self, book: list[int], *, to: str = "orders.>", name: str = "billing", pause: float = 0.0
    ) -> None:
        self.book = book
        self.to = to
        self.name = name
        self.pause = pause

    def started(self) -> None:
        self.subscribe(self.to, durable=self.name)

    @handles
    async def placed(self, event: Placed) -> None:
        if self.pause:
            await self.sleep(self.pause)
        self.book.append(event.n)


class Other(Agent):
    """Stands in for nobody."""


def billing(book: list[int], name: str = "billing", **kwargs: Any) -> Any:
    return child(Billing, book, id=name, kwargs={"name": name, **kwargs})


class Market:
    """Systems one after the other on one store, in virtual time."""

    def __init__(self, *children: Any, store: Any = None, **options: Any) -> None:
        self.time = 0.0
        self.store = store if store is not None else MemoryStore(self._clock)
        self.now: Callable[[], float] = lambda: self.time
        self.children = children or (child(Other, id="other"),)
        self.options = options

    def _clock(self) -> float:
        return self.now()

    def play(self, scenario: Any, *children: Any) -> None:
        ground = SimulatedGround()
        before = self.time
        self.now = lambda: before + ground.clock()
        tree = supervisor("t", children=children or self.children, max_restarts=10_000)

        async def main() -> None:
            async with System(tree, ground=ground, store=self.store, **self.options) as system:
                await scenario(system)

        ground.play(main(), limit=1e9)
        account = ground.account()
        assert account.balanced, account
        assert account.in_flight == 0
        self.time = self.now()
        self.now = lambda: self.time

    def left(self) -> list[int]:
        """The numbers of the events that are in the journal."""
        entries = self.store.topics.read(limit=100_000).result().entries
        return [entry.data["message"]["data"]["n"] for entry in entries]


class Instead:
    """Something with other parts in place of its own."""

    def __init__(self, inner: Any, **parts: Any) -> None:
        self._inner = inner
        self.__dict__.update(parts)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


async def publish(system: System, *numbers: int, topic: str = "orders.eu") -> None:
    for n in numbers:
        await system.publish(Placed(n), topic=topic, durable=True)


def test_nothing_goes_by_default():
    """However old it is, and whoever has taken it."""
    book: list[int] = []
    market = Market(billing(book))

    async def scenario(system: System) -> None:
        await publish(system, *range(50))
        await asyncio.sleep(1e7)
        assert system.topics.retention == Retention()

    market.play(scenario)
    assert market.left() == book == list(range(50))


def test_the_newest_stay():
    """So many as are declared; the others go at the next look."""
    book: list[int] = []
    market = Market(billing(book), topics=Retention(entries=10, every=60.0))

    async def scenario(system: System) -> None:
        await publish(system, *range(50))
        await asyncio.sleep(59.0)
        assert len(market.left()) == 50
        await asyncio.sleep(2.0)
        assert market.left() == list(range(40, 50))

    market.play(scenario)
    assert book == list(range(50))


def test_the_young_stay():
    """For as long as is declared, give or take the time between two looks."""
    market = Market(billing([]), topics=Retention(seconds=100.0, every=10.0))

    async def scenario(system: System) -> None:
        for n in range(30):
            await publish(system, n)
            await asyncio.sleep(10.0)
        ages = [300.0 - 10.0 * n for n in market.left()]
        assert 90.0 <= max(ages) <= 120.0
        assert market.left() == list(range(30 - len(ages), 30))
        await asyncio.sleep(111.0)
        assert market.left() == []

    market.play(scenario)


def test_what_a_subscriber_has_still_to_take_stays():
    """A slow one and one that is not even running hold up what they have not had, and no more."""
    slow: list[int] = []
    fast: list[int] = []
    market = Market(topics=Retention(entries=0, every=1.0))
    both = (billing(fast, "fast"), billing(slow, "slow", pause=10.0))

    async def first(system: System) -> None:
        await publish(system, *range(10))
        await asyncio.sleep(35.5)
        assert (len(fast), len(slow)) == (10, 3)
        assert market.left() == [3, 4, 5, 6, 7, 8, 9]

    async def without_the_slow_one(system: System) -> None:
        await publish(system, 10)
        await asyncio.sleep(1e3)
        assert market.left() == [4, 5, 6, 7, 8, 9, 10]

    async def all_of_them(system: System) -> None:
        await asyncio.sleep(200.0)
        assert market.left() == []

    market.play(first, *both)
    market.play(without_the_slow_one, both[0])
    market.play(all_of_them, *both)
    assert fast == list(range(11))
    assert sorted(set(slow)) == list(range(11))


def test_a_subscription_that_was_ended_holds_up_nothing():
    """Only those that the store knows count."""
    market = Market(topics=Retention(entries=0, every=1.0))

    async def scenario(system: System) -> None:
        await system.store.topics.move("gone", 0)
        await publish(system, 1, 2)
        await asyncio.sleep(5.0)
        assert market.left() == [1, 2]
        assert await system.topics.forget("gone") is True
        assert await system.topics.forget("gone") is False
        await asyncio.sleep(2.0)
        assert market.left() == []

    market.play(scenario)


def test_a_subscription_that_is_ended_from_outside_hears_no_more():
    """It is the operator's word; the agent goes on, and may subscribe again."""
    book: list[int] = []
    market = Market(billing(book))

    async def scenario(system: System) -> None:
        await publish(system, 1)
        await asyncio.sleep(1.0)
        assert await system.topics.forget("billing") is True
        await publish(system, 2)
        await asyncio.sleep(1.0)
        assert await system.topics.subscriptions() == {}

    market.play(scenario)
    assert book == [1]
    market.play(lambda system: asyncio.sleep(1.0))
    assert book == [1, 1, 2]


def test_a_new_subscription_begins_with_what_is_left():
    """The retention is also how far it can look back."""
    book: list[int] = []
    market = Market(topics=Retention(entries=3, every=1.0))

    async def scenario(system: System) -> None:
        await publish(system, *range(10))
        await asyncio.sleep(2.0)
        await operate(system.ref("/t")).start_child(billing(book))
        await asyncio.sleep(2.0)

    market.play(scenario)
    assert book == [7, 8, 9]


def test_what_is_not_for_a_subscription_is_not_held_up_by_it():
    """Its place moves past events of other topics before each look."""
    book: list[int] = []
    market = Market(billing(book, to="orders.eu"), topics=Retention(entries=0, every=1.0))

    async def scenario(system: System) -> None:
        await publish(system, 1)
        await publish(system, *range(2, 20), topic="stock")
        await asyncio.sleep(3.0)
        assert market.left() == []

    market.play(scenario)
    assert book == [1]


def test_a_short_run_trims_too():
    """It looks once at its beginning, not only after a while."""
    market = Market()
    market.play(lambda system: publish(system, *range(10)))
    assert len(market.left()) == 10
    market.options = {"topics": Retention(entries=4)}
    market.play(lambda system: asyncio.sleep(0.1))
    assert market.left() == [6, 7, 8, 9]


def test_many_go_in_portions():
    """A thousand at a time, at one look, so that other writes come between."""
    portions: list[int] = []
    market = Market(topics=Retention(entries=5))
    journal = market.store.topics
    journal.publish("t", *({"message": {"data": {"n": n}}} for n in range(2500)))

    def counted(**bounds: Any) -> Pending[int]:
        pending = journal.trim_taken(**bounds)
        portions.append(pending.result())
        return pending

    market.store = Instead(market.store, topics=Instead(journal, trim_taken=counted))
    market.play(lambda system: asyncio.sleep(1.0))
    assert portions == [1000, 1000, 495]
    assert market.left() == list(range(2495, 2500))


def test_a_store_that_fails_is_asked_again():
    """A warning says so; nothing else depends on it."""
    said: list[str] = []
    market = Market(topics=Retention(entries=0, every=60.0))
    journal, failures = market.store.topics, iter([True, True, False, False])

    def fails_twice(**bounds: Any) -> Pending[int]:
        if not next(failures):
            return journal.trim_taken(**bounds)
        refused: Pending[int] = Pending()
        settle([(refused, (None, StoreError("the disk is full")))])
        return refused

    market.store = Instead(market.store, topics=Instead(journal, trim_taken=fails_twice))

    async def scenario(system: System) -> None:
        await publish(system, 1, 2, 3)
        await asyncio.sleep(119.0)
        assert len(market.left()) == 3
        await asyncio.sleep(2.0)
        assert market.left() == []

    logger.enable("harmonium")
    sink = logger.add(said.append, level="WARNING", format="{message}")
    market.play(scenario)
    logger.remove(sink)
    assert len(said) == 2
    assert all("was not trimmed: StoreError" in one for one in said)


def test_it_can_be_changed_while_the_system_runs():
    """Another one holds at once; `Retention()` ends it."""
    market = Market()

    async def scenario(system: System) -> None:
        await publish(system, *range(10))
        await system.topics.keep(Retention(entries=6, every=1.0))
        await asyncio.sleep(0.1)
        assert market.left() == [4, 5, 6, 7, 8, 9]
        await system.topics.keep(Retention(entries=3, every=1.0))
        await asyncio.sleep(0.1)
        assert market.left() == [7, 8, 9]
        assert system.topics.retention == Retention(entries=3, every=1.0)
        await system.topics.keep(Retention())
        await publish(system, 10)
        await asyncio.sleep(1e4)
        assert market.left() == [7, 8, 9, 10]

    market.play(scenario)


def test_it_holds_on_every_ground(play, until):
    """Also in real time."""

    async def scenario(system: System) -> None:
        for n in range(10):
            await system.publish(Placed(n), topic="t", durable=True)
        journal = system.store.topics
        await until(lambda: len(journal.read().result().entries) == 2)

    tree = supervisor("t", children=[child(Other, id="other")])
    play(tree, scenario, store="memory:", topics=Retention(entries=2, every=0.01))


def test_what_is_no_retention_is_refused_before_anything_starts():
    """With what to give instead."""
    with pytest.raises(SpecError, match=r"^System\.topics: 100 is no Retention; give Retention"):
        System(Other, topics=100)  # type: ignore[arg-type]


def test_in_a_thread_it_may_be_given_from_outside(tmp_path):
    """`keep` is for any thread; here the journal is in a file."""
    tree = supervisor("t", children=[child(Other, id="other")])
    with System(tree, store=tmp_path / "s.db", topics=Retention(entries=5, every=1e6)) as system:
        for n in range(10):
            system.publish(Placed(n), topic="t", durable=True).result()
        system.topics.keep(Retention(entries=2, every=0.01)).result()
        while len(system.store.topics.read().result().entries) != 2:
            pass
    with pytest.raises(SpecError, match=r"Retention\.entries"):
        Retention(entries=-1)


EVENTS = st.lists(
    st.tuples(st.integers(1, 5), st.sampled_from([0.0, 0.5, 7.0])), min_size=1, max_size=15
)
RETENTIONS = st.builds(
    Retention,
    entries=st.none() | st.integers(0, 5),
    seconds=st.none() | st.sampled_from([0.5, 3.0, 20.0]),
    every=st.sampled_from([0.1, 1.0, 5.0]),
)
SUBSCRIBERS = st.lists(
    st.tuples(st.sampled_from(["orders.>", "orders.eu", ">"]), st.sampled_from([0.0, 0.3, 2.0])),
    min_size=1,
    max_size=3,
)


@settings(max_examples=60)
@given(EVENTS, RETENTIONS, SUBSCRIBERS, st.integers(0, 14))
def test_nobody_misses_anything_and_in_the_end_only_what_is_kept_is_left(
    events: list[tuple[int, float]],
    retention: Retention,
    subscribers: list[tuple[str, float]],
    cut: int,
) -> None:
    """Any publishing, any slowness, a stop in between: each subscriber hears all, in order."""
    books: list[list[int]] = [[] for _ in subscribers]
    agents = [
        billing(book, f"s{index}", to=to, pause=pause)
        for index, (book, (to, pause)) in enumerate(zip(books, subscribers, strict=True))
    ]
    market = Market(*agents, topics=retention)
    numbers = iter(range(1000))
    published: list[int] = []

    def some(part: list[tuple[int, float]], more: float) -> Any:
        async def scenario(system: System) -> None:
            for count, pause in part:
                ns = [next(numbers) for _ in range(count)]
                published.extend(ns)
                await publish(system, *ns)
                await asyncio.sleep(pause)
            await asyncio.sleep(more)

        return scenario

    market.play(some(events[:cut], 0.0))
    market.play(some(events[cut:], 1000.0))
    for book in books:
        assert list(dict.fromkeys(book)) == published
    if retention.seconds is not None:
        assert market.left() == []
    elif retention.entries is not None:
        assert market.left() == published[max(0, len(published) - retention.entries) :]
    else:
        assert market.left() == published


def test_the_subscription_of_the_test_is_one_by_one():
    """The property above relies on the order of `Subscription`."""
    assert Subscription("s").policy.max_in_flight == 1
