"""A pool that is resized again and again under load loses and doubles nothing."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from random import Random

import pytest
from loguru import logger

from harmonium import Agent, System, handles, message, operate, supervisor
from harmonium.actors.simulated import SimulatedGround
from harmonium.protocols.routing import LEAST_LOADED, STICKY, ConsistentHash, Sticky
from harmonium.supervisors.pool import pool
from harmonium.supervisors.pool_spec import HAND_OVER, KEEP

SESSIONS = 500


@message
class Turn:
    """A numbered message of one session."""

    session: int
    n: int


@message
class Trip:
    """Crash whoever gets it."""

    session: int


class Ledger:
    """What was handled, by whom, and whether two worked for one session at once."""

    def __init__(self):
        self.handled = 0
        self.next = defaultdict(int)
        self.wrong = deque(maxlen=10)
        self.at_work = {}
        self.owner = {}
        self.moves = 0

    def begin(self, who, turn):
        if turn.session in self.at_work:
            self.wrong.append(f"{who} and {self.at_work[turn.session]}: {turn}")
        self.at_work[turn.session] = who
        if turn.n != self.next[turn.session]:
            self.wrong.append(f"{who}: {turn} where {self.next[turn.session]} was due")
        self.next[turn.session] = turn.n + 1
        if self.owner.setdefault(turn.session, who) != who:
            self.owner[turn.session] = who
            self.moves += 1

    def end(self, turn):
        self.at_work.pop(turn.session, None)
        self.handled += 1


class Quick(Agent):
    """Some of its work takes turns of the loop."""

    def __init__(self, ledger):
        self.ledger = ledger

    @handles
    async def turn(self, turn: Turn) -> None:
        self.ledger.begin(self.path, turn)
        if (turn.n + turn.session) % 50 == 0:
            await self.sleep(0.002)
        self.ledger.end(turn)

    @handles
    def trip(self, trip: Trip) -> None:
        raise ValueError(trip)


async def storm(system, *, messages, resizes, seed, crashes=0):
    """Send numbered messages of many sessions while an operator cannot make up his mind."""
    rng = Random(seed)
    desks, ref = operate(system.ref("desks")), system.ref("desks")
    numbers, orders = [0] * SESSIONS, []
    every = messages // resizes
    for count in range(messages):
        if count % every == 0:
            orders.append(desks.resize(rng.randint(1, 12)))
        if crashes and count % (messages // crashes) == 7:
            ref.tell(Trip(rng.randrange(SESSIONS)))
        session = min(int(rng.expovariate(0.01)), SESSIONS - 1)
        await ref.tell(Turn(session, numbers[session]))
        numbers[session] += 1
        if count % 50 == 0:
            await asyncio.sleep(0)
    for order in orders:
        assert (await order).ok
    return sum(numbers)


def tree(ledger, router, **options):
    options = {"drain": None, "max_restarts": 10_000, "mailbox": 500} | options
    return supervisor(
        "t",
        children=[pool(Quick, ledger, id="desks", size=4, router=router, key="session", **options)],
    )


def check(system, ledger, messages, crashes=0):
    account = system.account()
    assert account.balanced
    assert account.in_flight == account.dead == 0
    assert not ledger.wrong
    assert ledger.handled == messages
    assert account.failed == crashes
    assert account.handled == messages
    assert ledger.moves


def run(ledger, router, *, messages, resizes, crashes=0, **options):
    async def main():
        system = System(tree(ledger, router, **options), seed=5)
        async with system:
            await storm(system, messages=messages, resizes=resizes, seed=11, crashes=crashes)
        return system

    logger.disable("harmonium")
    try:
        return asyncio.run(main())
    finally:
        logger.enable("harmonium")


ROUTERS = [STICKY, ConsistentHash(load_bound=None)]


@pytest.mark.parametrize("router", ROUTERS, ids=repr)
def test_a_storm_of_resizes(router):
    """200 resizes, 50,000 messages: none lost or doubled, each session in order at one owner."""
    ledger = Ledger()
    system = run(ledger, router, messages=50_000, resizes=200)
    check(system, ledger, 50_000)


@pytest.mark.soak
@pytest.mark.parametrize("router", ROUTERS, ids=repr)
def test_a_long_storm_of_resizes(router):
    """The same with 100,000 messages for each router."""
    ledger = Ledger()
    system = run(ledger, router, messages=100_000, resizes=200)
    check(system, ledger, 100_000)


@pytest.mark.parametrize("rule", [KEEP, HAND_OVER], ids=repr)
@pytest.mark.parametrize(
    "router",
    [Sticky(patience=0, place=ConsistentHash(), max_sessions=50), ConsistentHash(load_bound=None)],
    ids=repr,
)
def test_a_storm_with_crashes(router, rule):
    """The same with 100 crashes among 10,000 messages, whoever gets a crashed member's mail."""
    ledger = Ledger()
    options = {"on_member_crash": rule}
    system = run(ledger, router, messages=10_000, resizes=100, crashes=100, **options)
    check(system, ledger, 10_000, 100)


@pytest.mark.parametrize("router", [STICKY, ConsistentHash(load_bound=None)], ids=repr)
@pytest.mark.parametrize("rule", [KEEP, HAND_OVER], ids=repr)
def test_a_storm_in_virtual_time(router, rule):
    """On a simulated ground mail is routed where it arrives, and all the same holds."""
    ledger, ground = Ledger(), SimulatedGround(seed=3)

    async def main():
        system = System(tree(ledger, router, on_member_crash=rule), ground=ground)
        async with system:
            await storm(system, messages=3_000, resizes=60, seed=7, crashes=30)
        return system

    logger.disable("harmonium")
    system = ground.play(main())
    logger.enable("harmonium")
    check(system, ledger, 3_000, 30)


def test_a_storm_of_whoever_is_free():
    """Without sessions nothing is lost or doubled either."""
    ledger = Ledger()
    ledger.begin = lambda *_: None
    ledger.moves = 1
    system = run(ledger, LEAST_LOADED, messages=20_000, resizes=100, crashes=50)
    check(system, ledger, 20_000, 50)
