"""Random policies and random faults: every ask ends, nothing is left, no effect is doubled."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loguru import logger

from harmonium import (
    Agent,
    Backoff,
    Chaos,
    FaultInjector,
    System,
    child,
    handles,
    message,
    supervisor,
)
from harmonium.actors.simulated import SimulatedGround
from harmonium.protocols.errors import AskError, DeliveryError
from harmonium.protocols.reliability import (
    BreakerPolicy,
    BulkheadPolicy,
    HedgePolicy,
    InboxPolicy,
    Policy,
    RateLimit,
    RetryBudget,
    RetryPolicy,
)


@message
class Pay:
    """Charge an order."""

    order: str


@message
class Paid:
    """The order that was charged."""

    order: str


class Till(Agent):
    """The effect and its answer are one; what comes behind may crash."""

    def __init__(self, book: list[str]) -> None:
        self.book = book

    @handles(idempotent=True, reentrant=True, inbox=InboxPolicy(runs=1000))
    async def pay(self, pay: Pay) -> Paid:
        await self.sleep(self.random.random() * 0.02)
        self.book.append(pay.order)
        self.reply(Paid(pay.order))
        await self.sleep(self.random.random() * 0.01)
        return Paid(pay.order)


@pytest.fixture(autouse=True)
def _quiet() -> Any:
    logger.disable("harmonium")
    yield
    logger.enable("harmonium")


def optional(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


POLICIES = st.builds(
    Policy,
    timeout=st.sampled_from([0.2, 1.0, 5.0]),
    attempt_timeout=optional(st.sampled_from([0.01, 0.05, 0.5])),
    retry=optional(
        st.builds(
            RetryPolicy,
            st.integers(1, 6),
            backoff=st.sampled_from([None, Backoff(0.001, 0.1)]),
            never=st.just(()),
        )
    ),
    retry_budget=optional(st.builds(RetryBudget, ratio=st.sampled_from([0.0, 0.5, 5.0]))),
    breaker=optional(
        st.builds(
            BreakerPolicy,
            minimum=st.just(2),
            calls=st.integers(2, 20),
            open_for=st.sampled_from([0.01, 0.3]),
            trial_timeout=st.sampled_from([0.01, 1.0]),
        )
    ),
    bulkhead=optional(
        st.builds(
            BulkheadPolicy,
            st.integers(1, 5),
            waiting=st.integers(0, 20),
            max_wait=optional(st.sampled_from([0.01, 0.5])),
        )
    ),
    rate=optional(st.builds(RateLimit, st.sampled_from([50.0, 1000.0]), max_wait=st.just(0.5))),
    hedge=optional(
        st.builds(HedgePolicy, st.sampled_from([0.001, 0.01]), copies=st.integers(1, 3))
    ),
)
PLANS = st.lists(
    st.sampled_from(
        ["crash=0.2", "drop=0.1", "duplicate=0.3", "delay=20ms:0.3", "kill=0.05", "hang=0.1:30ms"]
    ),
    unique=True,
    min_size=1,
)


@settings(max_examples=60)
@given(POLICIES, PLANS, st.integers(0, 2**16), st.integers(1, 5))
def test_whatever_the_policy_and_the_faults(policy, faults, seed, times):
    """Each ask ends with an answer or an error; no call, place or message is left; one effect."""
    book: list[str] = []
    ground = SimulatedGround()
    tree = supervisor("t", max_restarts=10_000, within=1.0, children=[child(Till, book, id="till")])

    async def main() -> tuple[System, list[Any]]:
        async with System(tree, ground=ground) as system:
            plan = Chaos.parse(",".join(faults), seed=seed)
            FaultInjector(ground, plan).attach()
            asks = [
                system.ask("till", Pay(str(n)), policy=policy, idempotency_key=str(n))
                for n in range(12)
                for _ in range(times)
            ]
            answers = await asyncio.gather(*asks, return_exceptions=True)
            await asyncio.sleep(10.0)
            assert system.account().in_flight == 0
        return system, answers

    system, answers = ground.play(main())
    orders = [str(n) for n in range(12) for _ in range(times)]
    for order, answer in zip(orders, answers, strict=True):
        assert answer == Paid(order) or isinstance(answer, AskError | DeliveryError), answer
    assert system.account().balanced
    assert all(many == 1 for many in Counter(book).values())
    for guard in ground.policies._guards.values():
        state = guard._state
        assert not guard.busy
        assert not state.calls
        assert state.guards.bulkhead is None or not state.guards.bulkhead.inside
