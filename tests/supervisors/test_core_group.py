"""Inside a pass through a group: where it stands, and which timers it leaves behind."""

from __future__ import annotations

from harmonium.protocols.backoff import Backoff
from harmonium.protocols.lifecycle import Exit, ExitKind
from harmonium.supervisors.core import events as on
from harmonium.supervisors.core.decide import decide, initial
from harmonium.supervisors.core.effects import CancelTimer, Start
from harmonium.supervisors.core.state import Stage
from harmonium.supervisors.core.timers import Due
from harmonium.supervisors.words import ONE_FOR_ALL
from tests.supervisors.harness import Script, World, kid, tree


def started(effects) -> list[str]:
    return [one.child for one in effects if isinstance(one, Start)]


def cancelled(world: World) -> list[Due]:
    return [one.token.due for one in world.top.effects if isinstance(one, CancelTimer)]


def test_a_pass_stands_at_the_child_that_it_waits_for():
    """So the next step does not begin at the end again."""
    spec = tree("A", "B", "C", "D", strategy=ONE_FOR_ALL)
    world = World(spec, C=Script(stop=1.0), B=Script(stop=1.0)).boot().crash("A", seconds=0.5)
    group = world.top.state.group
    assert (group.stage, group.current, group.cursor) == (Stage.STOPPING, "C", 1)
    group = world.run(1.0).top.state.group
    assert (group.stage, group.current, group.cursor) == (Stage.STOPPING, "B", 0)


def test_a_pass_that_starts_stands_at_the_child_that_it_waits_for():
    """The next one to start is the one after it."""
    spec = tree("A", "B", "C", strategy=ONE_FOR_ALL)
    world = World(spec).boot()
    world.scripts["B"] = Script(start=1.0)
    group = world.crash("A", seconds=0.5).top.state.group
    assert (group.stage, group.current, group.cursor) == (Stage.STARTING, "B", 2)


def test_a_lost_child_whose_group_is_restarted_is_waited_for_no_more():
    """Its timer goes at once, while a slower sibling still stops."""
    spec = tree("A", "B", "C", strategy=ONE_FOR_ALL, lost_grace=0.5)
    world = World(spec, B=Script(stop=1.0)).boot()
    world.exit("C", Exit(ExitKind.LOST))
    assert world.states()["C"] == "lost"
    world.top.effects.clear()
    world.crash("A")
    assert Due.LOST in cancelled(world)
    world.run(3)
    assert world.alive() == ["A", "B", "C"]


def test_a_wait_that_is_over_leaves_no_timer():
    """A shutdown while the group starts again has nothing to cancel but starts."""
    members = [kid("A", backoff=Backoff(1.0, 1.0, jitter=0.0)), "B"]
    world = World(tree(*members, strategy=ONE_FOR_ALL, max_restarts=9)).boot()
    world.scripts["A"] = Script(start=1.0)
    world.crash("A", seconds=1.5)
    assert world.top.state.group.stage is Stage.STARTING
    world.top.effects.clear()
    world.shutdown(9)
    assert Due.GROUP not in cancelled(world)
    assert world.over


def test_a_start_that_is_given_up_is_awaited_too():
    """An operator stops the child that the boot waits for: the next one starts when it is gone."""
    state, effects = decide(initial(tree("A", "B")), on.Boot(), 0.0)
    assert started(effects) == ["A"]
    state, effects = decide(state, on.StopChild(1, "A"), 0.5)
    assert started(effects) == []
    state, effects = decide(state, on.Exited("A", 1, Exit(ExitKind.SHUTDOWN)), 1.0)
    assert started(effects) == ["B"]
