"""What the assessors go by: pure functions of a claim."""

from __future__ import annotations

from decimal import Decimal

from examples.claims.messages import AskLead, Assessment, Claim, Ruling, Unsure

__all__ = ["contradict", "lead", "look_at_damage", "read_policy", "repair"]

SMALL = Decimal(200)
"""Up to here the lead assessor does not argue."""
LARGE = Decimal(2000)
"""From here on the lead assessor does not decide alone."""
EXCESS = Decimal("1.5")
"""Who asks for more than this many times the estimate is not believed."""


def read_policy(claim: Claim) -> Assessment:
    """Assess by the contract: the kind must be covered, and the policy not brand-new."""
    if claim.kind not in claim.covered:
        return Assessment(pay=False, most=Decimal(0), why=f"{claim.kind} is not covered")
    if claim.months < 3:
        return Assessment(pay=False, most=Decimal(0), why=f"{claim.months} months is too new")
    return Assessment(pay=True, most=claim.amount, why=f"{claim.kind} is covered")


def look_at_damage(claim: Claim) -> Assessment:
    """Assess by the damage: there must be one, and the demand must fit it."""
    if not claim.estimate:
        return Assessment(pay=False, most=Decimal(0), why="no damage can be seen")
    if claim.amount > claim.estimate * EXCESS:
        why = f"{claim.amount} is asked for a damage of {claim.estimate}"
        return Assessment(pay=False, most=claim.estimate, why=why)
    return Assessment(pay=True, most=claim.estimate, why="the damage fits")


def contradict(policy: Assessment, damage: Assessment) -> bool:
    """Whether one would pay and the other would not."""
    return policy.pay != damage.pay


def lead(case: AskLead) -> Ruling | Unsure:
    """Decide small cases, leave large ones to a person."""
    if case.claim.amount <= SMALL:
        return Ruling(pay=True, by="lead")
    if case.claim.amount < LARGE:
        return Ruling(pay=case.policy.pay, by="lead")
    return Unsure()


def repair(policy: Assessment, damage: Assessment) -> Decimal:
    """What is paid: no more than either would pay, where both say an amount."""
    amounts = [one.most for one in (policy, damage) if one.most]
    return min(amounts, default=Decimal(0))
