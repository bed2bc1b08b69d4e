"""A spooler that is killed while it drains, and what it had accepted is gone.

A spooler takes documents, confirms each, and prints them one by one. To shut
down it drains: it prints what is left and then reports what it could not
print. All that is in its memory. With an empty queue a kill at that moment
costs nothing, and so every test passes; with a slow printer the queue is not
empty, and documents that were confirmed are neither printed nor reported.

The fixed spooler keeps its queue outside, and a new incarnation goes on.
"""

from __future__ import annotations

from harmonium import Agent, SupervisorSpec, child, handles, message, supervisor
from harmonium.testing import Delay, Faults, Kill, World

from benchmarks.bugs.bug import Bug


@message
class Accept:
    document: int


@message
class Drain:
    pass


@message
class Print:
    document: int


@message
class Printed:
    document: int


class Spooler(Agent):
    def __init__(self, accepted: list[int], queue: list[int] | None) -> None:
        self.accepted = accepted
        self.queue = [] if queue is None else queue
        self.at_work = 0

    def started(self) -> None:
        self.print_next()

    @handles
    def accept(self, order: Accept) -> None:
        self.accepted.append(order.document)
        self.queue.append(order.document)
        self.print_next()

    @handles
    def drain(self, _: Drain) -> None:
        self.print_next()

    @handles
    def printed(self, event: Printed) -> None:
        if event.document in self.queue:
            self.queue.remove(event.document)
            self.print_next()

    def print_next(self) -> None:
        if self.queue and self.at_work != self.queue[0]:
            self.at_work = self.queue[0]
            self.tell("printer", Print(self.at_work))


class Printer(Agent):
    def __init__(self, printed: list[int]) -> None:
        self.printed = printed

    @handles
    def print(self, order: Print) -> None:
        self.printed.append(order.document)
        self.tell("spooler", Printed(order.document))


def build(world: World, *, fixed: bool = False) -> SupervisorSpec:
    queue = world.ledger("queue") if fixed else None
    spooler = child(Spooler, world.ledger("accepted"), queue, id="spooler")
    printer = child(Printer, world.ledger("printed"), id="printer")
    return supervisor("office", max_restarts=100, children=[printer, spooler])


def body(world: World) -> None:
    me, accepted, printed = world.probe("me"), world.ledger("accepted"), world.ledger("printed")
    for document in (1, 2, 3):
        me.tell("spooler", Accept(document))
        world.advance(1.0)
    me.tell("spooler", Drain())
    world.eventually(
        lambda: set(accepted) <= set(printed), "what is accepted is printed", within=120.0
    )


BUG = Bug(
    name="lost backlog",
    build=build,
    body=body,
    violates="what is accepted is printed",
    faults=Faults(kill="spooler", longest=10.0),
    pin=(Delay("printer", nth=1, secs=5.0), Kill("spooler", on=4)),
)
