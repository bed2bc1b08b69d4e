"""The example as the command line runs it: settings, the day, and what became of it."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

import attrs

from examples.support.book import Book
from examples.support.messages import Request, Solved
from examples.support.reading import SAMPLE, TOPICS, Day, Line, read_day
from examples.support.system import Desk
from harmonium import HarmoniumError, MailboxFull, SupervisorSpec
from harmonium.cli.application import Application, Job, Summary
from harmonium.supervisors.live import live_tree

__all__ = ["Settings", "application"]

ASK_TIMEOUT = 30.0
"""Seconds until a request counts as failed."""

SERVED, SHED, FAILED = "served", "shed", "failed"


def _positive(default: float, help: str) -> Any:
    return attrs.field(default=default, validator=attrs.validators.gt(0), metadata={"help": help})


@attrs.frozen
class Settings:
    """What ``--set`` changes."""

    pace: float = _positive(0.02, "seconds that a request takes")
    speed: float = _positive(1.0, "how fast the day passes; 2 is twice as fast")
    helpers: int = _positive(8, "most helpers of a topic")
    room: int = _positive(8, "requests that may wait for one helper; more are shed")


def _build(settings: Settings) -> SupervisorSpec:
    return Desk(pace=settings.pace, helpers=settings.helpers, room=settings.room).tree()


@attrs.define
class _Tally:
    """How the day goes, for the screen and the summary."""

    outcomes: Counter[str] = attrs.field(factory=Counter)
    largest: Counter[str] = attrs.field(factory=Counter)
    last: Mapping[str, int] = attrs.field(factory=dict)
    resizes: int = 0

    def look(self, sizes: Mapping[str, int]) -> None:
        """Take note of the sizes of the pools."""
        if self.last:
            self.resizes += sum(sizes[topic] != self.last.get(topic) for topic in sizes)
        self.last = sizes
        for topic, size in sizes.items():
            self.largest[topic] = max(self.largest[topic], size)


async def _work(job: Job[Settings], day: Day) -> Summary:
    """Let the day pass: each request comes at its time, whatever became of those before."""
    began = time.monotonic()
    for problem in day.problems:
        job.complain(problem)
    tally = _Tally()
    watch = asyncio.ensure_future(_watch(job, day, tally))
    try:
        results = await _serve(job, day, tally)
    finally:
        watch.cancel()
    for line, result in zip(day.lines, results, strict=True):
        job.write({"request": line.number, "customer": line.customer, "topic": line.topic} | result)
    return await _summary(job, day, tally, began)


async def _serve(job: Job[Settings], day: Day, tally: _Tally) -> list[dict[str, Any]]:
    loop = asyncio.get_running_loop()
    began, asked = loop.time(), []
    for line in day.lines:
        await asyncio.sleep(max(0.0, began + line.at / job.settings.speed - loop.time()))
        asked.append(asyncio.ensure_future(_ask(job, line, tally)))
    return list(await asyncio.gather(*asked))


async def _ask(job: Job[Settings], line: Line, tally: _Tally) -> dict[str, Any]:
    """Ask for help once; a full desk says so at once."""
    began = time.monotonic()
    helper, turn, outcome = None, None, FAILED
    try:
        solved: Solved = await job.system.ask(
            line.topic,
            Request(line.number, line.customer, line.text),
            timeout=ASK_TIMEOUT,
            correlation_id=f"request-{line.number}",
        )
        helper, turn, outcome = solved.helper, solved.turn, SERVED
    except MailboxFull:
        outcome = SHED
    except HarmoniumError:
        if job.system.failure is not None:
            raise
    tally.outcomes[outcome] += 1
    seconds = round(time.monotonic() - began, 3)
    return {"outcome": outcome, "helper": helper, "turn": turn, "seconds": seconds}


async def _watch(job: Job[Settings], day: Day, tally: _Tally) -> None:
    """Show outcomes and pool sizes as they change."""
    while True:
        sizes = _sizes(job)
        tally.look(sizes)
        shown = {**tally.outcomes, **{f"{topic} helpers": size for topic, size in sizes.items()}}
        job.on_progress(tally.outcomes.total(), len(day.lines), shown)
        await asyncio.sleep(0.02)


def _sizes(job: Job[Settings]) -> dict[str, int]:
    (desk,) = live_tree(job.system)
    return {one["id"]: one["pool"]["size"] for one in desk["children"]}


async def _summary(job: Job[Settings], day: Day, tally: _Tally, began: float) -> Summary:
    system = job.system
    await job.quiet()
    account, books = system.account(), Desk.books_of(system.tree)
    data = {
        "requests": len(day.lines),
        "outcomes": dict(sorted(tally.outcomes.items())),
        "customers": len({line.customer for line in day.lines}),
        "most_helpers": {topic: tally.largest[topic] for topic in TOPICS},
        "resizes": tally.resizes,
        "moved_conversations": sum(book.moves for book in books.values()),
        "unreadable_lines": len(day.problems),
        "crashes": system.ground.observers.crashes,
        "restarts": system.restarts,
        "dead_letters": account.dead,
        "account": attrs.asdict(account),
        "seconds": round(time.monotonic() - began, 3),
    }
    served, shed = tally.outcomes[SERVED], tally.outcomes[SHED]
    headline = (
        f"{len(day.lines)} requests: {served} served, {shed} shed; "
        f"up to {max(tally.largest.values(), default=0)} helpers"
    )
    broken = _broken(day, tally, books)
    if not account.balanced:
        broken = (*broken, f"the account of messages does not add up: {account}")
    return Summary(data, headline, broken)


def _broken(day: Day, tally: _Tally, books: Mapping[str, Book]) -> tuple[str, ...]:
    """Say what should hold and does not."""
    found = [clash for book in books.values() for clash in book.clashes]
    late = [customer for book in books.values() for customer in book.out_of_order()]
    found += [f"{customer} was not served in order" for customer in late]
    if tally.outcomes.total() != len(day.lines):
        found.append(f"{len(day.lines)} requests, {tally.outcomes.total()} outcomes")
    return tuple(found)


application = Application(
    name="support",
    about="A help desk: sticky sessions in pools that size themselves, and shed what is too much.",
    settings=Settings,
    build=_build,
    read=read_day,
    work=_work,
    sample=SAMPLE,
    demo="crash=0.02",
)
