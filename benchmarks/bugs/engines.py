"""The searches that are compared: the kit's portfolio, a plain walk, PCT, a state machine."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import attrs

from harmonium.testing import (
    Choices,
    ClockJump,
    Crash,
    Delay,
    Drop,
    Duplicate,
    Fault,
    Faults,
    Kill,
    Partition,
    Replay,
    run_once,
)
from harmonium.testing.schedule import Outcome
from harmonium.testing.search import hunt, search

from benchmarks.bugs.bug import Bug

__all__ = ["ENGINES", "Found", "PlainWalk"]

APART = 10_000
"""Seeds between two hunts, so that no schedule is tried by both."""


@attrs.frozen
class Found:
    """What a hunt came to.

    Args:
        schedules: How many runs it took, or how many there were.
        seconds: How much time of the processor it took.
        outcome: The run that showed the bug; None if none did.
    """

    schedules: int
    seconds: float
    outcome: Outcome | None


def kit(bug: Bug, seed: int, budget: int) -> Found:
    """Hunt with the kit's portfolio."""
    return _first(bug, seed, budget, lambda start, left: _searched(bug, start, left, None))


def pct(bug: Bug, seed: int, budget: int) -> Found:
    """Hunt with priorities and points of change only."""
    return _first(bug, seed, budget, lambda start, left: _searched(bug, start, left, "pct"))


def walk(bug: Bug, seed: int, budget: int) -> Found:
    """Hunt with a plain random walk."""

    def hunted(start: int, left: int) -> Any:
        def choices(number: int, _: Outcome | None) -> Choices:
            return PlainWalk(start + number, bug.faults)

        return hunt(bug.scene(), choices, schedules=left, seed=start)

    return _first(bug, seed, budget, hunted)


def _searched(bug: Bug, start: int, left: int, strategy: str | None) -> Any:
    return search(bug.scene(), bug.faults, schedules=left, seed=start, strategy=strategy)


def _first(bug: Bug, seed: int, budget: int, hunted: Callable[[int, int], Any]) -> Found:
    """Hunt on until the failure is the one that was planted."""
    runs, began = 0, time.process_time()
    while runs < budget:
        result = hunted(seed * APART + runs, budget - runs)
        runs += result.schedules
        if result.outcome is not None and bug.shows(result.outcome):
            return Found(runs, time.process_time() - began, result.outcome)
    return Found(runs, time.process_time() - began, None)


class PlainWalk:
    """Every message takes a memoryless time, and every fault comes at one fixed rate.

    What most people would write first: which message arrives next is a uniform
    choice among those under way, and nothing is switched off in any run.

    Args:
        seed: The same seed gives the same run.
        faults: Which kinds may be used, and on what.
    """

    exact = False
    for_messages = True
    for_handling = True
    MEAN = 0.1
    RATE = 0.05

    def __init__(self, seed: int, faults: Faults) -> None:
        self._random = Random(seed)
        self._spec = faults
        self._left = faults.max

    def _hit(self, kind: str, name: str) -> bool:
        if not self._left or not self._spec.hits(kind, name):
            return False
        hit = self._random.random() < self.RATE
        self._left -= hit
        return hit

    def begin(self, agents: Sequence[str]) -> Sequence[Fault]:
        """Draw partitions and jumps of clocks."""
        found: list[Fault] = []
        for agent in agents:
            at = round(self._random.random() * 10.0, 3)
            if self._hit("partition", agent):
                found.append(Partition(((agent,),), at, at + 5.0))
            if self._hit("clock_jump", agent):
                found.append(ClockJump(agent, at, self._random.choice((-3600.0, 3600.0))))
        return found

    def link(self, sender: str, to: str) -> Sequence[Fault]:
        """Nothing: each message has a time of its own."""
        return ()

    def message(self, sender: str, to: str, nth: int, *, spared: bool) -> Sequence[Fault]:
        """Delay every message, and lose or double some."""
        if not spared and self._hit("drop", to):
            return (Drop(to, nth),)
        found: list[Fault] = []
        if self._spec.hits("delay", to):
            found.append(Delay(to, nth, round(-self.MEAN * math.log(1 - self._random.random()), 4)))
        if not spared and self._hit("duplicate", to):
            found.append(Duplicate(to, nth))
        return found

    def handling(self, actor: str, nth: int) -> Sequence[Fault]:
        """Crash or kill some agents."""
        if self._hit("crash", actor):
            where = self._random.choice(("before", "inside", "after"))
            step = self._random.randrange(4) if where == "inside" else 0
            return (Crash(actor, nth, where, step),)
        return (Kill(actor, on=nth),) if self._hit("kill", actor) else ()

    def site(self, name: str, nth: int) -> Sequence[Fault]:
        """Nothing."""
        return ()

    def write(self, store: str, nth: int) -> Sequence[Fault]:
        """Nothing."""
        return ()


def machine(bug: Bug, seed: int, budget: int) -> Found:
    """Hunt with a Hypothesis state machine, whose rules arm faults before the run.

    It has the same kinds of faults as the kit, on the agents of the plain run.
    """
    from hypothesis import HealthCheck, Phase, settings
    from hypothesis import seed as seeded
    from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

    scene, armed = bug.scene(), _strategy(bug)
    runs: list[Outcome] = []

    class Machine(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.faults: list[Fault] = []

        @rule(fault=armed)
        def arm(self, fault: Fault) -> None:
            self.faults.append(fault)

        def teardown(self) -> None:
            runs.append(run_once(scene, Replay(self.faults)))
            assert not bug.shows(runs[-1])

    limits = settings(
        max_examples=budget,
        stateful_step_count=6,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
        print_blob=False,
    )
    began = time.process_time()
    try:
        run_state_machine_as_test(seeded(seed)(Machine), settings=limits)
    except AssertionError:
        first = next(number for number, run in enumerate(runs) if bug.shows(run))
        return Found(first + 1, time.process_time() - began, runs[first])
    return Found(len(runs), time.process_time() - began, None)


def _strategy(bug: Bug) -> Any:
    """Draw a fault that the program's search may use."""
    from hypothesis import strategies as st

    spec, seats = bug.faults, run_once(bug.scene()).world.injector.seats()
    agents = [seat.path for seat in seats if not seat.spared]
    nth, secs = st.integers(1, 12), st.floats(0.0, spec.longest)
    kinds = {
        "crash": lambda who: st.builds(
            Crash, who, nth, st.sampled_from(("before", "inside", "after")), st.integers(0, 3)
        ),
        "kill": lambda who: st.builds(Kill, who, nth),
        "delay": lambda who: st.builds(Delay, who, nth, secs),
        "drop": lambda who: st.builds(Drop, who, nth),
        "duplicate": lambda who: st.builds(Duplicate, who, nth),
        "clock_jump": lambda who: st.builds(
            ClockJump, who, secs, st.sampled_from((-3600.0, 3600.0))
        ),
    }
    drawn = []
    for kind, build in kinds.items():
        hit = [agent for agent in agents if spec.hits(kind, agent)]
        if hit:
            drawn.append(build(st.sampled_from(hit)))
    return st.one_of(drawn)


ENGINES: dict[str, Callable[[Bug, int, int], Found]] = {
    "kit": kit,
    "walk": walk,
    "pct": pct,
    "machine": machine,
}
