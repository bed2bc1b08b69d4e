"""The books of the shop: the journals of inventory and payments, and how they are written."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from examples.orders.journal import Journal
from examples.orders.stock import Reservation, Take, Voided
from examples.orders.till import Entry

__all__ = ["stock_journal", "till_journal"]


def stock_journal() -> Journal[Reservation | Voided]:
    """Make the book of the inventory."""
    return Journal("orders/stock", _write_stock, _read_stock)


def till_journal() -> Journal[Entry]:
    """Make the book of payments."""
    return Journal("orders/till", _write_entry, _read_entry)


def _write_stock(record: Reservation | Voided) -> Any:
    if isinstance(record, Voided):
        return [record.order_id]
    takes = [[take.stock_code, take.from_stock, take.from_safety] for take in record.takes]
    return [record.order_id, takes]


def _read_stock(data: Any) -> Reservation | Voided:
    match data:
        case [order_id]:
            return Voided(order_id)
        case [order_id, takes]:
            return Reservation(order_id, tuple(Take(*take) for take in takes))
    raise ValueError(f"no record of the inventory: {data!r}")


def _write_entry(entry: Entry) -> Any:
    return [entry.order_id, entry.kind, str(entry.amount)]


def _read_entry(data: Any) -> Entry:
    order_id, kind, amount = data
    return Entry(order_id, kind, Decimal(amount))
