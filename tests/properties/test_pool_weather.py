"""Pools in bad weather: messages that are late, agents in any order, crashes, resizes."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loguru import logger

from harmonium import STICKY, System
from harmonium.actors.simulated import SimulatedGround
from harmonium.protocols.routing import ConsistentHash, Sticky
from harmonium.supervisors.pool_spec import HAND_OVER, KEEP
from tests.supervisors.test_pool_storm import Ledger, storm, tree

MESSAGES = 300


class Late:
    """Some messages take their time."""

    def __init__(self, seed):
        self.rng = Random(seed)

    def latencies(self, ground, to, envelope):
        return (self.rng.choice([0.0, 0.0, 0.0, 0.003, 0.02]),)


class AnyOrder(list):
    """A ready queue that picks by chance."""

    def __init__(self, seed):
        super().__init__()
        self.rng = Random(seed)

    def popleft(self):
        return self.pop(self.rng.randrange(len(self)))


@pytest.mark.parametrize(
    "router",
    [STICKY, Sticky(patience=0, max_sessions=20), ConsistentHash(load_bound=None)],
    ids=repr,
)
@settings(max_examples=6, deadline=None)
@given(
    st.integers(0, 2**16),
    st.sampled_from([KEEP, HAND_OVER]),
    st.sampled_from([5, 50, 500]),
    st.sampled_from([None, 0.01, 1.0]),
    st.integers(0, 1),
)
def test_each_message_is_handled_once_and_in_order(router, seed, rule, mailbox, drain, retries):
    """Whatever the weather: nothing lost or doubled, sessions in order, one owner at a time."""
    ledger = Ledger()
    ground = SimulatedGround(seed=seed, carriage=Late(seed), ready=AnyOrder(seed))
    options = {"on_member_crash": rule, "mailbox": mailbox, "drain": drain, "retries": retries}

    async def main():
        system = System(tree(ledger, router, **options), ground=ground)
        async with system:
            await storm(system, messages=MESSAGES, resizes=15, seed=seed, crashes=5)
        return system

    logger.disable("harmonium")
    try:
        account = ground.play(main()).account()
    finally:
        logger.enable("harmonium")
    assert not ledger.wrong
    assert ledger.handled == MESSAGES
    assert account.balanced
    assert account.dead == account.in_flight == 0
