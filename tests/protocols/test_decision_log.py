"""The decision log: whatever is done to it afterwards is found, and its place is named."""

from __future__ import annotations

import json
from typing import Any

import attrs
from hypothesis import given
from hypothesis import strategies as st

from harmonium.protocols.decision_log import (
    GENESIS,
    Entry,
    Head,
    Kind,
    Record,
    append,
    from_row,
    summary,
    to_row,
    verify,
)

TEXTS = st.text(max_size=6)
ENTRIES = st.builds(
    Entry,
    st.floats(0, 1e10),
    TEXTS,
    st.sampled_from(Kind),
    TEXTS,
    TEXTS,
    TEXTS | st.none() | st.integers(),
    TEXTS,
    TEXTS,
)


def _log(entries: list[Entry]) -> list[Record]:
    return list(append(Head(), entries)[1])


LOGS = st.lists(ENTRIES, min_size=2, max_size=8).map(_log)


@given(st.lists(ENTRIES, max_size=8), st.integers(0, 8))
def test_a_log_may_be_written_in_pieces(entries: list[Entry], cut: int) -> None:
    """Appending in two pieces gives the same records as appending all at once, and verifies."""
    head, first = append(Head(), entries[:cut])
    head, second = append(head, entries[cut:])
    records = [*first, *second]
    assert records == _log(entries)
    assert verify(records, head=head) is None


@given(LOGS, st.data())
def test_a_changed_record_is_named(records: list[Record], data: Any) -> None:
    """Any other value in any field of any record breaks the log at that record."""
    place = data.draw(st.integers(0, len(records) - 1))
    field = data.draw(st.sampled_from([f.name for f in attrs.fields(Record)]))
    old = getattr(records[place], field)
    new = data.draw(TEXTS | st.integers() | st.floats() | st.none() | st.just([1]))
    if type(new) is type(old) and new == old:
        return
    records[place] = attrs.evolve(records[place], **{field: new})
    found = verify(records)
    if isinstance(new, int) and isinstance(old, float) and new == old:
        return  # 1 and 1.0 are the same time, and JSON writes them differently
    assert found is not None
    assert found.position == place
    assert found.seq == place + 1


@given(LOGS, st.data())
def test_a_removed_record_is_named(records: list[Record], data: Any) -> None:
    """A record taken from the middle breaks the log where it stood."""
    place = data.draw(st.integers(0, len(records) - 2))
    del records[place]
    found = verify(records)
    assert found is not None
    assert found.position == place
    assert "removed" in found.problem


@given(LOGS)
def test_a_log_cut_short_is_found_with_its_head(records: list[Record]) -> None:
    """Records missing at the end leave a sound chain, and do not fit the head that was kept."""
    head = Head(records[-1].seq, records[-1].hash)
    assert verify(records[:-1]) is None
    found = verify(records[:-1], head=head)
    assert found is not None
    assert found.position == len(records) - 1


@given(LOGS, st.data())
def test_reordered_records_are_named(records: list[Record], data: Any) -> None:
    """Two records that changed places break the log at the first of them."""
    place = data.draw(st.integers(0, len(records) - 2))
    records[place], records[place + 1] = records[place + 1], records[place]
    found = verify(records)
    assert found is not None
    assert found.position == place


@given(LOGS, ENTRIES, st.data())
def test_a_record_sealed_anew_does_not_fit_its_successor(
    records: list[Record], entry: Entry, data: Any
) -> None:
    """Who changes a record and mends its hash has to mend all that follow."""
    place = data.draw(st.integers(0, len(records) - 2))
    before = Head(place, records[place - 1].hash if place else GENESIS)
    forged = append(before, [entry])[1][0]
    if forged == records[place]:
        return
    records[place] = forged
    found = verify(records)
    assert found is not None
    assert found.position == place + 1


@given(LOGS)
def test_records_survive_json(records: list[Record]) -> None:
    """A log that was written to lines of JSON and read again verifies."""
    lines = [json.dumps(to_row(record)) for record in records]
    again = [from_row(json.loads(line)) for line in lines]
    assert again == records
    assert verify(again) is None


def test_the_hash_is_what_the_document_says() -> None:
    """SHA-256 over the canonical JSON of all fields but the hash: pinned, for other readers."""
    record = append(Head(), [Entry(1.5, "r1", Kind.ANSWERED, "stock", "inventory", "Ok")])[1][0]
    assert record.hash == "a8b995e2b1a7f4ca8b0a3b74d7e145eee746436927e97e116bb46e6aff1b4b38"


class Unshowable:
    def __str__(self) -> str:
        raise ValueError


def test_a_summary_is_one_short_line() -> None:
    """What was said is brought to one line of at most 500 characters; nothing stays nothing."""
    assert summary("two\n  lines") == "two lines"
    assert len(summary("x" * 10_000)) == 500
    assert summary(None) == summary("") == ""
    assert summary(0) == "0"
    assert summary(Unshowable()) == "a Unshowable that cannot be shown"
