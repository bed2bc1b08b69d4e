"""The decision journal: complete, replayable, explained."""

from __future__ import annotations

import gc
import random
import weakref

import pytest

from harmonium.protocols.backoff import Backoff
from harmonium.protocols.budget import Budget
from harmonium.supervisors.core import events as on
from harmonium.supervisors.core.explain import explain
from harmonium.supervisors.core.replay import replay
from harmonium.supervisors.words import ESCALATE, ONE_FOR_ALL, REST_FOR_ONE, RESUME, TRANSIENT
from tests.supervisors.harness import KILLED, Script, World, kid, tree


def eventful(seed: int) -> World:
    """A world in which a lot has happened."""
    chance = random.Random(seed)
    spec = tree(
        kid("A", backoff=Backoff(0.1, 5.0, jitter=1.0)),
        kid("B", restart=TRANSIENT, budget=Budget(2, 5.0)),
        kid("C", directives={KeyError: RESUME, Exception: ESCALATE}),
        "D",
        strategy=chance.choice([ONE_FOR_ALL, REST_FOR_ONE]),
        max_restarts=20,
    )
    world = World(spec, seed=seed, B=Script(stop=0.3), D=Script(start=0.2)).boot(1)
    errors = [ValueError("x"), KeyError("y"), OSError("z")]
    for number in range(60):
        alive = world.alive()
        what = chance.randrange(8)
        if what < 4 and alive:
            world.crash(chance.choice(alive), chance.choice(errors))
        elif what == 4 and alive:
            world.exit(chance.choice(alive), KILLED)
        elif what == 5:
            world.stop(chance.choice("ABCD"))
        elif what == 6:
            world.restart(chance.choice("ABCD"))
        else:
            world.start(kid(f"n{number}"))
        world.run(chance.choice([0, 0.05, 0.5, 3]))
    return world.shutdown(60)


@pytest.mark.parametrize("seed", range(5))
def test_a_replay_makes_every_decision_again(seed):
    """Same effects, same state, from the journal alone."""
    world = eventful(seed)
    assert len(world.top.records) > 50
    done = replay(world.top.state.spec, world.top.records, path="/top", root=True)
    assert done.deviations == ()
    assert done.state.table == world.top.state.table
    assert done.state.window == world.top.state.window
    assert done.state.mode is world.top.state.mode


def test_a_replay_shows_a_decision_that_differs():
    """With another spec the first decision that depends on it comes out differently."""
    world = World(tree("A", max_restarts=2)).boot().crash("A").crash("A")
    done = replay(tree("A", max_restarts=1), world.top.records, path="/top", root=True)
    first = done.deviations[0]
    assert type(first.record.event).__name__ == "Failed"
    assert "GiveUp" in [type(one).__name__ for one in first.effects]


def test_a_record_holds_the_inputs_of_its_decision():
    """Event, time, draw and the budget before and after."""
    world = World(tree("A", max_restarts=3), seed=1).boot(2.5).crash("A")
    record = next(one for one in world.top.records if one.verdicts[:1] and one.after)
    assert (record.now, record.before, record.after) == (2.5, 0, 1)
    assert 0 < record.draw < 1
    assert [one.choice for one in record.verdicts] == ["restart"]
    assert [one.number for one in world.top.records] == list(range(1, 5))


def test_the_journal_keeps_no_exception_alive():
    """Its frames would hold whole agents."""

    class Boom(Exception):
        pass

    world = World(tree("A", strategy=ONE_FOR_ALL, max_restarts=9)).boot()
    error = Boom("x")
    watch = weakref.ref(error)
    world.crash("A", error)
    world.top.effects.clear()
    del error
    gc.collect()
    assert watch() is None
    assert any("Boom: x" in str(one.verdicts) for one in world.top.records)


def test_queries_are_no_decisions_of_interest():
    """They change nothing and are not written down."""
    world = World(tree("A")).boot()
    before, records = world.top.state, len(world.top.records)
    world.count()
    world.rows()
    world.order(on.WhichChild, "A")
    world.order(on.GetSpec, "A")
    assert world.top.state.table == before.table
    assert len(world.top.records) == records


def test_explain_says_why_a_child_is_where_it_is():
    """One sentence for the present state, one for each decision."""
    spec = tree(kid("A", budget=Budget(1, 60.0)), "B")
    world = World(spec).boot(1).crash("A", seconds=1).crash("A", KeyError("sku"))
    sentences = explain(world.top.records, "A", state=world.top.state)
    assert sentences == [
        (
            "/top/A is quarantined, because its own budget is used up, it is tried again at "
            "32.000 s; its last instance ended: crash: KeyError: 'sku'; it was restarted once."
        ),
        "At 0.000 s: ready. All children were started.",
        "At 1.000 s: restart. ValueError: A broke; 1 of 1 restart within 60 s used.",
        "At 2.000 s: quarantine. KeyError: 'sku'; 1 restart within 60 s used up.",
    ]


STORIES = {
    "held": (lambda w: w.stop("A"), "/top/A is held: an operator has to start it"),
    "running": (lambda w: None, "/top/A is running as incarnation 1"),
    "finished": (lambda w: w.exit("A"), "/top/A has finished and is not to be restarted"),
    "restarted": (lambda w: w.crash("A"), "it was restarted once"),
    "gone": (lambda w: (w.stop("A"), w.delete("A")), "/top/A is no child (any more)."),
}


@pytest.mark.parametrize("story", STORIES)
def test_explain_knows_every_state(story):
    """The first sentence says where the child is."""
    happens, text = STORIES[story]
    world = World(tree(kid("A", restart=TRANSIENT), "B", max_restarts=9)).boot()
    happens(world)
    assert text in explain(world.top.records, "A", state=world.top.state)[0]


def test_explain_speaks_of_the_supervisor_too():
    """An empty id is the supervisor itself."""
    world = World(tree("A", max_restarts=0)).boot()
    assert explain([], "", state=world.top.state) == ["/top keeps its children running."]
    world.crash("A")
    sentences = explain(world.top.records, "", state=world.top.state)
    assert sentences[0] == "/top has ended."
    assert sentences[-1] == (
        "At 0.000 s: give up. /top used up its 0 restarts within 5 s; the last cause was "
        "ValueError: A broke."
    )


def test_explain_without_records_says_so():
    """Nothing is made up."""
    assert explain([], "A") == ["Nothing was decided about A."]
    assert explain([], "") == ["Nothing was decided about the supervisor."]


def test_explain_tells_the_newest_decisions():
    """As many as asked for."""
    world = World(tree("A", max_restarts=99)).boot()
    for _ in range(20):
        world.crash("A")
    assert len(explain(world.top.records, "A")) == 10
    told = explain(world.top.records, "A", most=3)
    assert len(told) == 3
    assert "20 of 99" in told[-1]


def test_a_decision_does_not_change_the_state_it_was_given():
    """The same event on the same state gives the same decision, again and again."""
    from harmonium.supervisors.core.decide import decide

    world = World(tree("A", "B", strategy=ONE_FOR_ALL, max_restarts=3)).boot()
    state = world.top.state
    event = on.Failed("A", 1, on.Cause("x"))
    first = decide(state, event, 1.0, 0.5)
    second = decide(state, event, 1.0, 0.5)
    assert first[1] == second[1]
    assert first[0] == second[0]
    assert state.table.get("A").status.value == "running"
    with pytest.raises(AttributeError):
        state.table.get("A").restarts = 7
    with pytest.raises(AttributeError):
        state.number = 7
