"""The person of the example, when it is a script."""

from __future__ import annotations

import asyncio
from decimal import Decimal

from harmonium import HarmoniumError, System
from harmonium.protocols.question import Question

__all__ = ["answer_all"]

MOST = Decimal(5000)
"""The script does not answer where more is asked for, so that the rule decides."""


async def answer_all(system: System) -> None:
    """Answer each question that comes, until cancelled, as a person at a desk would."""
    people = system.inbox("people")
    while True:
        try:
            for question in await people.list():
                await _answer(system, question)
        except HarmoniumError:  # the inbox crashed; its questions are still there
            await asyncio.sleep(0.005)
        await asyncio.sleep(0.005)


async def _answer(system: System, question: Question) -> None:
    people = system.inbox("people")
    if _asked(question) > MOST:
        await people.refuse(question.id, "too much for my desk", by="script")
    else:
        covered = "is covered" in question.text
        await people.answer(question.id, "pay" if covered else "decline", by="script")


def _asked(question: Question) -> Decimal:
    """Give the amount that the question speaks of: ``Ann asks 120 for water. ...``."""
    return Decimal(question.text.partition(" asks ")[2].partition(" for ")[0])
