"""The record of every decision: append-only, each record sealed with the one before.

The seal is a hash chain: a record's hash covers its own fields and the hash of
its predecessor, so that a changed, removed or reordered record is found, and
its place is named. (Haber and Stornetta, How to Time-Stamp a Digital Document,
1991.) The chain cannot see that its newest records were cut off: compare its
head with one that was kept elsewhere.
"""

from __future__ import annotations

import enum
import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from harmonium.protocols.quick import quick

__all__ = [
    "GENESIS",
    "Break",
    "Entry",
    "Head",
    "Kind",
    "Record",
    "append",
    "from_row",
    "seal",
    "summary",
    "to_row",
    "verify",
]

GENESIS = "0" * 64
"""The hash that stands before the first record."""


class Kind(enum.StrEnum):
    """What sort of thing a record tells."""

    BEGAN = "began"
    ANSWERED = "answered"
    FAILED = "failed"
    REFUSED = "refused"
    FELL_BACK = "fell_back"
    HEDGED = "hedged"
    SKIPPED = "skipped"
    VOTED = "voted"
    VERDICT = "verdict"
    CONFLICT = "conflict"
    RESOLVED = "resolved"
    ESCALATED = "escalated"
    NOT_NEEDED = "not_needed"
    UNDOING = "undoing"
    UNDONE = "undone"
    STANDING = "standing"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    RESUMED = "resumed"
    FINISHED = "finished"
    GAVE_UP = "gave_up"


@quick
@attrs.frozen(slots=True)
class Entry:
    """One thing to record: who said what, and which rule decided.

    Args:
        time: When, in seconds of the coordinator's clock.
        correlation_id: The request's.
        kind: What sort of thing it is.
        step: Path of the step; empty for the request itself.
        who: The agent, voter or person that spoke; empty for the coordinator.
        what: What was said or decided: any value, made into text when it is
            sealed.
        rule: The rule that decided, or empty.
        why: The reason, or empty.
    """

    time: float
    correlation_id: str
    kind: Kind
    step: str = ""
    who: str = ""
    what: Any = None
    rule: Any = ""
    why: str = ""


@attrs.frozen(slots=True)
class Record:
    """A sealed entry; the fields are those of `Entry` as text, and the seal.

    Args:
        seq: Its place in the log, from 1, without gaps.
        time: When, in seconds.
        correlation_id: The request's.
        kind: What sort of thing it is.
        step: Path of the step; empty for the request itself.
        who: Who spoke; empty for the coordinator.
        what: What was said or decided.
        rule: The rule that decided.
        why: The reason.
        previous_hash: The hash of the record before, `GENESIS` for the first.
        hash: SHA-256 of the canonical JSON of all other fields, in hex.
    """

    seq: int
    time: float
    correlation_id: str
    kind: str
    step: str
    who: str
    what: str
    rule: str
    why: str
    previous_hash: str
    hash: str


@attrs.frozen(slots=True)
class Head:
    """Where a log ends: enough to append to it, and to notice that it was cut short.

    Args:
        seq: How many records it has.
        hash: The hash of the last one.
    """

    seq: int = 0
    hash: str = GENESIS


_BEGINNING = Head()


@attrs.frozen(slots=True)
class Break:
    """The first place where a log is not what was written.

    Args:
        position: Place in the sequence of records as they were read, from 0.
        seq: The sequence number that should stand there.
        problem: What is wrong: changed, removed, reordered or cut short.
    """

    position: int
    seq: int
    problem: str

    def __str__(self) -> str:
        return f"record {self.seq} (place {self.position}): {self.problem}"


def append(head: Head, entries: Iterable[Entry]) -> tuple[Head, tuple[Record, ...]]:
    """Seal entries behind the head of a log; give the new head and the records to write.

    Example:
        >>> head, records = append(Head(), [Entry(0.5, "r1", Kind.BEGAN)])
        >>> head.seq, records[0].previous_hash == GENESIS, verify(records) is None
        (1, True, True)
    """
    records = []
    for entry in entries:
        record = seal(head, entry)
        records.append(record)
        head = Head(record.seq, record.hash)
    return head, tuple(records)


def seal(head: Head, entry: Entry) -> Record:
    """Make the record of one entry that follows the head."""
    fields = (
        head.seq + 1,
        float(entry.time),
        entry.correlation_id,
        str(entry.kind),
        entry.step,
        entry.who,
        summary(entry.what),
        summary(entry.rule),
        entry.why,
        head.hash,
    )
    return Record(*fields, _digest(fields))


def verify(
    records: Iterable[Record], *, head: Head | None = None, after: Head = _BEGINNING
) -> Break | None:
    """Find the first place where a log was tampered with; None when there is none.

    Args:
        records: All records, in the order in which the store gives them.
        head: The head that was kept elsewhere, to notice a log that was cut
            short at its end; None does not look for that.
        after: Where the log begins, if its oldest records were trimmed.
    """
    last = after
    for position, record in enumerate(records):
        problem = _problem(last, record)
        if problem:
            return Break(position, last.seq + 1, problem)
        last = Head(record.seq, record.hash)
    if head is not None and head != last:
        place = last.seq - after.seq
        return Break(place, last.seq + 1, f"cut short: {head.seq} records were written")
    return None


def _problem(last: Head, record: Record) -> str:
    if not _is_sealed(record):
        return "changed: its hash does not fit its fields"
    if record.seq > last.seq + 1:
        return f"removed or reordered: record {record.seq} stands here"
    if record.seq < last.seq + 1:
        return f"reordered or repeated: record {record.seq} stands here"
    if record.previous_hash != last.hash:
        return "replaced: it does not follow the record before it"
    return ""


def _is_sealed(record: Record) -> bool:
    try:
        return record.hash == _digest(attrs.astuple(record)[:-1])
    except (TypeError, ValueError):  # a field holds what JSON cannot
        return False


def _digest(fields: tuple[Any, ...]) -> str:
    text = _ENCODER.encode(fields)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


# One for all: `json.dumps` with options makes a new one for each call, for 3 us.
_ENCODER = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"), allow_nan=False)


def summary(value: Any) -> str:
    """Bring what was said to one line of text of at most 500 characters."""
    if value is None or value == "":
        return ""
    try:
        text = str(value)
    except Exception:  # noqa: BLE001 - what a stranger's __str__ raises must not stop the record
        text = f"a {type(value).__name__} that cannot be shown"
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


_LONGEST = 500


def to_row(record: Record) -> dict[str, Any]:
    """Give the record as plain data, for a store or a line of JSON."""
    return attrs.asdict(record)


def from_row(row: Mapping[str, Any]) -> Record:
    """Make the record of its plain data; its seal is not checked here."""
    return Record(**{field.name: row[field.name] for field in attrs.fields(Record)})
