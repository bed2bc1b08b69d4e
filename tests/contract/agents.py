"""Messages and agents that the contract suite uses."""

from __future__ import annotations

import asyncio
from typing import Any

from harmonium import Agent, Ref, Terminated, handles, message
from harmonium.protocols.lanes import Lane


@message
class Note:
    """A numbered message."""

    n: int


@message
class Answer:
    """A numbered answer."""

    n: int


@message
class Crash:
    """Raise in the handler."""

    text: str = "boom"


@message
class Get:
    """Give all notes."""


@message
class Notes:
    """All notes, in the order they were handled."""

    numbers: tuple[int, ...]


@message
class Wait:
    """Suspend until the gate opens."""


@message
class Unwanted:
    """A message that nobody takes."""


@message(lane=Lane.CONTROL)
class Urgent:
    """Passes the backlog."""

    n: int


@message
class Send:
    """Send notes to another agent."""

    to: Ref
    numbers: tuple[int, ...]


class Recorder(Agent):
    """Keeps what it gets outside of itself, so that a crash does not forget it."""

    def __init__(self, book: list[Any] | None = None, gate: asyncio.Event | None = None) -> None:
        self.book: list[Any] = [] if book is None else book
        self.gate = gate

    @handles
    def note(self, note: Note) -> Answer:
        self.book.append(note.n)
        return Answer(note.n)

    @handles
    def urgent(self, urgent: Urgent) -> None:
        self.book.append(-urgent.n)

    @handles
    def crash(self, crash: Crash) -> None:
        raise ValueError(crash.text)

    @handles
    def get(self, get: Get) -> Notes:
        return Notes(tuple(self.book))

    @handles
    async def wait(self, wait: Wait) -> Answer:
        assert self.gate is not None
        while not self.gate.is_set():
            await self.sleep(0.001)
        return Answer(0)

    @handles
    async def send(self, send: Send) -> None:
        for n in send.numbers:
            await self.tell(send.to, Note(n))


class Watcher(Agent):
    """Watches another agent."""

    def __init__(self, book: list[str]) -> None:
        self.book = book

    @handles
    def watch_it(self, send: Send) -> None:
        self.watch(send.to)

    @handles
    def gone(self, event: Terminated) -> None:
        self.book.append(event.kind)
