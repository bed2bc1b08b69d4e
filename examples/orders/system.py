"""The supervision tree of the example."""

from __future__ import annotations

from examples.orders.agents import Customers, Inventory, Payments, ReviewerAgent
from examples.orders.domain import Reviewer
from examples.orders.journal import Journal
from examples.orders.pipeline import place_order
from examples.orders.stock import Reservation, Voided
from examples.orders.till import Entry
from harmonium import Backoff, SupervisorSpec, child, coordinator, supervisor

__all__ = ["HANDLER_LIMIT", "build"]

HANDLER_LIMIT = 1.0
"""Seconds after which a handler that hangs is ended; its supervisor starts the agent again."""

OFTEN = 1_000_000
"""Chaos may crash every agent many times; this example never gives up on one."""


def build(*, stock: int = 500, safety: int = 100) -> SupervisorSpec:
    """Declare the shop.

    Args:
        stock: Units of each StockCode at the start.
        safety: Units of safety stock of each StockCode at the start.
    """
    stock_journal: Journal[Reservation | Voided] = Journal()
    till_journal: Journal[Entry] = Journal()
    backoff = Backoff(0.001, 0.05, jitter=0.2, stable_for=1.0)
    patient = {"handler_limit": HANDLER_LIMIT, "backoff": backoff}
    reviewers = supervisor(
        "reviewers",
        max_restarts=OFTEN,
        within=10.0,
        children=[child(ReviewerAgent, one, id=one.value, **patient) for one in Reviewer],
    )
    return supervisor(
        "shop",
        max_restarts=OFTEN,
        within=10.0,
        children=[
            child(Customers, id="customers", **patient),
            child(
                Inventory,
                stock_journal,
                kwargs={"stock": stock, "safety": safety},
                id="inventory",
                **patient,
            ),
            child(Payments, till_journal, id="payments", **patient),
            reviewers,
            coordinator(place_order, id="orders", **patient),
        ],
    )
