"""What a type checker sees of a pipeline: results by step, the request, the answer."""

from __future__ import annotations

from typing import Any, assert_type

import attrs

from harmonium.protocols.fallback import Retry, Use
from harmonium.protocols.pipeline import Context, Pipeline, Step


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
