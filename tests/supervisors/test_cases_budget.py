"""Cases S27 to S38: the restart budget."""

from __future__ import annotations

import sys
import time

import pytest

from harmonium.protocols.budget import Budget, Window
from harmonium.protocols.errors import BudgetExhausted
from harmonium.protocols.lifecycle import NORMAL, ExitKind
from harmonium.supervisors.core.answers import Outcome
from harmonium.supervisors.spec import child, dynamic_supervisor
from harmonium.supervisors.words import (
    KILL,
    ONE_FOR_ALL,
    REST_FOR_ONE,
    TRANSIENT,
    Exhausted,
    RootExhausted,
)
from tests.supervisors.harness import KILLED, Script, World, kid, tree


def crash_at(world: World, id: str, *times: float) -> World:
    for moment in times:
        world.run(moment - world.now)
        world.crash(id)
    return world


def test_s27_one_crash_too_many_ends_the_supervisor():
    """The fourth crash is not restarted; all children are stopped in reverse."""
    world = World(tree("A", "B", "C", max_restarts=3, within=10)).boot()
    crash_at(world, "A", 0, 1, 2)
    assert world.alive() == ["A", "B", "C"]
    world.clear()
    crash_at(world, "A", 3)
    assert world.log == ["stopped C", "stopped B"]
    assert world.starts["A"] == 4
    assert world.over
    reason = world.finished.reason
    assert reason.kind is ExitKind.EXHAUSTED
    assert not reason.clean
    assert isinstance(reason.error, BudgetExhausted)
    assert (reason.error.path, reason.error.unit, reason.error.last_cause) == (
        "/top",
        "3 restarts within 10 s",
        "ValueError: A broke",
    )


def test_s28_with_no_budget_the_first_crash_is_the_last():
    """The child is never restarted."""
    world = World(tree("A", max_restarts=0)).boot().crash("A")
    assert world.over
    assert world.starts == {"A": 1}


def test_s29_the_window_slides():
    """At 11 the crash at 0 has left the window; at 18 there are three in it."""
    world = World(tree("A", max_restarts=2, within=10)).boot()
    crash_at(world, "A", 0, 9, 11)
    assert world.alive() == ["A"]
    assert not world.over
    crash_at(world, "A", 18)
    assert world.over


@pytest.mark.parametrize(("second", "alive"), [(10.0, False), (10.000_000_001, True)])
def test_s30_the_bound_is_inclusive_to_the_nanosecond(second, alive):
    """An entry exactly as old as the window still counts."""
    world = World(tree("A", max_restarts=1, within=10)).boot()
    crash_at(world, "A", 0, second)
    assert world.over is not alive


def test_s31_each_failed_attempt_is_charged():
    """Three attempts fit; then the supervisor gives up."""
    world = World(tree("A", max_restarts=3)).boot()
    world.scripts["A"] = Script(fails=lambda _: OSError("no port"))
    world.crash("A")
    assert world.starts["A"] == 1 + 3
    assert world.over
    assert world.given_up[0].last_cause == "OSError: no port"


def test_s32_what_an_operator_does_is_free():
    """Twenty stops and starts by hand leave the window empty."""
    world = World(tree("A", max_restarts=0)).boot()
    for _ in range(20):
        assert world.stop("A").outcome is Outcome.OK
        assert world.restart("A").outcome is Outcome.STARTED
    assert world.used == 0
    assert not world.over


def test_s33_a_group_restart_costs_one_unit():
    """However many children it moves."""
    ids = [f"c{n}" for n in range(10)]
    world = World(tree(*ids, strategy=ONE_FOR_ALL, max_restarts=1)).boot().crash("c4")
    assert set(world.starts.values()) == {2}
    assert world.used == 1


@pytest.mark.parametrize(("per_child", "alive"), [(True, True), (False, False)])
def test_s34_children_may_have_budgets_of_their_own(per_child, alive):
    """Four children crash once each: with a shared budget of three that is one too many."""
    world = World(tree("A", "B", "C", "D", max_restarts=3, within=5, per_child=per_child)).boot()
    for id in "ABCD":
        world.crash(id, seconds=0.2)
    assert world.over is not alive
    if alive:
        assert world.alive() == ["A", "B", "C", "D"]
        assert world.used == 0


def test_s34_dynamic_children_have_them_by_default():
    """A dynamic supervisor outlives one crash of each child."""
    world = World(dynamic_supervisor("top", max_restarts=3, within=5)).boot()
    for id in "ABCD":
        world.start(kid(id))
        world.crash(id)
    assert world.alive() == ["A", "B", "C", "D"]


def test_s34_a_childs_own_budget_ends_in_quarantine():
    """Its siblings and the supervisor go on."""
    spec = tree(kid("A", budget=Budget(2, 60.0)), "B", max_restarts=0)
    world = World(spec).boot()
    for _ in range(3):
        world.crash("A")
    assert world.states() == {"A": "broken", "B": "running"}
    assert not world.over
    assert world.rows()["A"].until == 30.0


def test_s35_budgets_multiply_down_the_tree():
    """A leaf that always crashes is started (2+1)(1+1) times before the root stops."""
    inner = tree("leaf", name="inner", max_restarts=2, within=1000)
    spec = tree(inner, max_restarts=1, within=1000)
    world = World(spec, leaf=Script(lives=0.1)).boot(60)
    assert world.starts["leaf"] == 6
    assert world.over
    assert world.alive() == []


def test_s36_a_slow_stop_does_not_make_a_group_immortal():
    """The window empties while the sibling stops; the attempts are counted all the same."""
    spec = tree("crashy", kid("slow", shutdown=5.0), strategy=ONE_FOR_ALL, within=1.0)
    world = World(spec, crashy=Script(lives=0.02), slow=Script(stop=2.2)).boot(60)
    assert world.over
    assert world.starts["crashy"] == 2
    assert "not counting the time" in world.given_up[0].unit


def test_s36_a_slow_start_does_not_make_a_child_immortal():
    """Starts that fail late are counted, too."""
    world = World(tree("A", max_restarts=3, within=5)).boot()
    world.scripts["A"] = Script(start=6.0, fails=lambda _: OSError("no"))
    world.crash("A", seconds=60)
    assert world.over
    assert world.starts["A"] == 1 + 3


def test_s36_a_deliberate_wait_is_no_such_loop():
    """A backoff that spaces the attempts as the budget wants is not cut short by it."""
    from harmonium.protocols.backoff import Backoff

    waits = Backoff(6.0, 6.0, jitter=0.0)
    world = World(tree(kid("A", backoff=waits), max_restarts=1, within=5)).boot()
    world.scripts["A"] = Script(fails=lambda _: OSError("no"))
    world.crash("A", seconds=100)
    assert not world.over
    assert world.starts["A"] == 1 + 16


@pytest.mark.parametrize("offset", [-3600.0, 3600.0, 1e9])
def test_s37_only_differences_of_time_count(offset):
    """Shifted by any offset, the same crashes lead to the same decisions."""

    def outcome(start: float) -> list[str]:
        world = World(tree("A", "B", max_restarts=2, within=10))
        world.now = start
        world.boot()
        crash_at(world, "A", start, start + 9, start + 11, start + 18)
        return world.log

    assert outcome(offset) == outcome(0.0)


def test_s38_the_window_holds_no_more_than_lies_within_it():
    """A million crashes with a huge intensity: bounded memory, constant cost."""
    budget, window = Budget(10**9, 0.001), Window()
    began = time.perf_counter()
    for step in range(1_000_000):
        allowed, window = window.spend(budget, step * 1e-6)
        assert allowed
    assert len(window) == 1001
    assert sys.getsizeof(window._stamps) < 100_000
    assert time.perf_counter() - began < 30


def test_s38_the_cost_does_not_grow_with_the_entries():
    """A decision with 200,000 entries in the window costs what one with 200 costs."""

    def cost(entries: int) -> float:
        budget, window = Budget(10**9, entries * 1e-6), Window()
        for step in range(2 * entries):
            _, window = window.spend(budget, step * 1e-6)
        rounds = []
        for batch in range(5):
            began = time.process_time()
            for step in range(2000):
                _, window = window.spend(budget, (2 * entries + batch * 2000 + step) * 1e-6)
            rounds.append(time.process_time() - began)
        return min(rounds)

    assert cost(200_000) < 5 * cost(200)


@pytest.mark.parametrize(
    ("exhausted", "kind", "restarted"),
    [
        (Exhausted.ABNORMAL, ExitKind.EXHAUSTED, True),
        (Exhausted.SHUTDOWN, ExitKind.SHUTDOWN, False),
    ],
)
def test_d2_giving_up_is_abnormal_for_the_parent(exhausted, kind, restarted):
    """A transient supervisor that gave up is restarted, unless it is told to do as OTP does."""
    inner = tree("A", name="inner", max_restarts=0, exhausted=exhausted)
    world = World(tree(child(inner, restart=TRANSIENT))).boot().crash("A")
    assert (world.alive() == ["inner", "A"]) is restarted
    row = world.rows()["inner"]
    assert row.reason.startswith(kind.value)
    assert world.used == int(restarted)


def test_d3_a_root_may_park():
    """It stays with all children held, answers, and starts them again when it is told to."""
    spec = tree("A", "B", max_restarts=0, on_root_exhausted=RootExhausted.PARK)
    world = World(spec).boot().crash("A")
    assert world.finished is None
    assert world.states() == {"A": "held", "B": "held"}
    assert world.given_up
    assert world.restart("A").outcome is Outcome.STARTED
    assert world.alive() == ["A"]


def test_d3_only_a_root_that_was_up_parks():
    """Below the root, and during the boot, giving up is always an exit."""
    inner = tree("A", name="inner", max_restarts=0, on_root_exhausted=RootExhausted.PARK)
    world = World(tree(inner, max_restarts=0)).boot().crash("A")
    assert world.over
    booting = tree("A", "B", max_restarts=0, on_root_exhausted=RootExhausted.PARK)
    world = World(booting, B=Script(start=9.0)).boot(1).crash("A", seconds=10)
    assert world.over


def test_d6_a_subtree_has_a_budget_of_its_own():
    """Restarts anywhere below are counted; the end is escalation."""
    left = tree("A", name="left", max_restarts=9)
    right = tree("B", name="right", max_restarts=9)
    spec = tree(left, right, "C", max_restarts=9, subtree=Budget(3, 60.0))
    world = World(spec).boot()
    world.crash("A").crash("B").crash("C")
    assert not world.over
    world.crash("A")
    assert world.over
    assert world.given_up[0].unit == "3 restarts within 60 s in its subtree"


def test_d6_a_subtree_budget_reaches_down_through_levels():
    """Every supervisor below reports to the one above it."""
    leaf = tree("A", name="low", max_restarts=9)
    spec = tree(tree(leaf, name="mid", max_restarts=9), max_restarts=9, subtree=Budget(1, 60.0))
    world = World(spec).boot().crash("A")
    assert not world.over
    assert world.crash("A").over


def test_d6_without_a_subtree_budget_nobody_reports():
    """No message goes up for a restart that nobody counts."""
    world = World(tree(tree("A", name="inner"))).boot().crash("A")
    kinds = [type(effect).__name__ for effect in world.node_of("A").effects]
    assert "Spend" not in kinds


@pytest.mark.parametrize("strategy", [ONE_FOR_ALL, REST_FOR_ONE])
def test_an_instant_restart_is_decided_by_the_window_alone(strategy):
    """Where stops and starts take no time, the count of attempts decides nothing else."""
    world = World(tree("A", "B", strategy=strategy, max_restarts=2, within=10)).boot()
    crash_at(world, "A", 0, 9, 11)
    assert not world.over
    crash_at(world, "A", 18)
    assert world.over


def test_clean_ends_of_a_permanent_child_are_charged():
    """A permanent child that always returns uses the budget up."""
    world = World(tree("A", max_restarts=2)).boot()
    for _ in range(3):
        world.exit("A", NORMAL)
    assert world.over


def test_a_kill_is_charged_like_a_crash():
    """A hard kill is one unit."""
    assert World(tree("A", max_restarts=1)).boot().exit("A", KILLED).used == 1


def test_a_child_that_is_killed_with_its_group_is_awaited():
    """KILL as shutdown ends a sibling at once, and its end is confirmed first."""
    spec = tree("A", kid("B", shutdown=KILL), strategy=ONE_FOR_ALL)
    world = World(spec).boot().clear().crash("A")
    assert world.log == ["killed B", "started A", "started B"]
