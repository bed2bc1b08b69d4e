"""Asks under a policy, on every ground: retries, breaker, bulkhead, rate, hedge, deadline."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from harmonium import (
    Agent,
    AskFailed,
    AskTimeout,
    Backoff,
    ContractError,
    Ref,
    System,
    child,
    handles,
    message,
    supervisor,
)
from harmonium.actors.policies import AskRetried, BreakerTurned
from harmonium.protocols.errors import AgentDead, BudgetExceeded, Unavailable, UnknownAgent
from harmonium.protocols.reliability import (
    BreakerPolicy,
    BulkheadPolicy,
    HedgePolicy,
    Phase,
    Policy,
    RateLimit,
    RetryBudget,
    RetryPolicy,
    WorkBudget,
)
from tests.contract.agents import Answer, Note, Unwanted

RETRY = RetryPolicy(5, backoff=Backoff(0.001, 0.002, jitter=0.5))


def shop(*children: Any, **options: Any) -> Any:
    return supervisor("t", children=children, **({"max_restarts": 1000, "within": 1.0} | options))


class Moody(Agent):
    """Fails, sleeps or answers as its script says; the script outlives restarts."""

    def __init__(self, script: list[Any], book: list[int] | None = None) -> None:
        self.script = script
        self.book = [] if book is None else book

    @handles(reentrant=True)
    async def note(self, note: Note) -> Answer:
        self.book.append(note.n)
        mood = self.script.pop(0) if self.script else "good"
        if mood == "bad":
            raise ValueError("bad mood")
        if isinstance(mood, float):
            await self.sleep(mood)
        return Answer(note.n)


@message
class Relay:
    """Ask the agent at this address."""

    to: str
    n: int = 1


class Middle(Agent):
    """Asks on behalf of others, under a policy."""

    def __init__(self, policy: Policy, failures: list[BaseException] | None = None) -> None:
        self.policy = policy
        self.failures = [] if failures is None else failures

    @handles(reentrant=True)
    async def relay(self, relay: Relay) -> Answer | None:
        try:
            return await self.ask(relay.to, Note(relay.n), policy=self.policy)
        except Exception as error:
            self.failures.append(error)
            return None


class Thread(Agent):
    """Asks from a thread of the pool."""

    @handles(blocking=True)
    def relay(self, relay: Relay) -> Answer:
        return self.ask(relay.to, Note(relay.n), policy=Policy(retry=RETRY)).result(10)


def test_a_failed_attempt_is_made_again(play):
    """Three crashes, then an answer; listeners hear of each retry, with the request's id."""
    book: list[int] = []
    heard: list[Any] = []

    async def scenario(system):
        system.listen(heard.append)
        ask = system.ask("a", Note(7), policy=Policy(retry=RETRY), correlation_id="r-1")
        assert await ask == Answer(7)

    play(shop(child(Moody, ["bad"] * 3, book, id="a")), scenario)
    assert book == [7] * 4
    retried = [event for event in heard if isinstance(event, AskRetried)]
    assert [event.attempt for event in retried] == [2, 3, 4]
    assert {event.error for event in retried} == {"ValueError"}
    assert {event.correlation_id for event in retried} == {"r-1"}


@pytest.mark.parametrize("asker", ["ref", "agent", "thread", "address"])
def test_every_way_to_ask_takes_a_policy(play, asker):
    """`Ref.ask`, `self.ask` (also in a blocking handler) and `system.ask` carry it out alike."""
    policy = Policy(retry=RETRY)

    async def scenario(system):
        if asker == "ref":
            answer = await system.ref("a").ask(Note(1), policy=policy)
        elif asker == "address":
            answer = await system.ask("/t/a", Note(1), policy=policy)
        else:
            answer = await system.ask("middle" if asker == "agent" else "thread", Relay("/t/a"))
        assert answer == Answer(1)

    play(
        shop(
            child(Moody, ["bad"] * 2, id="a"),
            child(Middle, policy, id="middle"),
            child(Thread, id="thread"),
        ),
        scenario,
    )


def test_all_attempts_failed(play):
    """The last failure is what the asker hears."""
    book: list[int] = []

    async def scenario(system):
        with pytest.raises(AskFailed, match="bad mood"):
            await system.ask("a", Note(1), policy=Policy(retry=RETRY))

    play(shop(child(Moody, ["bad"] * 9, book, id="a")), scenario)
    assert len(book) == 5


def test_what_no_repetition_mends_is_not_repeated(play):
    """A wrong address and a wrong message are heard at once."""

    async def scenario(system):
        policy = Policy(retry=RetryPolicy(5, backoff=Backoff(100.0, 100.0)))
        with pytest.raises(UnknownAgent):
            await system.ask("nobody", Note(1), policy=policy)
        with pytest.raises(ContractError):
            system.ref("a").ask(Unwanted(), policy=policy)
        with pytest.raises(ContractError):
            system.ask("a", "text", policy=policy)

    play(shop(child(Moody, [], id="a")), scenario)


def test_the_time_of_the_policy_holds_over_all_attempts(play):
    """Its timeout takes the place of the ask's own, and an attempt has one as well."""
    book: list[int] = []
    policy = Policy(timeout=0.3, attempt_timeout=0.1, retry=RetryPolicy(9, backoff=None))

    async def scenario(system):
        started = system.ground.clock()
        with pytest.raises(AskTimeout) as caught:
            await system.ask("a", Note(1), timeout=60.0, policy=policy)
        assert 0.25 < system.ground.clock() - started < 2.0
        assert caught.value.path == "/t/a"
        await asyncio.sleep(0.6)

    play(shop(child(Moody, [0.5] * 9, book, id="a")), scenario)
    assert 2 <= len(book) <= 4


def test_the_deadline_shrinks_from_hop_to_hop(play):
    """A hop keeps five milliseconds for itself, so that its answer still comes in time."""
    seen: list[float] = []

    class Last(Agent):
        @handles
        def note(self, note: Note) -> Answer:
            seen.append(self.deadline or 0.0)
            return Answer(0)

    class First(Agent):
        @handles
        async def relay(self, relay: Relay) -> Answer:
            seen.append(self.deadline or 0.0)
            return await self.ask(relay.to, Note(1), policy=Policy())

    async def scenario(system):
        await system.ask("first", Relay("last"), timeout=1.0)

    play(shop(child(First, id="first"), child(Last, id="last")), scenario)
    assert seen[0] - seen[1] == pytest.approx(0.005)


def test_expired_work_is_dropped_with_the_reason(play, until):
    """What waited in the mailbox past the deadline of its attempt is a dead letter."""
    book: list[int] = []

    class Slow(Agent):
        @handles
        async def note(self, note: Note) -> Answer:
            book.append(note.n)
            await self.sleep(0.2)
            return Answer(note.n)

    async def scenario(system):
        first = system.ask("a", Note(1))
        with pytest.raises(AskTimeout):
            await system.ask("a", Note(2), policy=Policy(timeout=0.05))
        await first
        await until(lambda: len(system.dead_letters) == 1)

    system = play(shop(child(Slow, id="a")), scenario)
    assert book == [1]
    assert [letter.reason for letter in system.dead_letters] == ["expired"]


def test_an_open_breaker_asks_nobody(play):
    """After two failures in a row nobody is asked; after its time one trial decides."""
    book: list[int] = []
    heard: list[Any] = []
    policy = Policy(breaker=BreakerPolicy.consecutive(2, open_for=0.2))

    async def scenario(system):
        system.listen(heard.append)
        for _ in range(2):
            with pytest.raises(AskFailed):
                await system.ask("a", Note(1), policy=policy)
        with pytest.raises(Unavailable, match="circuit breaker") as caught:
            await system.ask("a", Note(2), policy=policy)
        assert caught.value.until > system.ground.clock()
        await asyncio.sleep(0.25)
        asks = [system.ask("a", Note(n), policy=policy) for n in range(10, 20)]
        answers = await asyncio.gather(*asks, return_exceptions=True)
        assert [type(answer) for answer in answers] == [Answer] + [Unavailable] * 9
        assert await system.ask("a", Note(3), policy=policy) == Answer(3)

    play(shop(child(Moody, ["bad", "bad", 0.02], book, id="a")), scenario)
    assert book == [1, 1, 10, 3]
    phases = [event.phase for event in heard if isinstance(event, BreakerTurned)]
    assert phases == [Phase.OPEN, Phase.HALF_OPEN, Phase.CLOSED]


def test_what_a_breaker_knows_outlives_callers_and_target(play, until):
    """Neither a restart of the caller nor one of the target closes it; equal policies share it."""
    failures: list[BaseException] = []
    breaker = BreakerPolicy.consecutive(2, open_for=60.0)

    async def scenario(system):
        for _ in range(2):
            await system.ask("one", Relay("a"))
        await system.ref("one").stop()
        await until(lambda: system.ref("one")._cell.incarnation == 2)
        await system.ask("one", Relay("a"))
        await system.ask("two", Relay("/t/a"))
        await system.ask("other", Relay("/t/a"))

    tree = shop(
        child(Moody, ["bad", "bad"], id="a"),
        child(Middle, Policy(breaker=breaker), failures, id="one"),
        child(Middle, Policy(breaker=breaker), failures, id="two"),
        child(Middle, Policy(breaker=breaker, timeout=9.0), failures, id="other"),
    )
    play(tree, scenario)
    assert [type(error) for error in failures] == [AskFailed, AskFailed, Unavailable, Unavailable]


def test_slow_calls_open_a_breaker(play):
    """Good answers that are late count as slow."""
    policy = Policy(
        breaker=BreakerPolicy(minimum=2, calls=4, slow_after=0.02, slow_rate=0.5, open_for=60.0)
    )

    async def scenario(system):
        for n in range(2):
            assert await system.ask("a", Note(n), policy=policy) == Answer(n)
        with pytest.raises(Unavailable):
            await system.ask("a", Note(2), policy=policy)

    play(shop(child(Moody, [0.05, 0.05], id="a")), scenario)


def test_a_bulkhead_bounds_what_is_under_way(play):
    """Three at once, two more wait, the rest is refused at once."""
    most = [0, 0]

    class Counting(Agent):
        @handles(reentrant=True)
        async def note(self, note: Note) -> Answer:
            most[0] += 1
            most[1] = max(most)
            await self.sleep(0.02)
            most[0] -= 1
            return Answer(note.n)

    async def scenario(system):
        policy = Policy(bulkhead=BulkheadPolicy(3, waiting=2))
        asks = [system.ask("a", Note(n), policy=policy) for n in range(8)]
        answers = await asyncio.gather(*asks, return_exceptions=True)
        assert [type(answer) for answer in answers] == [Answer] * 5 + [Unavailable] * 3

    play(shop(child(Counting, id="a")), scenario)
    assert most == [0, 3]


def test_a_rate_limit_spaces_messages_out(play):
    """Two at once, then one every 50 ms, as long as they may wait for their turn."""
    times: list[float] = []

    class Watch(Agent):
        @handles
        def note(self, note: Note) -> Answer:
            times.append(self.now())
            return Answer(note.n)

    async def scenario(system):
        policy = Policy(rate=RateLimit(20.0, burst=2, max_wait=0.11))
        asks = [system.ask("a", Note(n), policy=policy) for n in range(6)]
        answers = await asyncio.gather(*asks, return_exceptions=True)
        assert [type(answer) for answer in answers] == [Answer] * 4 + [Unavailable] * 2

    play(shop(child(Watch, id="a")), scenario)
    assert times[1] - times[0] < 0.04
    assert times[2] - times[0] > 0.045
    assert times[3] - times[0] > 0.095


def test_a_hedge_answers_for_the_slow_one(play, until):
    """The copy wins; the slow handler goes on, and its answer is a dead letter."""
    book: list[int] = []

    async def scenario(system):
        started = system.ground.clock()
        policy = Policy(hedge=HedgePolicy(0.02))
        assert await system.ask("a", Note(1), policy=policy) == Answer(1)
        assert system.ground.clock() - started < 0.4
        await until(lambda: len(system.dead_letters) == 1)

    system = play(shop(child(Moody, [0.5], book, id="a")), scenario)
    assert book == [1, 1]
    assert [letter.reason for letter in system.dead_letters] == ["late reply"]


def test_a_copy_that_lost_and_was_not_begun_is_never_begun(play, until):
    """It waits in the mailbox when the first answer comes, and expires there."""
    book: list[int] = []

    class One(Agent):
        @handles
        async def note(self, note: Note) -> Answer:
            book.append(note.n)
            await self.sleep(0.1)
            self.reply(Answer(note.n))
            await self.sleep(0.05)
            return Answer(note.n)

    async def scenario(system):
        policy = Policy(hedge=HedgePolicy(0.02))
        assert await system.ask("a", Note(1), policy=policy) == Answer(1)
        await until(lambda: len(system.dead_letters) == 1)

    system = play(shop(child(One, id="a")), scenario)
    assert book == [1]
    assert [letter.reason for letter in system.dead_letters] == ["expired"]


def test_a_retry_budget_prevents_a_retry_storm(play):
    """However many callers fail, their retries are a share of their requests."""
    book: list[int] = []
    policy = Policy(
        retry=RetryPolicy(10, backoff=None),
        retry_budget=RetryBudget(ratio=0.1, minimum=0.2, window=10.0),
    )

    class Failing(Agent):
        @handles
        def note(self, note: Note) -> Answer:
            book.append(note.n)
            self.defer().fail(OSError("down"))
            return Answer(0)

    async def scenario(system):
        middles = [f"m{n}" for n in range(10)]
        for _ in range(10):
            await asyncio.gather(*(system.ask(name, Relay("/t/a")) for name in middles))

    tree = shop(child(Failing, id="a"), *(child(Middle, policy, id=f"m{n}") for n in range(10)))
    play(tree, scenario)
    assert 100 + 10 <= len(book) <= 100 + 0.1 * 100 + 0.2 * 10


def test_all_attempts_carry_one_key(play):
    """The agent can tell a repetition from a new request; two requests have two keys."""
    keys: list[str | None] = []

    class Keys(Agent):
        @handles
        def note(self, note: Note) -> Answer:
            keys.append(self._cell.more.key)
            if len(keys) % 3:
                raise OSError("again")
            return Answer(0)

    async def scenario(system):
        policy = Policy(retry=RETRY)
        await system.ask("a", Note(1), policy=policy)
        await system.ask("a", Note(1), policy=policy)
        await system.ask("a", Note(1), policy=policy, idempotency_key="mine")

    play(shop(child(Keys, id="a")), scenario)
    first, second, third = keys[0:3], keys[3:6], keys[6:9]
    assert len(set(first)) == len(set(second)) == 1
    assert first[0] != second[0]
    assert third == ["mine"] * 3


def test_who_gives_up_is_not_served_any_more(play):
    """A cancelled ask makes no further attempt and leaves its place in the bulkhead."""
    book: list[int] = []
    policy = Policy(
        bulkhead=BulkheadPolicy(1, waiting=0), retry=RetryPolicy(9, backoff=Backoff(0.05, 0.05))
    )

    async def scenario(system):
        ask = system.ask("a", Note(1), policy=policy)
        await asyncio.sleep(0.01)
        ask.cancel()
        await asyncio.sleep(0.01)
        assert await system.ask("a", Note(2), policy=policy) == Answer(2)
        await asyncio.sleep(0.3)

    play(shop(child(Moody, [0.2], book, id="a")), scenario)
    assert book == [1, 2]


def test_a_caller_that_crashed_asks_no_more(play, until):
    """Its successor does not know of the call, so nothing is repeated for it."""
    book: list[int] = []

    class Crashing(Agent):
        @handles(reentrant=True)
        async def relay(self, relay: Relay) -> Answer:
            policy = Policy(retry=RetryPolicy(9, backoff=Backoff(0.05, 0.05)))
            return await self.ask(relay.to, Note(1), policy=policy)

        @handles(reentrant=True)
        async def note(self, note: Note) -> Answer:
            raise OSError("down")

    async def scenario(system):
        asking = system.ask("middle", Relay("a"))
        await until(lambda: book)
        with pytest.raises(AskFailed):
            await system.ask("middle", Note(0))
        with pytest.raises((AskFailed, AgentDead)):
            await asking
        before = len(book)
        await asyncio.sleep(0.3)
        assert len(book) == before

    play(shop(child(Moody, ["bad"] * 9, book, id="a"), child(Crashing, id="middle")), scenario)


def test_asks_that_wait_for_one_another_through_a_policy_all_end(play):
    """A policy on both sides of a chain: every asker hears, whoever fails."""

    class Chain(Agent):
        def __init__(self, to: str) -> None:
            self.to = to

        @handles(reentrant=True)
        async def relay(self, relay: Relay) -> Answer:
            policy = Policy(timeout=0.5, retry=RETRY, breaker=BreakerPolicy(minimum=50))
            if self.to == "end":
                return await self.ask(self.to, Note(relay.n), policy=policy)
            return await self.ask(self.to, Relay("", relay.n), policy=policy)

    async def scenario(system):
        asks = [system.ask("one", Relay("", n), timeout=2.0) for n in range(30)]
        answers = await asyncio.gather(*asks, return_exceptions=True)
        assert all(isinstance(answer, Answer | AskFailed | AskTimeout) for answer in answers)
        assert sum(isinstance(answer, Answer) for answer in answers) >= 25

    moods = ["bad" if n % 7 == 0 else "good" for n in range(60)]
    tree = shop(
        child(Moody, moods, id="end"), child(Chain, "end", id="two"), child(Chain, "two", id="one")
    )
    play(tree, scenario)


def test_what_is_known_of_agents_that_are_gone_is_forgotten(play, until):
    """Asking thousands of short-lived agents under one policy keeps no thousand states."""

    class Parent(Agent):
        @handles
        async def note(self, note: Note) -> Answer:
            for n in range(note.n):
                one: Ref = self.spawn(Moody, [])
                await self.ask(one, Note(n), policy=Policy(timeout=5.0))
                self.stop(one)
            return Answer(0)

    async def scenario(system):
        await system.ask("parent", Note(1000), timeout=60)
        assert len(system.ground.policies._guards) <= 520

    play(shop(child(Parent, id="parent")), scenario)


def test_a_caller_that_crashed_gives_its_place_back(play, until):
    """Also when nothing would end its call but the answer."""
    policy = Policy(bulkhead=BulkheadPolicy(1, waiting=0))

    class Crashing(Agent):
        @handles(reentrant=True)
        async def relay(self, relay: Relay) -> Answer:
            return await self.ask(relay.to, Note(1), policy=policy, timeout=None)

        @handles(reentrant=True)
        async def note(self, note: Note) -> Answer:
            raise OSError("down")

    async def scenario(system):
        asking = system.ask("middle", Relay("a"), timeout=1000.0)
        await until(lambda: system.ref("a")._cell.busy)
        with pytest.raises(AskFailed):
            await system.ask("middle", Note(0))
        await asyncio.gather(asking, return_exceptions=True)
        await asyncio.sleep(0.3)
        assert await system.ask("a", Note(2), policy=policy) == Answer(2)

    play(shop(child(Moody, [0.1], id="a"), child(Crashing, id="middle")), scenario)


def test_an_agent_of_another_system_is_asked_under_a_policy_too():
    """The policy's state, and the budget of the ask, are kept where the asked agent is."""
    runs: list[int] = []

    class Abroad(Agent):
        @handles
        def note(self, note: Note) -> Answer:
            runs.append(note.n)
            raise OSError("bad line")

    class Home(Agent):
        def __init__(self, to: list[Ref]) -> None:
            self.to = to

        @handles
        async def note(self, note: Note) -> Answer:
            policy = Policy(retry=RetryPolicy(9, backoff=None))
            budget = WorkBudget(messages=3)
            try:
                await self.ask(self.to[0], note, policy=policy, work_budget=budget)
            except BudgetExceeded as error:
                return Answer(int(error.used))
            return Answer(0)

    async def main() -> None:
        to: list[Ref] = []
        async with System(shop(child(Abroad, id="a"))) as there:
            to.append(there.ref("a"))
            async with System(shop(child(Home, to, id="home"))) as here:
                assert await here.ask("home", Note(1)) == Answer(3)
                assert here.ground.policies is None
                assert there.ground.policies is not None

    asyncio.run(main())
    assert runs == [1] * 3
