"""A small shop with a bug that can be switched off: its payments forget what they have charged."""

from __future__ import annotations

from typing import Any

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
from harmonium.testing import Scene, World


@message
class Place:
    order: int


@message
class Done:
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


class Coordinator(Agent):
    @handles
    async def place(self, order: Place) -> Done:
        for _ in range(50):
            try:
                await self.ask("payments", Charge(order.order), timeout=1.0)
                break
            except (AskFailed, AgentDead, AskTimeout):
                await self.sleep(0.1)
        return Done(order.order)


def build(world: World, *, fixed: bool = False) -> SupervisorSpec:
    seen = world.ledger("seen") if fixed else None
    payments = child(Payments, world.ledger("charges"), seen, id="payments")
    return supervisor("shop", max_restarts=50, children=[payments, child(Coordinator, id="desk")])


def fixed(world: World) -> SupervisorSpec:
    return build(world, fixed=True)


def body(world: World) -> None:
    me = world.probe("me")
    for order in (1, 2, 3):
        me.ask("desk", Place(order), timeout=200)
    charges: list[Any] = world.ledger("charges")
    world.always(lambda: len(set(charges)) == len(charges), "an order is charged once")
    world.eventually(lambda: len(me.got(Done)) == 3, "every order is done", within=300)


SHOP = Scene(build, body)
FIXED = Scene(fixed, body)
