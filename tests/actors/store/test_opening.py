"""Opening: what a place may be, what is told when it cannot be opened, and other versions."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from harmonium.actors.store import MemoryStore, Store, open_store
from harmonium.actors.store.sql import engines
from harmonium.actors.store.sql.schema import SCHEMA
from harmonium.protocols.errors import ConfigError, StoreCorrupt, StoreError
from tests.actors.store.conftest import Place


def version_after_append(store: Store) -> int:
    with store:
        return store.streams.append("s", [1]).result()


def test_a_path_and_a_url_open_the_same_file(tmp_path: Path) -> None:
    """Text, Path and URL name one file."""
    path = tmp_path / "a store with spaces é.db"
    assert version_after_append(open_store(path)) == 1
    assert version_after_append(open_store(str(path))) == 2
    assert version_after_append(open_store(f"sqlite:///{path}")) == 3


def test_a_relative_path_stays_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store does not move when the program changes its folder."""
    monkeypatch.chdir(tmp_path)
    with open_store("store.db") as store:
        monkeypatch.chdir("/")
        store.streams.append("s", [1]).result()
        assert store.streams.status("s").result().version == 1
    assert (tmp_path / "store.db").is_file()


@pytest.mark.parametrize("place", ["memory:", "memory", ":memory:"])
def test_memory(place: str) -> None:
    """A run without a file has a store too."""
    assert isinstance(open_store(place), MemoryStore)


@pytest.mark.parametrize(
    "place", ["", "  ", "mysql://host/db", "sqlite://host/x.db", "sqlite://", "://", "foo bar://x"]
)
def test_a_bad_place_is_refused_with_a_remedy(place: str) -> None:
    """The error says which forms there are."""
    with pytest.raises(ConfigError, match="write a path"):
        open_store(place)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    """A mistyped path makes no folders."""
    with pytest.raises(ConfigError, match=r"no folder .*/missing"):
        open_store(tmp_path / "missing" / "store.db")
    with pytest.raises(ConfigError, match="is a folder"):
        open_store(tmp_path)


@pytest.mark.parametrize(
    ("missing", "place", "extra"),
    [
        ("sqlalchemy", "store.db", "harmonium[store]"),
        ("psycopg", "postgresql://u:secret@h/d", "harmonium[postgres]"),
    ],
)
def test_a_missing_extra_is_named(tmp_path: Path, missing: str, place: str, extra: str) -> None:
    """Without the packages of the extra, the error says what to install, and no password."""
    program = f"""
import sys
sys.modules[{missing!r}] = None
from harmonium.actors.store import open_store
from harmonium.protocols.errors import ConfigError
with open_store("memory:") as store:
    store.streams.append("s", [1]).result()
try:
    open_store({place!r})
except ConfigError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"pip install {extra}" in done.stdout
    assert "secret" not in done.stdout


def test_the_face_does_not_import_sqlalchemy() -> None:
    """Who needs no database does not wait for one."""
    program = (
        "import sys, harmonium.actors.store; "
        "sys.exit(any(name.split('.')[0] in {'sqlalchemy', 'psycopg'} for name in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=Path(__file__).parents[3], check=False
    )
    assert done.returncode == 0


def test_a_newer_schema_is_refused_and_kept(durable: Place) -> None:
    """An older program says that it is too old, and changes nothing."""
    store = durable.open()
    newer = str(SCHEMA + 1)
    with store._engines.writer.begin() as connection:
        connection.exec_driver_sql(
            f"UPDATE harmonium_meta SET value = '{newer}' WHERE name = 'schema'"
        )
    store.close()

    with pytest.raises(StoreError, match=rf"schema {newer}, .* reads {SCHEMA}"):
        durable.open()


def test_an_unreachable_server_is_named_without_the_password() -> None:
    """The error says where, not with which password."""
    pytest.importorskip("psycopg")
    with pytest.raises(StoreError) as caught:
        open_store("postgresql://user:secret@127.0.0.1:1/nothing")
    assert "127.0.0.1:1/nothing" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_read_only_file_is_reported(tmp_path: Path) -> None:
    """A file that cannot be written is an error of the store, with its name."""
    path = tmp_path / "store.db"
    path.symlink_to("/proc/version")
    with pytest.raises(StoreError, match=r"store\.db"):
        open_store(path)


def test_what_was_written_while_it_was_looked_at_is_looked_at_again(tmp_path, monkeypatch):
    """Another process that makes the file at this moment does not make it look damaged."""
    path = tmp_path / "x.db"
    path.write_bytes(b"SQLite format 3\x00")
    looks = []

    def problem_of(place):
        looks.append(place)
        if len(looks) == 1:
            path.write_bytes(b"SQLite format 3\x00" + bytes(100))
            return StoreCorrupt(str(place), 0, "half of it was there")
        return None

    monkeypatch.setattr(engines, "_problem_of", problem_of)
    engines._check_header(path)
    assert looks == [path, path]


def test_a_log_that_is_gone_when_it_is_measured_is_no_log(tmp_path):
    """The journal of another process's commit may be taken away at any moment."""
    assert engines._states(tmp_path / "x.db") == [(0, 0)] * 3
