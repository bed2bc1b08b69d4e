"""`Bug`: a program with one known bug, its fixed twin, and what triggers it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import attrs

from harmonium import SupervisorSpec
from harmonium.testing import Fault, Faults, PropertyViolated, Replay, Scene, World, run_once
from harmonium.testing.schedule import Outcome

from benchmarks.bugs.bystander import with_bystander

__all__ = ["Bug", "Build"]

Build = Callable[..., SupervisorSpec]
"""Builds the program: ``build(world, fixed=...)``."""


@attrs.frozen(kw_only=True)
class Bug:
    """One program of the benchmark.

    Args:
        name: What the bug is called.
        build: Builds the tree, with the bug or without.
        body: Sends the work and states what must hold.
        violates: The name of the property that the bug breaks.
        faults: What a search may do to it.
        pin: Faults that bring the bug about, as few as there can be.
        horizon: Virtual seconds in which faults happen, after the body.
        settle: Virtual seconds that the run goes on afterwards at most.
        minimum: How many faults there must be; as many as in the pin if not given.
        calibration: Whether it measures a search rather than being a bug.
    """

    name: str
    build: Build
    body: Callable[[World], None]
    violates: str
    faults: Faults
    pin: tuple[Fault, ...]
    horizon: float = 30.0
    settle: float = 60.0
    minimum: int = attrs.field(default=attrs.Factory(lambda bug: len(bug.pin), takes_self=True))
    calibration: bool = False

    def scene(self, *, fixed: bool = False, edited: bool = False) -> Scene:
        """Give what is run.

        Args:
            fixed: Without the bug.
            edited: With an agent more, which has nothing to do with the bug.
        """
        build: Build = partial(self.build, fixed=fixed)
        if edited:
            build = with_bystander(build)
        return Scene(build, self.body, horizon=self.horizon, settle=self.settle)

    def shows(self, outcome: Outcome) -> bool:
        """Whether a run failed, and failed of this bug."""
        error = outcome.violation
        return isinstance(error, PropertyViolated) and error.name == self.violates

    def shown_by(self, faults: tuple[Fault, ...], *, edited: bool = False) -> bool:
        """Whether these faults bring the bug about."""
        return self.shows(run_once(self.scene(edited=edited), Replay(faults)))
