"""What a workload is, and how its rounds become a table."""

from __future__ import annotations

import gc
import math
import os
import platform
import statistics
from collections.abc import Callable, Iterator

import attrs

__all__ = ["Figure", "Result", "Workload", "machine", "measure", "number"]


@attrs.frozen
class Figure:
    """One contender of a workload.

    Args:
        name: Who runs it.
        run: Does the work once and gives the figure.
    """

    name: str
    run: Callable[[], float]


@attrs.frozen
class Workload:
    """One thing that is measured.

    Args:
        name: Short name, like ``W1``.
        about: What happens.
        unit: Of the figures.
        figures: The contenders; the first one is the base of the ratios.
        more_is_better: Whether a higher figure is better.
        aims: What our own figure should reach, as text for the table.

    Raises:
        ValueError: If two contenders have the same name.
    """

    name: str
    about: str
    unit: str
    figures: tuple[Figure, ...]
    more_is_better: bool = True
    aims: str = ""

    def __attrs_post_init__(self) -> None:
        names = [figure.name for figure in self.figures]
        if len(set(names)) < len(names):
            raise ValueError(f"{self.name}: two contenders have the same name: {names}")


@attrs.frozen
class Result:
    """The median of one contender, and its ratio to the base of its workload."""

    workload: str
    about: str
    name: str
    unit: str
    median: float
    ratio: float
    rounds: tuple[float, ...]
    more_is_better: bool = True


def measure(workload: Workload, rounds: int) -> Iterator[Result]:
    """Run the contenders in turn, `rounds` times, and give their medians.

    In turn, because the speed of a machine drifts: ratios of neighbours hold.
    """
    taken: dict[str, list[float]] = {figure.name: [] for figure in workload.figures}
    for _ in range(rounds):
        for figure in workload.figures:
            gc.collect()
            taken[figure.name].append(figure.run())
    base = taken[workload.figures[0].name]
    for figure in workload.figures:
        own = taken[figure.name]
        ratio = statistics.median(a / b if b else math.nan for a, b in zip(own, base, strict=True))
        yield Result(
            workload.name,
            workload.about,
            figure.name,
            workload.unit,
            statistics.median(own),
            ratio,
            tuple(own),
            workload.more_is_better,
        )


def number(figure: float) -> str:
    """Write a figure with as many digits as mean something."""
    return f"{figure:,.0f}" if figure >= 100 else f"{figure:.3g}"


def machine() -> str:
    """Say what the figures were measured on."""
    version = platform.python_version()
    return f"Python {version}, {os.cpu_count()} cores, {platform.machine()}, {platform.system()}"
