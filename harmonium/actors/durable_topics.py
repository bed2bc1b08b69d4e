"""Durable topics: what is published is in the store first, and no subscriber misses it.

One journal in the store for all topics, and for each subscription how far it
has come. It needs no process that is always up: publishers and subscribers of
any number of systems meet in the store.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from loguru import logger

from harmonium.actors.durable_topics_trimming import Trimming
from harmonium.actors.promise import Promise
from harmonium.actors.stateful_drive import drive
from harmonium.protocols.errors import ConfigError, SpecError
from harmonium.protocols.topics import check_topic

if TYPE_CHECKING:
    from harmonium.actors.cell import Cell
    from harmonium.actors.context import Context
    from harmonium.actors.durable_topics_runner import Runner
    from harmonium.actors.durable_topics_values import Subscription
    from harmonium.actors.ground import Ground
    from harmonium.protocols.retention import Retention

__all__ = ["DurableTopics"]

T = TypeVar("T")

MOST_WARNINGS = 1_000
"""Classes and topics of which it is told that durable subscribers miss them."""


class DurableTopics:
    """The durable side of a ground's topics.

    What gives a promise may be called in any thread: ``await`` it, or call its
    ``result()`` in a plain thread.

    Args:
        ground: Whose topics.
    """

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._runners: dict[str, Runner] = {}
        self._of_cell: dict[Cell, dict[str, None]] = {}
        self._trimming = Trimming(ground, self._note_places)
        self.plain: set[tuple[type, str | None]] = set()
        """Classes and topics that were published plainly past durable subscribers."""

    # -- publishing

    def publish(
        self, sender: Cell | None, event: Any, topic: str | None, context: Context
    ) -> Promise[int]:
        """Store an event, then send it to the subscribers of now; gives its offset.

        Two events of one publisher have their offsets in the order in which
        they were published.

        Raises:
            SpecError: If the topic is no name.
            CodecError: If the event cannot be written down.
        """
        if topic is not None:
            check_topic(topic)
        return self._drive(
            self._publish(
                sender, event, topic, context, self._hand_over(sender, event, topic, context)
            )
        )

    def _hand_over(
        self, sender: Cell | None, event: Any, topic: str | None, context: Context
    ) -> Promise[tuple[int, ...]]:
        """Give the event to the store now, so that the order of calls is that of offsets."""
        stateful = self._ground.stateful
        name = topic if topic is not None else self._ground.topics.topic_of(event)
        data = {
            "message": stateful.pack(event),
            "correlation_id": context.correlation_id,
            "publisher": None if sender is None else sender.path,
        }
        journal = stateful.store.topics
        return stateful.do(lambda: journal.publish(name, data))

    async def _publish(
        self,
        sender: Cell | None,
        event: Any,
        topic: str | None,
        context: Context,
        stored: Promise[tuple[int, ...]],
    ) -> int:
        (offset,) = await stored
        topics = self._ground.topics
        topics.spread(sender, event, topic, context)
        name = topic if topic is not None else topics.topic_of(event)
        rooms = [
            runner.published(offset)
            for runner in self._runners.values()
            if runner.wants(name, event)
        ]
        for room in rooms:
            if room is not None:
                await room
        return offset

    def __bool__(self) -> bool:
        return bool(self._runners)

    def missed(self, event: Any, topic: str | None) -> None:
        """Warn, once for each class and topic, that durable subscribers do not hear an event."""
        plain = (type(event), topic)
        if plain in self.plain or len(self.plain) >= MOST_WARNINGS:
            return
        name = topic if topic is not None else self._ground.topics.topic_of(event)
        deaf = [one for one, runner in self._runners.items() if runner.wants(name, event)]
        if deaf:
            self.plain.add(plain)
            logger.warning(
                "{} on {} is published plainly, so the durable subscriptions {} miss it; "
                "publish it with durable=True",
                type(event).__name__,
                name,
                ", ".join(deaf),
            )

    # -- subscribing

    def subscribe(self, cell: Cell, to: type | str, wanted: Subscription) -> None:
        """Deliver to an agent what it has not handled yet, and what comes.

        Raises:
            SpecError: If `to` is no pattern, or another living agent has the subscription.
        """
        runner = self._runners.get(wanted.name)
        if runner is not None and runner.cell is not cell:
            if runner.active:
                raise SpecError(
                    cell.path,
                    f"the durable subscription {wanted.name!r} belongs to {runner.cell.path}",
                    "give each agent its own name, or let one agent hand the events out",
                )
            runner.close()
            runner = None
        if runner is None or not runner.active_or_paused:
            from harmonium.actors.durable_topics_runner import Runner  # noqa: PLC0415 - an extra

            runner = self._runners[wanted.name] = Runner(self._ground, cell, to, wanted)
            runner.begin()
        else:
            runner.resume(to, wanted)
        self._of_cell.setdefault(cell, {})[wanted.name] = None

    def unsubscribe(self, cell: Cell, name: str) -> Promise[bool]:
        """End a durable subscription for good: its place in the journal is forgotten.

        Returns:
            Whether there was one.
        """
        self._of_cell.get(cell, {}).pop(name, None)
        return self._forget(name)

    def _forget(self, name: str) -> Promise[bool]:
        runner = self._runners.pop(name, None)
        if runner is not None:
            self._of_cell.get(runner.cell, {}).pop(name, None)
            runner.close()
        stateful = self._ground.stateful
        return stateful.do(lambda: stateful.store.topics.forget(name))

    def pause(self, cell: Cell) -> None:
        """Deliver nothing more to an incarnation that has ended."""
        for name in self._of_cell.pop(cell, ()):
            runner = self._runners.get(name)
            if runner is not None and runner.cell is cell:
                runner.pause()

    def close(self) -> None:
        """Hand over how far each subscription has come, and deliver nothing more."""
        self._trimming.close()
        for runner in self._runners.values():
            runner.finish()
        self._runners.clear()

    # -- operating

    def subscriptions(self) -> Promise[dict[str, int]]:
        """How far each subscription in the store has come: its offset by its name."""
        return self._do(lambda: self._drive(self._cursors()))

    def end(self) -> Promise[int]:
        """The offset of the newest entry of the journal; 0 when there is none."""
        stateful = self._ground.stateful
        return self._do(lambda: stateful.do(stateful.store.topics.end))

    def forget(self, name: str) -> Promise[bool]:
        """End a subscription for good, whoever has it, so that it holds up no retention.

        Whoever subscribes under the name again begins anew.

        Args:
            name: The subscription's name.

        Returns:
            Whether there was one.
        """
        return self._do(lambda: self._forget(name))

    def rewind(
        self, name: str, *, after: int | None = None, since: float | None = None
    ) -> Promise[int]:
        """Move a subscription, back for a replay or forwards; gives its new offset.

        What is under way is handled all the same; then come all that lie
        behind the offset, again.

        Args:
            name: The subscription's name.
            after: The offset that it has come to.
            since: Or the time, in seconds of the store's clock: the next is the
                first entry of then or later.

        Raises (when awaited):
            ConfigError: If not exactly one of the two is given, or there is no
                such subscription.
        """
        return self._do(lambda: self._drive(self._rewind(name, after, since)))

    def trim(self, *, before: float | None = None) -> Promise[int]:
        """Delete entries that all subscriptions have handled; gives how many.

        Args:
            before: Only those from before this time, in seconds of the store's clock.
        """
        return self._do(lambda: self._drive(self._trim(before)))

    def keep(self, retention: Retention) -> Promise[None]:
        """Go by this retention from now on; `Retention()` deletes nothing any more.

        A failure to delete is logged, and tried again at the next look.
        """
        return self._do(lambda: self._keep(retention))

    @property
    def retention(self) -> Retention:
        """What is deleted by itself; nothing, if nobody has declared it."""
        return self._trimming.retention

    def _keep(self, retention: Retention) -> Promise[None]:
        self._trimming.keep(retention)
        kept: Promise[None] = Promise(self._ground)
        kept.settle(None)
        return kept

    def _note_places(self) -> None:
        """Have the store know of each subscription how far it is, also past what is not for it."""
        for runner in self._runners.values():
            runner.note_place()

    async def _cursors(self) -> dict[str, int]:
        stateful = self._ground.stateful
        return await stateful.promise(stateful.store.topics.cursors())

    async def _rewind(self, name: str, after: int | None, since: float | None) -> int:
        if (after is None) == (since is None):
            raise ConfigError(f"subscription {name}", "give either after or since")
        if name not in await self._cursors():
            raise ConfigError(f"subscription {name}", "there is no such subscription")
        stateful = self._ground.stateful
        if since is not None:
            after = await stateful.promise(stateful.store.topics.offset_at(since))
        offset = after or 0
        runner = self._runners.get(name)
        if runner is not None:
            await runner.rewind(offset)
        else:
            await stateful.promise(stateful.store.topics.move(name, offset))
        return offset

    async def _trim(self, before: float | None) -> int:
        stateful = self._ground.stateful
        journal, keep = stateful.store.topics, 0 if before is None else None
        deleted = 0
        while count := await stateful.promise(journal.trim_taken(before=before, keep=keep)):
            deleted += count
        return deleted

    def _drive(self, coroutine: Coroutine[Any, Any, T]) -> Promise[T]:
        return drive(self._ground, coroutine)

    def _do(self, work: Callable[[], Promise[T]]) -> Promise[T]:
        if self._ground.in_thread():
            return work()
        promise: Promise[T] = Promise(self._ground)

        def run() -> None:
            try:
                work().then(lambda done: _pass_on(done, promise))
            except Exception as error:  # it belongs to the caller
                promise.fail(error)

        self._ground.call_threadsafe(run)
        return promise


def _pass_on(done: Promise[T], promise: Promise[T]) -> None:
    error = done.exception()
    if error is None:
        promise.settle(done.result())
    else:
        promise.fail(error)
