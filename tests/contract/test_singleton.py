"""Singletons: one leader among systems that share a store, and no harm by one that was."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from harmonium import AskFailed, child, handles, message, supervisor
from harmonium.actors.event_sourced import EventSourced
from harmonium.actors.simulated import SimulatedGround
from harmonium.actors.singleton import LeadershipChanged, Singleton
from harmonium.actors.store import MemoryStore
from harmonium.protocols.errors import StaleToken, StartFailed, Unavailable
from harmonium.protocols.reliability.lease import LeasePolicy
from harmonium.supervisors.system import System


@message
class Add:
    """Count on; crash if told to."""

    n: int
    crash: bool = False


@message
class Added:
    """What was counted."""

    n: int


@message
class Total:
    """The sum, and who says so."""

    n: int
    who: str


class Counter(EventSourced):
    """Adds up what it is told, in the store."""

    events = (Added,)

    def __init__(self, who: str = "") -> None:
        self.total = 0
        self.who = who

    def apply(self, event: Added) -> None:
        self.total += event.n

    @property
    def event_stream(self) -> str:
        return "counter"

    @handles
    async def add(self, order: Add) -> Total:
        if order.crash:
            raise ValueError("boom")
        await self.persist(Added(order.n))
        return Total(self.total, self.who)


TEN = LeasePolicy(9.0)


def tree(who: str = "", policy: LeasePolicy = TEN) -> Any:
    options = {"lease": "counter", "policy": policy}
    one = child(Singleton, Counter, who, id="counter", kwargs=options)
    return supervisor("t", children=[one], max_restarts=100)


def changes(system: System) -> list[tuple[bool, str]]:
    heard: list[tuple[bool, str]] = []

    def hear(event: Any) -> None:
        if isinstance(event, LeadershipChanged):
            heard.append((event.leads, event.why))

    system.listen(hear)
    return heard


def test_a_message_to_the_singleton_is_one_to_its_agent(play):
    """Asks are answered by it; a message outside its contract is refused at the sender."""

    async def scenario(system):
        assert await system.ask("counter", Add(1)) == Total(1, "a")
        assert await system.ask("counter", Add(2)) == Total(3, "a")
        assert system.ref("/t/counter/leader").alive

    play(tree("a"), scenario, store="memory:")


def test_a_crash_of_the_agent_restarts_it_with_its_mail(play):
    """The failed message has failed; those behind it are handled by the next one, in order."""

    async def scenario(system):
        asks = [system.ask("counter", Add(n, crash=n == 2)) for n in (1, 2, 3, 4)]
        answers = await asyncio.gather(*asks, return_exceptions=True)
        assert isinstance(answers[1], AskFailed)
        assert [one.n for one in (answers[0], *answers[2:])] == [1, 4, 8]

    play(tree(), scenario, store="memory:")


def test_without_a_store_it_does_not_start():
    """There is nobody to ask who leads."""
    with pytest.raises(StartFailed, match="store"), System(tree()):
        pytest.fail("it started")


def test_an_agent_that_does_not_start_fails_its_singleton(play):
    """The lease is free again for another system once it ends."""

    def refuses() -> Any:
        raise OSError("no disk")

    with pytest.raises(StartFailed, match="no disk"):
        play(supervisor("t", children=[child(Singleton, refuses, id="x")]), None, store="memory:")


def test_an_agent_that_a_function_makes_takes_what_it_handles(play):
    """Its contract is known when it is made; till then every message may be sent."""

    async def scenario(system):
        assert await system.ask("counter", Add(4)) == Total(4, "made")

    one = child(Singleton, lambda: Counter("made"), id="counter")
    play(supervisor("t", children=[one]), scenario, store="memory:")


def alone(scenario: Any) -> None:
    """Run one system in virtual time against a rival who is only a name in the store."""
    ground = SimulatedGround()
    ahead = [0.0]
    store = MemoryStore(lambda: ground.clock() + ahead[0])

    async def main() -> None:
        await scenario(System(tree("me"), ground=ground, store=store), store, ahead)

    ground.play(main())
    account = ground.account()
    assert account.balanced, account
    assert account.in_flight == 0


def test_while_another_leads_askers_hear_and_when_its_lease_ends_this_one_leads():
    """A leader that died without a word blocks the others for its lease, not longer."""

    async def scenario(system, store, ahead):
        await store.leases.acquire("counter", "rival", 9.0)
        async with system:
            with pytest.raises(Unavailable, match="another system leads"):
                await system.ask("counter", Add(1))
            await asyncio.sleep(8.0)
            with pytest.raises(Unavailable):
                await system.ask("counter", Add(1))
            await asyncio.sleep(5.0)
            assert await system.ask("counter", Add(1)) == Total(1, "me")

    alone(scenario)


def test_a_leader_keeps_its_lease_and_gives_it_back_when_it_stops():
    """It is renewed for as long as it runs; after a stop another one has it at once."""

    async def scenario(system, store, ahead):
        async with system:
            await asyncio.sleep(100.0)
            assert await store.leases.acquire("counter", "rival", 9.0) is None
        assert await store.leases.acquire("counter", "rival", 9.0) is not None

    alone(scenario)


def test_a_leader_that_lost_its_lease_is_demoted_and_its_writes_are_refused():
    """The store's clock leaps: a rival has the lease, and what this one writes is stale."""

    async def scenario(system, store, ahead):
        async with system:
            heard = changes(system)
            await system.ask("counter", Add(1))
            ahead[0] = 60.0
            assert await store.leases.acquire("counter", "rival", 9.0) is not None
            with pytest.raises(AskFailed, match=StaleToken.__name__):
                await system.ask("counter", Add(1))
            with pytest.raises(Unavailable):
                await system.ask("counter", Add(1))
            await asyncio.sleep(20.0)
            assert await system.ask("counter", Add(1)) == Total(2, "me")
            assert heard[-1] == (True, "it has the lease")

    alone(scenario)


def test_an_idle_leader_is_demoted_when_it_renews():
    """It hears at its next renewal at the latest, and its agent is killed."""

    async def scenario(system, store, ahead):
        async with system:
            heard = changes(system)
            ahead[0] = 60.0
            await store.leases.acquire("counter", "rival", 9.0)
            await asyncio.sleep(4.0)
            assert heard == [(False, "the lease is lost: another system has taken it")]
            assert "leader" not in (system.ref("counter")._cell.children or {})

    alone(scenario)


def test_a_leader_that_cannot_reach_the_store_stops_in_time():
    """Before the lease can be another's, by its own clock, the agent is gone."""

    async def scenario(system, store, ahead):
        async with system:
            heard = changes(system)
            await asyncio.sleep(1.0)
            store._problem = "the network is down"
            await asyncio.sleep(6.0)
            assert heard == []
            await asyncio.sleep(2.2)
            assert heard == [(False, "the lease is lost: it could not be renewed in time")]
            store._problem = ""
            await asyncio.sleep(10.0)
            assert heard[1:] == [(True, "it has the lease")]

    alone(scenario)


async def asked(system: System) -> Total:
    """Ask until the system leads."""
    async with asyncio.timeout(10.0):
        while True:
            try:
                found: Total = await system.ask("counter", Add(1))
            except Unavailable:
                await asyncio.sleep(0.01)
            else:
                return found


def test_of_two_systems_on_one_file_one_leads_and_the_other_follows(tmp_path):
    """In real time, on SQLite: nothing that was acknowledged is lost or counted twice."""
    policy = LeasePolicy(2.0)
    systems = [System(tree(who, policy), store=tmp_path / "s.db") for who in "ab"]

    async def main() -> None:
        async with systems[0], systems[1]:
            assert await systems[0].ask("counter", Add(1)) == Total(1, "a")
            with pytest.raises(Unavailable):
                await systems[1].ask("counter", Add(1))
            await systems[0].astop()
            assert await asked(systems[1]) == Total(2, "b")
        async with System(tree("c", policy), store=tmp_path / "s.db") as third:
            assert await third.ask("counter", Add(1)) == Total(3, "c")

    asyncio.run(main())
