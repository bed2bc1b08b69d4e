"""``bench pipeline``: what a coordinator costs for each step, without and with a store.

1,000 requests of 5 steps, one after the other, are in flight at once. The
figure is everything, divided by 5,000: the ask of each step and its answer,
the request itself, the decision log, and with a store the events on disk
before their effects. "by hand" is an agent that asks the same five agents with
`await` and nothing else: what is above it is the coordinator's own.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.figures import Figure, Workload
from harmonium import Agent, Pipeline, Step, System, child, coordinator, handles, message
from harmonium.supervisors.spec import SupervisorSpec, supervisor

__all__ = ["workloads"]

STEPS = 5
WARM = 50
"""Requests before the clock runs: classes are met, tables made, files opened."""


@message
class Work:
    n: int


@message
class Done:
    n: int


class Worker(Agent):
    """Answers at once."""

    @handles
    def work(self, work: Work) -> Done:
        return Done(work.n)


class ByHand(Agent):
    """Asks the workers one after the other."""

    @handles(reentrant=True)
    async def work(self, work: Work) -> Done:
        for number in range(STEPS):
            await self.ask(f"worker-{number}", work, timeout=60.0)
        return Done(work.n)


def _steps() -> list[Step[Any]]:
    return [Step(f"s{n}", to=f"worker-{n}", after=[f"s{n - 1}"] if n else []) for n in range(STEPS)]


def _tree() -> SupervisorSpec:
    pipeline = Pipeline(
        Work, _steps(), result=lambda c: Done(c.request.n), name="work", timeout=60.0
    )
    workers = [child(Worker, id=f"worker-{n}") for n in range(STEPS)]
    return supervisor(
        "bench",
        children=[*workers, child(ByHand, id="by-hand"), coordinator(pipeline, id="pipeline")],
    )


async def _measure(who: str, requests: int, store: Path | None) -> float:
    async with System(_tree(), store=store) as system:
        await asyncio.gather(*(system.ask(who, Work(n), timeout=60.0) for n in range(WARM)))
        began = time.perf_counter()
        asks = [system.ask(who, Work(n), timeout=60.0) for n in range(requests)]
        await asyncio.gather(*asks)
        return (time.perf_counter() - began) / (requests * STEPS) * 1e6


def _run(who: str, requests: int, *, stored: bool = False) -> float:
    if not stored:
        return asyncio.run(_measure(who, requests, None))
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_measure(who, requests, Path(folder) / "bench.db"))


def workloads(*, quick: bool = False) -> list[Workload]:
    """The workloads, smaller when quick."""
    requests = 200 if quick else 1000
    return [
        Workload(
            "P1",
            f"{requests} requests of {STEPS} steps in flight, all that a step takes",
            "us/step",
            (
                Figure("by hand", lambda: _run("by-hand", requests)),
                Figure("pipeline", lambda: _run("pipeline", requests)),
                Figure("pipeline, SQLite", lambda: _run("pipeline", requests, stored=True)),
            ),
            more_is_better=False,
            aims="below 60 us a step without a store, below 250 us with SQLite",
        )
    ]
