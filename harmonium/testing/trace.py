"""`Trace`: what happened in one run, in order; its hash tells two runs apart.

Entries are kept as plain tuples while a run goes on, because most runs pass and
nobody looks. `entries` gives them as values for people.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import attrs

from harmonium.actors.observer import (
    AgentCrashed,
    AgentExited,
    LetterDied,
    MailboxOverflowed,
    SupervisorGaveUp,
)
from harmonium.protocols.signals import Terminated
from harmonium.testing.faults import OUTSIDE, Fault

if TYPE_CHECKING:
    from harmonium.actors.cell import Cell
    from harmonium.actors.context import RawEnvelope
    from harmonium.actors.simulated import SimulatedGround

__all__ = ["Entry", "Trace", "name_of", "text_of"]


@attrs.frozen
class Entry:
    """One thing that happened.

    Args:
        at: When, in virtual seconds.
        kind: ``handled`` (a handler began), ``answered`` (a reply arrived),
            ``fault``, ``started``, ``crashed``, ``exited``, ``dead`` (a dead
            letter), ``note``.
        actor: Whom it happened to, by path.
        sender: Who sent the message, for messages.
        what: The message, fault, error, reason or text.
        number: The message's number in this run; 0 where there is none.
        cause: The number of the message in whose handling it was sent; 0 if none.
    """

    at: float
    kind: str
    actor: str
    sender: str
    what: Any
    number: int = 0
    cause: int = 0

    def __str__(self) -> str:
        sender = f"{self.sender} -> " if self.sender else ""
        return f"{self.at:9.3f}  {sender}{self.actor}  {self.kind} {self.what!r}"


class Trace:
    """What happened, in order.

    Attributes:
        raw: ``(time, kind, cell or path, envelope or value)`` of each entry.
    """

    def __init__(self) -> None:
        self.raw: list[tuple[float, str, Any, Any]] = []

    def __len__(self) -> int:
        return len(self.raw)

    def listen(self, ground: SimulatedGround) -> None:
        """Note all that the ground's observers are told."""
        note = self.raw.append

        def started(cell: Cell, incarnation: int) -> None:
            note((ground.time, "started", cell, incarnation))

        ground.observers.add(lambda event: self._listen(ground.time, event), on_start=started)

    def _listen(self, now: float, event: Any) -> None:
        match event:
            case AgentCrashed():
                self.raw.append((now, "crashed", event.path, event.error))
            case AgentExited():
                self.raw.append((now, "exited", event.path, event.reason))
            case LetterDied():
                letter = event.letter
                self.raw.append((now, "dead", letter.envelope.recipient, letter))
            case SupervisorGaveUp():
                self.raw.append((now, "note", event.path, "gave up"))
            case MailboxOverflowed():
                self.raw.append((now, "note", event.path, "mailbox full"))

    def entries(self, start: int = 0) -> Iterator[Entry]:
        """Give what happened as values, from the n-th on."""
        for now, kind, actor, what in self.raw[start:]:
            yield _entry(now, kind, actor, what)

    def messages(self, kind: type) -> list[Any]:
        """Give the messages of a class that were handled or answered, in order."""
        return [
            what[0]
            for _, how, _, what in self.raw
            if how in ("handled", "answered") and isinstance(what[0], kind)
        ]

    def hash(self) -> str:
        """Give the same text for two runs in which the same things happened at the same times."""
        digest = hashlib.sha256()
        for entry in self.entries():
            digest.update(text_of(entry).encode())
        return digest.hexdigest()[:16]


def _entry(now: float, kind: str, actor: Any, what: Any) -> Entry:
    path = name_of(actor)
    if kind in ("handled", "answered"):
        envelope: RawEnvelope = what
        return Entry(now, kind, path, name_of(envelope[1]), envelope[0], envelope[3], envelope[4])
    if kind == "dead":
        return Entry(now, kind, path, what.envelope.sender or OUTSIDE, what)
    return Entry(now, kind, path, "", what)


def name_of(cell: Cell | str | None) -> str:
    """Give the path of an agent; the outside has a name of its own."""
    if cell is None:
        return OUTSIDE
    return cell if isinstance(cell, str) else cell.path


def text_of(entry: Entry) -> str:
    """Give one entry as text that is the same in every process."""
    what = entry.what
    if entry.kind == "dead":
        what = (type(what.envelope.message).__name__, what.reason)
    elif isinstance(what, BaseException):
        what = (type(what).__name__, str(what))
    elif not isinstance(what, (Fault, Terminated, str, int)):
        what = _plain(what)
    where = (f"{entry.at:.6f}", entry.kind, entry.actor, entry.sender, entry.number, entry.cause)
    return f"{where!r} {what!r}\n"


def _plain(value: Any) -> Any:
    """Show a value without what differs from process to process: the order of sets."""
    if attrs.has(type(value)):
        fields = attrs.fields(type(value))
        return (type(value).__name__, *(_plain(getattr(value, f.name)) for f in fields))
    if isinstance(value, frozenset | set):
        return sorted(map(repr, map(_plain, value)))
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    if isinstance(value, BaseException):
        return (type(value).__name__, str(value))
    return value
