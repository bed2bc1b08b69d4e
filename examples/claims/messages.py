"""What the agents of the example say to each other."""

from __future__ import annotations

from decimal import Decimal

from harmonium.protocols.message import message

__all__ = [
    "AskLead",
    "Assess",
    "Assessment",
    "Claim",
    "Paid",
    "Pay",
    "Ruling",
    "Settle",
    "Settled",
    "Unsure",
]


@message
class Claim:
    """A claim as it came in.

    Args:
        id: Its number.
        holder: Who is insured.
        kind: What happened: water, fire, theft, glass, storm.
        covered: The kinds that the policy covers.
        amount: What the holder asks for.
        estimate: What the repair would cost, by the photographs.
        months: How old the policy is.
    """

    id: str
    holder: str
    kind: str
    covered: tuple[str, ...]
    amount: Decimal
    estimate: Decimal
    months: int


@message
class Settle:
    """Settle a claim; the answer is `Settled`."""

    claim: Claim


@message
class Assess:
    """Say whether to pay; the answer is an `Assessment`."""

    claim: Claim


@message
class Assessment:
    """What one assessor says.

    Args:
        pay: Whether to pay.
        most: How much at most.
        why: The reason.
    """

    pay: bool
    most: Decimal
    why: str


@message
class AskLead:
    """Decide between two assessments; the answer is a `Ruling`, or `Unsure`."""

    claim: Claim
    policy: Assessment
    damage: Assessment


@message
class Ruling:
    """The last word on a contradiction.

    Args:
        pay: Whether to pay.
        by: Who has decided: lead, person or rule.
    """

    pay: bool
    by: str


@message
class Unsure:
    """The lead assessor leaves it to a person."""


@message
class Pay:
    """Pay once for each claim, however often it is said."""

    claim: str
    amount: Decimal


@message
class Paid:
    """What was paid."""

    claim: str
    amount: Decimal


@message
class Settled:
    """How a claim ended.

    Args:
        claim: Its number.
        amount: What was paid; 0 when it was declined.
        decided_by: assessors, lead, person or rule.
        why: The reason.
    """

    claim: str
    amount: Decimal
    decided_by: str
    why: str
