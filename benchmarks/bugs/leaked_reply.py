"""An answer to the dead, taken for one's own.

A clerk numbers its questions and puts each answer to the question of its
number. After a crash a new clerk sits on the same chair, under the same
address, and begins to count from one again. If an answer to the old clerk is
slow enough it arrives at the new one, whose first question has the same
number: the customer gets the price of somebody else's goods.

The fixed clerk puts its incarnation into the number.
"""

from __future__ import annotations

from harmonium import Agent, SupervisorSpec, child, handles, message, supervisor
from harmonium.testing import Crash, Delay, Faults, World

from benchmarks.bugs.bug import Bug


@message
class Quote:
    item: str


@message
class PriceOf:
    number: str
    item: str


@message
class Price:
    number: str
    item: str
    cents: int


class Clerk(Agent):
    def __init__(self, quotes: list[tuple[str, Price]], fixed: bool) -> None:
        self.quotes = quotes
        self.fixed = fixed
        self.pending: dict[str, str] = {}
        self.asked = 0

    @handles
    def quote(self, query: Quote) -> None:
        self.asked += 1
        number = f"{self.incarnation}/{self.asked}" if self.fixed else str(self.asked)
        self.pending[number] = query.item
        self.tell("catalogue", PriceOf(number, query.item))

    @handles
    def price(self, price: Price) -> None:
        item = self.pending.pop(price.number, None)
        if item is not None:
            self.quotes.append((item, price))


class Catalogue(Agent):
    @handles
    def price_of(self, query: PriceOf) -> None:
        self.tell("clerk", Price(query.number, query.item, 100 * len(query.item)))


def build(world: World, *, fixed: bool = False) -> SupervisorSpec:
    clerk = child(Clerk, world.ledger("quotes"), fixed, id="clerk")
    return supervisor("shop", max_restarts=100, children=[child(Catalogue, id="catalogue"), clerk])


def body(world: World) -> None:
    quotes = world.ledger("quotes")
    for item in ("apple", "fig", "banana"):
        world.probe("me").tell("clerk", Quote(item))
        world.advance(1.0)
    world.always(
        lambda: all(item == price.item for item, price in quotes), "a quote is of the item asked"
    )


BUG = Bug(
    name="leaked reply",
    build=build,
    body=body,
    violates="a quote is of the item asked",
    faults=Faults(crash="clerk", longest=10.0),
    pin=(Delay("catalogue", nth=1, secs=1.5), Crash("clerk", on=1, where="after")),
)
