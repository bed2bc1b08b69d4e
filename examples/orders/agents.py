"""The agents of the example: each has one job and says what it takes and answers.

Inventory and payments write down what they decided before they answer, so a
crash loses nothing, and asking again gets the same answer. While one decision
is being written they take the next message: many share one write.
"""

from __future__ import annotations

from examples.orders.domain import Reviewer, approves, classify
from examples.orders.journal import Journal
from examples.orders.messages import (
    Charge,
    Charged,
    CheckOrder,
    OrderChecked,
    OutOfStock,
    PaymentRefused,
    Refund,
    Refunded,
    Release,
    Released,
    Reserve,
    Reserved,
    ReviewBallot,
    ReviewOrder,
    VoidCharge,
    Voided,
)
from examples.orders.stock import Ledger, Refusal, Reservation, decide_reservation
from examples.orders.stock import Voided as VoidedStock
from examples.orders.till import Entry, Till
from harmonium import Agent, handles

__all__ = ["Customers", "Inventory", "Payments", "ReviewerAgent"]


class Customers(Agent):
    """Looks at each order and says what has to be done with it."""

    @handles
    def check(self, query: CheckOrder) -> OrderChecked:
        """Put the order into its class."""
        return OrderChecked(query.order.order_id, classify(query.order))


class ReviewerAgent(Agent):
    """Votes on orders that name no customer.

    Args:
        reviewer: Which of the three rules it goes by.
    """

    def __init__(self, reviewer: Reviewer) -> None:
        self._reviewer = reviewer

    @handles
    def review(self, query: ReviewOrder) -> ReviewBallot:
        """Vote on one order."""
        approved = approves(self._reviewer, query.order)
        return ReviewBallot(query.order.order_id, self._reviewer, approved)


class Inventory(Agent):
    """Reserves the units of whole orders, and gives them back.

    Args:
        journal: What was decided so far.
        stock: Units of each StockCode at the start.
        safety: Units of safety stock of each StockCode at the start.
    """

    def __init__(
        self, journal: Journal[Reservation | VoidedStock], *, stock: int, safety: int
    ) -> None:
        self._journal = journal
        self._levels = {"stock": stock, "safety": safety}
        self._ledger = Ledger(**self._levels)

    async def started(self) -> None:
        """Count by the book."""
        await self._journal.open(self.store)
        self._ledger = Ledger.replay(self._journal, **self._levels)

    @handles(reentrant=True)
    async def reserve(self, command: Reserve) -> Reserved | OutOfStock:
        """Take all units, or none."""
        decided = decide_reservation(
            self._ledger, command.order_id, command.units, use_safety=command.use_safety
        )
        if isinstance(decided, Refusal):
            return OutOfStock(command.order_id, decided.shortages)
        if self._ledger.held(command.order_id) is None:
            self._keep(decided)
        await self._journal.saved()
        return Reserved(command.order_id, decided.units, decided.safety_units)

    @handles(reentrant=True)
    async def release(self, command: Release) -> Released:
        """Give the units back, and take none for this order any more."""
        if not self._ledger.is_released(command.order_id):
            self._keep(VoidedStock(command.order_id))
        await self._journal.saved()
        return Released(command.order_id)

    def _keep(self, decided: Reservation | VoidedStock) -> None:
        self._journal.append(decided)
        self._ledger.record(decided)


class Payments(Agent):
    """Charges and refunds, each order at most once.

    Args:
        journal: What was charged and paid back so far.
    """

    def __init__(self, journal: Journal[Entry]) -> None:
        self._journal = journal
        self._till = Till()

    async def started(self) -> None:
        """Count by the book."""
        await self._journal.open(self.store)
        self._till = Till.replay(self._journal)

    @handles(reentrant=True)
    async def charge(self, command: Charge) -> Charged | PaymentRefused:
        """Charge an order, once however often it is asked."""
        if self._till.is_void(command.order_id):
            return PaymentRefused(command.order_id)
        if self._till.charged(command.order_id) is None:
            self._keep(Entry(command.order_id, "charge", command.amount))
        await self._journal.saved()
        return Charged(command.order_id, self._till.charged(command.order_id) or command.amount)

    @handles(reentrant=True)
    async def void(self, command: VoidCharge) -> Voided:
        """Take a charge back if there was one, and allow none any more."""
        if not self._till.is_void(command.order_id):
            self._keep(Entry(command.order_id, "void"))
        await self._journal.saved()
        return Voided(command.order_id)

    @handles(reentrant=True)
    async def refund(self, command: Refund) -> Refunded:
        """Pay a cancellation back, once however often it is asked."""
        if self._till.refunded(command.order_id) is None:
            self._keep(Entry(command.order_id, "refund", command.amount))
        await self._journal.saved()
        return Refunded(command.order_id, self._till.refunded(command.order_id) or command.amount)

    def _keep(self, entry: Entry) -> None:
        self._journal.append(entry)
        self._till.record(entry)
