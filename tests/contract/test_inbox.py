"""Idempotent handlers, on every ground: one effect for each key, the same answer for all."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from random import Random
from typing import Any

import pytest

from harmonium import (
    TEMPORARY,
    Agent,
    AskFailed,
    AskTimeout,
    Chaos,
    ContractError,
    FaultInjector,
    child,
    handles,
    message,
    supervisor,
)
from harmonium.actors import burying
from harmonium.actors.store import PutItem
from harmonium.actors.store.memory import MemoryStore
from harmonium.protocols.errors import AgentDead, HandlerError, Unavailable
from harmonium.protocols.reliability import InboxPolicy, Policy, RetryPolicy


@message
class Pay:
    """Charge an order."""

    order: str
    amount: int = 1


@message
class Paid:
    """The number of the charge."""

    number: int


@message
class Other:
    """Anything else for the same agent."""


def shop(*children: Any, **options: Any) -> Any:
    defaults = {"max_restarts": 100_000, "within": 1.0}
    return supervisor("t", children=children, **(defaults | options))


class Till(Agent):
    """Writes each effect into a book that outlives it; crashes as its script says."""

    def __init__(self, book: list[str], crashes: list[str] | None = None) -> None:
        self.book = book
        self.crashes = [] if crashes is None else crashes

    @handles(idempotent=True)
    def pay(self, pay: Pay) -> Paid:
        if self.crashes and self.crashes.pop(0) == "crash":
            raise OSError("no power")
        self.book.append(pay.order)
        return Paid(len(self.book))


async def ask_all(system: Any, order: str, times: int, **options: Any) -> list[Any]:
    asks = [
        system.ask("till", Pay(order), idempotency_key=order, timeout=30, **options)
        for _ in range(times)
    ]
    return list(await asyncio.gather(*asks, return_exceptions=True))


def test_a_repeated_request_is_one_request(play):
    """The effect happens once, and later repeats get the kept answer."""
    book: list[str] = []

    async def scenario(system):
        assert await ask_all(system, "a", 5) == [Paid(1)] * 5
        assert await ask_all(system, "b", 5) == [Paid(2)] * 5
        assert await ask_all(system, "a", 5) == [Paid(1)] * 5

    play(shop(child(Till, book, id="till")), scenario)
    assert book == ["a", "b"]


def test_without_a_key_nothing_is_a_repeat(play):
    """A message without a key is handled each time, also behind one that has a key."""
    book: list[str] = []

    async def scenario(system):
        await system.ask("till", Pay("a"), idempotency_key="k")
        for _ in range(3):
            await system.ask("till", Pay("a"))

    play(shop(child(Till, book, id="till")), scenario)
    assert book == ["a"] * 4


def test_a_field_can_be_the_key(play):
    """With `idempotent="order"` the order is the key, whatever else the message says."""
    book: list[str] = []

    class ByOrder(Agent):
        @handles(idempotent="order")
        def pay(self, pay: Pay) -> Paid:
            book.append(pay.order)
            return Paid(pay.amount)

    async def scenario(system):
        assert await system.ask("till", Pay("a", 5)) == Paid(5)
        assert await system.ask("till", Pay("a", 6), idempotency_key="other") == Paid(5)
        assert await system.ask("till", Pay("b", 7)) == Paid(7)

    play(shop(child(ByOrder, id="till")), scenario)
    assert book == ["a", "b"]


def test_a_key_that_is_used_for_two_requests_is_refused(play):
    """The second one hears what is wrong, and is a dead letter."""

    async def scenario(system):
        await system.ask("till", Pay("a"), idempotency_key="k")
        with pytest.raises(ContractError, match="another request"):
            await system.ask("till", Pay("b"), idempotency_key="k")

    system = play(shop(child(Till, [], id="till")), scenario)
    letter = next(iter(system.dead_letters))
    assert letter.reason == "the key belongs to another request"
    assert letter.envelope.idempotency_key == "k"


KINDS = ("sync", "async", "reentrant", "blocking", "deferred")


def till_of(kind: str, book: list[str], moods: Random, rate: float = 0.3) -> type[Agent]:  # noqa: C901 - five small classes
    """A till whose handler is of this kind and crashes now and then, before its effect."""

    def effect(pay: Pay) -> Paid:
        book.append(pay.order)
        return Paid(int(pay.order))

    def shaky() -> None:
        if moods.random() < rate:
            raise OSError("no power")

    forever = InboxPolicy(runs=1000)

    class Sync(Agent):
        @handles(idempotent=True, inbox=forever)
        def pay(self, pay: Pay) -> Paid:
            shaky()
            return effect(pay)

    class Async(Agent):
        @handles(idempotent=True, inbox=forever)
        async def pay(self, pay: Pay) -> Paid:
            shaky()
            await self.sleep(0)
            shaky()
            return effect(pay)

    class Reentrant(Agent):
        @handles(idempotent=True, reentrant=True, inbox=forever)
        async def pay(self, pay: Pay) -> Paid:
            await self.sleep(0)
            shaky()
            await self.sleep(0)
            return effect(pay)

    class Blocking(Agent):
        @handles(idempotent=True, blocking=True, inbox=forever)
        def pay(self, pay: Pay) -> Paid:
            shaky()
            return effect(pay)

    class Deferred(Agent):
        def __init__(self) -> None:
            self.owed: list[Any] = []

        @handles(idempotent=True, inbox=forever)
        def pay(self, pay: Pay) -> Paid | None:
            self.owed.append((self.defer(), pay))
            self.tell(self.ref, Other())
            return None

        @handles
        def other(self, other: Other) -> None:
            shaky()
            deferred, pay = self.owed.pop(0)
            deferred.reply(effect(pay))

    found = {"sync": Sync, "async": Async, "reentrant": Reentrant, "blocking": Blocking}
    return (found | {"deferred": Deferred})[kind]


@pytest.mark.parametrize("kind", KINDS)
def test_fifty_duplicates_with_crashes_inside_the_handler(play, kind):
    """One effect for each request and the same answer to all 50 askers, however it is handled."""
    book: list[str] = []
    orders = [str(n) for n in range(20)]
    till = till_of(kind, book, Random(5))

    async def scenario(system):
        asks = {
            order: [
                system.ask("till", Pay(order), idempotency_key=order, timeout=60) for _ in range(50)
            ]
            for order in orders
        }
        for order, all_of_it in asks.items():
            assert set(await asyncio.gather(*all_of_it)) == {Paid(int(order))}
        assert system.restarts > 0

    play(shop(child(till, id="till", mailbox=100_000)), scenario)
    assert Counter(book) == Counter(orders)


def test_a_thousand_requests_fifty_times_each(play):
    """The size that the runtime is judged by: 50,000 requests, 1,000 effects."""
    book: list[str] = []
    orders = [str(n) for n in range(1000)]
    till = till_of("async", book, Random(7), rate=0.05)
    order_of_asks = [order for order in orders for _ in range(50)]
    Random(3).shuffle(order_of_asks)

    async def scenario(system):
        answers = await asyncio.gather(
            *(
                system.ask("till", Pay(order), idempotency_key=order, timeout=600)
                for order in order_of_asks
            )
        )
        got: dict[str, set[Any]] = {}
        for order, answer in zip(order_of_asks, answers, strict=True):
            got.setdefault(order, set()).add(answer)
        assert got == {order: {Paid(int(order))} for order in orders}
        assert system.restarts > 50

    play(shop(child(till, id="till", mailbox=100_000)), scenario)
    assert Counter(book) == Counter(orders)


def test_when_all_runs_failed_all_who_wait_hear_it_and_the_key_is_free(play):
    """Three runs, one failure for everybody; a later request with the key is a new one."""
    book: list[str] = []

    async def scenario(system):
        answers = await ask_all(system, "a", 1)
        assert [type(answer) for answer in answers] == [AskFailed]
        assert "no power" in str(answers[0])
        assert await ask_all(system, "a", 2) == [Paid(1)] * 2

    play(shop(child(Till, book, ["crash"] * 3, id="till")), scenario)
    assert book == ["a"]


def test_one_run_with_its_failure_kept_is_at_most_once(play):
    """`InboxPolicy(runs=1)`: whatever happened, the effect is not tried again."""
    runs: list[str] = []

    class Once(Agent):
        @handles(idempotent=True, inbox=InboxPolicy(runs=1))
        def pay(self, pay: Pay) -> Paid:
            runs.append(pay.order)
            raise OSError("in doubt")

    async def scenario(system):
        for _ in range(3):
            answers = await ask_all(system, "a", 2)
            assert [type(answer) for answer in answers] == [AskFailed] * 2

    play(shop(child(Once, id="till")), scenario)
    assert runs == ["a"]


def test_an_answer_given_with_the_effect_outlives_the_crash_after_it(play):
    """`self.reply` ends the run: a crash behind it repeats nothing."""
    book: list[str] = []

    class Early(Agent):
        @handles(idempotent=True)
        async def pay(self, pay: Pay) -> Paid:
            book.append(pay.order)
            self.reply(Paid(len(book)))
            await self.sleep(0)
            raise OSError("after the effect")

    async def scenario(system):
        assert await ask_all(system, "a", 10) == [Paid(1)] * 10

    play(shop(child(Early, id="till")), scenario)
    assert book == ["a"]


def test_a_retry_policy_and_an_idempotent_handler_make_it_once(play):
    """The repetitions of an ask carry its key: one that came late is no second effect."""
    book: list[str] = []

    class Slow(Agent):
        @handles(idempotent=True, reentrant=True)
        async def pay(self, pay: Pay) -> Paid:
            await self.sleep(0.25)
            book.append(pay.order)
            return Paid(len(book))

    async def scenario(system):
        policy = Policy(timeout=20.0, attempt_timeout=0.1, retry=RetryPolicy(20, backoff=None))
        assert await system.ask("till", Pay("a"), policy=policy) == Paid(1)

    play(shop(child(Slow, id="till")), scenario)
    assert book == ["a"]


def test_duplicates_of_tells_are_dropped_too(play, until):
    """Who wants no answer gets one effect as well."""
    book: list[str] = []

    class ByOrder(Till):
        @handles(idempotent="order")
        def pay(self, pay: Pay) -> Paid:
            return Till.pay(self, pay)

    async def scenario(system):
        for _ in range(10):
            system.tell("till", Pay("a"))
        await until(lambda: system.account().in_flight == 0)

    play(shop(child(ByOrder, book, ["crash", "crash"], id="till")), scenario)
    assert book == ["a"]


def test_what_happens_when_the_inbox_is_full(play):
    """The oldest answer goes first; when all keys are in work, a new one is refused."""
    book: list[str] = []
    gate = asyncio.Event()

    class Small(Agent):
        @handles(idempotent=True, reentrant=True, inbox=InboxPolicy(max_entries=2, max_waiters=3))
        async def pay(self, pay: Pay) -> Paid:
            while pay.amount > 1 and not gate.is_set():
                await self.sleep(0.001)
            book.append(pay.order)
            return Paid(1)

    async def scenario(system):
        for order in ("a", "b", "c", "c", "b", "a"):
            await system.ask("till", Pay(order), idempotency_key=order)
        assert book == ["a", "b", "c", "a"]
        slow = [system.ask("till", Pay(o, 2), idempotency_key=o, timeout=60) for o in "xy"]
        with pytest.raises(Unavailable, match="in work"):
            await system.ask("till", Pay("z"), idempotency_key="z")
        slow += [system.ask("till", Pay("x", 2), idempotency_key="x") for _ in range(2)]
        with pytest.raises(Unavailable, match="too many duplicates"):
            await system.ask("till", Pay("x", 2), idempotency_key="x")
        gate.set()
        assert await asyncio.gather(*slow) == [Paid(1)] * 4

    play(shop(child(Small, id="till")), scenario)


def test_an_answer_is_kept_for_its_time(play):
    """After it, the key is as new."""
    book: list[str] = []

    class Forgetful(Till):
        @handles(idempotent=True, inbox=InboxPolicy(keep_for=0.05))
        def pay(self, pay: Pay) -> Paid:
            return Till.pay(self, pay)

    async def scenario(system):
        await ask_all(system, "a", 2)
        await asyncio.sleep(0.1)
        await ask_all(system, "a", 2)

    play(shop(child(Forgetful, book, id="till")), scenario)
    assert book == ["a", "a"]


def test_who_waits_for_an_agent_that_ends_hears_it(play, until):
    """The requests that waited aside are dead letters, and their askers hear `AgentDead`."""

    class Never(Agent):
        @handles(idempotent=True, reentrant=True)
        async def pay(self, pay: Pay) -> Paid:
            await self.sleep(1000)
            return Paid(0)

        @handles(reentrant=True)
        async def other(self, other: Other) -> None:
            self.stop()

    async def scenario(system):
        asks = [system.ask("till", Pay("a"), idempotency_key="a", timeout=60) for _ in range(3)]
        await until(lambda: len(system.ref("till")._cell.more.aside) == 3)
        await system.call(lambda ground: kill(system.ref("till")._cell))
        answers = await asyncio.gather(*asks, return_exceptions=True)
        assert [type(answer) for answer in answers] == [AgentDead] * 3

    def kill(cell: Any) -> None:
        burying.kill(cell)
        burying.bury(cell)

    play(shop(child(Never, id="till", restart=TEMPORARY)), scenario)


def test_an_asker_that_gave_up_takes_nothing_from_the_others(play):
    """The run is good for as long as anybody waits."""
    book: list[str] = []

    class Slow(Agent):
        @handles(idempotent=True, reentrant=True)
        async def pay(self, pay: Pay) -> Paid:
            await self.sleep(0.1)
            book.append(pay.order)
            return Paid(len(book))

    async def scenario(system):
        first = system.ask("till", Pay("a"), idempotency_key="a", timeout=0.02)
        second = system.ask("till", Pay("a"), idempotency_key="a", timeout=60)
        with pytest.raises(AskTimeout):
            await first
        assert await second == Paid(1)

    play(shop(child(Slow, id="till")), scenario)
    assert book == ["a"]


@pytest.mark.parametrize("kind", ["sync", "async", "blocking"])
def test_every_local_fault_leaves_one_effect(play, kind):
    """Duplicates, drops, delays, crashes before the effect and kills: never twice, and all hear."""
    book: list[str] = []
    till = till_of(kind, book, Random(5), rate=0.0)

    async def scenario(system):
        plan = Chaos.parse("duplicate=0.3,drop=0.1,delay=1ms:0.2", seed=4)
        await system.call(lambda ground: FaultInjector(ground, plan).attach())
        for n in range(40):
            answers = await asyncio.gather(
                *(
                    system.ask("till", Pay(str(n)), idempotency_key=str(n), timeout=30)
                    for _ in range(3)
                )
            )
            assert set(answers) == {Paid(n)}

    play(shop(child(till, id="till")), scenario)
    assert Counter(book) == {str(n): 1 for n in range(40)}


# -- with a store


def test_keys_in_the_store_hold_across_processes(play):
    """A system that starts on the same store gives the answers of the one before it."""
    book: list[str] = []
    store = MemoryStore(time.monotonic)

    async def scenario(system):
        assert await ask_all(system, "a", 3) == [Paid(1)] * 3

    for _ in range(2):
        play(shop(child(Till, book, id="till")), scenario, store=store)
    store.close()
    assert book == ["a"]


@pytest.mark.parametrize("kind", KINDS)
def test_duplicates_with_crashes_and_a_store(play, kind):
    """The same truth when the keys are in a store."""
    book: list[str] = []
    orders = [str(n) for n in range(10)]
    till = till_of(kind, book, Random(5))
    store = MemoryStore(time.monotonic)

    async def scenario(system):
        answers = await asyncio.gather(
            *(
                system.ask("till", Pay(order), idempotency_key=order, timeout=60)
                for order in orders * 20
            )
        )
        assert answers == [Paid(int(order)) for order in orders * 20]

    play(shop(child(till, id="till", mailbox=100_000)), scenario, store=store)
    store.close()
    assert Counter(book) == Counter(orders)


def test_a_claim_that_a_dead_process_left_is_taken_over_when_it_has_run_out(play):
    """Until then the request waits; it is not run beside one that may still be at work."""
    book: list[str] = []
    clock = [time.monotonic]
    store = MemoryStore(lambda: clock[0]())  # noqa: PLW0108 - it changes

    class Patient(Till):
        @handles(idempotent=True, inbox=InboxPolicy(claim_for=0.3))
        def pay(self, pay: Pay) -> Paid:
            return Till.pay(self, pay)

    async def scenario(system):
        clock[0] = system.ground.clock
        scope = "/t/till:" + Pay.__message__.wire_name
        store.idempotency.claim(scope, "a", owner="gone", ttl=0.3).result()
        started = system.ground.clock()
        assert await ask_all(system, "a", 2) == [Paid(1)] * 2
        waited.append(system.ground.clock() - started)

    waited: list[float] = []
    play(shop(child(Patient, book, id="till")), scenario, store=store)
    store.close()
    assert book == ["a"]
    assert waited[0] > 0.25


def test_effect_and_answer_are_durable_together(play):
    """`commit_reply`: after a crash behind it, the effect is in the store once, the answer too."""
    store = MemoryStore(time.monotonic)
    runs: list[str] = []

    class Ledger(Agent):
        @handles(idempotent=True)
        async def pay(self, pay: Pay) -> Paid:
            runs.append(pay.order)
            await self.commit_reply(Paid(7), PutItem("charges", f"{pay.order}/{len(runs)}", "x"))
            raise OSError("after the commit")

    async def scenario(system):
        assert await ask_all(system, "a", 5) == [Paid(7)] * 5
        assert len(store.state("charges").list().result()) == 1

    for _ in range(2):
        play(shop(child(Ledger, id="till")), scenario, store=store)
    store.close()
    assert runs == ["a"]


def test_when_the_store_fails_nothing_is_run(play):
    """A request whose key cannot be claimed fails; without the claim it could be done twice."""
    book: list[str] = []
    store = MemoryStore(time.monotonic)
    lost = MemoryStore(time.monotonic)
    lost.close()

    async def scenario(system):
        system.ground.store = lost
        answers = await ask_all(system, "a", 2)
        assert [answer.error_type for answer in answers] == ["StoreError"] * 2

    play(shop(child(Till, book, id="till")), scenario, store=store)
    store.close()
    assert book == []


def test_options_that_make_no_sense_are_refused_at_definition():
    """The error names the handler and what to do."""
    with pytest.raises(HandlerError, match="no field 'oder'"):

        class Wrong(Agent):
            @handles(idempotent="oder")
            def pay(self, pay: Pay) -> Paid: ...

    with pytest.raises(HandlerError, match="add idempotent=True"):

        class Lonely(Agent):
            @handles(inbox=InboxPolicy())
            def pay(self, pay: Pay) -> Paid: ...

    with pytest.raises(HandlerError, match="answers"):

        class Vague(Agent):
            @handles(idempotent=True)
            def pay(self, pay: Pay) -> object: ...


def test_commit_reply_needs_a_store(play):
    """Without one, the error says what to do."""

    class Ledger(Agent):
        @handles
        async def pay(self, pay: Pay) -> Paid:
            await self.commit_reply(Paid(7))
            return Paid(0)

    async def scenario(system):
        with pytest.raises(AskFailed, match="store="):
            await system.ask("till", Pay("a"))

    play(shop(child(Ledger, id="till")), scenario)
