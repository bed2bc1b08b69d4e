"""`Plan`: what a chaos test is to do, as data."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import attrs

from harmonium.testing.faults import Fault
from harmonium.testing.schedule import Scene
from harmonium.testing.spec import Faults
from harmonium.testing.world import World

__all__ = ["Pin", "Plan"]


@attrs.frozen
class Pin:
    """Faults, and values of the workload, with which a test is run in any case."""

    faults: tuple[Fault, ...]
    workload: Mapping[str, Any]


@attrs.define
class Plan:
    """A chaos test; the fields are the arguments of `chaos_test`."""

    function: Callable[..., Any]
    system: Any
    faults: Faults
    inject: tuple[Fault, ...]
    horizon: float
    settle: float
    examples: int
    schedules: int
    budget: float
    engine: str
    must_reach: tuple[str, ...]
    seed: int
    max_deliveries: int
    workload: Mapping[str, Any]
    pins: tuple[Pin, ...]

    @property
    def name(self) -> str:
        """Name the test, where pytest does not."""
        return f"{self.function.__module__}::{self.function.__qualname__}"

    def scene(
        self, args: tuple[Any, ...], kwargs: Mapping[str, Any], workload: Mapping[str, Any]
    ) -> Scene:
        """Give what is run with one workload."""
        wants_system = "system" in inspect.signature(self.function).parameters

        def body(world: World) -> Any:
            more = {"system": world.system} if wants_system else {}
            return self.function(*args, world=world, **more, **kwargs, **workload)

        return Scene(
            self.system,
            body,
            inject=self.inject,
            horizon=self.horizon,
            settle=self.settle,
            max_deliveries=self.max_deliveries,
        )
