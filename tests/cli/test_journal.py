"""`run --journal` writes each supervisor's decisions; `explain` tells them afterwards."""

from __future__ import annotations

import json

import pytest

SHOP = ("run", "examples/orders", "--chaos", "crash=0.1", "--seed", 3)


@pytest.fixture
def journals(run, tmp_path):
    """The journals of a run with crashes that is over."""
    folder = tmp_path / "journals"
    assert run(*SHOP, "--journal", folder).status == 0
    return folder


def test_explain_tells_a_child_of_a_system_that_is_gone(run, journals):
    """Where it was at the end, and why; and that all decisions come out the same."""
    told = run("explain", "/shop/inventory", "--journal", journals)
    assert told.status == 0
    first, *others, last = told.out.splitlines()
    assert first.startswith("/shop/inventory has finished")
    assert any("restart. InjectedCrash" in line for line in others)
    assert last.startswith("Replayed ")
    assert last.endswith("all come out as they were written down.")


def test_explain_tells_a_journals_file(run, journals):
    """The supervisor, and where each of its children was at the end."""
    told = run("explain", journals / "shop.jsonl")
    assert told.out.startswith("/shop has ended.\n")
    assert "/shop/inventory has finished" in told.out
    assert run("explain", "/shop", "--journal", journals).out == told.out
    as_json = run("explain", "/shop", "--journal", journals, "--json")
    assert json.loads(as_json.out) == told.out.splitlines()


def test_a_second_run_continues_the_files(run, journals):
    """The last run is the one that is told."""
    before = (journals / "shop.jsonl").stat().st_size
    assert run(*SHOP, "--journal", journals).status == 0
    assert (journals / "shop.jsonl").stat().st_size > before
    assert run("explain", journals / "shop.jsonl").out.startswith("/shop has ended.\n")


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("/nobody", "--journal"), "nobody.jsonl: there is no such journal"),
        (("/nobody/a", "--journal"), "nobody.jsonl: cannot be read"),
        (("none.jsonl",), "none.jsonl: cannot be read"),
        (("/shop",), "--journal FOLDER"),
    ],
)
def test_what_cannot_be_explained_is_said(run, tmp_path, words, problem):
    """One line, status 2."""
    folder = (tmp_path,) if words[-1] == "--journal" else ()
    told = run("explain", *words, *folder)
    assert told.status == 2
    assert problem in told.err.replace("\n", "")
    assert "Traceback" not in told.err
