"""Logs: ids that are never used twice, filters, and trimming."""

from __future__ import annotations

import pytest

from harmonium.actors.store import AppendRecords, DeleteRecords, Filter, Record, Store
from harmonium.protocols.errors import VersionConflict
from tests.actors.store.conftest import Clock, Place


def ids(records: list[Record]) -> list[int]:
    return [record.id for record in records]


@pytest.fixture
def filled(store: Store, clock: Clock) -> Store:
    """Ten records, one each second, with the keys a, b, a, b ..."""
    for n in range(1, 11):
        data = {"n": n, "kind": "odd" if n % 2 else "even"}
        store.log("l").append(data, key="a/x" if n % 2 else "b/x").result()
        clock.time += 1
    return store


def test_records_come_back_in_order(store: Store, clock: Clock) -> None:
    """What was appended is read with id, key, time and payload."""
    assert store.log("l").append("x", b"y", key="k").result() == (1, 2)

    assert [
        Record(1, "k", clock.time, "x"),
        Record(2, "k", clock.time, b"y"),
    ] == store.log("l").scan().result()
    assert store.log("l").last_id().result() == 2
    assert store.log("other").last_id().result() == 0
    assert [] == store.log("other").scan().result()


def test_scan_by_id(filled: Store) -> None:
    """`after`, `before`, `limit` and the direction cut a page out of a log."""
    log = filled.log("l")

    assert [4, 5, 6] == ids(log.scan(after=3, limit=3).result())
    assert [10, 9] == ids(log.scan(newest_first=True, limit=2).result())
    assert [8, 7] == ids(log.scan(newest_first=True, before=9, limit=2).result())
    assert [3, 4] == ids(log.scan(after=2, before=5).result())


def test_scan_by_key_and_prefix(filled: Store) -> None:
    """A key is matched whole, a prefix from its beginning."""
    log = filled.log("l")

    assert [1, 3, 5, 7, 9] == ids(log.scan(Filter(key="a/x")).result())
    assert [] == log.scan(Filter(key="a/")).result()
    assert [2, 4] == ids(log.scan(Filter(prefix="b/"), limit=2).result())


def test_scan_by_time(filled: Store, clock: Clock) -> None:
    """`since` is taken, `until` is not."""
    begin = clock.time - 10
    log = filled.log("l")

    assert [4, 5, 6, 7] == ids(log.scan(Filter(since=begin + 3, until=begin + 7)).result())
    assert ids(log.scan().result()) == ids(log.scan(Filter(since=begin - 5)).result())
    assert [] == log.scan(Filter(since=clock.time)).result()
    assert [] == log.scan(Filter(until=begin)).result()
    assert [5, 4] == ids(
        log.scan(Filter(since=begin + 2.5, until=begin + 5), newest_first=True, limit=2).result()
    )


def test_scan_by_content(filled: Store) -> None:
    """`where` compares what a payload says, beyond any page of the store."""
    log = filled.log("l")
    log.append(*({"kind": "filler"} for _ in range(2500))).result()
    log.append({"kind": "odd", "n": 99}, "no dict").result()

    assert [1, 3, 5, 7, 9, 2511] == ids(log.scan(Filter(where={"kind": "odd"})).result())
    found = log.scan(Filter(where={"kind": "odd"}), newest_first=True, limit=2)
    assert [2511, 9] == ids(found.result())
    assert [3] == ids(log.scan(Filter(where={"kind": "odd", "n": 3}, key="a/x")).result())
    assert [] == log.scan(Filter(where={"missing": None})).result()


def test_the_time_of_records_never_goes_back(store: Store, clock: Clock) -> None:
    """A clock that was set back does not put a record before an earlier one."""
    store.log("l").append(1).result()
    clock.time -= 100
    store.log("l").append(2).result()

    first, second = store.log("l").scan().result()
    assert first.at == second.at


def test_expected_last_makes_a_chain(store: Store) -> None:
    """A record that was computed from the last one is refused when another came between."""
    log = store.log("l")
    log.append("a", expected_last=0).result()

    with pytest.raises(VersionConflict):
        log.append("b", expected_last=0).result()
    assert (2,) == log.append("b", expected_last=1).result()


def test_deleted_records_leave_a_gap(filled: Store) -> None:
    """Records are deleted by id, and ids are not used again."""
    log = filled.log("l")

    assert log.delete(3, 10, 10, 77).result() == 2
    assert log.delete(3).result() == 0
    assert [1, 2, 4, 5, 6, 7, 8, 9] == ids(log.scan().result())
    assert (11,) == log.append("new").result()


def test_delete_and_append_together(filled: Store) -> None:
    """A record can be replaced in one commit."""
    done = filled.commit(DeleteRecords("l", (1, 2)), AppendRecords("l", ["edited"], key="a/x"))

    assert (2, (11,)) == done.result()
    assert [3, 4] == ids(filled.log("l").scan(limit=2).result())


def test_logs_do_not_see_each_other(filled: Store) -> None:
    """Each log counts for itself."""
    assert (1,) == filled.log("m").append("x").result()
    filled.log("m").delete(1).result()
    assert ids(filled.log("l").scan().result()) == list(range(1, 11))


@pytest.mark.parametrize(
    ("bounds", "left"),
    [
        ({"up_to": 4}, 6),
        ({"up_to": 99}, 0),
        ({"before": -6.5}, 6),
        ({"before": -7.0}, 7),
        ({"keep": 3}, 3),
        ({"keep": 99}, 10),
        ({"keep": 0}, 0),
        ({"up_to": 2, "before": -5.0, "keep": 9}, 5),
        ({"keep": 0, "limit": 4}, 6),
        ({}, 10),
    ],
)
def test_trim_takes_the_oldest(
    filled: Store, clock: Clock, bounds: dict[str, float], left: int
) -> None:
    """Any bound lets records go: by id, by age or by number."""
    if "before" in bounds:
        bounds = {**bounds, "before": clock.time + bounds["before"]}
    log = filled.log("l")

    assert 10 - left == log.trim(**bounds).result()
    assert ids(log.scan().result()) == list(range(11 - left, 11))


def test_logs_outlive_the_store(durable: Place) -> None:
    """Records and ids are there after the store is opened again."""
    first = durable.open()
    first.log("l").append("x", "y").result()
    first.log("l").delete(2).result()
    first.close()

    again = durable.open().log("l")
    assert [1] == ids(again.scan().result())
    assert (3,) == again.append("z").result()
