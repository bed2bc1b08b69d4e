"""The limit: a loop over a deque that builds the same message and calls a method."""

from __future__ import annotations

import time
from collections import deque
from typing import Any

from benchmarks.messages import CID, BareBall

__all__ = ["asks", "crashes", "ping_pong", "ring", "spawns", "stream"]

Queue = deque[tuple[Any, Any]]


class _Player:
    __slots__ = ("count", "other", "queue")

    def __init__(self, queue: Queue) -> None:
        self.queue = queue
        self.other: Any = None
        self.count = 0

    def ball(self, ball: BareBall) -> None:
        if ball.n:
            self.queue.append((self.other, BareBall(ball.n - 1, ball.cid, ball.at)))

    def sink(self, ball: BareBall) -> None:
        self.count += 1

    take = sink

    def answer(self, ball: BareBall) -> BareBall:
        return BareBall(ball.n, ball.cid, ball.at)


class _Server(_Player):
    __slots__ = ()

    def take(self, ball: BareBall) -> None:
        self.queue.append((self.other, BareBall(ball.n, ball.cid, ball.at)))


def ping_pong(n: int) -> float:
    """Messages a second between two objects."""
    queue: Queue = deque()
    one, other = _Player(queue), _Player(queue)
    one.other, other.other = other, one
    queue.append((one, BareBall(n, CID, 1.0)))
    began = time.perf_counter()
    while queue:
        player, ball = queue.popleft()
        player.ball(ball)
    return n / (time.perf_counter() - began)


def stream(n: int, burst: int | None = None) -> float:
    """Messages a second from one to another.

    Args:
        n: How many.
        burst: How many are queued before the other side takes them; None queues all.
    """
    queue: Queue = deque()
    sink = _Player(queue)
    burst = burst or n
    began = time.perf_counter()
    for start in range(0, n, burst):
        for i in range(burst):
            queue.append((sink, BareBall(start + i, CID, 1.0)))
        while queue:
            player, ball = queue.popleft()
            player.sink(ball)
    return n / (time.perf_counter() - began)


def ring(size: int, hops: int) -> float:
    """Nanoseconds for each message that goes round a ring of objects."""
    queue: Queue = deque()
    players = [_Player(queue) for _ in range(size)]
    for one, other in zip(players, [*players[1:], players[0]], strict=True):
        one.other = other
    queue.append((players[0], BareBall(hops, CID, 1.0)))
    began = time.perf_counter()
    while queue:
        player, ball = queue.popleft()
        player.ball(ball)
    return (time.perf_counter() - began) / hops * 1e9


def asks(n: int) -> float:
    """Requests with an answer a second: two messages through the loop for each."""
    queue: Queue = deque()
    server, client = _Server(queue), _Player(queue)
    server.other = client
    began = time.perf_counter()
    for i in range(n):
        queue.append((server, BareBall(i, CID, 1.0)))
        while queue:
            player, ball = queue.popleft()
            player.take(ball)
    return n / (time.perf_counter() - began)


def spawns(n: int) -> float:
    """Objects with a queue of their own a second."""
    queue: Queue = deque()
    began = time.perf_counter()
    kept = [_Player(queue) for _ in range(n)]
    return len(kept) / (time.perf_counter() - began)


def crashes(n: int) -> float:
    """Microseconds from a raised exception to the next answer of a new object."""
    queue: Queue = deque()
    began = time.perf_counter()
    for i in range(n):
        try:
            raise ValueError(i)
        except ValueError:
            player = _Player(queue)
        player.answer(BareBall(i, CID, 1.0))
    return (time.perf_counter() - began) / n * 1e6
