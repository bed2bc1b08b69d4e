"""What children report, inside the core: what counts, and what is inert."""

from __future__ import annotations

import pytest

from harmonium.protocols.lifecycle import Declined, Exit, Exited, ExitKind, Phase
from harmonium.supervisors.core import events as on
from harmonium.supervisors.core.answers import Outcome, Reply
from harmonium.supervisors.core.child import Status
from harmonium.supervisors.core.decide import decide, initial
from harmonium.supervisors.core.effects import (
    Answer,
    CancelTimer,
    Escalate,
    Kill,
    Notice,
    SetTimer,
    Start,
)
from harmonium.supervisors.core.timers import Due
from harmonium.supervisors.spec import dynamic_supervisor
from harmonium.supervisors.words import ESCALATE, ONE_FOR_ALL, PERMANENT, STAY, TRANSIENT
from tests.supervisors.harness import Script, World, kid, tree


def test_a_child_that_is_ready_is_not_watched_any_more():
    """The limit of its start is no limit of its life."""
    world = World(tree(kid("A", start_timeout=5.0))).boot(10.0)
    assert (world.alive(), world.incarnation("A"), world.notices) == (["A"], 1, [])


def test_a_start_that_failed_is_not_watched_any_more():
    """Its timer goes with it."""
    world = World(tree(kid("A", start_timeout=5.0)), A=Script(fails=lambda start: OSError("no")))
    world.boot()
    cancelled = [one.token.due for one in world.top.effects if isinstance(one, CancelTimer)]
    assert cancelled[:1] == [Due.START]


def test_what_comes_late_changes_nothing():
    """A refusal of a child that runs, a failure in its stop hook."""
    world = World(tree("A")).boot()
    world.top.feed(Declined("A", 1, "no"))
    world.top.feed(on.Failed("A", 1, on.Cause("x"), Phase.STOP))
    assert (world.alive(), world.used) == (["A"], 0)


def test_a_lost_child_that_is_lost_again_is_still_waited_for():
    """Only a better reason ends the wait."""
    world = World(tree("A", lost_grace=0.5)).boot().exit("A", Exit(ExitKind.LOST))
    world.top.feed(Exited("A", 1, Exit(ExitKind.LOST)))
    assert world.states() == {"A": "lost"}
    world.run(1.0)
    assert world.alive() == ["A"]


def test_a_reason_that_comes_late_is_kept_only_if_it_is_better():
    """And only for the instance that it is about."""
    world = World(tree("A", lost_grace=0.0, max_restarts=9)).boot()
    world.exit("A", Exit(ExitKind.LOST))
    world.top.feed(Exited("A", 7, Exit(ExitKind.CRASH, "of another one")))
    assert world.rows()["A"].reason == "lost"
    world.top.feed(Exited("A", 1, Exit(ExitKind.LOST, "again")))
    assert world.rows()["A"].reason == "lost"
    world.top.feed(Exited("A", 1, Exit(ExitKind.CRASH, "no memory")))
    assert world.rows()["A"].reason == "crash: no memory"


KILLED = Exit(ExitKind.KILLED)
LOST = Exit(ExitKind.LOST)
CRASH = Exit(ExitKind.CRASH, "x", ValueError("x"))


def of_kind(effects, kind: type) -> list:
    return [one for one in effects if isinstance(one, kind)]


def starting(**fields):
    """A runs, B is starting and watched; gives the state and the timer of that."""
    spec = tree("A", kid("B", start_timeout=5.0), "C", **fields)
    state, _ = decide(initial(spec), on.Boot(), 0.0)
    state, effects = decide(state, on.Started("A", 1), 0.0)
    (timer,) = [one.token for one in of_kind(effects, SetTimer)]
    return state, timer


@pytest.mark.parametrize(
    "end", [on.Failed("B", 1, on.Cause("x"), Phase.START), Exited("B", 1, CRASH)]
)
def test_a_start_that_ends_in_a_shutdown_is_not_watched_any_more(end):
    """Its turn to be laid down may come long after; nobody kills it for being late."""
    spec = tree("A")
    state, _ = decide(initial(spec), on.Boot(), 0.0)
    state, _ = decide(state, on.Started("A", 1), 0.0)
    state, effects = decide(state, on.StartChild(1, kid("B", start_timeout=5.0)), 0.0)
    (timer,) = [one.token for one in of_kind(effects, SetTimer)]
    state, _ = decide(state, on.StartChild(2, kid("C")), 0.0)
    state, _ = decide(state, on.StopAll(Exit(ExitKind.SHUTDOWN)), 1.0)
    state, effects = decide(state, end, 2.0)
    assert of_kind(effects, CancelTimer) == [CancelTimer(timer)]
    state, effects = decide(state, on.TimerFired(timer), 5.0)
    assert of_kind(effects, Kill) + of_kind(effects, Notice) == []


def test_a_start_that_is_lost_is_not_watched_any_more():
    """What is waited for now is a better reason."""
    state, timer = starting(lost_grace=0.5)
    state, effects = decide(state, Exited("B", 1, LOST), 1.0)
    assert of_kind(effects, CancelTimer) == [CancelTimer(timer)]
    assert state.table.get("B").status is Status.LOST


def test_an_end_that_is_reported_twice_is_passed_on_once():
    """The parent decides about it; the second report says nothing new."""
    state, _ = decide(initial(tree(kid("A", directives={ValueError: ESCALATE}))), on.Boot(), 0.0)
    state, _ = decide(state, on.Started("A", 1), 0.0)
    state, effects = decide(state, Exited("A", 1, CRASH), 0.0)
    assert len(of_kind(effects, Escalate)) == 1
    state, effects = decide(state, Exited("A", 1, CRASH), 0.0)
    assert of_kind(effects, Escalate) == []
    assert state.escalated == ("A",)


def test_an_end_of_what_never_was_changes_nothing():
    """A child that waits for its turn in the boot has no instance yet."""
    state, _ = decide(initial(tree("A", "B")), on.Boot(), 0.0)
    state, _ = decide(state, Exited("B", 0, KILLED), 0.0)
    child = state.table.get("B")
    assert (child.status, child.reason) == (Status.PENDING, None)


def test_nobody_waits_for_a_better_reason_where_one_is_known():
    """The child failed, its parent has to decide, and then its host is lost."""
    members = kid("A", directives={ValueError: ESCALATE})
    world = World(tree(members, lost_grace=5.0)).boot().crash("A").exit("A", LOST)
    assert (world.alive(), world.incarnation("A")) == (["A"], 2)


def test_nobody_waits_for_a_better_reason_in_a_shutdown():
    """The child is gone, and that is all that counts."""
    world = World(tree("A", "B", lost_grace=5.0), B=Script(stop=1.0)).boot().shutdown()
    world.top.effects.clear()
    world.exit("A", LOST)
    assert of_kind(world.top.effects, SetTimer) == []
    assert world.states() == {"A": "finished", "B": "stopping"}


def test_a_child_whose_stop_ends_in_a_shutdown_is_finished():
    """An operator had stopped it; its turn to be laid down comes later."""
    world = World(tree("A", "B"), A=Script(stop=0.5), B=Script(stop=2.0)).boot()
    world.stop("A")
    world.shutdown(1.0)
    assert world.states() == {"A": "finished", "B": "stopping"}


def test_a_child_that_ends_before_its_group_stops_it_comes_back_with_it():
    """Also where those that had finished before stay away."""
    spec = tree("A", "B", "C", strategy=ONE_FOR_ALL, completed=STAY)
    world = World(spec, C=Script(stop=1.0)).boot().crash("B").exit("A", CRASH)
    assert world.run(2.0).alive() == ["A", "B", "C"]
    assert world.used == 1


def test_a_state_keeps_the_words_of_an_end_and_not_its_exception():
    """The frames of an exception would be kept alive with it."""
    world = World(tree("A")).boot().exit("A", CRASH)
    reason = world.top.state.table.get("A").reason
    assert (str(reason), reason.error) == ("crash: x", None)


@pytest.mark.parametrize(
    ("restart", "reason", "said"),
    [
        (TRANSIENT, Exit(ExitKind.CRASH, "x"), 1),
        (TRANSIENT, Exit(ExitKind.NORMAL), 0),
        (PERMANENT, Exit(ExitKind.NORMAL), 1),
        (PERMANENT, Exit(ExitKind.SHUTDOWN), 0),
    ],
)
def test_an_end_for_another_reason_than_the_stop_is_reported(restart, reason, said):
    """A permanent child does not end by itself; nobody crashes when asked to stop."""
    world = World(tree(kid("A", restart=restart)), A=Script(stop_reason=reason)).boot()
    world.stop("A")
    assert len(world.notices) == said


def test_a_dynamic_child_that_is_stopped_is_forgotten():
    """Whatever its restart type is."""
    world = World(dynamic_supervisor("top")).boot()
    world.start(kid("A", restart=PERMANENT))
    assert world.stop("A").outcome is Outcome.OK
    assert world.rows() == {}


def test_a_restart_that_takes_too_long_is_tried_again():
    """And charged each time, until the budget is used up."""
    world = World(tree(kid("A", start_timeout=1.0), max_restarts=3, within=60.0)).boot()
    world.scripts["A"] = Script(start=9.0)
    world.crash("A", seconds=1.5)
    assert (world.used, world.starts["A"]) == (2, 3)
    world.run(9.0)
    assert (world.over, world.starts["A"]) == (True, 4)


def test_a_restart_that_takes_too_long_is_not_charged_apart_from_its_group():
    """The group is restarted again, and the child that is being killed comes back with it."""
    members = ["A", kid("B", start_timeout=1.0)]
    spec = tree(*members, strategy=ONE_FOR_ALL, completed=STAY, max_restarts=9)
    state, _ = decide(initial(spec), on.Boot(), 0.0)
    for child in ("A", "B"):
        state, _ = decide(state, on.Started(child, 1), 0.0)
    state, _ = decide(state, on.Failed("B", 1, on.Cause("x")), 1.0)
    state, _ = decide(state, Exited("B", 1, KILLED), 1.0)
    state, _ = decide(state, Exited("A", 1, Exit(ExitKind.SHUTDOWN)), 1.0)
    state, effects = decide(state, on.Started("A", 2), 1.0)
    (timer,) = [one.token for one in of_kind(effects, SetTimer)]
    state, effects = decide(state, on.TimerFired(timer), 2.0)
    assert of_kind(effects, Kill) == [Kill("B", 2)]
    state, _ = decide(state, on.Failed("A", 2, on.Cause("y")), 2.0)
    state, _ = decide(state, Exited("A", 2, KILLED), 2.0)
    used = len(state.window)
    state, effects = decide(state, Exited("B", 2, KILLED), 2.0)
    assert [one.child for one in of_kind(effects, Start)] == ["A"]
    assert len(state.window) == used
    state, effects = decide(state, on.Started("A", 3), 2.0)
    assert [one.child for one in of_kind(effects, Start)] == ["B"]


def test_an_added_child_that_takes_too_long_is_forgotten_though_its_group_restarts():
    """Whoever added it hears that it failed; the group comes back without it."""
    state, _ = decide(initial(tree("A", strategy=ONE_FOR_ALL)), on.Boot(), 0.0)
    state, _ = decide(state, on.Started("A", 1), 0.0)
    state, effects = decide(state, on.StartChild("start", kid("D", start_timeout=1.0)), 0.0)
    (timer,) = [one.token for one in of_kind(effects, SetTimer)]
    state, _ = decide(state, on.TimerFired(timer), 1.0)
    state, _ = decide(state, on.Failed("A", 1, on.Cause("x")), 1.0)
    state, effects = decide(state, Exited("D", 1, KILLED), 1.0)
    reply = Reply(Outcome.FAILED, "D", 0, "it was not ready within 1 s")
    assert of_kind(effects, Answer) == [Answer("start", reply)]
    assert state.table.get("D") is None


def test_a_handler_that_was_long_at_work_is_reported_while_its_child_runs():
    """Once it is being stopped, the stop has a limit of its own."""
    world = World(tree("A"), A=Script(stop=1.0)).boot()
    world.top.feed(on.Overran("A", 1, 2.0))
    assert len(world.notices) == 1
    world.stop("A")
    world.top.feed(on.Overran("A", 1, 3.0))
    assert len(world.notices) == 1
