"""A customer is charged twice, because what was charged is remembered in memory.

The desk repeats a charge whenever it hears no answer; that is right, because
payments keep the numbers of the orders that they have charged and ignore
repeats. But they keep them in a field of the agent. If the agent crashes after
the charge and before its answer, the new incarnation has an empty memory, and
charges again.

The fixed payments keep the numbers where the charges are: they outlive a crash.
"""

from __future__ import annotations

from harmonium import (
    Agent,
    AgentDead,
    AskFailed,
    AskTimeout,
    SupervisorSpec,
    child,
    handles,
    message,
    supervisor,
)
from harmonium.testing import Crash, Faults, World

from benchmarks.bugs.bug import Bug


@message
class Place:
    order: int


@message
class Charge:
    order: int


@message
class Charged:
    order: int


class Payments(Agent):
    def __init__(self, charges: list[int], seen: list[int] | None) -> None:
        self.charges = charges
        self.seen = [] if seen is None else seen

    @handles
    def charge(self, order: Charge) -> Charged:
        if order.order not in self.seen:
            self.seen.append(order.order)
            self.charges.append(order.order)
        return Charged(order.order)


class Desk(Agent):
    @handles
    async def place(self, order: Place) -> None:
        wait = 0.1
        while True:
            try:
                await self.ask("payments", Charge(order.order), timeout=2.0)
                return
            except (AskFailed, AgentDead, AskTimeout):
                await self.sleep(wait)
                wait = min(wait * 2.0, 5.0)


def build(world: World, *, fixed: bool = False) -> SupervisorSpec:
    seen = world.ledger("seen") if fixed else None
    return supervisor(
        "shop",
        max_restarts=100,
        children=[
            child(Payments, world.ledger("charges"), seen, id="payments"),
            child(Desk, id="desk"),
        ],
    )


def body(world: World) -> None:
    me = world.probe("me")
    for order in (1, 2, 3):
        me.tell("desk", Place(order))
    charges = world.ledger("charges")
    world.always(lambda: len(set(charges)) == len(charges), "an order is charged at most once")
    world.eventually(lambda: set(charges) == {1, 2, 3}, "every order is charged", within=120.0)


BUG = Bug(
    name="duplicate charge",
    build=build,
    body=body,
    violates="an order is charged at most once",
    faults=Faults(crash="payments", longest=10.0),
    pin=(Crash("payments", on=1, where="inside"),),
)
