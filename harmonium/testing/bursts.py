"""The search with Hypothesis: it draws the workload, each example is a burst of runs.

Hypothesis would shrink the schedule badly (it prefers the run that fails
sooner, with more odd choices), and slowly: so it draws the workload and one
number, and the faults are searched and reduced by ourselves. While it shrinks
the workload, the faults that are known to break it are tried first: once an
example has failed, its smaller relatives fail in one run. Everything is raised
in one place, because Hypothesis tells bugs apart by where they are raised.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings
from hypothesis import strategies as st

from harmonium.testing.reduce import reduce_faults
from harmonium.testing.schedule import run_once
from harmonium.testing.sources import Drawn
from harmonium.testing.strategies import STRATEGIES, Rng, Search

if TYPE_CHECKING:
    from harmonium.testing.trial import Trial

__all__ = ["search_all", "search_workloads"]

TRIED_FIRST = 3
"""How many sets of faults that are known are tried on each example."""


class _Broken(Exception):
    """An example failed; what is known of it stands in the trial."""


def search_workloads(trial: Trial) -> None:
    """Let Hypothesis draw workloads, and search each of them in a burst."""

    def example(burst: int, **workload: Any) -> None:
        if _breaks(trial, burst, workload):
            raise _Broken

    bursts = st.integers(0, 2**32 - 1)
    _drive(trial, example, {"burst": bursts, **trial.plan.workload})


def _breaks(trial: Trial, burst: int, workload: Mapping[str, Any]) -> bool:
    trial.examples += 1
    for faults in trial.known[:TRIED_FIRST]:
        if trial.attempt(faults, workload):
            return True
    scene = trial.scene(workload)
    for number in range(trial.plan.schedules):
        if trial.is_over:
            return False
        outcome = trial.count(run_once(scene, Rng(burst * 31 + number, trial.plan.faults)))
        if outcome.failed:
            reduced = reduce_faults(scene, outcome, trial.plan.faults, limit=200)
            trial.keep(reduced.outcome, workload, reduced.faults)
            trial.known.insert(0, reduced.faults)
            return True
    return False


def search_all(trial: Trial) -> None:
    """Let Hypothesis draw everything: the workload, and each choice of the run."""

    def example(data: Any, **workload: Any) -> None:
        if _fails(trial, data, workload):
            raise _Broken

    _drive(trial, example, {"data": st.data(), **trial.plan.workload})


def _fails(trial: Trial, data: Any, workload: Mapping[str, Any]) -> bool:
    trial.examples += 1
    if trial.is_over and trial.failure is None:
        return False

    def integer(low: int, high: int) -> int:
        drawn: int = data.draw(st.integers(low, high))
        return drawn

    strategy = STRATEGIES[integer(0, len(STRATEGIES) - 1)]
    choices = Search(Drawn(integer), trial.plan.faults, strategy=strategy)
    outcome = trial.count(run_once(trial.scene(workload), choices))
    if not outcome.failed:
        return False
    trial.keep(outcome, workload, outcome.faults)
    return True


def _drive(trial: Trial, example: Callable[..., None], strategies: Mapping[str, Any]) -> None:
    """Run Hypothesis; what it finds is kept in the trial."""
    limits = settings(
        max_examples=trial.plan.examples,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.target, Phase.shrink],
        verbosity=Verbosity.quiet,
        report_multiple_bugs=False,
    )
    test = seed(trial.seed)(limits(given(**strategies)(example)))
    try:
        test()
    except _Broken:
        return
