"""What a ballot may say."""

import math
import pickle

import pytest

from harmonium.protocols.errors import SpecError
from harmonium.protocols.message import message
from harmonium.protocols.voting import Ballot, BallotKind


@pytest.mark.parametrize(
    ("ballot", "kind", "options"),
    [
        (Ballot("ann", "yes"), BallotKind.CHOICE, ("yes",)),
        (Ballot("ann", ranking=["b", "a"]), BallotKind.RANKING, ("b", "a")),
        (Ballot("ann", approvals=["b", "a"]), BallotKind.APPROVALS, ("a", "b")),
        (Ballot("ann", approvals=[]), BallotKind.APPROVALS, ()),
        (Ballot("ann", scores={"b": 1, "a": 0.5}), BallotKind.SCORES, ("a", "b")),
        (Ballot("ann", abstain=True), None, ()),
        (Ballot("ann", veto=True), None, ()),
        (Ballot("ann", "yes", veto=True), BallotKind.CHOICE, ("yes",)),
    ],
)
def test_a_ballot_says_one_thing(ballot, kind, options):
    """A ballot states a preference of one kind, or none; and it is a hashable value."""
    assert (ballot.kind, ballot.options) == (kind, options)
    assert pickle.loads(pickle.dumps(ballot)) == ballot
    assert hash(ballot) == hash(pickle.loads(pickle.dumps(ballot)))


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({}, "says nothing"),
        ({"choice": "a", "ranking": ["a"]}, "more than one thing"),
        ({"choice": "a", "abstain": True}, "more than one thing"),
        ({"veto": True, "abstain": True}, "more than one thing"),
        ({"ranking": ["a", "b", "a"]}, "ranks an option twice"),
        ({"ranking": "abc"}, "is the text 'abc'"),
        ({"approvals": "abc"}, "is the text 'abc'"),
        ({"scores": {"a": -1}}, "negative or no number"),
        ({"scores": {"a": math.nan}}, "negative or no number"),
    ],
)
def test_a_senseless_ballot_is_refused(said, words):
    """A ballot that says nothing, or two things, cannot be made."""
    with pytest.raises(SpecError, match=words):
        Ballot("ann", **said)


def test_a_ballot_may_travel_in_a_message():
    """A message may have a ballot as its field."""

    @message(name="tests.Said")
    class Said:
        ballot: Ballot

    assert Said(Ballot("ann", "yes")).ballot.choice == "yes"
