"""Dawid and Skene's rule finds the truth, and who errs how, without being told."""

import math
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harmonium.protocols.errors import SpecError
from harmonium.protocols.voting import (
    Ballot,
    DawidSkene,
    Majority,
    Outcome,
    Priority,
    Question,
    decide,
    open_round,
)
from harmonium.protocols.voting.confusion_em import fit_confusion
from tests.protocols.voting.crowd import NO_YES, accuracy, crowd

BATCHES = st.lists(
    st.dictionaries(st.integers(0, 4), st.integers(0, 2), max_size=5).map(
        lambda pairs: sorted(pairs.items())
    ),
    min_size=1,
    max_size=12,
)
"""For each question the (member, answer) pairs of up to five members, with three options."""


def dense(answers, *, members, options, smoothing, rounds):
    """Fit with numpy and full tables, straight from the formulas of the paper."""
    given_ = np.zeros((len(answers), members, options))
    for question, pairs in enumerate(answers):
        for member, answer in pairs:
            given_[question, member, answer] = 1
    votes = given_.sum(axis=1)
    chances = np.where(votes.sum(1, keepdims=True) > 0, votes, 1.0)
    chances /= chances.sum(1, keepdims=True)
    for _ in range(rounds):
        shares = chances.sum(0) + smoothing
        shares /= shares.sum()
        confusion = np.einsum("qt,qma->mta", chances, given_) + smoothing
        confusion /= confusion.sum(2, keepdims=True)
        logs = np.log(shares) + np.einsum("qma,mta->qt", given_, np.log(confusion))
        chances = np.exp(logs - logs.max(1, keepdims=True))
        chances /= chances.sum(1, keepdims=True)
    return confusion, shares, chances


@given(BATCHES, st.integers(1, 6))
def test_it_is_the_published_algorithm(answers, rounds):
    """After any number of rounds the sparse sums are those of the dense tables."""
    numbers = {"members": 5, "options": 3, "smoothing": 0.1}
    fit = fit_confusion(answers, **numbers, tolerance=1e-300, max_iterations=rounds)
    rounds = len(fit.trail)  # it stops when nothing moves at all
    confusion, shares, chances = dense(answers, **numbers, rounds=rounds)
    assert np.allclose(fit.confusion, confusion, atol=1e-8)
    assert np.allclose(fit.shares, shares, atol=1e-8)
    assert np.allclose(fit.chances, chances, atol=1e-8)


@given(BATCHES)
def test_it_climbs(answers):
    """No round makes the answers less probable, as Dempster, Laird and Rubin proved in 1977."""
    fit = fit_confusion(
        answers, members=5, options=3, smoothing=0.1, tolerance=1e-9, max_iterations=60
    )
    assert all(
        after >= before - 1e-9 for before, after in zip(fit.trail, fit.trail[1:], strict=False)
    )
    for chances in fit.chances:
        assert math.fsum(chances) == pytest.approx(1)


@pytest.mark.parametrize("seed", range(3))
def test_it_beats_the_majority(seed):
    """Where a fifth of a crowd guesses and a fifth always says no, it errs less by a fifth."""
    batch, truths, _ = crowd(seed)
    verdicts = DawidSkene(NO_YES).decide_all(batch)
    plain = {
        id_: decide(Majority(), Question(id_, [b.voter for b in ballots], NO_YES), ballots)
        for id_, ballots in batch.items()
    }
    assert 1 - accuracy(verdicts, truths) < 0.8 * (1 - accuracy(plain, truths))


def test_it_finds_out_who_errs_how():
    """The error rates that it finds without the truth are near those that the truth shows."""
    batch, truths, skill = crowd(1, members=10, questions=2000, votes=5, share=0.4)
    fitted = DawidSkene(NO_YES).fit(batch)
    for member in skill:
        for place, truth in enumerate(NO_YES):
            said = [
                ballot.choice == truth
                for id_, ballots in batch.items()
                for ballot in ballots
                if ballot.voter == member and truths[id_] == truth
            ]
            shown = sum(said) / len(said)
            assert fitted.chance(member, place, place) == pytest.approx(shown, abs=0.07)


def test_confidence_is_how_often_it_is_right():
    """Of the verdicts that it holds for 90 % likely, nine in ten are right."""
    batch, truths, _ = crowd(2)
    verdicts = DawidSkene(NO_YES).decide_all(batch)
    near = [id_ for id_, verdict in verdicts.items() if 0.8 < verdict.confidence < 0.97]
    expected = math.fsum(verdicts[id_].confidence for id_ in near) / len(near)
    right = sum(verdicts[id_].choice == truths[id_] for id_ in near) / len(near)
    assert len(near) > 50
    assert right == pytest.approx(expected, abs=0.08)


def test_a_batch_is_fast():
    """A batch of 1,500 questions takes less than 5 s of one core."""
    batch, _, _ = crowd(3)
    begun = time.process_time()
    DawidSkene(NO_YES).decide_all(batch)
    assert time.process_time() - begun < 5


def test_a_fitted_rule_decides_further_votes():
    """After a batch, one good member outvotes two who guess, in a round like any other."""
    batch, _, skill = crowd(1, members=10, questions=1000)
    fitted = DawidSkene(NO_YES).fit(batch)
    best = max(skill, key=lambda member: sum(skill[member]))
    voters = (best, "m3", "m8")
    ballots = [Ballot(best, "yes"), Ballot("m3", "no"), Ballot("m8", "no")]
    assert decide(fitted, open_round(fitted, voters, 0.0, id="q").question, ballots).choice == "yes"
    assert fitted.chance("stranger", 0, 0) == 0.5


def test_votes_without_a_choice_are_tied_or_left_out():
    """Abstentions tell nothing, votes without ballots have no verdict, a tie has its policy."""
    batch = {
        "q1": [Ballot("a", "x"), Ballot("b", "y")],
        "q2": [Ballot("a", abstain=True)],
        "q3": [],
    }
    rule = DawidSkene(("x", "y"))
    verdicts = rule.decide_all(batch)
    assert set(verdicts) == {"q1", "q2"}
    assert verdicts["q1"].outcome is Outcome.TIED
    assert verdicts["q2"].outcome is Outcome.NOT_REACHED
    assert rule.decide_all(batch, tie=Priority(("y", "x")))["q1"].choice == "y"
    assert rule.decide_all({"q3": []}) == {}


def test_an_unfitted_rule_opens_no_vote():
    """Before it has seen a batch the rule knows nothing, and says so."""
    with pytest.raises(SpecError, match="call fit"):
        open_round(DawidSkene(NO_YES), ("ann",), 0.0, id="q")


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda: DawidSkene(("a",)), "two different options"),
        (lambda: DawidSkene(NO_YES, smoothing=0), "above 0"),
        (lambda: DawidSkene(NO_YES, tolerance=-1), "above 0"),
        (lambda: DawidSkene(NO_YES, max_iterations=0), "max_iterations is 0"),
        (lambda: DawidSkene(NO_YES).fit({"q": []}), "no ballots"),
        (lambda: DawidSkene(NO_YES).fit({"q": [Ballot("ann", "maybe")]}), "'maybe' is none of"),
    ],
)
def test_senseless_settings_are_refused(wrong, words):
    """Settings and batches that it cannot work with are refused, and the error says why."""
    with pytest.raises(SpecError, match=words):
        wrong()
