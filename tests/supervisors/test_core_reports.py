"""What children report, inside the core: what counts, and what is inert."""

from __future__ import annotations

from harmonium.protocols.lifecycle import Declined, Exit, Exited, ExitKind, Phase
from harmonium.supervisors.core import events as on
from harmonium.supervisors.core.effects import CancelTimer
from harmonium.supervisors.core.timers import Due
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
