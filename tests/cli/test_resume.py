"""`run --store FILE --resume`: killed at any moment, a run goes on and comes to the same end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from examples.orders.application import application
from harmonium.actors.store import open_store
from harmonium.supervisors.decision_records import paths_of, read_records, verify_log
from tests.actors.store.postgres import VARIABLE, Server
from tests.cli.conftest import ROOT

ORDERS = ("run", "examples/orders", "--json")
RETAIL = ROOT.parent / "shared" / "data" / "retail" / "2010-12-01.csv"
SUMS = ("orders", "outcomes", "charged", "refunded", "units_reserved", "safety_units")


def source() -> Path:
    """A day of real orders where it is beside the checkout, else the example's own sample."""
    return RETAIL if RETAIL.exists() else application.sample


def kill_and_resume(
    folder: Path, kills: int, seed: int, orders: Path, *options: str, server: Server | None = None
) -> list[dict]:
    if not hasattr(signal, "sigtimedwait"):
        pytest.skip("this system has no sigtimedwait to kill at a moment")
    if orders == application.sample:  # there, who comes first gets what is left of the stock
        options = (*options, "--set", "stock=100000")
    program = [sys.executable, "-m", "tests.cli.killing", folder, kills, seed, orders, *options]
    done = subprocess.run(
        [str(word) for word in program],
        cwd=ROOT,
        env={**os.environ, VARIABLE: "" if server is None else server.url},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def results(folder: Path, name: str) -> dict[str, tuple]:
    rows = [json.loads(line) for line in (folder / f"{name}.jsonl").read_text().splitlines()]
    found = {row["order"]: (row["outcome"], row["reason"], row["amount"]) for row in rows}
    assert len(found) == len(rows)
    return found


def sums(folder: Path, name: str) -> dict[str, object]:
    summary = json.loads((folder / f"{name}.json").read_text())
    assert summary["account"]["in_flight"] == 0
    return {key: summary[key] for key in SUMS}


def check_nothing_was_done_twice(place: str, expected: set[str]) -> None:
    with open_store(place) as store:
        [path] = paths_of(store)
        report = verify_log(store, path)
        assert report.broken is None
        records = list(read_records(store, path))
        ends = Counter(one.correlation_id for one in records if one.kind == "finished")
        assert ends == Counter(f"order-{order}" for order in expected)
        answers = Counter(
            (one.correlation_id, one.step) for one in records if one.kind in ("answered", "verdict")
        )
        # A vote that reached no majority is held again, as its step's rule says.
        answers.subtract(
            (one.correlation_id, one.step)
            for one in records
            if one.kind == "failed" and one.what.startswith("NotReached")
        )
        assert max(answers.values()) == 1
        for stream in ("orders/stock", "orders/till"):
            booked = store.streams.read(stream, limit=100_000).result()
            assert max(Counter(event.data[0] for event in booked).values()) == 1
        under_way = [one.name for one in store.streams.streams("requests").result()]
        assert under_way == []


def check_campaign(
    folder: Path, kills: int, seed: int, orders: Path, *options: str, server: Server | None = None
) -> None:
    ran = kill_and_resume(folder, kills, seed, orders, *options, server=server)
    assert sum(one["killed"] for one in ran) == kills
    whole, whole_sums = results(folder, "whole"), sums(folder, "whole")
    for one in ran:
        assert one["status"] == 0, one["said"]
        assert results(folder, one["name"]) == whole
        assert sums(folder, one["name"]) == whole_sums
        check_nothing_was_done_twice(one["store"], set(whole))
        if server is not None:
            server.drop_schema(one["store"])


def test_twenty_kills_change_nothing(tmp_path):
    """Kill -9 at random moments: one outcome each, charged once, sums as without kills."""
    check_campaign(tmp_path, 20, 1, source())


def test_kills_while_agents_crash_change_nothing(tmp_path):
    """The same, while the agents and the coordinator crash inside of the process."""
    chaos = ("--chaos", "crash=0.02,kill=orders:40", "--seed", "3")
    check_campaign(tmp_path, 4, 3, application.sample, *chaos)


def test_kills_change_nothing_on_postgresql(tmp_path, postgres):
    """What a killed process had begun on the server is rolled back, and gone on with."""
    check_campaign(tmp_path, 6, 4, application.sample, server=postgres)


@pytest.mark.soak
def test_two_hundred_kills_change_nothing(tmp_path):
    """The same, at 200 moments."""
    check_campaign(tmp_path, 200, 2, source())


def test_a_crashing_coordinator_goes_on_from_its_store(run, tmp_path):
    """Crashes and kills of every agent, the coordinator too, with a store: every rule holds."""
    place, out = tmp_path / "run.db", tmp_path / "out.jsonl"
    words = ("--chaos", "crash=0.03,kill=orders:10,kill=inventory:20", "--seed", 7)
    ran = run(*ORDERS, "--input", source(), "--store", place, "--output", out, *words)
    assert ran.status == 0, ran.err
    assert ran.summary["restarts"] > 10
    outcomes = [json.loads(line)["order"] for line in out.read_text().splitlines()]
    assert len(outcomes) == len(set(outcomes)) == ran.summary["orders"]
    with open_store(place) as store:
        [path] = paths_of(store)
        kinds = Counter(one.kind for one in read_records(store, path))
        assert verify_log(store, path).broken is None
    assert kinds["resumed"] > 0
    assert kinds["finished"] == len(outcomes)


def test_a_finished_run_gives_its_outcomes_again(run, tmp_path):
    """--resume on a run that is over does nothing again and says the same."""
    place, first, again = tmp_path / "run.db", tmp_path / "1", tmp_path / "2"
    ran = run(*ORDERS, "--store", place, "--output", first)
    resumed = run(*ORDERS, "--store", place, "--resume", "--output", again)
    assert (ran.status, resumed.status) == (0, 0)
    assert first.read_text() == again.read_text()
    assert all(ran.summary[key] == resumed.summary[key] for key in SUMS)
    assert resumed.summary["account"]["sent"] == 2 * ran.summary["orders"]


def test_a_store_in_use_is_not_taken_by_accident(run, tmp_path):
    """Without --resume nothing is touched, not even the output; the remedy is named."""
    place, out = tmp_path / "run.db", tmp_path / "out"
    run(*ORDERS, "--store", place, "--output", out)
    before = out.read_text()
    ran = run(*ORDERS, "--store", place, "--output", out)
    assert ran.status == 2
    assert "run of orders" in ran.err
    assert "--resume" in ran.err
    assert out.read_text() == before


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("--set", "stock=7"), "stock=500, not stock=7; repeat --set stock=500"),
        (("--input", "examples/orders/sample-broken.csv"), "another input"),
    ],
    ids=["settings", "input"],
)
def test_a_run_goes_on_with_what_it_was_begun_with(run, tmp_path, words, problem):
    """Another stock or another file would mix two runs up: it is refused."""
    place = tmp_path / "run.db"
    run(*ORDERS, "--store", place)
    ran = run(*ORDERS, "--store", place, "--resume", *words)
    assert ran.status == 2
    assert problem in " ".join(ran.err.split())


def test_how_much_at_a_time_may_change(run, tmp_path):
    """The concurrency decides about no outcome."""
    place = tmp_path / "run.db"
    run(*ORDERS, "--store", place)
    assert run(*ORDERS, "--store", place, "--resume", "--set", "concurrency=1").status == 0


def test_a_run_of_another_application_is_refused(run, tmp_path):
    """Its name stands in the store."""
    place = tmp_path / "run.db"
    run(*ORDERS, "--store", place)
    ran = run("run", "examples/votes", "--store", place, "--resume")
    assert ran.status == 2
    assert "a run of orders, not of votes" in " ".join(ran.err.split())


def test_resume_needs_a_store(run):
    """There is nothing to go on with."""
    ran = run(*ORDERS, "--resume")
    assert ran.status == 2
    assert "--store" in ran.err
