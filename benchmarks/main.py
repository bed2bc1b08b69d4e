"""``run.py bench``: run the suites that were named, print tables, write JSON."""

from __future__ import annotations

import json
import sys
from importlib.util import find_spec
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
from rich.console import Console
from rich.table import Table

from benchmarks import core, growth, overload, pipeline, pool, schedules
from benchmarks.bugs.report import bugs_bench
from benchmarks.chart import chart
from benchmarks.figures import Result, Workload, machine, measure, number

__all__ = ["SUITES", "main"]

SUITES: dict[str, Callable[..., list[Workload]]] = {
    "core": core.workloads,
    "growth": growth.workloads,
    "overload": overload.workloads,
    "pipeline": pipeline.workloads,
    "pool": pool.workloads,
    "schedules": schedules.workloads,
}


def main(
    names: list[str],
    *,
    json_path: Path | None = None,
    svg_path: Path | None = None,
    quick: bool = False,
) -> int:
    """Run the named suites, or all but ``bugs``; gives the exit status."""
    unknown = [name for name in names if name not in (*SUITES, "bugs")]
    if unknown:
        known = ", ".join((*SUITES, "bugs"))
        sys.stderr.write(f"harmonium: there is no benchmark {unknown[0]!r}; known: {known}\n")
        return 2
    if "bugs" in names and find_spec("hypothesis") is None:  # one of the searches is its
        sys.stderr.write("harmonium: bench bugs needs hypothesis; pip install -e '.[bench]'\n")
        return 2
    console = Console()
    console.print(f"{machine()}; contenders in turn, medians; ratio to the first of its kind")
    results: list[Result] = []
    for name in [name for name in names if name != "bugs"] if names else list(SUITES):
        for workload in SUITES[name](quick=quick):
            results.extend(_run(console, workload, rounds=3 if quick else 5))
    bugs = bugs_bench(console, quick=quick) if "bugs" in names else []
    if json_path is not None:
        rows: dict[str, Any] = {"machine": machine()}
        rows |= {"results": [attrs.asdict(result) for result in results], "bugs": bugs}
        json_path.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    if svg_path is not None:
        note = f"{machine()}; medians; in brackets the ratio to the first bar"
        svg_path.write_text(chart(results, note), encoding="utf-8")
    return 0


def _run(console: Console, workload: Workload, rounds: int) -> list[Result]:
    with console.status(f"{workload.name} {workload.about}"):
        results = list(measure(workload, rounds))
    title = f"{workload.name} {workload.about}"
    table = Table(title=title, title_justify="left", box=None, padding=(0, 2))
    table.add_column("", width=20)
    table.add_column(workload.unit, justify="right", width=14)
    table.add_column("ratio", justify="right", width=8)
    for result in results:
        table.add_row(result.name, number(result.median), f"{result.ratio:.3f}")
    console.print(table)
    if workload.aims:
        console.print(f"    aim: {workload.aims}", style="dim")
    return results
