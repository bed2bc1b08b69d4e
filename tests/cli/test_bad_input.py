"""Bad input: one clear line, no traceback, exit 2; the good part of a bad file is processed."""

from __future__ import annotations

import pytest

from examples.orders.reading import COLUMNS

ORDERS = ("run", "examples/orders", "--json")
HEADER = ",".join(COLUMNS) + "\n"
GOOD = "1,LAMP,a lamp,2,2010-12-01 08:26:00,2.50,17850.0,United Kingdom\n"


def refused(ran):
    assert ran.status == 2
    assert ran.out == ""
    assert ran.err.count("\n") == 1
    assert "Traceback" not in ran.err
    return ran.err


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (bytes(range(256)) * 20, ""),
        (HEADER.replace("UnitPrice,", "").encode(), "UnitPrice"),
    ],
    ids=["empty", "binary", "column missing"],
)
def test_an_unusable_file(run, tmp_path, content, says):
    """Empty, binary or without a column: one line that names the file."""
    path = tmp_path / "input.csv"
    path.write_bytes(content)
    line = refused(run(*ORDERS, "--input", path))
    assert "input.csv" in line
    assert says in line


def test_a_missing_file(run, tmp_path):
    """No such file: one line that says so."""
    assert "no such file" in refused(run(*ORDERS, "--input", tmp_path / "nowhere.csv")).lower()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--set", "stok=3"), "did you mean 'stock'"),
        (("--set", "stock"), "name=value"),
        (("--set", "stock=many"), "not an integer"),
        (("--set", "stock=-1"), "stock"),
        (("--set", "concurrency=0"), "concurrency"),
        (("--set", "stock=1", "--set", "stock=2"), "twice"),
        (("--chaos", "crsh=0.1"), "did you mean 'crash'"),
        (("--chaos", "crash=2"), "crash"),
        (("--chaos", "kill=inventory"), "kill"),
        (("--output", "/nowhere/at/all.jsonl"), "cannot be written"),
        (("--seed", "one"), "seed"),
        (("--ground", "moon"), "ground"),
        (("--no-such-option",), "no-such-option"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_unknown_or_bad_options(run, words, says):
    """An option that is unknown or out of bounds: one line that names it and the remedy."""
    assert says in refused(run(*ORDERS, *words))


@pytest.mark.parametrize(
    "system", ["nowhere", "nowhere:tree", "examples", "examples.orders.domain:Ordr", "no.toml"]
)
def test_an_unknown_system(run, system):
    """A system that cannot be found: one line."""
    refused(run("run", system))


def test_an_unknown_command(run):
    """A mistyped command: one line."""
    refused(run("rnu"))


def test_bad_lines_among_good_ones(run, tmp_path):
    """They are reported with their numbers, the rest is processed, exit 1."""
    path = tmp_path / "input.csv"
    path.write_text(
        HEADER
        + GOOD
        + "2,LAMP,a lamp,two,2010-12-01 08:26:00,2.50,17850.0,UK\n"
        + GOOD.replace("1,LAMP", "3,LAMP")
        + ",LAMP,x,1,d,1,1,UK\n"
        + "4,LAMP,a la"
    )
    ran = run(*ORDERS, "--input", path)
    assert ran.status == 1
    assert [word for word in ("line 3", "line 5", "line 6") if word not in ran.err] == []
    assert ran.summary["unreadable_lines"] == 3
    assert ran.summary["outcomes"] == {"fulfilled": 2, "rejected": 2}
