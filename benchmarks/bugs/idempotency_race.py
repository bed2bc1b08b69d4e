"""An idempotency key that is checked and taken in two steps.

Payments look the key of a request up in a store, charge if it is not there,
and put it there. Between the question to the store and its answer payments go
on with other requests, one of which may be the same again: somebody clicked
twice. If the store is slow, both find the key missing and both charge. The
check is there, the key is there, and each of them alone is right.

The fixed payments take the key before they ask the store.
"""

from __future__ import annotations

from harmonium import Agent, SupervisorSpec, child, handles, message, supervisor
from harmonium.testing import Delay, Faults, World

from benchmarks.bugs.bug import Bug


@message
class Charge:
    key: int


@message
class Look:
    key: int


@message
class Known:
    known: bool


@message
class Put:
    key: int


class Store(Agent):
    def __init__(self) -> None:
        self.keys: set[int] = set()

    @handles
    def look(self, query: Look) -> Known:
        return Known(query.key in self.keys)

    @handles
    def put(self, order: Put) -> None:
        self.keys.add(order.key)


class Payments(Agent):
    def __init__(self, charges: list[int], fixed: bool) -> None:
        self.charges = charges
        self.fixed = fixed
        self.taken: set[int] = set()

    @handles(reentrant=True)
    async def charge(self, order: Charge) -> None:
        if self.fixed and order.key in self.taken:
            return
        self.taken.add(order.key)
        known = await self.ask("store", Look(order.key), timeout=None)
        if not known.known:
            self.charges.append(order.key)
            self.tell("store", Put(order.key))


def build(world: World, *, fixed: bool = False) -> SupervisorSpec:
    payments = child(Payments, world.ledger("charges"), fixed, id="payments")
    return supervisor("shop", children=[child(Store, id="store"), payments])


def body(world: World) -> None:
    charges = world.ledger("charges")
    for key in (1, 1, 2, 2):
        world.probe("me").tell("payments", Charge(key))
        world.advance(0.5)
    world.always(lambda: len(set(charges)) == len(charges), "a key is charged at most once")


BUG = Bug(
    name="idempotency race",
    build=build,
    body=body,
    violates="a key is charged at most once",
    faults=Faults(longest=10.0),
    pin=(Delay("store", nth=1, secs=1.0),),
)
