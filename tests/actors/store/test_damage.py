"""A torn or damaged SQLite file: survived or reported, never as an error of the driver."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harmonium.actors.store import AppendEvents, AppendRecords, Store, open_store
from harmonium.protocols.errors import StoreCorrupt, StoreError

UNITS = 60


def fill(store: Store) -> None:
    for n in range(UNITS):
        store.commit(
            AppendEvents(f"s{n % 3}", [{"filler": "x" * 400}] * 3), AppendRecords("units", [n])
        ).result()


def read_all(store: Store) -> int:
    """Read everything and check that units are whole; returns how many there are."""
    units = 0
    for stream in store.streams.streams().result():
        events = store.streams.read(stream.name, limit=10_000).result()
        assert list(range(1, stream.version + 1)) == [event.version for event in events]
        assert stream.version % 3 == 0
        units += stream.version // 3
    assert units == len(store.log("units").scan(limit=10_000).result())
    return units


@pytest.fixture(scope="module")
def torn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database and its write-ahead log, as they lay on the disk while the store was open."""
    folder = tmp_path_factory.mktemp("torn")
    with open_store(folder / "live.db") as store:
        fill(store)
        for end in ("", "-wal"):
            shutil.copy(folder / f"live.db{end}", folder / f"copy.db{end}")
    return folder / "copy.db"


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database that was closed: all is in the one file."""
    path = tmp_path_factory.mktemp("closed") / "store.db"
    with open_store(path) as store:
        fill(store)
    assert not path.with_name("store.db-wal").exists()
    return path


def copied(source: Path, folder: Path) -> Path:
    for end in ("", "-wal", "-shm"):
        (folder / f"store.db{end}").unlink(missing_ok=True)
        if source.with_name(source.name + end).exists():
            shutil.copy(source.with_name(source.name + end), folder / f"store.db{end}")
    return folder / "store.db"


@settings(max_examples=30, suppress_health_check=list(HealthCheck))
@given(cut=st.floats(0, 1))
def test_a_torn_log_loses_whole_units_only(torn: Path, tmp_path: Path, cut: float) -> None:
    """Wherever the log was cut, what is left are whole units, and the store goes on."""
    path = copied(torn, tmp_path)
    log = path.with_name("store.db-wal")
    with log.open("r+b") as file:
        file.truncate(int(log.stat().st_size * cut))

    with open_store(path) as store:
        before = read_all(store)
        store.commit(AppendEvents("s0", [1, 2, 3]), AppendRecords("units", ["new"])).result()
        assert read_all(store) == before + 1
    assert cut < 1 or before == UNITS


@settings(max_examples=30, suppress_health_check=list(HealthCheck))
@given(place=st.floats(0, 0.999), flip=st.integers(1, 255))
def test_a_damaged_log_loses_whole_units_only(
    torn: Path, tmp_path: Path, place: float, flip: int
) -> None:
    """A flipped byte in the log costs the units from there on."""
    path = copied(torn, tmp_path)
    damage(path.with_name("store.db-wal"), place, flip)

    with open_store(path) as store:
        assert read_all(store) <= UNITS


@settings(max_examples=30, suppress_health_check=list(HealthCheck))
@given(cut=st.floats(0.01, 0.999))
def test_a_cut_database_is_reported(closed: Path, tmp_path: Path, cut: float) -> None:
    """A file without its end is corrupt, and the error names the file and where it ends."""
    path = copied(closed, tmp_path)
    length = int(path.stat().st_size * cut)
    with path.open("r+b") as file:
        file.truncate(length)

    with pytest.raises(StoreCorrupt) as caught, open_store(path) as store:
        read_all(store)
    assert (str(path), length) == (caught.value.place, caught.value.offset)


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(place=st.floats(0, 0.999), flip=st.integers(1, 255))
def test_a_damaged_database_raises_no_drivers_error(
    closed: Path, tmp_path: Path, place: float, flip: int
) -> None:
    """Whichever byte is wrong, the store reads on or raises its own error."""
    path = copied(closed, tmp_path)
    damage(path, place, flip)
    reported: StoreError | None = None
    try:
        with open_store(path) as store:
            for stream in store.streams.streams().result():
                store.streams.read(stream.name, limit=10_000).result()
                store.streams.recover(stream.name).result()
            store.log("units").scan(limit=10_000).result()
            store.streams.append("new", [1]).result()
    except StoreError as error:
        reported = error
    assert reported is None or str(path) in str(reported) or isinstance(reported, StoreCorrupt)
    assert reported is None or reported.__cause__ is None


def damage(path: Path, place: float, flip: int) -> None:
    offset = int(path.stat().st_size * place)
    with path.open("r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ flip]))


@pytest.mark.parametrize("content", [b"no database at all, but long enough to be one" * 40, b"x"])
def test_another_file_is_reported_and_kept(tmp_path: Path, content: bytes) -> None:
    """A file that is no database is named, and not overwritten."""
    path = tmp_path / "store.db"
    path.write_bytes(content)

    with pytest.raises(StoreCorrupt, match=r"store\.db"):
        open_store(path)
    assert path.read_bytes() == content


def test_a_payload_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """The error says which event of which stream is damaged."""
    with open_store(tmp_path / "store.db") as store:
        store.streams.append("s", [1, 2, 3]).result()
        with store._engines.writer.begin() as connection:
            connection.exec_driver_sql("UPDATE harmonium_events SET data = '{' WHERE version = 2")
        with pytest.raises(StoreCorrupt) as caught:
            store.streams.read("s").result()
    assert ("stream s", 2) == (caught.value.place, caught.value.offset)


@pytest.mark.parametrize("version", [1, 2, 3])
def test_a_missing_event_is_named(tmp_path: Path, version: int) -> None:
    """A gap in a stream is never read over."""
    with open_store(tmp_path / "store.db") as store:
        store.streams.append("s", [1, 2, 3]).result()
        with store._engines.writer.begin() as connection:
            connection.exec_driver_sql(f"DELETE FROM harmonium_events WHERE version = {version}")
        for read in (store.streams.read, store.streams.recover):
            with pytest.raises(StoreCorrupt) as caught:
                read("s").result()
            assert ("stream s", version) == (caught.value.place, caught.value.offset)
