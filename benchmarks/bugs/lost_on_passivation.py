"""A message to somebody who has just gone to sleep.

A region keeps an agent for each customer, and makes one where there is none.
A customer that has heard nothing for five seconds goes, to save memory, and
the region forgets it when it hears of its end. A message that is under way at
that moment arrives where nobody is any more.

In the fixed program a customer asks for leave. The region, which knows what it
has sent, forgets the customer first, and its permission arrives behind all
that is under way.
"""

from __future__ import annotations

from harmonium import (
    Agent,
    Ref,
    SupervisorSpec,
    Terminated,
    child,
    handles,
    message,
    supervisor,
)
from harmonium.testing import Delay, Faults, World

from benchmarks.bugs.bug import Bug

IDLE = 5.0


@message
class Put:
    number: int


@message
class Silence:
    heard: int


@message
class MayI:
    pass


@message
class Leave:
    pass


class Region(Agent):
    def __init__(self, stored: list[int], fixed: bool) -> None:
        self.stored = stored
        self.fixed = fixed
        self.customer: Ref | None = None

    @handles
    def put(self, order: Put) -> None:
        if self.customer is None:
            self.customer = self.spawn(Customer, self.stored, self.fixed)
            self.watch(self.customer)
        self.tell(self.customer, order)

    @handles
    def may_i(self, _: MayI) -> None:
        if self.customer is not None and self.customer == self.sender:
            self.tell(self.customer, Leave())
            self.customer = None

    @handles
    def gone(self, event: Terminated) -> None:
        if self.customer is not None and self.customer.path == event.path:
            self.customer = None


class Customer(Agent):
    def __init__(self, stored: list[int], fixed: bool) -> None:
        self.stored = stored
        self.fixed = fixed
        self.heard = 0

    @handles
    def put(self, order: Put) -> None:
        self.stored.append(order.number)
        self.heard += 1
        self.schedule(IDLE, Silence(self.heard))

    @handles
    def silence(self, alarm: Silence) -> None:
        if alarm.heard != self.heard:
            return
        if self.fixed:
            self.tell("region", MayI())
        else:
            self.stop()

    @handles
    def leave(self, _: Leave) -> None:
        self.stop()


def build(world: World, *, fixed: bool = False) -> SupervisorSpec:
    return supervisor("shop", children=[child(Region, world.ledger("stored"), fixed, id="region")])


def body(world: World) -> None:
    me, stored = world.probe("me"), world.ledger("stored")
    for number in (1, 2, 3):
        me.tell("region", Put(number))
        world.advance(4.0)
    world.eventually(lambda: set(stored) == {1, 2, 3}, "all that is sent is stored", within=120.0)


BUG = Bug(
    name="lost on passivation",
    build=build,
    body=body,
    violates="all that is sent is stored",
    faults=Faults(longest=10.0),
    pin=(Delay("/shop/region/*", nth=2, secs=2.0),),
)
