"""The rules of the example in a plain loop: what they give where nothing fails."""

from collections.abc import Iterator
from decimal import Decimal

from examples.orders.domain import (
    Kind,
    Order,
    Outcome,
    Reason,
    Reviewer,
    approves,
    classify,
    is_approved,
    order_value,
    refund_value,
    units_by_stock_code,
)
from examples.orders.stock import Ledger, Refusal

__all__ = ["Settled", "settle"]

_ATTEMPTS = (False, False, False, True)
"""Three plain attempts, then one with safety stock."""

Settled = tuple[str, str, str | None, Decimal, int]


def settle(orders: tuple[Order, ...], ledger: Ledger) -> Iterator[Settled]:
    """Yield order id, outcome, reason, amount and safety units of each order."""
    for order in orders:
        outcome, reason, amount, safety = _settle(order, ledger)
        yield order.order_id, outcome.value, reason and reason.value, amount, safety


def _settle(order: Order, ledger: Ledger) -> tuple[Outcome, Reason | None, Decimal, int]:
    match classify(order):
        case Kind.MALFORMED:
            return Outcome.REJECTED, Reason.MALFORMED, Decimal(0), 0
        case Kind.CANCELLATION:
            return Outcome.REFUNDED, None, refund_value(order), 0
        case Kind.INVALID_LINE:
            return Outcome.REJECTED, Reason.INVALID_LINE, Decimal(0), 0
        case Kind.REVIEW if not is_approved({who: approves(who, order) for who in Reviewer}):
            return Outcome.REJECTED, Reason.REVIEW, Decimal(0), 0
    return _reserve_and_charge(order, ledger)


def _reserve_and_charge(order: Order, ledger: Ledger) -> tuple[Outcome, None, Decimal, int]:
    for use_safety in _ATTEMPTS:
        result = ledger.reserve(order.order_id, units_by_stock_code(order), use_safety=use_safety)
        if not isinstance(result, Refusal):
            return Outcome.FULFILLED, None, order_value(order), result.safety_units
    return Outcome.BACKORDERED, None, Decimal(0), 0
