"""Items: keys and values with revisions and expiry, and the operations on them."""
# ruff: noqa: D102 - `Operation` has the docstrings

from __future__ import annotations

import math

import attrs

from harmonium.actors.store.draft import Draft, Keys
from harmonium.actors.store.payload import check_name, encode
from harmonium.actors.store.rows import ItemRow
from harmonium.protocols.errors import StoreError, VersionConflict

__all__ = [
    "ANY",
    "REVISIONS",
    "DeleteItem",
    "ExpireItems",
    "PutItem",
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


def _drop_all(draft: Draft, places: list[tuple[str, str]]) -> int:
    # Selected, and not written or deleted by an earlier operation of the group.
    untouched = [place for place in places if place not in draft.items.changed]
    for place in untouched:
        _drop_item(draft, place)
    return len(untouched)
