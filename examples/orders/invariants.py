"""What has to hold when all orders are done, whatever crashed on the way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from examples.orders.domain import Order, Outcome, add_up

if TYPE_CHECKING:
    from examples.orders.messages import OrderOutcome
    from examples.orders.system import Shop

__all__ = ["broken_rules"]


def broken_rules(
    orders: Sequence[Order], results: Sequence[OrderOutcome], shop: Shop
) -> tuple[str, ...]:
    """Say which rules do not hold; nothing means that all is well.

    Each order has one outcome, none is charged twice, no StockCode is
    oversold, and money and units add up, by the books that the agents kept.
    """
    return tuple(_find(orders, results, shop))


def _find(orders: Sequence[Order], results: Sequence[OrderOutcome], shop: Shop) -> Iterator[str]:
    fulfilled = [result for result in results if result.outcome is Outcome.FULFILLED]
    yield from _outcomes(orders, results)
    yield from _charges(fulfilled, shop)
    yield from _stock(orders, fulfilled, shop)


def _outcomes(orders: Sequence[Order], results: Sequence[OrderOutcome]) -> Iterator[str]:
    counted = Counter(result.order_id for result in results)
    for order in orders:
        if counted[order.order_id] != 1:
            yield f"order {order.order_id} has {counted[order.order_id]} outcomes"


def _charges(fulfilled: Sequence[OrderOutcome], shop: Shop) -> Iterator[str]:
    times = Counter(entry.order_id for entry in shop.till_journal if entry.kind == "charge")
    yield from (f"order {one} was charged {n} times" for one, n in times.items() if n > 1)
    till = shop.till()
    for result in fulfilled:
        if till.charged(result.order_id) != result.amount:
            yield f"order {result.order_id}: {till.charged(result.order_id)} was charged"
    if add_up(result.amount for result in fulfilled) != till.total("charge"):
        yield f"charges add up to {till.total('charge')}, not to what the outcomes say"


def _stock(orders: Sequence[Order], fulfilled: Sequence[OrderOutcome], shop: Shop) -> Iterator[str]:
    ledger = shop.ledger()
    for code in {line.stock_code for order in orders for line in order.lines}:
        if min(ledger.available(code)) < 0:
            yield f"StockCode {code} is oversold: {ledger.available(code)} are left"
    for result in fulfilled:
        if ledger.held(result.order_id) is None:
            yield f"order {result.order_id} is fulfilled but nothing is reserved for it"
    if sum(result.safety_units for result in fulfilled) != ledger.safety_units:
        yield f"{ledger.safety_units} units of safety stock are reserved, not what the outcomes say"
