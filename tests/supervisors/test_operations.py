"""Commands to a running supervisor: from the program, from agents, while it is busy."""

from __future__ import annotations

import asyncio

import pytest
from loguru import logger

from harmonium import Agent, AgentDead, System, child, handles, message, operate, supervisor
from harmonium.actors.simulated import SimulatedGround
from harmonium.protocols.errors import SpecError
from harmonium.supervisors.core.answers import Outcome
from harmonium.supervisors.core.replay import replay
from harmonium.supervisors.words import ONE_FOR_ALL


@message
class Go:
    """Do it."""


@message
class Count:
    """How many children there are."""

    active: int


class Idle(Agent):
    """Does nothing."""


class Slow(Agent):
    """Takes its time to stop."""

    async def stopped(self):
        await self.sleep(3.0)


class Boss(Agent):
    """Asks its own supervisor."""

    @handles
    async def go(self, go: Go) -> Count:
        counts = await operate(self.parent).count_children()
        return Count(counts.active)


def play(tree, scenario):
    ground = SimulatedGround()

    async def main():
        async with System(tree, ground=ground) as system:
            await scenario(system)

    ground.play(main())


@pytest.fixture(autouse=True)
def _quiet():
    logger.disable("harmonium")
    yield
    logger.enable("harmonium")


def test_queries_are_answered_at_once_in_the_middle_of_a_slow_stop():
    """S42: while a child takes 3 s to stop, which_children answers within 50 ms."""

    async def scenario(system):
        shop = operate(system.ref("/shop"))
        stopping = shop.stop_child("slow")
        await asyncio.sleep(0.5)
        began = system.ground.time
        rows = await shop.which_children()
        assert system.ground.time - began < 0.05
        assert [(row.id, row.state) for row in rows] == [("a", "running"), ("slow", "stopping")]
        assert (await stopping).ok
        assert (await shop.which_child("slow")).state == "held"

    play(supervisor("shop", children=[child(Idle, id="a"), child(Slow, id="slow")]), scenario)


def test_orders_are_answered_at_once_in_the_middle_of_a_group_restart():
    """S42: a start and a restart are accepted within 50 ms, and carried out afterwards."""

    class Doomed(Agent):
        @handles
        def go(self, go: Go) -> None:
            raise ValueError("again")

    async def scenario(system):
        shop = operate(system.ref("/shop"))
        assert (await shop.stop_child("held")).ok
        system.tell("doomed", Go())
        await asyncio.sleep(0.5)
        began = system.ground.time
        assert (await shop.which_child("slow")).state == "stopping"
        assert (await shop.start_child(child(Idle, id="new"))).outcome is Outcome.PENDING
        assert (await shop.restart_child("held")).outcome is Outcome.PENDING
        assert (await shop.restart_child("slow")).outcome is Outcome.STOPPING
        assert (await shop.delete_child("slow")).outcome is Outcome.STOPPING
        assert (await shop.stop_child("slow", wait=False)).outcome is Outcome.PENDING
        assert (await shop.count_children()).specs == 3
        assert system.ground.time - began < 0.05
        await asyncio.sleep(5.0)
        states = {row.id: row.state for row in await shop.which_children()}
        assert states == {"doomed": "running", "slow": "held", "held": "running", "new": "running"}

    members = [child(Doomed, id="doomed"), child(Slow, id="slow"), child(Idle, id="held")]
    play(supervisor("shop", strategy=ONE_FOR_ALL, children=members), scenario)


def test_an_agent_operates_its_own_supervisor():
    """`operate(self.parent)` works inside a handler."""

    async def scenario(system):
        assert await system.ask("boss", Go()) == Count(2)

    play(supervisor("shop", children=[child(Boss, id="boss"), child(Idle, id="a")]), scenario)


def test_the_life_of_a_child_added_at_run_time():
    """start, already started, stop, already present, restart, running, delete, not found."""

    async def scenario(system):
        shop = operate(system.ref("/shop"))
        spec = child(Idle, id="new")
        assert (await shop.start_child(spec)).outcome is Outcome.STARTED
        assert (await shop.start_child(spec)).outcome is Outcome.ALREADY_STARTED
        assert (await shop.get_spec("new")).id == "new"
        assert (await shop.delete_child("new")).outcome is Outcome.RUNNING
        assert (await shop.stop_child("new")).outcome is Outcome.OK
        assert (await shop.start_child(spec)).outcome is Outcome.ALREADY_PRESENT
        assert (await shop.restart_child("new")).outcome is Outcome.STARTED
        assert (await shop.stop_child("new")).outcome is Outcome.OK
        assert (await shop.delete_child("new")).outcome is Outcome.OK
        assert (await shop.stop_child("new")).outcome is Outcome.NOT_FOUND

    play(supervisor("shop", children=[child(Idle, id="a")]), scenario)


def test_the_journal_of_a_live_supervisor_replays():
    """Every decision is made again, equal, from its recorded inputs."""

    class Doomed(Agent):
        @handles
        def go(self, go: Go) -> None:
            raise ValueError("again")

    async def scenario(system):
        for _ in range(3):
            system.tell("d", Go())
            await asyncio.sleep(0.1)
        records = await operate(system.ref("/shop")).journal()
        restarts = [v for r in records for v in r.verdicts if v.choice == "restart"]
        assert len(restarts) == 3
        assert replay(system.tree, records, path="/shop", root=True).deviations == ()
        told = await operate(system.ref("/shop")).explain("d")
        assert "incarnation 4" in told[0]

    tree = supervisor("shop", max_restarts=5, within=60.0, children=[child(Doomed, id="d")])
    play(tree, scenario)


def test_an_agent_that_is_no_supervisor_and_one_that_is_gone():
    """The operator hears what is wrong; nothing hangs."""

    async def scenario(system):
        with pytest.raises(SpecError, match="no supervisor"):
            await operate(system.ref("/shop/a")).which_children()
        ref = system.ref("/shop/a")
        await operate(system.ref("/shop")).stop_child("a")
        with pytest.raises(AgentDead):
            await operate(ref).which_children()

    play(supervisor("shop", children=[child(Idle, id="a")]), scenario)
