"""Cases S15 to S26: the strategies."""

from __future__ import annotations

import pytest

from harmonium.protocols.lifecycle import NORMAL, Exit, ExitKind
from harmonium.supervisors.core.answers import Outcome
from harmonium.supervisors.words import (
    ONE_FOR_ALL,
    ONE_FOR_ONE,
    REST_FOR_ONE,
    REVIVE,
    STAY,
    TEMPORARY,
    TRANSIENT,
)
from tests.supervisors.harness import KILLED, Script, World, kid, tree

CRASH = Exit(ExitKind.CRASH, "boom")


def incarnations(world: World) -> dict[str, int]:
    return {id: row.incarnation for id, row in world.rows().items()}


def test_s15_one_for_one_touches_nobody_else():
    """Only the crashed child changes."""
    world = World(tree("A", "B", "C")).boot().clear().crash("B")
    assert world.log == ["started B"]
    assert incarnations(world) == {"A": 1, "B": 2, "C": 1}


@pytest.mark.parametrize("how", ["crash", "exit"])
def test_s16_one_for_all_stops_in_reverse_then_starts_in_order(how):
    """No start precedes the confirmed end of the last sibling, however slow it is."""
    world = World(tree("A", "B", "C", strategy=ONE_FOR_ALL), C=Script(stop=0.5)).boot().clear()
    world.crash("B") if how == "crash" else world.exit("B", CRASH)
    world.run(0.49)
    assert world.log == []
    assert set(world.starts.values()) == {1}
    world.run(0.01)
    assert world.log == ["stopped C", "stopped A", "started A", "started B", "started C"]
    assert incarnations(world) == {"A": 2, "B": 2, "C": 2}


def test_s16_a_sibling_that_does_not_stop_is_killed_before_anything_starts():
    """The stop limit of a sibling holds in a group restart, too."""
    spec = tree("A", "B", kid("C", shutdown=2.0), strategy=ONE_FOR_ALL)
    world = World(spec, C=Script(stop=None)).boot().clear().crash("A", seconds=1.9)
    assert world.log == []
    world.run(0.2)
    assert world.log == ["killed C", "stopped B", "started A", "started B", "started C"]


def test_s16_cells_are_kept_in_a_group_restart():
    """Siblings are restarted, not replaced: no ref dies, no watcher is told."""
    world = World(tree("A", "B", "C", strategy=ONE_FOR_ALL)).boot().crash("B")
    assert world.told == []
    assert world.top.cells["A"].hooks == [
        "before_restart(ValueError: B broke, None)",
        "after_restart(ValueError: B broke)",
    ]


def test_s17_rest_for_one_restarts_those_that_came_later():
    """What was started before the crashed child stays as it is."""
    world = World(tree("A", "B", "C", "D", strategy=REST_FOR_ONE)).boot().clear().crash("B")
    assert world.log == ["stopped D", "stopped C", "started B", "started C", "started D"]
    assert incarnations(world) == {"A": 1, "B": 2, "C": 2, "D": 2}


def test_s17_the_last_one_has_nobody_to_take_along():
    """A crash of the last child stops nobody."""
    world = World(tree("A", "B", strategy=REST_FOR_ONE)).boot().clear().crash("B")
    assert world.log == ["started B"]


@pytest.mark.parametrize("how", ["crash", "exit"])
def test_s18_the_crash_of_a_temporary_child_touches_no_sibling(how):
    """The group is affected only if the child itself is to be restarted."""
    spec = tree(kid("T", restart=TEMPORARY), "A", strategy=ONE_FOR_ALL)
    world = World(spec).boot()
    world.crash("T") if how == "crash" else world.exit("T", CRASH)
    assert incarnations(world) == {"A": 1}
    assert world.used == 0


def test_s19_a_temporary_bystander_is_stopped_and_forgotten():
    """It goes with the group and does not come back."""
    spec = tree("A", kid("T", restart=TEMPORARY), "B", strategy=ONE_FOR_ALL)
    world = World(spec).boot().clear().crash("A")
    assert world.log == ["stopped B", "stopped T", "started A", "started B"]
    assert list(world.rows()) == ["A", "B"]
    assert world.told == [("T", "shutdown")]


def test_s20_the_clean_end_of_a_transient_child_touches_no_sibling():
    """The group stays as it is."""
    spec = tree(kid("A", restart=TRANSIENT), "B", strategy=ONE_FOR_ALL)
    world = World(spec).boot().exit("A", NORMAL)
    assert incarnations(world) == {"A": 0, "B": 1}


@pytest.mark.parametrize(("completed", "state"), [(REVIVE, "running"), (STAY, "finished")])
def test_s21_a_finished_transient_child_in_a_group_restart(completed, state):
    """By default it runs again, as in OTP; with completed=STAY it remains finished."""
    spec = tree(kid("T", restart=TRANSIENT), "B", strategy=ONE_FOR_ALL, completed=completed)
    world = World(spec).boot().exit("T", NORMAL).crash("B")
    assert world.states() == {"T": state, "B": "running"}


@pytest.mark.parametrize(("held", "state"), [(STAY, "held"), (REVIVE, "running")])
def test_s22_a_held_child_in_a_group_restart(held, state):
    """By default it stays held until it is restarted by hand; OTP would start it."""
    world = World(tree("A", "B", strategy=REST_FOR_ONE, held=held)).boot()
    world.stop("B")
    world.crash("A")
    assert world.states() == {"A": "running", "B": state}
    if state == "held":
        assert world.restart("B").outcome is Outcome.STARTED


@pytest.mark.parametrize("after", ["run", "finish"])
def test_s22_held_wins_over_finished(after):
    """A finished child that an operator stops is held, so that no group restart revives it."""
    world = World(tree(kid("T", restart=TRANSIENT), "B", strategy=ONE_FOR_ALL)).boot()
    if after == "finish":
        world.exit("T", NORMAL)
    world.stop("T")
    world.crash("B")
    assert world.states() == {"T": "held", "B": "running"}


def test_s22_a_child_that_is_stopped_by_hand_in_the_middle_of_a_pass_stays_down():
    """The hold overtakes the group restart, before and after its own stop."""
    world = World(tree("A", "B", "C", strategy=ONE_FOR_ALL), C=Script(stop=0.5)).boot()
    world.crash("A")
    assert world.stop("A").outcome is Outcome.OK  # it waits for its start
    world.stop("C")  # it is being stopped
    world.run(1)
    assert world.states() == {"A": "held", "B": "running", "C": "held"}


@pytest.mark.parametrize(("keep_added", "left"), [(False, ["A"]), (True, ["A", "D"])])
def test_s23_children_added_at_run_time_take_part_in_group_restarts(keep_added, left):
    """They stand last; a restart of the supervisor itself forgets them unless told otherwise."""
    inner = tree("A", name="inner", strategy=ONE_FOR_ALL, max_restarts=1, keep_added=keep_added)
    world = World(tree(inner, max_restarts=3)).boot()
    request = iter(range(100, 200))
    from harmonium.supervisors.core import events as on

    world.node_of("A").feed(on.StartChild(next(request), kid("D")))
    world.run().clear()
    world.crash("A")
    assert world.log == ["stopped D", "started A", "started D"]
    world.clear().crash("A")
    assert world.alive() == ["inner", *left]


def test_s24_a_failing_start_in_one_for_all_stops_the_started_ones_again():
    """Each pass is retried as a whole and charged, then the supervisor gives up."""
    spec = tree("A", "B", "C", strategy=ONE_FOR_ALL, max_restarts=2, within=60)
    world = World(spec, B=Script(fails=lambda n: OSError("no") if n > 1 else None)).boot().clear()
    world.crash("C")
    assert world.log == [
        "stopped B",
        "stopped A",
        "started A",
        "start-failed B",
        "stopped A",
        "started A",
        "start-failed B",
        "stopped A",
    ]
    assert world.over
    assert world.alive() == []
    assert world.finished.reason.kind is ExitKind.EXHAUSTED


def test_s25_a_failing_start_in_rest_for_one_leaves_the_started_ones():
    """Only the failing child and those after it are tried again."""
    spec = tree("A", "B", "C", strategy=REST_FOR_ONE, max_restarts=3, within=60)
    world = World(spec, C=Script(fails=lambda n: OSError("no") if n > 1 else None)).boot().clear()
    world.crash("B")
    assert world.log == [
        "stopped C",
        "started B",
        "start-failed C",
        "start-failed C",
        "start-failed C",
        "stopped B",
        "stopped A",
    ]
    assert world.starts["C"] == 1 + 3
    assert world.over


SIMULTANEOUS = {
    "a": (ONE_FOR_ALL, ["A", "B"], True),
    "b": (ONE_FOR_ONE, ["A", "B"], False),
    "c": (REST_FOR_ONE, ["A", "C"], True),
    "d": (REST_FOR_ONE, ["C", "A"], False),
}


@pytest.mark.parametrize("case", SIMULTANEOUS)
@pytest.mark.parametrize("how", ["exit", "crash"])
def test_s26_two_ends_before_the_supervisor_looks(case, how):
    """Ends inside a group that is being stopped are absorbed; others are charged."""
    strategy, ends, alive = SIMULTANEOUS[case]
    world = World(tree("A", "B", "C", strategy=strategy, max_restarts=1, within=60)).boot()
    for id in ends:
        world.top.exit(id, KILLED) if how == "exit" else world.top.crash(id)
    world.run()
    assert world.over is not alive
    if alive:
        assert world.used == 1
        assert world.alive() == ["A", "B", "C"]
    else:
        assert world.alive() == []


def test_s26_an_earlier_sibling_that_dies_during_the_pass_widens_it():
    """A second pass begins at it; what was restarted already is stopped and started again."""
    spec = tree("A", "B", "C", strategy=REST_FOR_ONE, max_restarts=5)
    world = World(spec, C=Script(start=0.5)).boot(1).clear()
    world.crash("B", seconds=0.1)
    assert world.log == ["stopped C", "started B"]
    world.clear().crash("A", seconds=1)
    assert world.log == ["stopped C", "stopped B", "started A", "started B", "started C"]
    assert world.used == 2


def test_s26_a_started_child_that_dies_during_the_pass_is_charged():
    """It was restarted already, so its end is a new one."""
    spec = tree("A", "B", strategy=ONE_FOR_ALL, max_restarts=5)
    world = World(spec, B=Script(start=0.5)).boot(1).clear()
    world.crash("B", seconds=0.1).clear()
    world.crash("A", seconds=1)
    assert world.used == 2
    assert world.log == ["stopped B", "started A", "started B"]


def test_s26_a_temporary_child_that_ends_during_the_pass_is_forgotten():
    """Whether it ends by itself or is stopped: it does not come back."""
    spec = tree("A", kid("T", restart=TEMPORARY), "C", strategy=ONE_FOR_ALL, max_restarts=5)
    world = World(spec, C=Script(stop=0.5)).boot().clear()
    world.crash("A")
    world.exit("T", CRASH, seconds=1)
    assert world.alive() == ["A", "C"]
    assert world.used == 1


def test_a_crash_during_boot_is_no_failed_start():
    """A child that was ready and crashes while a later one still starts is restarted."""
    world = World(tree("A", "B", max_restarts=5), B=Script(start=0.5)).boot(0.1)
    world.crash("A", seconds=1)
    assert world.ready
    assert world.alive() == ["A", "B"]
    assert world.used == 1


def test_a_crash_during_boot_restarts_the_group_and_the_boot_goes_on():
    """In a group the boot begins again behind the stops; the rest is started once."""
    spec = tree("A", "B", "C", strategy=ONE_FOR_ALL, max_restarts=5)
    world = World(spec, B=Script(start=0.5)).boot(0.1)
    world.crash("A", seconds=2)
    assert world.log == ["started A", "stopped B", "started A", "started B", "started C"]
    assert world.ready
    assert world.starts == {"A": 2, "B": 2, "C": 1}


def test_a_first_start_that_fails_after_a_group_restart_still_fails_the_boot():
    """The boot is not over before every child was ready once."""
    spec = tree("A", "B", "C", strategy=ONE_FOR_ALL, max_restarts=5)
    scripts = {"B": Script(start=0.5), "C": Script(fails=lambda _: OSError("no"))}
    world = World(spec, **scripts).boot(0.1)
    world.crash("A", seconds=2)
    assert world.over
    assert world.finished.start_failed
