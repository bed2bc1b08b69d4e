"""One behaviour suite for every ground: `play` runs a scenario on each of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from loguru import logger

from harmonium import System
from harmonium.actors.simulated import SimulatedGround

Scenario = Callable[[System], Awaitable[Any]]

LIMIT = 20.0
"""Seconds that a scenario may take on the slowest machine before it counts as hung."""


def on_own_loop(tree: Any, scenario: Scenario, **options: Any) -> System:
    """Run the agents on the scenario's own event loop."""

    async def main() -> System:
        system = System(tree, **options)
        async with system:
            await asyncio.wait_for(scenario(system), LIMIT)
        return system

    return asyncio.run(main())


def in_a_thread(tree: Any, scenario: Scenario, **options: Any) -> System:
    """Run the agents in a thread, and the scenario on a loop of its own."""
    with System(tree, **options) as system:
        asyncio.run(asyncio.wait_for(scenario(system), LIMIT))
    return system


def in_virtual_time(tree: Any, scenario: Scenario, **options: Any) -> System:
    """Run the agents and the scenario in a simulation."""
    ground = SimulatedGround()

    async def main() -> System:
        system = System(tree, ground=ground, **options)
        async with system:
            await asyncio.wait_for(scenario(system), LIMIT * 100)
        return system

    return ground.play(main())


GROUNDS = {"local": on_own_loop, "local-thread": in_a_thread, "simulated": in_virtual_time}


@pytest.fixture(params=GROUNDS)
def play(request: pytest.FixtureRequest) -> Callable[..., System]:
    """Run a scenario on one kind of ground and check that every message has its fate."""

    def run(tree: Any, scenario: Scenario, **options: Any) -> System:
        system = GROUNDS[request.param](tree, scenario, **options)
        account = system.account()
        assert account.balanced, account
        assert account.in_flight == 0, account
        return system

    return run


@pytest.fixture(autouse=True)
def _quiet() -> Any:
    logger.disable("harmonium")
    yield
    logger.enable("harmonium")


@pytest.fixture
def until() -> Callable[..., Awaitable[None]]:
    """Wait for a condition; fails when it does not come true."""

    async def wait(condition: Callable[[], object], within: float = 10.0) -> None:
        deadline = asyncio.get_running_loop().time() + within
        while not condition():
            assert asyncio.get_running_loop().time() < deadline, "the condition did not come true"
            await asyncio.sleep(0.001)

    return wait
