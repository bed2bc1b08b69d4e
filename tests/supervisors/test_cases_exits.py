"""Cases S9 to S14: restart types and exit reasons."""

from __future__ import annotations

import asyncio
import signal

import pytest

from harmonium.protocols.exits import exit_of_error, exit_of_process
from harmonium.protocols.lifecycle import NORMAL, SHUTDOWN, Exit, Exited, ExitKind
from harmonium.supervisors.core import events as on
from harmonium.supervisors.core.answers import Outcome
from harmonium.supervisors.core.cause import Cause
from harmonium.supervisors.words import TEMPORARY, TRANSIENT
from tests.supervisors.harness import KILLED, Script, World, kid, tree

CLEAN = [NORMAL, SHUTDOWN, Exit(ExitKind.SHUTDOWN, "done for today")]
CRASH = Exit(ExitKind.CRASH, "boom")
EVERY = [*CLEAN, CRASH, KILLED, Exit(ExitKind.EXHAUSTED)]


@pytest.mark.parametrize("reason", EVERY, ids=str)
def test_s9_a_permanent_child_is_restarted_whatever_the_reason(reason):
    """Each restart costs one unit, also after a clean end."""
    world = World(tree("A", max_restarts=3)).boot()
    world.exit("A", reason)
    assert world.alive() == ["A"]
    assert world.incarnation("A") == 2
    assert world.used == 1


@pytest.mark.parametrize("reason", CLEAN, ids=str)
def test_s10_a_transient_child_that_ended_cleanly_stays_away(reason):
    """Its spec stays listed without an incarnation; nothing is charged or reported."""
    world = World(tree(kid("A", restart=TRANSIENT))).boot()
    world.exit("A", reason)
    assert world.alive() == []
    row = world.rows()["A"]
    assert (row.state, row.incarnation) == ("finished", 0)
    assert world.used == 0
    assert world.notices == []
    assert not world.over


@pytest.mark.parametrize("reason", [CRASH, KILLED, Exit(ExitKind.LOST)], ids=str)
def test_s11_a_transient_child_that_ended_badly_is_restarted(reason):
    """It costs one unit, and the reason is kept as it was reported."""
    world = World(tree(kid("A", restart=TRANSIENT))).boot()
    world.exit("A", reason, seconds=1)
    assert world.alive() == ["A"]
    assert world.used == 1
    assert world.rows()["A"].reason == str(reason)


def test_s11_a_transient_child_whose_handler_raised_is_restarted():
    """An exception is an abnormal end."""
    world = World(tree(kid("A", restart=TRANSIENT))).boot().crash("A")
    assert world.alive() == ["A"]
    assert world.used == 1


@pytest.mark.parametrize("reason", EVERY, ids=str)
def test_s12_a_temporary_child_goes_with_its_spec(reason):
    """Nothing is charged, and the id can be used again at once."""
    world = World(tree(kid("A", restart=TEMPORARY))).boot()
    world.exit("A", reason)
    assert world.rows() == {}
    assert world.used == 0
    assert world.start(kid("A")).outcome is Outcome.STARTED


def test_s12_a_temporary_child_whose_handler_raised_is_torn_down():
    """Its failed instance is stopped, then it is forgotten."""
    world = World(tree("B", kid("A", restart=TEMPORARY))).boot().crash("A")
    assert list(world.rows()) == ["B"]
    assert world.used == 0
    assert world.told == [("A", "crash: ValueError: A broke")]


class CancelledError(Exception):
    """Stand in for a cancellation of another library: the name counts."""


ENDS = [
    (exit_of_error(None), ExitKind.NORMAL),
    (exit_of_error(ValueError("x")), ExitKind.CRASH),
    (exit_of_error(asyncio.CancelledError()), ExitKind.CRASH),
    (exit_of_error(asyncio.CancelledError(), requested=True), ExitKind.SHUTDOWN),
    (exit_of_error(ValueError("x"), requested=True), ExitKind.CRASH),
    (exit_of_error(CancelledError(), requested=True), ExitKind.SHUTDOWN),
    (exit_of_error(KeyboardInterrupt()), ExitKind.CRASH),
    (exit_of_error(SystemExit(0)), ExitKind.CRASH),
    (exit_of_error(SystemExit(3)), ExitKind.CRASH),
    (exit_of_process(0), ExitKind.LOST),
    (exit_of_process(3), ExitKind.LOST),
    (exit_of_process(-signal.SIGKILL), ExitKind.KILLED),
    (exit_of_process(-signal.SIGTERM), ExitKind.KILLED),
    (exit_of_process(None), ExitKind.LOST),
]


@pytest.mark.parametrize(("reason", "kind"), ENDS, ids=str)
def test_s13_every_way_to_end_has_one_reason_class(reason, kind):
    """Returns, exceptions, cancellations, exits and signals map to one documented class each."""
    assert reason.kind is kind
    assert reason.clean is (kind in (ExitKind.NORMAL, ExitKind.SHUTDOWN))


def test_s13_the_texts_name_what_happened():
    """A report says class and text, code or signal."""
    assert exit_of_error(ValueError("x")).detail == "ValueError: x"
    assert exit_of_error(KeyboardInterrupt()).detail == "KeyboardInterrupt"
    assert exit_of_process(3).detail == "its process ended with code 3"
    assert exit_of_process(-9).detail == "signal 9"


def test_s14_a_late_report_of_an_old_incarnation_is_inert():
    """No restart, no charge, the same incarnation."""
    world = World(tree("A", max_restarts=3)).boot().crash("A")
    state = world.top.state
    for event in (
        Exited("A", 1, KILLED),
        on.Failed("A", 1, Cause("late")),
        Exited("A", 7, KILLED),
        Exited("nobody", 1, KILLED),
        on.Started("A", 1),
        on.Declined("A", 1),
        on.Overran("A", 1, 9.0),
    ):
        world.top.feed(event)
    world.run()
    assert world.incarnation("A") == 2
    assert world.used == 1
    assert world.top.state.table == state.table
    assert not [one for one in world.top.records[-7:] if one.effects or one.verdicts]
    assert world.alive() == ["A"]


def test_s14_a_reused_id_never_meets_its_old_reports():
    """Incarnations of a new child begin above those of a removed one with the same id."""
    world = World(tree(kid("A", restart=TEMPORARY), max_restarts=9)).boot()
    world.exit("A", CRASH)
    world.start(kid("A"))
    assert world.incarnation("A") == 2
    world.top.feed(Exited("A", 1, KILLED))
    world.run()
    assert world.alive() == ["A"]
    assert world.used == 0


def test_s14_a_child_that_was_asked_to_stop_and_says_another_reason_is_reported():
    """The stop goes on; a person can read about it."""
    world = World(tree("A"), A=Script(stop_reason=CRASH)).boot().shutdown()
    assert world.over
    assert world.notices == [
        ("A", "It was asked to stop and ended for another reason: crash: boom.")
    ]
