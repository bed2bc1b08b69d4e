"""Stops on the real runtime: S46 to S54, S63."""

from __future__ import annotations

import pytest
from loguru import logger

from harmonium import TEMPORARY, TRANSIENT, AgentDead, SpecError, child, handles
from harmonium.actors import burying
from harmonium.actors.account import every_cell
from harmonium.protocols.lifecycle import Exit, ExitKind
from harmonium.supervisors.core.answers import Outcome
from harmonium.supervisors.shutdown import StopLimits
from harmonium.supervisors.spec import dynamic_supervisor
from harmonium.supervisors.words import ANY_SIGNIFICANT, KILL, NEVER_GIVE_UP
from tests.supervisors.engine import End, Fail, Kid, Look, Note, Rule, Watch, World


@pytest.fixture(autouse=True)
def _quiet():
    logger.disable("harmonium")
    yield
    logger.enable("harmonium")


async def nothing(world):
    world.clear()
    world.began = world.ground.now()


def took(world):
    return world.ground.now() - world.began


def test_s46_children_stop_in_reverse_one_at_a_time():
    """Those added at run time first; 300 ms each, one after the other."""
    slow = Rule(stop=0.3)

    async def scenario(world):
        await world.operate().start_child(world.kid("D"))
        await nothing(world)

    world = World(A=slow, B=slow, C=slow, D=slow)
    world.play(world.tree("A", "B", "C"), scenario)
    assert world.log == ["stopped D", "stopped C", "stopped B", "stopped A"]
    assert 1.2 <= took(world) < 1.4


def test_s47_dynamic_children_stop_side_by_side():
    """Five of 300 ms take 300 ms."""

    async def scenario(world):
        for n in range(5):
            await world.operate().start_child(world.kid(f"k{n}"))
        await nothing(world)

    world = World(**{f"k{n}": Rule(stop=0.3) for n in range(5)})
    world.play(dynamic_supervisor("top"), scenario)
    assert len(world.log) == 5
    assert 0.3 <= took(world) < 0.4


def test_s48_a_child_that_ignores_the_request_is_killed_at_its_limit():
    """B was stopped first; A is killed at 200 ms; the whole is bounded."""
    world = World(A=Rule(stop=None))
    world.play(world.tree(world.kid("A", shutdown=0.2), "B"), nothing)
    assert world.log == ["stopped B"]
    assert 0.2 <= took(world) < 0.25


def test_s48_a_handler_that_never_returns_is_killed_at_the_limit():
    """A suspended handler is ended; its asker hears AgentDead."""
    asked = []

    async def scenario(world):
        asked.append(world.system.ask("/top/A", Note(1), timeout=10**6))
        await world.pass_time(0.1)
        answer = world.operate().stop_child("A")
        await nothing(world)
        assert (await answer).outcome is Outcome.OK
        with pytest.raises(AgentDead):
            await asked[0]
        assert 0.2 <= took(world) < 0.25

    class Waits(Kid):
        @handles
        async def note(self, note: Note) -> None:
            await self.sleep(10**9)

    world = World()
    world.play(
        world.tree(child(Waits, world, "A", id="A", shutdown=0.2)),
        scenario,
    )


def test_s49_kill_asks_nobody():
    """At once, and the hook does not run."""
    world = World(A=Rule(stop=5.0))
    world.play(world.tree(world.kid("A", shutdown=KILL)), nothing)
    assert world.log == []
    assert took(world) < 0.1


def test_s50_never_give_up_waits():
    """Ten seconds are waited for; nothing is killed."""
    world = World(A=Rule(stop=10.0))
    world.play(world.tree(world.kid("A", shutdown=NEVER_GIVE_UP)), nothing)
    assert world.log == ["stopped A"]
    assert 10.0 <= took(world) < 10.1


def test_s51_a_child_that_is_dead_already_does_not_hang_the_stop():
    """It ended by itself in the same moment."""

    async def scenario(world):
        await nothing(world)
        world.tell("/top/B", End())

    world = World()
    world.play(world.tree("A", world.kid("B", restart=TRANSIENT)), scenario)
    assert sorted(world.log) == ["stopped A", "stopped B"]
    assert took(world) < 1.0


def test_s52_without_a_limit_the_leaf_goes_first():
    """Leaf, then its supervisor, then the root; the outer one waits."""
    world = World(L=Rule(stop=0.5))
    inner = world.tree("L", name="inner")
    world.play(world.tree("A", inner), nothing)
    assert world.log == ["stopped L", "stopped A"]
    assert took(world) >= 0.5


def test_s52_a_forced_limit_kills_what_is_left_below():
    """No orphan survives a supervisor that is killed."""
    world = World(L=Rule(stop=0.5))
    inner = child(world.tree("L", name="inner"), shutdown=0.1, forced=True)
    world.play(world.tree("A", inner), nothing)
    assert world.log == ["stopped A"]
    assert took(world) < 0.2


def test_s53_a_killed_supervisor_leaves_nobody_behind():
    """All below it are dead before the successor starts the same names."""

    async def scenario(world):
        before = world.cell("/top/inner/L")
        burying.kill(world.cell("/top/inner"))
        assert not before.alive
        await world.pass_time(1.0)
        after = world.cell("/top/inner/L")
        assert after is not before
        assert after.alive
        assert world.incarnation("/top/inner") == 2
        assert (await world.ask("/top/inner/L", Look())).incarnation == 1

    world = World()
    world.play(world.tree(world.tree("L", name="inner")), scenario)


def test_s54_the_end_of_the_parent_is_a_stop_in_order():
    """Children of an agent stop in reverse, before it."""

    class Parent(Kid):
        async def started(self):
            self.spawn(Kid, self.world, "x", id="x")
            self.spawn(Kid, self.world, "y", id="y")
            await super().started()

    world = World()
    world.play(world.tree(child(Parent, world, "P", id="P")), nothing)
    assert world.log == ["stopped y", "stopped x", "stopped P"]


def test_s54_a_call_to_a_dead_child_fails_at_once():
    """Not at its timeout."""

    async def scenario(world):
        ref = world.system.ref("/top/A")
        await world.operate().stop_child("A")
        began = world.ground.now()
        with pytest.raises(AgentDead):
            await ref.ask(Look(), timeout=1000.0)
        assert world.ground.now() - began < 0.05

    world = World()
    world.play(world.tree("A"), scenario)


def test_s63_the_end_of_a_significant_child_ends_its_supervisor():
    """Normal: the others are stopped and the supervisor ends; a crash is a restart."""

    async def scenario(world):
        world.tell("/top/inner/S", Fail())
        await world.pass_time(1.0)
        assert world.incarnation("/top/inner/S") == 2
        assert world.incarnation("/top/inner/A") == 1
        world.clear()
        world.tell("/top/inner/S", End())
        await world.pass_time(1.0)
        assert world.log == ["stopped S", "stopped A"]
        assert not world.there("/top/inner")

    world = World()
    significant = world.kid("S", restart=TRANSIENT, significant=True)
    inner = world.tree("A", significant, name="inner", auto_shutdown=ANY_SIGNIFICANT)
    world.play(world.tree(child(inner, restart=TRANSIENT)), scenario)


def test_the_limits_of_a_system_cut_a_stop_that_hangs_and_say_so():
    """The report names the phase that was cut and who was killed."""
    world = World(A=Rule(stop=None))
    tree = world.tree(world.kid("A", shutdown=NEVER_GIVE_UP))
    world.play(tree, nothing, limits=StopLimits(drain=0.1, children=2.0))
    report = world.system.report
    assert not report.clean
    assert report.killed == ("/top", "/top/A")
    assert [phase.name for phase in report.phases if not phase.finished] == ["children"]
    assert took(world) < 3.0


def test_mail_that_a_stop_did_not_get_to_is_counted_and_dead():
    """The drain has a limit; what is left then is in the report and becomes dead letters."""

    class Slow(Kid):
        @handles
        async def note(self, note: Note) -> None:
            await self.sleep(1.0)

    async def scenario(world):
        for n in range(10):
            world.tell("/top/A", Note(n))

    world = World()
    tree = world.tree(child(Slow, world, "A", id="A"))
    world.play(tree, scenario, limits=StopLimits(drain=2.5))
    report = world.system.report
    assert report.unfinished == 8
    assert report.account.dead == 7
    assert report.account.handled == 3
    assert report.account.in_flight == 0


def test_a_give_up_at_the_root_leaves_nothing_and_tells_the_embedder():
    """The tree ends; the listener hears the reason; the stop is clean."""
    reasons = []

    async def scenario(world):
        world.system.on_give_up(reasons.append)
        for _ in range(2):
            world.tell("/top/A", Fail())
        await world.pass_time(1.0)
        assert [cell.path for cell in every_cell(world.ground.root)] == ["/"]

    world = World()
    world.play(world.tree("A", max_restarts=1), scenario)
    (reason,) = reasons
    assert reason.kind is ExitKind.EXHAUSTED


def test_a_ref_stop_of_a_temporary_child_is_its_end():
    """The promise is settled when it is gone, and its watchers hear why."""

    async def scenario(world):
        await world.ask("/top/W", Watch("/top/T"))
        await world.system.ref("/top/T").stop()
        await world.pass_time(0.1)
        assert not world.there("/top/T")
        assert world.notices == ["/top/T shutdown"]

    world = World()
    world.play(world.tree("W", world.kid("T", restart=TEMPORARY)), scenario)


def test_a_kill_by_hand_counts_as_killed():
    """The reason class is its own."""

    async def scenario(world):
        burying.kill(world.cell("/top/T"), Exit(ExitKind.KILLED, "by hand"))
        await world.pass_time(0.1)
        (row,) = await world.operate().which_children()
        assert "killed" in row.reason

    world = World()
    world.play(world.tree("T"), scenario)


@pytest.mark.parametrize("value", [-1, float("nan"), float("inf"), "5s", True, None])
@pytest.mark.parametrize("phase", ["drain", "children"])
def test_a_limit_that_is_no_time_is_refused_when_it_is_given(phase, value):
    """Not when the system stops, which would be too late to mend it."""
    with pytest.raises(SpecError, match=rf"StopLimits\.{phase}: .*; give seconds of at least 0"):
        StopLimits(**{phase: value})
