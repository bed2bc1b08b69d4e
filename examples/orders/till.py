"""The till: who was charged or paid back how much, each at most once."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

import attrs

from examples.orders.domain import add_up

__all__ = ["Entry", "EntryKind", "Till"]

EntryKind = str


@attrs.frozen(slots=True)
class Entry:
    """One movement of money, or the end of an order's chance to make one.

    Args:
        order_id: Whose.
        kind: ``charge``, ``refund`` or ``void``.
        amount: How much; 0 for a void.
    """

    order_id: str
    kind: EntryKind
    amount: Decimal = Decimal(0)


@attrs.define
class Till:
    """The money of all orders, with the order id as the idempotency key.

    Example:
        >>> till = Till()
        >>> till.record(Entry("17", "charge", Decimal("9.50")))
        >>> till.charged("17"), till.total("charge")
        (Decimal('9.50'), Decimal('9.50'))
        >>> till.record(Entry("17", "void"))
        >>> till.charged("17"), till.is_void("17"), till.total("charge")
        (None, True, Decimal('0'))
    """

    _charged: dict[str, Decimal] = attrs.field(factory=dict, init=False)
    _refunded: dict[str, Decimal] = attrs.field(factory=dict, init=False)
    _void: set[str] = attrs.field(factory=set, init=False)

    @classmethod
    def replay(cls, entries: Iterable[Entry]) -> Till:
        """Rebuild a till from what was recorded in another."""
        till = cls()
        for entry in entries:
            till.record(entry)
        return till

    def record(self, entry: Entry) -> None:
        """Take an entry; the second of its kind for an order changes nothing."""
        if entry.kind == "void":
            self._void.add(entry.order_id)
            self._charged.pop(entry.order_id, None)
        elif entry.kind == "refund":
            self._refunded.setdefault(entry.order_id, entry.amount)
        elif entry.order_id not in self._void:
            self._charged.setdefault(entry.order_id, entry.amount)

    def charged(self, order_id: str) -> Decimal | None:
        """Return what an order was charged, or None."""
        return self._charged.get(order_id)

    def refunded(self, order_id: str) -> Decimal | None:
        """Return what an order was paid back, or None."""
        return self._refunded.get(order_id)

    def is_void(self, order_id: str) -> bool:
        """Say whether an order may not be charged any more."""
        return order_id in self._void

    def total(self, kind: EntryKind) -> Decimal:
        """Add up all charges or all refunds, exactly."""
        return add_up((self._refunded if kind == "refund" else self._charged).values())
