"""The supervision tree of the example."""

from __future__ import annotations

import attrs

from examples.orders.agents import Customers, Inventory, Payments, ReviewerAgent
from examples.orders.books import stock_journal, till_journal
from examples.orders.domain import Reviewer
from examples.orders.journal import Journal
from examples.orders.pipeline import place_order
from examples.orders.stock import Ledger, Reservation, Voided
from examples.orders.till import Entry, Till
from harmonium import Backoff, Budget, SpecError, SupervisorSpec, child, coordinator, supervisor
from harmonium.supervisors.durable_layout import Keep

__all__ = ["HANDLER_LIMIT", "Shop"]

HANDLER_LIMIT = 1.0
"""Seconds after which a handler that hangs is ended; its supervisor starts the agent again."""

OFTEN = 1_000_000
"""Chaos may crash every agent many times; this example never gives up on one."""


EVERY_OUTCOME = Keep(results=10_000_000, results_for=365 * 86_400.0)
"""With a store: a run that goes on asks for every order again, and must hear its outcome."""


@attrs.frozen(kw_only=True)
class Shop:
    """The shop: its tree, and the books that its agents keep.

    Args:
        stock: Units of each StockCode at the start.
        safety: Units of safety stock of each StockCode at the start.
        stock_journal: What the inventory decided.
        till_journal: What payments decided.
    """

    stock: int = 500
    safety: int = 100
    stock_journal: Journal[Reservation | Voided] = attrs.field(factory=stock_journal)
    till_journal: Journal[Entry] = attrs.field(factory=till_journal)

    def tree(self) -> SupervisorSpec:
        """Declare the supervision tree."""
        backoff = Backoff(0.001, 0.01, jitter=0.2, stable_for=1.0)
        patient = {"handler_limit": HANDLER_LIMIT, "backoff": backoff}
        levels = {"stock": self.stock, "safety": self.safety}
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
            subtree=Budget(OFTEN, 10.0),
            children=[
                child(Customers, id="customers", **patient),
                child(Inventory, self.stock_journal, kwargs=levels, id="inventory", **patient),
                child(Payments, self.till_journal, id="payments", **patient),
                reviewers,
                coordinator(place_order, id="orders", keep=EVERY_OUTCOME, **patient),
            ],
        )

    @classmethod
    def of(cls, tree: SupervisorSpec) -> Shop:
        """Find the shop that a tree was declared by."""
        inventory, payments = tree.named("inventory"), tree.named("payments")
        if inventory is None or payments is None:
            raise SpecError(tree.name, "it is no shop: inventory or payments is missing")
        stock, till = inventory.start, payments.start
        return cls(**stock.kwargs, stock_journal=stock.args[0], till_journal=till.args[0])

    def ledger(self) -> Ledger:
        """Count the stock by the inventory's book."""
        return Ledger.replay(self.stock_journal, stock=self.stock, safety=self.safety)

    def till(self) -> Till:
        """Count the money by the book of payments."""
        return Till.replay(self.till_journal)
