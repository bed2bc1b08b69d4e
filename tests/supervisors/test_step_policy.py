"""Steps of a pipeline under a policy."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from loguru import logger

from harmonium import (
    Agent,
    Pipeline,
    SpecError,
    Step,
    System,
    Use,
    child,
    coordinator,
    handles,
    message,
    supervisor,
)
from harmonium.protocols.pipeline.table import pipeline_from_table
from harmonium.protocols.reliability import BreakerPolicy, Policy, RetryPolicy


@message
class Order:
    """A request."""

    n: int


@message
class Done:
    """An answer."""

    n: int


class Shaky(Agent):
    """Fails so many times."""

    def __init__(self, failures: list[int], book: list[int]) -> None:
        self.failures = failures
        self.book = book

    @handles
    def order(self, order: Order) -> Done:
        self.book.append(order.n)
        if self.failures[0]:
            self.failures[0] -= 1
            raise OSError("not yet")
        return Done(order.n)


@pytest.fixture(autouse=True)
def _quiet() -> Any:
    logger.disable("harmonium")
    yield
    logger.enable("harmonium")


def run(step: Step[Any], failures: int, orders: int = 1) -> tuple[list[int], list[Any]]:
    book: list[int] = []
    pipeline = Pipeline(request=Order, steps=[step], result=lambda c: Done(c["work"].n))
    tree = supervisor(
        "t",
        children=[
            child(Shaky, [failures], book, id="shaky"),
            coordinator(pipeline, id="orders"),
        ],
        max_restarts=1000,
        within=1.0,
    )

    async def main() -> list[Any]:
        async with System(tree) as system:
            return [
                (await asyncio.gather(system.ask("orders", Order(n)), return_exceptions=True))[0]
                for n in range(orders)
            ]

    return book, asyncio.run(main())


def send(context: Any) -> Order:
    return Order(context.request.n)


def test_a_step_is_retried_by_its_policy():
    """What its policy repeats is one attempt for the pipeline."""
    step = Step("work", to="shaky", send=send, policy=Policy(retry=RetryPolicy(5, backoff=None)))
    book, answers = run(step, failures=3)
    assert book == [0, 0, 0, 0]
    assert answers == [Done(0)]


def test_the_rules_come_when_the_policy_has_given_up():
    """An open breaker is a failed attempt like any other, so a fallback serves in its place."""
    step = Step(
        "work",
        to="shaky",
        send=send,
        policy=Policy(breaker=BreakerPolicy.consecutive(2, open_for=60.0)),
        fallback=[Use(Done(-1))],
    )
    book, answers = run(step, failures=100, orders=6)
    assert book == [0, 1]
    assert answers == [Done(-1)] * 6


def test_a_policy_is_for_a_step_that_asks_an_agent():
    """Anything else is refused where the pipeline is defined."""
    with pytest.raises(SpecError, match="policy"):
        Pipeline(request=Order, steps=[Step("work", topic="x", policy=Policy())])
    with pytest.raises(SpecError, match="policy"):
        Pipeline(request=Order, steps=[Step("work", to="x", policy=7)])


def test_a_system_file_gives_steps_their_policies():
    """As a table under the step."""
    table = {
        "request": "Order",
        "steps": [{"name": "work", "to": "x", "policy": {"retry": {"attempts": 2}}}],
    }
    pipeline = pipeline_from_table(table, {"Order": Order})
    assert pipeline.steps[0].policy == Policy(retry=RetryPolicy(2))
