"""asyncio.Queue by hand: what people write without a runtime."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from benchmarks.messages import CID, BareBall

__all__ = ["asks", "ping_pong", "stream"]


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


def asks(n: int) -> float:
    """Requests with an answer a second: a queue, and a future for each."""

    async def main() -> float:
        queue: asyncio.Queue[tuple[BareBall, Any]] = asyncio.Queue()
        loop = asyncio.get_running_loop()

        async def serve() -> None:
            while True:
                ball, future = await queue.get()
                future.set_result(BareBall(ball.n, ball.cid, ball.at))

        server = asyncio.ensure_future(serve())
        began = time.perf_counter()
        for i in range(n):
            future = loop.create_future()
            await queue.put((BareBall(i, CID, 1.0), future))
            await future
        took = time.perf_counter() - began
        server.cancel()
        return n / took

    return asyncio.run(main())
