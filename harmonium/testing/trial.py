"""`Trial`: carries a chaos test out: pins, known failures, search, reduction, report."""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping
from typing import Any

import attrs

from harmonium.protocols.errors import ConfigError
from harmonium.testing.calm import Pace, calm
from harmonium.testing.corpus import Case, Corpus
from harmonium.testing.exhaust import exhaust
from harmonium.testing.faults import Fault
from harmonium.testing.options import OPTIONS
from harmonium.testing.paste import read_faults
from harmonium.testing.plan import Plan
from harmonium.testing.reduce import reduce_faults
from harmonium.testing.replay import Replay
from harmonium.testing.report import Failure, write_report
from harmonium.testing.schedule import Outcome, Scene, run_once
from harmonium.testing.search import search
from harmonium.testing.twice import Different, differs

__all__ = ["ChaosFailure", "Trial"]


class ChaosFailure(AssertionError):
    """A chaos test failed; the text is the report.

    Args:
        report: The report.
        failure: What failed, as data.
    """

    def __init__(self, report: str, failure: Failure) -> None:
        super().__init__(report)
        self.failure = failure

    def __str__(self) -> str:
        return str(self.args[0])


class Trial:
    """One run of one chaos test.

    Args:
        plan: The test.
        args: Its positional arguments: `self`, if it is a method.
        kwargs: Its fixtures.
    """

    def __init__(self, plan: Plan, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        self.plan = plan
        self.options = OPTIONS.get()
        self.schedules = 0
        self.examples = 0
        self.reached: dict[str, int] = {}
        self.known: list[tuple[Fault, ...]] = []
        self.failure: Failure | None = None
        self._pace = Pace()
        self._args = args
        self._kwargs = kwargs
        self._began = time.perf_counter()
        node = self.options.node or plan.name
        self._corpus = Corpus(self.options.folder, node)
        budget = plan.budget if self.options.budget is None else self.options.budget
        self._ends = self._began + budget

    def run(self) -> None:
        """Carry the test out.

        Raises:
            ChaosFailure: If a run failed.
        """
        with calm() as self._pace:
            if self.options.replay is not None:
                self._replay(self.options.replay)
            else:
                self._try_known()
                if self.failure is None:
                    self._search()
            if self.failure is not None:
                raise self._reported()
        if self.options.replay is None:
            self._check_reached()

    @property
    def seed(self) -> int:
        """Where the search begins."""
        return self.plan.seed if self.options.seed is None else self.options.seed

    @property
    def is_over(self) -> bool:
        """Whether the budget is used up."""
        return time.perf_counter() > self._ends

    def scene(self, workload: Mapping[str, Any]) -> Scene:
        """Give what is run with one workload."""
        return self.plan.scene(self._args, self._kwargs, workload)

    def attempt(self, faults: tuple[Fault, ...], workload: Mapping[str, Any]) -> bool:
        """Run once with these faults; True if it failed, which is then kept."""
        outcome = self.count(run_once(self.scene(workload), Replay(faults)))
        if outcome.failed:
            self.keep(outcome, workload, faults)
        return outcome.failed

    def count(self, outcome: Outcome) -> Outcome:
        """Count a run."""
        self.schedules += 1
        self._pace.step(outcome.deliveries)
        for site, times in outcome.world.reached.items():
            self.reached[site] = self.reached.get(site, 0) + times
        if not outcome.failed:
            outcome.world.drop()
        return outcome

    def keep(
        self, outcome: Outcome, workload: Mapping[str, Any], faults: tuple[Fault, ...]
    ) -> None:
        """Keep a run that failed; the last one is reported."""
        first = self.failure
        self.failure = Failure(
            outcome,
            faults,
            dict(workload),
            first.schedules if first else self.schedules,
            first.examples if first else self.examples,
            first.seconds if first else time.perf_counter() - self._began,
            first.before if first else len(faults),
        )

    # -- in order

    def _replay(self, text: str) -> None:
        case = self._corpus.find(text)
        faults = read_faults(text) if case is None else case.faults
        values = {} if case is None else case.values(self.plan.function.__globals__)
        if not values and self.plan.workload:
            self.known = [faults]
            self._search()
        else:
            self.attempt(faults, values or {})

    def _try_known(self) -> None:
        names = self.plan.function.__globals__
        cases = [(pin.faults, dict(pin.workload)) for pin in self.plan.pins]
        cases += [(case.faults, case.values(names) or {}) for case in self._corpus.cases()]
        for faults, values in cases:
            if values.keys() == self.plan.workload.keys():
                if self.attempt(faults, values):
                    return
            else:
                self.known.append(faults)

    def _search(self) -> None:
        if self.plan.engine not in _ENGINES:
            known = ", ".join(_ENGINES)
            raise ConfigError(self.plan.name, f"engine is {self.plan.engine!r}", f"one of {known}")
        _ENGINES[self.plan.engine](self)

    def _burst(self) -> None:
        if self.plan.workload:
            from harmonium.testing.bursts import search_workloads  # noqa: PLC0415 - needs Hypothesis

            search_workloads(self)
            return
        scene = self.scene({})
        self._warn_if_different(scene)
        found = search(
            scene,
            self.plan.faults,
            schedules=self.plan.examples * self.plan.schedules,
            seed=self.seed,
            budget=max(0.0, self._ends - time.perf_counter()),
            known=self.known,
        )
        self.schedules += found.schedules
        self.reached.update(found.reached)
        if found.outcome is not None:
            self.keep(found.outcome, {}, found.outcome.faults)

    def _warn_if_different(self, scene: Scene) -> None:
        """Look once whether the program does the same with the same choices."""
        found = "" if self.is_over else differs(scene)
        if found:
            warnings.warn(
                f"{self.plan.name}: two runs with the same choices differ, {found}; "
                "what is found cannot be replayed",
                Different,
                stacklevel=2,
            )

    def _through_hypothesis(self) -> None:
        from harmonium.testing.bursts import search_all  # noqa: PLC0415 - needs Hypothesis

        search_all(self)

    def _exhaust(self) -> None:
        found = exhaust(self.scene({}), self.plan.faults, budget=self._ends - time.perf_counter())
        self.schedules += found.schedules
        if found.outcome is not None:
            self.keep(found.outcome, {}, found.outcome.faults)

    def _check_reached(self) -> None:
        missing = [site for site in self.plan.must_reach if not self.reached.get(site)]
        if missing:
            raise AssertionError(
                f"{self.plan.name}: no run of {self.schedules} reached {', '.join(missing)}"
            )

    def _reported(self) -> ChaosFailure:
        failure = self.failure
        assert failure is not None  # noqa: S101 - for the type checker
        scene = self.scene(failure.workload)
        if self.options.replay is None or self.known:  # what is replayed is to stay as it is
            reduced = reduce_faults(scene, failure.outcome, self.plan.faults)
            failure = attrs.evolve(failure, outcome=reduced.outcome, faults=reduced.faults)
        violation = failure.outcome.violation
        texts = {name: repr(value) for name, value in failure.workload.items()}
        case = Case(failure.faults, texts, str(violation))
        self._corpus.add(case)
        report = write_report(scene, failure, case, self.options)
        error = ChaosFailure(report, failure)
        error.__cause__ = violation
        return error


_ENGINES: dict[str, Any] = {
    "burst": Trial._burst,
    "exhaust": Trial._exhaust,
    "hypothesis": Trial._through_hypothesis,
}
