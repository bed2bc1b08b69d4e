"""Starting and stopping one child, inside the core: what is counted, which timers are left."""

from __future__ import annotations

from harmonium.protocols.backoff import Backoff
from harmonium.protocols.budget import Budget
from harmonium.protocols.lifecycle import Exit, ExitKind
from harmonium.supervisors.core import events as on
from harmonium.supervisors.core.answers import Outcome, Reply
from harmonium.supervisors.core.decide import decide, initial
from harmonium.supervisors.core.effects import CancelTimer, Kill, Release, SetTimer, Start, Stop
from harmonium.supervisors.core.timers import Due
from harmonium.supervisors.spec import child
from harmonium.supervisors.words import NEVER_GIVE_UP, ONE_FOR_ALL, TEMPORARY
from tests.supervisors.harness import Script, World, kid, tree


def test_only_restarts_are_counted_as_restarts():
    """Not the first start, and not what an operator orders."""
    world = World(tree("A", max_restarts=9)).boot()
    assert world.rows()["A"].restarts == 0
    world.crash("A").crash("A").crash("A")
    assert world.rows()["A"].restarts == 3
    world.stop("A")
    world.restart("A")
    assert world.rows()["A"].restarts == 3
    world.start(kid("B"))
    assert world.rows()["B"].restarts == 0


def test_a_quarantined_child_that_an_operator_starts_is_not_tried_again():
    """The timer of its trial goes with its quarantine, though its start has no limit."""
    spec = tree(kid("A", budget=Budget(0, 60.0), start_timeout=None))
    world = World(spec).boot().crash("A")
    assert world.rows()["A"].state == "broken"
    world.restart("A")
    assert world.incarnation("A") == 2
    world.run(3600)
    assert (world.incarnation("A"), world.alive()) == (2, ["A"])


def test_only_supervisors_are_told_to_report_their_restarts():
    """Below a supervisor with a budget for its subtree."""
    spec = tree(kid("A"), child(tree("B", name="inner"), id="inner"), subtree=Budget(9, 60.0))
    world = World(spec).boot()
    reports = {one.child: one.reports for one in world.top.effects if isinstance(one, Start)}
    assert reports == {"A": False, "inner": True}


def starting():
    """A child that is starting, with a limit for that; and the timer that watches over it."""
    slow = kid("A", start_timeout=1.0, shutdown=NEVER_GIVE_UP)
    state, effects = decide(initial(tree(slow)), on.Boot(), 0.0)
    (timer,) = [one.token for one in effects if isinstance(one, SetTimer)]
    return state, timer


def test_a_stop_without_a_limit_ends_the_watch_over_the_start():
    """Or the child would be killed for not being ready."""
    state, timer = starting()
    state, effects = decide(state, on.StopChild(1, "A"), 0.5)
    assert effects[:2] == (CancelTimer(timer), Stop("A", 1))
    _, effects = decide(state, on.TimerFired(timer), 1.0)
    assert [one for one in effects if isinstance(one, Kill)] == []


def test_a_kill_ends_the_watch_over_the_start():
    """There is nothing to watch any more."""
    state, timer = starting()
    _, effects = decide(state, on.KillAll(Exit(ExitKind.KILLED)), 0.5)
    assert effects[:2] == (CancelTimer(timer), Kill("A", 1))


def test_a_release_says_whether_the_child_is_forgotten():
    """A held one is not, a temporary one is."""
    world = World(tree("A", kid("T", restart=TEMPORARY))).boot()
    world.stop("A")
    world.stop("T")
    gone = {one.child: one.gone for one in world.top.effects if isinstance(one, Release)}
    assert gone == {"A": False, "T": True}


def test_a_start_that_is_owed_is_answered_when_its_child_is_stopped():
    """It was added, swept up by a group restart before it was ready, and then held."""
    world = World(tree("A", "B", strategy=ONE_FOR_ALL), D=Script(start=9.0), B=Script(stop=2.0))
    assert world.boot().start(kid("D")) is None
    world.crash("A", seconds=1.0)
    assert world.states()["D"] == "pending"
    assert world.stop("D").outcome is Outcome.OK
    assert [reply for _, reply in world.answers[1]] == [Reply(Outcome.STOPPING, "D", 0)]


def test_a_trial_is_off_while_an_operator_starts_the_child():
    """However long that start takes."""
    spec = tree(kid("A", budget=Budget(0, 60.0)))
    world = World(spec).boot().crash("A")
    world.scripts["A"] = Script(start=3600.0)
    world.top.effects.clear()
    world.restart("A")
    cancelled = [one.token.due for one in world.top.effects if isinstance(one, CancelTimer)]
    assert cancelled == [Due.TRIAL]
    world.run(7200)
    assert (world.incarnation("A"), world.alive()) == (2, ["A"])


def test_a_held_child_does_not_show_when_it_would_have_been_restarted():
    """It waited for its backoff when an operator stopped it."""
    world = World(tree(kid("A", backoff=Backoff(5.0, 5.0, jitter=0.0)))).boot().crash("A")
    assert world.rows()["A"].until == 5.0
    world.stop("A")
    assert world.rows()["A"].until is None
