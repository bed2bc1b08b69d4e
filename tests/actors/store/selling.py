"""A program that sells for ever and prints what was acknowledged; it is killed by the tests.

A line `seller N` says that the seller has answered N; `ledger N` that the ledger has heard of N.
"""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Any

from loguru import logger

from harmonium import Agent, System, child, handles, message, supervisor
from harmonium.actors.event_sourced import EventSourced


@message(name="selling.Sold")  # not main.Sold, when it is the program
class Sold:
    """The n-th thing was sold."""

    n: int


@message
class Sell:
    """Sell one more."""


class Seller(EventSourced):
    """Counts what it sells, and tells the world."""

    events = (Sold,)
    snapshot_class = Sold
    snapshot_every = 3
    publishes = (Sold,)

    def __init__(self) -> None:
        self.count = 0

    def apply(self, event: Sold) -> None:
        assert event.n == self.count + 1
        self.count = event.n

    def snapshot(self) -> Sold:
        return Sold(self.count)

    def restore(self, state: Sold) -> None:
        self.count = state.n

    @handles
    async def sell(self, order: Sell) -> Sold:
        sold = Sold(self.count + 1)
        await self.publish(sold, topic="sales", durable=True)
        await self.persist(sold)
        return sold


class Ledger(Agent):
    """Prints what it hears of."""

    def started(self) -> None:
        self.subscribe("sales", durable="ledger")

    @handles
    def sold(self, event: Sold) -> None:
        say("ledger", event.n)


def say(who: str, n: int) -> None:
    """Print a line at once: it is not buffered."""
    os.write(1, f"{who} {n}\n".encode())


def tree() -> Any:
    """The shop."""
    return supervisor("shop", children=[child(Seller, id="seller"), child(Ledger, id="ledger")])


async def sell_for_ever(url: str) -> None:
    """Sell until somebody kills the process."""
    async with System(tree(), store=url) as system:
        while True:
            say("seller", (await system.ask("seller", Sell())).n)


if __name__ == "__main__":
    logger.remove()
    asyncio.run(sell_for_ever(sys.argv[1]))
