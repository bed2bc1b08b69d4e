"""Going down, inside the core: who is answered, where it stands, what a parked root forgets."""

from __future__ import annotations

import pytest

from harmonium.protocols.backoff import Backoff
from harmonium.protocols.budget import Budget
from harmonium.protocols.lifecycle import SHUTDOWN, Exit, ExitKind
from harmonium.supervisors.core import events as on
from harmonium.supervisors.core.answers import Outcome, Reply
from harmonium.supervisors.core.child import Status
from harmonium.supervisors.core.decide import decide, initial
from harmonium.supervisors.core.effects import Answer, CancelTimer, Stop
from harmonium.supervisors.core.table import Table
from harmonium.supervisors.core.timers import Due
from harmonium.supervisors.spec import dynamic_supervisor, partition_supervisor
from harmonium.supervisors.words import ONE_FOR_ALL, RootExhausted
from tests.supervisors.harness import Script, World, kid, tree


def answers(effects):
    return [(one.request, one.value) for one in effects if isinstance(one, Answer)]


@pytest.mark.parametrize("end", [on.StopAll(SHUTDOWN), on.KillAll(Exit(ExitKind.KILLED))])
def test_a_start_that_is_under_way_is_answered(end):
    """It will not be ready any more."""
    state, _ = decide(initial(tree("A")), on.Boot(), 0.0)
    state, _ = decide(state, on.Started("A", 1), 0.0)
    state, _ = decide(state, on.StartChild("start", kid("D")), 0.0)
    _, effects = decide(state, end, 0.0)
    assert answers(effects) == [("start", Reply(Outcome.STOPPING, "D"))]


def test_each_who_asked_for_the_end_is_answered_once():
    """Also who asks when it is over."""
    state, _ = decide(initial(tree("A")), on.Boot(), 0.0)
    state, _ = decide(state, on.Started("A", 1), 0.0)
    state, _ = decide(state, on.StopAll(SHUTDOWN, "one"), 0.0)
    state, effects = decide(state, on.Exited("A", 1, SHUTDOWN), 0.0)
    assert answers(effects) == [("one", Reply(Outcome.OK))]
    state, effects = decide(state, on.StopAll(SHUTDOWN, "two"), 0.0)
    assert answers(effects) == [("two", Reply(Outcome.OK))]
    assert state.requests == ()


def test_a_shutdown_stands_at_the_child_that_it_waits_for():
    """What waited for the end of a pass is forgotten."""
    spec = tree("A", "B", "C", strategy=ONE_FOR_ALL)
    world = World(spec, B=Script(stop=1.0)).boot().crash("A", seconds=0.5)
    world.start(kid("D"))
    world.shutdown()
    assert world.top.state.deferred == ()
    world = World(tree("A", "B", "C"), B=Script(stop=1.0)).boot().shutdown(0.5)
    assert world.top.state.cursor == 1


def test_a_parked_root_begins_with_fresh_budgets():
    """An operator starts its children, and they may fail as often as before."""
    spec = tree(
        "A",
        strategy=ONE_FOR_ALL,
        max_restarts=1,
        within=60.0,
        on_root_exhausted=RootExhausted.PARK,
        subtree=Budget(9, 60.0),
    )
    world = World(spec).boot().crash("A").crash("A")
    state = world.top.state
    assert (state.parks, state.streak, len(state.window), len(state.subtree)) == (False, 0, 0, 0)
    world.restart("A")
    world.crash("A")
    assert world.alive() == ["A"]
    world.shutdown(9)
    assert world.over


def test_tables_are_equal_by_their_children():
    """And to nothing else."""
    state, _ = decide(initial(tree("A")), on.Boot(), 0.0)
    other, _ = decide(initial(tree("B")), on.Boot(), 0.0)
    assert state.table != other.table
    assert state.table == decide(initial(tree("A")), on.Boot(), 0.0)[0].table
    assert Table() != []


def test_what_waited_for_the_end_of_a_pass_is_refused_once():
    """In words that name the child, as whoever ordered it has its answer already."""
    spec = tree("A", "B", "C", strategy=ONE_FOR_ALL)
    world = World(spec, B=Script(stop=1.0)).boot()
    world.stop("C")
    world.crash("A", seconds=0.5)
    for reply in (world.start(kid("D")), world.start(kid("D"), id="E"), world.restart("C")):
        assert reply.outcome is Outcome.PENDING
    world.shutdown(9)
    said = "What was ordered came to nothing: stopping."
    assert world.notices == [("D", said), ("E", said), ("C", said)]


def test_a_resize_that_waited_is_refused_in_the_name_of_the_supervisor():
    """It is for all partitions."""
    spec = partition_supervisor("top", kid("x"), partitions=2)
    world = World(spec, **{"1": Script(start=1.0)}).boot()
    assert world.order(on.Resize, 1).outcome is Outcome.PENDING
    world.shutdown(9)
    assert world.notices == [("", "What was ordered came to nothing: stopping.")]


def test_a_pass_that_waits_for_its_backoff_leaves_no_timer():
    """A shutdown gives the pass up."""
    members = [kid("A", backoff=Backoff(5.0, 5.0, jitter=0.0)), "B"]
    world = World(tree(*members, strategy=ONE_FOR_ALL)).boot().crash("A", seconds=1.0)
    world.top.effects.clear()
    world.shutdown()
    cancelled = [one.token.due for one in world.top.effects if isinstance(one, CancelTimer)]
    assert cancelled == [Due.GROUP]
    assert world.over


def test_dynamic_children_are_asked_once_and_only_the_living():
    """One is being stopped already, one waits for its restart."""
    world = World(dynamic_supervisor("top", max_restarts=9), A=Script(stop=1.0)).boot()
    world.start(kid("A"))
    world.start(kid("B", backoff=Backoff(5.0, 5.0, jitter=0.0)))
    world.start(kid("C"))
    world.crash("B")
    world.stop("A")
    world.top.effects.clear()
    world.shutdown(9)
    assert [one.child for one in world.top.effects if isinstance(one, Stop)] == ["C"]
    assert world.over


def test_a_root_that_gives_up_in_the_middle_of_a_group_restart_is_parked_too():
    """Only one that was never up has nobody to keep."""
    spec = tree("A", "B", strategy=ONE_FOR_ALL, on_root_exhausted=RootExhausted.PARK)
    world = World(spec).boot()
    world.scripts["A"] = Script(fails=lambda start: OSError("no"))
    world.crash("B")
    assert world.states() == {"A": "held", "B": "held"}
    assert not world.over


def test_after_a_shutdown_all_are_finished():
    """Nobody waits for a start any more."""
    state = World(tree("A", "B")).boot().shutdown().top.state
    assert [one.status for one in state.table] == [Status.FINISHED, Status.FINISHED]
