"""The report of a chaos test that failed: what a reader needs to see, and to paste."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs

from harmonium.testing.corpus import Case
from harmonium.testing.diagrams import html_page, mermaid
from harmonium.testing.faults import Fault
from harmonium.testing.neighbours import nearest_passing
from harmonium.testing.options import Options
from harmonium.testing.schedule import Outcome, Scene
from harmonium.testing.story import story, told
from harmonium.testing.violation import PropertyViolated

__all__ = ["Failure", "write_report"]


@attrs.frozen
class Failure:
    """A chaos test that failed.

    Args:
        outcome: The run.
        faults: What made it fail.
        workload: The values of the test's arguments.
        schedules: After how many runs it was found.
        examples: In which example of the workload.
        seconds: After how much real time.
        before: How many faults there were before the reduction.
    """

    outcome: Outcome
    faults: tuple[Fault, ...]
    workload: dict[str, Any]
    schedules: int
    examples: int
    seconds: float
    before: int


def write_report(scene: Scene, failure: Failure, case: Case, options: Options) -> str:
    """Write the report, and beside it the diagrams if there is a folder for them."""
    lines = [
        _headline(failure.outcome.violation),
        _how_found(failure),
        *(f"  {name} = {value!r}" for name, value in failure.workload.items()),
        f"  faults = [{', '.join(map(repr, failure.faults))}]",
        *story(failure.outcome.world.trace, _moment(failure)),
        f"{failure.outcome.seconds:10.3f}  <- violated here",
    ]
    near = nearest_passing(scene, failure.faults)
    if near:
        lines.append(f"  {near}")
    elif not failure.faults:
        lines.append("  it fails without any fault")
    lines.append(f"  pin:    {_pin(failure)}")
    if options.folder is not None:
        lines.append(f"  replay: pytest '{options.node}' --chaos-replay {case.id}")
        lines.append(f"  diagram: {_draw(failure, case, options.folder)} (also .mmd)")
    return "\n".join(lines)


def _headline(violation: BaseException | None) -> str:
    if isinstance(violation, PropertyViolated):
        return f"{violation.name!r} is violated" + (f": {violation.why}" if violation.why else "")
    return f"{type(violation).__name__}: {violation}"


def _moment(failure: Failure) -> float | None:
    """When a property was violated; None where that is not known."""
    violation = failure.outcome.violation
    return violation.at if isinstance(violation, PropertyViolated) else None


def _how_found(failure: Failure) -> str:
    example = f"example {failure.examples}, " if failure.examples else ""
    count = len(failure.faults)
    return (
        f"  found in {example}schedule {failure.schedules} ({failure.seconds * 1000:.0f} ms); "
        f"reduced from {failure.before} to {count} fault{'' if count == 1 else 's'}"
    )


def _pin(failure: Failure) -> str:
    given = [repr(fault) for fault in failure.faults]
    given += [f"{name}={value!r}" for name, value in failure.workload.items()]
    return f"@pinned({', '.join(given)})"


def _draw(failure: Failure, case: Case, folder: Path) -> Path:
    entries = told(failure.outcome.world.trace, _moment(failure))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{case.id}.mmd").write_text(mermaid(entries))
    page = folder / f"{case.id}.html"
    page.write_text(html_page(_headline(failure.outcome.violation), entries))
    return page
