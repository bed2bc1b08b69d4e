"""A leader that is not one any more, and does not know.

Two nodes share a storage. Who wants to write takes a lease for two seconds;
each lease has a number, higher than all before. A node that has the lease
sends its write at once, well within its time. But if the write is slow, the
lease has run out when it arrives, the other node has become the leader and
written, and the old write undoes the new one.

The fixed storage refuses a write whose lease is older than one that it has
seen: the number is a fencing token.
"""

from __future__ import annotations

from harmonium import Agent, SupervisorSpec, child, handles, message, supervisor
from harmonium.testing import Delay, Faults, World

from benchmarks.bugs.bug import Bug

LEASE = 2.0


@message
class Campaign:
    pass


@message
class Acquire:
    pass


@message
class Lease:
    epoch: int | None


@message
class Write:
    epoch: int


class Leases(Agent):
    def __init__(self) -> None:
        self.epoch = 0
        self.until = 0.0

    @handles
    def acquire(self, _: Acquire) -> Lease:
        if self.now() < self.until:
            return Lease(None)
        self.epoch += 1
        self.until = self.now() + LEASE
        return Lease(self.epoch)


class Node(Agent):
    @handles
    async def campaign(self, _: Campaign) -> None:
        asked = self.now()
        lease = await self.ask("leases", Acquire(), timeout=None)
        if lease.epoch is not None and self.now() < asked + LEASE:
            self.tell("storage", Write(lease.epoch))


class Storage(Agent):
    def __init__(self, epochs: list[int], fixed: bool) -> None:
        self.epochs = epochs
        self.fixed = fixed

    @handles
    def write(self, order: Write) -> None:
        if not self.fixed or order.epoch >= max(self.epochs, default=0):
            self.epochs.append(order.epoch)


def build(world: World, *, fixed: bool = False) -> SupervisorSpec:
    nodes = [child(Node, id=node) for node in ("north", "south")]
    storage = child(Storage, world.ledger("epochs"), fixed, id="storage")
    return supervisor("cluster", children=[child(Leases, id="leases"), *nodes, storage])


def body(world: World) -> None:
    me, epochs = world.probe("me"), world.ledger("epochs")
    for node in ("north", "south", "north"):
        me.tell(node, Campaign())
        world.advance(3.0)
    world.always(lambda: epochs == sorted(epochs), "no write of an older leader")


BUG = Bug(
    name="split brain",
    build=build,
    body=body,
    violates="no write of an older leader",
    faults=Faults(longest=10.0),
    pin=(Delay("storage", nth=1, secs=4.0),),
)
