"""A session that changes its worker in the middle of a sentence.

The router sends the messages of a session to the worker whose number is the
session's modulo the number of workers. That keeps a session together, until
there is one worker more: then most sessions have another worker. What is still
under way to the old one is overtaken by what goes to the new one, and a
withdrawal comes before its deposit.

The fixed router leaves the sessions that it knows where they are.
"""

from __future__ import annotations

from harmonium import Agent, SupervisorSpec, child, handles, message, supervisor
from harmonium.testing import Delay, Faults, World

from benchmarks.bugs.bug import Bug


@message
class Say:
    session: int
    number: int


@message
class Resize:
    workers: int


class Router(Agent):
    def __init__(self, fixed: bool) -> None:
        self.fixed = fixed
        self.workers = 2
        self.owners: dict[int, int] = {}

    @handles
    def resize(self, order: Resize) -> None:
        self.workers = order.workers

    @handles
    def say(self, word: Say) -> None:
        owner = word.session % self.workers
        if self.fixed:
            owner = self.owners.setdefault(word.session, owner)
        self.tell(f"worker-{owner}", word)


class Worker(Agent):
    def __init__(self, said: list[Say]) -> None:
        self.said = said

    @handles
    def say(self, word: Say) -> None:
        self.said.append(word)


def build(world: World, *, fixed: bool = False) -> SupervisorSpec:
    workers = [child(Worker, world.ledger("said"), id=f"worker-{n}") for n in range(3)]
    return supervisor("chat", children=[*workers, child(Router, fixed, id="router")])


def in_order(said: list[Say]) -> bool:
    last: dict[int, int] = {}
    for word in said:
        if word.number <= last.get(word.session, 0):
            return False
        last[word.session] = word.number
    return True


def body(world: World) -> None:
    me, said = world.probe("me"), world.ledger("said")
    for number in range(1, 5):
        for session in (2, 3):
            me.tell("router", Say(session, number))
        world.advance(0.5)
        if number == 2:
            me.tell("router", Resize(3))
    world.always(lambda: in_order(said), "a session is heard in order")


BUG = Bug(
    name="sticky session",
    build=build,
    body=body,
    violates="a session is heard in order",
    faults=Faults(longest=10.0),
    pin=(Delay("worker-0", nth=2, secs=1.0),),
)
