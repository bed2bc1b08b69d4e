"""``bench schedules``: how fast the fault-test kit runs, in schedules and in deliveries.

Both beside the bare loop, and in time of the processor, which a neighbour on the
machine disturbs less. It still does, by a half within minutes; so each program is
measured several times in turn and its quickest time counts, as `timeit` advises: others
only ever make it slower. What a single round gives stands beside it.

A schedule is a whole run, as a search makes it: the tree is
built and booted, faults are drawn and injected, everything is traced, properties are
checked, and the world is taken apart.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial

from harmonium import Agent, SupervisorSpec, child, handles, message, supervisor
from harmonium.testing import Faults, Rng, Scene, World, run_once
from harmonium.testing.calm import calm

from benchmarks import bare
from benchmarks.bugs.bug import Bug
from benchmarks.bugs.catalogue import BUGS
from benchmarks.figures import Figure, Workload

__all__ = ["deliveries", "loops", "schedules", "workloads"]

MESSAGES = 1_000
"""Through the bare loop for one unit of the schedules' base: about what a run costs."""
ROUNDS = 6
"""How often everything is measured for one figure of an undisturbed machine."""


def _cpu(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def loops(messages: int, times: int, rounds: int = 1) -> float:
    """How often a second so many messages go through the bare loop, in the quickest round."""
    return times / min(_cpu(lambda: bare.ping_pong(messages * times)) for _ in range(rounds))


# -- schedules


def schedules(
    runs: int,
    pick: Callable[[Sequence[float]], float] = statistics.median,
    bugs: Sequence[Bug] = BUGS,
    rounds: int = 1,
) -> float:
    """Runs a second of the bug programs' fixed twins, which have 3 to 5 agents.

    Args:
        runs: How many of each program, each with a seed of its own.
        pick: What becomes of the programs' rates.
        bugs: The programs.
        rounds: How often all are measured in turn; the quickest time of each counts.
    """
    with calm():
        turns = [[_cpu(partial(_search, bug, runs)) for bug in bugs] for _ in range(rounds)]
    return pick([runs / min(times) for times in zip(*turns, strict=True)])


def _search(bug: Bug, runs: int) -> None:
    scene = bug.scene(fixed=True)
    for seed in range(runs):
        run_once(scene, Rng(seed, bug.faults)).world.drop()


# -- deliveries


@message
class Ball:
    n: int


class Player(Agent):
    def __init__(self, other: str) -> None:
        self.other = other

    @handles
    def ball(self, ball: Ball) -> None:
        if ball.n:
            self.tell(self.other, Ball(ball.n - 1))


def _pairs() -> SupervisorSpec:
    names = {"a": "b", "b": "a", "c": "d", "d": "c"}
    return supervisor("pairs", children=[child(Player, to, id=id) for id, to in names.items()])


def deliveries(n: int, *, delays: bool) -> float:
    """Messages a second between two pairs of supervised agents, traced.

    Args:
        n: How many for each pair.
        delays: Whether the choices delay messages.
    """

    def body(world: World) -> None:
        me = world.probe("me")
        me.tell("a", Ball(n))
        me.tell("c", Ball(n))

    # A seed whose strategy is a walk, which delays every message; see `Rng`.
    choices = Rng(1, Faults(delay=delays, pause=False))
    scene = Scene(_pairs, body, horizon=1e6, settle=60.0, max_deliveries=10**9)
    with calm():
        began = time.process_time()
        outcome = run_once(scene, choices)
        seconds = time.process_time() - began
    return outcome.deliveries / seconds


def workloads(*, quick: bool = False) -> list[Workload]:
    """The workloads, smaller when quick."""
    runs, times, n = (5, 20, 3_000) if quick else (20, 100, 20_000)
    rounds = 2 if quick else ROUNDS
    return [
        Workload(
            "F1",
            f"a schedule of a bug program, beside {MESSAGES:,} messages in a bare loop",
            "runs/s",
            (
                Figure("bare loop", lambda: loops(MESSAGES, times, rounds)),
                Figure("median of 25", lambda: schedules(runs, rounds=rounds)),
                Figure("in one round", lambda: schedules(runs)),
                Figure("slowest of 25", lambda: schedules(runs, min, rounds=rounds)),
                Figure("fastest of 25", lambda: schedules(runs, max, rounds=rounds)),
            ),
            aims="3,000 a second: 2.4 where the bare loop takes 1.25 million messages a second",
        ),
        Workload(
            "F2",
            "a message between supervised agents, simulated and traced",
            "msg/s",
            (
                Figure("bare loop", lambda: loops(1, MESSAGES * times)),
                Figure("as sent", lambda: deliveries(n, delays=False)),
                Figure("all delayed", lambda: deliveries(n, delays=True)),
            ),
            aims="150,000 a second: 0.12",
        ),
    ]
