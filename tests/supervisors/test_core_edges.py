"""Edges of the pure supervisor that no numbered case names."""

from __future__ import annotations

import attrs
import pytest

from harmonium.protocols.backoff import Backoff
from harmonium.protocols.budget import Budget
from harmonium.protocols.lifecycle import NORMAL, Declined, Exit, Exited, ExitKind
from harmonium.protocols.waiting import DROP
from harmonium.supervisors.core import events as on
from harmonium.supervisors.core.answers import Outcome
from harmonium.supervisors.core.cause import Cause, class_name
from harmonium.supervisors.core.decide import decide, initial, survivors
from harmonium.supervisors.core.effects import Park
from harmonium.supervisors.core.timers import Due, Token
from harmonium.supervisors.spec import child, dynamic_supervisor, partition_supervisor
from harmonium.supervisors.words import (
    ESCALATE,
    ONE_FOR_ALL,
    REST_FOR_ONE,
    REVIVE,
    STAY,
    TEMPORARY,
    TRANSIENT,
)
from tests.supervisors.harness import KILLED, Mail, Script, World, kid, tree

LOST = Exit(ExitKind.LOST)
CRASH = Exit(ExitKind.CRASH, "x", ValueError("x"))


def waits(seconds: float, **fields) -> Backoff:
    return Backoff(seconds, seconds, jitter=0.0, **fields)


# --- causes ---


class Mute(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


def test_a_cause_names_the_classes_of_its_error():
    """The most specific first, without `object`; built-in ones by their bare name."""
    cause = Cause.of(KeyError("sku"))
    assert cause.lineage == ("KeyError", "LookupError", "Exception", "BaseException")
    assert class_name(Mute) == f"{__name__}.Mute"
    assert str(cause) == "KeyError: 'sku'"
    assert str(Cause.of(KeyError())) == "KeyError"


def test_an_error_without_words_does_not_break_the_decision():
    """Its text is replaced."""
    assert Cause.of(Mute()).text == "Mute: its text cannot be made"


# --- the first state ---


def test_the_first_state_refuses_changes():
    """Like every state that `decide` returns."""
    state = initial(tree("A"))
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        state.number = 3
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        state.table.get("A").restarts = 3


def test_inherited_children_are_started_last_and_do_not_fail_the_boot():
    """One that does not start is dropped; the others are inherited again."""
    spec = tree("A", keep_added=True)
    state = initial(spec, added=[kid("D"), kid("E")])
    state, _ = decide(state, on.Boot(), 0.0)
    state, _ = decide(state, on.Started("A", 1), 0.0)
    state, _ = decide(state, on.Failed("D", 1, Cause("no"), on.Phase.START), 0.0)
    state, _ = decide(state, Exited("D", 1, KILLED), 0.0)
    state, effects = decide(state, on.Started("E", 1), 0.0)
    assert "Ready" in [type(one).__name__ for one in effects]
    assert [one.id for one in state.table] == ["A", "E"]
    assert [one.id for one in survivors(state)] == ["E"]


# --- escalation ---


def escalating(**fields) -> World:
    return World(tree(kid("A", directives={ValueError: ESCALATE}, **fields), "B", max_restarts=3))


@pytest.mark.parametrize("how", ["crash", "exit"])
def test_a_stop_after_an_escalation_waits_for_nobody_dead(how):
    """A suspended instance is stopped, one that is gone is not."""
    world = escalating().boot()
    world.crash("A") if how == "crash" else world.exit("A", CRASH)
    assert world.states()["A"] == "escalated"
    assert world.shutdown(1).over


def test_a_resumed_child_is_an_ordinary_one():
    """Its next failure is decided about anew."""
    world = escalating().boot().crash("A")
    world.top.feed(on.Resumed())
    assert world.states()["A"] == "running"
    world.crash("A", KeyError("k"))
    assert world.states()["A"] == "escalated"
    assert len(world.escalated) == 2


@pytest.mark.parametrize("restart", [TRANSIENT, TEMPORARY])
def test_a_resume_leaves_a_child_alone_that_was_stopped_meanwhile(restart):
    """Held, or forgotten."""
    world = escalating(restart=restart).boot().crash("A")
    world.stop("A")
    world.top.feed(on.Resumed())
    assert world.states() == ({"B": "running"} | ({"A": "held"} if restart is TRANSIENT else {}))


def test_a_resumed_start_that_fails_is_charged():
    """The child that was gone is restarted like any other."""
    world = escalating().boot().exit("A", CRASH)
    world.scripts["A"] = Script(fails=lambda n: OSError("no") if n == 2 else None)
    world.top.feed(on.Resumed())
    world.run()
    assert world.alive() == ["A", "B"]
    assert world.used == 1


# --- groups ---


def test_a_backoff_parks_the_mail_of_the_child_that_crashed():
    """Until the group is due."""
    spec = tree(kid("A", backoff=waits(5.0), mail=DROP), "B", strategy=ONE_FOR_ALL)
    world = World(spec).boot(1).crash("A")
    world.top.send("A", Mail("m"))
    assert world.dead == [("m", "dropped")]
    (park,) = [one for one in world.top.effects if isinstance(one, Park)]
    assert (park.child, park.until, park.cause) == ("A", 6.0, "ValueError: A broke")


def test_a_wider_pass_takes_the_place_of_one_that_waits():
    """The timer of the first one is dropped, and its time does not hold any more."""
    spec = tree("A", kid("B", backoff=waits(50.0)), strategy=REST_FOR_ONE, max_restarts=9)
    world = World(spec).boot().crash("B", seconds=1)
    assert world.states()["B"] == "restarting"
    world.crash("A")
    assert world.alive() == ["A", "B"]
    assert not [token for token in world.top.timers if token.due is Due.GROUP]


def group_timer(world: World) -> Token:
    (token,) = [one for one in world.top.timers if one.due is Due.GROUP]
    return token


def test_a_group_starts_even_if_its_timer_fires_a_little_early():
    """Clocks of timers are coarse; nothing may wait for ever."""
    spec = tree(kid("A", backoff=waits(5.0)), "B", strategy=ONE_FOR_ALL)
    world = World(spec).boot().crash("A", seconds=4.999)
    world.top.feed(on.TimerFired(group_timer(world)))
    world.run()
    assert world.alive() == ["A", "B"]


@pytest.mark.parametrize("serial", [0, 99])
def test_a_group_does_not_start_for_another_timer(serial):
    """Only for the one that it set."""
    spec = tree(kid("A", backoff=waits(5.0)), "B", strategy=ONE_FOR_ALL)
    world = World(spec).boot().crash("A", seconds=1)
    world.top.feed(on.TimerFired(Token("", Due.GROUP, serial)))
    assert world.run().alive() == []


def test_a_child_that_is_lost_is_restarted_with_its_group():
    """Nobody waits for a better reason then; its timer is dropped."""
    world = World(tree("A", "B", strategy=ONE_FOR_ALL, max_restarts=3)).boot()
    world.exit("A", LOST)
    world.crash("B", seconds=1)
    assert world.alive() == ["A", "B"]
    assert world.used == 1
    assert world.top.timers == set()


def test_an_escalated_child_that_is_gone_is_restarted_with_its_group():
    """The answer of the parent comes too late and changes nothing."""
    spec = tree(
        kid("A", directives={ValueError: ESCALATE}), "B", strategy=ONE_FOR_ALL, max_restarts=3
    )
    world = World(spec).boot().exit("A", CRASH).crash("B")
    world.top.feed(on.Resumed())
    assert world.run().alive() == ["A", "B"]
    assert world.starts["A"] == 2


def test_a_slow_failing_start_does_not_make_a_group_immortal():
    """The steady time before the crash does not count for the attempts after it."""
    spec = tree("A", "B", strategy=ONE_FOR_ALL, max_restarts=3, within=5)
    world = World(spec).boot(100)
    world.scripts["A"] = Script(start=6.0, fails=lambda _: OSError("no"))
    world.crash("A", seconds=100)
    assert world.over
    assert world.starts["A"] == 1 + 3


def test_a_deliberate_wait_of_a_group_is_no_loop():
    """Attempts that are spaced as the budget wants go on."""
    spec = tree(kid("A", backoff=waits(6.0)), "B", strategy=ONE_FOR_ALL, within=5)
    world = World(spec).boot()
    world.scripts["A"] = Script(fails=lambda _: OSError("no"))
    world.crash("A", seconds=50)
    assert not world.over
    assert world.starts["A"] == 1 + 8


def test_a_slow_failing_start_is_no_time_well_spent():
    """With a spacing of 1 s, a start that never was ready does not count as 1 s of health."""
    world = World(tree("A", max_restarts=5, within=5)).boot()
    world.scripts["A"] = Script(start=6.0, fails=lambda _: OSError("no"))
    assert world.crash("A", seconds=100).over


def test_a_revived_child_whose_start_fails_is_tried_again():
    """It is part of the group now: charged, not held."""
    spec = tree("A", "B", strategy=ONE_FOR_ALL, held=REVIVE, max_restarts=5)
    world = World(spec).boot()
    world.stop("A")
    world.scripts["A"] = Script(fails=lambda n: OSError("no") if n == 2 else None)
    world.crash("B")
    assert world.alive() == ["A", "B"] or world.alive() == ["B", "A"]
    assert world.used == 2


def test_reviving_the_held_does_not_revive_the_quarantined():
    """Each state has its own way back."""
    spec = tree(
        kid("A", budget=Budget(0, 9.0)), "B", strategy=ONE_FOR_ALL, held=REVIVE, completed=STAY
    )
    world = World(spec).boot().crash("A").crash("B")
    assert world.states() == {"A": "broken", "B": "running"}


def test_an_operator_may_resize_while_the_partitions_still_boot():
    """It is accepted at once and carried out when the boot is over."""
    spec = partition_supervisor("top", kid("x"), partitions=2)
    world = World(spec, **{"1": Script(start=1.0)}).boot()
    assert world.order(on.Resize, 1).outcome is Outcome.PENDING
    world.run(1)
    assert world.alive() == ["0"]
    assert world.notices == []
    assert world.order(on.Resize, 2, seconds=1).outcome is Outcome.OK


def test_a_resize_that_waited_and_has_nothing_to_move_is_over_at_once():
    """The next one is not refused."""
    spec = partition_supervisor("top", kid("x"), partitions=2)
    world = World(spec, **{"1": Script(start=1.0)}).boot()
    assert world.order(on.Resize, 2).outcome is Outcome.PENDING
    world.run(1)
    assert world.order(on.Resize, 1, seconds=1).outcome is Outcome.OK
    assert world.alive() == ["0"]


# --- ends ---


def test_a_dynamic_child_that_finished_is_forgotten():
    """Its id is free."""
    world = World(dynamic_supervisor("top")).boot()
    world.start(kid("A", restart=TRANSIENT))
    world.exit("A", NORMAL)
    assert world.rows() == {}


@pytest.mark.parametrize(("why", "text"), [("", "it declined to start"), ("no work", "no work")])
def test_a_child_that_declined_says_why(why, text):
    """In the list; it counts as a normal end."""
    world = World(tree("A"))
    world.top.feed(on.Boot())
    world.top.cells["A"].state = "gone"
    world.top.feed(Declined("A", 1, why))
    assert world.rows()["A"].reason == f"normal: {text}"


def test_a_start_by_hand_that_exits_is_held_with_its_reason():
    """The instance that is gone needs no stop."""
    world = World(tree("A")).boot()
    world.stop("A")
    world.scripts["A"] = Script(start_exit=Exit(ExitKind.CRASH, "boom"))
    reply = world.restart("A")
    assert (reply.outcome, reply.cause) == (Outcome.FAILED, "crash: boom")
    row = world.rows()["A"]
    assert (row.state, row.reason) == ("held", "crash: boom")
    assert world.told[-1] == ("A", "crash: boom")


def test_a_failed_boot_is_a_crash():
    """For whoever looks at the reason only."""
    world = World(tree("A"), A=Script(fails=lambda _: OSError("no"))).boot()
    assert world.finished.reason.kind is ExitKind.CRASH


def test_a_backoff_that_ends_while_the_supervisor_goes_down_starts_nobody():
    """Its turn to be laid down has not come when the timer fires."""
    spec = tree(kid("A", backoff=waits(1.0)), "B", max_restarts=3)
    world = World(spec, B=Script(stop=4.0)).boot().crash("A")
    world.shutdown(10)
    assert world.over
    assert world.starts["A"] == 1


def test_a_huge_backoff_does_not_overflow():
    """Growth stops at the maximum, whatever the numbers."""
    assert Backoff(1e200, 1e300, factor=1e5, jitter=0.0).delay(10**6) == 1e300


def test_a_child_tree_is_listed_as_such():
    """Agents and supervisors side by side."""
    rows = World(tree("A", child(tree("K", name="inner")))).boot().rows()
    assert [row.supervisor for row in rows.values()] == [False, True]
