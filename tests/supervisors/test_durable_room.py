"""What durable coordinators cost on the disk: room for live work, not for what is over."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing

from harmonium.actors.agent import Agent
from harmonium.actors.handlers import handles
from harmonium.protocols.message import message
from harmonium.protocols.pipeline.spec import Pipeline, Step
from harmonium.supervisors.coordinator import coordinator
from harmonium.supervisors.durable_layout import Keep
from harmonium.supervisors.spec import child, supervisor
from harmonium.supervisors.system import System


@message
class Small:
    n: int


class Echo(Agent):
    """Says the same."""

    @handles
    def echo(self, small: Small) -> Small:
        return small


def pages_in_use(place) -> int:
    with closing(sqlite3.connect(place)) as connection:
        [count] = connection.execute("PRAGMA page_count").fetchone()
        [free] = connection.execute("PRAGMA freelist_count").fetchone()
    return count - free


def rows(place) -> dict[str, int]:
    with closing(sqlite3.connect(place)) as connection:
        names = ("streams", "events", "items", "records")
        ask = "SELECT count(*) FROM harmonium_{}"
        return {name: connection.execute(ask.format(name)).fetchone()[0] for name in names}


def test_ten_thousand_requests_leave_what_is_kept(tmp_path):
    """Pages in use after 2,000 requests and after 10,000 are the same, and no stream is left."""
    place = tmp_path / "s.db"
    keep = Keep(results=100, decisions=500)
    pipeline = Pipeline(Small, [Step("one", to="echo")], result=lambda c: c["one"], name="small")
    tree = supervisor("t", children=[coordinator(pipeline, keep=keep), child(Echo, id="echo")])
    pages = []

    async def main():
        async with System(tree, store=place) as system:
            for begin in range(0, 10_000, 500):
                asks = [
                    system.ask("small", Small(n), idempotency_key=f"k{n}", timeout=60.0)
                    for n in range(begin, begin + 500)
                ]
                await asyncio.gather(*asks)
                pages.append(pages_in_use(place))

    asyncio.run(main())
    assert max(pages[4:]) <= 1.3 * max(pages[:4])
    left = rows(place)
    assert (left["streams"], left["events"]) == (0, 0)
    assert left["items"] <= 100 + 2  # the results, the ends of the log, the classes
    assert left["records"] <= 3 * 500
    print(f"\n{pages[3]} pages in use after 2,000 requests, {pages[-1]} after 10,000; {left}")
