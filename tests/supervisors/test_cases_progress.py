"""Cases S39 to S45: while a restart is in progress."""

from __future__ import annotations

import pytest

from harmonium.protocols.backoff import Backoff
from harmonium.protocols.lifecycle import NORMAL, Exit, Exited, ExitKind
from harmonium.supervisors.core import events as on
from harmonium.supervisors.core.answers import Counts, Outcome
from harmonium.supervisors.spec import dynamic_supervisor
from harmonium.supervisors.words import ONE_FOR_ALL, TRANSIENT
from tests.supervisors.harness import KILLED, Script, World, kid, tree

SLOW = Backoff(60.0, 60.0, jitter=0.0)
LOST = Exit(ExitKind.LOST, "connection closed")
CRASH = Exit(ExitKind.CRASH, "boom")


def waiting(how: str = "crash", **fields) -> World:
    """A world with A in backoff for 60 s, and B."""
    world = World(tree(kid("A", backoff=SLOW), "B", max_restarts=9, **fields)).boot().clear()
    return world.crash("A") if how == "crash" else world.exit("A", KILLED)


@pytest.mark.parametrize("how", ["crash", "exit"])
def test_s39_a_child_in_backoff_is_restarting(how):
    """It is listed as restarting, not counted as active, and cannot be started or deleted."""
    world = waiting(how)
    row = world.rows()["A"]
    assert (row.state, row.incarnation, row.until) == ("restarting", 0, 60.0)
    assert world.count() == Counts(specs=2, active=1, supervisors=0, agents=2)
    assert world.restart("A").outcome is Outcome.RESTARTING
    assert world.delete("A").outcome is Outcome.RESTARTING
    assert world.start(kid("A")).outcome is Outcome.ALREADY_PRESENT
    assert world.order(on.GetSpec, "A").id == "A"


def test_s39_a_child_whose_restart_is_under_way_is_restarting():
    """The same holds while its start is being tried."""
    world = World(tree("A", "B", max_restarts=9), A=Script(start=1.0)).boot(5)
    world.crash("A", seconds=0.5)
    assert world.rows()["A"].state == "restarting"
    assert world.count().active == 1
    assert world.restart("A").outcome is Outcome.RESTARTING
    assert world.delete("A").outcome is Outcome.RESTARTING
    assert world.start(kid("A")).outcome is Outcome.ALREADY_PRESENT


@pytest.mark.parametrize("how", ["crash", "exit"])
@pytest.mark.parametrize("deaf", [False, True])
def test_s40_stopping_a_child_in_backoff_cancels_its_restart(how, deaf):
    """It is answered at once, and no time brings the child back, even if the timer fires."""
    world = waiting(how)
    world.deaf_timers = deaf
    assert world.stop("A").outcome is Outcome.OK
    world.run(600)
    assert world.log == []
    assert world.states()["A"] == "held"
    assert ("A" in dict(world.told)) is True


def test_s40_stopping_a_child_whose_retries_go_on_cancels_them():
    """No further attempt follows."""
    world = World(tree("A", max_restarts=99), A=Script(start=1.0)).boot(2)
    world.scripts["A"] = Script(start=1.0, fails=lambda _: OSError("no"))
    world.crash("A", seconds=3.5)
    assert world.stop("A").outcome is Outcome.OK
    starts = world.starts["A"]
    world.run(60)
    assert world.starts["A"] == starts
    assert world.states() == {"A": "held"}


@pytest.mark.parametrize("how", ["crash", "exit"])
@pytest.mark.parametrize("deaf", [False, True])
def test_s41_a_shutdown_does_not_wait_for_a_backoff(how, deaf):
    """The child is never started again."""
    world = waiting(how)
    world.deaf_timers = deaf
    world.shutdown()
    assert world.over
    world.run(600)
    assert world.log == ["stopped B"]


def test_s41_a_shutdown_does_not_wait_for_the_backoff_of_a_group():
    """Nor for a group that waits as a whole."""
    spec = tree(kid("A", backoff=SLOW), "B", strategy=ONE_FOR_ALL)
    world = World(spec).boot().clear().crash("A", seconds=5)
    assert world.log == ["stopped B"]
    assert world.states() == {"A": "restarting", "B": "restarting"}
    world.deaf_timers = True
    assert world.shutdown().over
    world.run(600)
    assert world.alive() == []


def test_a_group_waits_for_the_backoff_of_the_child_that_crashed():
    """Siblings are stopped at once; all are started when the time has come."""
    backoff = Backoff(2.0, 60.0, jitter=0.0)
    spec = tree(kid("A", backoff=backoff), "B", strategy=ONE_FOR_ALL, max_restarts=9, within=9)
    world = World(spec, B=Script(stop=0.5)).boot().clear().crash("A", seconds=1.9)
    assert world.log == ["stopped B"]
    world.run(0.2)
    assert world.log == ["stopped B", "started A", "started B"]
    world.clear().crash("A", seconds=4.1)
    assert world.log == ["stopped B", "started A", "started B"]


def test_s42_queries_are_answered_in_the_middle_of_a_slow_stop():
    """They show the transitional states; nothing waits."""
    spec = tree("A", "B", "C", strategy=ONE_FOR_ALL)
    world = World(spec, B=Script(stop=0.7)).boot().crash("A", seconds=0.35)
    before = world.now
    assert world.states() == {"A": "restarting", "B": "stopping", "C": "restarting"}
    assert world.count() == Counts(specs=3, active=1, supervisors=0, agents=3)
    assert world.order(on.WhichChild, "B").state == "stopping"
    assert world.order(on.WhichChild, "X").outcome is Outcome.NOT_FOUND
    assert world.order(on.GetSpec, "X").outcome is Outcome.NOT_FOUND
    assert world.delete("B").outcome is Outcome.STOPPING
    assert world.restart("B").outcome is Outcome.STOPPING
    assert world.now == before
    world.run(1)
    assert world.alive() == ["A", "B", "C"]


def test_s42_a_start_that_is_asked_for_in_a_pass_follows_it():
    """It is accepted at once, and carried out when the group stands again, in start order."""
    spec = tree("A", "B", strategy=ONE_FOR_ALL)
    world = World(spec, B=Script(stop=0.7)).boot().clear().crash("A")
    before = world.now
    reply = world.start(kid("D"))
    assert (reply.outcome, reply.child, reply.ok) == (Outcome.PENDING, "D", True)
    assert world.start(kid("A")).outcome is Outcome.ALREADY_PRESENT
    assert world.now == before
    world.run(1)
    assert world.log == ["stopped B", "started A", "started B", "started D"]
    assert [len(replies) for replies in world.answers.values()] == [1, 1]


def test_s42_a_start_that_waits_for_a_pass_is_given_up_by_a_shutdown():
    """It is said aloud, as its caller has heard that it was accepted."""
    world = World(tree("A", "B", strategy=ONE_FOR_ALL), B=Script(stop=0.7)).boot().crash("A")
    assert world.start(kid("D")).outcome is Outcome.PENDING
    world.shutdown(5)
    assert "D" not in world.starts
    assert ("D", "What was ordered came to nothing: stopping.") in world.notices


def test_s42_a_restart_that_is_asked_for_in_a_pass_follows_it():
    """The held child comes back after the group, charged to no budget."""
    spec = tree("A", "B", "C", strategy=ONE_FOR_ALL)
    world = World(spec, B=Script(stop=0.7)).boot()
    world.stop("C")
    world.clear().crash("A")
    assert world.restart("C").outcome is Outcome.PENDING
    world.run(1)
    assert world.log == ["stopped B", "started A", "started B", "started C"]
    assert world.used == 1


def test_s42_an_order_that_waited_and_makes_no_sense_any_more_is_noticed():
    """Two starts of one id in a pass: the second comes to nothing, and that is said."""
    spec = tree("A", "B", strategy=ONE_FOR_ALL)
    world = World(spec, B=Script(stop=0.7)).boot().crash("A")
    assert world.start(kid("D")).outcome is Outcome.PENDING
    assert world.start(kid("D")).outcome is Outcome.PENDING
    world.run(1)
    assert world.starts["D"] == 1
    assert ("D", "What was ordered came to nothing: already_started.") in world.notices


def test_s42_a_start_that_waited_and_fails_is_noticed():
    """Nobody waits for its answer any more."""
    spec = tree("A", "B", strategy=ONE_FOR_ALL)
    world = World(spec, B=Script(stop=0.7), D=Script(fails=lambda n: OSError("no"))).boot()
    world.crash("A")
    assert world.start(kid("D")).outcome is Outcome.PENDING
    world.run(1)
    assert world.states().keys() == {"A", "B"}
    assert ("D", "What was ordered came to nothing: failed OSError: no.") in world.notices


def test_an_order_that_does_not_wait_is_answered_at_once():
    """`PENDING`, and then it is done: a slow stop, a slow start, a slow restart."""
    world = World(tree("A"), A=Script(stop=3.0, start=2.0), D=Script(start=2.0)).boot(3)
    before = world.now
    assert world.order(on.StopChild, "A", wait=False).outcome is Outcome.PENDING
    assert world.order(on.StartChild, kid("D"), wait=False).outcome is Outcome.PENDING
    assert world.now == before
    world.run(4)
    assert world.states() == {"A": "held", "D": "running"}
    assert world.order(on.RestartChild, "A", wait=False).outcome is Outcome.PENDING
    world.run(4)
    assert world.states() == {"A": "running", "D": "running"}
    assert all(len(replies) == 1 for replies in world.answers.values())
    assert world.notices == []


def test_a_stop_that_does_not_wait_says_so_when_it_is_done():
    """There is nothing to wait for with a child that is down."""
    world = World(tree("A")).boot()
    world.stop("A")
    assert world.order(on.StopChild, "A", wait=False).outcome is Outcome.OK


def test_s43_the_timer_of_a_deleted_child_does_nothing_to_its_namesake():
    """The serial differs: exactly one incarnation of the new child."""
    world = waiting()
    world.deaf_timers = True
    world.stop("A")
    assert world.delete("A").outcome is Outcome.OK
    assert world.start(kid("A", backoff=SLOW)).outcome is Outcome.STARTED
    incarnation = world.incarnation("A")
    world.run(600)
    assert world.incarnation("A") == incarnation
    world.crash("A", seconds=59)
    assert world.states()["A"] == "restarting"


GOOD, BAD = Exit(ExitKind.SHUTDOWN, "done"), Exit(ExitKind.CRASH, "KeyError: sku")
NOTICES = [
    [BAD, BAD],
    [BAD, BAD, BAD],
    [LOST, BAD],
    [BAD, LOST],
    [LOST, LOST, BAD],
    [BAD, LOST, LOST],
    [LOST, BAD, LOST],
]


@pytest.mark.parametrize("notices", NOTICES, ids=str)
@pytest.mark.parametrize("grace", [0.05, 0.0])
def test_s44_several_notices_are_one_decision(notices, grace):
    """One charge, and the reason of the more informative notice, in any order."""
    world = World(tree("A", max_restarts=9, lost_grace=grace)).boot()
    world.top.cells["A"].state = "gone"
    for reason in notices:
        world.top.feed(Exited("A", 1, reason))
    world.run(1)
    assert world.incarnation("A") == 2
    assert world.used == 1
    assert world.rows()["A"].reason == str(BAD)


def test_s44_a_notice_without_a_reason_waits_a_moment_for_a_better_one():
    """So a transient child that ended well is not restarted by mistake."""
    world = World(tree(kid("A", restart=TRANSIENT))).boot()
    world.top.cells["A"].state = "gone"
    world.top.feed(Exited("A", 1, LOST))
    assert world.states() == {"A": "lost"}
    world.run(0.04)
    world.top.feed(Exited("A", 1, GOOD))
    world.run(1)
    assert world.states() == {"A": "finished"}
    assert world.used == 0


def test_s44_when_nothing_better_comes_the_loss_is_the_reason():
    """The child is restarted after the grace."""
    world = World(tree(kid("A", restart=TRANSIENT))).boot().exit("A", LOST, seconds=0.06)
    assert world.alive() == ["A"]
    assert world.rows()["A"].reason == str(LOST)
    assert world.used == 1


def test_s44_a_failure_and_then_its_exit_are_one_decision():
    """The engine's own notice behind our report says nothing new."""
    world = World(tree("A", max_restarts=9)).boot()
    world.crash("A")
    world.top.feed(Exited("A", 1, LOST))
    world.top.feed(on.Failed("A", 1, on.Cause("late")))
    world.run(1)
    assert world.used == 1
    assert world.incarnation("A") == 2


def test_s44_a_second_failure_of_the_same_incarnation_is_inert():
    """While its group is being stopped, a failed child is failed once."""
    world = World(tree("A", "B", "C", strategy=ONE_FOR_ALL, max_restarts=9), C=Script(stop=0.5))
    world.boot().crash("B").crash("A")
    before = world.top.state.table
    world.top.feed(on.Failed("A", 1, on.Cause("again")))
    assert world.top.state.table == before
    world.run(1)
    assert world.used == 1


@pytest.mark.parametrize("how", ["crash", "exit"])
def test_s45_a_child_may_decline_a_restart(how):
    """It stays listed without an incarnation; there is no retry, and a stop goes well."""
    world = World(tree("A", "B", max_restarts=1)).boot()
    world.scripts["A"] = Script(declines=lambda _: True)
    world.crash("A") if how == "crash" else world.exit("A", KILLED)
    row = world.rows()["A"]
    assert (row.state, row.incarnation) == ("finished", 0)
    assert world.starts["A"] == 2
    assert world.shutdown(1).over


def test_s45_a_dynamic_child_that_declines_is_removed():
    """No phantom entry is left."""
    world = World(dynamic_supervisor("top")).boot()
    world.start(kid("A"))
    world.scripts["A"] = Script(declines=lambda _: True)
    world.crash("A")
    assert world.rows() == {}
    assert world.shutdown(1).over


def test_s45_declining_a_start_by_hand_is_answered():
    """The operator hears that the child declined."""
    world = World(tree("A")).boot()
    world.scripts["B"] = Script(declines=lambda _: True)
    assert world.start(kid("B")).outcome is Outcome.DECLINED
    assert world.states()["B"] == "finished"
    world.exit("A", NORMAL)
