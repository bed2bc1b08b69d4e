"""Subscriptions: what becomes of a slow subscriber, and how far a durable one has come."""

from __future__ import annotations

import enum
from typing import Any, NamedTuple

import attrs

from harmonium.protocols.backoff import Backoff
from harmonium.protocols.checks import check_count, check_seconds
from harmonium.protocols.persistent_map import PersistentMap

__all__ = [
    "Commit",
    "Cursor",
    "CursorEffect",
    "Deliver",
    "Durable",
    "GiveToOffice",
    "LookAgain",
    "Slow",
    "SlowPolicy",
]


class Slow(enum.Enum):
    """What happens to one more message for a subscriber that has too many waiting."""

    DROP_OLDEST = "drop_oldest"
    """Its oldest waiting message becomes a dead letter."""
    DROP_NEWEST = "drop_newest"
    """The new message becomes a dead letter, for this subscriber only."""
    DISCONNECT = "disconnect"
    """The subscription ends, and the subscriber is told."""
    WAIT = "wait"
    """The publisher waits. One slow subscriber then slows all others down."""
    PARK = "park"
    """It stays where it is kept, and is read from there when there is room."""


@attrs.frozen
class SlowPolicy:
    """How many messages may wait for a subscriber, and what happens then.

    Args:
        limit: How many may wait. At least 1.
        then: What happens to one more.

    Raises:
        SpecError: If the limit is below 1.
    """

    limit: int = attrs.field(default=1000)
    then: Slow = attrs.field(default=Slow.DROP_OLDEST)

    def __attrs_post_init__(self) -> None:
        check_count("SlowPolicy.limit", self.limit, least=1)

    def decide(self, waiting: int) -> Slow | None:
        """Say what to do with one more message when so many wait; None to deliver it."""
        return None if waiting < self.limit else self.then


# --- Durable subscriptions ---------------------------------------------------


@attrs.frozen
class Deliver:
    """Send the message at this offset to the subscriber, for the n-th time."""

    offset: int
    attempt: int


@attrs.frozen
class GiveToOffice:
    """The message at this offset failed too often: it becomes a dead letter."""

    offset: int
    failures: int
    reason: Any


@attrs.frozen
class Commit:
    """Everything before this offset is settled: keep that in the store."""

    offset: int


@attrs.frozen
class LookAgain:
    """Call `advance` at this time, in seconds; an earlier wish for it is void."""

    at: float


CursorEffect = Deliver | GiveToOffice | Commit | LookAgain


class _Open(NamedTuple):
    """A message that was delivered and is not settled."""

    attempt: int
    due: float
    resting: bool = False


@attrs.frozen
class Cursor:
    """How far a durable subscriber has come in its topic.

    Args:
        committed: Every message before this offset is settled.
        following: The next offset that was never delivered.
        open: What was delivered and is not settled: under way or resting.
        settled: Offsets from `committed` on that are settled, because they
            were handled before an earlier one.
    """

    committed: int = 0
    following: int = 0
    open: PersistentMap[int, _Open] = attrs.field(factory=PersistentMap)
    settled: PersistentMap[int, None] = attrs.field(factory=PersistentMap)

    @classmethod
    def at(cls, offset: int) -> Cursor:
        """Begin at an offset: after a restart the committed one, or any for a replay."""
        return cls(offset, offset)


Outcome = tuple[Cursor, tuple[CursorEffect, ...]]


@attrs.frozen
class Durable:
    """How messages are given to a subscriber that may not miss one.

    Each message is delivered at least once: again when it failed or was not
    acknowledged in time, until it is acknowledged or has failed `max_failures`
    times and becomes a dead letter. After a restart of the subscriber or of the
    topic everything from the committed offset on is delivered again. First
    deliveries are in order; with `max_in_flight` 1 the next message waits until
    the one before is settled, so all deliveries are.

    Args:
        max_in_flight: How many may be delivered and not settled. At least 1.
        max_failures: At which failure a message is given up. At least 1.
        ack_within: After how many seconds without an acknowledgement a delivery
            has failed. Above 0.
        backoff: How long a failed message rests.

    Raises:
        SpecError: If a bound above does not hold.
    """

    max_in_flight: int = attrs.field(default=100, kw_only=True)
    max_failures: int = attrs.field(default=5, kw_only=True)
    ack_within: float = attrs.field(default=30.0, kw_only=True)
    backoff: Backoff = attrs.field(factory=lambda: Backoff(0.1, 30.0), kw_only=True)

    def __attrs_post_init__(self) -> None:
        check_count("Durable.max_in_flight", self.max_in_flight, least=1)
        check_count("Durable.max_failures", self.max_failures, least=1)
        check_seconds("Durable.ack_within", self.ack_within, above=0.0)

    def advance(self, cursor: Cursor, end: int, now: float, draw: float = 0.0) -> Outcome:
        """Deliver what can be delivered now; call it after each change, and when `LookAgain` says.

        Args:
            cursor: How far the subscriber is.
            end: The offset after the last message of the topic.
            now: Monotonic time, in seconds.
            draw: Chance for the jitter of rests, in [0, 1).
        """
        effects: list[CursorEffect] = []
        for offset in sorted(o for o, each in cursor.open.items() if each.due <= now):
            cursor, more = self._late(cursor, offset, now, draw)
            effects.extend(more)
        opened, following = cursor.open, cursor.following
        while following < end and len(opened) < self.max_in_flight:
            opened = opened.set(following, _Open(1, now + self.ack_within))
            effects.append(Deliver(following, 1))
            following += 1
        cursor = attrs.evolve(cursor, open=opened, following=following)
        return cursor, (*effects, *_look_again(cursor))

    def acknowledged(self, cursor: Cursor, offset: int) -> Outcome:
        """Settle a message; it does not matter which of its deliveries was handled."""
        if offset not in cursor.open:
            return cursor, ()
        return _settle(cursor, offset)

    def failed(
        self, cursor: Cursor, offset: int, attempt: int, now: float, reason: Any, draw: float = 0.0
    ) -> Outcome:
        """Take a failure: the message rests, or is given up; that of an older delivery is inert."""
        found = cursor.open.get(offset)
        if found is None or found.resting or found.attempt != attempt:
            return cursor, ()
        if attempt >= self.max_failures:
            cursor, effects = _settle(cursor, offset)
            return cursor, (GiveToOffice(offset, attempt, reason), *effects)
        rests = _Open(attempt, now + self.backoff.delay(attempt, draw), resting=True)
        cursor = attrs.evolve(cursor, open=cursor.open.set(offset, rests))
        return cursor, _look_again(cursor)

    def _late(self, cursor: Cursor, offset: int, now: float, draw: float) -> Outcome:
        """Go on with a message whose rest is over, or whose time for an acknowledgement is."""
        found = cursor.open[offset]
        if not found.resting:
            cursor, effects = self.failed(
                cursor, offset, found.attempt, now, "not acknowledged in time", draw
            )
            return cursor, tuple(each for each in effects if not isinstance(each, LookAgain))
        again = _Open(found.attempt + 1, now + self.ack_within)
        cursor = attrs.evolve(cursor, open=cursor.open.set(offset, again))
        return cursor, (Deliver(offset, again.attempt),)


def _settle(cursor: Cursor, offset: int) -> Outcome:
    opened, settled, committed = cursor.open.discard(offset), cursor.settled, cursor.committed
    settled = settled.set(offset, None)
    while committed in settled:
        settled = settled.discard(committed)
        committed += 1
    effects = (Commit(committed),) if committed != cursor.committed else ()
    return Cursor(committed, cursor.following, opened, settled), effects


def _look_again(cursor: Cursor) -> tuple[LookAgain, ...]:
    return (LookAgain(min(each.due for each in cursor.open.values())),) if cursor.open else ()
