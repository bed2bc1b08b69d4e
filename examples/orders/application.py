"""The example as the command line runs it: settings, feeding, results and checks."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs

from examples.orders.domain import Order, Outcome, add_up, money_text
from examples.orders.invariants import broken_rules
from examples.orders.messages import OrderOutcome, PlaceOrder
from examples.orders.reading import SAMPLE, OrderFile, read_orders
from examples.orders.system import Shop
from harmonium import HarmoniumError, SupervisorSpec
from harmonium.cli.application import Application, Job, Summary

__all__ = ["Settings", "application"]

PATIENCE = 30.0
"""Seconds until an order is asked for again; its id makes that safe."""


def _setting(default: int, least: int, help: str, *, may_change: bool = False) -> Any:
    return attrs.field(
        default=default,
        validator=attrs.validators.ge(least),
        metadata={"help": help, "may_change": may_change},
    )


@attrs.frozen
class Settings:
    """What ``--set`` changes."""

    stock: int = _setting(500, 0, "units of each StockCode at the start")
    safety: int = _setting(100, 0, "units of safety stock of each StockCode at the start")
    concurrency: int = _setting(
        32, 1, "orders that are worked on at a time; 1 is in sequence", may_change=True
    )


def _build(settings: Settings) -> SupervisorSpec:
    return Shop(stock=settings.stock, safety=settings.safety).tree()


async def _work(job: Job[Settings], file: OrderFile) -> Summary:
    """Place every order, write its outcome, and check that all adds up."""
    began = time.monotonic()
    for line in file.unreadable:
        job.complain(str(line))
    results = await _place_all(job, file.orders)
    for order, result in zip(file.orders, results, strict=True):
        job.write(_line(order, result))
    return await _summary(job, file, results, began)


async def _place_all(job: Job[Settings], orders: tuple[Order, ...]) -> list[OrderOutcome]:
    results: list[OrderOutcome | None] = [None] * len(orders)
    counts: Counter[str] = Counter()
    todo = iter(enumerate(orders))

    async def clerk() -> None:
        for place, order in todo:
            result = results[place] = await _place(job, order)
            counts[result.outcome.value] += 1
            job.on_progress(counts.total(), len(orders), counts)

    job.on_progress(0, len(orders), counts)
    async with asyncio.TaskGroup() as clerks:
        for _ in range(min(job.settings.concurrency, len(orders))):
            clerks.create_task(clerk())
    return [result for result in results if result is not None]


async def _place(job: Job[Settings], order: Order) -> OrderOutcome:
    """Ask until there is an outcome: the coordinator may crash, and the order id is the key.

    The order itself has no deadline: one that was under way when the process
    was killed goes on in the next one, however late that begins.
    """
    while True:
        try:
            async with asyncio.timeout(PATIENCE):
                outcome: OrderOutcome = await job.system.ask(
                    "orders",
                    PlaceOrder(order),
                    timeout=None,
                    correlation_id=f"order-{order.order_id}",
                    idempotency_key=order.order_id,
                )
        except (HarmoniumError, TimeoutError):
            if job.system.failure is not None:
                raise
            await asyncio.sleep(0)
        else:
            return outcome


def _line(order: Order, result: OrderOutcome) -> dict[str, Any]:
    return {
        "order": order.order_id,
        "outcome": result.outcome.value,
        "reason": None if result.reason is None else result.reason.value,
        "amount": money_text(result.amount),
        "safety_units": result.safety_units,
        "correlation_id": f"order-{order.order_id}",
    }


async def _summary(
    job: Job[Settings], file: OrderFile, results: list[OrderOutcome], began: float
) -> Summary:
    system = job.system
    await job.quiet()
    shop = Shop.of(system.tree)
    outcomes = Counter(result.outcome.value for result in results)
    account = system.account()
    data = {
        "orders": len(results),
        "outcomes": dict(sorted(outcomes.items())),
        "charged": money_text(_money(results, Outcome.FULFILLED)),
        "refunded": money_text(_money(results, Outcome.REFUNDED)),
        "units_reserved": shop.ledger().units_reserved,
        "safety_units": shop.ledger().safety_units,
        "unreadable_lines": len(file.unreadable),
        "restarts": system.restarts,
        "dead_letters": account.dead,
        "account": attrs.asdict(account),
        "seconds": round(time.monotonic() - began, 3),
    }
    fulfilled = outcomes[Outcome.FULFILLED.value]
    headline = f"{len(results)} orders: {fulfilled} fulfilled, {data['charged']} charged"
    broken = broken_rules(file.orders, results, shop)
    if not account.balanced:
        broken = (*broken, f"the account of messages does not add up: {account}")
    return Summary(data, headline, broken)


def _money(results: list[OrderOutcome], outcome: Outcome) -> Decimal:
    return add_up(result.amount for result in results if result.outcome is outcome)


def _read(path: Path) -> OrderFile:
    return read_orders(path)


application = Application(
    name="orders",
    about="Orders of a retailer: checked, voted on, reserved, charged, and undone.",
    settings=Settings,
    build=_build,
    read=_read,
    work=_work,
    sample=SAMPLE,
    demo="crash=0.04,kill=inventory:20,delay=0.06",
)
