"""asyncio.Queue by hand: what people write without a runtime."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from benchmarks.messages import CID, BareBall

__all__ = ["ask_latency", "asks", "asks_of_many", "ping_pong", "stream", "waiting"]


def ping_pong(n: int) -> float:
    """Messages a second between two tasks with a queue each."""

    async def player(own: asyncio.Queue[BareBall], other: asyncio.Queue[BareBall]) -> None:
        while True:
            ball = await own.get()
            await other.put(BareBall(ball.n - 1, ball.cid, ball.at))
            if ball.n <= 1:
                return

    async def main() -> float:
        one: asyncio.Queue[BareBall] = asyncio.Queue()
        other: asyncio.Queue[BareBall] = asyncio.Queue()
        began = time.perf_counter()
        tasks = [
            asyncio.ensure_future(player(one, other)),
            asyncio.ensure_future(player(other, one)),
        ]
        await one.put(BareBall(n, CID, 1.0))
        await asyncio.gather(*tasks)
        return n / (time.perf_counter() - began)

    return asyncio.run(main())


def stream(n: int) -> float:
    """Messages a second from one task to another through a bounded queue."""

    async def main() -> float:
        queue: asyncio.Queue[BareBall] = asyncio.Queue(10_000)

        async def consume() -> None:
            for _ in range(n):
                await queue.get()

        consumer = asyncio.ensure_future(consume())
        began = time.perf_counter()
        for i in range(n):
            await queue.put(BareBall(i, CID, 1.0))
        await consumer
        return n / (time.perf_counter() - began)

    return asyncio.run(main())


Requests = asyncio.Queue[tuple[BareBall, Any]]


async def _serve(queue: Requests, pause: float = 0.0) -> None:
    while True:
        ball, future = await queue.get()
        if pause:
            await asyncio.sleep(pause)
        future.set_result(BareBall(ball.n, ball.cid, ball.at))


async def _ask(queue: Requests, i: int) -> Any:
    future = asyncio.get_running_loop().create_future()
    await queue.put((BareBall(i, CID, 1.0), future))
    return await future


def asks(n: int) -> float:
    """Requests with an answer a second: a queue, and a future for each."""

    async def main() -> float:
        queue: Requests = asyncio.Queue()
        server = asyncio.ensure_future(_serve(queue))
        began = time.perf_counter()
        for i in range(n):
            await _ask(queue, i)
        took = time.perf_counter() - began
        server.cancel()
        return n / took

    return asyncio.run(main())


def ask_latency(n: int) -> float:
    """Microseconds of one request with an answer (median)."""

    async def main() -> float:
        queue: Requests = asyncio.Queue()
        server = asyncio.ensure_future(_serve(queue))
        taken = []
        for i in range(n):
            began = time.perf_counter()
            await _ask(queue, i)
            taken.append(time.perf_counter() - began)
        server.cancel()
        return sorted(taken)[n // 2] * 1e6

    return asyncio.run(main())


def asks_of_many(n: int, clients: int = 100) -> float:
    """Requests a second from many clients to one server."""

    async def main() -> float:
        queue: Requests = asyncio.Queue()
        server = asyncio.ensure_future(_serve(queue))

        async def client() -> None:
            for i in range(n // clients):
                await _ask(queue, i)

        began = time.perf_counter()
        await asyncio.gather(*(client() for _ in range(clients)))
        took = time.perf_counter() - began
        server.cancel()
        return n / took

    return asyncio.run(main())


def waiting(servers: int, requests: int, pause: float) -> float:
    """How many times the ideal it takes when every server awaits a pause for each request."""

    async def main() -> float:
        queues: list[Requests] = [asyncio.Queue() for _ in range(servers)]
        tasks = [asyncio.ensure_future(_serve(queue, pause)) for queue in queues]

        async def client(queue: Requests) -> None:
            for i in range(requests):
                await _ask(queue, i)

        began = time.perf_counter()
        await asyncio.gather(*map(client, queues))
        took = time.perf_counter() - began
        for task in tasks:
            task.cancel()
        return took / (requests * pause)

    return asyncio.run(main())
