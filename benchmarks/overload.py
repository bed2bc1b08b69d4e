"""``bench overload``: a producer 10 times faster than its consumer, for 5 s (W7).

What overload may do to a system: nothing but make the producer wait or shed its
mail, as declared. Memory stays where the mailbox limit puts it, each message has
a fate, agents beside the crowded one answer as before, and a control message
gets through.
"""

from __future__ import annotations

import asyncio
import gc
import os
import time
from typing import Any

import attrs
from loguru import logger

from benchmarks.figures import Figure, Workload
from benchmarks.messages import CID, Ball, Serve
from harmonium import Agent, Lane, System, child, handles, message, supervisor
from harmonium.actors.account import Account
from harmonium.protocols.overflow import DEAD_LETTER, WAIT, Overflow
from harmonium.protocols.routing import LEAST_LOADED
from harmonium.supervisors.pool import pool

__all__ = ["Outcome", "overload", "workloads"]

CAPACITY = 1_000
"""How many messages may wait for the consumer."""
PAUSE = 0.001
"""How long the consumer takes for a message, in seconds."""
FASTER = 10
"""How many messages the producer makes in that time."""


@message(name="bench.Status", lane=Lane.CONTROL)
class Status:
    """A control message: it passes the backlog."""


@attrs.frozen
class Outcome:
    """What one run came to.

    Args:
        grown: Bytes of resident memory gained while the overload lasted, once
            the mailbox had filled.
        produced: Messages the producer made.
        account: The fate of every message, with the system stopped.
        calm: 99th percentile of another agent's answers while the producer is as
            fast as the consumer, in seconds.
        crowded: The same during it.
        control: The longest time a control message took to get through, in seconds.
    """

    grown: float
    produced: int
    account: Account
    calm: float
    crowded: float
    control: float


class _Consumer(Agent):
    """Takes `PAUSE` seconds for a message."""

    @handles
    async def ball(self, ball: Ball) -> None:
        await self.sleep(PAUSE)

    @handles
    def status(self, status: Status) -> Ball:
        return Ball(0, CID, 1.0)


class _Producer(Agent):
    """Sends so many messages in the time the consumer needs for one, or waits for room."""

    made = 0
    faster = 1
    enough = False

    @handles
    async def serve(self, serve: Serve) -> None:
        due, self.enough = self.now(), False
        while not self.enough:
            for _ in range(self.faster):
                await self.tell("consumer", Ball(self.made, CID, 1.0))
                self.made += 1
            due += PAUSE
            await self.sleep(max(PAUSE / 2, due - self.now()))


class _Neighbour(Agent):
    """Has nothing to do with it."""

    @handles
    def ball(self, ball: Ball) -> Ball:
        return ball


def overload(
    seconds: float = 5.0, *, overflow: Overflow = WAIT, members: int = 0, warmup: float = 1.0
) -> Outcome:
    """Run the overload once.

    Args:
        seconds: How long it lasts, after a warm-up.
        overflow: What a full mailbox does.
        members: Members of a pool in the consumer's place; 0 for one agent.
        warmup: Seconds until the memory is looked at first: by then the mailbox is
            full. Where mail is shed, it lasts until as many dead letters are kept as may be.
    """
    options: dict[str, Any] = {"id": "consumer", "mailbox": CAPACITY, "overflow": overflow}
    if members:
        options |= {"mailbox": CAPACITY // members, "router": LEAST_LOADED, "size": members}
    consumer = pool(_Consumer, **options) if members else child(_Consumer, **options)
    tree = supervisor(
        "w7",
        children=[consumer, child(_Producer, id="producer"), child(_Neighbour, id="neighbour")],
    )

    async def main() -> Outcome:
        system = System(tree)
        async with system:
            found = await _watch(system, seconds, warmup)
            # What waits at the end is dead with its agent: nobody works off a full mailbox.
            await system.ref("consumer").stop()
        return attrs.evolve(found, account=system.account())

    logger.disable("harmonium")
    return asyncio.run(main())


async def _watch(system: System, seconds: float, warmup: float) -> Outcome:
    made: Any = system.ref("producer")._cell.agent
    consumers = len(system.ref("consumer")._cell.children or ()) or 1
    made.faster = consumers
    serving = system.ask("producer", Serve(1), timeout=60.0)
    calm = await _answers(system, min(seconds, 2.0))
    made.enough = True
    await serving
    made.faster = FASTER * consumers
    serving = system.ask("producer", Serve(FASTER), timeout=60.0)
    await _answers(system, warmup)
    while 0 < len(system.dead_letters) < system.dead_letters.limits.letters:
        await _answers(system, 0.1)
    gc.collect()
    before = _resident()
    watch = asyncio.ensure_future(_control(system, seconds))
    crowded = await _answers(system, seconds)
    gc.collect()
    grown = _resident() - before
    control = await watch
    made.enough = True
    await serving
    return Outcome(grown, made.made, system.account(), _p99(calm), _p99(crowded), control)


async def _answers(system: System, seconds: float) -> list[float]:
    """Ask the neighbour every 2 ms; how long the answers took, in seconds."""
    neighbour, taken = system.ref("neighbour"), []
    ends = time.perf_counter() + seconds
    while time.perf_counter() < ends:
        began = time.perf_counter()
        await neighbour.ask(Ball(1, CID, 1.0))
        taken.append(time.perf_counter() - began)
        await asyncio.sleep(0.002)
    return taken


async def _control(system: System, seconds: float) -> float:
    consumer, longest = system.ref("consumer"), 0.0
    ends = time.perf_counter() + seconds - 0.1
    while time.perf_counter() < ends:
        began = time.perf_counter()
        await consumer.ask(Status())
        longest = max(longest, time.perf_counter() - began)
        await asyncio.sleep(0.05)
    return longest


def _p99(taken: list[float]) -> float:
    return sorted(taken)[int(len(taken) * 0.99)]


def _resident() -> int:
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def workloads(*, quick: bool = False) -> list[Workload]:
    """The workloads, shorter when quick."""
    seconds = 0.5 if quick else 5.0
    runs: dict[str, dict[str, Any]] = {
        "one agent, waits": {"overflow": WAIT},
        "one agent, sheds": {"overflow": DEAD_LETTER},
        "pool of 4, waits": {"overflow": WAIT, "members": 4},
        "pool of 4, sheds": {"overflow": DEAD_LETTER, "members": 4},
    }
    kept: dict[str, Outcome] = {}

    def grown(name: str) -> float:
        kept[name] = overload(seconds, **runs[name])
        if not kept[name].account.balanced:
            raise AssertionError(f"{name}: messages are missing: {kept[name].account}")
        return max(kept[name].grown / 1e6, 0.0)

    def slower(name: str) -> float:
        return kept[name].crowded / kept[name].calm

    def control(name: str) -> float:
        return kept[name].control * 1e3

    def figures(read: Any) -> tuple[Figure, ...]:
        return tuple(Figure(name, lambda name=name: read(name)) for name in runs)  # type: ignore[misc]

    about = "producer 10 times faster than the consumer"
    return [
        Workload(
            "W7",
            f"{about}: memory growth",
            "MB",
            figures(grown),
            more_is_better=False,
            aims="under 2; no message without a fate",
        ),
        Workload(
            "W7",
            "p99 of another agent's answers, over that without overload",
            "times",
            figures(slower),
            more_is_better=False,
            aims="at most 2 where the producer waits; what is shed costs a dead letter each, 40 us",
        ),
        Workload(
            "W7",
            "longest time of a control message",
            "ms",
            figures(control),
            more_is_better=False,
            aims=f"far under the {CAPACITY * PAUSE * 1e3:.0f} of the backlog",
        ),
    ]
