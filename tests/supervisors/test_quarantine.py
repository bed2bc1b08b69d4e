"""A broken child as a state: quarantine and half-open trials."""

from __future__ import annotations

from harmonium.protocols.backoff import Backoff
from harmonium.protocols.budget import Budget
from harmonium.protocols.waiting import Refuse
from harmonium.supervisors.core import events as on
from harmonium.supervisors.core.answers import Outcome
from harmonium.supervisors.words import ONE_FOR_ALL
from tests.supervisors.harness import KILLED, Mail, Script, World, kid, tree

CURE = Backoff(10.0, 100.0, jitter=0.0, stable_for=5.0)


def broken(how: str = "crash", **fields) -> World:
    """A world in which A has just used up its own budget."""
    spec = tree(kid("A", budget=Budget(1, 60.0), quarantine=CURE), "B", **fields)
    world = World(spec).boot().crash("A")
    return world.crash("A") if how == "crash" else world.exit("A", KILLED)


def test_who_asks_hears_at_once():
    """Waiting and arriving mail is refused with the time and the cause."""
    world = World(tree(kid("A", budget=Budget(0, 60.0), quarantine=CURE), "B")).boot()
    world.top.send("A", Mail("m1", error=ValueError("x")))
    world.top.cells["A"].mailbox.append(Mail("m2"))
    world.run(1)
    world.top.send("A", Mail("m3"))
    refusal = Refuse(10.0, "ValueError: x")
    assert world.replies == [("m2", refusal), ("m3", refusal)]
    assert world.told == []


def test_the_siblings_go_on():
    """Neither the supervisor's budget nor anybody else is touched."""
    for how in ("crash", "exit"):
        world = broken(how, strategy=ONE_FOR_ALL)
        incarnation = world.incarnation("B")
        world.run(5)
        assert world.states() == {"A": "broken", "B": "running"}
        assert world.incarnation("B") == incarnation
        assert world.used == 0


def test_a_trial_that_fails_soon_begins_a_longer_quarantine():
    """10, 20, 40, 80, 100, 100 seconds."""
    world = broken()
    world.scripts["A"] = Script(lives=1.0)
    times = []
    for _ in range(6):
        times.append(world.rows()["A"].until - world.now)
        world.run(times[-1] + 1.5)
    assert [round(time, 6) for time in times] == [10, 19.5, 39.5, 79.5, 99.5, 99.5]


def test_a_trial_whose_start_fails_is_a_failed_trial():
    """It is not tried again before the next quarantine is over."""
    world = broken()
    world.scripts["A"] = Script(fails=lambda _: OSError("no"))
    starts = world.starts["A"]
    world.run(10.5)
    assert world.starts["A"] == starts + 1
    assert world.rows()["A"].until == 10.0 + 20.0


def test_a_trial_that_lasts_ends_the_quarantine():
    """The next crash is an ordinary one, with a fresh budget."""
    world = broken().run(10)
    assert world.states()["A"] == "running"
    world.run(5).crash("A")
    assert world.states()["A"] == "running"
    world.crash("A")
    assert world.states()["A"] == "broken"
    assert world.rows()["A"].until == world.now + 10.0


def test_mail_flows_during_the_trial():
    """A trial without work would prove nothing."""
    world = broken().run(10)
    world.top.send("A", Mail("m1"))
    assert [m for _, _, m, ok in world.worked if ok] == ["m1"]


def test_an_operator_may_try_it_at_once():
    """A restart by hand ends the quarantine; a stop holds the child."""
    world = broken()
    assert world.delete("A").outcome is Outcome.RESTARTING
    assert world.restart("A").outcome is Outcome.STARTED
    world.crash("A")
    assert world.states()["A"] == "running"
    world = broken()
    assert world.stop("A").outcome is Outcome.OK
    world.run(100)
    assert world.states()["A"] == "held"


def test_a_trial_waits_for_a_pass_that_is_under_way():
    """The start order of the group holds."""
    spec = tree(
        kid("A", budget=Budget(0, 60.0), quarantine=CURE),
        "B",
        "C",
        strategy=ONE_FOR_ALL,
        max_restarts=9,
    )
    world = World(spec, C=Script(stop=4.0)).boot().crash("A").run(8).clear()
    world.crash("B", seconds=3.5)
    assert world.log == []
    world.run(5)
    assert world.log == ["stopped C", "started B", "started C", "started A"]


def test_a_shutdown_does_not_wait_for_a_trial():
    """Nothing is started any more."""
    world = broken()
    world.deaf_timers = True
    assert world.shutdown().over
    world.run(100)
    assert world.alive() == []


def test_a_broken_child_keeps_its_place_in_a_group_restart():
    """It is neither stopped nor started with the group."""
    world = broken(strategy=ONE_FOR_ALL, max_restarts=9).clear().crash("B")
    assert world.log == ["started B"]
    assert world.states() == {"A": "broken", "B": "running"}


def test_the_streak_of_a_child_with_its_own_budget_counts():
    """A slow start does not make it immortal either."""
    spec = tree(kid("A", budget=Budget(2, 5.0), quarantine=CURE))
    world = World(spec, A=Script(start=6.0)).boot(7)
    world.scripts["A"] = Script(start=6.0, fails=lambda _: OSError("no"))
    world.crash("A", seconds=13)
    assert world.states()["A"] == "broken"


def test_the_count_of_children_leaves_it_out():
    """It is listed and not active."""
    assert broken().order(on.CountChildren).active == 1
