"""Event streams: versions without gaps, snapshots, compaction, and nothing left after a delete."""

from __future__ import annotations

import pytest

from harmonium.actors.store import Event, Recovered, Snapshot, Store, Stream
from harmonium.protocols.errors import StoreError, VersionConflict
from tests.actors.store.conftest import Clock, Place


def versions(events: list[Event]) -> list[int]:
    return [event.version for event in events]


def test_events_come_back_in_order(store: Store, clock: Clock) -> None:
    """What was appended is read with its version, time and payload."""
    assert store.streams.append("a", [{"n": 1}, b"\x00\xff"]).result() == 2
    clock.time += 1
    assert store.streams.append("a", [["three"]]).result() == 3

    assert [
        Event("a", 1, clock.time - 1, {"n": 1}),
        Event("a", 2, clock.time - 1, b"\x00\xff"),
        Event("a", 3, clock.time, ["three"]),
    ] == store.streams.read("a").result()


def test_read_begins_after_a_version_and_ends_at_a_limit(store: Store) -> None:
    """`after` and `limit` cut a page out of a stream."""
    store.streams.append("a", range(10)).result()

    assert [4, 5, 6] == versions(store.streams.read("a", after=3, limit=3).result())
    assert [] == store.streams.read("a", after=10).result()
    assert [] == store.streams.read("b").result()


def test_expected_version_lets_one_of_two_writers_win(store: Store) -> None:
    """An append on an old version is refused and changes nothing."""
    first = store.streams.append("a", ["mine"], expected_version=0)
    second = store.streams.append("a", ["yours"], expected_version=0)

    assert first.result() == 1
    with pytest.raises(VersionConflict) as caught:
        second.result()
    assert ("stream a", 0, 1) == (
        caught.value.place,
        caught.value.expected,
        caught.value.actual,
    )
    assert ["mine"] == [event.data for event in store.streams.read("a").result()]


def test_nothing_appended_checks_the_version_only(store: Store) -> None:
    """An append of no events makes no stream and still compares versions."""
    assert store.streams.append("a", [], expected_version=0).result() == 0
    assert [] == store.streams.streams().result()
    with pytest.raises(VersionConflict):
        store.streams.append("a", [], expected_version=1).result()


def test_streams_are_listed_by_prefix_in_pages(store: Store) -> None:
    """Names sort by code point, and a prefix takes no neighbours."""
    for name in ("b/1", "a/2", "a/1", "a", "a0", "a/ü", "a/Z", "á/1"):
        store.streams.append(name, [1]).result()

    names = [stream.name for stream in store.streams.streams("a/").result()]
    assert ["a/1", "a/2", "a/Z", "a/ü"] == names
    page = store.streams.streams("a/", after="a/1", limit=2).result()
    assert [Stream("a/2", 1), Stream("a/Z", 1)] == page
    assert len(store.streams.streams().result()) == 8


def test_snapshot_and_events_after_it_recover(store: Store, clock: Clock) -> None:
    """`recover` gives the last snapshot and what came after it."""
    store.streams.append("a", [1, 2, 3])
    assert store.streams.save_snapshot("a", 2, {"sum": 3}).result() is True

    found = store.streams.recover("a").result()
    snapshot = Snapshot("a", 2, clock.time, {"sum": 3})
    assert Recovered(snapshot, (Event("a", 3, clock.time, 3),)) == found
    assert found.version == 3
    assert snapshot == store.streams.snapshot("a").result()
    assert Recovered(None, ()) == store.streams.recover("b").result()


def test_an_older_snapshot_does_not_replace_a_newer(store: Store) -> None:
    """Two writers of snapshots may finish in any order."""
    store.streams.append("a", [1, 2, 3])
    store.streams.save_snapshot("a", 3, "new")

    assert store.streams.save_snapshot("a", 2, "old").result() is False
    assert store.streams.save_snapshot("a", 3, "same").result() is False
    assert store.streams.recover("a").result().snapshot.data == "new"


def test_a_snapshot_of_the_future_is_refused(store: Store) -> None:
    """A snapshot covers events that are there."""
    store.streams.append("a", [1])
    for version in (2, 0, -1):
        with pytest.raises(VersionConflict):
            store.streams.save_snapshot("a", version, "x").result()


def test_compaction_deletes_only_what_the_snapshot_covers(store: Store) -> None:
    """Compacting beyond the snapshot would lose events, so it is refused."""
    store.streams.append("a", range(5))
    with pytest.raises(VersionConflict):
        store.streams.compact("a", 1).result()
    store.streams.save_snapshot("a", 3, "sum")

    assert store.streams.compact("a", 2).result() == 2
    assert store.streams.compact("a", 3).result() == 1
    assert store.streams.compact("a", 3).result() == 0
    assert [4, 5] == versions(store.streams.read("a").result())
    assert Stream("a", 5, 3, 3) == store.streams.status("a").result()


def test_versions_go_on_after_everything_was_compacted(store: Store) -> None:
    """A stream remembers its version when all its events are gone."""
    store.streams.append("a", [1, 2])
    store.streams.save_snapshot("a", 2, "sum", compact=True).result()

    assert [] == store.streams.read("a").result()
    assert store.streams.append("a", [3], expected_version=2).result() == 3
    assert store.streams.recover("a").result().version == 3


def test_a_deleted_stream_leaves_nothing(store: Store) -> None:
    """Events, snapshot and version are gone; the name can begin again."""
    store.streams.append("a", [1, 2])
    store.streams.save_snapshot("a", 1, "sum")
    assert store.streams.delete("a").result() is True

    assert Recovered(None, ()) == store.streams.recover("a").result()
    assert [] == store.streams.streams().result()
    assert store.streams.delete("a").result() is False
    assert store.streams.append("a", ["new"], expected_version=0).result() == 1
    assert store.streams.snapshot("a").result() is None


def test_delete_compares_the_version(store: Store) -> None:
    """A delete that expects another version leaves the stream."""
    store.streams.append("a", [1])
    with pytest.raises(VersionConflict):
        store.streams.delete("a", expected_version=2).result()
    assert [1] == versions(store.streams.read("a").result())


@pytest.mark.parametrize("name", ["", "a\x00b", "x" * 1001, "\ud800", 7])
def test_names_that_some_store_could_not_keep_are_refused_at_the_call(
    store: Store, name: str
) -> None:
    """A name that works works in every store."""
    with pytest.raises(StoreError):
        store.streams.append(name, [1])


@pytest.mark.parametrize(
    "name", [" ", "x" * 1000, "é" * 500, "\U0010ffff", "%s", "a'b\"c", "ÿ\x01"]
)
def test_unusual_names_work(store: Store, name: str) -> None:
    """Any other text is a name."""
    store.streams.append(name, [1]).result()
    assert [name] == [stream.name for stream in store.streams.streams(name).result()]
    assert [1] == versions(store.streams.read(name).result())


@pytest.mark.parametrize("payload", [{1, 2}, object(), float("nan"), {"a": {"b": object()}}])
def test_a_payload_that_is_no_json_is_refused_at_the_call(store: Store, payload: object) -> None:
    """The mistake is raised where it was made, not where it is written."""
    with pytest.raises(StoreError):
        store.streams.append("a", [payload])
    assert store.streams.status("a").result().version == 0


def test_a_payload_is_copied(store: Store) -> None:
    """A dict that changes after the call does not change what is stored."""
    payload = {"n": 1, "text": "ü\x00\ud800"}
    pending = store.streams.append("a", [payload])
    payload["n"] = 2
    pending.result()

    read = store.streams.read("a").result()[0].data
    read["n"] = 3
    assert {"n": 1, "text": "ü\x00\ud800"} == store.streams.read("a").result()[0].data


def test_streams_outlive_the_store(durable: Place) -> None:
    """What was acknowledged is there after the store is opened again."""
    first = durable.open()
    first.streams.append("a", [1, 2])
    first.streams.save_snapshot("a", 1, "sum").result()
    first.close()

    assert [1, 2] == versions(durable.open().streams.read("a").result())
    assert durable.open().streams.snapshot("a").result().data == "sum"
