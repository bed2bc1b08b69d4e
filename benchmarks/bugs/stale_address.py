"""A client that keeps the address of somebody who is gone.

Printers come and go; each enters itself in a directory when it starts. The
client looks the printer up once and keeps the address, which saves a message
for each job. When the printer crashes, another one with another address takes
its place. The client repeats its job, patiently, to an address where nobody
lives.

The fixed client looks again after an error.
"""

from __future__ import annotations

from harmonium import (
    TEMPORARY,
    Agent,
    AgentDead,
    AskFailed,
    AskTimeout,
    Ref,
    SupervisorSpec,
    Terminated,
    child,
    handles,
    message,
    operate,
    supervisor,
)
from harmonium.testing import Crash, Faults, World

from benchmarks.bugs.bug import Bug


@message
class Enter:
    printer: Ref


@message
class Find:
    pass


@message
class Found:
    printer: Ref | None


@message
class Print:
    page: int


@message
class Printed:
    page: int


class Directory(Agent):
    def __init__(self) -> None:
        self.printers = 0
        self.printer: Ref | None = None

    def started(self) -> None:
        self.install()

    def install(self) -> None:
        self.printers += 1
        printer = child(Printer, id=f"printer-{self.printers}", restart=TEMPORARY)
        assert self.parent is not None
        operate(self.parent).start_child(printer)

    @handles
    def enter(self, event: Enter) -> None:
        self.printer = event.printer
        self.watch(event.printer)

    @handles
    def gone(self, _: Terminated) -> None:
        self.printer = None
        self.install()

    @handles
    def find(self, _: Find) -> Found:
        return Found(self.printer)


class Printer(Agent):
    def started(self) -> None:
        self.tell("directory", Enter(self.ref))

    @handles
    def print(self, order: Print) -> Printed:
        return Printed(order.page)


class Client(Agent):
    def __init__(self, printed: list[int], fixed: bool) -> None:
        self.printed = printed
        self.fixed = fixed
        self.printer: Ref | None = None

    @handles
    async def print(self, order: Print) -> None:
        wait = 0.5
        while order.page not in self.printed:
            try:
                await self.attempt(order)
            except (AskFailed, AskTimeout, AgentDead):
                if self.fixed:
                    self.printer = None
                await self.sleep(wait)
                wait = min(wait * 2.0, 10.0)

    async def attempt(self, order: Print) -> None:
        if self.printer is None:
            self.printer = (await self.ask("directory", Find(), timeout=2.0)).printer
        if self.printer is None:
            await self.sleep(0.5)
            return
        answer = await self.ask(self.printer, order, timeout=2.0)
        self.printed.append(answer.page)


def build(world: World, *, fixed: bool = False) -> SupervisorSpec:
    client = child(Client, world.ledger("printed"), fixed, id="client")
    return supervisor("office", children=[child(Directory, id="directory"), client])


def body(world: World) -> None:
    printed = world.ledger("printed")
    for page in (1, 2, 3):
        world.probe("me").tell("client", Print(page))
        world.advance(1.0)
    world.eventually(lambda: {1, 2, 3} <= set(printed), "every page is printed", within=120.0)


BUG = Bug(
    name="stale address",
    build=build,
    body=body,
    violates="every page is printed",
    faults=Faults(crash="printer-*", longest=10.0),
    pin=(Crash("printer-1", on=1),),
)
