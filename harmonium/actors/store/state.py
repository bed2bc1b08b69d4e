"""State: keys and values with revisions, and the part of a store that offers them."""
# ruff: noqa: D102 - the port has the docstrings

from __future__ import annotations

import asyncio
import builtins
import contextlib
import math
from collections.abc import AsyncIterator, Callable

import attrs

from harmonium.actors.store.core import Core
from harmonium.actors.store.draft import Draft, Keys
from harmonium.actors.store.payload import Payload, check_name, encode
from harmonium.actors.store.pending import Pending
from harmonium.actors.store.ports import StateStore
from harmonium.actors.store.rows import ItemRow, item_of
from harmonium.actors.store.values import Change, Fence, Item
from harmonium.actors.store.watching import Watch
from harmonium.protocols.errors import StoreError, VersionConflict

__all__ = [
    "ANY",
    "REVISIONS",
    "DeleteItem",
    "ExpireItems",
    "PutItem",
    "State",
    "TrimItems",
    "check_ttl",
    "live",
    "write_item",
]

ANY = -1
"""As an expected revision: whatever is there."""

REVISIONS = "state"
"""The counter that gives each change of the state its number."""


def check_ttl(_instance: object, _attribute: attrs.Attribute[float], ttl: float) -> None:
    """Refuse a time to live that is not above 0 and finite (an attrs validator)."""
    if not 0 < ttl < math.inf:
        raise StoreError(f"a time to live is above 0 seconds and finite, not {ttl!r}")


def live(draft: Draft, place: tuple[str, str], now: float) -> ItemRow | None:
    """The row of an item that has not expired."""
    row = draft.items.get(place)
    return None if row is None or (row[2] is not None and row[2] <= now) else row


def write_item(
    draft: Draft, place: tuple[str, str], data: bytes, now: float, ttl: float | None
) -> ItemRow:
    """Put a new row with the next revision."""
    revision = draft.next_number(REVISIONS)[0]
    row = (revision, now, None if ttl is None else now + ttl, data)
    draft.items.put(place, row)
    return row


def _drop_item(draft: Draft, place: tuple[str, str]) -> None:
    draft.deletions[place] = draft.next_number(REVISIONS)[0]
    draft.items.put(place, None)


def _check_revision(place: tuple[str, str], expected: int | None, row: ItemRow | None) -> None:
    actual = None if row is None else row[0]
    if expected not in {ANY, actual}:
        raise VersionConflict(f"state {place[0]}/{place[1]}", expected, actual)


@attrs.frozen(slots=True)
class PutItem:
    """Write a value; the result is its new revision.

    Args:
        namespace: The namespace.
        key: The key.
        data: The payload.
        revision: Which revision must be there; None for no value, `ANY` for whatever.
        ttl: After how many seconds it is gone; None keeps it.
        strict: Whether another revision fails the unit with `VersionConflict`;
            else the result is None and the unit goes on.
    """

    namespace: str = attrs.field(validator=check_name)
    key: str = attrs.field(validator=check_name)
    data: bytes = attrs.field(converter=encode)
    revision: int | None = attrs.field(default=ANY, kw_only=True)
    ttl: float | None = attrs.field(
        default=None, kw_only=True, validator=attrs.validators.optional(check_ttl)
    )
    strict: bool = attrs.field(default=True, kw_only=True)

    def ask(self, keys: Keys) -> None:
        keys.items.add((self.namespace, self.key))
        keys.counters.add(REVISIONS)

    def decide(self, draft: Draft, now: float) -> int | None:
        place = (self.namespace, self.key)
        try:
            _check_revision(place, self.revision, live(draft, place, now))
        except VersionConflict:
            if self.strict:
                raise
            return None
        return write_item(draft, place, self.data, now, self.ttl)[0]


@attrs.frozen(slots=True)
class DeleteItem:
    """Delete a value; True when it was there.

    Args:
        namespace: The namespace.
        key: The key.
        revision: Which revision must be there, or `VersionConflict`; `ANY` for whatever.
    """

    namespace: str = attrs.field(validator=check_name)
    key: str = attrs.field(validator=check_name)
    revision: int | None = attrs.field(default=ANY, kw_only=True)

    def ask(self, keys: Keys) -> None:
        keys.items.add((self.namespace, self.key))
        keys.counters.add(REVISIONS)

    def decide(self, draft: Draft, now: float) -> bool:
        place = (self.namespace, self.key)
        row = live(draft, place, now)
        _check_revision(place, self.revision, row)
        if row is not None:
            _drop_item(draft, place)
        return row is not None


@attrs.frozen(slots=True)
class ExpireItems:
    """Delete up to `limit` values that have expired; the result is how many."""

    limit: int

    def ask(self, keys: Keys) -> None:
        keys.selections.add(self)
        keys.counters.add(REVISIONS)

    def decide(self, draft: Draft, now: float) -> int:
        places = [place for place in draft.loaded.selections[self] if not live(draft, place, now)]
        return _drop_all(draft, places)


@attrs.frozen(slots=True)
class TrimItems:
    """Delete up to `limit` of the oldest values but the newest `keep`; the result is how many."""

    namespace: str = attrs.field(validator=check_name)
    keep: int
    limit: int

    def ask(self, keys: Keys) -> None:
        keys.selections.add(self)
        keys.counters.add(REVISIONS)

    def decide(self, draft: Draft, now: float) -> int:
        return _drop_all(draft, draft.loaded.selections[self])


def _drop_all(draft: Draft, places: builtins.list[tuple[str, str]]) -> int:
    # Selected, and not written or deleted by an earlier operation of the group.
    untouched = [place for place in places if place not in draft.items.changed]
    for place in untouched:
        _drop_item(draft, place)
    return len(untouched)


class State(StateStore):
    """The state of one namespace."""

    def __init__(self, core: Core, namespace: str) -> None:
        self._core = core
        self._namespace = namespace

    def get(self, key: str) -> Pending[Item | None]:
        return self._core.read(
            lambda reader: reader.item(self._namespace, key),
            lambda row: None if row is None else item_of(self._namespace, key, row),
        )

    def put(
        self, key: str, data: Payload, *, ttl: float | None = None, fence: Fence | None = None
    ) -> Pending[int]:
        return self._core.write(PutItem(self._namespace, key, data, ttl=ttl), fence)

    def compare_and_set(
        self,
        key: str,
        data: Payload,
        *,
        revision: int | None,
        ttl: float | None = None,
        fence: Fence | None = None,
    ) -> Pending[int | None]:
        operation = PutItem(self._namespace, key, data, revision=revision, ttl=ttl, strict=False)
        return self._core.write(operation, fence)

    def delete(
        self, key: str, *, revision: int | None = None, fence: Fence | None = None
    ) -> Pending[bool]:
        expected = ANY if revision is None else revision
        return self._core.write(DeleteItem(self._namespace, key, revision=expected), fence)

    def list(
        self, prefix: str = "", *, after: str = "", limit: int = 1000
    ) -> Pending[builtins.list[Item]]:
        return self._core.read(
            lambda reader: reader.items(self._namespace, prefix, after, limit),
            lambda rows: [item_of(self._namespace, key, row) for key, row in rows],
        )

    def watch(self, prefix: str, callback: Callable[[Change], object]) -> Pending[Watch]:
        return self._core.watch(Watch(self._namespace, prefix, callback))

    async def changes(self, prefix: str = "") -> AsyncIterator[Change]:
        inbox = _Inbox(asyncio.get_running_loop())
        watch = Watch(self._namespace, prefix, inbox.take, inbox.end)
        await self._core.watch(watch)
        try:
            async for change in inbox:
                yield change
        finally:
            watch.close()


class _Inbox:
    """What an event loop has not read yet of a watch: the last change of each key."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._news = asyncio.Event()
        self._changes: dict[str, Change] = {}
        self._ended = False

    def take(self, change: Change) -> None:
        """Take a change, in any thread."""
        self._call(lambda: self._changes.__setitem__(change.key, change))

    def end(self) -> None:
        """End the iteration after what was taken, in any thread."""
        self._call(lambda: setattr(self, "_ended", True))

    def _call(self, step: Callable[[], object]) -> None:
        # The loop may be closed under its iterator: then nobody reads.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._do, step)

    def _do(self, step: Callable[[], object]) -> None:
        step()
        self._news.set()

    async def __aiter__(self) -> AsyncIterator[Change]:
        while not self._ended or self._changes:
            await self._news.wait()
            self._news.clear()
            while self._changes:
                yield self._changes.pop(next(iter(self._changes)))
