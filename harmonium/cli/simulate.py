"""`simulate`: a system in virtual time, under faults, one run for each seed."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from harmonium.cli.finding import find_application
from harmonium.cli.running import DONE, FAILED, read_input
from harmonium.cli.settings import read_settings

__all__ = ["simulate"]

USUAL = "crash,kill,delay,duplicate"


def simulate(
    system: Annotated[str, Parameter(help="As for run.")],
    *,
    faults: Annotated[
        str,
        Parameter(
            help="Kinds, each for all agents or for a pattern (crash,kill=inventory), 'none', "
            "or faults as a report prints them (Crash('payments', on=3))."
        ),
    ] = USUAL,
    duration: Annotated[
        float, Parameter(name="--for", help="Virtual seconds in which faults happen.")
    ] = 3600.0,
    seed: Annotated[int, Parameter(help="The first run's seed.")] = 0,
    seeds: Annotated[int, Parameter(help="How many runs, each with the next seed.")] = 1,
    input: Annotated[Path | None, Parameter(help="The input file.")] = None,
    set: Annotated[
        tuple[str, ...], Parameter(help="A setting, name=value; may be repeated.", negative="")
    ] = (),
    json: Annotated[bool, Parameter(help="The summary as JSON on stdout.", negative="")] = False,
) -> int:
    """Run a system in virtual time under faults, and check that all holds.

    The job of an application is done under faults, and what it reports as
    broken fails the run; a bare tree runs for the given time. Every message
    must have its fate, and the tree must not give up. A run that fails is told
    with the few faults that matter. Exit status: 0 all runs passed, 1 one failed,
    2 bad usage or bad input.
    """
    # It needs all of harmonium.testing, and the other commands nothing of it.
    from harmonium.cli.simulated_runs import Runs, read_spec  # noqa: PLC0415 - as said above

    application = find_application(system)
    settings = read_settings(application.settings, set)
    data = read_input(application, input)
    spec, fixed = read_spec(faults)
    runs = Runs(application, settings, data, spec, fixed, duration)
    began = time.perf_counter()
    failed = runs.all(range(seed, seed + max(1, seeds)))
    runs.tell(time.perf_counter() - began, as_json=json)
    return FAILED if failed else DONE
