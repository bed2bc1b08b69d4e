"""`Waiting`: the mail of a pool that nobody can take yet, in the order it came."""

from __future__ import annotations

import abc
from collections import deque
from collections.abc import Iterable
from typing import Any

from harmonium.actors.accepted import ACCEPTED
from harmonium.actors.cell import Cell
from harmonium.actors.context import RawEnvelope
from harmonium.protocols.overflow import DROP_OLDEST
from harmonium.protocols.stable_hash import Key
from harmonium.supervisors.pool_giving import Giving

__all__ = ["Waiting"]


class Waiting(Giving, abc.ABC):
    """The stash of a pool, and those who wait for room in it.

    Args:
        cell: The pool's cell.
    """

    def __init__(self, cell: Cell) -> None:
        super().__init__(cell)
        self._held: set[Key] = set()

    @abc.abstractmethod
    def _set_limit(self) -> None:
        """See how much mail may take the short way."""

    @abc.abstractmethod
    def _watch(self, *, always: bool = False) -> None:
        """Have members tell when they get on, while that matters to anybody."""

    def _must_wait(self, key: Key) -> bool:
        """Whether one that came before it still waits for the same member."""
        if not self._cell.more.stash:
            return False
        return not self._keyed or key in self._held

    def _wait(self, envelope: RawEnvelope, key: Key) -> Any:
        """Keep it until it can be routed; bounded."""
        more, settings = self._cell.more, self._settings
        if len(more.stash) < settings.mailbox and not more.parked:
            self._put_off(envelope, key)
            return ACCEPTED
        if settings.overflow is DROP_OLDEST and more.stash:
            self._ground.observers.overflowed(self._cell, settings.overflow)
            oldest = more.stash.popleft()
            self._ground.dead_letter(self._cell, oldest, "dropped by a full mailbox")
            self._put_off(envelope, key)
            return ACCEPTED
        return self._refuse(envelope)

    def _refuse(self, envelope: RawEnvelope) -> Any:
        """Do what the overflow policy says; whoever waits for room is let in by `_let_in`."""
        accepted = self._ground._overflow(self._cell, envelope)
        if accepted is not ACCEPTED:
            self._watch()
        return accepted

    def _put_off(self, envelope: RawEnvelope, key: Key) -> None:
        first = not self._cell.more.stash
        self._cell.more.stash.append(envelope)
        self._held.add(key)
        self._cell.limit = 0
        if first:
            self._watch()

    def _flush(self) -> None:
        """Route again what waits, in its order; keys keep theirs."""
        more = self._cell.more
        waiting, more.stash = more.stash, deque()
        self._held = set()
        while waiting:
            if not self._keyed and (more.stash or (self.members and not self._room())):
                more.stash.extend(waiting)
                break
            envelope = waiting.popleft()
            key = self._key(envelope[0])
            if key in self._held or self._route(envelope, key, None) is None:
                more.stash.append(envelope)
                self._held.add(key)
        self._let_in()

    def _let_in(self) -> None:
        """Let those in who wait for room, in the order they came; what is under way came first."""
        more = self._cell.more
        while more.parked and not self._cell.coming and self._room():
            envelope, room = more.parked.popleft()
            self._readmit(envelope, self._key(envelope[0]))
            room.settle(None)

    def _readmit(self, envelope: RawEnvelope, key: Key) -> None:
        """Route one that was accepted, behind those that came before it."""
        if self._must_wait(key) or self._route(envelope, key, None) is None:
            self._put_off(envelope, key)

    def _return(self, mail: Iterable[RawEnvelope]) -> None:
        """Route what was accepted before all that waits."""
        more = self._cell.more
        waiting, more.stash = more.stash, deque(mail)
        more.stash.extend(waiting)
        self._held = {self._key(envelope[0]) for envelope in more.stash}
        if more.stash:
            self._cell.limit = 0
            self._flush()
            self._set_limit()
            self._watch()
