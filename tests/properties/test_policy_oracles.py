"""Asks under a policy, in simulated time, beside tenacity, pybreaker and a bucket that ticks."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from fractions import Fraction
from itertools import pairwise
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loguru import logger

from harmonium import Agent, Backoff, System, child, handles, message, supervisor
from harmonium.actors.simulated import SimulatedGround
from harmonium.protocols.errors import AskFailed, Unavailable
from harmonium.protocols.reliability import BreakerPolicy, Policy, RateLimit, RetryPolicy
from tests.protocols.reliability.test_breaker import by_pybreaker
from tests.protocols.reliability.test_retry import by_tenacity

FAILURES = {"os": OSError("down"), "value": ValueError("bad"), "bad": OSError, "ignored": KeyError}

# Steps of half a second: the few milliseconds of simulated carriage never cross a bound.
SECONDS = st.integers(0, 6).map(lambda n: n / 2)


@message
class Do:
    """Do the next thing of the script."""


@message
class Done:
    """It was good."""


class Scripted(Agent):
    """Takes its time and then does what the script says; notes when it began."""

    def __init__(self, script: list[tuple[Any, float]], times: list[float]) -> None:
        self.script = script
        self.times = times

    @handles(reentrant=True)
    async def do(self, _: Do) -> Done | None:
        self.times.append(self.now())
        outcome, seconds = self.script.pop(0)
        owed = self.defer()
        await self.sleep(seconds)
        failure = FAILURES.get(outcome)
        if failure is None:
            owed.reply(Done())
        else:
            owed.fail(failure() if isinstance(failure, type) else failure)
        return None


def simulate(
    script: list[tuple[Any, float]], scenario: Callable[[System], Awaitable[Any]]
) -> tuple[list[float], Any]:
    """Run a scenario in virtual time: when the agent was asked, and what came out."""
    times: list[float] = []
    ground = SimulatedGround()
    tree = supervisor("t", children=[child(Scripted, list(script), times, id="a")])

    async def main() -> Any:
        async with System(tree, ground=ground) as system:
            return await scenario(system)

    return times, ground.play(main())


@pytest.fixture(autouse=True)
def _quiet() -> Any:
    logger.disable("harmonium")
    yield
    logger.enable("harmonium")


@settings(max_examples=40)
@given(
    st.integers(1, 6),
    st.none() | st.integers(0, 8).map(lambda n: n + 0.25),
    st.lists(st.tuples(st.sampled_from([None, "os", "value"]), SECONDS), max_size=8),
)
def test_an_ask_is_retried_as_tenacity_would(attempts, timeout, script):
    """The same number of attempts, at the same times, with the same end."""
    script = [*script, (None, 0.0)]
    rules = {
        "attempts": attempts,
        "timeout": timeout,
        "initial": 0.5,
        "maximum": 4.0,
        "factor": 2.0,
    }
    waits, end = by_tenacity(rules, script)
    retry = RetryPolicy(
        attempts, timeout=timeout, backoff=Backoff(0.5, 4.0, jitter=0.0), on=(OSError, LookupError)
    )

    async def scenario(system: System) -> str:
        try:
            await system.ask("a", Do(), policy=Policy(timeout=1000.0, retry=retry))
        except AskFailed as error:
            return error.error_type
        return "done"

    times, our_end = simulate(script, scenario)
    spent = [seconds for _, seconds in script]
    gaps = [later - earlier - spent[n] for n, (earlier, later) in enumerate(pairwise(times))]
    assert our_end == end
    assert gaps == pytest.approx(waits, abs=0.02)


@settings(max_examples=40)
@given(
    st.integers(1, 4),
    st.integers(0, 5).map(lambda n: n + 0.5),
    st.lists(
        st.tuples(st.integers(0, 4), st.sampled_from(["good", "bad", "ignored"])), max_size=40
    ),
)
def test_a_breaker_lets_through_what_pybreaker_would(failures, open_for, calls):
    """Call after call, the same ones reach the agent."""
    expected = [ran for ran, _ in by_pybreaker(failures, open_for, calls)]
    breaker = BreakerPolicy.consecutive(failures, open_for=open_for)
    policy = Policy(breaker=attrs.evolve(breaker, ignore=(KeyError,)))
    script = [(outcome, 0.0) for (_, outcome), ran in zip(calls, expected, strict=True) if ran]

    async def scenario(system: System) -> list[bool]:
        found = []
        for wait, _ in calls:
            await asyncio.sleep(wait)
            ask = system.ask("a", Do(), policy=policy)
            (answer,) = await asyncio.gather(ask, return_exceptions=True)
            found.append(not isinstance(answer, Unavailable))
        return found

    times, found = simulate([*script, *[("good", 0.0)] * len(calls)], scenario)
    assert found == expected
    assert len(times) == sum(expected)


@settings(max_examples=40)
@given(
    st.sampled_from([0.5, 1.0, 4.0, 64.0]),
    st.integers(1, 5),
    st.lists(st.integers(0, 64).map(lambda n: n / 32), max_size=40),
)
def test_a_rate_limit_lets_through_what_a_bucket_that_ticks_would(rate, burst, steps):
    """Ask after ask, the same ones reach the agent."""
    tokens, expected = Fraction(burst), []
    for wait in steps:
        tokens = min(Fraction(burst), tokens + Fraction(wait) * Fraction(rate))
        expected.append(tokens >= 1)
        tokens -= tokens >= 1
    policy = Policy(rate=RateLimit(rate, burst=burst))

    async def scenario(system: System) -> list[bool]:
        # From a whole second on, so that the sums of times are exact in floats.
        await asyncio.sleep(1.0 - system.ground.clock())
        asks = []
        for wait in steps:
            await asyncio.sleep(wait)
            asks.append(system.ask("a", Do(), policy=policy, timeout=1000.0))
        answers = await asyncio.gather(*asks, return_exceptions=True)
        return [not isinstance(answer, Unavailable) for answer in answers]

    times, found = simulate([("good", 0.0)] * len(steps), scenario)
    assert found == expected
    assert len(times) == sum(expected)
