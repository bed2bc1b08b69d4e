"""An alarm that was set for somebody else.

A session closes when it has lasted five seconds. It has an alarm clock for
that, which is an agent of its own: it rings when it was told to, whoever sits
there by then. A session that crashes is followed by a new one under the same
address, and the alarm of the old one closes the new one long before its time.

The fixed session gives each alarm its own number, and does not listen to
others.
"""

from __future__ import annotations

from harmonium import Agent, SupervisorSpec, child, handles, message, supervisor
from harmonium.testing import Crash, Faults, World

from benchmarks.bugs.bug import Bug

LASTS = 5.0


@message
class Open:
    guest: int


@message
class Leave:
    pass


@message
class Wake:
    alarm: str


@message
class Cancel:
    pass


@message
class Ring:
    alarm: str


class Session(Agent):
    def __init__(self, closed: list[float], fixed: bool) -> None:
        self.closed = closed
        self.fixed = fixed
        self.alarm = ""
        self.since: float | None = None

    @handles
    def open(self, order: Open) -> None:
        self.since = self.now()
        self.alarm = f"{self.incarnation}/{order.guest}"
        self.tell("clock", Wake(self.alarm))

    @handles
    def leave(self, _: Leave) -> None:
        self.since = None
        self.tell("clock", Cancel())

    @handles
    def ring(self, ring: Ring) -> None:
        if self.since is None or (self.fixed and ring.alarm != self.alarm):
            return
        self.closed.append(self.now() - self.since)
        self.since = None


class Clock(Agent):
    def __init__(self) -> None:
        self.cancelled: set[str] = set()
        self.alarm = ""

    @handles
    def wake(self, order: Wake) -> None:
        self.alarm = order.alarm
        self.schedule(LASTS, Ring(order.alarm))

    @handles
    def cancel(self, _: Cancel) -> None:
        self.cancelled.add(self.alarm)

    @handles
    def ring(self, ring: Ring) -> None:
        if ring.alarm not in self.cancelled:
            self.tell("session", ring)


def build(world: World, *, fixed: bool = False) -> SupervisorSpec:
    session = child(Session, world.ledger("closed"), fixed, id="session")
    return supervisor("door", max_restarts=100, children=[child(Clock, id="clock"), session])


def body(world: World) -> None:
    me, closed = world.probe("me"), world.ledger("closed")
    for guest in (1, 2):
        me.tell("session", Open(guest))
        world.advance(3.0)
        me.tell("session", Leave())
        world.advance(1.0)
    me.tell("session", Open(3))
    world.always(lambda: all(age >= LASTS for age in closed), "a session lasts its time")


BUG = Bug(
    name="stray timer",
    build=build,
    body=body,
    violates="a session lasts its time",
    faults=Faults(crash="session", longest=10.0),
    pin=(Crash("session", on=2, where="before"),),
)
