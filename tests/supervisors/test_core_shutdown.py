"""Going down, inside the core: who is answered, where it stands, what a parked root forgets."""

from __future__ import annotations

import pytest

from harmonium.protocols.budget import Budget
from harmonium.protocols.lifecycle import SHUTDOWN, Exit, ExitKind
from harmonium.supervisors.core import events as on
from harmonium.supervisors.core.answers import Outcome, Reply
from harmonium.supervisors.core.decide import decide, initial
from harmonium.supervisors.core.effects import Answer
from harmonium.supervisors.core.table import Table
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
