"""Thespian's own system base in one process: what runs below `Agent` without our scheduler."""

from __future__ import annotations

import time
from typing import Any

from thespian.actors import Actor, ActorSystem

from benchmarks.messages import CID, BareBall

__all__ = ["asks", "ping_pong"]


class _Player(Actor):  # type: ignore[misc]
    other: Any = None

    def receiveMessage(self, message: Any, sender: Any) -> None:  # noqa: N802 - Thespian's name
        """Hit it back to the other player, or to who asked when it is over."""
        if not isinstance(message, BareBall):
            self.other, self.asker = message
            return
        ball = BareBall(message.n - 1, message.cid, message.at)
        self.send(self.other if message.n else self.asker, ball)


class _Server(Actor):  # type: ignore[misc]
    def receiveMessage(self, message: Any, sender: Any) -> None:  # noqa: N802 - Thespian's name
        """Answer with a new ball."""
        if isinstance(message, BareBall):
            self.send(sender, BareBall(message.n, message.cid, message.at))


class _Client(Actor):  # type: ignore[misc]
    """Asks the server n times, one after the other, and tells the program when it is done."""

    def receiveMessage(self, message: Any, sender: Any) -> None:  # noqa: N802 - Thespian's name
        if isinstance(message, tuple):
            self.server, self.left, self.program = *message, sender
        elif not isinstance(message, BareBall):
            return
        self.left -= 1
        to = self.server if self.left >= 0 else self.program
        self.send(to, BareBall(self.left, CID, 1.0))


def ping_pong(n: int) -> float:
    """Messages a second between two actors."""
    system = ActorSystem("simpleSystemBase", transientUnique=True)
    try:
        one, other = system.createActor(_Player), system.createActor(_Player)
        program = system.ask(system.createActor(_Name), "who am I?")
        system.tell(one, (other, program))
        system.tell(other, (one, program))
        began = time.perf_counter()
        system.ask(one, BareBall(n, CID, 1.0))
        return n / (time.perf_counter() - began)
    finally:
        system.shutdown()


class _Name(Actor):  # type: ignore[misc]
    def receiveMessage(self, message: Any, sender: Any) -> None:  # noqa: N802 - Thespian's name
        """Tell the program its own address."""
        if isinstance(message, str):
            self.send(sender, sender)


def asks(n: int) -> float:
    """Asks a second from an actor, one after the other."""
    system = ActorSystem("simpleSystemBase", transientUnique=True)
    try:
        server, client = system.createActor(_Server), system.createActor(_Client)
        began = time.perf_counter()
        system.ask(client, (server, n))
        return n / (time.perf_counter() - began)
    finally:
        system.shutdown()
