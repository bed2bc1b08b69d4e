"""`Rooms`: publishers that wait because a durable subscriber is too far behind."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from harmonium.actors.promise import Promise
from harmonium.protocols.subscription import Slow, SlowPolicy

if TYPE_CHECKING:
    from harmonium.actors.ground import Ground

__all__ = ["Rooms"]


class Rooms:
    """Who waits for room, the first come first; nobody, unless the policy is `Slow.WAIT`.

    Args:
        ground: Whose publishers.
    """

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._ahead: deque[int] = deque()
        self._waiting: deque[Promise[None]] = deque()

    def take(self, offset: int, slow: SlowPolicy) -> Promise[None] | None:
        """Note an entry; gives what its publisher has to wait for, if anything."""
        if slow.then is not Slow.WAIT:
            return None
        self._ahead.append(offset)
        if len(self._ahead) <= slow.limit:
            return None
        room: Promise[None] = Promise(self._ground)
        self._waiting.append(room)
        return room

    def make(self, done: int, slow: SlowPolicy) -> None:
        """Let publishers go on whose events the subscriber can take, now that it is so far."""
        while self._ahead and self._ahead[0] <= done:
            self._ahead.popleft()
        too_many = max(0, len(self._ahead) - slow.limit)
        while len(self._waiting) > too_many:
            self._waiting.popleft().settle(None)

    def open(self) -> None:
        """Let all of them go on: there is nobody to wait for."""
        self._ahead.clear()
        while self._waiting:
            self._waiting.popleft().settle(None)
