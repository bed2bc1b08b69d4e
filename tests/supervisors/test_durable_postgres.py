"""Durable coordinators on PostgreSQL: killed, fenced, compacted and proved as on SQLite."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from harmonium import System
from harmonium.actors.store import open_store
from harmonium.actors.store.ports import Store
from harmonium.actors.store.sql.engines import _WRITER_LOCK
from harmonium.cli.app import main
from harmonium.protocols.errors import AskFailed, AskTimeout, StartFailed
from harmonium.supervisors.decision_records import read_records, verify_log
from harmonium.supervisors.durable_layout import Keep
from harmonium.supervisors.durable_lease import TTL
from tests.supervisors.durable_desk import Desk, Go, Said

psycopg = pytest.importorskip("psycopg", reason="it needs psycopg (harmonium[postgres])")

ROOT = Path(__file__).resolve().parents[2]
PATH = "/top/work"


class Place:
    """A schema of its own on the server, opened as often as a test wants to."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._stores = ExitStack()

    def open(self, **options: Any) -> Store:
        return self._stores.enter_context(open_store(self.url, **options))

    def close(self) -> None:
        self._stores.close()

    def sql(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(statement, values)
            return cursor.fetchall() if cursor.description else []

    def rows(self, table: str) -> int:
        return self.sql(f"SELECT count(*) FROM harmonium_{table}")[0][0]


@pytest.fixture
def place(postgres) -> Iterator[Place]:
    place = Place(postgres.make_schema())
    yield place
    place.close()
    postgres.drop_schema(place.url)


@contextmanager
def other_process(place: Place, *silent: str) -> Iterator[subprocess.Popen[str]]:
    """Another process that runs the desk, and that cannot end of itself."""
    words = [sys.executable, "-m", "tests.supervisors.durable_process", place.url, *silent]
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def said_by(process: subprocess.Popen[str], lines: int) -> list[str]:
    assert process.stdout is not None
    return [process.stdout.readline().strip() for _ in range(lines)]


def ask(desk: Desk, key: str = "k") -> Said:
    with System(desk.tree(), store=desk.store) as system:
        return system.ask("work", Go(1), idempotency_key=key, timeout=60.0).result()


@pytest.mark.parametrize("silent", ["a", "b", "c"])
def test_a_request_goes_on_after_kill_9(place, silent):
    """At once, on the same machine: what had an answer is not asked again, the rest is."""
    before = [name for name in "abc" if name <= silent]
    with other_process(place, silent) as process:
        assert said_by(process, len(before)) == [f"{name} k:{name}" for name in before]
        process.kill()
        process.wait()
        desk = Desk(place.open())
        assert ask(desk) == Said(4)
    assert desk.asked.by[0][2] == f"k:{silent}"
    assert desk.asked.steps() == [name for name in "abc" if name >= silent]
    assert desk.streams() == []
    answered = [one.step for one in read_records(desk.store, PATH) if one.kind == "answered"]
    assert answered == ["a", "b", "c"]
    assert verify_log(desk.store, PATH).broken is None


def test_an_undo_goes_on_after_kill_9(place):
    """The request had failed; its undoing is finished by the next process, in reverse order."""
    with other_process(place, "b!undo", "--", "c") as process:
        assert said_by(process, 4)[2:] == ["c k:c", "b!undo k:b:undo"]
        process.kill()
        process.wait()
    desk = Desk(place.open())
    with System(desk.tree(), store=desk.store) as system:
        while system.ref("work")._cell.agent.under_way:
            pass
    assert desk.asked.steps() == ["b!undo", "a!undo"]
    undone = [one.step for one in read_records(desk.store, PATH) if one.kind == "undone"]
    assert undone == ["b", "a"]
    assert desk.streams() == []


def test_a_second_process_is_refused_while_the_first_one_lives(place):
    """With the number of the process that runs it, and what to do; the first one goes on."""
    with other_process(place, "b") as process:
        said_by(process, 2)
        desk = Desk(place.open())
        match = rf"process {process.pid} on .* runs this coordinator .* stop it"
        with pytest.raises(StartFailed, match=match), System(desk.tree(), store=desk.store):
            pytest.fail("it started")
        assert process.poll() is None
    assert desk.asked.steps() == []


def test_who_lost_its_lease_writes_nothing_more(place):
    """Its commit carries the token of a lease that is over: the server has seen a greater one."""
    time = [1_000_000.0]
    desk = Desk(place.open(now=lambda: time[0]))
    rival = place.open(now=lambda: time[0] + TTL + 1.0)  # to whom the lease has run out
    with System(desk.tree(), store=desk.store) as system:
        assert rival.leases.acquire(f"coordinator:{PATH}", "elsewhere/1 1 1 a", 600.0).result()
        with pytest.raises((AskFailed, AskTimeout)):
            system.ask("work", Go(1), timeout=10.0).result()
    assert desk.asked.steps() == []
    assert place.rows("events") == 0
    assert list(read_records(rival, PATH)) == []


def test_two_on_one_server_end_up_with_one(place):
    """The lease is decided in the database: two that start at once are never both let in."""
    one, other = Desk(place.open()), Desk(place.open())
    refused = pytest.raises(StartFailed, match=f"process {os.getpid()} on")
    with System(one.tree(), store=one.store), refused:
        ask(other)
    assert ask(other) == Said(4)


def test_a_connection_lost_in_a_commit_ends_the_incarnation_and_the_next_goes_on(place):
    """As when the server restarts: nobody knows what was done, so it is read again."""
    schema = place.url.rpartition("%3D")[2]
    desk = Desk(open_store(f"{place.url}&application_name={schema}"))
    with desk.store, System(desk.tree(), store=desk.store) as system:
        with psycopg.connect(place.url) as other:  # has the turn to write until it is closed
            other.execute(
                "SELECT pg_advisory_xact_lock(%s, hashtext(current_schema()))", (_WRITER_LOCK,)
            )
            waiting = system.ask("work", Go(1), idempotency_key="k", timeout=60.0)
            while not cut(place, schema):
                pass
        with pytest.raises(AskFailed, match="StoreError"):
            waiting.result()
        again = system.ask("work", Go(1), idempotency_key="k", timeout=60.0)
        assert again.result() == Said(4)
    assert desk.asked.steps() == ["a", "b", "c"]
    assert verify_log(place.open(), PATH).broken is None


def cut(place: Place, application: str) -> bool:
    """End the connection of a commit that waits for its turn; False while there is none."""
    return bool(
        place.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = %s AND wait_event_type = 'Lock'",
            application,
        )
    )


def test_a_connection_lost_between_commits_is_not_noticed(place):
    """It is made again before the next commit begins."""
    schema = place.url.rpartition("%3D")[2]
    desk = Desk(open_store(f"{place.url}&application_name={schema}"))
    with desk.store, System(desk.tree(), store=desk.store) as system:
        for key in ("one", "two"):
            asked = system.ask("work", Go(1), idempotency_key=key, timeout=60.0)
            assert asked.result() == Said(4)
            assert place.sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE application_name = %s AND state = 'idle'",
                schema,
            )
        assert system.ref("work")._cell.incarnation == 1
    assert [one.kind for one in read_records(place.open(), PATH)].count("finished") == 2


def test_what_is_over_is_trimmed_to_what_is_kept(place):
    """200 requests leave no stream, and so many results and decisions as `Keep` says."""
    desk = Desk(place.open(), keep=Keep(results=5, decisions=40))
    with System(desk.tree(), store=desk.store) as system:
        for begin in range(0, 200, 20):
            asks = [
                system.ask("work", Go(n), idempotency_key=f"k{n}", timeout=60.0)
                for n in range(begin, begin + 20)
            ]
            assert [one.result().n for one in asks] == [n + 3 for n in range(begin, begin + 20)]
    assert (place.rows("streams"), place.rows("events")) == (0, 0)
    assert place.rows("items") <= 5 + 2  # the results, the ends of the log, the classes
    assert 40 <= place.rows("records") <= 3 * 40
    report = verify_log(desk.store, PATH)
    assert report.broken is None
    assert report.base.seq > 0
    assert report.records == place.rows("records")


@pytest.fixture
def finished(place) -> Place:
    """A log of two requests."""
    desk = Desk(place.open())
    ask(desk, "one")
    ask(desk, "two")
    return place


def verify(place: Place, capsys: pytest.CaptureFixture[str], *more: str) -> tuple[int, str]:
    capsys.readouterr()
    status = main(["log", "verify", "--store", place.url, *more])
    return status, capsys.readouterr().out


def test_verify_says_that_a_log_is_whole(finished, capsys):
    """With its head, which is proved when it is given again."""
    status, said = verify(finished, capsys)
    assert (status, "records are whole" in said) == (0, True)
    head = said.split("head ")[1].strip()
    assert verify(finished, capsys, "--head", head)[0] == 0
    other = head[:-1] + ("1" if head[-1] == "0" else "0")
    assert verify(finished, capsys, "--head", other)[0] == 1


CHANGES = [
    ("DELETE FROM harmonium_records WHERE id = 5", "BROKEN at record 5 (place 4): removed"),
    ("DELETE FROM harmonium_records WHERE id = 1", "BROKEN at record 1 (place 0): removed"),
    ("DELETE FROM harmonium_records WHERE id > 9", "BROKEN at record 10 (place 9): cut short"),
    (
        (
            "UPDATE harmonium_records SET data = overlay(data placing 'x'::bytea from 20) "
            "WHERE id = 3"
        ),
        "BROKEN at record 3",
    ),
]


@pytest.mark.parametrize(("change", "said"), CHANGES, ids=[said for _, said in CHANGES])
def test_verify_names_what_somebody_did_to_the_rows(finished, capsys, change, said):
    """Exit status 1, in words and as JSON."""
    finished.sql(change)
    status, told = verify(finished, capsys)
    assert (status, said in told) == (1, True), told
    [report] = json.loads(verify(finished, capsys, "--json")[1])
    assert report["ok"] is False
