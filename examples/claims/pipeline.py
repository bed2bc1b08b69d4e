"""How a claim is settled: two opinions, what follows when they contradict, and the payment."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from examples.claims import rules
from examples.claims.messages import AskLead, Assess, Assessment, Paid, Pay, Ruling, Settle, Settled
from harmonium import HarmoniumError, Pipeline, Retry, Step
from harmonium.protocols.fallback import Escalate
from harmonium.protocols.ladder import AgentRung, Ladder, PersonRung, RuleRung
from harmonium.protocols.pipeline.spec import Conflict

__all__ = ["settle_claim"]

# A crash or a timeout: the same request again; the cashier knows a claim by its number.
PERSIST = Retry(50, 0.01, on=HarmoniumError)


def _question(c: Any) -> str:
    claim = c.request.claim
    return (
        f"{claim.holder} asks {claim.amount} for {claim.kind}. "
        f"Policy: {c['policy'].why}. Damage: {c['damage'].why}. Pay?"
    )


def _case(c: Any) -> AskLead:
    return AskLead(c.request.claim, c["policy"], c["damage"])


def _is_paid(c: Any) -> bool:
    return c["policy"].pay if c["ruling"] is None else c["ruling"].pay  # type: ignore[no-any-return]


def _amount(c: Any) -> Pay:
    return Pay(c.request.claim.id, rules.repair(c["policy"], c["damage"]))


def _settled(c: Any) -> Settled:
    ruling = c["ruling"]
    by = "assessors" if ruling is None else ruling.by
    amount = Decimal(0) if c["pay"] is None else c["pay"].amount
    reasons = dict.fromkeys((c["policy"].why, c["damage"].why))
    return Settled(c.request.claim.id, amount, by, "; ".join(reasons))


def settle_claim(*, patience: float) -> Pipeline[Settle, Settled]:
    """Declare the pipeline.

    Args:
        patience: How long a person has for an answer, in seconds.
    """
    ladder = Ladder(
        AgentRung("lead", send=_case, expect=(Ruling,), timeout=2.0),
        PersonRung(
            "people",
            _question,
            options=("pay", "decline"),
            timeout=patience,
            read=lambda said: Ruling(pay=said == "pay", by="person"),
        ),
        RuleRung(Ruling(pay=False, by="rule"), name="when in doubt, decline"),
    )
    return Pipeline(
        Settle,
        [
            Step(
                "policy",
                to="policy",
                send=lambda c: Assess(c.request.claim),
                expect=Assessment,
                fallback=[PERSIST],
            ),
            Step(
                "damage",
                to="damage",
                send=lambda c: Assess(c.request.claim),
                expect=Assessment,
                fallback=[PERSIST],
            ),
            Step(
                "pay",
                to="cashier",
                after=["policy", "damage"],
                when=_is_paid,
                send=_amount,
                expect=Paid,
                fallback=[PERSIST],
            ),
        ],
        conflicts=[
            Conflict(
                "ruling",
                ["policy", "damage"],
                when=lambda c: rules.contradict(c["policy"], c["damage"]),
                resolve=[Escalate(ladder)],
            )
        ],
        result=_settled,
        name="claims",
        timeout=2.0,
    )
