"""`run.py log` and `run.py explain` of a request: on a store, and on a running system."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import threading
from contextlib import closing

import pytest

from harmonium import System
from harmonium.cli.app import main
from harmonium.supervisors.control import ControlServer
from tests.supervisors.durable_desk import Desk, Go

ORDERS = ("run", "examples/orders", "--json")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The store of a run that is over."""
    place = tmp_path_factory.mktemp("log") / "run.db"
    output = place.with_suffix(".jsonl")
    assert main([*ORDERS, "--store", str(place), "--output", str(output)]) == 0
    return place


@pytest.fixture(scope="module")
def fulfilled(finished):
    """The correlation id of an order that was charged."""
    rows = map(json.loads, finished.with_suffix(".jsonl").read_text().splitlines())
    return next(row["correlation_id"] for row in rows if row["outcome"] == "fulfilled")


def copy_of(place, tmp_path):
    copy = tmp_path / "copy.db"
    copy.write_bytes(place.read_bytes())
    return copy


def test_verify_says_that_a_log_is_whole(run, finished):
    """With the number of its records and its head, to be noted down."""
    ran = run("log", "verify", "--store", finished)
    assert ran.status == 0
    head = ran.out.split("head ")[1].strip()
    assert run("log", "verify", "--store", finished, "--head", head).status == 0
    assert "/shop/orders" in ran.out


def test_verify_names_the_place_of_a_removed_record(run, finished, tmp_path):
    """Exit status 1, on a line of its own and as JSON."""
    place = copy_of(finished, tmp_path)
    with closing(sqlite3.connect(place)) as connection, connection:
        connection.execute("DELETE FROM harmonium_records WHERE id = 20")
    ran = run("log", "verify", "--store", place)
    assert ran.status == 1
    assert "/shop/orders: BROKEN at record 20 (place 19): removed" in ran.out
    [report] = json.loads(run("log", "verify", "--store", place, "--json").out)
    assert (report["ok"], report["record"]) == (False, 20)


def test_show_gives_the_records_of_a_request(run, finished, fulfilled):
    """A sentence each, or a JSON object a line."""
    ran = run("log", "show", "--store", finished, "--correlation", fulfilled)
    assert "Step payment: payments answered Charged" in ran.out
    rows = run("log", "show", "--store", finished, "--json").out.splitlines()
    assert len(rows) > 100
    assert {"log", "seq", "hash", "kind"} <= json.loads(rows[0]).keys()


def test_explain_tells_the_story_of_a_request(run, finished, fulfilled):
    """In sentences, from its beginning to its end; and as JSON."""
    lines = run("explain", fulfilled, "--store", finished).out.splitlines()
    assert "began in pipeline orders" in lines[0]
    assert "The request finished with OrderOutcome" in lines[-1]
    told = json.loads(run("explain", fulfilled, "--store", finished, "--json").out)
    assert told["story"] == lines
    assert len(told["records"]) == len(lines)


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("explain", "nobody", "--store", "{}"), "nothing is on record"),
        (("explain", "nobody"), "--store FILE"),
        (("log", "verify", "--store", "no.db"), "there is no such file"),
        (("log", "verify", "--store", "{}", "--log", "/x"), "there is /shop/orders"),
        (("log", "verify", "--store", "{}", "--head", "x"), "NUMBER:HASH"),
    ],
)
def test_bad_usage_names_the_remedy(run, finished, words, problem):
    """Exit status 2; looking makes no file."""
    ran = run(*(word.format(finished) for word in words))
    assert ran.status == 2
    assert problem in " ".join(ran.err.split())


@pytest.mark.parametrize("durable", [True, False], ids=["store", "memory"])
def test_a_running_system_tells_the_story_of_a_request(run, tmp_path, durable):
    """Through its control socket, from its store or from its memory."""
    path, up, down = tmp_path / "control", threading.Event(), []
    desk = Desk()

    async def main():
        done = asyncio.Event()
        down.append((asyncio.get_running_loop(), done))
        system = System(desk.tree(), store=desk.store if durable else None)
        async with system, ControlServer(system, path):
            await system.ask("work", Go(1), correlation_id="c1")
            up.set()
            await done.wait()

    thread = threading.Thread(target=lambda: asyncio.run(main()))
    thread.start()
    try:
        assert up.wait(10.0)
        lines = run("explain", "c1", "--control", path).out.splitlines()
        assert run("explain", "c2", "--control", path).status == 2
    finally:
        loop, done = down[0]
        loop.call_soon_threadsafe(done.set)
        thread.join()
    assert "The request Go(n=1) began in pipeline work." in lines[0]
    assert "finished with Said(n=4)" in lines[-1]
    assert len(lines) == 5
