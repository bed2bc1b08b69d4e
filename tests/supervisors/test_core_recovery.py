"""What a restart costs and how long it waits, inside the core: the bounds exactly."""

from __future__ import annotations

from harmonium.protocols.backoff import Backoff
from harmonium.protocols.budget import Budget
from harmonium.protocols.lifecycle import Exit, ExitKind
from harmonium.supervisors.core import events as on
from harmonium.supervisors.core.decide import decide, initial
from harmonium.supervisors.core.effects import Restart, Start, Stop
from harmonium.supervisors.words import ONE_FOR_ALL
from tests.supervisors.harness import Script, World, kid, tree


def waits(stable_for: float, up: float) -> list[float]:
    """How long a child waits after each of three crashes, `up` seconds after it was ready."""
    backoff = Backoff(1.0, 100.0, jitter=0.0, stable_for=stable_for)
    world = World(tree(kid("A", backoff=backoff), max_restarts=9, within=0.5)).boot()
    found = []
    for _ in range(3):
        world.run(up)
        world.crash("A")
        found.append(world.top.state.table.get("A").until - world.now)
        world.run(found[-1])
    return found


def test_a_child_that_was_up_for_exactly_long_enough_was_stable():
    """The bound is inclusive."""
    assert waits(stable_for=8.0, up=8.0) == [1.0, 1.0, 1.0]
    assert waits(stable_for=8.0, up=7.5) == [1.0, 2.0, 4.0]


def test_a_child_that_was_never_ready_was_not_stable():
    """Also where no time at all is asked for."""
    backoff = Backoff(1.0, 100.0, jitter=0.0, stable_for=0.0)
    world = World(tree(kid("A", backoff=backoff), max_restarts=9, within=0.5)).boot()
    world.scripts["A"] = Script(fails=lambda start: OSError("no"))
    world.crash("A")
    found = []
    for _ in range(3):
        found.append(world.top.state.table.get("A").until - world.now)
        world.run(found[-1])
    assert found == [1.0, 2.0, 4.0]


def test_a_trial_that_lasted_is_over():
    """The next crashes are charged like any others."""
    quarantine = Backoff(10.0, 10.0, jitter=0.0, stable_for=30.0)
    spec = tree(kid("A", budget=Budget(2, 60.0), quarantine=quarantine))
    world = World(spec).boot().crash("A").crash("A").crash("A")
    assert world.states() == {"A": "broken"}
    world.run(10.0)
    assert world.alive() == ["A"]
    world.run(30.0)
    world.crash("A").crash("A")
    assert world.states() == {"A": "running"}
    world.crash("A")
    assert world.states() == {"A": "broken"}


def test_a_trial_that_never_became_ready_has_failed():
    """Also where no time at all is asked for."""
    quarantine = Backoff(10.0, 1000.0, jitter=0.0, stable_for=0.0)
    world = World(tree(kid("A", budget=Budget(0, 60.0), quarantine=quarantine))).boot().crash("A")
    world.scripts["A"] = Script(fails=lambda start: OSError("no"))
    world.run(10.0)
    assert world.states() == {"A": "broken"}
    assert world.top.state.table.get("A").trials == 2


def test_a_deliberate_wait_counts_as_time_between_failures():
    """A child that waits longer than its budget asks for never uses it up."""
    backoff = Backoff(2.0, 2.0, jitter=0.0)
    world = World(tree(kid("A", budget=Budget(2, 1.0), backoff=backoff))).boot()
    for _ in range(6):
        world.crash("A", seconds=2.0)
    assert world.states() == {"A": "running"}


def test_failures_exactly_as_far_apart_as_the_budget_bears_go_on():
    """What its start takes does not count; the bound is inclusive."""
    world = World(tree("A", max_restarts=2, within=1.0), A=Script(start=2.0)).boot(2.0)
    for _ in range(6):
        world.run(0.5)
        world.crash("A", seconds=2.0)
    assert world.alive() == ["A"]
    for _ in range(2):
        assert not world.over
        world.run(0.25)
        world.crash("A", seconds=2.0)
    assert world.over


def test_a_group_that_never_stands_gives_up():
    """However long its starts take: no time in a pass is a lasting success."""
    spec = tree("A", strategy=ONE_FOR_ALL, max_restarts=3, within=1.0)
    world = World(spec).boot()
    world.scripts["A"] = Script(start=2.0, fails=lambda start: OSError("no"))
    world.crash("A", seconds=60.0)
    assert world.over
    assert world.starts["A"] == 4


def test_a_subtree_that_is_used_up_restarts_nothing():
    """Giving up is all that is ordered."""
    spec = tree("A", max_restarts=9, subtree=Budget(0, 60.0))
    world = World(spec).boot()
    world.top.effects.clear()
    world.crash("A")
    assert [one for one in world.top.effects if isinstance(one, Restart | Start)] == []
    assert world.over


def test_a_wait_that_passed_while_the_child_stopped_is_over():
    """It is started when it is gone, and no later."""
    spec = tree(kid("A", backoff=Backoff(2.0, 2.0, jitter=0.0)))
    state, _ = decide(initial(spec), on.Boot(), 0.0)
    state, _ = decide(state, on.Started("A", 1), 0.0)
    state, _ = decide(state, on.Failed("A", 1, on.Cause("x")), 1.0)
    _, effects = decide(state, on.Exited("A", 1, Exit(ExitKind.SHUTDOWN)), 4.0)
    assert [one.incarnation for one in effects if isinstance(one, Start)] == [2]


def test_a_child_that_waits_keeps_its_cell_and_is_told_why():
    """`before_restart` is called, not `stopped`."""
    world = World(tree(kid("A", backoff=Backoff(2.0, 2.0, jitter=0.0)), max_restarts=9)).boot()
    world.crash("A")
    (stop,) = [one for one in world.top.effects if isinstance(one, Stop)]
    assert (stop.keep, str(stop.cause)) == (True, "ValueError: A broke")


def test_a_quarantine_begins_with_a_clean_slate():
    """What is left is the cause."""
    world = World(tree(kid("A", budget=Budget(1, 60.0)))).boot().crash("A").crash("A")
    child = world.top.state.table.get("A")
    assert (child.failures, child.streak, child.waited, len(child.window)) == (0, 0, 0.0, 0)
    assert str(child.cause) == "ValueError: A broke"
