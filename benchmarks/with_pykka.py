"""pykka, if it is installed: one thread for each actor."""

from __future__ import annotations

import threading
import time

import pykka

from benchmarks.messages import CID, BareBall

__all__ = ["asks", "ping_pong", "spawns", "stream"]


class _Player(pykka.ThreadingActor):
    other: pykka.ActorRef[_Player]
    done: threading.Event

    def on_receive(self, message: BareBall) -> None:
        if message.n:
            self.other.tell(BareBall(message.n - 1, message.cid, message.at))
        else:
            self.done.set()


class _Sink(pykka.ThreadingActor):
    expected = 0
    count = 0
    done: threading.Event

    def on_receive(self, message: BareBall) -> None:
        self.count += 1
        if self.count == self.expected:
            self.done.set()


class _Server(pykka.ThreadingActor):
    def on_receive(self, message: BareBall) -> BareBall:
        return BareBall(message.n, message.cid, message.at)


def ping_pong(n: int) -> float:
    """Messages a second between two actors."""
    done = threading.Event()
    one, other = _Player.start(), _Player.start()
    for ref, to in ((one, other), (other, one)):
        ref._actor_weakref().other = to  # type: ignore[union-attr]
        ref._actor_weakref().done = done  # type: ignore[union-attr]
    began = time.perf_counter()
    one.tell(BareBall(n, CID, 1.0))
    done.wait()
    took = time.perf_counter() - began
    pykka.ActorRegistry.stop_all()
    return n / took


def stream(n: int) -> float:
    """Messages a second from the main thread to an actor."""
    done = threading.Event()
    sink = _Sink.start()
    actor = sink._actor_weakref()
    actor.expected, actor.done = n, done  # type: ignore[union-attr]
    began = time.perf_counter()
    for i in range(n):
        sink.tell(BareBall(i, CID, 1.0))
    done.wait()
    took = time.perf_counter() - began
    pykka.ActorRegistry.stop_all()
    return n / took


def asks(n: int) -> float:
    """Asks a second from a plain thread."""
    server = _Server.start()
    began = time.perf_counter()
    for i in range(n):
        server.ask(BareBall(i, CID, 1.0))
    took = time.perf_counter() - began
    server.stop()
    return n / took


def spawns(n: int) -> float:
    """Actors started a second."""
    began = time.perf_counter()
    kept = [_Server.start() for _ in range(n)]
    took = time.perf_counter() - began
    pykka.ActorRegistry.stop_all()
    return len(kept) / took
