"""`Runner`: brings one durable subscription from the journal to its agent.

It reads a page when it has little left, gives the agent what the policy allows,
and moves the offset in the store once handlers are done. So what is in memory
is bounded, however far the subscriber is behind.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import attrs
from loguru import logger

from harmonium.actors.ask import Ask
from harmonium.actors.cell import DEAD
from harmonium.actors.context import Context
from harmonium.actors.dead_letter_forms import Stored
from harmonium.actors.durable_topics_feed import PAGE, REST, Feed
from harmonium.actors.durable_topics_match import Match
from harmonium.actors.durable_topics_place import Place
from harmonium.actors.durable_topics_rooms import Rooms
from harmonium.actors.durable_topics_values import StoredContext, Subscription, SubscriptionLost
from harmonium.actors.handlers import lane_of
from harmonium.actors.promise import Promise
from harmonium.actors.stateful_drive import drive
from harmonium.actors.store.memory import MemoryStore
from harmonium.actors.store.values import Entry
from harmonium.protocols.errors import CodecError, StaleToken, StoreError
from harmonium.protocols.persistent_map import PersistentMap
from harmonium.protocols.subscription import (
    Commit,
    Cursor,
    CursorEffect,
    Deliver,
    GiveToOffice,
    LookAgain,
    Slow,
)

if TYPE_CHECKING:
    from harmonium.actors.cell import Cell
    from harmonium.actors.ground import Ground

__all__ = ["Runner"]

POLL = 0.5
"""Seconds between two looks for what other processes have published."""


class Runner:
    """One durable subscription on one ground; everything here is for its thread.

    Args:
        ground: Where the agent lives.
        cell: The agent.
        to: What it subscribed to.
        wanted: Name, start and policies.
    """

    def __init__(self, ground: Ground, cell: Cell, to: type | str, wanted: Subscription) -> None:
        self.cell = cell
        self._ground = ground
        self._wanted = wanted
        self._place = Place(ground, wanted.name, moved=self._commit, lost=self._lose)
        self._feed = Feed(ground, self._place, Match(to), self._about)
        self._rooms = Rooms(ground)
        self._open = True
        self._commits = False
        self._letters: Promise[None] = ground.dead_letters.saved()
        self._cursor = Cursor()
        self._end = 0
        self._entries: dict[int, Entry] = {}
        self._timer: Any = None

    # -- its life

    @property
    def active(self) -> bool:
        """Whether a living agent has it now."""
        return self.active_or_paused and not self._feed.is_paused

    @property
    def active_or_paused(self) -> bool:
        """Whether its agent, now or after a restart, goes on with it."""
        return self._open and self.cell.alive

    def begin(self) -> None:
        """Take the subscription, read how far it has come, and go on from there."""
        drive(self._ground, self._run()).then(self._ended)

    def pause(self) -> None:
        """Deliver nothing: the incarnation has ended. What waits in its mailbox stays there."""
        self._feed.is_paused = True
        self._set_timer(None)
        self._rooms.open()

    def resume(self, to: type | str, wanted: Subscription) -> None:
        """Go on with the next incarnation."""
        self._feed.match, self._feed.is_paused, self._wanted = Match(to), False, wanted
        due = self._ground.clock() + wanted.policy.ack_within
        later = {
            offset: one if one.resting else one._replace(due=due)
            for offset, one in self._cursor.open.items()
        }
        self._cursor = attrs.evolve(self._cursor, open=PersistentMap(later))
        self._advance()
        self._feed.nudge()

    def close(self) -> None:
        """Deliver nothing ever again."""
        self._open = False
        self.pause()
        self._feed.nudge()

    def finish(self) -> None:
        """Hand its place over without waiting, and close: the store is about to be closed."""
        self._place.hurry()
        self._letters = self._ground.dead_letters.saved()
        self._commit()
        self.close()

    def wants(self, topic: str, event: Any) -> bool:
        """Whether an event that is published here is for it."""
        return self.active and self._feed.match.takes(topic, type(event))

    def published(self, offset: int) -> Promise[None] | None:
        """Hear of an entry; gives what its publisher has to wait for, if anything."""
        self._feed.published()
        return self._rooms.take(offset, self._wanted.slow)

    async def rewind(self, offset: int) -> None:
        """Begin again behind an offset."""
        self._start_at(offset)
        await self._place.rewind(offset)
        self._feed.look()

    # -- reading

    async def _run(self) -> None:
        feed = self._feed
        while self._open and not await self._load():
            await feed.news(REST)
        poll = None if isinstance(self._stateful.store, MemoryStore) else POLL
        while self._open and self._ground.open:
            if feed.is_behind and not feed.is_paused and self._has_room():
                await feed.read()
                self._drop_the_oldest()
                self._advance()
                continue
            if feed.position - self._place.written >= PAGE:  # it read much that is not for it
                self._commit()
            await feed.news(poll)

    async def _load(self) -> bool:
        """Take the subscription and read its place; False if the store failed."""
        try:
            self._start_at(await self._place.take(self._wanted))
        except StoreError as error:
            logger.error("{}: cannot begin: {!r}", self._about, error)
            return False
        return True

    def _start_at(self, offset: int) -> None:
        self._feed.start_at(offset)
        self._cursor, self._end = Cursor(), 0
        self._entries.clear()
        self._set_timer(None)

    def _has_room(self) -> bool:
        return self._drops or self._feed.has_little

    @property
    def _drops(self) -> bool:
        return self._wanted.slow.then is Slow.DROP_OLDEST

    def _drop_the_oldest(self) -> None:
        backlog = self._feed.backlog
        while self._drops and len(backlog) > self._wanted.slow.limit:
            self._give_up(backlog.popleft(), "slow subscriber", "too many wait for it", 1)

    def _ended(self, run: Promise[None]) -> None:
        error = run.exception()
        if isinstance(error, StaleToken):
            self._lose()
        elif error is not None:
            logger.error("{}: has ended: {!r}", self._about, error)
            self.close()

    # -- delivering

    def _advance(self) -> None:
        """Deliver what the policy allows now."""
        feed = self._feed
        if feed.is_paused or not self._open or not self._ground.open:
            return
        room = self._wanted.policy.max_in_flight - len(self._cursor.open)
        while room > 0 and feed.backlog:
            self._entries[self._end] = feed.backlog.popleft()
            self._end += 1
            room -= 1
        draw = self._ground.random.random() if self._cursor.open else 0.0
        self._cursor, effects = self._wanted.policy.advance(
            self._cursor, self._end, self._ground.clock(), draw
        )
        self._carry_out(effects)
        if feed.is_behind and self._has_room():
            feed.nudge()

    def _carry_out(self, effects: tuple[CursorEffect, ...]) -> None:
        look = None
        for effect in effects:
            if isinstance(effect, Deliver):
                self._deliver(effect.offset, effect.attempt)
            elif isinstance(effect, GiveToOffice):
                entry = self._entries.pop(effect.offset)
                self._give_up(entry, "failed too often", str(effect.reason), effect.failures)
            elif isinstance(effect, Commit) and not self._commits:
                # Once for all that this turn settles: a write for each would halve the speed.
                self._commits = True
                self._ground.call_soon(self._commit)
            elif isinstance(effect, Commit):
                continue
            else:
                look = effect
        self._set_timer(look)

    def _set_timer(self, look: LookAgain | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if look is not None:
            delay = max(0.0, look.at - self._ground.clock())
            self._timer = self._ground.after(delay, self._advance)

    def _deliver(self, index: int, attempt: int) -> None:
        entry, ground, cell = self._entries[index], self._ground, self.cell
        try:
            message = self._message(entry)
        except CodecError as error:
            unreadable = partial(self._unreadable, self._feed.generation, index, str(error))
            ground.call_soon(unreadable)  # not here: a thousand in a row would nest as deep
            return
        ask: Ask[Any] = Ask(ground, None, cell, None)
        key = f"{self._wanted.name}/{entry.offset}"
        context = StoredContext(str(entry.data["correlation_id"]), None, key)
        if ground.has_room(cell) or not cell.alive:
            ground.post(None, cell, message, ask, lane_of(type(message)), context)
        else:
            ground.sent = number = ground.sent + 1
            cell.limit = 0
            cell.more.wait_for_room(_envelope(message, ask, number, context), Promise(ground))
        ask.then(partial(self._answered, self._feed.generation, index, attempt))

    def _unreadable(self, generation: int, index: int, why: str) -> None:
        if generation == self._feed.generation and index in self._cursor.open:
            entry = self._entries[index]
            self._settle_at(index, partial(self._give_up, entry, "cannot be read", why, 1))

    def _message(self, entry: Entry) -> Any:
        agent: Any = self.cell.agent
        return self._stateful.unpack(self._feed.match.classes(agent), entry.data["message"])

    def _answered(self, generation: int, index: int, attempt: int, ask: Promise[Any]) -> None:
        """Hear what became of a delivery."""
        if generation != self._feed.generation or not self._open:
            return
        error = ask.exception()
        if index not in self._cursor.open:
            return
        if error is None:
            self._settle_at(index, None)
        elif self._ground.open and self.cell.state is not DEAD:
            self._failed(index, attempt, error)

    def _settle_at(self, index: int, before: Callable[[], None] | None) -> None:
        """An entry is done with: go on."""
        if before is not None:
            before()
        offset = self._entries[index].offset
        self._place.settled(offset)
        self._cursor, effects = self._wanted.policy.acknowledged(self._cursor, index)
        self._carry_out(effects)
        self._entries.pop(index, None)
        self._advance()

    def _failed(self, index: int, attempt: int, error: BaseException) -> None:
        entry, policy = self._entries[index], self._wanted.policy
        failures = self._place.failures(entry.offset) + 1
        if failures >= policy.max_failures:
            reason = partial(self._give_up, entry, "failed too often", str(error), failures)
            self._settle_at(index, reason)
            return
        self._place.failed(entry.offset, failures)
        self._cursor, effects = policy.failed(
            self._cursor, index, attempt, self._ground.clock(), error, self._ground.random.random()
        )
        self._carry_out(effects)
        self._advance()

    def _give_up(self, entry: Entry, reason: str, detail: str, attempts: int) -> None:
        """Make a dead letter of an entry; the subscriber goes on with the next."""
        ground = self._ground
        try:
            message = self._message(entry)
        except CodecError:
            message = Stored(str(entry.data["message"].get("type", "?")), _text(entry))
        ground.sent = number = ground.sent + 1
        context = Context(str(entry.data["correlation_id"]))
        crashed = reason == "failed too often" and ground.bundles is not None
        bundle = str(ground.bundles.file_of(self.cell)) if crashed else ""
        detail = f"{self._wanted.name}, offset {entry.offset}, topic {entry.topic}: {detail}"
        ground.dead_letter(
            self.cell,
            _envelope(message, None, number, context),
            reason,
            detail=detail,
            attempts=attempts,
            bundle=bundle,
        )
        self._letters = ground.dead_letters.saved()

    # -- what the store has to know

    def _done_with(self) -> int:
        """The offset up to which every entry is done with."""
        first = self._entries.get(self._cursor.committed)
        if first is not None and self._cursor.committed < self._end:
            return first.offset - 1
        return self._feed.done_with

    def _commit(self) -> None:
        """Move the offset in the store to the newest place, behind letters that are stored."""
        self._commits = False
        self._rooms.make(self._done_with(), self._wanted.slow)
        if not self._open:
            return
        if self._letters.done():
            self._place.move(self._done_with())
        else:  # a crash could take a letter and its entry
            self._letters.then(lambda _: self._commit())

    def note_place(self) -> None:
        """Have the store know how far it is: it moves past what is not for it only now and then."""
        if self.active:
            self._commit()

    def _lose(self) -> None:
        """Another system has the subscription now."""
        if self._open:
            self.close()
            logger.error("{}: another system has taken it over", self._about)
            self._ground.observers.emit(SubscriptionLost(self._wanted.name, self.cell.path))

    # -- short names

    @property
    def _about(self) -> str:
        return f"durable subscription {self._wanted.name} of {self.cell.path}"

    @property
    def _stateful(self) -> Any:
        return self._ground.stateful


def _envelope(message: Any, ask: Any, number: int, context: Context) -> Any:
    return (message, None, ask, number, 0, context)


def _text(entry: Entry) -> str:
    return json.dumps(entry.data["message"])
