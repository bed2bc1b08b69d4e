"""The decision logs of a store: one for each coordinator, sealed record by record.

A record goes into the log in the commit that makes its event durable, so the
log tells of everything that happened and of nothing else. Where the log ends,
and where it begins after its oldest records were trimmed, is kept beside it:
so a log that was cut short at either end is found out too.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

import attrs

from harmonium.actors.store.items import PutItem
from harmonium.actors.store.logs import AppendRecords, TrimLog
from harmonium.actors.store.operations import Operation
from harmonium.actors.store.ports import Store
from harmonium.actors.store.values import Filter
from harmonium.actors.store.values import Record as Stored
from harmonium.protocols import decision_log
from harmonium.protocols.decision_log import Break, Entry, Head, Record
from harmonium.protocols.errors import StoreCorrupt

__all__ = [
    "ENDS",
    "DecisionRecords",
    "LogReport",
    "log_of",
    "paths_of",
    "read_records",
    "records_about",
    "short",
    "verify_log",
]

ENDS = "decision-logs"
"""The namespace with the two ends of each log, by the coordinator's path."""

_PAGE = 1000
_CHECKPOINTS = 10
"""In how many parts the oldest records are trimmed."""
_LONGEST_KEY = 200


def log_of(path: str) -> str:
    """Name the log of the coordinator with this path."""
    return f"decisions:{path}"


def short(key: str) -> str:
    """Bring a key of the user's to what every store takes: short, and without odd characters.

    Example:
        >>> short("order-536365"), len(short("x" * 1000))
        ('order-536365', 64)
    """
    if 0 < len(key) <= _LONGEST_KEY and key.isascii() and key.isprintable():
        return key
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


class DecisionRecords:
    """The writing side of one log: what to commit for each entry.

    Args:
        path: The coordinator's path.
        keep: How many records stay at least; older ones are trimmed.
        base: Where the log begins.
        head: Where it ends.
    """

    def __init__(self, path: str, keep: int, base: Head, head: Head) -> None:
        self._path = path
        self._log = log_of(path)
        self._keep = keep
        self._step = max(keep // _CHECKPOINTS, 1)
        self._checkpoints: deque[Head] = deque()
        self.base = base
        self.head = head

    @classmethod
    async def open(cls, store: Store, path: str, keep: int) -> DecisionRecords:
        """Find both ends of the log of a coordinator."""
        base, head = await _ends(store, path)
        return cls(path, keep, base, head or base)

    def append(self, correlation_id: str, entries: Iterable[Entry]) -> list[Operation]:
        """Give what writes the entries of one request behind the head."""
        self.head, records = decision_log.append(self.head, entries)
        if not records:
            return []
        for record in records:
            if record.seq % self._step == 0:
                self._checkpoints.append(Head(record.seq, record.hash))
        rows = [_row(record) for record in records]
        return [AppendRecords(self._log, rows, key=short(correlation_id))]

    def ends(self) -> list[Operation]:
        """Give what keeps the ends of the log, and trims it when it has grown too long."""
        trims: list[Operation] = []
        while self._checkpoints and self._checkpoints[0].seq <= self.head.seq - self._keep:
            before, self.base = self.base, self._checkpoints.popleft()
            gone = self.base.seq - before.seq
            trims = [TrimLog(self._log, up_to=self.base.seq, limit=gone + _PAGE)]
        data = {"base": _plain(self.base), "head": _plain(self.head)}
        return [*trims, PutItem(ENDS, short(self._path), {"path": self._path, **data})]


def _row(one: Record) -> tuple[Any, ...]:
    """Give the fields in their order; `attrs.astuple` takes 10 us for it."""
    said = (one.step, one.who, one.what, one.rule, one.why)
    return (one.seq, one.time, one.correlation_id, one.kind, *said, one.previous_hash, one.hash)


def _plain(head: Head) -> list[Any]:
    return [head.seq, head.hash]


# -- reading


async def _ends(store: Store, path: str) -> tuple[Head, Head | None]:
    """Give where a log begins and ends; None where nothing is known of its end."""
    item = await store.state(ENDS).get(short(path))
    if item is None:
        return Head(), None
    return _ends_of(item.data, path)


def _ends_of(data: Any, path: str) -> tuple[Head, Head]:
    match data:
        case {"base": [int(first), str(base)], "head": [int(last), str(head)]}:
            return Head(first, base), Head(last, head)
    raise StoreCorrupt(f"state {ENDS}/{path}", 0, "the ends of the decision log cannot be read")


def paths_of(store: Store) -> list[str]:
    """List the coordinators that have a decision log, from a plain thread."""
    items = _items(store)
    return [item.data.get("path", item.key) for item in items if isinstance(item.data, dict)]


def _items(store: Store) -> Iterator[Any]:
    after = ""
    while page := store.state(ENDS).list(after=after, limit=_PAGE).result():
        yield from page
        after = page[-1].key


def read_records(store: Store, path: str, *, correlation_id: str | None = None) -> Iterator[Record]:
    """Read the log of a coordinator in its order, from a plain thread.

    Args:
        store: The store.
        path: The coordinator's path.
        correlation_id: Only the records of this request; None reads all.

    Raises:
        StoreCorrupt: If a record is none any more, with its place.
    """
    only = None if correlation_id is None else Filter(key=short(correlation_id))
    log, after = store.log(log_of(path)), 0
    while page := log.scan(only, after=after, limit=_PAGE).result():
        for one in page:
            yield _record_of(one, path)
        after = page[-1].id


def records_about(store: Store, correlation_id: str) -> list[Record]:
    """Read all records of a request, from a plain thread, in the order of their times."""
    found: list[Record] = []
    for path in paths_of(store):
        found += read_records(store, path, correlation_id=correlation_id)
    return sorted(found, key=lambda record: record.time)


def _record_of(stored: Stored, path: str) -> Record:
    data, place = stored.data, f"log {log_of(path)}"
    if not isinstance(data, list) or len(data) != len(attrs.fields(Record)):
        raise StoreCorrupt(place, stored.id, "it is no record of decisions")
    record = Record(*data)
    if stored.key != short(str(record.correlation_id)):  # so that it cannot be hidden from explain
        raise StoreCorrupt(place, stored.id, "it is filed under another correlation id")
    return record


# -- proving


@attrs.frozen(slots=True)
class LogReport:
    """What the look at one decision log came to.

    Args:
        path: The coordinator's path.
        records: How many records were read.
        base: What the log begins after: above 0 when older records were trimmed.
        head: Where it should end.
        broken: The first place that is not what was written; None if there is none.
    """

    path: str
    records: int
    base: Head
    head: Head
    broken: Break | None


def verify_log(store: Store, path: str, anchor: Head | None = None) -> LogReport:
    """Prove the log of a coordinator, from a plain thread.

    Args:
        store: The store.
        path: The coordinator's path.
        anchor: A head that was noted down elsewhere: the record with its number
            must still have its hash.
    """
    base, head, seen, problem = _read_whole(store, path)
    if problem is not None:
        place = max(problem.offset - base.seq - 1, 0)
        broken: Break | None = Break(place, problem.offset, f"changed: {problem}")
    else:
        broken = decision_log.verify(seen, head=head, after=base) or _look(seen, anchor, base)
    return LogReport(path, len(seen), base, head, broken)


def _read_whole(store: Store, path: str) -> tuple[Head, Head, list[Record], StoreCorrupt | None]:
    """Read the ends and the records of one moment, also while somebody writes on.

    While somebody does, what came after the first look is left out.
    """
    base, head = _ends_now(store, path)
    seen, problem = _read_all(store, path)
    for _ in range(_LOOKS):
        before, (base, after) = head, _ends_now(store, path)
        if before == after:
            return base, head, seen, problem
        head = after
        if problem is None and seen and seen[0].seq == base.seq + 1 and seen[-1].seq >= before.seq:
            return base, before, [one for one in seen if one.seq <= before.seq], None
        seen, problem = _read_all(store, path)
    return base, head, seen, problem


_LOOKS = 5


def _ends_now(store: Store, path: str) -> tuple[Head, Head]:
    item = store.state(ENDS).get(short(path)).result()
    return (Head(), Head()) if item is None else _ends_of(item.data, path)


def _read_all(store: Store, path: str) -> tuple[list[Record], StoreCorrupt | None]:
    seen: list[Record] = []
    try:
        seen.extend(read_records(store, path))
    except StoreCorrupt as error:
        return seen, error
    return seen, None


def _look(records: list[Record], anchor: Head | None, base: Head) -> Break | None:
    """Hold a log that is whole in itself against a head that was kept elsewhere."""
    if anchor is None or anchor.seq <= base.seq:
        return None
    place = anchor.seq - base.seq - 1
    if place >= len(records):
        return Break(len(records), anchor.seq, "cut short: the head that was noted is not there")
    if records[place].hash != anchor.hash:
        return Break(place, anchor.seq, "rewritten: it has not the hash that was noted")
    return None
