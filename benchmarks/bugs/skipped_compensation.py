"""A trip that is paid and never taken, because the agency crashed in the middle.

An agency reserves a seat, charges the customer and issues the ticket; if a
step fails it takes back those before. Where it stands it knows from the line
of code that it is at. When the agency itself crashes between the charge and
the ticket, nobody completes the order and nobody takes anything back.

The fixed agency writes down what it begins and what it has finished, and
completes what is open when it starts again.
"""

from __future__ import annotations

from harmonium import Agent, SupervisorSpec, child, handles, message, supervisor
from harmonium.testing import Crash, Faults, World

from benchmarks.bugs.bug import Bug

STEPS = ("seats", "payments", "tickets")


@message
class Book:
    trip: int


@message
class Do:
    trip: int


@message
class Done:
    trip: int


class Service(Agent):
    """Does its step once for each trip, however often it is asked."""

    def __init__(self, done: list[int]) -> None:
        self.done = done

    @handles
    def do(self, order: Do) -> Done:
        if order.trip not in self.done:
            self.done.append(order.trip)
        return Done(order.trip)


class Agency(Agent):
    def __init__(self, journal: list[int] | None) -> None:
        self.journal = journal

    def started(self) -> None:
        for trip in self.journal or ():
            self.tell(self.ref, Book(trip))

    @handles
    async def book(self, order: Book) -> None:
        if self.journal is not None and order.trip not in self.journal:
            self.journal.append(order.trip)
        for step in STEPS:
            await self.ask(step, Do(order.trip), timeout=10.0)
        if self.journal is not None and order.trip in self.journal:
            self.journal.remove(order.trip)


def build(world: World, *, fixed: bool = False) -> SupervisorSpec:
    services = [child(Service, world.ledger(step), id=step) for step in STEPS]
    agency = child(Agency, world.ledger("journal") if fixed else None, id="agency")
    return supervisor("travel", max_restarts=100, children=[*services, agency])


def body(world: World) -> None:
    done = [world.ledger(step) for step in STEPS]
    for trip in (1, 2):
        world.probe("me").tell("agency", Book(trip))
    world.eventually(
        lambda: set(done[0]) == set(done[1]) == set(done[2]),
        "a trip is booked whole or not at all",
        within=120.0,
    )


BUG = Bug(
    name="skipped compensation",
    build=build,
    body=body,
    violates="a trip is booked whole or not at all",
    faults=Faults(crash="agency", longest=10.0),
    pin=(Crash("agency", on=1, where="inside", step=1),),
)
