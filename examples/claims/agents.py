"""The agents of the example."""

from __future__ import annotations

from collections.abc import MutableMapping
from decimal import Decimal

from examples.claims import rules
from examples.claims.messages import AskLead, Assess, Assessment, Paid, Pay, Ruling, Unsure
from harmonium import Agent, handles

__all__ = ["Cashier", "DamageAssessor", "Lead", "PolicyAssessor"]


class PolicyAssessor(Agent):
    """Reads the contract."""

    @handles
    def assess(self, query: Assess) -> Assessment:
        """Say whether the policy covers it."""
        return rules.read_policy(query.claim)


class DamageAssessor(Agent):
    """Looks at the damage."""

    @handles
    def assess(self, query: Assess) -> Assessment:
        """Say whether the damage fits the demand."""
        return rules.look_at_damage(query.claim)


class Lead(Agent):
    """Decides where the assessors contradict one another, if it dares."""

    @handles
    def decide(self, case: AskLead) -> Ruling | Unsure:
        """Decide, or leave it to a person."""
        return rules.lead(case)


class Cashier(Agent):
    """Pays, once for each claim.

    Args:
        book: What was paid so far; it outlives a crash.
    """

    def __init__(self, book: MutableMapping[str, Decimal]) -> None:
        self._book = book

    @handles
    def pay(self, order: Pay) -> Paid:
        """Pay; said again, the first payment stands."""
        return Paid(order.claim, self._book.setdefault(order.claim, order.amount))
