"""Durable topics: nothing is missed, whatever crashes; what fails too often is put away."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from harmonium import FAIL, Agent, AskFailed, child, handles, message, supervisor
from harmonium.actors.dead_letters import Replayed
from harmonium.actors.durable_topics_values import Subscription, SubscriptionLost
from harmonium.actors.simulated import SimulatedGround
from harmonium.actors.store import MemoryStore
from harmonium.protocols.backoff import Backoff
from harmonium.protocols.errors import ConfigError, SpecError
from harmonium.protocols.subscription import Durable, Slow, SlowPolicy
from harmonium.supervisors.operations import operate
from harmonium.supervisors.system import System

FAST = Durable(max_in_flight=1, max_failures=3, ack_within=300.0, backoff=Backoff(0.01, 0.02))


@message(name="orders.Placed")
class Placed:
    """An order was placed."""

    n: int


@message(name="orders.Paid")
class Paid:
    """An order was paid."""

    n: int


@message
class Publish:
    """Publish orders durably."""

    numbers: tuple[int, ...]
    topic: str = "orders.eu"


@message
class Offsets:
    """Where they are in the journal."""

    numbers: tuple[int, ...]


class Shop(Agent):
    """Publishes what it is told to."""

    publishes = (Placed, Paid)

    @handles
    async def publish_them(self, order: Publish) -> Offsets:
        stored = [self.publish(Placed(n), topic=order.topic, durable=True) for n in order.numbers]
        return Offsets(tuple([await one for one in stored]))


class Billing(Agent):
    """Keeps what it hears, outside of itself; crashes as often as it is told to."""

    def __init__(
        self,
        book: list[int],
        to: Any = "orders.>",
        wanted: Any = "billing",
        crashes: dict[int, int] | None = None,
        slowness: float = 0.0,
    ) -> None:
        self.book = book
        self.to = to
        self.wanted = wanted
        self.crashes = {} if crashes is None else crashes
        self.slowness = slowness

    def started(self) -> None:
        self.subscribe(self.to, durable=self.wanted)

    @handles
    async def placed(self, event: Placed) -> None:
        if self.slowness:
            await self.sleep(self.slowness)
        left = self.crashes.get(event.n, 0)
        if left:
            self.crashes[event.n] = left - 1
            raise ValueError(f"no. {event.n}")
        self.book.append(event.n)


async def comes(condition: Any) -> None:
    """Wait for it in the system's own time."""
    async with asyncio.timeout(10.0):
        while not condition():  # noqa: ASYNC110 - no event says so
            await asyncio.sleep(0.001)


async def handled(journal: Any, offset: int) -> None:
    """Wait until the store knows that the subscriber is so far."""
    async with asyncio.timeout(10.0):
        while await journal.cursor("billing") < offset:  # noqa: ASYNC110 - no event says so
            await asyncio.sleep(0.001)


def market(*children: Any) -> Any:
    children = (child(Shop, id="shop"), *children)
    return supervisor("t", children=children, max_restarts=10_000)


def numbers(*ns: int) -> Publish:
    return Publish(tuple(ns))


def test_a_durable_subscriber_hears_all_in_order(play, until):
    """Also what was published before it first came."""
    book: list[int] = []

    async def scenario(system):
        offsets = await system.ask("shop", numbers(1, 2, 3))
        assert list(offsets.numbers) == sorted(offsets.numbers)
        await operate(system.ref("/t")).start_child(child(Billing, book, id="billing"))
        await system.ask("shop", numbers(4, 5))
        await until(lambda: len(book) == 5)

    play(market(), scenario, store="memory:")
    assert book == [1, 2, 3, 4, 5]


def test_crashes_are_retried_in_order_and_poison_is_put_away(play, until):
    """3 fails once; 4 always: after three failures it is a dead letter, and 5 comes."""
    book: list[int] = []
    wanted = Subscription("billing", policy=FAST)
    tree = market(child(Billing, book, "orders.>", wanted, {3: 1, 4: 99}, id="billing"))

    async def scenario(system):
        await system.ask("shop", numbers(1, 2, 3, 4, 5))
        await until(lambda: len(book) == 4)
        (letter,) = system.dead_letters
        assert letter.envelope.message == Placed(4)
        assert (letter.reason, letter.attempts) == ("failed too often", 3)
        assert letter.envelope.recipient == "/t/billing"
        assert "no. 4" in letter.detail
        await operate(system.ref("/t")).stop_child("billing")

    play(tree, scenario)
    assert book == [1, 2, 3, 5]


def test_a_letter_of_a_topic_can_be_replayed(play, until):
    """It goes to the subscriber that had failed, alone."""
    book: list[int] = []
    wanted = Subscription("billing", policy=FAST)
    crashes = {1: 3}

    async def scenario(system):
        await system.ask("shop", numbers(1, 2))
        await until(lambda: len(book) == 1)
        (letter,) = system.dead_letters.list("type=orders.Placed")
        assert await system.dead_letters.replay(letter.id) is Replayed.SENT
        await until(lambda: len(book) == 2)

    play(market(child(Billing, book, ">", wanted, crashes, id="billing")), scenario)
    assert book == [2, 1]


def test_a_subscriber_that_was_down_gets_what_it_missed(play, until):
    """Stopped and started again, it goes on behind the last that it handled."""
    book: list[int] = []

    async def scenario(system):
        operator = operate(system.ref("/t"))
        await system.ask("shop", numbers(1))
        await until(lambda: book == [1])
        await operator.stop_child("billing")
        await system.ask("shop", numbers(2, 3))
        await operator.restart_child("billing")
        await until(lambda: len(book) == 3)
        assert len(system.dead_letters) == 0

    play(market(child(Billing, book, id="billing")), scenario)
    assert book == [1, 2, 3]


def test_the_place_survives_the_process(tmp_path: Path) -> None:
    """Another process on the same file goes on where the first one stood."""
    book: list[int] = []
    tree = market(child(Billing, book, id="billing"))

    async def life(first: int) -> None:
        async with System(tree, store=tmp_path / "s.db") as system:
            await system.ask("shop", numbers(first, first + 1))
            await comes(lambda: first + 1 in book)

    async def publish_only() -> None:
        async with System(market(), store=tmp_path / "s.db") as system:
            await system.ask("shop", numbers(3, 4))

    asyncio.run(life(1))
    asyncio.run(publish_only())
    asyncio.run(life(5))
    assert book == [1, 2, 3, 4, 5, 6]


def test_failures_are_counted_over_processes(tmp_path: Path) -> None:
    """A message that fails in each process is put away by the third."""
    wanted = Subscription("billing", policy=Durable(max_in_flight=1, max_failures=3))
    tree = market(child(Billing, [], ">", wanted, {1: 99}, id="billing"))

    async def life(publish: bool) -> int:
        async with System(tree, store=tmp_path / "s.db") as system:
            if publish:
                await system.ask("shop", numbers(1))
            await comes(lambda: system.restarts)
            await system.dead_letters.saved()
            return len(system.dead_letters)

    assert [asyncio.run(life(publish)) for publish in (True, False, False)] == [0, 0, 1]


@pytest.mark.parametrize(
    ("to", "heard"),
    [
        ("orders.eu", [1, 3]),
        ("orders.*", [1, 2, 3]),
        (Placed, [1, 2, 3, 4]),
        ("$type.orders.>", [1, 2, 3, 4]),
    ],
)
def test_patterns_and_classes_choose_what_is_heard(play, until, to, heard):
    """What does not match is skipped and never comes again."""
    book: list[int] = []

    async def scenario(system):
        for n, topic in enumerate(["orders.eu", "orders.us", "orders.eu", None], 1):
            await system.publish(Placed(n), topic=topic, durable=True)
        await until(lambda: len(book) == len(heard))

    play(market(child(Billing, book, to, id="billing")), scenario)
    assert book == heard


def test_a_durable_event_reaches_plain_subscribers_too(play, until):
    """At most once, as ever; what is published plainly does not reach durable ones."""
    durable: list[int] = []
    plain: list[int] = []

    class Plain(Billing):
        def started(self) -> None:
            self.subscribe("orders.*")

    async def scenario(system):
        await system.publish(Placed(1), topic="orders.eu", durable=True)
        await system.publish(Placed(2), topic="orders.eu")
        await until(lambda: len(plain) == 2)
        await until(lambda: durable)
        assert system.topics.plain == {(Placed, "orders.eu")}  # which was said in the log

    play(market(child(Plain, plain, id="plain"), child(Billing, durable, id="billing")), scenario)
    assert (plain, durable) == ([1, 2], [1])


def test_a_subscription_is_rewound_to_an_offset_or_a_time(play, until):
    """What lies behind it comes again, in order."""
    book: list[int] = []

    async def scenario(system):
        offsets = (await system.ask("shop", numbers(1, 2, 3))).numbers
        await until(lambda: len(book) == 3)
        assert await system.topics.rewind("billing", after=offsets[0]) == offsets[0]
        await until(lambda: len(book) == 5)
        await system.topics.rewind("billing", since=0.0)
        await until(lambda: len(book) == 8)
        for wrong in ({}, {"after": 1, "since": 1.0}):
            with pytest.raises(ConfigError, match="either"):
                await system.topics.rewind("billing", **wrong)
        with pytest.raises(ConfigError, match="no such"):
            await system.topics.rewind("nobody", after=0)
        assert set(await system.topics.subscriptions()) == {"billing"}

    play(market(child(Billing, book, id="billing")), scenario)
    assert book == [1, 2, 3, 2, 3, 1, 2, 3]


def test_an_idempotent_handler_runs_once_for_each_entry(play, until):
    """A delivery's key is NAME/OFFSET: what comes again is answered without it."""
    book: list[int] = []

    class Once(Agent):
        def started(self) -> None:
            self.subscribe("orders.>", durable="once")

        @handles(idempotent=True)
        def placed(self, event: Placed) -> None:
            book.append(event.n)

    async def scenario(system):
        await system.ask("shop", numbers(1, 2))
        await until(lambda: len(book) == 2)
        await system.topics.rewind("once", after=0)
        await system.ask("shop", numbers(3))
        await until(lambda: len(book) == 3)

    play(market(child(Once, id="once")), scenario)
    assert book == [1, 2, 3]


def test_a_new_subscription_may_begin_at_a_time():
    """With `since` it hears what was published from then on."""
    ground = SimulatedGround()
    book: list[int] = []

    async def main() -> None:
        async with System(market(), ground=ground, store="memory:") as system:
            await system.ask("shop", numbers(1))
            await asyncio.sleep(60.0)
            await system.ask("shop", numbers(2, 3))
            wanted = Subscription("late", since=ground.clock() - 30.0)
            late = child(Billing, book, ">", wanted, id="late")
            await operate(system.ref("/t")).start_child(late)
            await asyncio.sleep(1.0)

    ground.play(main())
    assert book == [2, 3]


def test_handled_entries_are_trimmed_and_no_others(play, until):
    """The slowest subscription decides."""
    book: list[int] = []

    async def scenario(system):
        await system.ask("shop", numbers(1, 2, 3))
        await until(lambda: len(book) == 3)
        journal = system.store.topics
        await handled(journal, 3)
        await journal.move("slow", 2)
        assert await system.topics.trim(before=-1.0) == 0
        assert await system.topics.trim() == 2
        assert [entry.offset for entry in (await journal.read()).entries] == [3]
        assert await system.topics.end() == 3

    play(market(child(Billing, book, id="billing")), scenario, store="memory:")


def test_far_behind_the_rest_stays_in_the_store():
    """By default nothing is lost and memory is bounded, however slow the subscriber is."""
    ground = SimulatedGround()
    book: list[int] = []
    tree = market(child(Billing, book, kwargs={"slowness": 1.0}, id="billing"))

    async def main() -> None:
        async with System(tree, ground=ground, store="memory:") as system:
            await system.ask("shop", numbers(*range(1000)))
            await asyncio.sleep(10.0)
            runner = ground.topics.durable._runners["billing"]
            assert len(runner._feed.backlog) + len(runner._entries) <= 400
            assert system.ref("billing")._cell.queued() <= 1
            await asyncio.sleep(1200.0)

    ground.play(main())
    assert book == list(range(1000))


def test_a_subscriber_that_drops_makes_dead_letters_of_the_oldest():
    """At most `limit` wait; each that goes is a dead letter, and all are accounted for."""
    ground = SimulatedGround()
    book: list[int] = []
    wanted = Subscription("billing", slow=SlowPolicy(10, Slow.DROP_OLDEST))
    tree = market(child(Billing, book, ">", wanted, kwargs={"slowness": 1.0}, id="billing"))

    async def main() -> None:
        async with System(tree, ground=ground) as system:
            await system.ask("shop", numbers(0))
            await asyncio.sleep(0.1)
            await system.ask("shop", numbers(*range(1, 31)))
            await asyncio.sleep(60.0)
            letters = system.dead_letters.list("reason=*slow*")
            assert [one.envelope.message.n for one in letters] == list(range(1, 21))

    ground.play(main())
    assert book == [0, *range(21, 31)]
    assert ground.account().balanced


def test_publishers_wait_for_a_subscriber_that_wants_them_to():
    """With `WAIT` at most `limit` are ahead of it."""
    ground = SimulatedGround()
    book: list[int] = []
    wanted = Subscription("billing", slow=SlowPolicy(5, Slow.WAIT))
    tree = market(child(Billing, book, ">", wanted, kwargs={"slowness": 1.0}, id="billing"))

    async def main() -> None:
        async with System(tree, ground=ground, store="memory:") as system:
            published = []
            for n in range(20):
                await system.publish(Placed(n), topic="a", durable=True)
                published.append(ground.clock())
                assert n - len(book) <= 6
            assert published[4] < 0.5
            assert published[19] > 13.0
            await asyncio.sleep(20.0)

    ground.play(main(), limit=10_000)
    assert book == list(range(20))


def test_one_agent_at_a_time_has_a_subscription(play):
    """A second one is refused by name; its place is free once it is unsubscribed."""

    class Leaves(Billing):
        @handles
        async def leave(self, order: Publish) -> Offsets:
            return Offsets((int(await self.unsubscribe_durable("billing")),))

    async def scenario(system):
        assert (await system.ask("first", numbers())).numbers == (1,)
        assert (await system.ask("first", numbers())).numbers == (0,)
        assert await system.topics.subscriptions() == {}

    play(market(child(Leaves, [], id="first")), scenario)
    with pytest.raises(Exception, match="belongs to"):
        play(market(child(Billing, [], id="a"), child(Billing, [], id="b")), scenario)


def test_another_system_takes_a_subscription_over():
    """The first is told, delivers no more, and publishes on."""
    books: list[list[int]] = [[], []]
    heard: list[Any] = []

    async def main() -> None:
        store = MemoryStore(lambda: 0.0)
        first = System(market(child(Billing, books[0], id="billing")), store=store)
        second = System(market(child(Billing, books[1], id="billing")), store=store)
        async with first:
            first.listen(lambda e: heard.append(e) if isinstance(e, SubscriptionLost) else None)
            await first.ask("shop", numbers(1))
            await handled(store.topics, 1)
            async with second:
                await second.ask("shop", numbers(2))
                await comes(lambda: books[1] == [2])
                await first.ask("shop", numbers(3))
                await comes(lambda: heard)

    asyncio.run(main())
    assert heard == [SubscriptionLost("billing", "/t/billing")]
    assert books[0][0] == 1


def test_what_the_contract_does_not_name_is_put_away(play, until):
    """It cannot be read here: a dead letter at once, and the next one comes."""
    book: list[int] = []

    async def scenario(system):
        await system.publish(Paid(1), topic="orders.eu", durable=True)
        await system.publish(Placed(2), topic="orders.eu", durable=True)
        await until(lambda: book)
        (letter,) = system.dead_letters
        assert letter.reason == "cannot be read"
        assert letter.envelope.message.name == "orders.Paid/1"

    play(market(child(Billing, book, id="billing")), scenario)
    assert book == [2]


def test_a_handler_for_everything_cannot_subscribe_durably(play):
    """It names no classes, so nobody could read the journal for it."""

    class Anything(Agent):
        @handles
        def all(self, event: object) -> None:
            self.subscribe(">", durable="all")

    async def scenario(system):
        with pytest.raises(AskFailed, match="name their message classes"):
            await system.ask("one", Placed(1))

    play(market(child(Anything, id="one")), scenario)


def test_a_store_that_fails_for_a_while_only_delays():
    """Begin and reading are tried again; nothing is missed, nothing falls out of order."""
    ground = SimulatedGround()
    book: list[int] = []

    async def main() -> None:
        store = MemoryStore(ground.clock)
        async with System(market(), ground=ground, store=store) as system:
            await system.ask("shop", numbers(1, 2))
            store._problem = "the disk is away"
            await operate(system.ref("/t")).start_child(child(Billing, book, id="billing"))
            await asyncio.sleep(3.0)
            assert book == []
            store._problem = ""
            await asyncio.sleep(3.0)
            assert book == [1, 2]
            store._problem = "the disk is away"
            with pytest.raises(AskFailed, match="away"):
                await system.ask("shop", numbers(3))
            store._problem = ""
            await system.ask("shop", numbers(4))
            await asyncio.sleep(3.0)

    ground.play(main())
    assert book == [1, 2, 4]


def test_a_full_mailbox_delays_and_drops_nothing():
    """What waits for room waits in order, also where the mailbox would refuse others."""
    ground = SimulatedGround()
    book: list[int] = []
    wanted = Subscription("billing", policy=Durable(max_in_flight=10))
    options = {"slowness": 1.0}
    one = child(Billing, book, ">", wanted, kwargs=options, id="billing", mailbox=1, overflow=FAIL)

    async def main() -> None:
        async with System(market(one), ground=ground) as system:
            await system.ask("shop", numbers(*range(20)))
            await asyncio.sleep(60.0)
            assert len(system.dead_letters) == 0

    ground.play(main())
    assert book == list(range(20))


def test_policies_that_no_durable_subscriber_can_have_are_refused():
    """The error says which there are."""
    with pytest.raises(SpecError, match=r"Slow\.PARK"):
        Subscription("x", slow=SlowPolicy(1, Slow.DISCONNECT))


class CountingDisk:
    """A slow disk that notes what had happened when each record came."""

    def __init__(self, ground: SimulatedGround, look: Callable[[], Any]) -> None:
        self.kept: list[bytes] = []
        self.seen: list[Any] = []
        self._ground = ground
        self._look = look

    def append(self, record: bytes) -> None:
        self.kept.append(record)
        self.seen.append(self._look())

    def sync(self, done: Callable[[OSError | None], None]) -> None:
        self._ground.after(0.05, done, None)

    def records(self) -> Iterable[bytes]:
        return list(self.kept)


def test_the_place_never_runs_ahead_of_what_was_done():
    """Whatever record is the last one: what lies before the place was handled or is a letter."""
    ground = SimulatedGround()
    book: list[int] = []
    wanted = Subscription("billing", policy=Durable(max_in_flight=1, max_failures=1))
    poison = dict.fromkeys((2, 3, 5, 6, 7), 1)
    tree = market(child(Billing, book, ">", wanted, poison, id="billing"))
    disk = CountingDisk(ground, lambda: set(book))

    async def main() -> None:
        store = MemoryStore(ground.clock, disk=disk)
        async with System(tree, ground=ground, store=store) as system:
            await system.ask("shop", numbers(*range(1, 10)))
            await asyncio.sleep(30.0)

    ground.play(main())
    assert book == [1, 4, 8, 9]
    places = set()
    for cut, handled in enumerate(disk.seen, 1):
        left = CountingDisk(ground, list)
        left.kept = disk.kept[:cut]
        store = MemoryStore(ground.clock, disk=left)
        letters = store.log("dead-letters").scan().result()
        put_away = {one.data["message"]["data"]["n"] for one in letters}
        place = store.topics.cursor("billing").result()
        assert set(range(1, place + 1)) <= handled | put_away
        places.add(place)
    assert max(places) == 9


@settings(max_examples=25)
@given(
    crashes=st.dictionaries(st.integers(0, 9), st.integers(1, 4), max_size=4),
    window=st.integers(1, 4),
    stops=st.lists(st.floats(0.001, 0.3), max_size=3),
)
def test_each_entry_is_handled_or_a_dead_letter_whatever_crashes(crashes, window, stops):
    """Over crashes and stops of the subscriber; one at a time, the order holds as well."""
    ground = SimulatedGround()
    book: list[int] = []
    policy = Durable(max_in_flight=window, max_failures=3, backoff=Backoff(0.01, 0.02))
    wanted = Subscription("billing", policy=policy)
    one = child(Billing, book, ">", wanted, dict(crashes), 0.01, id="billing")

    async def main() -> None:
        async with System(market(one), ground=ground, store="memory:") as system:
            operator = operate(system.ref("/t"))
            await system.ask("shop", numbers(*range(10)))
            for delay in stops:
                await asyncio.sleep(delay)
                await operator.stop_child("billing")
                await operator.restart_child("billing")
            await asyncio.sleep(100.0)
            letters = {each.envelope.message.n for each in system.dead_letters}
            assert set(book) | letters == set(range(10))
            assert letters <= set(crashes)
            assert system.store is not None
            assert await system.store.topics.cursor("billing") == 10
            assert await system.store.state("topic-failures").list() == []

    ground.play(main())
    if window == 1:
        assert sorted(book) == book
