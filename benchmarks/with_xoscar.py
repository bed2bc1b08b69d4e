"""xoscar's actors in one process, if it is installed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import xoscar
from xoscar.utils import get_next_port

from benchmarks.messages import CID, BareBall

__all__ = ["asks", "ping_pong", "stream"]


class _Player(xoscar.Actor):  # type: ignore[misc]
    def __init__(self, done: asyncio.Event) -> None:
        self._done = done
        self._other: Any = None

    def meet(self, other: Any) -> None:
        self._other = other

    async def ball(self, ball: BareBall) -> None:
        """Hit it back: without waiting, as a message does."""
        if ball.n:
            await self._other.ball.tell(BareBall(ball.n - 1, ball.cid, ball.at))
        else:
            self._done.set()


class _Sink(xoscar.Actor):  # type: ignore[misc]
    def __init__(self, expected: int, done: asyncio.Event) -> None:
        self._expected, self._done, self._count = expected, done, 0

    def ball(self, ball: BareBall) -> None:
        self._count += 1
        if self._count == self._expected:
            self._done.set()


class _Server(xoscar.Actor):  # type: ignore[misc]
    def ball(self, ball: BareBall) -> BareBall:
        return BareBall(ball.n, ball.cid, ball.at)


def ping_pong(n: int) -> float:
    """Messages a second between two actors."""

    async def work(address: str) -> float:
        done = asyncio.Event()
        one = await _create(address, "one", _Player, done)
        other = await _create(address, "other", _Player, done)
        await one.meet(other)
        await other.meet(one)
        began = time.perf_counter()
        await one.ball.tell(BareBall(n, CID, 1.0))
        await done.wait()
        return n / (time.perf_counter() - began)

    return _run(work)


def stream(n: int) -> float:
    """Messages a second from a client to an actor."""

    async def work(address: str) -> float:
        done = asyncio.Event()
        sink = await _create(address, "sink", _Sink, n, done)
        began = time.perf_counter()
        for i in range(n):
            await sink.ball.tell(BareBall(i, CID, 1.0))
        await done.wait()
        return n / (time.perf_counter() - began)

    return _run(work)


def asks(n: int) -> float:
    """Asks a second from one asyncio client."""

    async def work(address: str) -> float:
        server = await _create(address, "server", _Server)
        began = time.perf_counter()
        for i in range(n):
            await server.ball(BareBall(i, CID, 1.0))
        return n / (time.perf_counter() - began)

    return _run(work)


async def _create(address: str, uid: str, actor: type, *args: Any) -> Any:
    """Make an actor; give the ref that calls it in this process, not through a socket."""
    await xoscar.create_actor(actor, *args, address=address, uid=uid)
    return await xoscar.actor_ref(address, uid)


def _run(work: Callable[[str], Awaitable[float]]) -> float:
    async def main() -> float:
        address = f"127.0.0.1:{get_next_port()}"
        async with await xoscar.create_actor_pool(address, n_process=0):
            return await work(address)

    return asyncio.run(main())
