"""`Place`: what the store knows of one durable subscription: its offset, and what has failed.

Every write carries the token that was taken with the subscription; when another
system takes it over, they are refused.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from loguru import logger

from harmonium.actors.promise import Promise
from harmonium.actors.store.values import Fence
from harmonium.protocols.errors import StaleToken

if TYPE_CHECKING:
    from harmonium.actors.durable_topics_values import Subscription
    from harmonium.actors.ground import Ground
    from harmonium.actors.store.journal_ports import TopicJournal

__all__ = ["FAILURES", "Place"]

FAILURES = "topic-failures"
"""The namespace of how often an entry has failed for a subscription: NAME/OFFSET."""

TENURE = 1e9
"""Seconds of the lease: it ends when another system takes the subscription."""


class Place:
    """How far a subscription has come, here and in the store.

    Args:
        ground: Whose store.
        name: The subscription.
        moved: Called when the offset was stored, to store a newer one.
        lost: Called when another system has the subscription.
    """

    def __init__(
        self,
        ground: Ground,
        name: str,
        *,
        moved: Callable[[], None],
        lost: Callable[[], None],
    ) -> None:
        self._stateful = ground.stateful
        self._name = name
        self._moved = moved
        self._lost = lost
        self._fence: Fence | None = None
        self._failures: dict[int, int] = {}
        self._moving = False
        self._epoch = 0
        self.written = 0
        """The offset that the store has."""

    @property
    def journal(self) -> TopicJournal:
        """The journal of all durable topics."""
        return self._stateful.store.topics

    async def take(self, wanted: Subscription) -> int:
        """Take the subscription from whoever has it; gives how far it has come.

        Raises:
            StoreError: If the store fails.
        """
        promise, journal, name = self._stateful.promise, self.journal, self._name
        lease = f"topic:{name}"
        held = await promise(self._stateful.store.leases.acquire(lease, lease, TENURE))
        self._fence = None if held is None else held.fence
        cursors = await promise(journal.cursors())
        if name not in cursors:
            start = wanted.after
            if wanted.since is not None:
                start = await promise(journal.offset_at(wanted.since))
            await promise(journal.move(name, start, fence=self._fence))
            cursors[name] = start
        failures = self._stateful.store.state(FAILURES)
        items = await promise(failures.list(f"{name}/", limit=100_000))
        self._failures = {int(one.key.rpartition("/")[2]): int(one.data) for one in items}
        self.written = cursors[name]
        return self.written

    def move(self, offset: int) -> None:
        """Store a newer offset: one write at a time, then `moved` asks for the next."""
        if offset <= self.written or self._moving:
            return
        self._moving = True
        epoch, journal, name, fence = self._epoch, self.journal, self._name, self._fence

        def over(promise: Promise[int]) -> None:
            self._moving = False
            if self._went_well(promise) and epoch == self._epoch:
                self.written = offset
                self._moved()

        self._stateful.do(lambda: journal.move(name, offset, fence=fence)).then(over)

    def hurry(self) -> None:
        """Let the next `move` not wait for the one under way: the store is about to be closed."""
        self._moving = False

    async def rewind(self, offset: int) -> None:
        """Store an offset, also an older one; what had failed begins anew.

        Raises:
            StoreError: If the store fails.
        """
        self._epoch += 1
        for failed in list(self._failures):
            self.settled(failed)
        await self._stateful.promise(self.journal.move(self._name, offset, fence=self._fence))
        self.written = offset

    def failures(self, offset: int) -> int:
        """How often an entry has failed, in this process and before it."""
        return self._failures.get(offset, 0)

    def failed(self, offset: int, failures: int) -> None:
        """Note how often an entry has failed."""
        self._failures[offset] = failures
        state, key, fence = self._stateful.store.state(FAILURES), self._key(offset), self._fence
        self._stateful.do(lambda: state.put(key, failures, fence=fence)).then(self._went_well)

    def settled(self, offset: int) -> None:
        """Forget the failures of an entry, if there were any."""
        if self._failures.pop(offset, None) is not None:
            state, key, fence = self._stateful.store.state(FAILURES), self._key(offset), self._fence
            self._stateful.do(lambda: state.delete(key, fence=fence)).then(self._went_well)

    def _key(self, offset: int) -> str:
        return f"{self._name}/{offset}"

    def _went_well(self, promise: Promise[Any]) -> bool:
        error = promise.exception()
        if isinstance(error, StaleToken):
            self._lost()
        elif error is not None:
            logger.warning("subscription {}: its place was not stored: {!r}", self._name, error)
        return error is None
