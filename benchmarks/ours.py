"""The workloads on our own runtime, with every guarantee on."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from loguru import logger

from benchmarks.messages import CID, Ball, Fail, Serve
from harmonium import Agent, Ref, System, child, handles, supervisor
from harmonium.actors.tracing import Tracer
from harmonium.actors.tuning import tuned_collector

__all__ = [
    "agent_of",
    "ask_latency",
    "asks",
    "asks_from_thread",
    "asks_of_many",
    "bytes_per_agent",
    "bytes_per_agent_alone",
    "crashes",
    "ping_pong",
    "run_system",
    "spawns",
    "stream",
    "tree_up",
    "waiting",
]


class Side(Agent):
    """One side of a ping-pong."""

    other: Ref
    done: asyncio.Event


class Player(Side):
    """Hits the ball back."""

    @handles
    def ball(self, ball: Ball) -> None:
        """Hit it back until it has been to and fro often enough."""
        if ball.n:
            self.tell(self.other, Ball(ball.n - 1, ball.cid, ball.at))
        else:
            self.done.set()


class AsyncPlayer(Side):
    """The same with an async handler."""

    @handles
    async def ball(self, ball: Ball) -> None:
        """Hit it back."""
        if ball.n:
            self.tell(self.other, Ball(ball.n - 1, ball.cid, ball.at))
        else:
            self.done.set()


class Source(Agent):
    """Sends a stream in bursts, and waits for room."""

    other: Ref

    @handles
    async def serve(self, serve: Serve) -> None:
        """Send `n` balls."""
        for i in range(serve.n):
            await self.tell(self.other, Ball(i, CID, 1.0))


class Sink(Agent):
    """Counts what comes."""

    expected = 0
    done: asyncio.Event

    def __init__(self) -> None:
        self.count = 0

    @handles
    def ball(self, ball: Ball) -> None:
        """Count one more."""
        self.count += 1
        if self.count == self.expected:
            self.done.set()


class Server(Agent):
    """Answers, or crashes."""

    @handles
    def ball(self, ball: Ball) -> Ball:
        """Answer with a new ball."""
        return Ball(ball.n, ball.cid, ball.at)

    @handles
    def fail(self, fail: Fail) -> None:
        """Crash."""
        raise ValueError(fail)


class Waiter(Agent):
    """Answers after a pause."""

    def __init__(self, pause: float) -> None:
        self.pause = pause

    @handles
    async def ball(self, ball: Ball) -> Ball:
        """Wait, as for a network, and answer."""
        await self.sleep(self.pause)
        return ball


class Idle(Agent):
    """Does nothing."""


def run_system(
    tree: Any, work: Callable[[System], Awaitable[float]], *, quiet: bool = True
) -> float:
    """Run a tree on an event loop of its own, with the collector as the command line sets it."""

    async def main() -> float:
        async with System(tree) as system:
            with tuned_collector():
                return await work(system)

    (logger.disable if quiet else logger.enable)("harmonium")
    return asyncio.run(main())


def agent_of(system: System, name: str) -> Any:
    """The agent object itself, to set up what no message carries."""
    return system.ref(name)._cell.agent


def ping_pong(n: int, player: type[Side] = Player, *, traced: bool = False) -> float:
    """Messages a second between two agents."""

    async def work(system: System) -> float:
        done = asyncio.Event()
        if traced:
            Tracer(system.ground).attach()
        one, other = system.ref("one"), system.ref("other")
        for name, ref in (("one", other), ("other", one)):
            agent = agent_of(system, name)
            agent.other, agent.done = ref, done
        began = time.perf_counter()
        one.tell(Ball(n, CID, 1.0))
        await done.wait()
        return n / (time.perf_counter() - began)

    return run_system(
        supervisor("w1", children=[child(player, id="one"), child(player, id="other")]), work
    )


def stream(n: int) -> float:
    """Messages a second from one agent to another with a bounded mailbox."""

    async def work(system: System) -> float:
        sink, source = agent_of(system, "sink"), agent_of(system, "source")
        sink.expected, sink.done = n, asyncio.Event()
        source.other = system.ref("sink")
        began = time.perf_counter()
        system.tell("source", Serve(n))
        await sink.done.wait()
        return n / (time.perf_counter() - began)

    children = [child(Sink, id="sink", mailbox=10_000), child(Source, id="source")]
    return run_system(supervisor("w2", children=children), work)


def asks(n: int) -> float:
    """Asks a second from one asyncio client, one after the other."""

    async def work(system: System) -> float:
        server = system.ref("server")
        began = time.perf_counter()
        for i in range(n):
            await server.ask(Ball(i, CID, 1.0))
        return n / (time.perf_counter() - began)

    return run_system(supervisor("w4", children=[child(Server, id="server")]), work)


def asks_from_thread(n: int) -> float:
    """Asks a second from a plain thread, one after the other."""
    logger.disable("harmonium")
    with System(supervisor("w4", children=[child(Server, id="server")])) as system:
        server = system.ref("server")
        began = time.perf_counter()
        for i in range(n):
            server.ask(Ball(i, CID, 1.0)).result()
        return n / (time.perf_counter() - began)


def asks_of_many(n: int, clients: int = 100) -> float:
    """Asks a second from many asyncio clients, each one after the other."""

    async def work(system: System) -> float:
        server = system.ref("server")

        async def client() -> None:
            for i in range(n // clients):
                await server.ask(Ball(i, CID, 1.0))

        began = time.perf_counter()
        await asyncio.gather(*(client() for _ in range(clients)))
        return n / (time.perf_counter() - began)

    return run_system(supervisor("w4", children=[child(Server, id="server")]), work)


def ask_latency(n: int) -> float:
    """Microseconds of one ask from an asyncio client (median)."""

    async def work(system: System) -> float:
        server = system.ref("server")
        taken = []
        for i in range(n):
            began = time.perf_counter()
            await server.ask(Ball(i, CID, 1.0))
            taken.append(time.perf_counter() - began)
        return sorted(taken)[n // 2] * 1e6

    return run_system(supervisor("w4", children=[child(Server, id="server")]), work)


def waiting(agents: int, requests: int, pause: float) -> float:
    """How many times the ideal it takes when every agent awaits a pause for each request."""

    async def work(system: System) -> float:
        parent = agent_of(system, "parent")
        refs = [parent.spawn(Waiter, pause) for _ in range(agents)]

        async def client(ref: Ref) -> None:
            for i in range(requests):
                await ref.ask(Ball(i, CID, 1.0))

        began = time.perf_counter()
        await asyncio.gather(*map(client, refs))
        return (time.perf_counter() - began) / (requests * pause)

    return run_system(supervisor("w8", children=[child(Idle, id="parent")]), work)


def tree_up(n: int) -> float:
    """Seconds until a tree of n supervised agents is up, ten to a supervisor."""
    groups = [
        supervisor(f"g{i}", children=[child(Idle, id=str(j)) for j in range(10)])
        for i in range(n // 10)
    ]
    tree = supervisor("tree", children=groups)

    async def main() -> float:
        began = time.perf_counter()
        async with System(tree):
            return time.perf_counter() - began

    logger.disable("harmonium")
    return asyncio.run(main())


def spawns(n: int) -> float:
    """Agents spawned a second by an agent."""

    async def work(system: System) -> float:
        parent = agent_of(system, "parent")
        began = time.perf_counter()
        kept = [parent.spawn(Idle) for _ in range(n)]
        return len(kept) / (time.perf_counter() - began)

    return run_system(supervisor("w5", children=[child(Idle, id="parent")]), work)


def bytes_per_agent_alone(n: int) -> float:
    """Resident bytes for each idle agent, in an interpreter of its own.

    In this one, agents would go where those of earlier rounds have been.
    """
    code = f"from benchmarks.ours import bytes_per_agent; print(bytes_per_agent({n}))"
    root = Path(__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, check=True, capture_output=True, text=True
    )
    return float(done.stdout)


def bytes_per_agent(n: int) -> float:
    """Resident bytes for each idle agent."""

    async def work(system: System) -> float:
        parent = agent_of(system, "parent")
        before = _resident()
        kept = [parent.spawn(Idle) for _ in range(n)]
        return (_resident() - before) / len(kept)

    return run_system(supervisor("w5", children=[child(Idle, id="parent")]), work)


def _resident() -> int:
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def crashes(n: int, *, report: bool = False) -> float:
    """Microseconds from a message that crashes the agent to the next answer (median).

    Args:
        n: How many crashes.
        report: Have each crash and each restart logged to a sink that formats the line.
    """

    async def work(system: System) -> float:
        server = system.ref("server")
        await server.ask(Ball(0, CID, 1.0))
        taken = []
        for i in range(n):
            began = time.perf_counter()
            server.tell(Fail())
            await server.ask(Ball(i, CID, 1.0))
            taken.append(time.perf_counter() - began)
        return sorted(taken)[n // 2] * 1e6

    tree = supervisor("w6", max_restarts=10**9, within=1.0, children=[child(Server, id="server")])
    if not report:
        return run_system(tree, work)
    logger.remove()
    sink = logger.add(_format_and_forget, format="{time} {level} {message}")
    try:
        return run_system(tree, work, quiet=False)
    finally:
        logger.remove(sink)


def _format_and_forget(text: str) -> None:
    """Stand for a log file: the line was formatted by the time it gets here."""
