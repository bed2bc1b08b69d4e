"""The settings of the rules: what they mean, and which are refused."""

import math
import pickle
from fractions import Fraction

import pytest

from harmonium.protocols.errors import SpecError
from harmonium.protocols.voting import (
    Approval,
    Ballot,
    Borda,
    InstantRunoff,
    Majority,
    OnlineWeightedMajority,
    Outcome,
    Plurality,
    Question,
    Score,
    Supermajority,
    Unanimity,
    Weighted,
    decide,
)


def vote(rule, said, options=None, **rest):
    """Decide what each voter says: a choice, or None to abstain."""
    ballots = [
        Ballot(voter, choice) if choice else Ballot(voter, abstain=True)
        for voter, choice in said.items()
    ]
    return decide(rule, Question("q", tuple(said), options, **rest), ballots)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Majority(quorum=0),
        lambda: Majority(veto="ann"),
        lambda: Supermajority(1 / 2),
        lambda: Supermajority(1.2),
        lambda: Weighted({"ann": -1}),
        lambda: Weighted({"ann": math.inf}),
        lambda: Score(top=0),
        lambda: Score(top=math.nan),
    ],
)
def test_senseless_settings_are_refused(wrong):
    """A rule that cannot work cannot be made."""
    with pytest.raises(SpecError):
        wrong()


@pytest.mark.parametrize(
    "rule",
    [
        Majority(quorum=2, veto=["ann"]),
        Supermajority(0.6),
        Unanimity(),
        Plurality(),
        Weighted({"ann": 0.5}),
        Borda(),
        InstantRunoff(),
        Approval(),
        Score(top=5),
        OnlineWeightedMajority(("a", "b")),
    ],
    ids=lambda rule: rule.name,
)
def test_a_rule_is_a_value(rule):
    """Rules are equal by their settings, hashable, and survive pickling."""
    again = pickle.loads(pickle.dumps(rule))
    assert again == rule
    assert hash(again) == hash(rule)


def test_two_thirds_are_two_thirds():
    """A share given as a float is the fraction that was meant: 2 of 3 votes are enough."""
    assert Supermajority(2 / 3).share == Fraction(2, 3)
    assert vote(Supermajority(2 / 3), {"ann": "a", "ben": "a", "cas": "b"}).choice == "a"
    assert vote(Supermajority(0.67), {"ann": "a", "ben": "a", "cas": "b"}).choice is None


def test_decimal_weights_add_up():
    """Weights 0.1 and 0.2 together are as heavy as 0.3."""
    verdict = vote(Weighted({"x": 0.1, "y": 0.2, "z": 0.3}), {"x": "a", "y": "a", "z": "b"})
    assert verdict.outcome is Outcome.TIED
    assert verdict.scores == (("a", 0.3), ("b", 0.3))


def test_margin_and_confidence_are_in_the_rules_unit():
    """The margin is the lead in the rule's unit, confidence the share it speaks of."""
    verdict = vote(Weighted({"x": 2.5, "y": 1, "z": 0.5}), {"x": "a", "y": "b", "z": "b"})
    assert (verdict.margin, verdict.confidence) == (1.0, 0.625)
    verdict = vote(Plurality(), {"x": "a", "y": "a", "z": "b", "w": None})
    assert (verdict.margin, verdict.confidence) == (1, pytest.approx(2 / 3))
    verdict = vote(Majority(absolute=True), {"x": "a", "y": "a", "z": None})
    assert verdict.confidence == pytest.approx(2 / 3)


def test_scores_are_sums():
    """The highest sum of scores wins; confidence is the mean as a share of the top."""
    ballots = [Ballot("x", scores={"a": 5, "b": 4}), Ballot("y", scores={"b": 4, "c": 5})]
    verdict = decide(Score(top=5), Question("q", ("x", "y"), ("a", "b", "c")), ballots)
    assert (verdict.choice, verdict.margin, verdict.confidence) == ("b", 3.0, 0.8)
    assert verdict.scores == (("b", 8.0), ("a", 5.0), ("c", 5.0))


def test_unanimity_lets_abstentions_pass_unless_absolute():
    """Who abstains does not break unanimity, but for an absolute one."""
    said = {"ann": "a", "ben": "a", "cas": None}
    assert vote(Unanimity(), said).choice == "a"
    assert vote(Unanimity(absolute=True), said).outcome is Outcome.NOT_REACHED


def test_abstentions_count_for_the_quorum():
    """Who abstains takes part: with one vote and two abstentions a quorum of 3 is there."""
    assert vote(Majority(quorum=3), {"ann": "a", "ben": None, "cas": None}).choice == "a"


@pytest.mark.parametrize(
    ("said", "text"),
    [
        (
            {"x": "a", "y": "a", "z": "b"},
            "majority: a (margin 1, confidence 0.67), 2 for, 1 against",
        ),
        ({"x": "a", "y": "b"}, "majority: tied between a, b, 2 voted"),
        ({"x": None}, "majority: no option has what the rule asks for, 1 abstained"),
    ],
)
def test_a_verdict_says_what_it_is(said, text):
    """The text of a verdict has the rule, the result and the turnout."""
    assert str(vote(Majority(), said)) == text
