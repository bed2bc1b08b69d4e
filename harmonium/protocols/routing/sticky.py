"""The router that keeps a session with its member, through every resize."""

from __future__ import annotations

from typing import Any

import attrs

from harmonium.protocols.checks import check_count
from harmonium.protocols.errors import SpecError
from harmonium.protocols.persistent_map import PersistentMap
from harmonium.protocols.routing.least_loaded import LEAST_LOADED
from harmonium.protocols.routing.members import Members, Router
from harmonium.protocols.stable_hash import Key

__all__ = ["STICKY", "Sessions", "Sticky"]

# (owner, messages in flight, messages ever, messages since the owner began to drain):
# a tuple, because an attrs record costs 0.5 us and one is made for each message.
_Session = tuple[str, int, int, int]

# How many of the oldest sessions a new one may look at to make room.
_TRIES = 8


@attrs.frozen
class _Book:
    """What is kept beside the sessions, and changes only with a new one."""

    placing: Any
    ages: PersistentMap[int, tuple[Key, int]] = attrs.field(factory=PersistentMap)
    oldest: int = 0
    newest: int = 0
    ids: tuple[str, ...] = ()
    taking: frozenset[str] = frozenset()


@attrs.frozen
class Sessions:
    """Which member owns which session.

    Args:
        table: Owner and counts of each session.
        book: The order in which sessions are forgotten, and the placing router's state.
    """

    table: PersistentMap[Key, _Session]
    book: _Book = attrs.field(repr=False)

    def owner(self, key: Key) -> str | None:
        """Name the member that owns a session; None when nobody does."""
        found = self.table.get(key)
        return found[0] if found else None

    def in_flight(self, key: Key) -> int:
        """Count a session's messages that its owner is not yet done with."""
        found = self.table.get(key)
        return found[1] if found else 0

    def __len__(self) -> int:
        return len(self.table)


@attrs.frozen
class Sticky(Router[Sessions]):
    """The member that had the session's messages before; a new session is placed.

    A session has one owner at a time. Growing moves nothing. When its owner
    drains, a session stays until nothing of it is in flight there, and its next
    message goes to another member: so its messages keep their order and no two
    members work on it at once. A session that never pauses would keep its owner
    from draining; after `patience` more messages its mail is held (nobody is
    chosen) until the last one in flight is finished. A member that is gone
    has lost its sessions. A message without a key is placed and forgotten.

    Args:
        place: Who gets a new session.
        patience: How many more messages of one session a draining owner takes.
            At least 0.
        max_sessions: How many sessions are remembered. Above it, one that rested
            since it was last looked at is forgotten (the clock rule: Corbató, "A
            paging experiment with the Multics system", 1968); one with messages
            in flight never is, so that the table may be longer for a while.

    Raises:
        SpecError: If a bound above does not hold.
    """

    keyed = True
    tracks = True

    place: Router[Any] = attrs.field(default=LEAST_LOADED, kw_only=True)
    patience: int = attrs.field(default=100, kw_only=True)
    max_sessions: int = attrs.field(default=100_000, kw_only=True)

    def __attrs_post_init__(self) -> None:
        check_count("Sticky.patience", self.patience)
        check_count("Sticky.max_sessions", self.max_sessions, least=1)
        if self.place.tracks or self.place.fans_out:
            problem = f"{self.place!r} cannot place a session"
            raise SpecError("Sticky.place", problem, "take a router that chooses one member")

    def start(self) -> Sessions:
        """Begin without sessions."""
        return Sessions(PersistentMap(), _Book(self.place.start()))

    def route(
        self, state: Sessions, key: Key, members: Members, draw: float
    ) -> tuple[Sessions, tuple[str, ...]]:
        """Give the message to the session's owner, to a new one, or to nobody yet."""
        if state.book.ids is not members.ids:
            state = _meet(state, members)
        session = state.table.get(key) if key is not None else None
        if session is None:
            return self._open(state, key, members, draw)
        owner, in_flight, ever, late = session
        if owner in state.book.taking:
            new = (owner, in_flight + 1, ever + 1, 0)
        elif owner not in members.draining or not in_flight:
            return self._open(state, key, members, draw, ever)
        elif late < self.patience:
            new = (owner, in_flight + 1, ever + 1, late + 1)
        else:
            return state, ()
        return Sessions(state.table.set(key, new), state.book), (owner,)

    def finished(self, state: Sessions, key: Key, member: str) -> Sessions:
        """Take note that a member is done with a message; one that is no owner changes nothing."""
        session = state.table.get(key) if key is not None else None
        if session is None or session[0] != member or not session[1]:
            return state
        owner, in_flight, ever, late = session
        return Sessions(state.table.set(key, (owner, in_flight - 1, ever, late)), state.book)

    def _open(
        self, state: Sessions, key: Key, members: Members, draw: float, ever: int | None = None
    ) -> tuple[Sessions, tuple[str, ...]]:
        placing, chosen = self.place.route(state.book.placing, key, members, draw)
        if placing is not state.book.placing:
            state = Sessions(state.table, attrs.evolve(state.book, placing=placing))
        if key is None or not chosen:
            return state, chosen
        table = state.table.set(key, (chosen[0], 1, (ever or 0) + 1, 0))
        if ever is None:
            return _remember(table, state.book, key, self.max_sessions), chosen
        return Sessions(table, state.book), chosen


def _meet(state: Sessions, members: Members) -> Sessions:
    book = attrs.evolve(state.book, ids=members.ids, taking=frozenset(members.ids))
    return Sessions(state.table, book)


def _remember(table: PersistentMap[Key, _Session], book: _Book, key: Key, limit: int) -> Sessions:
    ages, oldest, newest = book.ages.set(book.newest, (key, 1)), book.oldest, book.newest + 1
    for _ in range(_TRIES):
        if len(table) <= limit:
            break
        candidate, seen = ages[oldest]
        ages, oldest = ages.discard(oldest), oldest + 1
        _owner, in_flight, ever, _late = table[candidate]
        if in_flight or ever != seen:
            ages, newest = ages.set(newest, (candidate, ever)), newest + 1
        else:
            table = table.discard(candidate)
    return Sessions(table, _Book(book.placing, ages, oldest, newest, book.ids, book.taking))


STICKY = Sticky()
