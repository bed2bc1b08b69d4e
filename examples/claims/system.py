"""The supervision tree of the example."""

from __future__ import annotations

from decimal import Decimal

from examples.claims.agents import Cashier, DamageAssessor, Lead, PolicyAssessor
from examples.claims.pipeline import settle_claim
from harmonium import Backoff, Budget, SpecError, SupervisorSpec, child, coordinator, supervisor
from harmonium.actors.birth import Birth
from harmonium.supervisors.inbox import inbox

__all__ = ["claims_office", "payments_of"]

HANDLER_LIMIT = 1.0
"""Seconds after which a handler that hangs is ended; its supervisor starts the agent again."""
OFTEN = 1_000_000
"""Chaos may crash every agent many times; this example never gives up on one."""


def claims_office(*, patience: float = 3600.0) -> SupervisorSpec:
    """Declare the tree.

    Args:
        patience: How long a person has for an answer, in seconds.
    """
    backoff = Backoff(0.001, 0.01, jitter=0.2, stable_for=1.0)
    book: dict[str, Decimal] = {}
    return supervisor(
        "office",
        max_restarts=OFTEN,
        within=10.0,
        subtree=Budget(OFTEN, 10.0),
        children=[
            child(PolicyAssessor, id="policy", handler_limit=HANDLER_LIMIT, backoff=backoff),
            child(DamageAssessor, id="damage", handler_limit=HANDLER_LIMIT, backoff=backoff),
            child(Lead, id="lead", handler_limit=HANDLER_LIMIT, backoff=backoff),
            child(Cashier, book, id="cashier", handler_limit=HANDLER_LIMIT, backoff=backoff),
            inbox("people", backoff=backoff),
            coordinator(settle_claim(patience=patience), id="claims", backoff=backoff),
        ],
    )


def payments_of(tree: SupervisorSpec) -> dict[str, Decimal]:
    """Give what was paid so far, by claim.

    Raises:
        SpecError: If the tree is no claims office.
    """
    cashier = tree.named("cashier")
    if cashier is None or not isinstance(cashier.start, Birth):
        raise SpecError(tree.name, "it is no claims office: the cashier is missing")
    book: dict[str, Decimal] = cashier.start.args[0]
    return book
