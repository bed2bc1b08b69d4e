"""`chaos_test`: a test body becomes a test that searches for faults which break it."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from harmonium.protocols.errors import ConfigError
from harmonium.testing.faults import Fault
from harmonium.testing.plan import Pin, Plan
from harmonium.testing.spec import Faults
from harmonium.testing.trial import Trial

__all__ = ["chaos_test", "pinned"]

F = TypeVar("F", bound=Callable[..., Any])

_PINS = "__harmonium_pins__"


def chaos_test(  # noqa: PLR0913 - each is a setting of its own
    system: Any,
    *,
    faults: Faults | None = None,
    inject: Iterable[Fault] = (),
    horizon: float = 60.0,
    settle: float = 60.0,
    examples: int = 100,
    schedules: int = 20,
    budget: float = 10.0,
    engine: str = "burst",
    must_reach: Iterable[str] = (),
    seed: int = 0,
    max_deliveries: int = 20_000,
    **workload: Any,
) -> Callable[[F], Callable[..., None]]:
    """Run a test body under faults, and search for those that break it.

    The function takes a parameter ``world``, and if it likes ``system``, the
    running `System`. Parameters that Hypothesis strategies are given for, here
    or as their defaults, are the workload; all others are pytest fixtures. It
    may be ``async def``.

    Pins and known failures are tried first. Then each example of the workload
    is run under some schedules of the search. What is found is reduced, first
    the faults, then the workload, and reported.

    Args:
        system: The tree, or a function that builds it; it may take the world.
        faults: Which kinds of faults the search may use, and on what. Without
            it, the search explores delays, pauses and orders.
        inject: Faults that happen in every run.
        horizon: Virtual seconds, from the end of the body, in which faults happen.
        settle: Virtual seconds that the run goes on after that at most.
        examples: How many workloads are tried.
        schedules: How many runs each of them gets.
        budget: Longest search, in real seconds.
        engine: ``burst``; ``hypothesis`` draws every choice through Hypothesis;
            ``exhaust`` tries every order of messages of a tiny system.
        must_reach: Sites (`reached`) that some run has to come to.
        seed: Where the search begins.
        max_deliveries: After so many messages a run counts as a livelock.
        workload: Hypothesis strategies, by parameter.

    Raises:
        ConfigError: If the function has no parameter ``world``.
    """

    def decorate(function: F) -> Callable[..., None]:
        plan = Plan(
            function=function,
            system=system,
            faults=faults or Faults(),
            inject=tuple(inject),
            horizon=horizon,
            settle=settle,
            examples=examples,
            schedules=schedules,
            budget=budget,
            engine=engine,
            must_reach=tuple(must_reach),
            seed=seed,
            max_deliveries=max_deliveries,
            workload={**_strategies(function), **workload},
            pins=getattr(function, _PINS, ()),
        )
        return _as_test(function, plan)

    return decorate


def pinned(*faults: Fault, **workload: Any) -> Callable[[F], F]:
    """Run a chaos test with exactly these faults, too, before its search.

    Put it above or below `chaos_test`; several of them are several runs.

    Args:
        faults: What goes wrong; as a report prints it.
        workload: The values of the test's arguments.
    """

    def pin(function: F) -> F:
        one = Pin(faults, workload)
        plan: Plan | None = getattr(function, "chaos", None)
        if plan is not None:
            plan.pins = (one, *plan.pins)
        else:
            setattr(function, _PINS, (one, *getattr(function, _PINS, ())))
        return function

    return pin


def _strategies(function: Callable[..., Any]) -> dict[str, Any]:
    """Give the parameters whose defaults are strategies."""
    return {
        name: parameter.default
        for name, parameter in inspect.signature(function).parameters.items()
        if hasattr(parameter.default, "validate") and hasattr(parameter.default, "example")
    }


def _as_test(function: Callable[..., Any], plan: Plan) -> Callable[..., None]:
    """Make a plain function whose parameters are the fixtures."""
    parameters = inspect.signature(function).parameters
    if "world" not in parameters:
        raise ConfigError(
            function.__qualname__, "has no parameter 'world'", "def test_...(world, ...): ..."
        )
    taken = {"world", "system", *plan.workload}

    @functools.wraps(function)
    def test(*args: Any, **kwargs: Any) -> None:
        Trial(plan, args, kwargs).run()

    del test.__wrapped__
    fixtures = [p for name, p in parameters.items() if name not in taken]
    test.__signature__ = inspect.Signature(fixtures)  # type: ignore[attr-defined]
    test.chaos = plan  # type: ignore[attr-defined]
    return test
