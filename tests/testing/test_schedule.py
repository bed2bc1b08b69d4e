"""One schedule: the same choices give the same run, and faults do what they say."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harmonium import Agent, AgentDead, child, handles, supervisor
from harmonium.testing import (
    Crash,
    Delay,
    Drop,
    Duplicate,
    Faults,
    Kill,
    Partition,
    Pause,
    PropertyViolated,
    Replay,
    Rng,
    Scene,
    SlowLink,
    World,
    handled,
    run_once,
)
from tests.testing.shop import FIXED, SHOP, Charge, Charged, Done, Place, body, build

ALL = Faults(crash=True, kill="payments", drop=True, duplicate=True, partition=True)


def test_without_faults_nothing_goes_wrong():
    """A run without choices is the plain run, and passes."""
    outcome = run_once(SHOP)
    assert outcome.violation is None
    assert outcome.faults == ()
    assert outcome.world.ledger("charges") == [1, 2, 3]


@settings(max_examples=60)
@given(st.integers(0, 100_000))
def test_the_faults_of_a_search_replay_its_run(seed):
    """Replaying what a search did gives the same run, to the last entry of the trace."""
    found = run_once(SHOP, Rng(seed, ALL))
    again = run_once(SHOP, Replay(found.faults))
    assert again.key == found.key
    assert again.hash() == found.hash()


def test_the_same_seed_gives_the_same_run():
    """A seed names a run."""
    assert len({run_once(SHOP, Rng(11, ALL)).hash() for _ in range(3)}) == 1


class Busy(Agent):
    """Has many requests in work at once, some of which it answers later, and falls over."""

    def __init__(self):
        self.owed = []

    @handles(reentrant=True)
    async def place(self, place: Place) -> Done:
        await self.sleep(5.0)
        return Done(place.order)

    @handles
    def charge(self, order: Charge) -> Charged | None:
        self.owed.append(self.defer())


def test_who_waits_for_an_agent_that_crashes_hears_it_in_the_order_they_asked():
    """In every run: not in the order in which the requests happen to lie in memory."""

    def ask(world: World) -> None:
        me = world.probe("me")
        for number in range(60):
            me.ask("busy", Charge(number) if number < 30 else Place(number), timeout=60)

    scene = Scene(lambda: supervisor("desk", children=[child(Busy, id="busy")]), ask)
    outcomes = [run_once(scene, Replay([Kill("busy", at=1.0)])) for _ in range(4)]
    assert len({outcome.hash() for outcome in outcomes}) == 1
    history = outcomes[0].world.history()
    heard = [e.cause for e in history if e.kind == "answered" and isinstance(e.what, AgentDead)]
    places, charges = heard[:30], heard[30:]
    assert places == sorted(places) != []
    assert charges == sorted(charges) != []


def test_a_crash_between_effect_and_answer_charges_twice():
    """The bug of the shop needs one crash inside, and its fixed twin stands it."""
    fault = Crash("payments", on=2, where="inside")
    outcome = run_once(SHOP, Replay([fault]))
    assert isinstance(outcome.violation, PropertyViolated)
    assert outcome.violation.name == "an order is charged once"
    assert run_once(FIXED, Replay([fault])).violation is None


@pytest.mark.parametrize(
    ("fault", "charges"),
    [
        (Crash("payments", on=1, where="before"), [1, 2, 3]),
        (Crash("payments", on=1, where="after"), [1, 2, 3]),
        (Crash("payments", on=1, where="inside"), [1, 1, 2, 3]),
        (Kill("payments", on=1), [1, 2, 3]),
        (Kill("payments", at=0.0025), [1, 2, 3]),
        (Drop("payments", nth=1), [1, 2, 3]),
        (Duplicate("payments", nth=1), [1, 2, 3]),
        (Delay("payments", nth=1, secs=0.5), [1, 2, 3]),
        (SlowLink("desk", "payments", secs=0.5), [1, 2, 3]),
        (Pause("payments", after=1, secs=0.5), [1, 2, 3]),
        (Partition([("payments",)], start=0.0, stop=5.0), [1, 2, 3]),
    ],
    ids=repr,
)
def test_each_fault_does_what_it_says(fault, charges):
    """Each single fault leaves its mark in the trace and the effects that it must."""

    def look(world: World) -> None:
        body(world)
        world.ground.lookout.rules.clear()

    outcome = run_once(Scene(build, look), Replay([fault]))
    assert outcome.violation is None
    assert outcome.world.ledger("charges") == charges
    assert [e.what for e in outcome.world.history() if e.kind == "fault"] == [fault]


def test_a_message_is_held_until_another_was_handled():
    """`Delay(until=handled(...))` waits for an event, not for a time."""

    def look(world: World) -> None:
        world.probe("one").ask("desk", Place(1))
        world.advance(0.5)
        world.probe("two").ask("payments", Charge(9))

    outcome = run_once(
        Scene(build, look), Replay([Delay("desk", nth=1, until=handled("payments", 1))])
    )
    assert outcome.violation is None
    assert outcome.world.ledger("charges") == [9, 1]


@settings(max_examples=60)
@given(st.integers(0, 100_000))
def test_the_fixed_shop_stands_every_fault(seed):
    """No false alarm: what is right stays right under all faults of a search."""
    outcome = run_once(FIXED, Rng(seed, Faults(crash="payments", kill="payments", drop="payments")))
    assert outcome.violation is None
