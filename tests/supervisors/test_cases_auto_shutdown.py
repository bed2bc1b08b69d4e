"""Cases S63 to S66: automatic shutdown."""

from __future__ import annotations

import pytest

from harmonium.protocols.backoff import Backoff
from harmonium.protocols.lifecycle import NORMAL, ExitKind
from harmonium.supervisors.spec import child
from harmonium.supervisors.words import (
    ALL_SIGNIFICANT,
    ANY_SIGNIFICANT,
    ONE_FOR_ALL,
    PERMANENT,
    STOP,
    TEMPORARY,
    TRANSIENT,
)
from tests.supervisors.harness import KILLED, Script, World, kid, tree


def key(id: str, restart=TRANSIENT, **fields):
    return kid(id, restart=restart, significant=True, **fields)


def test_s63_the_end_of_a_significant_child_ends_the_supervisor():
    """Its siblings are stopped, and the reason is a shutdown."""
    world = World(tree("A", key("S"), auto_shutdown=ANY_SIGNIFICANT)).boot().clear()
    world.exit("S", NORMAL)
    assert world.over
    assert world.log == ["stopped A"]
    assert world.finished.reason.kind is ExitKind.SHUTDOWN
    assert "S ended" in world.finished.reason.detail


def test_s63_the_crash_of_a_transient_one_is_no_end():
    """It is restarted and the supervisor stays."""
    world = World(tree("A", key("S"), auto_shutdown=ANY_SIGNIFICANT)).boot().crash("S")
    assert world.alive() == ["A", "S"]
    assert not world.over


@pytest.mark.parametrize("reason", [NORMAL, KILLED], ids=str)
def test_s63_any_end_of_a_temporary_one_counts(reason):
    """It is not restarted, so it has ended."""
    spec = tree("A", key("S", TEMPORARY), auto_shutdown=ANY_SIGNIFICANT)
    assert World(spec).boot().exit("S", reason).over


def test_s63_a_stop_by_its_table_of_exceptions_counts():
    """The child ended by itself and is not restarted."""
    spec = tree("A", key("S", directives={OSError: STOP}), auto_shutdown=ANY_SIGNIFICANT)
    assert World(spec).boot().crash("S", OSError("x")).over


def test_s63_the_end_of_another_child_does_not_count():
    """Only significant ones matter."""
    spec = tree(kid("A", restart=TRANSIENT), key("S"), auto_shutdown=ANY_SIGNIFICANT)
    assert not World(spec).boot().exit("A", NORMAL).over


def test_s64_all_significant_waits_for_the_last_active_one():
    """A child in backoff is active."""
    waits = Backoff(5.0, 5.0, jitter=0.0)
    spec = tree(
        "A", key("S1"), key("S2", backoff=waits), auto_shutdown=ALL_SIGNIFICANT, max_restarts=9
    )
    world = World(spec).boot().crash("S2")
    world.exit("S1", NORMAL)
    assert not world.over
    world.run(10)
    assert world.alive() == ["A", "S2"]
    assert world.exit("S2", NORMAL).over


def test_s65_an_operators_stop_is_no_automatic_shutdown():
    """The supervisor stays."""
    world = World(tree("A", key("S"), auto_shutdown=ANY_SIGNIFICANT)).boot()
    world.stop("S")
    assert world.alive() == ["A"]
    assert not world.over


@pytest.mark.parametrize("restart", [TRANSIENT, TEMPORARY])
def test_s65_a_stop_with_the_group_is_no_automatic_shutdown(restart):
    """A sibling's crash stops the significant child, and the supervisor stays."""
    spec = tree("A", key("S", restart), strategy=ONE_FOR_ALL, auto_shutdown=ANY_SIGNIFICANT)
    world = World(spec).boot().crash("A")
    assert not world.over
    assert ("S" in world.alive()) is (restart is TRANSIENT)


def test_s65_a_held_child_counts_as_ended_for_the_last_one():
    """With all_significant, only active children keep the supervisor up."""
    spec = tree("A", key("S1"), key("S2"), auto_shutdown=ALL_SIGNIFICANT)
    world = World(spec).boot()
    world.stop("S1")
    assert not world.over
    assert world.exit("S2", NORMAL).over


def test_s65_a_child_that_declines_does_not_end_its_supervisor():
    """It never ran."""
    spec = tree("A", key("S"), auto_shutdown=ANY_SIGNIFICANT)
    world = World(spec, S=Script(declines=lambda _: True)).boot()
    assert world.alive() == ["A"]


def inner(**fields):
    return child(tree("K", key("S"), name="inner", auto_shutdown=ANY_SIGNIFICANT), **fields)


def test_s66_a_permanent_supervisor_that_ended_itself_is_restarted():
    """Its clean end is charged like that of any permanent child."""
    world = World(tree("A", inner(restart=PERMANENT))).boot().exit("S", NORMAL)
    assert world.alive() == ["A", "inner", "K", "S"]
    assert world.used == 1


def test_s66_a_transient_one_stays_finished():
    """The outer supervisor stays."""
    world = World(tree("A", inner(restart=TRANSIENT))).boot().exit("S", NORMAL)
    assert world.alive() == ["A"]
    assert world.states()["inner"] == "finished"


def test_s66_a_significant_one_takes_the_outer_one_along():
    """The end goes up only where each level says so."""
    spec = tree("A", inner(restart=TRANSIENT, significant=True), auto_shutdown=ANY_SIGNIFICANT)
    world = World(spec).boot().exit("S", NORMAL)
    assert world.over
    assert world.alive() == []
