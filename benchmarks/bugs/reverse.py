"""Calibration: n messages must arrive in exactly the opposite order.

n runners start in the same moment; the failure is that they arrive in the
order n, n-1, ..., 1. That takes n - 1 delays, each longer than the one before:
a bug of depth n - 1, which says how deep an ordering a search can find.
"""

from __future__ import annotations

from collections.abc import Callable

from harmonium import Agent, SupervisorSpec, child, handles, message, supervisor
from harmonium.testing import Delay, Faults, World

from benchmarks.bugs.bug import Bug


@message
class Go:
    pass


@message
class Arrived:
    number: int


class Runner(Agent):
    def __init__(self, number: int) -> None:
        self.number = number

    @handles
    def go(self, _: Go) -> None:
        self.tell("goal", Arrived(self.number))


class Goal(Agent):
    def __init__(self, order: list[int]) -> None:
        self.order = order

    @handles
    def arrived(self, event: Arrived) -> None:
        self.order.append(event.number)


def builder(runners: int) -> Callable[..., SupervisorSpec]:
    def build(world: World, *, fixed: bool = False) -> SupervisorSpec:
        order = [] if fixed else world.ledger("order")
        field = [child(Runner, number, id=f"runner-{number}") for number in range(runners)]
        return supervisor("race", children=[*field, child(Goal, order, id="goal")])

    return build


def body_of(runners: int) -> Callable[[World], None]:
    def body(world: World) -> None:
        order = world.ledger("order")
        worst = list(reversed(range(runners)))
        for number in range(runners):
            world.probe("me").tell(f"runner-{number}", Go())
        world.always(lambda: order != worst, "they do not arrive in the opposite order")

    return body


def bug(runners: int) -> Bug:
    late = [Delay(f"runner-{n}", nth=1, secs=float(runners - n)) for n in range(runners - 1)]
    return Bug(
        name=f"reverse {runners}",
        build=builder(runners),
        body=body_of(runners),
        violates="they do not arrive in the opposite order",
        faults=Faults(longest=10.0),
        pin=tuple(late),
        calibration=True,
    )


BUGS = tuple(map(bug, (3, 4, 5)))
