"""`Trimming`: deletes from the journal of durable topics what a `Retention` lets go."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from loguru import logger

from harmonium.actors.stateful_drive import drive
from harmonium.protocols.retention import Retention

if TYPE_CHECKING:
    from harmonium.actors.ground import Ground
    from harmonium.actors.promise import Promise

__all__ = ["Trimming"]

AT_ONCE = 1_000
"""Entries that one write deletes, since other writes wait meanwhile."""


class Trimming:
    """Looks once at the beginning, and then as often as the retention says.

    Args:
        ground: Whose topics; everything here is for its thread.
        before: Called before each look: subscriptions may say how far they are.
    """

    def __init__(self, ground: Ground, before: Callable[[], None]) -> None:
        self._ground = ground
        self._before = before
        self._timer: Any = None
        self._retention = Retention()
        self._turn = 0

    @property
    def retention(self) -> Retention:
        """What holds now."""
        return self._retention

    def keep(self, retention: Retention) -> None:
        """Go by this retention from now on."""
        self.close()
        self._retention = retention
        if retention.deletes:
            self._look(self._turn)

    def close(self) -> None:
        """Look no more."""
        self._turn += 1
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self, turn: int) -> None:
        self._before()
        drive(self._ground, self._trim(turn)).then(lambda done: self._over(turn, done))

    async def _trim(self, turn: int) -> int:
        stateful, retention = self._ground.stateful, self._retention
        deleted, count = 0, AT_ONCE
        while count >= AT_ONCE and turn == self._turn:
            count = await stateful.do(
                lambda: stateful.store.topics.trim_taken(
                    older=retention.seconds, keep=retention.entries, limit=AT_ONCE
                )
            )
            deleted += count
        return deleted

    def _over(self, turn: int, done: Promise[int]) -> None:
        if turn != self._turn or not self._ground.open:
            return
        error = done.exception()
        if error is not None:
            logger.warning("the journal of topics was not trimmed: {!r}", error)
        elif done.result():
            logger.debug("{} events went from the journal of topics", done.result())
        self._timer = self._ground.after(self._retention.every, self._look, turn)
