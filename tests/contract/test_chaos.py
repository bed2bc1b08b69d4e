"""Chaos plans carried out, on every ground: each fault does what it says, and nothing is lost."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest
from loguru import logger

from harmonium import (
    FAIL,
    Agent,
    AskFailed,
    AskTimeout,
    Chaos,
    FaultInjector,
    System,
    child,
    handles,
    supervisor,
)
from harmonium.actors.chaos import FaultInjected
from harmonium.actors.slow_store import SlowStore
from harmonium.actors.store import MemoryStore
from harmonium.protocols.chaos import Fault
from harmonium.protocols.errors import AgentDead, StoreError
from harmonium.supervisors.shutdown import StopLimits
from tests.contract.agents import Answer, Note


def shop(*children: Any, **options: Any) -> Any:
    return supervisor("t", children=children, **({"max_restarts": 1000, "within": 1.0} | options))


class Book(Agent):
    """Writes each note down, in one of four ways."""

    def __init__(self, book: list[int]) -> None:
        self.book = book

    def write(self, note: Note) -> Answer:
        self.book.append(note.n)
        return Answer(note.n)

    @handles
    def note(self, note: Note) -> Answer:
        return self.write(note)


class AsyncBook(Book):
    @handles
    async def note(self, note: Note) -> Answer:
        await self.sleep(0)
        return self.write(note)


class BlockingBook(Book):
    @handles(blocking=True)
    def note(self, note: Note) -> Answer:
        return self.write(note)


BOOKS = pytest.mark.parametrize("book_of", [Book, AsyncBook, BlockingBook])


async def attach(system: Any, text: str, seed: int = 0) -> FaultInjector:
    injector = FaultInjector(system.ground, Chaos.parse(text, seed=seed))
    await system.call(lambda ground: injector.attach())
    return injector


async def results(system: Any, count: int, **options: Any) -> list[Any]:
    asks = [system.ask("a", Note(n), **({"timeout": 30} | options)) for n in range(count)]
    return list(await asyncio.gather(*asks, return_exceptions=True))


@BOOKS
def test_a_crash_falls_before_or_after_the_effect(play, book_of):
    """About half on each side; every asker hears of its own crash."""
    book: list[int] = []

    async def scenario(system):
        await attach(system, "crash=0.5", seed=3)
        found = await results(system, 60)
        crashed = [r for r in found if isinstance(r, AskFailed)]
        assert {r.error_type for r in crashed} == {"InjectedCrash"}
        assert 15 < len(crashed) < 45
        after = [r for r in crashed if "after" in r.text]
        assert 0 < len(after) < len(crashed)
        assert len(book) == 60 - len(crashed) + len(after)

    play(shop(child(book_of, book, id="a")), scenario)


@BOOKS
def test_a_delay_keeps_the_order(play, book_of):
    """Who waits holds up the mail behind it, and nobody else."""
    book: list[int] = []

    async def scenario(system):
        started = system.ground.clock()
        await attach(system, "delay[a]=40ms")
        found = await results(system, 5)
        assert found == [Answer(n) for n in range(5)]
        assert system.ground.clock() - started > 0.02

    play(shop(child(book_of, book, id="a")), scenario)
    assert book == list(range(5))


@BOOKS
def test_a_hang_lasts_its_time_or_until_somebody_ends_it(play, book_of):
    """With a length the message is handled after it; without one its agent's stop ends it."""
    book: list[int] = []

    async def scenario(system):
        injector = await attach(system, "hang=1.0:50ms")
        assert await system.ask("a", Note(1)) == Answer(1)
        await system.call(lambda ground: injector.detach())
        await attach(system, "hang=1")
        with pytest.raises(AskTimeout):
            await system.ask("a", Note(2), timeout=0.1)

    play(shop(child(book_of, book, id="a", shutdown=0.1)), scenario, limits=StopLimits(0.05))
    assert book == [1]


@BOOKS
def test_a_kill_ends_the_agent_on_its_nth_message(play, book_of):
    """Its asker hears `AgentDead` at once; the mail behind it goes to the next incarnation."""
    book: list[int] = []

    async def scenario(system):
        await attach(system, "kill=a:3")
        found = await results(system, 6)
        assert [type(r) for r in found] == [Answer, Answer, AgentDead, Answer, Answer, Answer]
        assert system.restarts == 1

    play(shop(child(book_of, book, id="a")), scenario)
    assert book == [0, 1, 3, 4, 5]


def test_a_drop_is_a_dead_letter_and_its_asker_hears_nothing(play):
    """As on a network: only the deadline tells."""
    book: list[int] = []

    async def scenario(system):
        await attach(system, "drop=0.5", seed=1)
        found = await results(system, 20, timeout=0.2)
        lost = [r for r in found if isinstance(r, AskTimeout)]
        assert 3 < len(lost) < 17
        assert len(book) == 20 - len(lost)

    system = play(shop(child(Book, book, id="a")), scenario)
    assert {letter.reason for letter in system.dead_letters} == {"dropped by chaos"}


@BOOKS
def test_a_duplicate_is_handled_twice_and_answered_once(play, book_of, until):
    """Both copies are in the account; the asker gets one answer."""
    book: list[int] = []

    async def scenario(system):
        injector = await attach(system, "duplicate=0.5", seed=2)
        found = await results(system, 20)
        assert found == [Answer(n) for n in range(20)]
        await until(lambda: system.account().in_flight == 0)
        assert len(book) == 20 + injector.injected["duplicate"]
        assert injector.injected["duplicate"] > 3

    play(shop(child(book_of, book, id="a")), scenario)


def test_a_duplicate_that_finds_no_room_was_never_sent(play):
    """A full mailbox does not crash whoever is being handled."""
    book: list[int] = []

    async def scenario(system):
        await attach(system, "duplicate=1")
        await results(system, 10)

    play(shop(child(AsyncBook, book, id="a", mailbox=2, overflow=FAIL)), scenario)
    assert book


def test_only_the_agents_times_and_rates_of_the_plan(play):
    """A glob limits a fault to agents, a window to a time."""
    one: list[int] = []
    two: list[int] = []

    async def scenario(system):
        injector = await attach(system, "crash[b]=1,crash[a]=1@0.2s..")
        assert await results(system, 3) == [Answer(n) for n in range(3)]
        with pytest.raises(AskFailed):
            await system.ask("b", Note(0))
        await asyncio.sleep(0.25)
        with pytest.raises(AskFailed):
            await system.ask("a", Note(0))
        await system.call(lambda ground: injector.detach())
        assert await system.ask("b", Note(7)) == Answer(7)

    play(shop(child(Book, one, id="a"), child(Book, two, id="b")), scenario)


def test_each_fault_is_logged_with_the_request_it_touched(play, until):
    """The log line and the event carry path, rule, message and correlation id."""
    heard: list[Any] = []
    lines: list[Any] = []

    async def scenario(system):
        logger.enable("harmonium")
        sink = logger.add(lines.append, level="INFO", format="{message}")
        try:
            system.listen(heard.append)
            await attach(system, "crash=1,duplicate=1", seed=5)
            with pytest.raises(AskFailed):
                await system.ask("a", Note(1), correlation_id="order-7")
            await until(lambda: system.account().in_flight == 0)
        finally:
            logger.remove(sink)
            logger.disable("harmonium")

    play(shop(child(Book, [], id="a")), scenario)
    faults = [event for event in heard if isinstance(event, FaultInjected)]
    assert {fault.fault for fault in faults} == {Fault.CRASH, Fault.DUPLICATE}
    assert {fault.correlation_id for fault in faults} == {"order-7"}
    assert {(fault.path, fault.message) for fault in faults} == {("/t/a", "Note")}
    records = [line.record for line in lines if line.record["message"].startswith("chaos: ")]
    assert len(records) == len(faults)
    assert {record["extra"]["correlation_id"] for record in records} == {"order-7"}
    assert {record["extra"]["path"] for record in records} == {"/t/a"}


def test_the_same_seed_gives_the_same_faults(play):
    """To the n-th message of an agent, in whatever order agents run."""
    found: list[list[Any]] = []

    async def scenario(system):
        system.listen(lambda event: None)
        await attach(system, "crash=0.3,drop=0.1", seed=11)
        answers = []
        for n in range(30):
            ask = system.ask("a", Note(n), timeout=0.05)
            answers += await asyncio.gather(ask, return_exceptions=True)
        found.append([type(answer).__name__ for answer in answers])

    for _ in range(2):
        play(shop(child(Book, [], id="a")), scenario)
    assert found[0] == found[1]
    assert Counter(found[0])["AskFailed"] > 3


def test_a_mixture_of_all_faults_loses_no_message(play):
    """Every message has its fate, and every asker hears."""
    tree = shop(
        *(child(cls, [], id=cls.__name__) for cls in (Book, AsyncBook, BlockingBook)),
    )

    async def scenario(system):
        plan = "crash=0.1,delay=2ms:0.2,kill=0.02,drop=0.05,duplicate=0.2,hang=0.02:5ms"
        injector = await attach(system, plan, seed=9)
        asks = [
            system.ask(name, Note(n), timeout=1.0)
            for n in range(60)
            for name in ("Book", "AsyncBook", "BlockingBook")
        ]
        answers = await asyncio.gather(*asks, return_exceptions=True)
        kinds = (Answer, AskFailed, AgentDead, AskTimeout)
        assert all(isinstance(answer, kinds) for answer in answers)
        faults = {"crash", "delay", "kill", "drop", "duplicate", "hang"}
        assert set(injector.injected) == faults

    play(tree, scenario)


class Keeper(Agent):
    """Writes into the store of its system."""

    @handles
    async def note(self, note: Note) -> Answer:
        store = self._cell.ground.store
        await store.state("notes").put(str(note.n), note.n)
        found = await store.state("notes").get(str(note.n))
        return Answer(found.data)


def test_a_slow_store_is_late_for_the_agents_of_the_plan(play):
    """Two operations of up to a second each; the value is the same, and so is an error."""

    async def scenario(system):
        heard: list[Any] = []
        system.listen(heard.append)
        injector = await attach(system, "slow_store[a]=0.2s", seed=4)
        started = system.ground.clock()
        assert await system.ask("a", Note(1), correlation_id="r") == Answer(1)
        assert 0.03 < system.ground.clock() - started < 2.0
        assert injector.injected["slow_store"] == 2
        assert [(event.fault, event.correlation_id) for event in heard] == [
            (Fault.SLOW_STORE, "r")
        ] * 2
        assert await system.ask("b", Note(2)) == Answer(2)
        assert injector.injected["slow_store"] == 2
        assert isinstance(system.ground.store, SlowStore)
        await system.call(lambda ground: injector.detach())
        assert system.ground.store is store

    store = MemoryStore(lambda: 0.0)
    play(shop(child(Keeper, id="a"), child(Keeper, id="b")), scenario, store=store)
    store.close()


def test_an_error_of_a_slow_store_comes_late_too(play):
    """It is the store's own."""

    class Conflict(Agent):
        @handles
        async def note(self, note: Note) -> Answer:
            try:
                await self._cell.ground.store.state("notes").delete("x", revision=7)
            except StoreError:
                return Answer(7)
            return Answer(0)

    async def scenario(system):
        await attach(system, "slow_store=0.01s")
        await system.call(lambda ground: ground.store.state("notes").put("x", 1))
        assert await system.ask("a", Note(1)) == Answer(7)

    store = MemoryStore(lambda: 0.0)
    play(shop(child(Conflict, id="a")), scenario, store=store)
    store.close()


def test_what_a_slow_store_holds_back_is_given_at_the_end():
    """Who waits in a plain thread hears also when the clock of the agents stops."""
    store = MemoryStore(lambda: 0.0)
    held: list[Any] = []

    class Holding(Agent):
        @handles
        def note(self, note: Note) -> Answer:
            held.append(self._cell.ground.store.state("notes").get("x"))
            return Answer(note.n)

    with System(shop(child(Holding, id="a")), store=store) as system:
        injector = FaultInjector(system.ground, Chaos.parse("slow_store=1h"))
        system.call(lambda ground: injector.attach()).result(5)
        system.ask("a", Note(1)).result(5)
    assert held[0].result(5) is None
    store.close()


def test_a_slow_store_without_a_store_is_said(play):
    """A plan that cannot do anything does not pass in silence."""
    lines: list[Any] = []

    async def scenario(system):
        logger.enable("harmonium")
        sink = logger.add(lines.append, level="WARNING", format="{message}")
        try:
            await attach(system, "slow_store=1s")
        finally:
            logger.remove(sink)
            logger.disable("harmonium")
        assert await system.ask("a", Note(1)) == Answer(1)

    play(shop(child(Book, [], id="a")), scenario)
    assert any("has no store" in str(line) for line in lines)
