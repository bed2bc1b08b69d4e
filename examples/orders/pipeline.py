"""What happens to an order: the steps, what they need, and what follows a failure."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from examples.orders.domain import (
    Kind,
    Outcome,
    Reason,
    order_value,
    refund_value,
    units_by_stock_code,
)
from examples.orders.messages import (
    Charge,
    CheckOrder,
    OrderOutcome,
    OutOfStock,
    PaymentRefused,
    PlaceOrder,
    Refund,
    Release,
    Reserve,
    ReviewOrder,
    VoidCharge,
)
from harmonium import HarmoniumError, Majority, Pipeline, Retry, Skip, Step, Use, Vote

__all__ = ["place_order"]

# A crash, a death or a timeout: the work may have been done, so the same
# request is sent again until it is answered. Agents recognise it by its order id.
PERSIST = Retry(50, 0.01, on=HarmoniumError)
STEP_TIMEOUT = 2.0


def _kind(c: Any) -> Kind:
    return c["check"].kind  # type: ignore[no-any-return]


def _is_wanted(c: Any) -> bool:
    """Whether goods are to be reserved: a normal order, or one that the review approved."""
    return _kind(c) is Kind.NORMAL or (_kind(c) is Kind.REVIEW and c["review"].choice == "approve")


def _reserve(c: Any, *, use_safety: bool = False) -> Reserve:
    order = c.request.order
    return Reserve(order.order_id, units_by_stock_code(order), use_safety)


def _settle(c: Any) -> Charge | VoidCharge:
    """Charge what was reserved; without goods see to it that no attempt that died has charged."""
    order = c.request.order
    if c["stock"] is None:
        return VoidCharge(order.order_id)
    return Charge(order.order_id, order_value(order))


def _outcome(c: Any) -> OrderOutcome:
    order_id = c.request.order.order_id
    kind = _kind(c)
    if kind is Kind.CANCELLATION:
        return OrderOutcome(order_id, Outcome.REFUNDED, amount=c["refund"].amount)
    if kind is Kind.MALFORMED or kind is Kind.INVALID_LINE:
        return OrderOutcome(order_id, Outcome.REJECTED, Reason(kind.value))
    if not _is_wanted(c):
        return OrderOutcome(order_id, Outcome.REJECTED, Reason.REVIEW)
    if c["stock"] is None:
        return OrderOutcome(order_id, Outcome.BACKORDERED, amount=Decimal(0))
    return OrderOutcome(
        order_id,
        Outcome.FULFILLED,
        amount=c["payment"].amount,
        safety_units=c["stock"].safety_units,
    )


place_order: Pipeline[PlaceOrder, OrderOutcome] = Pipeline(
    PlaceOrder,
    [
        Step(
            "check",
            to="customers",
            send=lambda c: CheckOrder(c.request.order),
            fallback=[PERSIST],
        ),
        Step(
            "refund",
            to="payments",
            after=["check"],
            when=lambda c: _kind(c) is Kind.CANCELLATION,
            send=lambda c: Refund(c.request.order.order_id, refund_value(c.request.order)),
            fallback=[PERSIST],
        ),
        Step(
            "review",
            after=["check"],
            when=lambda c: _kind(c) is Kind.REVIEW,
            vote=Vote(
                "reviewers",
                rule=Majority(quorum=2, absolute=True),
                options=("approve", "reject"),
                read=lambda ballot: "approve" if ballot.approves else "reject",
                deadline=STEP_TIMEOUT,
            ),
            send=lambda c: ReviewOrder(c.request.order),
            fallback=[Retry(50, 0.01)],
        ),
        Step(
            "stock",
            to="inventory",
            after=["check", "review"],
            when=_is_wanted,
            send=_reserve,
            refused=OutOfStock,
            # Retry twice, then use safety stock; if even that is too little, do without.
            fallback=[
                PERSIST,
                Retry(2, on=OutOfStock),
                Use(message=lambda c: _reserve(c, use_safety=True), on=OutOfStock),
                Skip(on=OutOfStock),
            ],
            undo=lambda c: Release(c.request.order.order_id),
            undo_in_doubt=True,
        ),
        Step(
            "payment",
            to="payments",
            after=["stock"],
            when=_is_wanted,
            send=_settle,
            refused=PaymentRefused,
            fallback=[PERSIST],
            undo=lambda c: VoidCharge(c.request.order.order_id),
            undo_in_doubt=True,
        ),
    ],
    result=_outcome,
    name="orders",
    timeout=STEP_TIMEOUT,
    undo_fallback=[Retry(100, 0.05)],
)
