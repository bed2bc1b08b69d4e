"""An autoscaler that acts on yesterday's news.

A queue reports its depth every second; the scaler adds a worker when it is
deep and takes one away when it is empty, one worker for each report. When the
reports are held up they arrive all at once, and each of them says the same:
the scaler adds a worker for each, although one might have been enough, and has
to take them all away afterwards.

The fixed scaler ignores a report that is old.
"""

from __future__ import annotations

from harmonium import Agent, SupervisorSpec, child, handles, message, supervisor
from harmonium.testing import Delay, Faults, World

from benchmarks.bugs.bug import Bug

SECONDS = 12


@message
class Tick:
    pass


@message
class Depth:
    waiting: int
    at: float


@message
class Workers:
    count: int


class Queue(Agent):
    def __init__(self) -> None:
        self.waiting = 30
        self.workers = 1
        self.ticks = 0

    def started(self) -> None:
        self.schedule(1.0, Tick())

    @handles
    def tick(self, _: Tick) -> None:
        self.ticks += 1
        self.waiting = max(0, self.waiting - self.workers)
        self.tell("scaler", Depth(self.waiting, self.now()))
        if self.ticks < SECONDS:
            self.schedule(1.0, Tick())

    @handles
    def staffed(self, event: Workers) -> None:
        self.workers = event.count


class Scaler(Agent):
    def __init__(self, changes: list[float], fixed: bool) -> None:
        self.changes = changes
        self.fixed = fixed
        self.workers = 1

    @handles
    def depth(self, report: Depth) -> None:
        if self.fixed and self.now() - report.at > 0.5:
            return
        if report.waiting > 10:
            self.scale(self.workers + 1)
        elif report.waiting == 0 and self.workers > 1:
            self.scale(self.workers - 1)

    def scale(self, workers: int) -> None:
        self.workers = workers
        self.changes.append(self.now())
        self.tell("queue", Workers(workers))


def build(world: World, *, fixed: bool = False) -> SupervisorSpec:
    scaler = child(Scaler, world.ledger("changes"), fixed, id="scaler")
    return supervisor("farm", children=[child(Queue, id="queue"), scaler])


def body(world: World) -> None:
    changes = world.ledger("changes")
    world.always(
        lambda: all(late - early > 0.9 for early, late in zip(changes, changes[2:], strict=False)),
        "at most two changes in a second",
    )


BUG = Bug(
    name="autoscaler thrash",
    build=build,
    body=body,
    violates="at most two changes in a second",
    faults=Faults(longest=10.0),
    pin=(Delay("scaler", nth=1, secs=2.5),),
)
