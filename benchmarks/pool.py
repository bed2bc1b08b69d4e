"""``bench pool``: 1,000 requests to a pool of 8, and all their answers gathered (W3).

A request is a message to the pool, its answer a message to who asked: two
messages through mailboxes for each. The ask is the same with a promise and a
deadline for each request.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from loguru import logger

from benchmarks.figures import Figure, Workload
from benchmarks.messages import CID, Ball, BareBall, Serve
from harmonium import Agent, Ref, System, child, handles, supervisor
from harmonium.actors.tuning import tuned_collector
from harmonium.protocols.routing import (
    LEAST_LOADED,
    POWER_OF_TWO,
    ROUND_ROBIN,
    STICKY,
    ConsistentHash,
)
from harmonium.protocols.routing.members import Router
from harmonium.supervisors.pool import pool

__all__ = ["workloads"]

MEMBERS = 8
BURST = 1_000
"""Requests that are under way at a time."""


class _Worker(Agent):
    client: Ref

    @handles
    def ball(self, ball: Ball) -> None:
        self.tell(self.client, Ball(ball.n, ball.cid, ball.at))


class _Server(Agent):
    @handles
    def ball(self, ball: Ball) -> Ball:
        return Ball(ball.n, ball.cid, ball.at)


class _Client(Agent):
    """Sends a burst, gathers its answers, and begins again."""

    workers: Ref
    done: asyncio.Event

    def __init__(self) -> None:
        self.left = self.got = 0

    @handles
    def serve(self, serve: Serve) -> None:
        self.left = serve.n
        self._burst()

    def _burst(self) -> None:
        self.got = 0
        for n in range(BURST):
            self.tell(self.workers, Ball(n, CID, 1.0))

    @handles
    def ball(self, ball: Ball) -> None:
        self.got += 1
        if self.got == BURST:
            self.left -= BURST
            if self.left > 0:
                self._burst()
            else:
                self.done.set()


def _run(tree: Any, work: Callable[[System], Awaitable[float]]) -> float:
    async def main() -> float:
        async with System(tree) as system:
            with tuned_collector():
                return await work(system)

    logger.disable("harmonium")
    return asyncio.run(main())


def _requests(n: int, router: Router[Any] | None) -> float:
    """Requests a second; without a router to one agent in place of a pool."""

    async def work(system: System) -> float:
        client = system.ref("client")
        agent: Any = client._cell.agent
        agent.workers, agent.done = system.ref("workers"), asyncio.Event()
        cell = agent.workers._cell
        for worker in (cell,) if router is None else cell.children.values():
            worker.agent.client = client
        began = time.perf_counter()
        client.tell(Serve(n))
        await agent.done.wait()
        return n / (time.perf_counter() - began)

    return _run(
        supervisor("w3", children=[_workers(_Worker, router), child(_Client, id="client")]), work
    )


def _asks(n: int, router: Router[Any] | None) -> float:
    """Asks a second, `BURST` under way at a time."""

    async def work(system: System) -> float:
        workers = system.ref("workers")
        began = time.perf_counter()
        for _ in range(n // BURST):
            asked = [workers.ask(Ball(i, CID, 1.0)) for i in range(BURST)]
            for one in asked:
                await one
        return n / (time.perf_counter() - began)

    return _run(supervisor("w3", children=[_workers(_Server, router)]), work)


def _workers(agent: type[Agent], router: Router[Any] | None) -> Any:
    if router is None:
        return child(agent, id="workers")
    return pool(agent, id="workers", size=MEMBERS, router=router, key="n")


class _BareWorker:
    __slots__ = ("answers", "queue")

    def __init__(self, answers: deque[BareBall]) -> None:
        self.queue: deque[BareBall] = deque()
        self.answers = answers

    def ball(self, ball: BareBall) -> None:
        self.answers.append(BareBall(ball.n, ball.cid, ball.at))


def _bare(n: int) -> float:
    """The limit: eight deques in turn, a method for each message, answers on a deque."""
    answers: deque[BareBall] = deque()
    workers = [_BareWorker(answers) for _ in range(MEMBERS)]
    began = time.perf_counter()
    for _ in range(n // BURST):
        for i in range(BURST):
            workers[i % MEMBERS].queue.append(BareBall(i, CID, 1.0))
        for worker in workers:
            queue = worker.queue
            while queue:
                worker.ball(queue.popleft())
        got = 0
        while answers:
            answers.popleft()
            got += 1
    return n / (time.perf_counter() - began)


def _by_hand(n: int) -> float:
    """Eight tasks with an asyncio.Queue each, and one for the answers."""

    async def main() -> float:
        answers: asyncio.Queue[BareBall] = asyncio.Queue()
        queues: list[asyncio.Queue[BareBall]] = [asyncio.Queue() for _ in range(MEMBERS)]

        async def serve(queue: asyncio.Queue[BareBall]) -> None:
            while True:
                ball = await queue.get()
                answers.put_nowait(BareBall(ball.n, ball.cid, ball.at))

        tasks = [asyncio.ensure_future(serve(queue)) for queue in queues]
        began = time.perf_counter()
        for _ in range(n // BURST):
            for i in range(BURST):
                queues[i % MEMBERS].put_nowait(BareBall(i, CID, 1.0))
            for _ in range(BURST):
                await answers.get()
        took = time.perf_counter() - began
        for task in tasks:
            task.cancel()
        return n / took

    return asyncio.run(main())


def _tuned(function: Callable[[int], float], n: int) -> float:
    """Run it with the collector as a system that was launched has it.

    The bare loop is 1.1 to 1.5 times as fast then: 1,000 messages under way are enough for
    Python's own settings to have the collector look at them again and again.
    """
    with tuned_collector():
        return function(n)


def _of(function: Callable[..., float], *args: Any) -> Callable[[], float]:
    return lambda: function(*args)


def workloads(*, quick: bool = False) -> list[Workload]:
    """The workloads, smaller when quick."""
    n = 30_000 if quick else 200_000
    routers: dict[str, Router[Any]] = {
        "round robin": ROUND_ROBIN,
        "least loaded": LEAST_LOADED,
        "power of two": POWER_OF_TWO,
        "sticky": STICKY,
        "hash": ConsistentHash(load_bound=None),
    }
    return [
        Workload(
            "W3",
            "1,000 requests to a pool of 8, gathered",
            "requests/s",
            (
                Figure("bare loop", _of(_bare, n)),
                Figure("bare, our collector", _of(_tuned, _bare, n)),
                *(Figure(name, _of(_requests, n, one)) for name, one in routers.items()),
                Figure("one agent, no pool", _of(_requests, n, None)),
                Figure("asyncio.Queue", _of(_by_hand, n // 2)),
            ),
            aims="round robin and least loaded at least 0.6 of the loop",
        ),
        Workload(
            "W3",
            "the same by ask, with a promise and a deadline each",
            "requests/s",
            (
                Figure("bare loop", _of(_bare, n)),
                Figure("round robin", _of(_asks, n // 4, ROUND_ROBIN)),
                Figure("least loaded", _of(_asks, n // 4, LEAST_LOADED)),
                Figure("one agent, no pool", _of(_asks, n // 4, None)),
            ),
        ),
    ]
