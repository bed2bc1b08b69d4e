"""Orders, inside the core: what exactly is answered, and what is written down."""

from __future__ import annotations

import attrs
import pytest

from harmonium.protocols.backoff import Backoff
from harmonium.protocols.budget import Budget
from harmonium.protocols.lifecycle import Exit, ExitKind, Phase
from harmonium.supervisors.core import events as on
from harmonium.supervisors.core.answers import Outcome, Reply
from harmonium.supervisors.core.child import Status
from harmonium.supervisors.core.decide import decide, initial
from harmonium.supervisors.core.effects import Answer, Notice
from harmonium.supervisors.spec import child, dynamic_supervisor, partition_supervisor
from harmonium.supervisors.words import ESCALATE, ONE_FOR_ALL, STOP, TEMPORARY, TRANSIENT
from tests.supervisors.harness import Script, World, agent, kid, tree


def test_an_answer_names_the_live_instance_or_none():
    """0 where there is none."""
    world = World(tree("A", max_restarts=9)).boot().crash("A")
    assert world.restart("A") == Reply(Outcome.RUNNING, "A", 2)
    assert world.delete("nobody") == Reply(Outcome.NOT_FOUND, "nobody", 0)
    world.stop("A")
    assert world.delete("A") == Reply(Outcome.OK, "A", 0)


def in_a_pass() -> World:
    spec = tree("A", "B", strategy=ONE_FOR_ALL)
    return World(spec, B=Script(stop=0.7)).boot().crash("A")


def test_an_order_that_is_put_off_stands_in_the_journal():
    """With who gave it."""
    world = in_a_pass()
    world.start(kid("D"))
    verdict = world.top.records[-1].verdicts[-1]
    assert (verdict.child, verdict.choice) == ("D", "put_off")
    assert verdict.why == "An operator wants a start, which waits for the end of a pass."


def test_an_order_that_would_not_wait_anyway_is_answered_once():
    """Put off and accepted are the same to it."""
    world = in_a_pass()
    assert world.order(on.StartChild, kid("D"), wait=False).outcome is Outcome.PENDING
    world.run(1)
    assert world.alive() == ["A", "B", "D"]
    assert [len(replies) for replies in world.answers.values()] == [1]
    assert world.notices == []


def test_a_child_that_cannot_be_made_is_answered_by_its_id():
    """There is no template to copy."""
    reply = World(tree("A")).boot().order(on.StartChild, id="copy")
    assert (reply.outcome, reply.child) == (Outcome.INVALID, "copy")
    assert World(tree("A")).boot().order(on.StartChild).child == ""


def args_of(world: World, id: str):
    return world.order(on.GetSpec, id).start.args


def test_arguments_stand_before_and_behind_those_of_the_template():
    """Those of the supervisor in front, those of the order behind; each may be missing."""
    template = child(agent, 2, id="x", start_timeout=None)
    world = World(dynamic_supervisor("top", template=template)).boot()
    world.order(on.StartChild, id="a", args=(3,))
    world.order(on.StartChild, id="b")
    assert (args_of(world, "a"), args_of(world, "b")) == ((2, 3), (2,))
    world = World(dynamic_supervisor("top", template=template, extra_args=(1,))).boot()
    world.order(on.StartChild, id="a", args=(3,))
    world.order(on.StartChild, id="b")
    assert (args_of(world, "a"), args_of(world, "b")) == ((1, 2, 3), (1, 2))


def test_arguments_are_no_matter_of_a_child_that_is_a_supervisor():
    """It takes none."""
    world = World(dynamic_supervisor("top", extra_args=(1,))).boot()
    inner = child(tree("B", name="inner"), id="inner")
    assert world.order(on.StartChild, inner).outcome is Outcome.STARTED


def test_a_child_that_is_stopped_while_all_go_down_waits_for_its_turn():
    """The order of the shutdown holds; the operator hears when the child is gone."""
    world = World(tree("A", "B"), B=Script(stop=1.0)).boot().clear()
    world.shutdown()
    assert world.stop("A") is None
    world.run(0.5)
    assert world.log == []
    world.run(9)
    assert world.log == ["stopped B", "stopped A"]
    assert [reply.outcome for _, reply in world.answers[1]] == [Outcome.OK]


def test_a_start_that_is_owed_is_answered_when_its_child_is_held_on_its_way_down():
    """At once, and once: its group was stopping it to start it again."""
    state, _ = decide(initial(tree("A", strategy=ONE_FOR_ALL)), on.Boot(), 0.0)
    state, _ = decide(state, on.Started("A", 1), 0.0)
    state, _ = decide(state, on.StartChild("start", kid("D")), 0.0)
    state, _ = decide(state, on.Failed("A", 1, on.Cause("x")), 0.0)
    state, effects = decide(state, on.StopChild("stop", "D"), 0.0)
    assert answers(effects) == [("start", Reply(Outcome.STOPPING, "D"))]
    state, effects = decide(state, on.Exited("D", 1, Exit(ExitKind.SHUTDOWN)), 0.1)
    assert answers(effects) == [("stop", Reply(Outcome.OK, "D"))]


def test_a_start_that_is_owed_is_answered_when_its_child_is_held_while_it_stops():
    """At once, and once: its group was stopping it by then."""
    state, _ = decide(initial(tree("A", strategy=ONE_FOR_ALL)), on.Boot(), 0.0)
    state, _ = decide(state, on.Started("A", 1), 0.0)
    state, _ = decide(state, on.StartChild("start", kid("D")), 0.0)
    state, _ = decide(state, on.Failed("A", 1, on.Cause("x")), 0.0)
    state, _ = decide(state, on.Exited("A", 1, Exit(ExitKind.KILLED)), 0.0)
    assert state.table.get("D").status is Status.STOPPING
    state, effects = decide(state, on.StopChild("stop", "D"), 0.0)
    assert answers(effects) == [("start", Reply(Outcome.STOPPING, "D"))]
    state, effects = decide(state, on.Exited("D", 1, Exit(ExitKind.SHUTDOWN)), 0.1)
    assert answers(effects) == [("stop", Reply(Outcome.OK, "D"))]


def answers(effects):
    return [(one.request, one.value) for one in effects if isinstance(one, Answer)]


def test_a_temporary_child_that_is_stopped_before_it_was_started_is_forgotten():
    """Its turn in the boot never comes."""
    world = World(tree("A", kid("T", restart=TEMPORARY)), A=Script(start=1.0)).boot()
    assert world.stop("T").outcome is Outcome.OK
    world.run(2)
    assert world.states() == {"A": "running"}


def up(*kids):
    state, _ = decide(initial(tree(*kids)), on.Boot(), 0.0)
    return decide(state, on.Started("A", 1), 0.0)[0]


def gone(state, child: str):
    state, _ = decide(state, on.StopChild("stop", child), 0.0)
    return decide(state, on.Exited(child, 1, Exit(ExitKind.SHUTDOWN)), 0.1)


def test_a_child_that_is_being_retired_is_finished_and_not_held():
    """Whoever stops it meanwhile hears when it is gone."""
    state = up(kid("A", directives={Exception: STOP}))
    cause = on.Cause("x", ("Exception",))
    state, _ = decide(state, on.Failed("A", 1, cause), 0.0)
    state, effects = gone(state, "A")
    assert state.table.get("A").status is Status.FINISHED
    assert answers(effects) == [("stop", Reply(Outcome.OK, "A"))]


def test_a_child_whose_first_start_failed_is_forgotten_and_not_held():
    """Whoever stops it meanwhile hears when it is gone."""
    state, _ = decide(up("A"), on.StartChild("start", kid("D")), 0.0)
    state, effects = decide(state, on.Failed("D", 1, on.Cause("x"), Phase.START), 0.0)
    assert answers(effects) == [("start", Reply(Outcome.FAILED, "D", 0, "x"))]
    state, effects = gone(state, "D")
    assert state.table.get("D") is None
    assert answers(effects) == [("stop", Reply(Outcome.OK, "D"))]


def test_a_child_that_an_operator_starts_begins_with_a_clean_slate():
    """No failure, no streak, no wait and no trial is left of its earlier life."""
    members = kid("A", budget=Budget(2, 60.0), backoff=Backoff(1.0, 9.0, jitter=0.0))
    world = World(tree(members)).boot()
    for _ in range(3):
        world.crash("A", seconds=10.0)
    assert world.states() == {"A": "broken"}
    assert world.restart("A").outcome is Outcome.STARTED
    child = world.top.state.table.get("A")
    assert (child.trials, child.window, child.failures, child.streak) == (0, None, 0, 0)
    assert child.waited == 0.0


def test_a_held_child_begins_with_a_clean_slate_too():
    """Its failures before it was held do not count."""
    members = kid("A", backoff=Backoff(1.0, 9.0, jitter=0.0))
    world = World(tree(members, max_restarts=9)).boot().crash("A", seconds=2).crash("A", seconds=1)
    world.stop("A")
    world.restart("A")
    child = world.top.state.table.get("A")
    assert (child.failures, child.streak, child.waited) == (0, 0, 0.0)


def test_a_child_whose_parent_has_to_decide_is_running_to_an_operator():
    """Nothing can be deleted that is still there."""
    state = up(kid("A", directives={Exception: ESCALATE}))
    state, _ = decide(state, on.Failed("A", 1, on.Cause("x", ("Exception",))), 0.0)
    _, effects = decide(state, on.DeleteChild("delete", "A"), 0.0)
    assert answers(effects) == [("delete", Reply(Outcome.RUNNING, "A", 1))]


def partitions(count: int, **fields) -> World:
    return World(partition_supervisor("top", kid("x", **fields), partitions=count)).boot()


def test_a_size_that_cannot_be_is_refused_with_those_that_can():
    """In words; and every size while all go down."""
    for count in (0, 1):
        reply = World(tree("A")).boot().order(on.Resize, count)
        assert (reply.outcome, reply.cause) == (Outcome.INVALID, "it has no partitions")
    assert partitions(2).order(on.Resize, 3).cause == "it has 0 to 2 partitions"
    world = World(partition_supervisor("top", kid("x"), partitions=1), **{"0": Script(stop=1.0)})
    world.boot().shutdown()
    assert world.order(on.Resize, 0).outcome is Outcome.STOPPING


def test_partitions_come_back_one_by_one():
    """Those that are not wanted stay held; a start is no restart."""
    world = partitions(3)
    assert world.order(on.Resize, 1).outcome is Outcome.OK
    assert world.order(on.Resize, 2).outcome is Outcome.OK
    assert world.states() == {"0": "running", "1": "running", "2": "held"}
    assert world.rows()["1"].restarts == 0


def test_a_partition_that_cannot_come_back_is_held():
    """That fails nobody else and costs nothing."""
    world = partitions(2)
    world.order(on.Resize, 1)
    world.scripts["1"] = Script(fails=lambda start: OSError("no"))
    world.order(on.Resize, 2)
    assert world.states() == {"0": "running", "1": "held"}
    assert (world.used, world.over) == (0, False)


def test_a_partition_that_had_finished_comes_back_too():
    """Once it was not wanted and is wanted again."""
    world = partitions(2, restart=TRANSIENT).exit("1")
    assert world.states()["1"] == "finished"
    world.order(on.Resize, 1)
    world.order(on.Resize, 2)
    assert world.alive() == ["0", "1"]


def test_the_growth_of_a_pool_is_written_down():
    """With the reason that the pool gives."""
    world = World(tree("A")).boot()
    world.top.feed(on.Scaled("grow", "12 messages wait."))
    verdict = world.top.records[-1].verdicts[-1]
    assert (verdict.child, verdict.choice, verdict.why) == ("", "grow", "12 messages wait.")


def test_a_first_start_is_no_restart():
    """It shows as starting, or as pending before its turn."""
    world = World(tree("A", "B"), A=Script(start=1.0)).boot()
    assert world.states() == {"A": "starting", "B": "pending"}


def test_a_suspended_child_is_not_active():
    """It failed while its group is being stopped, and waits for its turn."""
    spec = tree("A", "B", "C", strategy=ONE_FOR_ALL)
    world = World(spec, C=Script(stop=1.0)).boot().crash("A").crash("B")
    assert world.count().active == 1


def test_copies_of_a_template_are_numbered():
    """From 1, one by one; no number is given twice."""
    world = World(dynamic_supervisor("top", template=kid("x"))).boot()
    assert [world.order(on.StartChild).child for _ in range(3)] == ["x-1", "x-2", "x-3"]


def test_orders_that_waited_for_the_same_pass_do_not_exceed_the_limit():
    """Each one counts the child that the one before it has added."""
    spec = dynamic_supervisor("top", max_children=2, keep_added=True)
    state, _ = decide(initial(spec, added=[kid("A")]), on.Boot(), 0.0)
    for id in ("B", "C"):
        state, effects = decide(state, on.StartChild(id, kid(id)), 0.0)
        assert answers(effects) == [(id, Reply(Outcome.PENDING, id))]
    state, effects = decide(state, on.Started("A", 1), 0.0)
    assert [one.id for one in state.table] == ["A", "B"]
    assert [one.child for one in effects if isinstance(one, Notice)] == ["C"]


def test_a_child_that_was_added_refuses_changes():
    """Like everything in a state that `decide` returns."""
    state, _ = decide(up("A"), on.StartChild("start", kid("D")), 0.0)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        state.table.get("D").restarts = 3
