"""`chaos_test`: what it finds, how it reports it, and what it tries first."""

from __future__ import annotations

import asyncio
import inspect

import pytest
from hypothesis import strategies as st

from harmonium.protocols.errors import ConfigError
from harmonium.testing import (
    ChaosFailure,
    Crash,
    Delay,
    Faults,
    Replay,
    Scene,
    World,
    chaos_test,
    exhaust,
    pinned,
    reached,
    reduce_faults,
    run_once,
    search,
)
from harmonium.testing.options import OPTIONS, Options
from harmonium.testing.twice import Different
from tests.testing.shop import FIXED, SHOP, Charge, Done, Place, body, build, fixed

CRASHES = Faults(crash="payments")


def failure_of(test):
    """Run a chaos test that must fail."""
    with pytest.raises(ChaosFailure) as caught:
        test()
    return caught.value


def test_a_bug_is_found_and_reduced_to_one_fault():
    """The report has the violation, the fault, the story, a neighbour and a pin."""

    @chaos_test(build, faults=CRASHES)
    def test(world):
        body(world)

    error = failure_of(test)
    assert error.failure.faults == (Crash("/shop/payments"),)
    text = str(error)
    assert text.startswith("'an order is charged once' is violated")
    assert "@pinned(Crash('/shop/payments'))" in text
    assert "with where='before' in Crash('/shop/payments') it passes" in text
    assert len(text.splitlines()) < 35


def test_the_workload_shrinks_with_the_faults():
    """Hypothesis shrinks the workload while the fault that breaks it is known."""

    @chaos_test(build, faults=CRASHES)
    def test(world, orders=st.lists(st.integers(0, 100), max_size=8, unique=True)):  # noqa: B008
        me = world.probe("me")
        for order in orders:
            me.ask("desk", Place(order), timeout=200)
        charges = world.ledger("charges")
        world.always(
            lambda: all(one < 40 or charges.count(one) == 1 for one in charges), "charged once"
        )

    error = failure_of(test)
    assert error.failure.workload == {"orders": [40]}
    assert error.failure.faults == (Crash("/shop/payments"),)


def test_what_is_right_passes_within_its_budget():
    """No false alarm, and the budget ends the search."""

    @chaos_test(fixed, faults=CRASHES, budget=0.5)
    def test(world):
        body(world)

    test()


def test_a_pin_is_tried_first():
    """A pinned fault is run even when there is no search."""

    @pinned(Crash("payments", on=2))
    @chaos_test(build, examples=0)
    def test(world):
        body(world)

    assert failure_of(test).failure.schedules == 1


def test_a_known_failure_is_kept_and_tried_first(tmp_path):
    """The corpus holds faults and workload; the next run fails in its first schedule."""

    @chaos_test(build, faults=CRASHES, seed=3)
    def test(world, first=st.integers(1, 9)):  # noqa: B008
        world.probe("me").ask("desk", Place(first), timeout=200)
        charges = world.ledger("charges")
        world.always(lambda: len(set(charges)) == len(charges), "charged once")

    token = OPTIONS.set(Options(folder=tmp_path, node="test_x.py::test"))
    try:
        failure_of(test)
        again = failure_of(test)
        text = str(again)
        id = text.partition("--chaos-replay ")[2].split()[0]
        OPTIONS.set(Options(folder=tmp_path, node="test_x.py::test", replay=id))
        replayed = failure_of(test)
    finally:
        OPTIONS.reset(token)
    assert again.failure.schedules == 1
    assert replayed.failure.faults == again.failure.faults
    assert replayed.failure.workload == {"first": 1}
    assert (tmp_path / f"{id}.html").read_text().count("<path") > 3
    assert (tmp_path / f"{id}.mmd").read_text().startswith("sequenceDiagram")


def test_faults_can_be_given_on_the_command_line():
    """`--chaos-replay` takes faults as the report prints them."""

    @chaos_test(build)
    def test(world):
        body(world)

    token = OPTIONS.set(Options(replay="Crash('payments', on=3)"))
    try:
        assert failure_of(test).failure.faults == (Crash("payments", on=3),)
    finally:
        OPTIONS.reset(token)


def test_an_async_test_runs_in_virtual_time():
    """A coroutine function awaits agents and sleeps for hours."""

    @chaos_test(fixed, examples=1, schedules=3)
    async def test(world, system):
        await asyncio.sleep(3600)
        assert await system.ask("payments", Charge(5), timeout=600)
        assert world.now >= 3600

    test()


def test_fixtures_stay_and_the_rest_is_taken_away():
    """Pytest sees the fixtures only; a method keeps its self."""

    @chaos_test(build, orders=st.none())
    def test(self, world, tmp_path, orders, system): ...

    assert list(inspect.signature(test).parameters) == ["self", "tmp_path"]


def test_a_test_without_a_world_is_refused():
    """The error names the function and the remedy."""
    with pytest.raises(ConfigError, match="no parameter 'world'"):
        chaos_test(build)(lambda: None)


def test_what_must_be_reached_and_is_not_fails():
    """A test that never gets where it should proves nothing."""

    @chaos_test(fixed, examples=1, schedules=2, must_reach=["here", "there"])
    def test(world):
        reached("here")

    with pytest.raises(AssertionError, match="no run of 2 reached there"):
        test()


@pytest.mark.parametrize("engine", ["hypothesis", "exhaust"])
def test_other_engines_find_it_too(engine):
    """Hypothesis may draw all choices, and a tiny system can be exhausted."""

    @chaos_test(build, faults=CRASHES, engine=engine, budget=20)
    def test(world):
        world.probe("me").ask("desk", Place(1), timeout=200)
        charges = world.ledger("charges")
        world.always(lambda: len(set(charges)) == len(charges), "charged once")

    assert failure_of(test).failure.faults == (Crash("/shop/payments"),)


def test_exhaustion_says_when_it_is_complete():
    """All schedules of a tiny system are run, and counted."""

    def one(world: World) -> None:
        world.probe("me").ask("payments", Charge(1))
        world.eventually(lambda: world.ledger("charges") == [1])

    found = exhaust(Scene(fixed, one))
    assert found.complete
    assert found.outcome is None
    assert found.schedules == 9  # two messages, three ways each


def test_a_reduction_keeps_the_failure_it_began_with():
    """What is left fails in the same way, and each fault is needed."""
    found = search(SHOP, Faults(crash=True, drop=True, kill=True), seed=5)
    reduced = reduce_faults(SHOP, found.outcome, Faults(crash=True, drop=True, kill=True))
    assert run_once(SHOP, Replay(reduced.faults)).key == found.outcome.key
    for left_out in range(len(reduced.faults)):
        rest = [f for n, f in enumerate(reduced.faults) if n != left_out]
        assert run_once(SHOP, Replay(rest)).key != found.outcome.key


def test_a_reduction_takes_an_early_message_for_a_late_one():
    """What happens at the first order as well is told of the first."""
    outcome = run_once(SHOP, Replay([Crash("/shop/payments", on=3)]))
    assert reduce_faults(SHOP, outcome).faults == (Crash("/shop/payments"),)


def test_a_reduction_without_a_spec_looks_at_the_kinds_at_hand():
    """A crash alone does what a late answer and a crash after many retries did."""

    def one(world: World) -> None:
        world.probe("me").ask("desk", Place(1), timeout=200)
        charges = world.ledger("charges")
        world.always(lambda: len(charges) < 2, "charged once")

    scene = Scene(build, one)
    both = (Delay("/shop/desk", nth=2, secs=6.0), Crash("/shop/payments", on=5))
    outcome = run_once(scene, Replay(both))
    assert outcome.key == ("property", "charged once")
    assert not run_once(scene, Replay(both[1:])).failed
    assert reduce_faults(scene, outcome).faults == (Crash("/shop/payments"),)


def test_a_search_tells_what_it_did():
    """A search that finds nothing counts its runs."""
    found = search(FIXED, CRASHES, schedules=30)
    assert found.outcome is None
    assert found.schedules == 30
    assert found.deliveries > 300


def test_done_is_heard_without_faults():
    """The body's own properties hold in the plain run."""
    assert run_once(FIXED).world.probe("me").got(Done) == [Done(1), Done(2), Done(3)]


def test_a_program_that_differs_from_run_to_run_is_named():
    """State that is left over from the run before makes two runs differ, and the test warns."""
    left_over = []

    @chaos_test(fixed, examples=1, schedules=1)
    def test(world):
        left_over.append(1)
        for order in range(len(left_over)):
            world.probe("me").ask("payments", Charge(order), timeout=100)

    with pytest.warns(Different, match="two runs with the same choices differ, at 0.002 s"):
        test()
