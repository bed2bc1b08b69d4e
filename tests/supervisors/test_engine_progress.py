"""What happens while a restart is under way, on the real runtime: S39 to S45."""

from __future__ import annotations

import pytest
from loguru import logger

from harmonium import ONE_FOR_ALL, Backoff
from harmonium.supervisors.core.answers import Outcome
from harmonium.supervisors.spec import dynamic_supervisor
from tests.supervisors.engine import End, Fail, Note, Rule, World

SLOW = Backoff(60.0, 60.0, jitter=0.0)


@pytest.fixture(autouse=True)
def _quiet():
    logger.disable("harmonium")
    yield
    logger.enable("harmonium")


async def in_backoff(world, path="/top/A"):
    world.tell(path, Fail())
    await world.pass_time(1.0)
    assert world.incarnation(path) == 0


def test_s39_a_child_in_backoff_is_restarting():
    """Listed as restarting, not active; restart, delete and start are refused by name."""

    async def scenario(world):
        await in_backoff(world)
        top = world.operate()
        (row,) = await top.which_children()
        assert (row.id, row.state, row.incarnation) == ("A", "restarting", 0)
        counts = await top.count_children()
        assert (counts.specs, counts.active) == (1, 0)
        assert (await top.restart_child("A")).outcome is Outcome.RESTARTING
        assert (await top.delete_child("A")).outcome is Outcome.RESTARTING
        again = await top.start_child(world.kid("A"))
        assert again.outcome is Outcome.ALREADY_PRESENT

    world = World()
    world.play(world.tree(world.kid("A", backoff=SLOW)), scenario)


def test_s40_stopping_a_child_in_backoff_cancels_its_restart():
    """Answered at once; there is no start any more, and what waited for it is dead."""

    async def scenario(world):
        await in_backoff(world)
        waiting = world.system.ask("/top/A", Note(1), timeout=1000.0)
        began = world.ground.now()
        assert (await world.operate().stop_child("A")).outcome is Outcome.OK
        assert world.ground.now() - began < 0.1
        with pytest.raises(Exception, match="dead"):
            await waiting
        await world.pass_time(600.0)
        assert world.log == ["started A"]
        (row,) = await world.operate().which_children()
        assert row.state == "held"

    world = World()
    world.play(world.tree(world.kid("A", backoff=SLOW)), scenario)


def test_s41_a_stop_does_not_wait_for_a_backoff():
    """The system stops at once, and the child is never started."""

    async def scenario(world):
        await in_backoff(world)
        world.began = world.ground.now()

    world = World()
    world.play(world.tree(world.kid("A", backoff=SLOW)), scenario)
    assert world.ground.now() - world.began < 1.0
    assert world.log == ["started A"]


@pytest.mark.parametrize("stop", [0.7, None])
def test_s42_questions_are_answered_in_the_middle_of_a_slow_stop(stop):
    """The supervisor never blocks: the answer comes within 50 ms, with states in between."""

    async def scenario(world):
        world.tell("/top/A", Fail())
        await world.pass_time(0.1)
        began = world.ground.now()
        rows = await world.operate().which_children()
        assert world.ground.now() - began < 0.05
        assert {row.id: row.state for row in rows}["B"] == "stopping"
        await world.pass_time(10.0)
        assert world.incarnation("/top/B") == 2

    world = World(B=Rule(stop=stop))
    world.play(world.tree("A", "B", strategy=ONE_FOR_ALL), scenario)


def test_s43_the_timer_of_a_deleted_child_does_nothing_to_its_namesake():
    """Exactly one incarnation of the new child; the old backoff is void."""

    async def scenario(world):
        await in_backoff(world)
        top = world.operate()
        await top.stop_child("A")
        assert (await top.delete_child("A")).outcome is Outcome.OK
        assert (await top.start_child(world.kid("A"))).outcome is Outcome.STARTED
        await world.pass_time(600.0)
        assert world.log == ["started A", "started A"]
        assert len(world.cell("/top").children) == 1

    world = World()
    world.play(world.tree(world.kid("A", backoff=SLOW)), scenario)


def test_s45_a_child_may_decline_its_restart():
    """It stays listed without an incarnation, is not tried again, and does not hold up a stop."""

    async def scenario(world):
        world.tell("/top/A", Fail())
        await world.pass_time(100.0)
        (row,) = await world.operate().which_children()
        assert row.incarnation == 0
        assert not world.there("/top/A")

    world = World(A=Rule(declines=(2,)))
    world.play(world.tree("A"), scenario)
    assert world.log == ["started A"]


def test_s45_a_dynamic_child_that_declines_its_restart_is_removed():
    """Nothing of it is listed."""

    async def scenario(world):
        assert (await world.operate().start_child(world.kid("A"))).outcome is Outcome.STARTED
        world.tell("/top/A", Fail())
        await world.pass_time(1.0)
        assert await world.operate().which_children() == ()

    world = World(A=Rule(declines=(2,)))
    world.play(dynamic_supervisor("top"), scenario)


def test_a_child_that_ends_by_itself_is_restarted_or_not_as_its_type_says():
    """Permanent: again; transient: finished, and its place is free."""
    from harmonium import TRANSIENT

    async def scenario(world):
        world.tell("/top/A", End())
        world.tell("/top/B", End())
        await world.pass_time(1.0)
        assert world.incarnation("/top/A") == 2
        assert not world.there("/top/B")

    world = World()
    world.play(world.tree("A", world.kid("B", restart=TRANSIENT)), scenario)
