"""Pools that size themselves: the policy with real agents, in virtual time."""

from __future__ import annotations

import asyncio
import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loguru import logger

from harmonium import Agent, System, handles, message, operate, supervisor
from harmonium.actors.simulated import SimulatedGround
from harmonium.protocols.autoscale import Autoscale
from harmonium.protocols.routing import LEAST_LOADED
from harmonium.supervisors.pool import pool

SERVICE = 0.2
POLICY = Autoscale(1, 60, utilisation=0.7, period=1.0, cooldown=3.0, shrink_after=20.0)


@message
class Work:
    """Takes `SERVICE` seconds."""


class Hand(Agent):
    @handles
    async def work(self, work: Work) -> None:
        await self.sleep(SERVICE)


class Site:
    """A pool under a load that changes, and the sizes it takes at the end of each period."""

    def __init__(self, policy=POLICY, size=None):
        hands = pool(
            Hand, id="hands", router=LEAST_LOADED, autoscale=policy, size=size or policy.minimum
        )
        self.ground = SimulatedGround()
        self.system = System(supervisor("t", children=[hands]), ground=self.ground)
        self.sizes = []
        self.explained = []

    @property
    def pool(self):
        return self.system.ref("hands")._cell.agent

    def play(self, loads):
        async def main():
            async with self.system:
                await self.run(loads)
                self.explained = await operate(self.system.ref("hands")).explain()

        logger.disable("harmonium")
        try:
            self.ground.play(main())
        finally:
            logger.enable("harmonium")
        account = self.system.account()
        assert account.balanced
        assert not account.dead
        return self

    async def run(self, loads):
        """Let each load, in messages a second, come for one period."""
        part = 0.0
        for load in loads:
            part += load
            count, part = int(part), part - int(part)
            for _ in range(count):
                self.system.tell("hands", Work())
                await asyncio.sleep(1.0 / count)
            if not count:
                await asyncio.sleep(1.0)
            self.sizes.append(self.pool.wanted)


def turns(sizes):
    """Count how often a row of sizes changes its direction, the first change included."""
    moves = [b - a for a, b in itertools.pairwise(sizes) if a != b]
    return sum(a * b < 0 for a, b in itertools.pairwise(moves)) + bool(moves)


def needed(load):
    return max(1, math.ceil(load * SERVICE / POLICY.utilisation))


@settings(max_examples=8, deadline=None)
@given(st.integers(3, 12))
def test_a_tenfold_load_is_followed_within_three_periods(load):
    """From its load to ten times that: the size it needs within 3 evaluations, and no swing."""
    site = Site().play([load] * 15 + [10 * load] * 15)
    fits = needed(10 * load) / (1 + POLICY.tolerance)
    assert site.sizes[15 + 3] >= fits - 1
    assert turns(site.sizes[14:]) <= 2
    assert site.sizes[-1] <= 2 * needed(10 * load)


@settings(max_examples=5, deadline=None)
@given(st.integers(2, 6), st.integers(1, 4))
def test_a_spike_is_answered_once(load, length):
    """A short spike makes it grow once and shrink once."""
    site = Site().play([load] * 10 + [10 * load] * length + [load] * 50)
    assert turns(site.sizes[9:]) <= 2
    assert max(site.sizes) > site.sizes[9]
    assert site.sizes[-1] <= needed(load) + 1


@settings(max_examples=5, deadline=None)
@given(st.integers(1, 3), st.integers(4, 8))
def test_a_sawtooth_does_not_shake_it(load, length):
    """Under a load that climbs and falls again and again it turns at most twice a tooth."""
    tooth = [load * (1 + 9 * n / length) for n in range(length)]
    site = Site().play(tooth * 5)
    assert turns(site.sizes) <= 2 * 5
    assert turns(site.sizes[2 * length :]) <= 2


def test_each_change_is_explained():
    """The journal says why the pool grew and shrank, with the figures."""
    site = Site().play([3] * 5 + [40] * 6 + [2] * 40)
    told = " ".join(site.explained)
    assert "grow. 1 to 13 members" in told
    assert "utilisation asks for" in told
    assert "shrink." in told
    assert "% busy" in told


def test_the_queue_asks_for_more():
    """A backlog that utilisation does not explain makes it grow by the queue's depth."""
    policy = Autoscale(1, 20, utilisation=1.0, depth=2.0, cooldown=0.0, period=0.1)

    async def main(site):
        async with site.system:
            for _ in range(100):
                site.system.tell("hands", Work())
            await asyncio.sleep(2.0)
            site.explained = await operate(site.system.ref("hands")).explain()

    site = Site(policy)
    logger.disable("harmonium")
    site.ground.play(main(site))
    logger.enable("harmonium")
    assert any("queue depth asks for" in one for one in site.explained), site.explained


def test_an_operator_has_the_last_word_for_a_while():
    """A size that an operator orders holds until the policy has reason to change it."""
    site = Site(Autoscale(1, 20, shrink_after=10.0))

    async def main():
        async with site.system:
            assert (await operate(site.system.ref("hands")).resize(9)).ok
            await site.run([1] * 8)
            assert site.sizes[-1] == 9
            await site.run([1] * 8)
            assert site.sizes[-1] == 1

    logger.disable("harmonium")
    site.ground.play(main())
    logger.enable("harmonium")


@pytest.mark.parametrize("load", [0, 22])
def test_it_stays_between_its_bounds(load):
    """No load takes it below its minimum or above its maximum."""
    site = Site(Autoscale(2, 4, shrink_after=5.0), size=3).play([load] * 15)
    assert set(site.sizes) <= {2, 3, 4}
    assert site.sizes[-1] == (4 if load else 2)
