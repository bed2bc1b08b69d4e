"""Cases S55 to S62: children that come and go, and partitions."""

from __future__ import annotations

import pytest

from harmonium.protocols.backoff import Backoff
from harmonium.protocols.errors import Unavailable
from harmonium.protocols.lifecycle import NORMAL
from harmonium.supervisors.core import events as on
from harmonium.supervisors.core.answers import Counts, Outcome
from harmonium.supervisors.partition import partition_of
from harmonium.supervisors.spec import child, dynamic_supervisor, partition_supervisor
from harmonium.supervisors.words import ONE_FOR_ALL, TEMPORARY, TRANSIENT
from tests.supervisors.harness import Script, World, agent, kid, tree

SLOW = Backoff(60.0, 60.0, jitter=0.0)


def test_s55_an_id_never_has_two_incarnations():
    """A live child answers already_started, one that is down already_present."""
    world = World(tree("A")).boot()
    reply = world.start(kid("A"))
    assert (reply.outcome, reply.incarnation) == (Outcome.ALREADY_STARTED, 1)
    world.stop("A")
    assert world.start(kid("A")).outcome is Outcome.ALREADY_PRESENT
    assert world.starts == {"A": 1}


def test_s55_a_child_that_is_starting_for_the_first_time_is_already_started():
    """A second caller does not start it again."""
    world = World(tree("A"), B=Script(start=1.0)).boot()
    assert world.start(kid("B")) is None
    assert world.start(kid("B")).outcome is Outcome.ALREADY_STARTED


def test_s56_a_start_that_fails_leaves_no_trace():
    """The caller hears the cause; siblings and budget are untouched."""
    world = World(tree("A"), B=Script(fails=lambda _: OSError("no port"))).boot()
    reply = world.start(kid("B"))
    assert (reply.outcome, reply.cause) == (Outcome.FAILED, "OSError: no port")
    assert list(world.rows()) == ["A"]
    assert world.incarnation("A") == 1
    assert world.used == 0
    assert ("B", "crash: OSError: no port") in world.told


def test_s56_an_added_child_is_started_behind_the_others():
    """The answer names the incarnation."""
    world = World(tree("A")).boot()
    reply = world.start(kid("B"))
    assert (reply.outcome, reply.child, reply.incarnation, reply.ok) == (
        Outcome.STARTED,
        "B",
        1,
        True,
    )
    assert list(world.rows()) == ["A", "B"]


def test_s57_delete_and_restart_ask_for_a_child_that_is_down():
    """Running is refused; after a stop both work; an unknown id is not found."""
    world = World(tree("A", "B")).boot()
    assert world.delete("A").outcome is Outcome.RUNNING
    assert world.restart("A").outcome is Outcome.RUNNING
    assert world.delete("X").outcome is Outcome.NOT_FOUND
    assert world.restart("X").outcome is Outcome.NOT_FOUND
    world.stop("A")
    reply = world.restart("A")
    assert (reply.outcome, reply.incarnation) == (Outcome.STARTED, 2)
    world.stop("A")
    assert world.delete("A").outcome is Outcome.OK
    assert list(world.rows()) == ["B"]


def test_s57_a_restart_by_hand_that_fails_is_answered_and_holds_the_child():
    """The operator hears the cause; nothing is tried again."""
    world = World(tree("A")).boot()
    world.stop("A")
    world.scripts["A"] = Script(fails=lambda _: OSError("no port"))
    reply = world.restart("A")
    assert (reply.outcome, reply.cause) == (Outcome.FAILED, "OSError: no port")
    assert world.states() == {"A": "held"}
    assert world.starts["A"] == 2
    assert world.used == 0


def test_s58_stopping_is_idempotent():
    """Twice is ok; a temporary child goes with its spec; an unknown one is not found."""
    world = World(tree("A", kid("T", restart=TEMPORARY), "B")).boot()
    assert world.stop("A").outcome is Outcome.OK
    assert world.stop("A").outcome is Outcome.OK
    assert world.stop("T").outcome is Outcome.OK
    assert world.stop("T").outcome is Outcome.NOT_FOUND
    assert world.states() == {"A": "held", "B": "running"}


def test_s58_a_stop_is_answered_when_the_child_is_gone():
    """Two callers who stop the same child are both answered then."""
    world = World(tree("A"), A=Script(stop=0.5)).boot()
    assert world.stop("A") is None
    assert world.stop("A") is None
    world.run(0.5)
    assert [(at, reply.outcome) for [(at, reply)] in world.answers.values()] == [
        (0.5, Outcome.OK),
        (0.5, Outcome.OK),
    ]
    assert world.told == [("A", "shutdown")]


def test_s58_a_child_may_be_stopped_while_it_starts():
    """Who waited for the start hears that it was stopped."""
    world = World(tree("A"), B=Script(start=5.0)).boot()
    assert world.start(kid("B")) is None
    assert world.stop("B").outcome is Outcome.OK
    assert [reply.outcome for [(_, reply)] in world.answers.values()] == [
        Outcome.STOPPING,
        Outcome.OK,
    ]
    world.run(10)
    assert world.states() == {"A": "running", "B": "held"}


def test_s59_max_children_counts_children_in_backoff():
    """They hold their place until they are stopped; 0 refuses everything."""
    world = World(dynamic_supervisor("top", max_children=2)).boot()
    world.start(kid("A", backoff=SLOW))
    world.start(kid("B"))
    world.crash("A")
    assert world.start(kid("C")).outcome is Outcome.FULL
    assert world.stop("A").outcome is Outcome.OK
    assert world.stop("A").outcome is Outcome.NOT_FOUND
    assert world.start(kid("C")).outcome is Outcome.STARTED
    full = World(dynamic_supervisor("top", max_children=0)).boot()
    assert full.start(kid("A")).outcome is Outcome.FULL


def test_s60_extra_arguments_come_first_at_every_start():
    """At the first start, after a crash, and with arguments of the caller behind them."""
    spec = dynamic_supervisor("top", extra_args=("db",), max_restarts=9)
    world = World(spec).boot()
    world.start(child(agent, "own", id="A", start_timeout=None))
    assert world.top.cells["A"].spec.start.args == ("db", "own")
    world.crash("A")
    assert world.incarnation("A") == 2
    assert world.top.cells["A"].spec.start.args == ("db", "own")


def test_s60_a_template_is_copied_for_each_child():
    """Arguments go behind the template's own, and an id is made up where none is given."""
    template = child(agent, "own", id="job", start_timeout=None)
    world = World(dynamic_supervisor("top", template=template, extra_args=("db",))).boot()
    assert world.start(None, args=(1,)).outcome is Outcome.STARTED
    assert world.start(None, args=(2,)).outcome is Outcome.STARTED
    assert world.start(None, id="third").outcome is Outcome.STARTED
    args = {id: cell.spec.start.args for id, cell in world.top.cells.items()}
    assert list(args.values()) == [("db", "own", 1), ("db", "own", 2), ("db", "own")]
    assert list(args)[2] == "third"
    assert len(set(args)) == 3


def test_s60_without_a_template_a_spec_is_needed():
    """The mistake is answered."""
    world = World(tree("A")).boot()
    reply = world.start(None)
    assert reply.outcome is Outcome.INVALID
    assert "template" in reply.cause


def test_s61_counts_of_a_mixture():
    """Specs are all, active the live ones only, supervisors and agents count specs."""
    inner = tree("K", name="inner")
    spec = tree(
        "running",
        "held",
        kid("backoff", backoff=SLOW),
        kid("finished", restart=TRANSIENT),
        inner,
        max_restarts=9,
    )
    world = World(spec).boot()
    world.stop("held")
    world.crash("backoff")
    world.exit("finished", NORMAL)
    assert world.count() == Counts(specs=5, active=2, supervisors=1, agents=4)
    assert world.rows()["inner"].supervisor


def partitions(count: int = 4, **fields) -> World:
    spec = partition_supervisor("top", kid("any"), partitions=count, **fields)
    return World(spec).boot()


def test_s62_keys_go_to_partitions():
    """Integers by absolute value modulo N, others by a stable hash."""
    assert [partition_of(key, 4) for key in (-7, 7, 8, 0)] == ["3", "3", "0", "0"]
    for key in ("x", ("a", 1), b"y", None):
        assert {partition_of(key, 4) for _ in range(5)} == {partition_of(key, 4)}
        assert int(partition_of(key, 4)) < 4
    spread = {partition_of(f"key-{n}", 4) for n in range(100)}
    assert spread == {"0", "1", "2", "3"}


def test_s62_no_partition_is_an_error_for_the_caller():
    """It names the supervisor and what is wrong."""
    with pytest.raises(Unavailable, match="/top is unavailable.*no partitions run"):
        partition_of("x", 0, path="/top")


def test_s62_a_resize_stops_and_restarts_partitions_by_index():
    """Partitions keep their index; the answer comes when the wanted ones run."""
    world = partitions()
    world.scripts["3"] = Script(stop=0.5)
    assert world.order(on.Resize, 2) is None
    world.run(1)
    assert world.states() == {"0": "running", "1": "running", "2": "held", "3": "held"}
    assert next(iter(world.answers.values()))[0][1].outcome is Outcome.OK
    assert world.order(on.Resize, 4).outcome is Outcome.OK
    assert world.alive() == ["0", "1", "2", "3"]
    assert world.incarnation("0") == 1
    world.scripts.clear()
    assert world.order(on.Resize, 0).outcome is Outcome.OK
    assert world.alive() == []


@pytest.mark.parametrize("count", [-1, 5])
def test_s62_a_resize_stays_within_the_initial_number(count):
    """Other numbers are refused, and so is a resize of something else."""
    assert partitions().order(on.Resize, count).outcome is Outcome.INVALID
    assert World(tree("A")).boot().order(on.Resize, 1).outcome is Outcome.INVALID


def test_s62_one_resize_at_a_time():
    """A second one is refused while the first is under way."""
    world = partitions()
    world.scripts["3"] = Script(stop=0.5)
    world.order(on.Resize, 2)
    assert world.order(on.Resize, 4).outcome is Outcome.STOPPING
    assert world.run(1).order(on.Resize, 4).outcome is Outcome.OK


def test_s62_a_crash_restarts_one_partition_only():
    """The others are not touched; no child can be added."""
    world = partitions(max_restarts=3).crash("3")
    assert {id: row.incarnation for id, row in world.rows().items()} == {
        "0": 1,
        "1": 1,
        "2": 1,
        "3": 2,
    }
    assert world.start(kid("A")).outcome is Outcome.INVALID


def test_s62_arguments_can_be_made_for_each_partition():
    """`with_arguments` gets the index."""
    world = partitions(2, with_arguments=lambda index: [f"shard-{index}"])
    assert [cell.spec.start.args for cell in world.top.cells.values()] == [
        ("shard-0",),
        ("shard-1",),
    ]


def test_a_reconfiguration_takes_effect_without_touching_children():
    """Limits hold at once, a child's new spec from its next start, nothing else moves."""
    world = World(tree("A", "B", max_restarts=0)).boot()
    new = tree(child(agent, "new", id="A", start_timeout=None), "C", max_restarts=5)
    assert world.order(on.Reconfigure, new).outcome is Outcome.OK
    assert world.alive() == ["A", "B"]
    world.crash("A")
    assert world.alive() == ["A", "B"]
    assert world.top.cells["A"].spec.start.args == ("new",)
    assert "C" not in world.starts


def test_a_reconfiguration_cannot_change_the_kind():
    """A supervisor of another kind is another supervisor."""
    world = World(tree("A")).boot()
    reply = world.order(on.Reconfigure, dynamic_supervisor("top"))
    assert reply.outcome is Outcome.INVALID
    assert "replace it" in reply.cause


def test_an_added_child_that_is_restarted_with_its_group_still_answers_its_caller():
    """The start that is interrupted by a group restart is made up for by it."""
    world = World(tree("A", strategy=ONE_FOR_ALL), B=Script(start=1.0)).boot()
    assert world.start(kid("B")) is None
    world.run(0.5).crash("A", seconds=2)
    assert [reply.outcome for [(_, reply)] in world.answers.values()] == [Outcome.STARTED]
    assert world.alive() == ["A", "B"]
    assert world.starts["B"] == 2


def test_an_added_child_that_fails_in_the_group_restart_is_dropped():
    """Its first start is still the caller's: no retry, no charge."""
    world = World(tree("A", strategy=ONE_FOR_ALL), B=Script(start=1.0)).boot()
    world.start(kid("B"))
    world.scripts["B"] = Script(fails=lambda _: OSError("no"))
    world.run(0.5).crash("A", seconds=2)
    assert [reply.outcome for [(_, reply)] in world.answers.values()] == [Outcome.FAILED]
    assert world.states() == {"A": "running"}
    assert world.used == 1
