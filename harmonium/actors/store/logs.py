"""Logs: records that are appended, found by key, time and content, and trimmed."""
# ruff: noqa: D102 - the port has the docstrings

from __future__ import annotations

from collections.abc import Iterable

import attrs

from harmonium.actors.store.core import Core, Reader, Span
from harmonium.actors.store.draft import Draft, Keys
from harmonium.actors.store.journal_ports import RecordLog
from harmonium.actors.store.payload import Payload, check_name, encode
from harmonium.actors.store.pending import Pending
from harmonium.actors.store.rows import record_of
from harmonium.actors.store.values import Fence, Filter, Record
from harmonium.protocols.errors import VersionConflict

__all__ = [
    "AppendRecords",
    "DeleteRecords",
    "Log",
    "TrimLog",
    "counter_of",
    "drop_selected",
    "id_before",
]

_CHUNK = 1000
"""Records that one query of a filtered scan reads, so that its memory is bounded."""


def counter_of(log: str) -> str:
    """The counter that numbers the records of a log; its time is that of the last record."""
    return f"log:{log}"


def _encode_all(data: Iterable[Payload]) -> tuple[bytes, ...]:
    return tuple([encode(payload) for payload in data])


def _check_key(instance: object, attribute: attrs.Attribute[str], value: str) -> None:
    if value != "":
        check_name(instance, attribute, value)


@attrs.frozen(slots=True)
class AppendRecords:
    """Append records to a log; the result is their ids. See `RecordLog.append`."""

    log: str = attrs.field(validator=check_name)
    data: tuple[bytes, ...] = attrs.field(converter=_encode_all)
    key: str = attrs.field(default="", kw_only=True, validator=_check_key)
    expected_last: int | None = attrs.field(default=None, kw_only=True)

    def ask(self, keys: Keys) -> None:
        keys.counters.add(counter_of(self.log))

    def decide(self, draft: Draft, now: float) -> tuple[int, ...]:
        counter = counter_of(self.log)
        last = (draft.counters.get(counter) or (0, 0.0))[0]
        if self.expected_last not in {None, last}:
            raise VersionConflict(f"log {self.log}", self.expected_last, last)
        ids = []
        for data in self.data:
            number, at = draft.next_number(counter, now)
            draft.records[self.log, number] = (at, self.key, data)
            draft.present.put((self.log, number), True)
            ids.append(number)
        return tuple(ids)


@attrs.frozen(slots=True)
class DeleteRecords:
    """Delete records by id; the result is how many were there."""

    log: str = attrs.field(validator=check_name)
    ids: tuple[int, ...]

    def ask(self, keys: Keys) -> None:
        keys.records.update((self.log, id) for id in self.ids)

    def decide(self, draft: Draft, now: float) -> int:
        return _drop_all(draft, [(self.log, id) for id in self.ids])


@attrs.frozen(slots=True)
class TrimLog:
    """Delete the oldest records; the result is how many. See `RecordLog.trim`."""

    log: str = attrs.field(validator=check_name)
    up_to: int | None = attrs.field(default=None, kw_only=True)
    before: float | None = attrs.field(default=None, kw_only=True)
    keep: int | None = attrs.field(default=None, kw_only=True)
    limit: int = attrs.field(default=10_000, kw_only=True)

    def ask(self, keys: Keys) -> None:
        keys.selections.add(self)

    def decide(self, draft: Draft, now: float) -> int:
        return drop_selected(draft, draft.loaded.selections[self])


def drop_selected(draft: Draft, places: Iterable[tuple[str, int]]) -> int:
    """Delete records that a selection has found; gives how many."""
    found = list(places)
    for place in found:
        draft.present.put(place, True)
    return _drop_all(draft, found)


def _drop_all(draft: Draft, places: Iterable[tuple[str, int]]) -> int:
    there = [place for place in dict.fromkeys(places) if draft.present.get(place)]
    for place in there:
        draft.present.put(place, None)
        draft.records[place] = None
    return len(there)


def id_before(reader: Reader, log: str, time: float) -> int:
    """The last id before the first record of `time` or later, by halving the ids.

    The times of a log's records never go back, so no index over them is kept.
    """
    last, _ = reader.counter(counter_of(log)) or (0, 0.0)
    low, high = 0, last
    while low < high:
        middle = (low + high) // 2
        found = reader.records(Span(log, after=middle, before=high + 1, limit=1))
        if found and found[0][1] < time:
            low = found[0][0]
        else:
            high = middle
    return low


def _bounds(reader: Reader, span: Span, only: Filter) -> Span:
    """Narrow a span to the times that a filter takes."""
    if only.since is not None:
        first = id_before(reader, span.log, only.since)
        span = attrs.evolve(span, after=max(span.after, first))
    if only.until is not None:
        end = id_before(reader, span.log, only.until) + 1
        span = attrs.evolve(span, before=end if span.before is None else min(span.before, end))
    return span


def _scan(reader: Reader, span: Span, only: Filter) -> list[Record]:
    span = _bounds(reader, span, only)
    if not only.where:
        return [record_of(span.log, row) for row in reader.records(span)]
    wanted, found = span.limit, []
    span = attrs.evolve(span, limit=_CHUNK)
    while rows := reader.records(span):
        records = [record_of(span.log, row) for row in rows]
        found += [record for record in records if only.takes(record.data)]
        if len(found) >= wanted or len(rows) < _CHUNK:
            break
        last = rows[-1][0]
        span = (
            attrs.evolve(span, before=last) if span.newest_first else attrs.evolve(span, after=last)
        )
    return found[:wanted]


class Log(RecordLog):
    """One log of a store."""

    def __init__(self, core: Core, name: str) -> None:
        self._core = core
        self._name = name

    def append(
        self,
        *data: Payload,
        key: str = "",
        expected_last: int | None = None,
        fence: Fence | None = None,
    ) -> Pending[tuple[int, ...]]:
        operation = AppendRecords(self._name, data, key=key, expected_last=expected_last)
        return self._core.write(operation, fence)

    def scan(
        self,
        only: Filter | None = None,
        *,
        after: int = 0,
        before: int | None = None,
        newest_first: bool = False,
        limit: int = 1000,
    ) -> Pending[list[Record]]:
        only = only or Filter()
        span = Span(self._name, after, before, only.key, only.prefix, newest_first, limit)
        return self._core.read(lambda reader: _scan(reader, span, only))

    def last_id(self) -> Pending[int]:
        return self._core.read(
            lambda reader: reader.counter(counter_of(self._name)), lambda row: row[0] if row else 0
        )

    def delete(self, *ids: int, fence: Fence | None = None) -> Pending[int]:
        return self._core.write(DeleteRecords(self._name, ids), fence)

    def trim(
        self,
        *,
        up_to: int | None = None,
        before: float | None = None,
        keep: int | None = None,
        limit: int = 10_000,
    ) -> Pending[int]:
        operation = TrimLog(self._name, up_to=up_to, before=before, keep=keep, limit=limit)
        return self._core.write(operation)
