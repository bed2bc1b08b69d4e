"""Cases S1 to S8 of the supervision semantics: boot and validation."""

from __future__ import annotations

import re

import pytest

from harmonium.protocols.errors import BudgetExhausted, SpecError, StartFailed
from harmonium.protocols.lifecycle import Exit, Exited, ExitKind, Started
from harmonium.supervisors import words
from harmonium.supervisors.core import events as on
from harmonium.supervisors.core.answers import Outcome
from harmonium.supervisors.spec import child, dynamic_supervisor, supervisor
from harmonium.supervisors.words import NEVER, NEVER_GIVE_UP, ONE_FOR_ONE, PERMANENT, TEMPORARY
from tests.supervisors.harness import KILLED, Script, World, agent, kid, tree


def test_s1_children_start_in_order_each_awaited():
    """B is not told to start before A is ready; the caller is released after C."""
    world = World(tree("A", "B", "C"), A=Script(start=0.125)).boot()
    world.run(0.0625)
    assert world.starts == {"A": 1}
    assert not world.ready
    world.run(0.0625)
    assert world.log == ["started A", "started B", "started C"]
    assert world.ready


def test_s1_the_caller_waits_for_the_last_child():
    """The supervisor is ready only when its last child is."""
    world = World(tree("A", "B"), B=Script(start=0.5)).boot(0.4)
    assert not world.ready
    assert world.run(0.1).ready


def test_s2_a_failed_start_rolls_the_boot_back():
    """What was started is stopped in reverse; the rest is never started; the cause is named."""
    world = World(tree("A", "B", "X", "D"), X=Script(fails=lambda _: OSError("no port"))).boot()
    assert world.log == ["started A", "started B", "start-failed X", "stopped B", "stopped A"]
    assert "D" not in world.starts
    assert world.finished.start_failed
    error = world.finished.reason.error
    assert isinstance(error, StartFailed)
    assert (error.path, error.cause_text) == ("/top/X", "OSError: no port")
    assert world.alive() == []
    assert not world.ready


def test_s2_the_parent_sees_a_failed_start_and_no_crash():
    """A supervisor whose boot failed fails its parent's boot in the same way."""
    inner = tree("A", "X", name="inner")
    world = World(tree("B", inner), X=Script(fails=lambda _: OSError("no port"))).boot()
    assert world.log == [
        "started B",
        "started A",
        "start-failed X",
        "stopped A",
        "start-failed inner",
        "stopped B",
    ]
    assert "/top/inner did not start" in str(world.finished.reason.error)


@pytest.mark.parametrize(("restart", "listed"), [(PERMANENT, True), (TEMPORARY, False)])
def test_s3_a_child_may_decline_to_start(restart, listed):
    """The supervisor is up; the spec stays listed unless the child is temporary."""
    world = World(tree("A", kid("B", restart=restart)), B=Script(declines=lambda _: True)).boot()
    assert world.ready
    assert world.alive() == ["A"]
    assert ("B" in world.rows()) is listed
    if listed:
        assert world.rows()["B"].incarnation == 0


def test_s4_a_supervisor_may_decline_itself():
    """Its parent takes note and goes on; nothing of it runs, and nothing is an error."""
    spec = tree("A", tree("K", name="inner"), "B")
    world = World(spec, inner=Script(declines=lambda _: True)).boot()
    assert world.log == ["started A", "declined inner", "started B"]
    assert world.ready
    assert world.states() == {"A": "running", "inner": "finished", "B": "running"}
    assert world.notices == []
    assert world.used == 0


CHILD_MISTAKES = {
    "missing id": (lambda: child(agent), "id: it is missing"),
    "empty id": (lambda: child(agent, id=""), "id: '' is no name"),
    "missing start": (lambda: child(None, id="A"), "A.start: None starts no agent"),
    "restart": (lambda: kid("A", restart="always"), "A.restart: 'always' is no RestartType"),
    "shutdown word": (lambda: kid("A", shutdown="soon"), "A.shutdown: 'soon' is no number"),
    "negative shutdown": (lambda: kid("A", shutdown=-1), "A.shutdown: -1 s is out of bounds"),
    "bool as seconds": (lambda: kid("A", shutdown=True), "A.shutdown: True is no number"),
    "not finite": (lambda: kid("A", shutdown=float("nan")), "A.shutdown: nan s is out of bounds"),
    "significant word": (lambda: kid("A", significant=1), "A.significant: 1 is neither"),
    "significant permanent": (
        lambda: kid("A", significant=True),
        "A.significant: a permanent child never ends for good; make it transient",
    ),
    "unknown field": (lambda: kid("A", restrat=1), "A: 'restrat' is no field; did you mean 're"),
    "start timeout": (lambda: kid("A", start_timeout=0), "A.start_timeout: 0 s is out of"),
    "backoff": (lambda: kid("A", backoff=3), "A.backoff: 3 is no Backoff"),
    "mail": (lambda: kid("A", mail="drop"), "A.mail: 'drop' is no Hold"),
    "poison without retries": (
        lambda: kid("A", poison=words_poison()),
        "A.poison: a message that is not retried",
    ),
    "directives": (lambda: kid("A", directives={int: "stop"}), "directives: <class 'int'> is no"),
    "directive": (lambda: kid("A", directives={KeyError: "stopp"}), "did you mean 'stop'?"),
    "mailbox": (lambda: kid("A", mailbox=0), "A.mailbox: 0 is too small"),
}


def words_poison():
    from harmonium.supervisors.poison import Poison

    return Poison()


SUPERVISOR_MISTAKES = {
    "name": (lambda: supervisor(None), "name: it is missing"),
    "slash": (lambda: supervisor("a/b"), "name: 'a/b' is no name"),
    "strategy": (lambda: tree(strategy="all"), "top.strategy: 'all' is no Strategy"),
    "intensity": (lambda: tree(max_restarts=-1), "top.max_restarts: -1 is too small"),
    "bool as number": (lambda: tree(max_restarts=True), "top.max_restarts: True is no whole"),
    "float as number": (lambda: tree(max_restarts=1.5), "top.max_restarts: 1.5 is no whole"),
    "period": (lambda: tree(within=0), "top.within: 0 s is out of bounds"),
    "infinite": (lambda: tree(within=float("inf")), "top.within: inf s is out of bounds"),
    "duplicate id": (lambda: tree("A", "B", "A"), "top.A: two children have this id"),
    "no child": (lambda: supervisor("top", children=[3]), "top.children: 3 is no child spec"),
    "text": (lambda: supervisor("top", children="AB"), "top.children: 'AB' is no list"),
    "significant": (
        lambda: tree(kid("A", restart=TEMPORARY, significant=True)),
        "top.A.significant: the supervisor's auto_shutdown is NEVER",
    ),
    "unknown field": (lambda: tree(intensity=1), "top: 'intensity' is no field"),
    "group of dynamic children": (
        lambda: dynamic_supervisor("top", strategy=words.ONE_FOR_ALL),
        "top.strategy: a dynamic supervisor has no group",
    ),
    "end of a dynamic one": (
        lambda: dynamic_supervisor("top", auto_shutdown=words.ANY_SIGNIFICANT),
        "top.auto_shutdown: a dynamic supervisor does not end by itself",
    ),
    "children of a dynamic one": (
        lambda: dynamic_supervisor("top", children=(kid("A"),)),
        "top.children: a dynamic supervisor starts empty",
    ),
    "template of a static one": (lambda: tree(template=kid("A")), "top: template, max_children"),
    "limit on a supervisor": (
        lambda: tree(child(supervisor("inner"), shutdown=1.0)),
        "inner.shutdown: a limit on a supervisor",
    ),
    "kill a supervisor": (
        lambda: child(supervisor("inner"), shutdown=words.KILL),
        "inner.shutdown: a limit on a supervisor",
    ),
    "grace": (lambda: tree(lost_grace=-1), "top.lost_grace: -1 s is out of bounds"),
    "subtree": (lambda: tree(subtree=3), "top.subtree: 3 is no Budget"),
}


@pytest.mark.parametrize("mistake", [*CHILD_MISTAKES, *SUPERVISOR_MISTAKES])
def test_s5_a_malformed_spec_is_refused_before_anything_starts(mistake):
    """Each mistake is one SpecError with place and remedy, raised when the spec is made."""
    make, text = (CHILD_MISTAKES | SUPERVISOR_MISTAKES)[mistake]
    with pytest.raises(SpecError, match="^" + re.escape(text) if ":" in text else re.escape(text)):
        make()


def test_s5_a_malformed_child_is_refused_by_start_child_too():
    """The same check answers an operator, and nothing is started."""
    world = World(tree("A")).boot()
    reply = world.start(kid("B", restart=TEMPORARY, significant=True))
    assert reply.outcome is Outcome.INVALID
    assert "auto_shutdown is NEVER" in reply.cause
    assert "B" not in world.starts


def test_s6_the_defaults():
    """Permanent, 5 s, not significant; one_for_one, 1 restart in 5 s, no automatic shutdown."""
    one = child(agent, id="A")
    assert (one.restart, one.shutdown, one.significant) == (PERMANENT, 5.0, False)
    assert not one.is_supervisor
    top = supervisor("top", children=[one])
    assert (top.strategy, top.max_restarts, top.within) == (ONE_FOR_ONE, 1, 5.0)
    assert top.auto_shutdown is NEVER
    inner = child(supervisor("inner"))
    assert (inner.shutdown, inner.is_supervisor, inner.id) == (NEVER_GIVE_UP, True, "inner")


START_FAILURES = {
    "raises": Script(fails=lambda _: OSError("no port")),
    "returns garbage": Script(fails=lambda _: TypeError("its factory returned 3")),
    "raises SystemExit": Script(fails=lambda _: SystemExit(0)),
    "exits while it starts": Script(start_exit=Exit(ExitKind.CRASH, "gone")),
    "takes too long": Script(start=10.0),
}


@pytest.mark.parametrize("how", START_FAILURES)
def test_s7_every_way_to_fail_a_start_fails_the_boot(how):
    """The boot fails cleanly with the cause."""
    world = World(tree("A", kid("X", start_timeout=1.0)), X=START_FAILURES[how]).boot(2)
    assert world.over
    assert world.finished.start_failed
    assert world.alive() == []
    assert "/top/X did not start" in str(world.finished.reason)


@pytest.mark.parametrize("how", START_FAILURES)
def test_s7_every_way_to_fail_a_dynamic_start_is_answered(how):
    """The caller hears the cause, the supervisor lives, the spec is dropped."""
    world = World(tree("A"), X=START_FAILURES[how]).boot()
    reply = world.start(kid("X", start_timeout=1.0), seconds=2)
    assert reply.outcome is Outcome.FAILED
    assert reply.cause
    assert world.alive() == ["A"]
    assert world.states() == {"A": "running"}
    assert world.used == 0


def test_s7_a_start_that_takes_too_long_is_killed():
    """The cause names the limit, and the instance is gone before anything else happens."""
    world = World(tree("A"), X=Script(start=10.0)).boot()
    reply = world.start(kid("X", start_timeout=1.0), seconds=20)
    assert reply.cause == "it was not ready within 1 s"
    assert world.log == ["started A", "killed X"]


def test_s8_a_child_that_dies_as_soon_as_it_is_ready_is_seen_once():
    """Ready and gone in one breath is one crash, never a child that runs for ever."""
    world = World(tree("A", max_restarts=3))
    world.top.feed(on.Boot())
    cell = world.top.cells["A"]
    cell.state = "gone"
    world.top.feed(Started("A", 1))
    world.top.feed(Exited("A", 1, KILLED))
    world.top.feed(Exited("A", 1, KILLED))
    assert world.used == 1
    world.run()
    assert world.incarnation("A") == 2
    assert world.alive() == ["A"]


def test_s8_a_death_that_is_seen_before_the_readiness_is_a_failed_start():
    """The late notice of readiness does not bring a dead child back to the list."""
    world = World(tree("A"))
    world.top.feed(on.Boot())
    world.top.cells["A"].state = "gone"
    world.top.feed(Exited("A", 1, KILLED))
    world.top.feed(Started("A", 1))
    assert world.over
    assert world.finished.start_failed
    assert BudgetExhausted not in map(type, world.given_up)
