"""autogen-core's single-threaded runtime, if it is installed."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass

from autogen_core import (
    AgentId,
    MessageContext,
    RoutedAgent,
    SingleThreadedAgentRuntime,
    TopicId,
    TypeSubscription,
    message_handler,
)

from benchmarks.messages import CID

__all__ = ["asks", "ping_pong"]


@dataclass(frozen=True)
class _Ball:
    n: int
    cid: str
    at: float


class _Player(RoutedAgent):
    def __init__(self, other: str, done: asyncio.Event) -> None:
        super().__init__("a player")
        self._other, self._done = other, done

    @message_handler
    async def ball(self, message: _Ball, ctx: MessageContext) -> None:
        """Hit it back: by a topic, because a send waits for its answer."""
        if message.n:
            ball = _Ball(message.n - 1, message.cid, message.at)
            await self.publish_message(ball, TopicId(self._other, "default"))
        else:
            self._done.set()


class _Server(RoutedAgent):
    def __init__(self) -> None:
        super().__init__("a server")

    @message_handler
    async def ball(self, message: _Ball, ctx: MessageContext) -> _Ball:
        """Answer with a new ball."""
        return _Ball(message.n, message.cid, message.at)


def ping_pong(n: int) -> float:
    """Messages a second between two agents."""

    async def main() -> float:
        runtime, done = _runtime(), asyncio.Event()
        for name, other in (("one", "other"), ("other", "one")):
            await _Player.register(runtime, name, lambda other=other: _Player(other, done))
            await runtime.add_subscription(TypeSubscription(name, name))
        runtime.start()
        began = time.perf_counter()
        await runtime.publish_message(_Ball(n, CID, 1.0), TopicId("one", "default"))
        await done.wait()
        took = time.perf_counter() - began
        await runtime.stop()
        return n / took

    return asyncio.run(main())


def asks(n: int) -> float:
    """Asks a second from one asyncio client."""

    async def main() -> float:
        runtime = _runtime()
        await _Server.register(runtime, "server", _Server)
        runtime.start()
        server = AgentId("server", "default")
        began = time.perf_counter()
        for i in range(n):
            await runtime.send_message(_Ball(i, CID, 1.0), server)
        took = time.perf_counter() - began
        await runtime.stop()
        return n / took

    return asyncio.run(main())


def _runtime() -> SingleThreadedAgentRuntime:
    logging.getLogger("autogen_core").setLevel(logging.CRITICAL)
    logging.getLogger("autogen_core.events").setLevel(logging.CRITICAL)
    return SingleThreadedAgentRuntime()
