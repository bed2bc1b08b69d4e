"""`search`: run a scene again and again, with other choices each time, until it fails."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

import attrs

from harmonium.testing.calm import calm
from harmonium.testing.choices import Choices
from harmonium.testing.faults import Fault
from harmonium.testing.replay import Replay
from harmonium.testing.schedule import Outcome, Scene, run_once
from harmonium.testing.spec import Faults
from harmonium.testing.strategies import STEPS, Rng

__all__ = ["Hunt", "hunt", "search"]


@attrs.frozen
class Hunt:
    """What a search did.

    Args:
        outcome: The run that failed, or None if all passed.
        schedules: How many runs it took.
        seconds: How much real time it took.
        seed: The seed of the run that failed, or the last one.
        reached: How often each site was reached, over all runs.
        deliveries: How many messages arrived, over all runs.
    """

    outcome: Outcome | None
    schedules: int
    seconds: float
    seed: int
    reached: dict[str, int]
    deliveries: int


def search(
    scene: Scene,
    faults: Faults | None = None,
    *,
    schedules: int = 2_000,
    seed: int = 0,
    budget: float | None = None,
    strategy: str | None = None,
    known: Iterable[tuple[Fault, ...]] = (),
) -> Hunt:
    """Look for a run that fails.

    Args:
        scene: What to run.
        faults: Which kinds of faults may be used, and on what.
        schedules: At most so many runs.
        seed: The first run's seed; each next one has the next number.
        budget: Longest real time, in seconds; None for no limit.
        strategy: One of `STRATEGIES`; None takes the portfolio.
        known: Faults that made it fail before; they are tried first.
    """
    length = STEPS

    def choices(number: int, last: Outcome | None) -> Choices:
        nonlocal length
        if last is not None:
            length = max(length, last.deliveries) if number < 20 else length
        return Rng(seed + number, faults, strategy=strategy, steps=length)

    return hunt(scene, choices, schedules=schedules, seed=seed, budget=budget, known=known)


def hunt(
    scene: Scene,
    choices: Callable[[int, Outcome | None], Choices],
    *,
    schedules: int,
    seed: int = 0,
    budget: float | None = None,
    known: Iterable[tuple[Fault, ...]] = (),
) -> Hunt:
    """Look for a run that fails, with choices from any source.

    Args:
        scene: What to run.
        choices: Gives the choices of the n-th run; it is told how the last one went.
        schedules: At most so many runs.
        seed: What is reported as the first run's seed.
        budget: Longest real time, in seconds; None for no limit.
        known: Faults that made it fail before; they are tried first.
    """
    began = time.perf_counter()
    ends = None if budget is None else began + budget
    tally = _Tally()
    last: Outcome | None = None
    number = 0
    with calm() as pace:
        for faults in known:
            last = tally.add(run_once(scene, Replay(faults)))
            if last.failed:
                return tally.hunt(last, seed, began)
        for number in range(schedules):
            last = tally.add(run_once(scene, choices(number, last)))
            if last.failed:
                return tally.hunt(last, seed + number, began)
            last.world.drop()
            pace.step(last.deliveries)
            if ends is not None and time.perf_counter() > ends:
                break
    return tally.hunt(None, seed + number, began)


class _Tally:
    def __init__(self) -> None:
        self.runs = 0
        self.deliveries = 0
        self.reached: dict[str, int] = {}

    def add(self, outcome: Outcome) -> Outcome:
        self.runs += 1
        self.deliveries += outcome.deliveries
        for site, times in outcome.world.reached.items():
            self.reached[site] = self.reached.get(site, 0) + times
        return outcome

    def hunt(self, outcome: Outcome | None, seed: int, began: float) -> Hunt:
        seconds: Any = time.perf_counter() - began
        return Hunt(outcome, self.runs, seconds, seed, self.reached, self.deliveries)
