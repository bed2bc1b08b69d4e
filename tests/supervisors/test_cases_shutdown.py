"""Cases S46 to S54: going down, and the end of others."""

from __future__ import annotations

import pytest

from harmonium.protocols.lifecycle import NORMAL, SHUTDOWN, Exit, Exited, ExitKind
from harmonium.supervisors.core import events as on
from harmonium.supervisors.core.answers import Outcome
from harmonium.supervisors.spec import child, dynamic_supervisor
from harmonium.supervisors.words import KILL, NEVER_GIVE_UP, ONE_FOR_ALL, TRANSIENT
from tests.supervisors.harness import KILLED, Script, World, kid, tree

SLOW = Script(stop=0.3)


def end_time(world: World, limit: float = 60.0) -> float:
    """Let the world run until its supervisor has ended; tell when that was."""
    began = world.now
    while not world.over and world.now < began + limit:
        world.run(0.01)
    return world.now - began


def test_s46_children_stop_in_reverse_one_at_a_time():
    """Those added at run time stop first; four times 300 ms take 1200 ms."""
    world = World(tree("A", "B", "C"), A=SLOW, B=SLOW, C=SLOW, D=SLOW).boot()
    world.start(kid("D"))
    world.clear().shutdown()
    assert end_time(world) == pytest.approx(1.2, abs=0.02)
    assert world.log == ["stopped D", "stopped C", "stopped B", "stopped A"]
    assert world.finished.reason == SHUTDOWN


def test_s47_dynamic_children_stop_side_by_side():
    """Five times 300 ms take 300 ms."""
    ids = [f"c{n}" for n in range(5)]
    world = World(dynamic_supervisor("top"), **dict.fromkeys(ids, SLOW)).boot()
    for id in ids:
        world.start(kid(id))
    world.clear().shutdown()
    assert end_time(world) == pytest.approx(0.3, abs=0.02)
    assert sorted(world.log) == [f"stopped {id}" for id in ids]


def test_s47_each_dynamic_child_keeps_its_own_limit():
    """What is left at its deadline is killed."""
    world = World(dynamic_supervisor("top"), A=Script(stop=None), B=SLOW).boot()
    world.start(kid("A", shutdown=0.5))
    world.start(kid("B", shutdown=KILL))
    world.clear().shutdown()
    assert end_time(world) == pytest.approx(0.5, abs=0.02)
    assert world.log == ["killed B", "killed A"]


def test_s48_a_child_that_ignores_the_request_is_killed_at_its_limit():
    """It is reported; those behind it were stopped first; the total is bounded."""
    world = World(tree(kid("A", shutdown=0.2), "B"), A=Script(stop=None)).boot().clear()
    world.shutdown()
    assert end_time(world) == pytest.approx(0.2, abs=0.02)
    assert world.log == ["stopped B", "killed A"]
    assert world.notices == [("A", "It did not stop within 0.2 s: killed.")]
    assert world.told[-1] == ("A", "killed")


def test_s48_the_clock_of_the_limit_starts_with_the_request():
    """Each child in turn has its own time."""
    spec = tree(kid("A", shutdown=0.2), kid("B", shutdown=0.2))
    world = World(spec, A=Script(stop=None), B=Script(stop=None)).boot().shutdown(0.3)
    assert world.log[2:] == ["killed B"]
    assert world.run(0.2).over


def test_s49_kill_asks_nobody():
    """The child is gone at once and its cleanup did not run."""
    world = World(tree(kid("A", shutdown=KILL)), A=Script(stop=9.0)).boot().clear().shutdown()
    assert world.over
    assert world.log == ["killed A"]
    assert world.notices == []


def test_s50_never_give_up_waits():
    """Ten seconds are waited for, and nothing is killed."""
    world = World(tree(kid("A", shutdown=NEVER_GIVE_UP)), A=Script(stop=10.0)).boot().clear()
    world.shutdown(9.9)
    assert not world.over
    world.run(0.2)
    assert world.over
    assert world.log == ["stopped A"]


def test_s51_a_child_that_is_dead_already_does_not_hang_the_stop():
    """Its own last word is taken, with its true reason."""
    world = World(tree("A", "B")).boot()
    world.top.exit("A", Exit(ExitKind.CRASH, "boom"))
    world.top.feed(on.StopAll(SHUTDOWN))
    assert world.run(1).over
    assert ("A", "crash: boom") in world.told


@pytest.mark.parametrize(
    ("reason", "noticed"),
    [(Exit(ExitKind.CRASH, "x"), True), (NORMAL, True), (SHUTDOWN, False), (KILLED, False)],
    ids=str,
)
def test_s51_another_reason_than_asked_for_is_reported(reason, noticed):
    """A permanent child that ends with `normal` when it is asked counts as unexpected."""
    world = World(tree("A"), A=Script(stop_reason=reason)).boot().shutdown()
    assert world.over
    assert bool(world.notices) is noticed


def test_s51_a_transient_child_may_say_normal():
    """For it that is a good end."""
    world = World(tree(kid("A", restart=TRANSIENT)), A=Script(stop_reason=NORMAL)).boot()
    assert world.shutdown().notices == []


def nested(**fields) -> tuple:
    inner = tree(kid("leaf", shutdown=9.0), name="inner")
    return tree("A", child(inner, **fields)), {"leaf": Script(stop=0.5)}


def test_s52_without_a_limit_the_leaf_goes_first():
    """Leaf, inner supervisor, root: nothing is orphaned."""
    spec, scripts = nested()
    world = World(spec, **scripts).boot().clear().shutdown(1)
    assert world.over
    assert world.log == ["stopped leaf", "stopped inner", "stopped A"]


def test_s52_a_forced_limit_kills_what_is_left_below():
    """The supervisor is killed at its limit, and its leaf with it."""
    spec, scripts = nested(shutdown=0.1, forced=True)
    world = World(spec, **scripts).boot().clear().shutdown(1)
    assert world.over
    assert world.log == ["killed inner", "killed leaf", "stopped A"]
    assert world.alive() == []


def test_s53_a_killed_supervisor_leaves_nobody_behind_before_it_is_replaced():
    """Its replacement is started only when the end of the old one is confirmed."""
    inner = tree("K", name="inner")
    world = World(tree("A", inner, max_restarts=3)).boot().clear()
    node = world.node_of("K")
    world.top.cells["inner"].state = "gone"
    node.die()
    assert world.alive() == ["A"]
    world.top.feed(Exited("inner", 1, KILLED))
    world.run()
    assert world.log == ["killed K", "started K", "started inner"]
    assert world.used == 1


@pytest.mark.parametrize("strategy", ["one_for_one", "one_for_all"])
def test_s53_a_kill_from_above_ends_all_children_at_once(strategy):
    """KillAll asks nobody, also in the middle of a stop."""
    world = World(tree("A", "B", "C"), B=Script(stop=9.0)).boot().clear()
    if strategy == "one_for_all":
        world.shutdown(1)
    world.top.feed(on.KillAll(KILLED))
    world.run()
    assert world.over
    assert set(world.log) <= {"killed A", "killed B", "killed C", "stopped C"}
    assert len(world.log) == 3


def test_s54_the_end_of_the_parent_is_a_stop_in_order():
    """The supervisor ends with the reason that it was given."""
    gone = Exit(ExitKind.KILLED, "its parent is dead")
    world = World(tree("A", "B")).boot().clear()
    world.top.feed(on.StopAll(gone))
    world.run()
    assert world.log == ["stopped B", "stopped A"]
    assert world.finished.reason == gone


def test_s54_reports_about_strangers_change_nothing():
    """Unknown children, old timers and second orders are inert."""
    from harmonium.supervisors.core.timers import Due, Token

    world = World(tree("A")).boot()
    before = world.top.state
    for event in (
        Exited("stranger", 1, KILLED),
        on.Failed("stranger", 1, on.Cause("x")),
        on.Started("stranger", 1),
        on.TimerFired(Token("stranger", Due.BACKOFF, 1)),
        on.TimerFired(Token("A", Due.BACKOFF, 99)),
        on.TimerFired(Token("", Due.GROUP, 99)),
        on.TimerFired(Token("A", Due.ASIDE, 99)),
        on.Resumed(),
        on.Boot(),
    ):
        world.top.feed(event)
    assert world.top.state.table == before.table
    assert world.top.state.mode is before.mode


def test_the_first_reason_wins_and_every_caller_is_answered():
    """A second order to stop joins the first one."""
    world = World(tree("A"), A=Script(stop=1.0)).boot()
    world.top.feed(on.StopAll(Exit(ExitKind.SHUTDOWN, "first"), "r1"))
    world.top.feed(on.StopAll(Exit(ExitKind.SHUTDOWN, "second"), "r2"))
    assert world.answers == {}
    world.run(1)
    assert world.finished.reason.detail == "first"
    assert [one[1].outcome for one in world.answers["r1"] + world.answers["r2"]] == [
        Outcome.OK,
        Outcome.OK,
    ]
    world.top.gone = False
    world.top.feed(on.StopAll(SHUTDOWN, "r3"))
    assert world.answers["r3"][0][1].outcome is Outcome.OK


def test_a_stop_before_the_boot_ends_at_once():
    """Nothing was started, so nothing has to be stopped."""
    world = World(tree("A"))
    world.top.feed(on.StopAll(SHUTDOWN))
    assert world.over
    assert world.starts == {}


def test_a_stop_during_the_boot_stops_what_was_started():
    """A child that is still starting is stopped, too; the rest is never started."""
    world = World(tree("A", "B", "C"), B=Script(start=5.0)).boot(1).shutdown(1)
    assert world.over
    assert world.log == ["started A", "stopped B", "stopped A"]
    assert "C" not in world.starts


def test_failures_while_going_down_start_nothing():
    """A child that crashes, or fails to start, while its turn to stop has not come is left."""
    world = World(tree("A", "B", "C", max_restarts=9), C=Script(stop=1.0)).boot()
    world.shutdown(0.5)
    world.crash("A")
    world.exit("B", KILLED, seconds=2)
    assert world.over
    assert set(world.starts.values()) == {1}
    assert world.used == 0


def test_commands_are_refused_while_going_down():
    """Starts are refused, stops are answered when the child is gone."""
    world = World(tree("A", "B"), A=Script(stop=1.0)).boot().shutdown(0.5)
    assert world.start(kid("D")).outcome is Outcome.STOPPING
    assert world.restart("B").outcome is Outcome.STOPPING
    assert world.stop("B").outcome is Outcome.OK
    assert world.stop("A") is None
    world.run(1)
    assert world.over


def test_a_start_that_hangs_while_going_down_is_killed_at_its_limit():
    """The stop limit of the child holds then."""
    world = World(tree(kid("A", shutdown=0.5)), A=Script(stop=None)).boot()
    world.scripts["B"] = Script(start=99.0, stop=None)
    assert world.start(kid("B", shutdown=0.5)) is None
    world.shutdown(2)
    assert world.over
    assert world.log == ["started A", "killed B", "killed A"]


def test_an_unlinked_group_is_stopped_with_the_supervisor_in_the_middle_of_a_pass():
    """A shutdown overtakes a group restart; nothing is started any more."""
    spec = tree("A", "B", "C", strategy=ONE_FOR_ALL)
    world = World(spec, C=Script(stop=0.5)).boot().clear().crash("A", seconds=0.1)
    world.shutdown(2)
    assert world.over
    assert world.log == ["stopped C", "stopped B"]
