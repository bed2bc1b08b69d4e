"""A crash loop that never backs off, because every start counts as a recovery.

The keeper runs a plugin and waits longer after each failure in a row, so that
a broken plugin does not eat the machine. It forgets the failures as soon as
the plugin has opened. A plugin that opens well and crashes right afterwards
is therefore run again after the shortest wait, for ever.

The fixed keeper forgets only when a run has ended well.
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

BASE = 1.0
RUNS = 5


@message
class Launch:
    pass


@message
class Open:
    pass


@message
class Run:
    pass


@message
class Well:
    pass


class Keeper(Agent):
    def __init__(self, log: list[tuple[str, float]], fixed: bool) -> None:
        self.history = log
        self.fixed = fixed
        self.failures = 0
        self.runs = 0

    def started(self) -> None:
        self.tell(self.ref, Launch())

    @handles
    async def launch(self, _: Launch) -> None:
        self.runs += 1
        self.history.append(("launched", self.now()))
        try:
            await self.ask("plugin", Open(), timeout=5.0)
            if not self.fixed:
                self.failures = 0
            await self.ask("plugin", Run(), timeout=20.0)
            self.failures = 0
            self.history.append(("ended", self.now()))
        except (AskFailed, AskTimeout, AgentDead):
            self.failures += 1
            self.history.append(("failed", self.now()))
        if self.runs < RUNS:
            self.schedule(BASE * 2.0**self.failures, Launch())


class Plugin(Agent):
    @handles
    def open(self, _: Open) -> Well:
        return Well()

    @handles
    async def run(self, _: Run) -> Well:
        await self.sleep(3.0)
        return Well()


def build(world: World, *, fixed: bool = False) -> SupervisorSpec:
    keeper = child(Keeper, world.ledger("history"), fixed, id="keeper")
    return supervisor("host", max_restarts=100, children=[child(Plugin, id="plugin"), keeper])


def backs_off(history: list[tuple[str, float]]) -> bool:
    """Whether the n-th failure in a row is followed by a wait of BASE * 2**n."""
    failures, failed_at = 0, 0.0
    for what, at in history:
        if what == "failed":
            failures, failed_at = failures + 1, at
        elif what == "ended":
            failures = 0
        elif failures and at - failed_at < BASE * 2.0**failures - 0.01:
            return False
    return True


def body(world: World) -> None:
    history = world.ledger("history")
    world.always(lambda: backs_off(history), "each failure in a row doubles the wait")
    world.eventually(lambda: sum(what == "launched" for what, _ in history) == RUNS, within=300.0)


BUG = Bug(
    name="early backoff reset",
    build=build,
    body=body,
    violates="each failure in a row doubles the wait",
    faults=Faults(crash="plugin", longest=10.0),
    pin=(Crash("plugin", on=2), Crash("plugin", on=4)),
    horizon=60.0,
)
