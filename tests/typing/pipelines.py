"""What a type checker sees of a pipeline: results by step, the request, the answer."""

from __future__ import annotations

from typing import Any, assert_type

import attrs

from harmonium import ChildSpec, HarmoniumError, System, coordinator
from harmonium.protocols.fallback import FallbackRule, Retry, Skip, Use
from harmonium.protocols.ladder import AgentRung, Ladder, PersonRung
from harmonium.protocols.pipeline import Context, Gather, Pipeline, Step
from harmonium.protocols.pipeline.effects import Partial
from harmonium.protocols.question import Questions
from harmonium.supervisors.inbox import inbox
from harmonium.supervisors.inbox_messages import AnswerOutcome


@attrs.frozen
class PlaceOrder:
    customer_id: int
    lines: tuple[str, ...] = ()


@attrs.frozen
class CheckStock:
    sku: int


@attrs.frozen
class Level:
    units: int


@attrs.frozen
class Placed:
    number: int


def pay(c: Context[PlaceOrder]) -> CheckStock:
    assert_type(c.request, PlaceOrder)
    assert_type(c[stock], Level)
    assert_type(c["stock"], Any)
    return CheckStock(c.request.customer_id + c[stock].units)


def wrong(c: Context[PlaceOrder]) -> Placed:
    return c[stock]  # type: ignore[return-value]


stock = Step(
    "stock",
    to="inventory",
    send=lambda c: CheckStock(1),
    expect=Level,
    fallback=[Retry(2, 0.1), Use(Level(0))],
    undo=lambda c: CheckStock(2),
)
payment = Step("payment", to="payments", after=[stock], send=pay, expect=Placed)
mail = Step("mail", to="mailer", after="payment")

assert_type(stock, Step[Level])
assert_type(mail, Step[Any])

typed = Pipeline(PlaceOrder, [stock, payment, mail], result=lambda c: c[payment])
assert_type(typed, Pipeline[PlaceOrder, Placed])

plain = Pipeline(PlaceOrder, [stock])
assert_type(plain, Pipeline[PlaceOrder, dict[str, Any]])

Step("a", after=[1])  # type: ignore[list-item]
Pipeline(PlaceOrder, ["stock"])  # type: ignore[list-item]


# -- what may stand in rules, rungs and gathers

rules: list[FallbackRule] = [
    Retry(2, on=TimeoutError),
    Use(Level(0), on=("OutOfStock", ValueError)),
]
people = Ladder(
    AgentRung("lead", expect=Level),
    PersonRung("people", "how many?", options=("1", "2"), timeout=60.0),
    PersonRung("people", "how many?", expect=Level),
)
asked = Step("asked", person=people, expect=Level, fallback=rules)
offers = Step("offers", topic="offers", gather=Gather(want=2), fallback=[Skip(on=HarmoniumError)])
declared: ChildSpec = coordinator(typed, limit=10)
desk: ChildSpec = inbox("people")


async def read(system: System) -> None:
    stream = system.stream("orders", Placed(1))
    async for part in stream:
        assert_type(part, Partial)
    questions = await system.inbox("people").list()
    assert_type(questions, Questions)
    assert_type(questions[0].id, str)
    outcome = await system.inbox("people").answer(questions[0].id, "1")
    assert_type(outcome, AnswerOutcome)
