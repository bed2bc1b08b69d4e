"""``run.py bench bugs``: one table at a hundred columns, and rows for a file."""

from __future__ import annotations

from typing import Any

import attrs
from rich.console import Console
from rich.table import Table

from benchmarks.bugs.catalogue import BUGS, CALIBRATION
from benchmarks.bugs.contest import FULL, QUICK, Row, Score, measure_bug

__all__ = ["bugs_bench", "summary", "table"]

WIDTH = 100
_COLUMNS = {
    "bug": 20,
    "found": 5,
    "med": 4,
    "p90": 4,
    "ms": 5,
    "atoms": 5,
    "at min": 6,
    "report": 6,
    "alarms": 6,
    "walk": 8,
    "pct": 8,
    "machine": 8,
}
"""Columns and their widths; what has no engine's name is the kit's."""


def bugs_bench(console: Console, *, quick: bool) -> list[dict[str, Any]]:
    """Run the benchmark, print its table, and give its rows.

    Args:
        console: Where to print.
        quick: Three hunts of 300 runs in place of twenty of 2,000.
    """
    effort = QUICK if quick else FULL
    console = Console(file=console.file, width=max(WIDTH, console.width))
    with console.status("bugs") as status:
        rows = [measure_bug(bug, effort, status.update) for bug in (*BUGS, *CALIBRATION)]
    bugs, calibration = rows[: len(BUGS)], rows[len(BUGS) :]
    about = f"{effort.seeds} hunts of at most {effort.schedules:,} schedules"
    console.print(table(f"bugs: {about}", bugs))
    console.print(table("calibration", calibration))
    console.print(summary(bugs))
    return [attrs.asdict(row) for row in rows]


def table(title: str, rows: list[Row]) -> Table:
    """Lay rows out; what has no name is the kit's."""
    shown = Table(title=title, title_justify="left", box=None, padding=(0, 1, 0, 0))
    for name, width in _COLUMNS.items():
        shown.add_column(
            name, width=width, no_wrap=True, justify="left" if name == "bug" else "right"
        )
    for row in rows:
        shown.add_row(*_cells(row))
    return shown


def _cells(row: Row) -> list[str]:
    kit = row.scores["kit"]
    atoms = f"{max(row.atoms, default=0)}/{row.minimum}"
    return [
        row.bug,
        f"{kit.found}/{kit.hunts}",
        f"{kit.schedules[0]:.0f}",
        f"{kit.schedules[1]:.0f}",
        f"{kit.seconds[0] * 1000:.0f}",
        atoms,
        f"{row.at_minimum}/{len(row.atoms)}",
        f"{row.report[0] * 1000:.0f}",
        str(row.alarms[0]),
        *(_short(row.scores[name]) for name in ("walk", "pct", "machine")),
    ]


def _short(score: Score) -> str:
    if not score.found:
        return f"0/{score.hunts}    -"
    return f"{score.found}/{score.hunts} {score.schedules[0]:4.0f}"


def summary(rows: list[Row]) -> str:
    """Say in one line each what must be true."""
    sure = sum(row.scores["kit"].found >= 0.95 * row.scores["kit"].hunts for row in rows)
    quick = sum(row.scores["kit"].schedules[0] <= 100 for row in rows)
    reduced = [atoms - row.minimum for row in rows for atoms in row.atoms]
    at_minimum = sum(extra <= 0 for extra in reduced) / max(1, len(reduced))
    edited = sum(row.edited for row in rows) / max(1, len(reduced))
    return (
        f"found on 19 of 20 seeds: {sure} of {len(rows)}; median within 100 schedules: {quick}\n"
        f"reduced to the minimum: {at_minimum:.0%}, worst {max(reduced, default=0):+d} atoms, "
        f"of something else: {sum(row.blind for row in rows)}\n"
        f"pins that still fail after an unrelated edit: {edited:.0%}\n"
        f"false alarms: {sum(row.alarms[0] for row in rows)} "
        f"in {sum(row.alarms[1] for row in rows):,} schedules of the fixed twins\n"
        "med, p90, ms: schedules and time to find; atoms: most after reduction / known minimum;\n"
        "report: ms from red to report; walk, pct, machine: found, median; times of the processor"
    )
