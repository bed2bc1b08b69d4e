"""The example as a person runs it: on its sample, on bad input, and on real data."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from examples.votes.reading import SAMPLE_TRUTH, read_answers

REAL = Path(__file__).resolve().parents[4] / "shared" / "data" / "votes"

RULES = ("majority", "weighted", "dawid_skene")


@pytest.mark.parametrize("rule", RULES)
def test_the_sample_is_decided(run, tmp_path, rule):
    """Each question has a line with its ballots, and the summary counts them."""
    output = tmp_path / "verdicts.jsonl"
    words = ("--set", f"rule={rule}", "--set", f"truth={SAMPLE_TRUTH}")
    ran = run("run", "examples/votes", *words, "--output", output, "--json")
    assert ran.status == 0, ran.err
    summary = ran.summary
    lines = [json.loads(line) for line in output.read_text().splitlines()]
    assert summary["questions"] == len(lines) == 60
    assert summary["agents"] == 12
    assert summary["accuracy"] > 0.9
    ballots = sum(len(line["for"]) + len(line["against"]) for line in lines)
    assert summary["ballots"] == ballots == 294
    assert summary["ties"] == sum(line["tie"] for line in lines)
    # A question and an answer for each ballot are sent by message.
    assert summary["account"]["sent"] >= 2 * 294
    assert {line["rule"] for line in lines} == {rule}
    assert all(0 < line["confidence"] <= 1 for line in lines)


def test_crashes_change_no_verdict(run, tmp_path):
    """Workers and tally crash; ballots are asked for again and none counts twice."""
    outputs = []
    for name, chaos in (("calm", ()), ("wild", ("--chaos", "crash=0.05,kill=tally:5"))):
        output = tmp_path / name
        words = ("--set", "rule=weighted", "--seed", "3", "--output", output, *chaos)
        ran = run("run", "examples/votes", *words, "--json")
        assert ran.status == 0, ran.err
        outputs.append(output.read_text())
    assert ran.summary["restarts"] > 0
    assert outputs[0] == outputs[1]


def test_the_seed_draws_the_ties(run, tmp_path):
    """The same seed gives the same output; over seeds the ties fall differently."""
    texts = []
    for number, seed in enumerate((0, 0, 1, 2, 3)):
        output = tmp_path / str(number)
        run("run", "examples/votes", "--set", f"seed={seed}", "--output", output, "--json")
        texts.append(output.read_text())
    assert texts[0] == texts[1]
    assert len(set(texts)) > 1


def test_broken_lines_are_reported_and_the_rest_is_decided(run, tmp_path):
    """Exit 1, one line each on stderr, and the good part in the summary."""
    path = tmp_path / "answers.csv"
    path.write_text("question,worker,answer\nq,w,1\nq,v\nq,x,1\nr,w,0\n")
    ran = run("run", "examples/votes", "--input", path, "--json")
    assert ran.status == 1
    assert "line 3" in ran.err
    assert (ran.summary["questions"], ran.summary["ballots"]) == (2, 3)
    assert "accuracy" not in ran.summary


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--set", "rule=coin"), "rule"),
        (("--set", "truth=nowhere.csv"), "nowhere.csv"),
        (("--input", "nowhere.csv"), "nowhere.csv"),
    ],
)
def test_what_cannot_be_used_is_refused(run, words, said):
    """Exit 2 and one line, before anything starts."""
    ran = run("run", "examples/votes", *words)
    assert ran.status == 2
    assert said in ran.err
    assert len(ran.err.splitlines()) == 1


def test_answers_that_are_all_alike_need_majority(run, tmp_path):
    """A rule that compares answers has nothing to compare; majority decides."""
    path = tmp_path / "answers.csv"
    path.write_text("question,worker,answer\nq,w,1\nq,v,1\n")
    refused = run("run", "examples/votes", "--input", path, "--set", "rule=weighted", "--json")
    assert refused.status == 2
    assert "rule=majority" in refused.err
    ran = run("run", "examples/votes", "--input", path, "--json")
    assert ran.status == 0
    assert ran.summary["questions"] == 1


@pytest.mark.parametrize(
    ("rule", "least", "most"),
    [("majority", 0.89655, 0.89665), ("weighted", 0.900, 1.0), ("dawid_skene", 0.935, 1.0)],
)
def test_real_answers_reach_the_published_accuracy(run, rule, least, most):
    """8,315 product pairs, three votes each, by message, in less than a minute."""
    answers, truth = REAL / "product-answers.csv", REAL / "product-truth.csv"
    if not answers.exists() or not truth.exists():
        pytest.skip("the product answers are not beside the checkout")
    words = ("--input", answers, "--set", f"rule={rule}", "--set", f"truth={truth}", "--json")
    ran = run("run", "examples/votes", *words)
    assert ran.status == 0, ran.err
    assert ran.summary["questions"] == len(read_answers(answers).answers) == 8315
    assert (ran.summary["ballots"], ran.summary["agents"]) == (24945, 176)
    assert least <= ran.summary["accuracy"] <= most
    assert ran.summary["seconds"] < 60
