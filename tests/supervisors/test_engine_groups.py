"""Group restarts, late and double notices on the real runtime: S14 to S17, S26, S44."""

from __future__ import annotations

import pytest
from loguru import logger

from harmonium import ONE_FOR_ALL, ONE_FOR_ONE, REST_FOR_ONE
from harmonium.actors import burying
from harmonium.protocols.lifecycle import Exit, Exited, ExitKind, Phase
from harmonium.protocols.lifecycle import Failed as ChildFailed
from tests.supervisors.engine import Fail, Look, Note, Rule, World


@pytest.fixture(autouse=True)
def _quiet():
    logger.disable("harmonium")
    yield
    logger.enable("harmonium")


def incarnations(world, *ids):
    return [world.incarnation(f"/top/{id}") for id in ids]


def test_s14_a_late_notice_of_an_old_incarnation_is_inert():
    """No restart, no charge; the present incarnation stays."""

    async def scenario(world):
        world.tell("/top/A", Fail())
        await world.pass_time(1.0)
        cell = world.cell("/top/A")
        late = [
            Exited("A", 1, Exit(ExitKind.CRASH, "late")),
            ChildFailed("A", 1, ValueError("late"), Phase.HANDLER),
        ]
        for report in late:
            burying.report_to_parent(cell, report)
        await world.pass_time(1.0)
        assert incarnations(world, "A") == [2]
        assert len(world.cell("/top").agent.state.window) == 1

    world = World()
    world.play(world.tree("A"), scenario)


def test_s15_one_for_one_touches_nobody_else():
    """Only the child that crashed is new."""

    async def scenario(world):
        world.tell("/top/B", Fail())
        await world.pass_time(1.0)
        assert incarnations(world, "A", "B", "C") == [1, 2, 1]

    world = World()
    world.play(world.tree("A", "B", "C"), scenario)


def test_s16_one_for_all_starts_nobody_before_the_last_is_gone():
    """Reverse stop, ordered start; a slow sibling is waited for."""
    times = {}

    async def scenario(world):
        world.clear()
        began = world.ground.now()
        world.tell("/top/B", Fail())
        await world.pass_time(0.4)
        assert world.log == []
        await world.pass_time(1.0)
        assert world.log == ["stopped C", "stopped A", "started A", "started B", "started C"]
        assert incarnations(world, "A", "B", "C") == [2, 2, 2]
        times["over"] = world.ground.now() - began

    world = World(C=Rule(stop=0.5))
    world.play(world.tree("A", "B", "C", strategy=ONE_FOR_ALL), scenario)


def test_s16_a_sibling_that_does_not_stop_is_killed_at_its_limit():
    """The pass goes on after the limit of the one that hangs."""

    async def scenario(world):
        world.clear()
        world.tell("/top/B", Fail())
        await world.pass_time(1.0)
        assert world.log == ["stopped A", "started A", "started B", "started C"]

    world = World(C=Rule(stop=None))
    world.play(world.tree("A", "B", world.kid("C", shutdown=0.2), strategy=ONE_FOR_ALL), scenario)


def test_s17_rest_for_one_restarts_those_that_came_later():
    """A stays; B, C and D are new."""

    async def scenario(world):
        world.clear()
        world.tell("/top/B", Fail())
        await world.pass_time(1.0)
        assert world.log == ["stopped D", "stopped C", "started B", "started C", "started D"]
        assert incarnations(world, "A", "B", "C", "D") == [1, 2, 2, 2]

    world = World()
    world.play(world.tree("A", "B", "C", "D", strategy=REST_FOR_ONE), scenario)


def test_s16_siblings_keep_their_mail_in_a_group_restart():
    """What waits for a sibling is handled by its next incarnation, in order."""

    async def scenario(world):
        asks = [world.system.ask("/top/C", Note(n), timeout=60) for n in range(5)]
        world.tell("/top/B", Fail())
        late = [world.system.ask("/top/C", Note(n), timeout=60) for n in range(5, 10)]
        for one in asks + late:
            await one
        assert [n for name, _, n in world.handled if name == "C"] == list(range(10))

    world = World(C=Rule(stop=0.5))
    world.play(world.tree("A", "B", "C", strategy=ONE_FOR_ALL), scenario)


@pytest.mark.parametrize(
    ("strategy", "crash", "alive"),
    [
        (ONE_FOR_ALL, ("A", "B"), True),
        (ONE_FOR_ONE, ("A", "B"), False),
        (REST_FOR_ONE, ("A", "C"), True),
        (REST_FOR_ONE, ("C", "A"), False),
    ],
)
def test_s26_two_crashes_before_the_supervisor_looks(strategy, crash, alive):
    """Two crashes in one group are one unit; two groups are two."""

    async def scenario(world):
        cell = world.cell("/top")
        for id in crash:
            child = world.cell(f"/top/{id}")
            # In one step of the ground, so that both reports wait for the supervisor.
            world.ground.crashed(child, ValueError(id), Phase.HANDLER, None)
        await world.pass_time(1.0)
        assert cell.alive is alive
        if alive:
            assert len(cell.agent.state.window) == 1
            assert all(incarnations(world, "A", "B", "C"))

    world = World()
    world.play(world.tree("A", "B", "C", strategy=strategy, max_restarts=1, within=60.0), scenario)


def test_s44_notices_that_come_twice_are_one_decision():
    """The same exit two and three times: one restart, one unit."""

    async def scenario(world):
        cell = world.cell("/top/A")
        killed = Exit(ExitKind.KILLED, "by a test")
        burying.kill(cell, killed)
        for _ in range(2):
            burying.report_to_parent(cell, Exited("A", 1, killed))
        await world.pass_time(1.0)
        assert incarnations(world, "A") == [2]
        assert len(world.cell("/top").agent.state.window) == 1
        assert (await world.ask("/top/A", Look())).incarnation == 2

    world = World()
    world.play(world.tree("A"), scenario)
