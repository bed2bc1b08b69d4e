"""What must be true of a pipeline whatever its agents do, on every ground."""

from __future__ import annotations

import asyncio
import time

import pytest

from harmonium import System
from harmonium.actors.agent import Agent
from harmonium.actors.handlers import handles
from harmonium.actors.simulated import SimulatedGround
from harmonium.protocols.decision_log import Kind
from harmonium.protocols.errors import AskFailed
from harmonium.protocols.fallback import Use
from harmonium.protocols.message import message
from harmonium.protocols.pipeline.spec import Pipeline, Step
from harmonium.supervisors.coordinator import coordinator
from harmonium.supervisors.spec import child, supervisor
from harmonium.supervisors.words import TEMPORARY


@message
class Go:
    n: int


@message
class Good:
    n: int


@message
class Odd:
    n: int


class Never(Agent):
    """Is at work for longer than anybody waits."""

    @handles
    async def go(self, go: Go) -> Good:
        await self.sleep(0.4)
        return Good(go.n)


class Twice(Agent):
    """Answers, and answers again."""

    @handles
    def go(self, go: Go) -> Good | Odd:
        self.reply(Good(go.n))
        self.reply(Odd(go.n))
        return Odd(go.n)


class Wrong(Agent):
    """Answers with something else."""

    @handles
    def go(self, go: Go) -> Good | Odd:
        return Odd(go.n)


class Liar(Agent):
    """Answers with what its own contract does not name."""

    @handles
    def go(self, go: Go) -> Good:
        return Odd(go.n)  # type: ignore[return-value]


class Dying(Agent):
    """Ends while it owes an answer."""

    @handles
    def go(self, go: Go) -> Good:
        self.debt = self.defer()
        self.stop()
        return None  # type: ignore[return-value]


class Worker(Agent):
    """Takes its time, for many at once."""

    def __init__(self, seconds: float = 0.0) -> None:
        self._seconds = seconds

    @handles(reentrant=True)
    async def go(self, go: Go) -> Good:
        if self._seconds:
            await self.sleep(self._seconds)
        return Good(go.n)


def alone(agent: type[Agent], *fallback, within=None, **options):
    """A pipeline with one branch that goes wrong beside one that does not."""
    steps = [
        Step("bad", to="bad", expect=Good, timeout=0.1, fallback=fallback),
        Step("good", to="good"),
    ]
    pipeline = Pipeline(
        Go, steps, name="work", within=within, result=lambda c: Good(c["bad"].n + c["good"].n)
    )
    agents = [child(agent, id="bad", **options), child(Worker, id="good"), coordinator(pipeline)]
    return supervisor("t", children=agents, max_restarts=1000, within=5.0)


@pytest.mark.parametrize("agent", [Never, Wrong, Liar, Dying])
def test_a_branch_that_goes_wrong_ends_with_its_fallback(play, agent):
    """It never answers, answers with the wrong type, or dies: the rule decides, in time."""

    async def scenario(system):
        clock = system.ground.clock
        began = clock()
        assert await system.ask("work", Go(1), timeout=15.0) == Good(101)
        assert clock() - began < 0.1 + 0.5  # its timeout, and what a slow machine takes

    play(alone(agent, Use(Good(100)), restart=TEMPORARY), scenario)


@pytest.mark.parametrize("agent", [Never, Wrong, Liar, Dying])
def test_without_a_fallback_the_request_fails_and_never_hangs(play, until, agent):
    """The asker hears why."""

    async def scenario(system):
        with pytest.raises(AskFailed, match="step 'bad'"):
            await system.ask("work", Go(1), timeout=15.0)
        await until(lambda: system.ref("work")._cell.agent.under_way == 0)

    play(alone(agent, restart=TEMPORARY), scenario)


def test_a_branch_that_never_answers_is_over_at_the_deadline_of_the_request(play):
    """Whatever its own timeout is."""
    step = Step("bad", to="bad", timeout=600.0, fallback=[Use(Good(7))])
    pipeline = Pipeline(Go, [step], name="work", within=0.05, result=lambda c: c["bad"])
    tree = supervisor("t", children=[child(Never, id="bad"), coordinator(pipeline)])

    async def scenario(system):
        assert await system.ask("work", Go(1), timeout=15.0) == Good(7)

    play(tree, scenario)


def test_a_branch_that_answers_twice_is_heard_once(play):
    """The first answer counts."""

    async def scenario(system):
        assert await system.ask("work", Go(1), timeout=15.0) == Good(2)
        kinds = [one.kind for one in system.ref("work")._cell.agent.decisions]
        assert kinds.count(Kind.ANSWERED) == 2

    play(alone(Twice), scenario)


def fast_beside_slow():
    """Three steps of 0.2 s, one after the other, beside one of 1.0 s."""
    steps = [
        Step("slow", to="slow"),
        Step("one", to="quick"),
        Step("two", to="quick", after=["one"]),
        Step("three", to="quick", after=["two"]),
    ]
    pipeline = Pipeline(Go, steps, name="work", result=lambda c: c["three"])
    agents = [child(Worker, 1.0, id="slow"), child(Worker, 0.2, id="quick")]
    return supervisor("t", children=[*agents, coordinator(pipeline)])


async def _ends(system):
    """When each step has ended, in seconds from the beginning."""
    began = system.ground.clock()
    stream = system.stream("work", Go(1), timeout=30.0)
    return {part.step: system.ground.clock() - began async for part in stream}


@pytest.mark.parametrize("virtual", [True, False], ids=["virtual time", "real time"])
def test_a_fast_branch_is_done_in_its_own_time(virtual):
    """No step waits for a sibling that it does not need: each takes 0.2 s, at most 0.25 s."""
    ground = SimulatedGround() if virtual else None

    async def main():
        async with System(fast_beside_slow(), ground=ground) as system:
            return await _ends(system)

    ends = ground.play(main()) if ground is not None else asyncio.run(main())
    took = [
        ends["one"],
        ends["two"] - ends["one"],
        ends["three"] - ends["two"],
    ]
    assert all(0.199 <= seconds <= 0.25 for seconds in took), took
    assert 1.0 <= ends["slow"] <= 1.3


def test_a_thousand_requests_of_five_steps_are_in_flight_at_once(play):
    """All end, each with its own answer, and all were under way together."""
    steps = [
        Step(f"s{n}", to=f"w{n}", after=[f"s{n - 1}"] if n else [], timeout=60.0) for n in range(5)
    ]
    pipeline = Pipeline(Go, steps, name="work", result=lambda c: c["s4"])
    workers = [child(Worker, 0.05, id=f"w{n}") for n in range(5)]
    tree = supervisor("t", children=[*workers, coordinator(pipeline)])

    async def scenario(system):
        asks = [system.ask("work", Go(n), timeout=60.0) for n in range(1000)]
        most = 0
        while not all(ask.done() for ask in asks):
            most = max(most, system.ref("work")._cell.agent.under_way)
            await asyncio.sleep(0.005)
        assert [(await ask).n for ask in asks] == list(range(1000))
        assert most == 1000

    began = time.monotonic()
    play(tree, scenario)
    assert time.monotonic() - began < 20.0
