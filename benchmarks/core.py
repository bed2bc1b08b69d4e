"""``bench core``: the workloads of one message, one ask, one agent, one crash."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

from benchmarks import bare, by_hand, ours
from benchmarks.figures import Figure, Workload

__all__ = ["workloads"]


def _of(function: Callable[..., float], *args: Any) -> Callable[[], float]:
    return lambda: function(*args)


def _pykka(name: str, n: int) -> list[Figure]:
    if find_spec("pykka") is None:
        return []
    from benchmarks import with_pykka

    return [Figure("pykka", _of(getattr(with_pykka, name), n))]


def workloads(*, quick: bool = False) -> list[Workload]:
    """The workloads, smaller when quick."""
    k = 10 if quick else 1
    n = 300_000 // k
    return [
        Workload(
            "W1",
            "ping-pong of two agents",
            "msg/s",
            (
                Figure("bare loop", _of(bare.ping_pong, n)),
                Figure("harmonium", _of(ours.ping_pong, n)),
                Figure("harmonium async", _of(ours.ping_pong, n // 2, ours.AsyncPlayer)),
                Figure("asyncio.Queue", _of(by_hand.ping_pong, n // 4)),
                *_pykka("ping_pong", 20_000 // k),
            ),
            aims="harmonium at least 0.35 of the loop and 3 times pykka",
        ),
        Workload(
            "W2",
            "one-way stream, bounded mailbox",
            "msg/s",
            (
                Figure("bare loop", _of(bare.stream, n)),
                Figure("harmonium", _of(ours.stream, n)),
                Figure("asyncio.Queue", _of(by_hand.stream, n // 2)),
                *_pykka("stream", 60_000 // k),
            ),
        ),
        Workload(
            "W4",
            "asks, one after the other",
            "asks/s",
            (
                Figure("bare loop", _of(bare.asks, n)),
                Figure("harmonium", _of(ours.asks, n // 6)),
                Figure("asyncio.Queue", _of(by_hand.asks, n // 6)),
                Figure("harmonium, thread", _of(ours.asks_from_thread, 6_000 // k)),
                *_pykka("asks", 6_000 // k),
            ),
            aims="harmonium at least 40,000 where the loop makes 300,000 (0.13)",
        ),
        Workload(
            "W5",
            "100,000 agents spawned" if not quick else "10,000 agents spawned",
            "agents/s",
            (
                Figure("bare objects", _of(bare.spawns, 100_000 // k)),
                Figure("harmonium", _of(ours.spawns, 100_000 // k)),
                *_pykka("spawns", 1_000 // k),
            ),
            aims="at least 50,000/s: 100,000 in under 2 s",
        ),
        Workload(
            "W5",
            "memory of an idle agent",
            "bytes",
            (Figure("harmonium", _of(ours.bytes_per_agent, 100_000 // k)),),
            more_is_better=False,
            aims="at most 1,500",
        ),
        Workload(
            "W6",
            "crash to the next answer (p50)",
            "us",
            (
                Figure("bare try", _of(bare.crashes, 20_000 // k)),
                Figure("harmonium", _of(ours.crashes, 3_000 // k)),
                Figure("harmonium, logged", lambda: ours.crashes(3_000 // k, report=True)),
            ),
            more_is_better=False,
            aims="under 200",
        ),
    ]
