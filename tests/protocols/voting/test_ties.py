"""Draws are fair and repeatable, priorities are orders, escalation names whom to ask."""

from collections import Counter

import pytest

from harmonium.protocols.errors import SpecError
from harmonium.protocols.voting import (
    Ballot,
    Escalate,
    InstantRunoff,
    Outcome,
    Plurality,
    Priority,
    Question,
    SeededDraw,
    decide,
    open_round,
)


def tied(tie, id_="q", options=("a", "b", "c")):
    """Decide a vote in which each option has one voter."""
    voters = [f"v{option}" for option in options]
    ballots = [Ballot(v, option) for v, option in zip(voters, options, strict=True)]
    return decide(Plurality(), Question(id_, voters, options, tie=tie), ballots)


def test_without_a_policy_a_tie_stays_a_tie():
    """Nobody chooses for the members: the verdict names those tied, and nothing else."""
    verdict = tied(None)
    assert (verdict.outcome, verdict.choice) == (Outcome.TIED, None)
    assert (verdict.tied, verdict.escalate_to) == (("a", "b", "c"), None)


def test_escalation_names_whom_to_ask():
    """A tie that is escalated says who has the last word, and is still a tie."""
    verdict = tied(Escalate("lead"))
    assert (verdict.outcome, verdict.escalate_to) == (Outcome.TIED, "lead")


def test_priority_prefers_what_it_names_first():
    """The tied option that stands first in the list wins; what it leaves out stays tied."""
    assert tied(Priority(("x", "b", "a"))).choice == "b"
    assert tied(Priority(("b", "a"))).tie_broken_by == "priority"
    assert tied(Priority(("x",))).tied == ("a", "b", "c")


def test_a_draw_is_fair():
    """Over many votes each option is drawn about equally often, whatever its name."""
    drawn = Counter(tied(SeededDraw(1), f"q{n}").choice for n in range(3000))
    assert all(900 < n < 1100 for n in drawn.values())
    assert len(drawn) == 3


def test_a_draw_depends_on_its_seed_and_its_vote_only():
    """A draw comes out the same again, and is another one with another seed or vote."""
    votes = [f"q{n}" for n in range(50)]
    once = [tied(SeededDraw(1), id_).choice for id_ in votes]
    assert once == [tied(SeededDraw(1), id_).choice for id_ in votes]
    assert once == [tied(SeededDraw(1), id_, ("c", "b", "a")).choice for id_ in votes]
    assert once != [tied(SeededDraw(2), id_).choice for id_ in votes]


def test_a_tie_within_a_runoff_is_broken_and_noted():
    """Of two options with the fewest votes, the one that the policy prefers stays."""
    rankings = {"v1": "ab", "v2": "ab", "v3": "b", "v4": "c"}
    ballots = [Ballot(voter, ranking=list(r)) for voter, r in rankings.items()]
    question = Question("q", tuple(rankings), ("a", "b", "c"), tie=Priority(("c", "b", "a")))
    verdict = decide(InstantRunoff(), question, ballots)
    assert dict(verdict.scores) == {"a": 2, "c": 1}
    assert (verdict.choice, verdict.tie_broken_by) == ("a", "priority")


def test_a_tie_within_a_runoff_may_not_matter():
    """Without a policy, who wins whoever goes is chosen; else those who could win are tied."""
    for rankings, outcome, ends in (
        ({"v1": "a", "v2": "a", "v3": "b", "v4": "c"}, Outcome.DECIDED, "a"),
        ({"v1": "a", "v2": "a", "v3": "bc", "v4": "cb"}, Outcome.TIED, "abc"),
        ({"v1": "a", "v2": "a", "v3": "ba", "v4": "ca"}, Outcome.DECIDED, "a"),
    ):
        ballots = [Ballot(voter, ranking=list(r)) for voter, r in rankings.items()]
        verdict = decide(InstantRunoff(), Question("q", tuple(rankings), ("a", "b", "c")), ballots)
        assert (verdict.outcome, verdict.tie_broken_by) == (outcome, None)
        assert set(verdict.tied or verdict.choice) == set(ends)


def test_a_runoff_wants_a_whole_priority():
    """A runoff asks the policy in the middle of the count: a priority must name all options."""
    with pytest.raises(SpecError, match="leaves out an option"):
        open_round(
            InstantRunoff(), ("v",), 0.0, id="q", options=("a", "b", "c"), tie=Priority(("a", "b"))
        )


@pytest.mark.parametrize(("order", "words"), [(("a", "a"), "twice"), ("ab", "is the text")])
def test_a_wrong_priority_is_refused(order, words):
    """A priority names each option once, in a list."""
    with pytest.raises(SpecError, match=words):
        Priority(order)
