"""Budgets of work, on every ground: counted where declared, with warnings before the stop."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from harmonium import (
    Agent,
    AskFailed,
    AskTimeout,
    Chaos,
    FaultInjector,
    SpecError,
    child,
    handles,
    message,
    supervisor,
)
from harmonium.protocols.errors import BudgetExceeded
from harmonium.protocols.reliability import (
    Exceeded,
    Policy,
    RetryPolicy,
    Unit,
    Warned,
    WorkBudget,
)
from harmonium.supervisors.mapping import from_mapping
from harmonium.supervisors.to_mapping import to_mapping
from tests.contract.agents import Answer, Note


@message
class Think:
    """Cost so many tokens, and ask the next one to do the same."""

    tokens: int
    then: tuple[str, ...] = ()


def shop(*children: Any, **options: Any) -> Any:
    return supervisor("t", children=children, **({"max_restarts": 1000, "within": 1.0} | options))


class Thinker(Agent):
    """Spends tokens, its own and those of whom it asks."""

    @handles(reentrant=True)
    async def think(self, think: Think) -> Answer:
        self.spend(think.tokens)
        await self.sleep(0.01)
        if think.then:
            await self.ask(think.then[0], Think(think.tokens, think.then[1:]))
        return Answer(think.tokens)

    @handles
    def note(self, note: Note) -> Answer:
        return Answer(note.n)


class Threaded(Agent):
    @handles(blocking=True)
    def think(self, think: Think) -> Answer:
        self.spend(think.tokens)
        return Answer(think.tokens)


async def results(system: Any, *messages: Any, to: str = "a", **options: Any) -> list[Any]:
    found = []
    for each in messages:
        found += await asyncio.gather(system.ask(to, each, **options), return_exceptions=True)
    return found


def test_an_agent_takes_so_many_messages_and_no_more(play):
    """The one too many is a dead letter, and its asker hears which budget has no room."""

    async def scenario(system):
        found = await results(system, *map(Note, range(5)))
        assert found[:3] == [Answer(0), Answer(1), Answer(2)]
        assert [str(error) for error in found[3:]] == [
            "the budget of /t/a has no room: 3 of 3 messages"
        ] * 2
        assert (await results(system, Note(9), to="b")) == [Answer(9)]
        assert system.usage("/t/a").messages == 3

    tree = shop(child(Thinker, id="a", work_budget=WorkBudget(messages=3)), child(Thinker, id="b"))
    system = play(tree, scenario)
    assert [letter.reason for letter in system.dead_letters] == ["budget exceeded"] * 2


def test_a_subtree_shares_one_budget(play):
    """What any agent below a supervisor handles counts for it, and for no one outside."""

    async def scenario(system):
        for to in ("/t/inner/a", "/t/inner/b", "/t/inner/a"):
            assert await results(system, Note(1), to=to) == [Answer(1)]
        assert [type(e) for e in await results(system, Note(1), to="/t/inner/b")] == [
            BudgetExceeded
        ]
        assert await results(system, Note(1), to="c") == [Answer(1)]

    inner = supervisor(
        "inner",
        children=[child(Thinker, id="a"), child(Thinker, id="b")],
        work_budget=WorkBudget(messages=3),
    )
    play(shop(child(inner), child(Thinker, id="c")), scenario)


def test_a_request_takes_its_budget_along(play):
    """Whoever works for it counts for it; other requests to the same agents do not."""

    async def scenario(system):
        chain = Think(10, ("b", "c"))
        budget = WorkBudget(tokens=30)
        assert await results(system, chain, work_budget=budget) == [Answer(10)]
        found = await results(system, chain, work_budget=WorkBudget(tokens=29), correlation_id="r")
        assert isinstance(found[0], AskFailed)
        assert "30 of 29 tokens" in str(found[0])
        assert "budget of r " in str(found[0])
        found = await results(system, chain, work_budget=WorkBudget(messages=2))
        assert "2 of 2 messages" in str(found[0])
        assert await results(system, chain) == [Answer(10)]
        assert system.usage("r") is None

    play(shop(*(child(Thinker, id=id) for id in "abc")), scenario)


def test_a_part_of_a_request_can_have_less(play):
    """An agent asks another one with a budget of its own within that of the request."""

    class Careful(Agent):
        @handles
        async def note(self, note: Note) -> Answer:
            try:
                return await self.ask("a", Think(note.n), work_budget=WorkBudget(tokens=5))
            except AskFailed:
                return Answer(-1)

    async def scenario(system):
        for budget in (None, WorkBudget(tokens=100)):
            found = await results(system, Note(5), Note(6), to="careful", work_budget=budget)
            assert found == [Answer(5), Answer(-1)]

    play(shop(child(Thinker, id="a"), child(Careful, id="careful")), scenario)


def test_money_is_counted_exactly(play):
    """A Decimal stays one; spending up to the limit is within it."""

    class Payer(Agent):
        @handles
        def note(self, note: Note) -> Answer:
            self.spend(Decimal("0.1"), "money")
            return Answer(note.n)

    async def scenario(system):
        found = await results(system, *map(Note, range(3)))
        assert found == [Answer(0), Answer(1), Answer(2)]
        assert system.usage("/t/a").money == Decimal("0.3")
        assert isinstance((await results(system, Note(3)))[0], BudgetExceeded)

    play(shop(child(Payer, id="a", work_budget=WorkBudget(money=Decimal("0.3")))), scenario)


def test_there_are_warnings_before_the_stop(play):
    """At each share once, to listeners and to the log."""
    heard: list[Any] = []

    async def scenario(system):
        system.listen(heard.append)
        await results(system, *[Think(1)] * 4)

    budget = WorkBudget(tokens=4, warn_at=(0.5, 0.75))
    play(shop(child(Thinker, id="a", work_budget=budget)), scenario)
    notes = [event for event in heard if isinstance(event, Warned | Exceeded)]
    assert notes == [
        Warned("/t/a", Unit.TOKENS, 2, 4, 0.5),
        Warned("/t/a", Unit.TOKENS, 3, 4, 0.75),
        Exceeded("/t/a", Unit.TOKENS, 4, 4),
    ]


@pytest.mark.parametrize("kind", [Thinker, Threaded])
def test_a_budget_that_only_warns_never_stops_anything(play, kind):
    """Whatever is spent, also in the thread of a blocking handler."""
    heard: list[Any] = []

    async def scenario(system):
        system.listen(heard.append)
        found = await results(system, *[Think(100)] * 3)
        assert found == [Answer(100)] * 3
        assert system.usage("/t/a").tokens == 300

    budget = WorkBudget(tokens=10, messages=1, stops=False)
    play(shop(child(kind, id="a", work_budget=budget)), scenario)
    assert {event.unit for event in heard if isinstance(event, Exceeded)} == {
        Unit.TOKENS,
        Unit.MESSAGES,
    }


@pytest.mark.parametrize("kind", [Thinker, Threaded])
def test_overspending_raises_where_it_happens(play, kind):
    """The handler may catch it and answer with less; what was spent is charged."""

    async def scenario(system):
        found = await results(system, Think(7), Think(7))
        assert found[0] == Answer(7)
        assert isinstance(found[1], AskFailed)
        assert found[1].error_type == "BudgetExceeded"
        assert system.usage("/t/a").tokens == 14
        assert isinstance((await results(system, Think(0)))[0], BudgetExceeded)

    play(shop(child(kind, id="a", work_budget=WorkBudget(tokens=10))), scenario)


def test_concurrency_counts_what_is_under_way(play):
    """Three at once; when they have ended, crashed or been killed there is room again."""

    class Shaky(Thinker):
        @handles(reentrant=True)
        async def think(self, think: Think) -> Answer:
            await self.sleep(0.05)
            if think.tokens == 13:
                raise OSError("unlucky")
            return Answer(think.tokens)

    async def scenario(system):
        for tokens in (1, 13, 1):
            asks = [system.ask("a", Think(tokens)) for _ in range(5)]
            found = await asyncio.gather(*asks, return_exceptions=True)
            assert [isinstance(each, BudgetExceeded) for each in found] == [False] * 3 + [True] * 2
            assert system.usage("/t/a").running == 0
        plan = Chaos.parse("drop=0.3,kill=0.3,crash=0.3", seed=2)
        injector = FaultInjector(system.ground, plan)
        await system.call(lambda ground: injector.attach())
        await results(system, *[Think(1)] * 20, timeout=0.2)
        assert set(injector.injected) == {"drop", "kill", "crash"}
        await system.call(lambda ground: injector.detach())
        assert system.usage("/t/a").running == 0

    play(shop(child(Shaky, id="a", work_budget=WorkBudget(concurrency=3))), scenario)


def test_seconds_end_a_request_and_an_agent(play):
    """A request ends at its deadline; an agent takes nothing new after its time."""

    class Slow(Agent):
        @handles(reentrant=True)
        async def note(self, note: Note) -> Answer:
            await self.sleep(0.1)
            return Answer(note.n)

    async def scenario(system):
        found = await results(system, Note(1), work_budget=WorkBudget(seconds=0.05), to="b")
        assert isinstance(found[0], AskTimeout)
        assert await results(system, Note(1)) == [Answer(1)]
        await asyncio.sleep(0.3)
        assert isinstance((await results(system, Note(2)))[0], BudgetExceeded)

    tree = shop(child(Slow, id="a", work_budget=WorkBudget(seconds=0.4)), child(Slow, id="b"))
    play(tree, scenario)


def test_what_is_used_outlives_restarts(play):
    """A crash gives nothing back."""

    class Crashing(Agent):
        @handles
        def note(self, note: Note) -> Answer:
            self.spend(1)
            raise OSError("again")

    async def scenario(system):
        found = await results(system, *map(Note, range(5)))
        assert [type(error) for error in found] == [AskFailed] * 3 + [BudgetExceeded] * 2
        assert system.restarts == 3

    play(shop(child(Crashing, id="a", work_budget=WorkBudget(tokens=3))), scenario)


def test_a_policy_does_not_repeat_what_a_budget_refused(play):
    """No repetition mends it; a request's budget also counts its retries."""
    runs: list[int] = []

    class Failing(Agent):
        @handles
        def note(self, note: Note) -> Answer:
            runs.append(note.n)
            raise OSError("again")

    async def scenario(system):
        policy = Policy(retry=RetryPolicy(10, backoff=None))
        with pytest.raises(BudgetExceeded):
            await system.ask("a", Note(1), policy=policy, work_budget=WorkBudget(messages=4))

    play(shop(child(Failing, id="a")), scenario)
    assert runs == [1] * 4


def test_an_idempotent_run_counts_for_the_request_that_caused_it(play):
    """A repeat that gets the kept answer costs nothing."""

    class Once(Agent):
        @handles(idempotent=True)
        def think(self, think: Think) -> Answer:
            self.spend(think.tokens)
            return Answer(think.tokens)

    async def scenario(system):
        for _ in range(3):
            found = await results(
                system, Think(5), idempotency_key="k", work_budget=WorkBudget(tokens=5)
            )
            assert found == [Answer(5)]
        found = await results(
            system, Think(6), idempotency_key="other", work_budget=WorkBudget(tokens=5)
        )
        assert "6 of 5 tokens" in str(found[0])

    play(shop(child(Once, id="a")), scenario)


def test_without_a_budget_nothing_is_counted(play):
    """Spending is then a word, and nobody keeps a ledger."""

    async def scenario(system):
        assert await results(system, Think(1000)) == [Answer(1000)]
        assert system.ground.budgets is None
        assert system.usage("/t/a") is None
        assert system.ref("a")._cell.fast

    class Plain(Thinker):
        @handles
        def think(self, think: Think) -> Answer:
            self.spend(think.tokens)
            return Answer(think.tokens)

    play(shop(child(Plain, id="a")), scenario)


@pytest.mark.parametrize(
    ("cost", "unit", "problem"),
    [(1, "messages", "cannot be spent"), (1.5, "tokens", "no number"), (1, "money", "no amount")],
)
def test_what_cannot_be_spent_is_refused(play, cost, unit, problem):
    """The error says what to give."""

    class Wrong(Agent):
        @handles
        def note(self, note: Note) -> Answer:
            with pytest.raises(SpecError, match=problem):
                self.spend(cost, unit)
            return Answer(0)

    async def scenario(system):
        assert await results(system, Note(0)) == [Answer(0)]

    play(shop(child(Wrong, id="a")), scenario)


def test_a_budget_of_another_kind_is_refused_at_definition():
    """Before anything starts, with the place."""
    with pytest.raises(SpecError, match="work_budget"):
        child(Thinker, id="a", work_budget=7)
    with pytest.raises(SpecError, match="work_budget"):
        supervisor("t", work_budget=7)


def test_a_system_file_declares_budgets():
    """Money is a text there; what is read can be written and read again."""
    budget = {"money": "12.50", "seconds": "2m", "warn_at": [0.5], "stops": False}
    mapping = {
        "name": "t",
        "work_budget": {"tokens": 5},
        "children": [{"id": "a", "agent": "tests.contract.agents:Recorder", "work_budget": budget}],
    }
    tree = from_mapping(mapping)
    assert tree.work_budget == WorkBudget(tokens=5)
    assert tree.children[0].start.work_budget == WorkBudget(
        money=Decimal("12.50"), seconds=120.0, warn_at=(0.5,), stops=False
    )
    assert from_mapping(to_mapping(tree)) == tree
    with pytest.raises(SpecError, match="money"):
        from_mapping({"name": "t", "work_budget": {"money": 12.5}})
