"""Calibration: one message must be slower than a chain of twenty.

A runner runs twenty rounds; the failure is that a single message which was
sent at the beginning arrives after the last round. One delay does it, but a
search that picks the next message by chance has to pick the wrong one twenty
times in a row: once in a million.
"""

from __future__ import annotations

from harmonium import Agent, SupervisorSpec, child, handles, message, supervisor
from harmonium.testing import Delay, Faults, World

from benchmarks.bugs.bug import Bug

ROUNDS = 20


@message
class Round:
    number: int


@message
class Stop:
    pass


class Runner(Agent):
    def __init__(self, rounds: list[int]) -> None:
        self.rounds = rounds
        self.stopped_at: int | None = None

    @handles
    def round(self, order: Round) -> None:
        if self.stopped_at is None:
            self.rounds.append(order.number)
            if order.number < ROUNDS:
                self.tell("pacer", order)

    @handles
    def halt(self, _: Stop) -> None:
        self.stopped_at = len(self.rounds)


class Pacer(Agent):
    @handles
    def round(self, order: Round) -> None:
        self.tell("runner", Round(order.number + 1))


def build(world: World, *, fixed: bool = False) -> SupervisorSpec:
    runner = child(Runner, [] if fixed else world.ledger("rounds"), id="runner")
    return supervisor("track", children=[child(Pacer, id="pacer"), runner])


def body(world: World) -> None:
    rounds = world.ledger("rounds")
    world.probe("one").tell("runner", Round(1))
    world.probe("two").tell("runner", Stop())
    world.always(lambda: len(rounds) < ROUNDS, "the runner is stopped before its last round")


BUGS = (
    Bug(
        name="starve 20",
        build=build,
        body=body,
        violates="the runner is stopped before its last round",
        faults=Faults(longest=10.0),
        pin=(Delay("runner", nth=2, secs=1.0),),
        calibration=True,
    ),
)
