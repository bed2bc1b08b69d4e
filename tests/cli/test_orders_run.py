"""`run.py run examples/orders`: the figures on real data, with and without chaos."""

from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal

import pytest

from tests.cli.conftest import retail

ORDERS = ("run", "examples/orders", "--json")
CRASHES = "crash=0.05,kill=inventory:20"

FIGURES = {
    ("01", 500, 100): ("46524.00", "325.23", 24_233, 283, (125, 0, 6, 12)),
    ("01", 100, 50): ("23486.76", "325.23", 10_504, 399, (98, 27, 6, 12)),
    ("02", 100, 20): ("24391.99", "1541.10", 12_145, 177, (110, 32, 23, 2)),
    ("03", 500, 100): ("28153.74", "1323.25", 10_976, 0, (64, 1, 7, 36)),
}
OUTCOMES = ("fulfilled", "backordered", "refunded", "rejected")


def levels(stock, safety):
    return ("--set", f"stock={stock}", "--set", f"safety={safety}")


def check_figures(summary, key):
    charged, refunded, units, safety_units, counts = FIGURES[key]
    assert Decimal(summary["charged"]) == Decimal(charged)
    assert Decimal(summary["refunded"]) == Decimal(refunded)
    assert summary["units_reserved"] == units
    assert summary["safety_units"] == safety_units
    expected = {name: n for name, n in zip(OUTCOMES, counts, strict=True) if n}
    assert summary["outcomes"] == expected


def check_account(summary):
    account = summary["account"]
    assert account["in_flight"] == 0
    assert account["sent"] == account["handled"] + account["failed"] + account["dead"]


@pytest.mark.parametrize("key", FIGURES, ids=str)
def test_the_figures_in_sequence(run, key):
    """Real data, concurrency 1: outcomes, money and units are exactly as the rules say."""
    day, stock, safety = key
    ran = run(*ORDERS, "--input", retail(day), "--set", "concurrency=1", *levels(stock, safety))
    assert ran.status == 0, ran.err
    check_figures(ran.summary, key)
    check_account(ran.summary)
    assert ran.summary["unreadable_lines"] == 0


def test_the_output_is_the_same_on_every_run_in_sequence(run, tmp_path):
    """With concurrency 1 the output is equal to the byte, one line an order, in file order."""
    texts = []
    for name in ("one", "two"):
        out = tmp_path / name
        run(*ORDERS, "--input", retail("01"), "--set", "concurrency=1", "--output", out)
        texts.append(out.read_text())
    assert texts[0] == texts[1]
    rows = [json.loads(line) for line in texts[0].splitlines()]
    assert len(rows) == len({row["order"] for row in rows}) == 143
    assert rows[0] == {
        "order": "536365",
        "outcome": "fulfilled",
        "reason": None,
        "amount": "139.12",
        "safety_units": 0,
        "correlation_id": rows[0]["correlation_id"],
    }


@pytest.mark.parametrize("seed", range(1, 21))
def test_crashes_and_kills_change_no_rule(run, tmp_path, seed):
    """Default concurrency under chaos: one outcome each, nothing twice, nothing oversold."""
    out = tmp_path / "out"
    day = ("01", "02", "03")[seed % 3]
    ran = run(*ORDERS, "--input", retail(day), "--output", out, "--chaos", CRASHES, "--seed", seed)
    assert ran.status == 0, ran.err
    check_account(ran.summary)
    assert ran.summary["restarts"] > 0
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert Counter(row["order"] for row in rows).most_common(1)[0][1] == 1
    assert ran.summary["orders"] == len(rows)
    charged = sum(Decimal(row["amount"]) for row in rows if row["outcome"] == "fulfilled")
    assert charged == Decimal(ran.summary["charged"])
    assert sum(row["safety_units"] for row in rows) == ran.summary["safety_units"]


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("key", [("01", 100, 50), ("02", 100, 20)], ids=str)
def test_crashes_in_sequence_change_no_figure(run, key, seed):
    """Concurrency 1 and crash chaos: outcomes and sums are those without chaos."""
    day, stock, safety = key
    words = ("--set", "concurrency=1", *levels(stock, safety))
    ran = run(*ORDERS, "--input", retail(day), *words, "--chaos", CRASHES, "--seed", seed)
    assert ran.status == 0, ran.err
    check_figures(ran.summary, key)


@pytest.mark.parametrize(
    "chaos", ["delay=0.01", "hang=0.002", "duplicate=0.2", "drop[inventory]=0.01"]
)
def test_other_faults_on_the_sample(run, chaos):
    """Delays, hangs, duplicates and losses: exit 0, every rule holds, all messages have a fate."""
    ran = run(*ORDERS, "--chaos", chaos, "--seed", 3, "--set", "concurrency=8")
    assert ran.status == 0, ran.err
    check_account(ran.summary)
    assert ran.summary["orders"] == 62


def test_the_demo_shows_a_summary_and_ends_well(run):
    """Without arguments the demo runs, with crashes, and a person can read what came of it."""
    ran = run()
    assert ran.status == 0, ran.err
    assert "62 orders" in ran.err
    assert "restarts" in ran.err
    assert "Traceback" not in ran.err
