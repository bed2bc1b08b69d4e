"""A lease that ends when somebody sets the clock.

A lock service lends a lock for ten seconds and lends it again when the time is
over. It reads the time of day, which is set now and then: by an operator, by
the network's time service, after a machine was asleep. When the clock jumps an
hour ahead, a lock that was lent a second ago is lent to somebody else, and two
hold it at once.

The fixed service measures with a clock that only ever goes on.
"""

from __future__ import annotations

import time
from itertools import pairwise

from harmonium import Agent, SupervisorSpec, child, handles, message, supervisor
from harmonium.testing import ClockJump, Faults, World

from benchmarks.bugs.bug import Bug

LENT_FOR = 10.0


@message
class Lend:
    who: str


class Locks(Agent):
    def __init__(self, lent: list[tuple[str, float]], fixed: bool) -> None:
        self.lent = lent
        self.fixed = fixed
        self.holder = ""
        self.until = 0.0

    def clock(self) -> float:
        return self.now() if self.fixed else time.time()

    @handles
    def lend(self, order: Lend) -> None:
        if self.holder and self.clock() < self.until:
            return
        self.holder = order.who
        self.until = self.clock() + LENT_FOR
        self.lent.append((order.who, self.now()))


def build(world: World, *, fixed: bool = False) -> SupervisorSpec:
    return supervisor("cluster", children=[child(Locks, world.ledger("lent"), fixed, id="locks")])


def body(world: World) -> None:
    me, lent = world.probe("me"), world.ledger("lent")
    for who in ("ann", "bob", "cleo", "dan", "eve", "fay"):
        me.tell("locks", Lend(who))
        world.advance(4.0)
    world.always(
        lambda: all(b - a >= LENT_FOR - 0.01 for (_, a), (_, b) in pairwise(lent)),
        "one holder at a time",
    )


BUG = Bug(
    name="clock jump",
    build=build,
    body=body,
    violates="one holder at a time",
    faults=Faults(clock_jump=True, longest=10.0),
    pin=(ClockJump("locks", at=3.0, delta=3600.0),),
)
