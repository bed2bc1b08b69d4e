"""All stores against each other: the same operations give the same results and the same rows.

The memory store is the model: its tables are dicts. A SQLite store gets the same units, some of
them without waiting between, so that they are committed in groups; a second memory store is
rebuilt from its disk. In the end all three hold the same.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import attrs
from hypothesis import given, settings
from hypothesis import strategies as st

from harmonium.actors.store import (
    ANY,
    AcquireLease,
    AppendEvents,
    AppendRecords,
    ClaimKey,
    CompactStream,
    DeleteItem,
    DeleteRecords,
    DeleteStream,
    ExpireItems,
    Fence,
    MemoryStore,
    Operation,
    Pending,
    PublishEntries,
    PutItem,
    ReleaseLease,
    RenewLease,
    SaveSnapshot,
    TrimItems,
    TrimLog,
    TrimTaken,
    open_store,
)
from harmonium.actors.store.core import Reader, Span
from harmonium.actors.store.disk import Disk
from harmonium.actors.store.taken import CURSORS, JOURNAL
from harmonium.protocols.errors import StoreError
from tests.actors.store.conftest import Clock

# Few names and small numbers, so that operations meet; few expectations, so that most succeed.
NAMES = st.sampled_from(["a", "a", "a", "a/ü"])
VERSIONS = st.integers(0, 5)
MAYBE = st.one_of(st.none(), st.none(), st.none(), VERSIONS)
EXPECTED = st.one_of(st.just(ANY), st.just(ANY), st.just(ANY), MAYBE)
PAYLOADS = st.sampled_from([0, "x", {"k": [1]}, b"\x00y"])
LISTS = st.lists(PAYLOADS, max_size=3)
TTLS = st.sampled_from([1.0, 2.5, 30.0])

OPERATIONS: st.SearchStrategy[Operation] = st.one_of(
    st.builds(AppendEvents, NAMES, LISTS, expected_version=MAYBE),
    st.builds(AppendEvents, NAMES, LISTS),
    st.builds(SaveSnapshot, NAMES, VERSIONS, PAYLOADS),
    st.builds(CompactStream, NAMES),
    st.builds(CompactStream, NAMES, MAYBE),
    st.builds(DeleteStream, NAMES, expected_version=MAYBE),
    st.builds(
        PutItem,
        NAMES,
        NAMES,
        PAYLOADS,
        revision=EXPECTED,
        ttl=st.none() | TTLS,
        strict=st.booleans(),
    ),
    st.builds(DeleteItem, NAMES, NAMES, revision=EXPECTED),
    st.builds(AcquireLease, NAMES, NAMES, TTLS),
    st.builds(RenewLease, NAMES, VERSIONS, TTLS),
    st.builds(ReleaseLease, NAMES, VERSIONS),
    st.builds(AppendRecords, NAMES, LISTS, key=st.just("") | NAMES, expected_last=MAYBE),
    st.builds(AppendRecords, NAMES, LISTS),
    st.builds(DeleteRecords, NAMES, st.lists(VERSIONS, max_size=3).map(tuple)),
    st.builds(ClaimKey, NAMES, NAMES, owner=NAMES, ttl=TTLS, instead_of=st.none() | NAMES),
    st.builds(ExpireItems, st.integers(1, 3)),
    st.builds(TrimItems, NAMES, st.integers(0, 2), st.integers(1, 3)),
    st.builds(
        TrimLog,
        NAMES,
        up_to=MAYBE,
        keep=st.none() | st.integers(0, 3),
        before=st.none() | st.sampled_from([0.0, 1_000_001.0, 1_000_003.0]),
        limit=st.integers(1, 4),
    ),
    st.builds(lambda topic, data: PublishEntries(topic, *data), NAMES, LISTS),
    st.builds(PutItem, st.just(CURSORS), NAMES, st.integers(0, 6)),
    st.builds(DeleteItem, st.just(CURSORS), NAMES),
    st.builds(
        TrimTaken,
        keep=st.none() | st.integers(0, 3),
        before=st.none() | st.sampled_from([0.0, 1_000_001.0, 1_000_003.0]),
        older=st.none() | st.sampled_from([0.5, 2.0]),
        limit=st.integers(1, 4),
    ),
)
FENCES = st.sampled_from([None] * 15 + [Fence("a", 1)])


@attrs.frozen
class Step:
    """One unit; whether to wait for it; and how far the clock then moves."""

    operations: tuple[Operation, ...]
    fence: Fence | None
    wait: bool
    pause: float


STEPS = st.lists(
    st.builds(
        Step,
        OPERATIONS.map(lambda one: (one,)) | st.lists(OPERATIONS, max_size=4).map(tuple),
        FENCES,
        st.sampled_from([False] * 9 + [True]),
        st.sampled_from([0.0] * 9 + [0.5, 2.0]),
    ),
    min_size=15,
    max_size=40,
)


class MemoryDisk(Disk):
    """A disk that syncs at once."""

    def __init__(self) -> None:
        self.kept: list[bytes] = []

    def append(self, record: bytes) -> None:
        self.kept.append(record)

    def sync(self, done: Any) -> None:
        done(None)

    def records(self) -> list[bytes]:
        return self.kept


def outcome(pending: Pending[Any]) -> Any:
    """The results, or which error with which fields."""
    try:
        return pending.result()
    except StoreError as error:
        return type(error), attrs.asdict(error)


def everything(reader: Reader) -> list[Any]:
    """All that can be read of the names that the operations use."""
    names = ["a", "a/ü"]
    spaces = [*names, CURSORS, *(f"$keys:{name}" for name in names)]
    return [
        reader.streams("", "", 100),
        reader.streams("a", "a", 1),
        [
            reader.events(name, after, limit)
            for name in names
            for after in (0, 2)
            for limit in (1, None)
        ],
        [reader.snapshot(name) for name in names],
        [reader.items(space, prefix, "", None) for space in spaces for prefix in ("", "a/")],
        [reader.item(space, key) for space in spaces for key in names],
        [reader.lease(name) for name in names],
        [reader.counter(f"log:{name}") for name in names],
        [reader.records(Span(name)) for name in (*names, JOURNAL)],
        [reader.records(Span(name, 1, 5, None, "a", newest_first=True, limit=2)) for name in names],
        [reader.records(Span(name, key="a/ü")) for name in names],
    ]


@settings(max_examples=60)
@given(STEPS)
def test_all_stores_agree(steps: list[Step]) -> None:
    """Memory, SQLite in groups, and memory rebuilt from a disk come to the same."""
    clock, disk = Clock(), MemoryDisk()
    model = MemoryStore(clock, disk=disk, sweep_every=1e9)
    expected, waiting, found = [], [], []
    with (
        tempfile.TemporaryDirectory() as folder,
        open_store(Path(folder, "store.db"), now=clock) as store,
    ):
        store._sweeps._every = 1e9
        for step in steps:
            expected.append(outcome(model.commit(*step.operations, fence=step.fence)))
            waiting.append(store.commit(*step.operations, fence=step.fence))
            if step.wait or step.pause:
                # What waits is dated when it is committed: let it be before the clock moves.
                found += [outcome(pending) for pending in waiting]
                waiting = []
            clock.time += step.pause
        found += [outcome(pending) for pending in waiting]
        assert expected == found
        assert model.read(everything).result() == store.read(everything).result()
    again = MemoryStore(clock, disk=disk)
    assert model.read(everything).result() == again.read(everything).result()
