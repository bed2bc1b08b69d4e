"""`Feed`: reads the journal a page at a time, a little ahead of one durable subscriber."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from loguru import logger

from harmonium.actors.durable_topics_match import Match
from harmonium.actors.promise import Promise
from harmonium.actors.store.values import Entry
from harmonium.protocols.errors import StoreError

if TYPE_CHECKING:
    from harmonium.actors.durable_topics_place import Place
    from harmonium.actors.ground import Ground

__all__ = ["PAGE", "REST", "Feed"]

PAGE = 200
"""Entries that are read at once."""

REST = 1.0
"""Seconds after which a store that failed is tried again."""


class Feed:
    """What has been read of the journal and not been delivered; and when to read on.

    Args:
        ground: Where time passes.
        place: Whose journal.
        match: Which entries are for the subscriber.
        about: Names the subscription in the log.
    """

    def __init__(self, ground: Ground, place: Place, match: Match, about: str) -> None:
        self._ground = ground
        self._place = place
        self._about = about
        self._wake: Promise[None] | None = None
        self.match = match
        self.backlog: deque[Entry] = deque()
        """What is for the subscriber, and waits here."""
        self.position = 0
        """The offset up to which it has read."""
        self.generation = 0
        """Counts the beginnings: what was under way at an earlier one is void."""
        self.is_behind = True
        """Whether there may be more to read."""
        self.is_paused = False
        """Whether nobody is there to deliver to."""

    def start_at(self, offset: int) -> None:
        """Begin behind an offset; what was read before is void."""
        self.generation += 1
        self.position = offset
        self.backlog.clear()

    @property
    def done_with(self) -> int:
        """The offset up to which nothing waits here."""
        return self.backlog[0].offset - 1 if self.backlog else self.position

    @property
    def has_little(self) -> bool:
        """Whether the next page is wanted."""
        return len(self.backlog) < PAGE // 2

    async def read(self) -> None:
        """Read the next page; a store that fails is given a rest."""
        generation, self.is_behind = self.generation, False
        try:
            page = await self._ground.stateful.promise(
                self._place.journal.read(self.position, prefix=self.match.prefix, limit=PAGE)
            )
        except StoreError as error:
            logger.error("{}: cannot be read: {!r}", self._about, error)
            self.is_behind = True
            await self.news(REST)
            return
        if generation != self.generation:
            self.is_behind = True
            return
        self.position = page.next
        self.backlog.extend(entry for entry in page.entries if self.match.entry(entry))
        self.is_behind = self.is_behind or len(page.entries) >= PAGE

    # -- waiting for something to do

    async def news(self, within: float | None) -> None:
        """Wait until `nudge`, or for so many seconds."""
        self._wake = Promise(self._ground)
        timer = None
        if within is not None and not self.is_paused:
            timer = self._ground.after(within, self.look)
        await self._wake
        if timer is not None:
            timer.cancel()

    def look(self) -> None:
        """Read on: there may be more."""
        self.is_behind = True
        self.nudge()

    def nudge(self) -> None:
        """End the wait."""
        wake, self._wake = self._wake, None
        if wake is not None:
            wake.settle(None)

    def published(self) -> None:
        """Hear that there is more: one page for all that this turn publishes."""
        if not self.is_behind:
            self.is_behind = True
            self._ground.call_soon(self.nudge)
