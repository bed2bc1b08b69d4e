"""Poison messages, broken children and budgets, on the real runtime in virtual time."""

from __future__ import annotations

import asyncio

import pytest
from loguru import logger

from harmonium import (
    Agent,
    AskFailed,
    Backoff,
    Budget,
    System,
    child,
    handles,
    message,
    operate,
    supervisor,
)
from harmonium.actors.recorder import FlightRecorder
from harmonium.actors.simulated import SimulatedGround
from harmonium.protocols.errors import Unavailable
from harmonium.supervisors.bundles import BundleWriter
from harmonium.supervisors.poison import Poison


@message
class Work:
    """Good or bad work."""

    n: int
    bad: bool = False


@message
class Done:
    """It is done."""

    n: int


class Worker(Agent):
    """Crashes on bad work."""

    def __init__(self, book):
        self.book = book

    @handles
    def work(self, work: Work) -> Done:
        if work.bad:
            raise ValueError(work.n)
        self.book.append(work.n)
        return Done(work.n)


@pytest.fixture(autouse=True)
def _quiet():
    logger.disable("harmonium")
    yield
    logger.enable("harmonium")


def play(tree, scenario):
    ground = SimulatedGround()

    async def main():
        async with System(tree, ground=ground) as system:
            await scenario(system)

    ground.play(main())
    account = ground.account()
    assert account.balanced, account
    assert account.in_flight == 0
    return ground


def test_a_poison_message_ends_as_a_dead_letter_and_the_agent_goes_on(tmp_path):
    """Same crash, same message, while others succeed: it is put away, with its bundle."""
    book = []

    async def scenario(system):
        ground = system.ground
        recorder = FlightRecorder(ground)
        ground.bundles = BundleWriter(tmp_path, recorder)
        recorder.attach()
        bad = system.ask("w", Work(0, True), timeout=60)
        for n in range(1, 30):
            system.tell("w", Work(n))
            await asyncio.sleep(0.1)
        with pytest.raises(AskFailed, match="ValueError"):
            await bad
        assert book == list(range(1, 30))
        letters = [one for one in system.dead_letters if one.reason == "poison"]
        assert len(letters) == 1
        assert letters[0].envelope.message == Work(0, True)
        assert "attempts" in letters[0].detail
        bundle = letters[0].detail.rpartition("bundle ")[2]
        assert (tmp_path / bundle.rpartition("/")[2]).exists()
        assert await system.ask("w", Work(99)) == Done(99)

    spec = child(Worker, book, id="w", retries=10, poison=Poison(attempts=3, age=0.5, others=2))
    ground = play(supervisor("t", max_restarts=50, within=60.0, children=[spec]), scenario)
    assert ground.account().failed == 0


def test_without_a_rule_for_poison_a_failed_message_is_not_tried_again():
    """At most once: it has failed, and that is all."""
    book = []

    async def scenario(system):
        with pytest.raises(AskFailed):
            await system.ask("w", Work(0, True))
        await system.ask("w", Work(1))

    ground = play(
        supervisor("t", max_restarts=5, within=60.0, children=[child(Worker, book, id="w")]),
        scenario,
    )
    assert ground.account().failed == 1
    assert ground.observers.restarts == 1


def test_a_child_with_a_budget_of_its_own_is_quarantined_alone():
    """Its siblings go on; askers hear Unavailable at once; a trial brings it back."""
    book = []

    async def scenario(system):
        for _ in range(3):
            with pytest.raises((AskFailed, Unavailable)):
                await system.ask("w", Work(0, True), timeout=60)
        began = system.ground.time
        with pytest.raises(Unavailable) as caught:
            await system.ask("w", Work(1), timeout=60)
        assert system.ground.time - began < 0.05
        assert caught.value.until is not None
        assert await system.ask("other", Work(5)) == Done(5)
        row = await operate(system.ref("/t")).which_child("w")
        assert row.state == "broken"
        await asyncio.sleep(13.0)
        assert await system.ask("w", Work(2)) == Done(2)

    children = [
        child(
            Worker,
            book,
            id="w",
            budget=Budget(2, 60.0),
            quarantine=Backoff(10.0, 100.0, stable_for=5.0),
        ),
        child(Worker, book, id="other"),
    ]
    play(supervisor("t", max_restarts=1, within=60.0, children=children), scenario)


def test_a_subtree_budget_ends_in_escalation():
    """All restarts below count; when it is used up, the subtree gives up."""
    gave_up = []

    async def scenario(system):
        system.on_give_up(gave_up.append)
        for _ in range(4):
            system.tell("/t/inner/w", Work(0, True))
            await asyncio.sleep(0.1)
        assert gave_up

    inner = supervisor("inner", max_restarts=100, within=60.0, children=[child(Worker, [], id="w")])
    tree = supervisor("t", max_restarts=100, within=60.0, subtree=Budget(2, 60.0), children=[inner])
    play(tree, scenario)


def test_a_handler_over_its_limit_is_a_crash():
    """An async handler that runs too long is cancelled; its asker hears."""

    class Stuck(Agent):
        @handles
        async def work(self, work: Work) -> Done:
            await self.sleep(work.n)
            return Done(work.n)

    async def scenario(system):
        with pytest.raises(AskFailed, match="longer than its limit"):
            await system.ask("s", Work(100), timeout=60)
        assert await system.ask("s", Work(0)) == Done(0)

    ground = play(supervisor("t", children=[child(Stuck, id="s", handler_limit=2.0)]), scenario)
    assert ground.observers.restarts == 1
