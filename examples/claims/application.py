"""The example as the command line runs it: settings, claims, results and checks."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import attrs

from examples.claims.messages import Claim, Settle, Settled
from examples.claims.person import answer_all
from examples.claims.reading import SAMPLE, ClaimFile, read_claims
from examples.claims.system import claims_office, payments_of
from harmonium import HarmoniumError, SupervisorSpec
from harmonium.cli.application import Application, Job, Summary

__all__ = ["Settings", "application"]


_PATIENCE = {"wait": 3600.0, "script": 10.0, "nobody": 0.5}


@attrs.frozen
class Settings:
    """What ``--set`` changes."""

    person: str = attrs.field(
        default="script",
        validator=attrs.validators.in_(list(_PATIENCE)),
        metadata={"help": "who answers: script, wait (you, with run.py inbox) or nobody"},
    )
    patience: float = attrs.field(
        default=0.0,
        validator=attrs.validators.ge(0.0),
        metadata={"help": "seconds to answer; 0: an hour, a script 10, nobody 0.5"},
    )

    @property
    def limit(self) -> float:
        """How long a person has, in seconds."""
        return self.patience or _PATIENCE[self.person]


def _build(settings: Settings) -> SupervisorSpec:
    return claims_office(patience=settings.limit)


async def _work(job: Job[Settings], file: ClaimFile) -> Summary:
    """Settle every claim at once, write the outcomes, and check that all adds up."""
    began = time.monotonic()
    for problem in file.problems:
        job.complain(problem)
    results: dict[str, Settled] = {}
    async with _person(job), asyncio.TaskGroup() as claims:
        job.on_progress(0, len(file.claims), {})
        for claim in file.claims:
            claims.create_task(_settle(job, claim, results, len(file.claims)))
    for claim in file.claims:
        job.write(_line(results[claim.id]))
    return await _summary(job, file, list(results.values()), began)


@contextlib.asynccontextmanager
async def _person(job: Job[Settings]) -> AsyncIterator[None]:
    if job.settings.person != "script":
        yield
        return
    task = asyncio.create_task(answer_all(job.system))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _settle(job: Job[Settings], claim: Claim, results: dict[str, Settled], of: int) -> None:
    """Ask until there is an outcome: the coordinator may crash, and the claim is the key."""
    while claim.id not in results:
        try:
            results[claim.id] = await job.system.ask(
                "claims",
                Settle(claim),
                timeout=job.settings.limit + 30.0,
                correlation_id=f"claim-{claim.id}",
                idempotency_key=claim.id,
            )
        except HarmoniumError:
            if job.system.failure is not None:
                raise
            await asyncio.sleep(0.001)
    job.on_progress(len(results), of, Counter(one.decided_by for one in results.values()))


def _line(settled: Settled) -> dict[str, Any]:
    return {
        "claim": settled.claim,
        "outcome": "paid" if settled.amount else "declined",
        "amount": str(settled.amount),
        "decided_by": settled.decided_by,
        "why": settled.why,
        "correlation_id": f"claim-{settled.claim}",
    }


async def _summary(
    job: Job[Settings], file: ClaimFile, results: list[Settled], began: float
) -> Summary:
    await job.quiet()
    account = job.system.account()
    paid = sum((one.amount for one in results), Decimal(0))
    decided_by = Counter(one.decided_by for one in results)
    data = {
        "claims": len(results),
        "outcomes": dict(sorted(Counter(_line(one)["outcome"] for one in results).items())),
        "decided_by": dict(sorted(decided_by.items())),
        "contradictions": len(results) - decided_by["assessors"],
        "paid": str(paid),
        "unreadable_lines": len(file.problems),
        "restarts": job.system.restarts,
        "dead_letters": account.dead,
        "account": attrs.asdict(account),
        "seconds": round(time.monotonic() - began, 3),
    }
    headline = f"{len(results)} claims settled, {data['contradictions']} after a contradiction"
    return Summary(data, headline, tuple(_broken(job, file, results)))


def _broken(job: Job[Settings], file: ClaimFile, results: list[Settled]) -> list[str]:
    """Hold the outcomes against the claims and the cashier's book."""
    broken = []
    if sorted(one.claim for one in results) != sorted(one.id for one in file.claims):
        broken.append("a claim has no outcome, or more than one")
    paid = {one.claim: one.amount for one in results if one.amount}
    book = {claim: amount for claim, amount in payments_of(job.system.tree).items() if amount}
    if paid != book:
        broken.append("the cashier's book is not what the outcomes say")
    if not job.system.account().balanced:
        broken.append(f"the account of messages does not add up: {job.system.account()}")
    return broken


application = Application(
    name="claims",
    about="Insurance claims: assessors contradict one another; a lead, a person or a rule decides.",
    settings=Settings,
    build=_build,
    read=read_claims,
    work=_work,
    sample=SAMPLE,
    demo="crash=0.02",
)
