"""``bench growth``: does a message cost more where there is more of everything?

Each curve has the bare loop beside it where the machine itself grows slower: a
hundred thousand of anything fit into no cache.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from loguru import logger

from benchmarks import bare
from benchmarks.figures import Figure, Workload
from benchmarks.messages import CID, Ball, Serve
from benchmarks.ours import Idle, Player, Side, Sink, Source, agent_of, run_system
from harmonium import Agent, System, child, handles, supervisor
from harmonium.actors.tuning import tuned_collector
from harmonium.protocols.routing import Sticky
from harmonium.supervisors.pool import pool

__all__ = ["workloads"]

HOPS = 200_000


class Link(Side):
    """Hands the ball on to the next in the ring."""

    @handles
    def ball(self, ball: Ball) -> None:
        """Hand it on."""
        if ball.n:
            self.tell(self.other, Ball(ball.n - 1, ball.cid, ball.at))
        else:
            self.done.set()


def ring(size: int, hops: int) -> float:
    """Nanoseconds for each message that goes round a ring of agents."""

    async def work(system: System) -> float:
        done = asyncio.Event()
        parent = agent_of(system, "parent")
        refs = [parent.spawn(Link) for _ in range(size)]
        for one, other in zip(refs, [*refs[1:], refs[0]], strict=True):
            one._cell.agent.other, one._cell.agent.done = other, done
        began = time.perf_counter()
        refs[0].tell(Ball(hops, CID, 1.0))
        await done.wait()
        return (time.perf_counter() - began) / hops * 1e9

    return run_system(supervisor("ring", children=[child(Idle, id="parent")]), work)


def deep(depth: int, hops: int) -> float:
    """Nanoseconds for each message between two agents that far down in a tree."""
    tree: Any = supervisor("bottom", children=[child(Player, id="one"), child(Player, id="other")])
    for level in range(depth - 1):
        tree = supervisor(f"level{level}", children=[tree])
    path = "/" + "/".join([f"level{level}" for level in reversed(range(depth - 1))] + ["bottom"])
    return run_system(tree, lambda system: _play(system, path, hops))


def timers(pending: int, hops: int) -> float:
    """Nanoseconds for each message while that many timers wait."""

    async def work(system: System) -> float:
        parent = agent_of(system, "parent")
        for i in range(pending):
            parent.schedule(3600.0 + i, Ball(0, CID, 1.0))
        return await _play(system, "/timers", hops)

    players = [child(Player, id="one"), child(Player, id="other")]
    return run_system(supervisor("timers", children=[child(Player, id="parent"), *players]), work)


def names(registered: int, hops: int) -> float:
    """Nanoseconds for each message while that many agents have a name."""

    async def work(system: System) -> float:
        parent = agent_of(system, "parent")
        for i in range(registered):
            parent.spawn(Idle, name=f"name-{i}")
        return await _play(system, "/names", hops)

    players = [child(Player, id="one"), child(Player, id="other")]
    return run_system(supervisor("names", children=[child(Idle, id="parent"), *players]), work)


class Taker(Agent):
    """A member of a pool; all of them count together."""

    left: int
    done: asyncio.Event

    @handles
    def ball(self, ball: Ball) -> None:
        """Count one less."""
        Taker.left -= 1
        if not Taker.left:
            Taker.done.set()


def sessions(kept: int, n: int) -> float:
    """Nanoseconds for each message that opens a session and has the oldest of many forgotten."""

    async def work(system: System) -> float:
        Taker.left, Taker.done = kept + n, asyncio.Event()
        agent_of(system, "source").other = system.ref("takers")
        began = time.perf_counter()
        system.tell("source", Serve(kept + n))
        await Taker.done.wait()
        return (time.perf_counter() - began) / (kept + n) * 1e9

    takers = pool(Taker, id="takers", size=4, router=Sticky(max_sessions=kept), key="n")
    return run_system(supervisor("sessions", children=[takers, child(Source, id="source")]), work)


def stop(children: int) -> float:
    """Microseconds to stop each of the children of one agent, one after the other."""
    logger.disable("harmonium")

    async def main() -> float:
        async with System(supervisor("stop", children=[child(Idle, id="parent")])) as system:
            parent = agent_of(system, "parent")
            with tuned_collector():
                for _ in range(children):
                    parent.spawn(Idle)
                began = time.perf_counter()
                await system.ref("parent").stop()
                return (time.perf_counter() - began) / children * 1e6

    return asyncio.run(main())


async def _play(system: System, path: str, hops: int) -> float:
    done = asyncio.Event()
    one, other = system.ref(f"{path}/one"), system.ref(f"{path}/other")
    for ref, to in ((one, other), (other, one)):
        ref._cell.agent.other, ref._cell.agent.done = to, done
    began = time.perf_counter()
    one.tell(Ball(hops, CID, 1.0))
    await done.wait()
    return (time.perf_counter() - began) / hops * 1e9


def mailbox(limit: int, n: int) -> float:
    """Nanoseconds for each message of a stream into a mailbox of that size."""

    async def work(system: System) -> float:
        sink, source = agent_of(system, "sink"), agent_of(system, "source")
        sink.expected, sink.done = n, asyncio.Event()
        source.other = system.ref("sink")
        began = time.perf_counter()
        system.tell("source", Serve(n))
        await sink.done.wait()
        return (time.perf_counter() - began) / n * 1e9

    children = [child(Sink, id="sink", mailbox=limit), child(Source, id="source")]
    return run_system(supervisor("mailbox", children=children), work)


def _curve(
    name: str, about: str, what: str, function: Callable[[int, int], float], *sizes: int, n: int
) -> Workload:
    figures = (Figure(f"{size:,} {what}", _bind(function, size, n)) for size in sizes)
    return Workload(name, about, "ns/message", tuple(figures), more_is_better=False)


def _bind(function: Callable[[int, int], float], size: int, n: int) -> Callable[[], float]:
    return lambda: function(size, n)


def workloads(*, quick: bool = False) -> list[Workload]:
    """The curves, with fewer messages when quick."""
    n = HOPS // (10 if quick else 1)
    many = 10_000 if quick else 100_000
    ring_sizes = (10, 1_000, many)
    return [
        _curve("agents", "a ring of agents", "agents", ring, *ring_sizes, n=n),
        _curve("bare", "a ring of bare objects", "objects", bare.ring, *ring_sizes, n=n),
        _curve("depth", "two agents deep in a tree", "levels", deep, 2, 8, n=n),
        _curve("mailbox", "a stream into a mailbox", "places", mailbox, 10, 1_000, many, n=n),
        _curve("timers", "two agents beside timers", "timers", timers, 10, 10_000, n=n),
        _curve("names", "two agents beside names", "names", names, 10, 10_000, n=n),
        _curve("sessions", "new sessions in a pool", "sessions", sessions, 100, 10_000, n=n),
        Workload(
            "stop",
            "the children of one agent",
            "us/child",
            tuple(
                Figure(f"{size:,} children", partial(stop, size))
                for size in (100, many // 10, many)
            ),
            more_is_better=False,
        ),
    ]
