"""Calibration: a message must arrive within one millisecond of twenty-four.

A worker goes through 24 steps of a millisecond. Its work is inconsistent
between step 17 and the next one; the failure is that somebody looks just
then. `window` needs two such looks in one run, at two of its steps: a
needle.
"""

from __future__ import annotations

from collections.abc import Callable

from harmonium import Agent, SupervisorSpec, child, handles, message, supervisor
from harmonium.testing import Delay, Faults, World

from benchmarks.bugs.bug import Bug

STEPS = 24


@message
class Step:
    number: int


@message
class Look:
    pass


class Worker(Agent):
    def __init__(self, seen: list[int]) -> None:
        self.seen = seen
        self.at = 0

    @handles
    def step(self, order: Step) -> None:
        self.at = order.number
        if order.number < STEPS:
            self.tell(self.ref, Step(order.number + 1))

    @handles
    def look(self, _: Look) -> None:
        self.seen.append(self.at)


class Watcher(Agent):
    @handles
    def look(self, look: Look) -> None:
        self.tell("worker", look)


def builder(watchers: int) -> Callable[..., SupervisorSpec]:
    def build(world: World, *, fixed: bool = False) -> SupervisorSpec:
        worker = child(Worker, [] if fixed else world.ledger("seen"), id="worker")
        several = [child(Watcher, id=f"watcher-{number}") for number in range(watchers)]
        return supervisor("plant", children=[worker, *several])

    return build


def body_of(steps: tuple[int, ...]) -> Callable[[World], None]:
    def body(world: World) -> None:
        seen = world.ledger("seen")
        me = world.probe("me")
        me.tell("worker", Step(1))
        for number in range(len(steps)):
            me.tell(f"watcher-{number}", Look())
        world.always(lambda: tuple(seen) != steps, "nobody looks while it is inconsistent")

    return body


def bug(name: str, *steps: int) -> Bug:
    late = [
        Delay(f"watcher-{n}", 1, round(step / 1000 - 0.0015, 4)) for n, step in enumerate(steps)
    ]
    return Bug(
        name=name,
        build=builder(len(steps)),
        body=body_of(steps),
        violates="nobody looks while it is inconsistent",
        faults=Faults(longest=10.0),
        pin=tuple(late),
        calibration=True,
    )


BUGS = (bug("preempt 17 of 24", 17), bug("window", 9, 17))
