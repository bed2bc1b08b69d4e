"""Orders, inside the core: what exactly is answered, and what is written down."""

from __future__ import annotations

from harmonium.supervisors.core import events as on
from harmonium.supervisors.core.answers import Outcome, Reply
from harmonium.supervisors.words import ONE_FOR_ALL
from tests.supervisors.harness import Script, World, kid, tree


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
