"""A balance that counts some deposits twice after a crash.

An account keeps its events on a disk. After every second it writes a snapshot
of the balance and then deletes the events that are in it, so that a restart
need not read them all. The snapshot does not say which events it holds. If the
account crashes when the snapshot is written and the events are not deleted
yet, the next incarnation takes the snapshot and adds all events to it.

The fixed snapshot holds the number of its last event.
"""

from __future__ import annotations

from harmonium import Agent, SupervisorSpec, child, handles, message, supervisor
from harmonium.testing import Crash, Faults, World

from benchmarks.bugs.bug import Bug

EVERY = 2


@message
class Deposit:
    amount: int


@message
class Append:
    number: int
    amount: int


@message
class Save:
    balance: int
    upto: int


@message
class Truncate:
    upto: int


@message
class Load:
    pass


@message
class Written:
    pass


@message
class Loaded:
    balance: int
    upto: int
    events: tuple[Append, ...]


class Disk(Agent):
    def __init__(self, amounts: list[int]) -> None:
        self.amounts = amounts
        self.events: list[Append] = []
        self.saved = Save(0, 0)

    @handles
    def append(self, event: Append) -> Written:
        self.amounts.append(event.amount)
        self.events.append(event)
        return Written()

    @handles
    def save(self, order: Save) -> Written:
        self.saved = order
        return Written()

    @handles
    def truncate(self, order: Truncate) -> Written:
        self.events = [event for event in self.events if event.number > order.upto]
        return Written()

    @handles
    def load(self, _: Load) -> Loaded:
        return Loaded(self.saved.balance, self.saved.upto, tuple(self.events))


class Account(Agent):
    def __init__(self, fixed: bool) -> None:
        self.fixed = fixed
        self.balance = 0
        self.number = 0

    async def started(self) -> None:
        disk = await self.ask("disk", Load(), timeout=None)
        self.balance, self.number = disk.balance, disk.upto
        for event in disk.events:
            if event.number > disk.upto or not self.fixed:
                self.balance += event.amount
            self.number = max(self.number, event.number)

    @handles
    async def deposit(self, order: Deposit) -> None:
        self.number += 1
        await self.ask("disk", Append(self.number, order.amount), timeout=None)
        self.balance += order.amount
        if self.number % EVERY == 0:
            await self.ask("disk", Save(self.balance, self.number), timeout=None)
            await self.ask("disk", Truncate(self.number), timeout=None)


def build(world: World, *, fixed: bool = False) -> SupervisorSpec:
    disk = child(Disk, world.ledger("amounts"), id="disk")
    account = child(Account, fixed, id="account", start_timeout=None)
    return supervisor("bank", max_restarts=100, children=[disk, account])


def body(world: World) -> None:
    amounts = world.ledger("amounts")
    for _ in range(6):
        world.probe("me").tell("account", Deposit(10))
    world.always_quiet(
        lambda: world.agent("account").balance == sum(amounts), "the balance is that of the events"
    )


BUG = Bug(
    name="snapshot race",
    build=build,
    body=body,
    violates="the balance is that of the events",
    faults=Faults(crash="account", longest=10.0),
    pin=(Crash("account", on=2, where="inside", step=1),),
)
