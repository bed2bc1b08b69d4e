"""Boot on the real runtime, in virtual time: S1 to S8."""

from __future__ import annotations

import pytest
from loguru import logger

from harmonium import Agent, operate
from harmonium.protocols.errors import StartFailed
from harmonium.supervisors.core.answers import Outcome
from harmonium.supervisors.spec import child, dynamic_supervisor
from harmonium.supervisors.words import PERMANENT, TEMPORARY
from tests.supervisors.engine import Fail, Kid, Look, Rule, World


@pytest.fixture(autouse=True)
def _quiet():
    logger.disable("harmonium")
    yield
    logger.enable("harmonium")


def test_s1_children_start_in_order_each_awaited():
    """B is not begun before A is ready, and the caller waits for the last."""

    async def scenario(world):
        assert world.log == ["started A", "started B", "started C"]
        assert world.ground.now() >= 0.3

    world = World(A=Rule(start=0.1), B=Rule(start=0.1), C=Rule(start=0.1))
    world.play(world.tree("A", "B", "C"), scenario)


@pytest.mark.parametrize("how", ["fails", "builds"])
def test_s2_a_failed_start_rolls_the_boot_back(how):
    """What was started is stopped in reverse; the caller hears who failed and why."""
    world = World(X=Rule(**{how: (1,)}))

    async def scenario(world):
        raise AssertionError("it must not get here")

    with pytest.raises(StartFailed, match="X") as caught:
        world.play(world.tree("A", "B", "X", "D"), scenario)
    assert "OSError" in str(caught.value)
    assert world.log == ["started A", "started B", "start-failed X", "stopped B", "stopped A"]
    world.check_all_gone()


@pytest.mark.parametrize(("restart", "listed"), [(PERMANENT, ["A", "B"]), (TEMPORARY, ["A"])])
def test_s3_a_child_may_decline(restart, listed):
    """The supervisor is up all the same; a temporary child is not even listed."""

    async def scenario(world):
        rows = await world.operate().which_children()
        assert [row.id for row in rows] == listed
        assert not world.there("/top/B")
        assert world.log == ["started A"]

    world = World(B=Rule(declines=(1,)))
    world.play(world.tree("A", world.kid("B", restart=restart)), scenario)


FAILURES = {
    "raises": Rule(fails=(1,)),
    "constructor": Rule(builds=(1,)),
    "SystemExit": Rule(fails=(1,), error=SystemExit),
    "KeyboardInterrupt in the constructor": Rule(builds=(1,), error=KeyboardInterrupt),
    "too slow": Rule(start=10.0),
}


@pytest.mark.parametrize("how", FAILURES)
def test_s7_every_way_to_fail_a_start_fails_the_boot(how):
    """Whatever a start raises, or if it takes too long: a clean failure, nothing is left."""
    world = World(X=FAILURES[how])

    async def scenario(world):
        raise AssertionError("it must not get here")

    with pytest.raises(StartFailed, match="X"):
        world.play(world.tree("A", world.kid("X", start_timeout=1.0)), scenario)
    assert "started A" in world.log
    assert world.log[-1] == "stopped A"
    world.check_all_gone()


@pytest.mark.parametrize("how", FAILURES)
def test_s7_every_way_to_fail_a_dynamic_start_is_answered(how):
    """The command hears it; supervisor and siblings go on."""

    async def scenario(world):
        assert (await world.operate().start_child(world.kid("A"))).outcome is Outcome.STARTED
        answer = await world.operate().start_child(world.kid("X", start_timeout=1.0))
        assert answer.outcome is Outcome.FAILED
        assert answer.cause
        await world.pass_time(0.1)
        assert [row.id for row in await world.operate().which_children()] == ["A"]
        assert not world.there("/top/X")
        assert (await world.ask("/top/A", Look())).incarnation == 1

    world = World(X=FAILURES[how])
    world.play(dynamic_supervisor("top"), scenario)


def test_s7_a_factory_that_makes_no_agent_is_a_failed_start():
    """Garbage in place of an agent is named."""
    world = World()

    async def scenario(world):
        raise AssertionError("it must not get here")

    with pytest.raises(StartFailed, match="no Agent"):
        world.play(world.tree("A", child(lambda: 7, id="X")), scenario)
    assert world.log == ["started A", "stopped A"]


def test_s8_a_child_that_ends_as_soon_as_it_is_ready_is_seen_once():
    """It is restarted once, charged once, and never listed as running while it is dead."""

    async def scenario(world):
        await world.pass_time(1.0)
        assert world.incarnation("/top/A") == 2
        assert world.log.count("started A") == 2
        assert world.cell("/top").agent.state.window.spend
        assert len(world.cell("/top").agent.state.window) == 1

    world = World(A=Rule(dies=(1,)))
    world.play(world.tree("A", max_restarts=1), scenario)


class Nested(Kid):
    """Spawns a child before its start fails."""

    async def started(self):
        self.spawn(Kid, self.world, "nested", id="nested")
        await super().started()


def test_the_children_of_a_failed_start_are_gone_before_the_next_one():
    """The next incarnation can spawn under the same id; nobody is left twice."""

    async def scenario(world):
        world.tell("/top/A", Fail())
        await world.pass_time(1.0)
        assert world.incarnation("/top/A") == 3
        assert world.incarnation("/top/A/nested") == 1
        assert list(world.cell("/top/A").children) == ["nested"]

    world = World(A=Rule(fails=(2,)))
    world.play(world.tree(child(Nested, world, "A", id="A"), max_restarts=5), scenario)
    assert world.log.count("started nested") == world.log.count("stopped nested") == 3


def test_what_is_ready_at_once_is_one_decision():
    """The journal of a boot says who was; whoever takes time has its report in it."""

    async def scenario(world):
        boot, *reports = [one.event for one in await world.operate().journal()]
        assert (boot.ready, boot.begun) == (("A", "B"), "C")
        assert [one.child for one in reports] == ["C", "D"]
        assert world.log == ["started A", "started B", "started C", "started D"]

    world = World(C=Rule(start=0.1))
    world.play(world.tree("A", "B", "C", "D"), scenario)


def test_an_order_given_by_a_child_as_it_starts_waits_for_the_boot():
    """It is heard before the child's own report, and carried out when all are up."""

    class Orders(Agent):
        def started(self):
            operate(self.parent).start_child(world.kid("late"), wait=False)

    async def scenario(world):
        rows = await world.operate().which_children()
        assert [row.id for row in rows] == ["A", "orders", "B", "late"]
        assert world.log == ["started A", "started B", "started late"]

    world = World()
    world.play(world.tree("A", child(Orders, id="orders"), "B"), scenario)
