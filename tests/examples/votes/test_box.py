"""The ballot box: what it keeps, and that it can be filled again."""

from __future__ import annotations

import pytest

from examples.votes.box import BallotBox, RuleName
from harmonium.protocols.errors import SpecError
from harmonium.protocols.voting import Ballot


def _ballots(**answers):
    return tuple(Ballot(name, answer) for name, answer in answers.items())


@pytest.mark.parametrize("rule", list(RuleName))
def test_the_same_ballots_twice_change_nothing(rule):
    """A vote that is held again after a crash teaches and counts nothing more."""
    once, twice = BallotBox(rule, 1), BallotBox(rule, 1)
    for box, times in ((once, 1), (twice, 2)):
        box.open(("no", "yes"))
        for _ in range(times):
            box.put("a", ("x", "y", "z"), _ballots(x="no", y="no", z="yes"))
            box.put("b", ("x", "y"), _ballots(x="yes", y="no"))
    assert once.close() == twice.close()
    assert [one.question for one in once.close()] == ["a", "b"]


def test_a_tie_is_drawn_by_the_seed():
    """The same seed draws alike; over many questions both options win."""
    drawn = []
    for _ in range(2):
        box = BallotBox(RuleName.MAJORITY, 5)
        box.open(("no", "yes"))
        for number in range(40):
            box.put(f"q{number}", ("x", "y"), _ballots(x="no", y="yes"))
        drawn.append([one.choice for one in box.close()])
    assert drawn[0] == drawn[1]
    assert set(drawn[0]) == {"no", "yes"}


def test_majority_takes_the_most_votes_of_three_options():
    """With more than two answers the most frequent one is chosen."""
    box = BallotBox(RuleName.MAJORITY, 0)
    box.open(("a", "b", "c"))
    box.put("q", tuple("xy"), _ballots(x="a", y="a"))
    box.put("r", tuple("wxyz"), _ballots(w="b", x="b", y="c", z="a"))
    assert box.close()[1].choice == "b"


@pytest.mark.parametrize("rule", [RuleName.WEIGHTED, RuleName.DAWID_SKENE])
def test_rules_that_compare_options_refuse_a_single_one(rule):
    """Before any vote."""
    with pytest.raises(SpecError, match="rule=majority"):
        BallotBox(rule, 0).open(("yes",))
