"""A circuit breaker that lets everybody try at once.

After a failure the breaker keeps callers from a sick backend for two seconds.
Then it is half open: one call may go through to see whether the backend is
well again. This one lets calls through until the first of them has come back.
Callers come in bursts, so that the backend, just on its feet, gets the whole
burst at once.

The fixed breaker lets one call through, and refuses the others until it is
back.
"""

from __future__ import annotations

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
from harmonium.testing import Crash, Faults, World

from benchmarks.bugs.bug import Bug

OPEN_FOR = 2.0


@message
class Call:
    pass


@message
class Work:
    pass


@message
class Done:
    pass


class Gateway(Agent):
    def __init__(self, most: list[int], fixed: bool) -> None:
        self.most = most
        self.fixed = fixed
        self.open_until = 0.0
        self.failed = False
        self.trials = 0

    @handles(reentrant=True)
    async def call(self, _: Call) -> None:
        half_open = self.failed
        if self.now() < self.open_until or (half_open and self.fixed and self.trials):
            return
        if half_open:
            self.trials += 1
            self.most.append(self.trials)
        try:
            await self.ask("backend", Work(), timeout=1.0)
            self.failed = self.failed and not half_open
        except (AskFailed, AskTimeout, AgentDead):
            self.failed = True
            self.open_until = self.now() + OPEN_FOR
        if half_open:
            self.trials -= 1


class Backend(Agent):
    @handles
    def work(self, _: Work) -> Done:
        return Done()


def build(world: World, *, fixed: bool = False) -> SupervisorSpec:
    gateway = child(Gateway, world.ledger("trials"), fixed, id="gateway")
    return supervisor("edge", max_restarts=100, children=[child(Backend, id="backend"), gateway])


def body(world: World) -> None:
    me, trials = world.probe("me"), world.ledger("trials")
    world.always(lambda: max(trials, default=0) < 2, "one trial at a time")
    for _ in range(5):
        for _ in range(3):
            me.tell("gateway", Call())
        world.advance(1.0)


BUG = Bug(
    name="half-open stampede",
    build=build,
    body=body,
    violates="one trial at a time",
    faults=Faults(crash="backend", longest=10.0),
    pin=(Crash("backend", on=1),),
)
