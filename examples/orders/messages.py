"""What the agents of the example say to each other; every message names its order."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from examples.orders.domain import Kind, Order, Outcome, Reason, Reviewer
from examples.orders.stock import Shortage
from harmonium.protocols.message import field, message, non_empty, non_negative, positive

__all__ = [
    "Charge",
    "Charged",
    "CheckOrder",
    "OrderChecked",
    "OrderClosed",
    "OrderOutcome",
    "OutOfStock",
    "PaymentRefused",
    "PlaceOrder",
    "Refund",
    "Refunded",
    "Release",
    "Released",
    "Reserve",
    "Reserved",
    "ReviewBallot",
    "ReviewOrder",
    "VoidCharge",
    "Voided",
]


@message
class PlaceOrder:
    """Bring an order to its end; the answer is its `OrderOutcome`."""

    order: Order


@message
class OrderOutcome:
    """How an order ended.

    Args:
        order_id: Which order.
        outcome: What became of it.
        reason: Why it was rejected; None for every other outcome.
        amount: Money charged or refunded, else 0.
        safety_units: Units that were reserved from safety stock.
    """

    order_id: str
    outcome: Outcome
    reason: Reason | None = None
    amount: Decimal = Decimal(0)
    safety_units: int = field(default=0, validator=non_negative)


@message
class OrderClosed:
    """An order has come to its end, once and for all."""

    result: OrderOutcome


@message
class CheckOrder:
    """Say what has to be done with an order; the answer is `OrderChecked`."""

    order: Order


@message
class OrderChecked:
    """An order was looked at and put into its class."""

    order_id: str
    kind: Kind


@message
class ReviewOrder:
    """Vote on an order that names no customer; the answer is a `ReviewBallot`."""

    order: Order


@message
class ReviewBallot:
    """The vote of one reviewer on one order."""

    order_id: str
    reviewer: Reviewer
    approves: bool


@message
class Reserve:
    """Take all units of an order from stock, or none.

    The order id is the idempotency key: asked again, the inventory answers with
    what the order already holds.

    Args:
        order_id: Which order.
        units: Units of each StockCode.
        use_safety: Whether safety stock may be used where stock is used up.
    """

    order_id: str
    units: Mapping[str, int] = field(validator=non_empty)
    use_safety: bool = False


@message
class Reserved:
    """All units of an order are taken.

    Args:
        order_id: Which order.
        units: Units taken, safety stock included.
        safety_units: How many of them are safety stock.
    """

    order_id: str
    units: int = field(validator=positive)
    safety_units: int = field(validator=non_negative)


@message
class OutOfStock:
    """Nothing was taken.

    Args:
        order_id: Which order.
        shortages: What there is too little of; empty if the order was released
            before and asking again cannot help.
    """

    order_id: str
    shortages: tuple[Shortage, ...]


@message
class Release:
    """Give the units of an order back, and take none for it any more."""

    order_id: str


@message
class Released:
    """The units of an order, if it held any, are back."""

    order_id: str


@message
class Charge:
    """Charge an order, once however often it is asked: the order id is the key."""

    order_id: str
    amount: Decimal = field(validator=positive)


@message
class Charged:
    """An order was charged, now or when it was first asked."""

    order_id: str
    amount: Decimal


@message
class Refund:
    """Pay a cancellation back, once however often it is asked."""

    order_id: str
    amount: Decimal


@message
class Refunded:
    """A cancellation was paid back, now or when it was first asked."""

    order_id: str
    amount: Decimal


@message
class PaymentRefused:
    """The order is not charged: it was voided before."""

    order_id: str


@message
class VoidCharge:
    """Take the charge of an order back if there was one, and allow none any more."""

    order_id: str


@message
class Voided:
    """An order is not charged, and never will be."""

    order_id: str
