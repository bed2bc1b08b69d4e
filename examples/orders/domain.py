"""What an order is, and the rules that need nothing but the order itself."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from decimal import Decimal, Inexact, localcontext

import attrs

__all__ = [
    "Kind",
    "Order",
    "OrderLine",
    "Outcome",
    "Reason",
    "Reviewer",
    "add_up",
    "approves",
    "classify",
    "is_approved",
    "money_text",
    "order_units",
    "order_value",
    "refund_value",
    "units_by_stock_code",
]

VALUE_LIMIT = Decimal(500)
"""The *value* reviewer approves below this total."""
SIZE_LIMIT = 1000
"""The *size* reviewer approves up to this many units."""
HOME_COUNTRY = "United Kingdom"
"""The *home* reviewer approves orders that go there."""

_EXACT_DIGITS = 200


@attrs.frozen(slots=True)
class OrderLine:
    """One line of an order.

    Args:
        stock_code: What is ordered.
        quantity: How many units; 0 and less occur and make the order invalid.
        unit_price: Price of one unit, exact; 0 and less occur too.
    """

    stock_code: str
    quantity: int
    unit_price: Decimal


@attrs.frozen(slots=True)
class Order:
    """One order as the file has it.

    Args:
        order_id: Its `InvoiceNo`; cancellations start with ``C``.
        customer_id: The customer on its first line, or None.
        country: The country on its first line.
        lines: Its readable lines, in file order.
        is_malformed: Whether it has a line that cannot be read.
    """

    order_id: str
    customer_id: str | None
    country: str
    lines: tuple[OrderLine, ...]
    is_malformed: bool = attrs.field(default=False, kw_only=True)


class Kind(enum.Enum):
    """What has to be done with an order."""

    MALFORMED = "malformed"
    """Reject it: a line cannot be read."""
    CANCELLATION = "cancellation"
    """Refund it."""
    INVALID_LINE = "invalid_line"
    """Reject it: a quantity or a price is not above 0."""
    REVIEW = "review"
    """Ask the reviewers first: it names no customer."""
    NORMAL = "normal"
    """Reserve and charge it."""


class Outcome(enum.Enum):
    """How an order can end; each order ends in exactly one of these."""

    FULFILLED = "fulfilled"
    """Reserved and charged."""
    REFUNDED = "refunded"
    """A cancellation whose money went back."""
    REJECTED = "rejected"
    """Not accepted; the `Reason` says why."""
    BACKORDERED = "backordered"
    """Too little stock, safety stock included; nothing is reserved."""
    PAYMENT_FAILED = "payment_failed"
    """Payment failed finally; the reservation was released."""


class Reason(enum.Enum):
    """Why an order was rejected."""

    MALFORMED = "malformed"
    INVALID_LINE = "invalid_line"
    REVIEW = "review"


class Reviewer(enum.Enum):
    """The three who vote on an order without a customer."""

    VALUE = "value"
    HOME = "home"
    SIZE = "size"


def classify(order: Order) -> Kind:
    """Say what has to be done with an order; the first rule that fits wins.

    Example:
        >>> line = OrderLine("LAMP", 2, Decimal("7.50"))
        >>> classify(Order("C17", "4711", "France", (line,)))
        <Kind.CANCELLATION: 'cancellation'>
    """
    if order.is_malformed:
        return Kind.MALFORMED
    if order.order_id.startswith("C"):
        return Kind.CANCELLATION
    if any(line.quantity <= 0 or line.unit_price <= 0 for line in order.lines):
        return Kind.INVALID_LINE
    return Kind.NORMAL if order.customer_id else Kind.REVIEW


def order_value(order: Order) -> Decimal:
    """Return what the order costs: the sum of quantity times price.

    Example:
        >>> lines = (OrderLine("LAMP", 2, Decimal("7.50")), OrderLine("MUG", 3, Decimal("1.1")))
        >>> order_value(Order("17", "4711", "France", lines))
        Decimal('18.30')
    """
    return _value((line.quantity, line.unit_price) for line in order.lines)


def refund_value(order: Order) -> Decimal:
    """Return what a cancellation pays back: the sum of abs(quantity) times price."""
    return _value((abs(line.quantity), line.unit_price) for line in order.lines)


def order_units(order: Order) -> int:
    """Return how many units the order has, over all its lines."""
    return sum(line.quantity for line in order.lines)


def units_by_stock_code(order: Order) -> dict[str, int]:
    """Return the units of each StockCode; lines with the same code add up."""
    units: dict[str, int] = {}
    for line in order.lines:
        units[line.stock_code] = units.get(line.stock_code, 0) + line.quantity
    return units


def approves(reviewer: Reviewer, order: Order) -> bool:
    """Say how a reviewer votes on an order."""
    match reviewer:
        case Reviewer.VALUE:
            return order_value(order) < VALUE_LIMIT
        case Reviewer.HOME:
            return order.country == HOME_COUNTRY
        case Reviewer.SIZE:
            return order_units(order) <= SIZE_LIMIT


def is_approved(ballots: Mapping[Reviewer, bool]) -> bool:
    """Say whether a majority of all three approves; a ballot not cast counts against."""
    return sum(ballots.values()) * 2 > len(Reviewer)


def add_up(amounts: Iterable[Decimal]) -> Decimal:
    """Add amounts of money without rounding.

    The `+` of Decimal rounds to 28 digits; this one raises instead of rounding.

    Raises:
        decimal.Inexact: If the sum has more than 200 digits.

    Example:
        >>> add_up([Decimal("1e28"), Decimal("0.01")])
        Decimal('10000000000000000000000000000.01')
    """
    return _value((1, amount) for amount in amounts)


def money_text(amount: Decimal) -> str:
    """Write an amount with all its digits and without an exponent.

    Example:
        >>> money_text(Decimal("0E-7")), money_text(Decimal("139.12"))
        ('0.0000000', '139.12')
    """
    return format(amount, "f")


def _value(parts: Iterable[tuple[int, Decimal]]) -> Decimal:
    with localcontext(prec=_EXACT_DIGITS) as context:
        context.traps[Inexact] = True
        return sum((count * price for count, price in parts), Decimal(0))
