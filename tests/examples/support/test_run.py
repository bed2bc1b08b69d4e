"""The help desk as a person runs it: on its sample, on little room, under chaos, on bad input."""

from __future__ import annotations

import json
from collections import defaultdict

import pytest

from examples.support.book import Book
from examples.support.reading import SAMPLE, read_day
from harmonium.protocols.errors import ConfigError

FAST = ("--set", "speed=3", "--set", "pace=0.007")


def test_the_sample_is_served(run, tmp_path):
    """The pools grow in the rush, what is too much is shed, conversations keep their order."""
    output = tmp_path / "requests.jsonl"
    ran = run("run", "examples/support", *FAST, "--output", output, "--json")
    assert ran.status == 0, ran.err
    summary = ran.summary
    lines = [json.loads(line) for line in output.read_text().splitlines()]
    assert summary["requests"] == len(lines) == len(read_day(SAMPLE).lines)
    assert sum(summary["outcomes"].values()) == len(lines)
    assert summary["outcomes"]["served"] > 100
    assert max(summary["most_helpers"].values()) > 1
    assert summary["resizes"] >= 2
    assert summary["dead_letters"] == summary["outcomes"].get("shed", 0)
    turns = defaultdict(list)
    for line in lines:
        if line["outcome"] == "served":
            turns[line["customer"], line["topic"]].append((line["turn"], line["request"]))
    for own in turns.values():
        assert sorted(own) == sorted(own, key=lambda pair: pair[1])


def test_a_small_desk_sheds(run):
    """One helper with room for one: most of the rush is refused at once, and nothing waits."""
    words = ("--set", "helpers=1", "--set", "room=1", *FAST)
    ran = run("run", "examples/support", *words, "--json")
    assert ran.status == 0, ran.err
    assert ran.summary["outcomes"]["shed"] > 200
    assert ran.summary["most_helpers"] == {"billing": 1, "technical": 1}


def test_crashes_cost_only_the_request_in_work(run):
    """Under chaos each request still has one outcome, and conversations keep their order."""
    words = ("--chaos", "crash=0.05", "--seed", "3", *FAST)
    ran = run("run", "examples/support", *words, "--json")
    assert ran.status == 0, ran.err
    summary = ran.summary
    assert summary["crashes"] > 0
    assert summary["outcomes"]["failed"] == summary["account"]["failed"]
    assert sum(summary["outcomes"].values()) == summary["requests"]


def test_bad_lines_are_reported_and_the_rest_is_served(run, tmp_path):
    """Each line that cannot be used is named with its number; the exit status says so."""
    path = tmp_path / "day.csv"
    path.write_text(
        "at,customer,topic,text\n0.0,ann,billing,Why?\nsoon,bob,billing,Why?\n"
        "0.1,,billing,Who?\n0.1,cid,gardening,How?\n0.2,dan,technical\n0.0,ann,billing,And?\n"
    )
    ran = run("run", "examples/support", "--input", path, "--json")
    assert ran.status == 1
    assert ran.summary["outcomes"] == {"served": 2}
    assert ran.summary["unreadable_lines"] == 4
    for words in ("day.csv:3", "no customer", "'gardening'", "3 fields"):
        assert words in ran.err


def test_a_file_that_is_no_day_is_refused(tmp_path):
    """Nothing starts without the header."""
    path = tmp_path / "day.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(ConfigError, match="at,customer,topic,text"):
        read_day(path)
    with pytest.raises(ConfigError, match="cannot be read"):
        read_day(tmp_path / "none.csv")


def test_the_book_sees_a_clash_and_a_wrong_order():
    """What the summary would call broken is found."""
    book = Book()
    book.begin("ann", 2, "1")
    book.begin("ann", 1, "2")
    assert book.clashes
    assert book.moves == 1
    assert book.out_of_order() == ["ann"]
