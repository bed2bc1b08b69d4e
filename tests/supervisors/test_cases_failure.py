"""Cases S67 to S79 (their pure part): backoff, directives, mail, hooks, watchers."""

from __future__ import annotations

import random

import pytest

from harmonium.protocols.backoff import Backoff
from harmonium.protocols.lifecycle import NORMAL, SHUTDOWN, Exit, Exited, ExitKind
from harmonium.protocols.waiting import DROP, HOLD, Forward, Reply, Stash
from harmonium.supervisors.core import events as on
from harmonium.supervisors.core.answers import Outcome
from harmonium.supervisors.core.effects import Restart, SetTimer, Start
from harmonium.supervisors.directives import directives
from harmonium.supervisors.spec import child, supervisor
from harmonium.supervisors.words import (
    ESCALATE,
    ONE_FOR_ALL,
    RESTART,
    RESUME,
    STOP,
    TEMPORARY,
    TRANSIENT,
)
from tests.supervisors.harness import KILLED, Mail, Script, World, kid, tree

MANY = 10**6


def waits(world: World) -> list[float]:
    """List the backoffs that were ordered so far."""
    timers = [one for one in world.top.effects if isinstance(one, SetTimer)]
    return [one.delay for one in timers if one.token.due.value == "backoff"]


def patient(**fields) -> World:
    backoff = Backoff(**{"initial": 3.0, "maximum": 30.0, "jitter": 0.0} | fields)
    return World(tree(kid("A", backoff=backoff), "B", max_restarts=MANY)).boot()


def test_s67_failures_in_a_row_wait_longer_and_longer():
    """3, 6, 12, 24, 30, 30; the child is away in between."""
    world = patient()
    for expected in (3, 6, 12, 24, 30, 30):
        world.crash("A", seconds=expected - 0.5)
        assert world.states()["A"] == "restarting"
        world.run(1.0)
        assert world.states()["A"] == "running"
    assert waits(world) == [3, 6, 12, 24, 30, 30]


def test_s67_failed_starts_wait_as_well():
    """An attempt that fails is one more failure in a row."""
    world = patient()
    world.scripts["A"] = Script(fails=lambda n: OSError("no") if n < 5 else None)
    world.crash("A", seconds=100)
    assert waits(world) == [3, 6, 12, 24]
    assert world.alive() == ["A", "B"] or world.alive() == ["B", "A"]


def test_s68_siblings_that_died_together_do_not_come_back_together():
    """Each decision draws its own number; the same seed gives the same waits."""

    def run(seed: int) -> list[float]:
        backoff = Backoff(3.0, 30.0, jitter=0.5)
        spec = tree(kid("A", backoff=backoff), kid("B", backoff=backoff), max_restarts=MANY)
        world = World(spec, seed=seed).boot()
        for _ in range(5):
            world.top.crash("A")
            world.top.crash("B")
            world.run(31)
        return waits(world)

    assert run(1) == run(1)
    assert len(set(run(1))) == 10
    assert all(3 <= wait <= 30 for wait in run(2))


@pytest.mark.parametrize(("healthy", "wait"), [(9.9, 24.0), (10.1, 3.0)])
def test_s69_only_a_stable_time_ends_the_series(healthy, wait):
    """After three failures, 9.9 s of health continue it and 10.1 s begin anew."""
    world = patient(stable_for=10.0)
    for pause in (3, 6, 12):
        world.crash("A", seconds=pause)
    world.run(healthy)
    world.crash("A")
    assert waits(world)[-1] == wait


def test_s69_the_stable_time_counts_from_readiness():
    """The time that a start takes is no health."""
    world = patient(stable_for=10.0)
    world.scripts["A"] = Script(start=20.0)
    world.crash("A", seconds=3 + 20 + 9.5)
    world.crash("A")
    assert waits(world) == [3, 6]


def test_s69_a_timer_of_an_older_incarnation_does_nothing():
    """Even if it fires after it was cancelled."""
    world = patient()
    world.deaf_timers = True
    world.crash("A", seconds=1)
    world.stop("A")
    world.restart("A")
    incarnation = world.incarnation("A")
    world.run(100)
    assert world.incarnation("A") == incarnation
    assert world.states()["A"] == "running"


def test_s70_a_mere_start_is_no_recovery():
    """A child that starts well and dies 1 s later for ever reaches its limit."""
    backoff = Backoff(3.0, 30.0, jitter=0.0, max_retries=4, stable_for=10.0)
    spec = tree(kid("A", backoff=backoff), max_restarts=MANY, within=1000)
    world = World(spec, A=Script(lives=1.0)).boot(1000)
    assert world.over
    assert world.starts["A"] == 1 + 4
    assert waits(world) == [3, 6, 12, 24]


def test_s70_the_budget_ends_it_without_a_backoff():
    """One unit for each of the ends."""
    world = World(tree("A", max_restarts=3, within=5), A=Script(lives=1.0)).boot(60)
    assert world.over
    assert world.starts["A"] == 4


def test_s71_after_the_last_retry_the_parent_is_told():
    """No start follows the third failure; the cause goes up."""
    inner = tree(
        kid("A", backoff=Backoff(1.0, 1.0, jitter=0.0, max_retries=2)), name="inner", max_restarts=9
    )
    spec = tree(child(inner, restart=TEMPORARY), "B")
    world = World(spec).boot()
    for _ in range(3):
        world.crash("A", seconds=2)
    assert world.starts["A"] == 3
    assert world.alive() == ["B"]
    error = world.given_up[0]
    assert (error.path, error.unit) == ("/top/inner", "2 retries of A")
    assert error.last_cause == "ValueError: A broke"
    assert world.told[-1][1].startswith("exhausted")


def test_s71_no_retries_at_all():
    """The first failure is one too many."""
    world = World(tree(kid("A", backoff=Backoff(max_retries=0)), max_restarts=9)).boot()
    assert world.crash("A").over


POLICIES = {
    "hold": HOLD,
    "drop": DROP,
    "reply": Reply("later"),
    "forward": Forward("/other"),
    "stash": Stash(3),
}


def away(mail) -> World:
    backoff = Backoff(5.0, 5.0, jitter=0.0)
    spec = tree(kid("A", backoff=backoff, mail=mail), max_restarts=MANY)
    world = World(spec).boot().crash("A", seconds=1)
    for number in range(1, 6):
        world.top.send("A", Mail(f"m{number}"))
    return world


@pytest.mark.parametrize("policy", POLICIES)
def test_s72_mail_that_arrives_during_the_wait(policy):
    """Held in order, dropped, answered, forwarded in order, or stashed up to a capacity."""
    world = away(POLICIES[policy]).run(3.9)
    assert world.worked == []
    world.run(0.2)
    world.top.send("A", Mail("new"))
    five = ["m1", "m2", "m3", "m4", "m5"]
    done = [message for _, _, message, _ in world.worked]
    assert done == {"hold": [*five, "new"], "stash": ["m1", "m2", "m3", "new"]}.get(policy, ["new"])
    assert world.replies == [(m, "later") for m in five if policy == "reply"]
    assert world.forwarded == [(m, "/other") for m in five if policy == "forward"]
    dropped = {"drop": five, "stash": five[3:]}.get(policy, [])
    assert world.dead == [(m, "dropped") for m in dropped]


def test_s73_a_stash_survives_another_crash():
    """On the start, or on the first stashed message: the others wait in order, none twice."""
    world = away(Stash(3))
    world.scripts["A"] = Script(fails=lambda n: OSError("no") if n == 2 else None)
    world.run(5)
    assert world.worked == []
    world.top.cells["A"].mailbox[0] = Mail("m1", error=ValueError("bad"))
    world.run(20)
    assert [(m, ok) for _, _, m, ok in world.worked] == [("m1", False), ("m2", True), ("m3", True)]


TABLE = {KeyError: RESUME, ValueError: RESTART, OSError: STOP}


def decided(error: BaseException, **fields) -> World:
    inner = tree(kid("A", directives=TABLE, **fields), "B", name="inner", max_restarts=9)
    world = World(tree(inner, max_restarts=9)).boot()
    world.node_of("A").cells["A"].mailbox.extend([Mail("m1", error=error), Mail("m2")])
    node = world.node_of("A")
    node.work(node.cells["A"])
    return world.run(1)


def test_s74_resume_keeps_the_state_and_goes_on():
    """The same incarnation handles the next message; nothing is charged."""
    world = decided(KeyError("sku"))
    assert world.incarnation("A") == 1
    assert [(m, ok) for _, _, m, ok in world.worked] == [("m1", False), ("m2", True)]
    assert world.node_of("A").state.window.entries() == ()


def test_s74_restart_makes_a_fresh_instance():
    """It is charged and handles the next message."""
    world = decided(ValueError("x"))
    assert world.incarnation("A") == 2
    assert world.worked[-1] == ("A", 2, "m2", True)


def test_s74_stop_ends_the_child_and_tells_the_watchers():
    """Although it is permanent; what is left in its mailbox becomes dead letters."""
    world = decided(OSError("x"))
    assert "A" not in world.alive()
    assert world.told == [("A", "crash: OSError: x")]
    assert ("m2", "dead") in world.dead
    assert world.node_of("B").state.table.get("A").status.value == "finished"


def test_s74_escalate_fails_the_supervisor_with_the_very_same_exception():
    """Everything below is restarted when the parent decides so."""
    error = RuntimeError("x")
    world = decided(error)
    assert [cause.error for cause in world.passed_on] == [error]
    assert [one.child for one in world.top.effects if isinstance(one, Restart)] == ["inner"]
    assert world.alive() == ["inner", "A", "B"]
    assert world.starts["A"] == 2
    assert world.used == 1


def test_s74_the_most_specific_class_wins():
    """Whatever the order of the table."""
    table = directives({LookupError: STOP, Exception: ESCALATE, KeyError: RESUME})
    from harmonium.supervisors.core.cause import Cause

    class Missing(KeyError):
        pass

    assert table.choose(Cause.of(Missing())) is RESUME
    assert table.choose(Cause.of(IndexError())) is STOP
    assert table.choose(Cause.of(ValueError())) is ESCALATE
    assert table.choose(Cause.of(KeyboardInterrupt())) is ESCALATE
    other = directives({"KeyError": "stop"}, otherwise="restart")
    assert other.choose(Cause.of(ValueError())) is RESTART


@pytest.mark.parametrize("key", ["", 3, int])
def test_s74_a_key_that_is_no_exception_is_refused(key):
    """Names are texts, and not empty."""
    from harmonium.protocols.errors import SpecError

    with pytest.raises(SpecError, match="is no exception class"):
        directives({key: STOP})
    assert directives({"shop.Declined": "stop"}).table == {"shop.Declined": STOP}


def test_s74_the_supervisors_table_holds_where_the_child_has_none():
    """A child's own table hides the whole of it."""
    spec = tree("A", kid("B", directives={KeyError: STOP}), directives={KeyError: RESUME})
    world = World(spec).boot().crash("A", KeyError("x")).crash("B", KeyError("x"))
    assert world.states() == {"A": "running", "B": "finished"}
    assert world.incarnation("A") == 1


def test_s74_a_parent_may_resume_an_escalated_failure():
    """The child goes on with its state, as if its own table had said so."""
    inner = tree(kid("A", directives={ValueError: ESCALATE}), name="inner")
    spec = tree(child(inner, directives={ValueError: RESUME}))
    world = World(spec).boot().crash("A")
    assert world.incarnation("A") == 1
    assert world.alive() == ["inner", "A"]
    assert world.node_of("A").state.escalated == ()


def test_s74_a_parent_may_stop_an_escalated_failure():
    """Then the supervisor and all below it are gone."""
    inner = tree(kid("A", directives={ValueError: ESCALATE}), "K", name="inner")
    world = World(tree(child(inner, directives={ValueError: STOP}), "B")).boot().crash("A")
    assert world.alive() == ["B"]


def test_s74_at_the_root_an_escalation_is_told():
    """There is nobody above; whoever runs the system hears of it."""
    world = World(tree(kid("A", directives={ValueError: ESCALATE}), "B")).boot().crash("A")
    assert [cause.text for cause in world.escalated] == ["ValueError: A broke"]
    assert world.states() == {"A": "escalated", "B": "running"}
    assert world.restart("A").outcome is Outcome.RUNNING
    assert world.shutdown().over


def test_s74_resume_without_an_instance_is_a_restart():
    """When the child has exited there is no state to keep."""
    world = World(tree(kid("A", directives={ValueError: RESUME}), max_restarts=3)).boot()
    world.exit("A", Exit(ExitKind.CRASH, "x", ValueError("x")))
    assert world.incarnation("A") == 2
    assert world.used == 1


def test_s74_an_escalation_without_an_instance_is_resumed_by_a_start():
    """The child that is gone is started anew when the parent says resume."""
    inner = tree(kid("A", directives={ValueError: ESCALATE}), name="inner")
    world = World(tree(child(inner, directives={ValueError: RESUME}))).boot()
    world.exit("A", Exit(ExitKind.CRASH, "x", ValueError("x")))
    assert world.alive() == ["inner", "A"]
    assert world.incarnation("A") == 2


def test_s74_a_kill_is_not_looked_up():
    """The table is about exceptions."""
    world = World(tree(kid("A", directives={Exception: STOP}), max_restarts=3)).boot()
    assert world.exit("A", KILLED).alive() == ["A"]


def test_s74_a_temporary_child_is_never_restarted():
    """RESTART means: as the restart type says."""
    spec = tree(kid("A", restart=TEMPORARY, directives={ValueError: RESTART}))
    assert World(spec).boot().crash("A").rows() == {}


def test_s74_a_stop_in_a_group_touches_no_sibling():
    """Resume and stop are for the failing child only."""
    spec = tree("A", "B", strategy=ONE_FOR_ALL, directives={OSError: STOP, KeyError: RESUME})
    world = World(spec).boot().crash("A", KeyError("x")).crash("A", OSError("x"))
    assert world.states() == {"A": "finished", "B": "running"}
    assert world.incarnation("B") == 1


def test_s75_each_message_is_handled_once_and_in_order():
    """The failing one is not retried, and nothing runs between failure and decision."""
    world = World(tree("A", max_restarts=9)).boot()
    for mail in (Mail("m1", error=ValueError("x")), Mail("m2"), Mail("m3")):
        world.top.send("A", mail)
    assert [m for _, _, m, _ in world.worked] == ["m1"]
    world.run()
    assert world.worked == [("A", 1, "m1", False), ("A", 2, "m2", True), ("A", 2, "m3", True)]


def test_s76_the_old_instance_hears_the_cause_and_the_message():
    """A sibling that is restarted with it hears the cause and no message."""
    world = World(tree("A", "B", strategy=ONE_FOR_ALL)).boot()
    world.top.send("A", Mail("m1", error=ValueError("x")))
    cells = world.top.cells
    world.run()
    assert cells["A"].hooks == [
        "before_restart(ValueError: x, m1)",
        "after_restart(ValueError: x)",
    ]
    assert cells["B"].hooks == [
        "before_restart(ValueError: x, None)",
        "after_restart(ValueError: x)",
    ]


def test_s76_a_failure_in_after_restart_is_a_new_failure():
    """It is charged, and the next attempt hears of it."""
    world = World(tree("A", max_restarts=3)).boot()
    world.scripts["A"] = Script(fails=lambda n: OSError("hook") if n == 2 else None)
    world.crash("A")
    assert world.used == 2
    assert world.incarnation("A") == 3
    assert world.top.cells["A"].hooks[-1] == "after_restart(OSError: hook)"


def test_s77_the_children_of_a_supervisor_stop_before_its_next_instance_is_built():
    """None of the old ones is left when the new ones start."""
    inner = tree("K1", "K2", name="inner", max_restarts=0)
    world = World(tree(inner, max_restarts=3)).boot().clear().crash("K1")
    assert world.log == [
        "stopped K2",
        "ended inner",
        "started K1",
        "started K2",
        "started inner",
    ]


def test_s77_timers_of_the_old_supervisor_do_nothing_to_the_new_one():
    """A backoff that was set before the restart starts nobody after it."""
    backoff = Backoff(5.0, 5.0, jitter=0.0)
    inner = tree(kid("K1", backoff=backoff), "K2", name="inner", max_restarts=1)
    world = World(tree(inner, max_restarts=3)).boot()
    world.deaf_timers = True
    world.crash("K1").crash("K2")
    assert world.starts["K1"] == 2
    world.run(60)
    assert world.starts["K1"] == 2


def test_s77_whether_children_are_kept_is_part_of_the_recipe():
    """The effect hands it to the mechanism with the spec."""
    spec = supervisor("top", children=[child(dict, id="A", keep_children=True)], max_restarts=2)
    world = World(spec).boot().crash("A")
    restart = next(one for one in world.top.effects if isinstance(one, Restart))
    assert restart.spec.start.keep_children


def test_s78_watchers_hear_nothing_of_a_restart_and_once_of_an_end():
    """A restart keeps the cell, a stop releases it, once."""
    world = World(tree("A", max_restarts=9)).boot().crash("A")
    world.exit("A", NORMAL)
    assert world.told == []
    world.stop("A")
    world.top.feed(Exited("A", world.top.state.table.get("A").incarnation, SHUTDOWN))
    world.run()
    assert world.told == [("A", "shutdown")]


def test_s78_a_start_after_the_end_is_a_new_cell():
    """Who watches the dead one is not told again."""
    world = World(tree("A")).boot()
    world.stop("A")
    world.restart("A")
    starts = [one for one in world.top.effects if isinstance(one, Start)]
    assert [one.fresh for one in starts] == [True, True]
    assert world.told == [("A", "shutdown")]


@pytest.mark.parametrize("seed", range(3))
def test_s79_a_random_tree_keeps_its_shape_and_every_message_has_one_fate(seed):
    """Faults in handlers, starts and stops; at the end nothing is lost, doubled or orphaned."""
    chance = random.Random(seed)
    spec, agents = _random_tree(chance, 60)
    world = World(spec, seed=seed)
    for id in agents:
        world.scripts[id] = Script(
            start=chance.choice([0, 0, 0.01]),
            stop=chance.choice([0, 0.01, None]),
            fails=lambda n, c=chance: OSError("start") if n > 1 and c.random() < 0.03 else None,
        )
    world.boot(10)
    assert world.ready
    sent = 0
    for _ in range(2000):
        sent += 1
        bad = chance.random() < 0.05
        id = chance.choice(agents)
        mail = Mail(f"m{sent}", error=ValueError(id) if bad else None)
        try:
            world.node_of(id).send(id, mail)
        except KeyError:
            world.dead.append((mail.id, "dead"))
        world.run(chance.choice([0, 0, 0.005]))
    world.run(1000)
    assert not world.over
    ends = [m for _, _, m, _ in world.worked] + [m for m, _ in world.dead]
    assert sorted(ends) == sorted(f"m{n}" for n in range(1, sent + 1))
    assert sorted(world.alive()) == sorted(_ids(spec))
    world.shutdown(1000)
    assert world.over
    assert world.alive() == []


def _random_tree(chance: random.Random, size: int):
    from harmonium.supervisors.words import Strategy

    agents: list[str] = []

    def build(name: str, left: int):
        children = []
        while left > 0:
            if left > 6 and chance.random() < 0.3:
                part = chance.randrange(3, left)
                children.append(child(build(f"{name}.{len(children)}", part)))
                left -= part
            else:
                id = f"a{len(agents)}"
                agents.append(id)
                children.append(kid(id, shutdown=chance.choice([0.05, 1.0])))
                left -= 1
        strategy = chance.choice(list(Strategy))
        return supervisor(
            name, children=children, strategy=strategy, max_restarts=MANY, within=0.001
        )

    return build("top", size), agents


def _ids(spec) -> list[str]:
    found = []
    for one in spec.children:
        found.append(one.id)
        if one.tree is not None:
            found += _ids(one.tree)
    return found


def test_a_parked_child_is_restarted_when_a_transient_reason_says_so():
    """An exit of a transient child in backoff cannot come twice."""
    backoff = Backoff(5.0, 5.0, jitter=0.0)
    world = World(tree(kid("A", restart=TRANSIENT, backoff=backoff), max_restarts=9)).boot()
    world.exit("A", KILLED)
    world.top.feed(Exited("A", 1, NORMAL))
    world.run(6)
    assert world.alive() == ["A"]
    assert world.used == 0 or world.incarnation("A") == 2


def test_an_overrun_is_reported_and_changes_nothing():
    """A handler that cannot be cancelled is a matter for a person."""
    world = World(tree("A")).boot()
    world.top.feed(on.Overran("A", 1, 12.0))
    assert world.notices == [("A", "A handler is at work for 12 s, which is over its limit.")]
    assert world.alive() == ["A"]
