"""The supervision tree of the example."""

from __future__ import annotations

from typing import Any

from examples.votes.agents import Tally, Worker
from examples.votes.box import BallotBox, RuleName
from harmonium import Backoff, Budget, SpecError, SupervisorSpec, System, child, supervisor
from harmonium.supervisors.operations import operate
from harmonium.supervisors.spec import dynamic_supervisor

__all__ = ["hire", "polling_station"]

HANDLER_LIMIT = 1.0
"""Seconds after which a worker that hangs is started again."""
TALLY_LIMIT = 10.0
"""The same for the tally, which waits for workers that are started again."""
OFTEN = 1_000_000
"""Chaos may crash every agent many times; this example never gives up on one."""


def polling_station(rule: RuleName, *, seed: int = 0) -> SupervisorSpec:
    """Declare the tree; the workers join when the input is known.

    Args:
        rule: How questions are decided.
        seed: Seeds the draw of a tie.
    """
    backoff = Backoff(0.001, 0.01, jitter=0.2, stable_for=1.0)
    patient: dict[str, Any] = {"backoff": backoff}
    worker = child(Worker, id="worker", handler_limit=HANDLER_LIMIT, **patient)
    return supervisor(
        "votes",
        max_restarts=OFTEN,
        within=10.0,
        subtree=Budget(OFTEN, 10.0),
        children=[
            child(Tally, BallotBox(rule, seed), id="tally", handler_limit=TALLY_LIMIT, **patient),
            dynamic_supervisor("workers", template=worker, max_restarts=OFTEN, within=10.0),
        ],
    )


async def hire(system: System, workers: dict[str, dict[str, str]]) -> dict[str, str]:
    """Start an agent for each worker, and give its address by the worker's name.

    Agents are numbered: a name from a file may not be fit for a path.

    Raises:
        SpecError: If one does not start.
    """
    staff = operate(system.ref("workers"))
    addresses = {}
    for number, (name, answers) in enumerate(workers.items(), start=1):
        reply = await staff.start_child(id=f"worker-{number}", args=(name, answers))
        if not reply.ok:
            raise SpecError(f"worker {name}", f"it does not start: {reply.cause}")
        addresses[name] = f"/votes/workers/worker-{number}"
    return addresses
