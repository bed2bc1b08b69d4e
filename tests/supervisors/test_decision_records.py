"""Decision logs in a store: trimmed at their beginning, and proved against the file."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from harmonium.actors.store import open_store
from harmonium.protocols.decision_log import Entry, Head, Kind
from harmonium.protocols.errors import StoreCorrupt
from harmonium.supervisors.decision_records import (
    ENDS,
    DecisionRecords,
    paths_of,
    read_records,
    records_about,
    verify_log,
)

PATH = "/shop/orders"


def write(place: Path, count: int, *, keep: int = 1000, first: int = 0) -> Head:
    """Append records of requests r0, r1, r2, one commit each; gives the head."""
    with open_store(place) as store:
        item = store.state(ENDS).get(PATH).result()
        base, head = Head(), Head()
        if item is not None:
            base, head = Head(*item.data["base"]), Head(*item.data["head"])
        records = DecisionRecords(PATH, keep, base, head)
        for n in range(first, first + count):
            entry = Entry(float(n), f"r{n % 3}", Kind.ANSWERED, "step", "who", what=n)
            store.commit(*records.append(entry.correlation_id, [entry]), *records.ends()).result()
        return records.head


def verify(place: Path, anchor: Head | None = None):
    with open_store(place) as store:
        return verify_log(store, PATH, anchor)


def tamper(place: Path, *statements: str) -> None:
    with closing(sqlite3.connect(place)) as connection, connection:
        for statement in statements:
            assert connection.execute(statement).rowcount > 0


@pytest.fixture
def place(tmp_path: Path) -> Path:
    write(tmp_path / "s.db", 9)
    return tmp_path / "s.db"


def test_a_log_is_whole(place):
    """What was written passes, with its two ends."""
    report = verify(place)
    assert (report.records, report.broken) == (9, None)
    assert (report.base.seq, report.head.seq) == (0, 9)


def test_a_changed_record_is_named(place):
    """One word is another one: the seal does not fit."""
    text = f"replace(cast(data as text), '{json.dumps('who')}', '{json.dumps('she')}')"
    tamper(place, f"UPDATE harmonium_records SET data = cast({text} as blob) WHERE id = 4")
    broken = verify(place).broken
    assert (broken.position, broken.seq) == (3, 4)
    assert "changed" in broken.problem


def test_a_record_that_is_no_json_any_more_is_named(place):
    """Bytes that nobody wrote."""
    tamper(place, "UPDATE harmonium_records SET data = x'7b7b' WHERE id = 6")
    broken = verify(place).broken
    assert (broken.position, broken.seq) == (5, 6)


def test_a_record_that_is_filed_under_another_request_is_named(place):
    """Its seal fits, but the story of its request would miss it."""
    tamper(place, "UPDATE harmonium_records SET key = 'r0' WHERE id = 5")
    broken = verify(place).broken
    assert (broken.position, broken.seq) == (4, 5)
    assert "another correlation id" in broken.problem


def test_a_removed_record_is_named(place):
    """The one behind it does not follow the one before it."""
    tamper(place, "DELETE FROM harmonium_records WHERE id = 5")
    broken = verify(place).broken
    assert (broken.position, broken.seq) == (4, 5)
    assert "removed" in broken.problem


def test_reordered_records_are_named(place):
    """Two have changed places."""
    tamper(
        place,
        "UPDATE harmonium_records SET id = 100 WHERE id = 2",
        "UPDATE harmonium_records SET id = 2 WHERE id = 7",
        "UPDATE harmonium_records SET id = 7 WHERE id = 100",
    )
    broken = verify(place).broken
    assert (broken.position, broken.seq) == (1, 2)
    assert "reordered" in broken.problem


@pytest.mark.parametrize(
    ("condition", "seq", "problem"), [("id > 7", 8, "cut short"), ("id < 3", 1, "removed")]
)
def test_a_log_that_was_cut_short_is_found_out(place, condition, seq, problem):
    """Its ends are kept beside it."""
    tamper(place, f"DELETE FROM harmonium_records WHERE {condition}")
    broken = verify(place).broken
    assert broken.seq == seq
    assert problem in broken.problem


def test_a_record_that_was_added_is_found_out(place):
    """Behind the head there must be nothing."""
    tamper(
        place,
        "INSERT INTO harmonium_records SELECT log, 10, at, key, data"
        " FROM harmonium_records WHERE id = 9",
    )
    assert verify(place).broken.seq == 10


def test_a_rewritten_log_fits_no_head_that_was_noted_elsewhere(tmp_path):
    """Whoever writes log and ends anew is found out only by a head that is out of reach."""
    noted = write(tmp_path / "a.db", 5)
    write(tmp_path / "a.db", 4, first=5)
    assert verify(tmp_path / "a.db", noted).broken is None
    write(tmp_path / "b.db", 9, first=1)
    assert verify(tmp_path / "b.db").broken is None
    assert verify(tmp_path / "b.db", noted).broken.seq == 5
    assert "rewritten" in verify(tmp_path / "b.db", noted).broken.problem
    assert "cut short" in verify(tmp_path / "a.db", Head(12, noted.hash)).broken.problem


def test_old_records_are_trimmed_and_the_rest_is_still_proved(tmp_path):
    """The log keeps at least its bound, and never much more."""
    place = tmp_path / "s.db"
    write(place, 75, keep=20)
    write(place, 60, keep=20, first=75)
    report = verify(place)
    assert report.broken is None
    assert 20 <= report.records <= 42
    assert report.base.seq == 135 - report.records
    tamper(place, f"DELETE FROM harmonium_records WHERE id = {report.base.seq + 1}")
    assert verify(place).broken.seq == report.base.seq + 1


def test_records_are_found_by_correlation_id(place):
    """In the order of the log, over all coordinators of the store."""
    with open_store(place) as store:
        assert paths_of(store) == [PATH]
        assert [one.seq for one in read_records(store, PATH, correlation_id="r1")] == [2, 5, 8]
        assert [one.what for one in records_about(store, "r1")] == ["1", "4", "7"]


def test_what_is_no_record_is_an_error_with_its_place(tmp_path):
    """The log's name and the number of the record."""
    with open_store(tmp_path / "s.db") as store:
        store.log(f"decisions:{PATH}").append({"odd": 1}).result()
        with pytest.raises(StoreCorrupt, match=PATH):
            list(read_records(store, PATH))
