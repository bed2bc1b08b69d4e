"""``bench core``: the workloads of one message, one ask, one agent, one crash."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from benchmarks import bare, by_hand, ours, with_erlang, with_thespian
from benchmarks.figures import Figure, Workload

__all__ = ["workloads"]


def _of(function: Callable[..., float], *args: Any) -> Callable[[], float]:
    return lambda: function(*args)


PEERS = {"pykka": "with_pykka", "xoscar": "with_xoscar", "autogen_core": "with_autogen"}
"""What is run beside ours where it is installed, and the module that does it."""


def _peers(workload: str, **sizes: int) -> list[Figure]:
    """The peers that are installed and can do this, with the size that takes them a second."""
    found = []
    for package, n in sizes.items():
        if find_spec(package) is not None:
            module = import_module(f"benchmarks.{PEERS[package]}")
            found.append(Figure(package.replace("_", "-"), _of(getattr(module, workload), n)))
    return found


def _thespian(workload: str, n: int) -> Figure:
    return Figure("thespian's own base", _of(getattr(with_thespian, workload), n))


def _erlang(n: int) -> list[Figure]:
    """Erlang's supervisor, where it is installed."""
    if not with_erlang.is_here():
        return []
    return [
        Figure("Erlang/OTP", _of(with_erlang.crashes, n)),
        Figure("Erlang/OTP, logged", lambda: with_erlang.crashes(n, report=True)),
    ]


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
                Figure("harmonium, traced", lambda: ours.ping_pong(n, traced=True)),
                Figure("harmonium, async", _of(ours.ping_pong, n // 2, ours.AsyncPlayer)),
                Figure("asyncio.Queue", _of(by_hand.ping_pong, n // 4)),
                _thespian("ping_pong", 60_000 // k),
                *_peers(
                    "ping_pong", pykka=20_000 // k, xoscar=30_000 // k, autogen_core=3_000 // k
                ),
            ),
            aims="0.50 of the loop, 3 times asyncio.Queue, 60 times autogen; async 0.15; "
            "traced 0.6 of untraced",
        ),
        Workload(
            "W2",
            "one-way stream, bounded mailbox",
            "msg/s",
            (
                Figure("bare loop", _of(bare.stream, n)),
                Figure("bare, bursts of 1,000", _of(bare.stream, n, 1_000)),
                Figure("harmonium", _of(ours.stream, n)),
                Figure("asyncio.Queue", _of(by_hand.stream, n // 2)),
                *_peers("stream", pykka=60_000 // k, xoscar=30_000 // k),
            ),
            aims="0.90 of the loop",
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
                _thespian("asks", 30_000 // k),
                *_peers("asks", pykka=6_000 // k, xoscar=30_000 // k, autogen_core=3_000 // k),
            ),
            aims="from a plain thread no slower than pykka",
        ),
        Workload(
            "W4",
            "one ask from an asyncio client (p50)",
            "us",
            (
                Figure("asyncio.Queue", _of(by_hand.ask_latency, n // 10)),
                Figure("harmonium", _of(ours.ask_latency, n // 10)),
            ),
            more_is_better=False,
            aims="1.4 times asyncio.Queue",
        ),
        Workload(
            "W4",
            "asks of 100 clients",
            "asks/s",
            (
                Figure("bare loop", _of(bare.asks, n)),
                Figure("harmonium", _of(ours.asks_of_many, n // 6)),
                Figure("asyncio.Queue", _of(by_hand.asks_of_many, n // 6)),
            ),
        ),
        Workload(
            "W5",
            "100,000 agents spawned" if not quick else "10,000 agents spawned",
            "agents/s",
            (
                Figure("bare objects", _of(bare.spawns, 100_000 // k)),
                Figure("harmonium", _of(ours.spawns, 100_000 // k)),
                *_peers("spawns", pykka=1_000 // k),
            ),
            aims="200,000/s: 100,000 in under 0.5 s",
        ),
        Workload(
            "W5",
            "memory of an idle agent",
            "bytes",
            (Figure("harmonium", _of(ours.bytes_per_agent_alone, 100_000 // k)),),
            more_is_better=False,
            aims="600",
        ),
        Workload(
            "W5",
            "tree of 1,000 supervised agents up",
            "s",
            (Figure("harmonium", _of(ours.tree_up, 1_000)),),
            more_is_better=False,
            aims="0.5",
        ),
        Workload(
            "W6",
            "crash to the next answer (p50)",
            "us",
            (
                Figure("bare try", _of(bare.crashes, 20_000 // k)),
                Figure("harmonium", _of(ours.crashes, 3_000 // k)),
                Figure("harmonium, logged", lambda: ours.crashes(3_000 // k, report=True)),
                *_erlang(3_000 // k),
            ),
            more_is_better=False,
            aims="logged no slower than Erlang's supervisor, logged; quiet within 1.5 of it",
        ),
        Workload(
            "W8",
            "2,000 agents await 50 ms for each request",
            "x ideal",
            (
                Figure("asyncio.Queue", _of(by_hand.waiting, 2_000 // k, 20, 0.05)),
                Figure("harmonium", _of(ours.waiting, 2_000 // k, 20, 0.05)),
            ),
            more_is_better=False,
            aims="1.18",
        ),
    ]
