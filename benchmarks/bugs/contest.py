"""How fast each search finds each bug, how well the kit explains it, and whether it cries wolf.

Times are those of the processor: on a machine with other work they say the
same as on an idle one.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import attrs

from harmonium.testing import Fault, Replay, run_once
from harmonium.testing.calm import calm
from harmonium.testing.neighbours import nearest_passing
from harmonium.testing.reduce import reduce_faults
from harmonium.testing.search import search
from harmonium.testing.story import story

from benchmarks.bugs.bug import Bug
from benchmarks.bugs.engines import ENGINES, Found

__all__ = ["FULL", "QUICK", "Effort", "Row", "Score", "measure_bug"]


@attrs.frozen
class Effort:
    """How much is tried.

    Args:
        seeds: How many hunts of the kit for each bug.
        schedules: At most so many runs in each hunt, and on the fixed twin.
        other_seeds: How many hunts of each other engine.
        machine_schedules: At most so many runs in a hunt of the state machine.
    """

    seeds: int
    schedules: int
    other_seeds: int
    machine_schedules: int

    def of(self, engine: str) -> tuple[int, int]:
        """Give an engine's seeds and schedules."""
        if engine == "kit":
            return self.seeds, self.schedules
        return self.other_seeds, self.machine_schedules if engine == "machine" else self.schedules


FULL = Effort(20, 2_000, 5, 500)
QUICK = Effort(3, 300, 1, 100)


@attrs.frozen
class Score:
    """What one engine did on one bug.

    Args:
        found: In how many hunts.
        hunts: Of how many.
        schedules: Runs until it was found: median and ninetieth percentile.
        seconds: Time until then, the same.
    """

    found: int
    hunts: int
    schedules: tuple[float, float]
    seconds: tuple[float, float]


@attrs.frozen
class Row:
    """What came of one bug.

    Args:
        bug: Its name.
        scores: By engine.
        minimum: How few faults bring it about.
        atoms: How many the kit's reduction came to, hunt by hunt.
        blind: How many of these reductions the fixed twin does not stand: they show
            something else.
        edited: How many of them still show the bug after an unrelated edit of the program.
        report: Time of reduction, story and nearest passing run, in seconds: median and
            ninetieth percentile.
        lines: How long the story is, in lines, at most.
        alarms: How many runs of the fixed twin failed, of how many.
        rate: Runs in a second, on the fixed twin.
    """

    bug: str
    scores: dict[str, Score]
    minimum: int
    atoms: tuple[int, ...]
    blind: int
    edited: int
    report: tuple[float, float]
    lines: int
    alarms: tuple[int, int]
    rate: float

    @property
    def at_minimum(self) -> int:
        """How often the reduction came to the known minimum."""
        return sum(atoms <= self.minimum for atoms in self.atoms)


def measure_bug(bug: Bug, effort: Effort, told: Callable[[str], None]) -> Row:
    """Hunt one bug with every engine.

    Args:
        bug: Which.
        effort: How much is tried.
        told: Called with what begins.
    """
    with calm():
        hunts: dict[str, list[Found]] = {}
        for name, engine in ENGINES.items():
            told(f"{bug.name}: {name}")
            seeds, budget = effort.of(name)
            hunts[name] = [engine(bug, seed, budget) for seed in range(seeds)]
        told(f"{bug.name}: reduction")
        reports = [_report(bug, found) for found in hunts["kit"] if found.outcome is not None]
        told(f"{bug.name}: fixed twin")
        alarms, rate = false_alarms(bug, effort.schedules)
        twin = bug.scene(fixed=True)
        blind = sum(run_once(twin, Replay(each.faults)).failed for each in reports)
        edited = sum(bug.shown_by(each.faults, edited=True) for each in reports)
    return Row(
        bug=bug.name,
        scores={name: _score(found) for name, found in hunts.items()},
        minimum=bug.minimum,
        atoms=tuple(len(each.faults) for each in reports),
        blind=blind,
        edited=edited,
        report=_spread([each.seconds for each in reports]),
        lines=max((each.lines for each in reports), default=0),
        alarms=(alarms, effort.schedules),
        rate=rate,
    )


@attrs.frozen
class _Report:
    faults: tuple[Fault, ...]
    seconds: float
    lines: int


def _report(bug: Bug, found: Found) -> _Report:
    assert found.outcome is not None
    began = time.process_time()
    reduced = reduce_faults(bug.scene(), found.outcome, bug.faults)
    lines = list(story(reduced.outcome.world.trace))
    nearest_passing(bug.scene(), reduced.faults)
    return _Report(reduced.faults, time.process_time() - began, len(lines))


def false_alarms(bug: Bug, schedules: int) -> tuple[int, float]:
    """Run the fixed twin; give how often it failed, and runs in a second."""
    alarms, runs, began = 0, 0, time.process_time()
    while runs < schedules:
        hunt = search(
            bug.scene(fixed=True), bug.faults, schedules=schedules - runs, seed=10_000_000 + runs
        )
        runs += hunt.schedules
        alarms += hunt.outcome is not None
    return alarms, runs / (time.process_time() - began)


def _score(hunts: list[Found]) -> Score:
    hits = [found for found in hunts if found.outcome is not None]
    return Score(
        found=len(hits),
        hunts=len(hunts),
        schedules=_spread([float(found.schedules) for found in hits]),
        seconds=_spread([found.seconds for found in hits]),
    )


def _spread(figures: list[float]) -> tuple[float, float]:
    """Give median and ninetieth percentile; (0, 0) of nothing."""
    if not figures:
        return 0.0, 0.0
    ordered = sorted(figures)
    return statistics.median(ordered), ordered[min(len(ordered) - 1, int(len(ordered) * 0.9))]
