"""The online weighted majority learns in one pass, and without truth, whom to believe."""

import math

import pytest

from harmonium.protocols.errors import SpecError
from harmonium.protocols.voting import (
    Ballot,
    Closed,
    Majority,
    OnlineWeightedMajority,
    Outcome,
    Question,
    cast,
    decide,
    is_settled,
    open_round,
)
from tests.protocols.voting.crowd import NO_YES, accuracy, crowd


def run(rule, batch, *, learn):
    """Hold one round after the other, in the order of the batch."""
    verdicts = {}
    for id_, ballots in batch.items():
        members = [ballot.voter for ballot in ballots]
        round_ = open_round(rule, members, 0.0, id=id_, options=NO_YES, early=False)
        for ballot in ballots:
            round_, _ = cast(round_, ballot, 1.0)
        verdicts[id_] = round_.verdict
        if learn:
            rule = rule.learn(round_.verdict.ballots)
    return verdicts, rule


@pytest.mark.parametrize("seed", range(3))
def test_it_beats_the_majority_in_one_pass(seed):
    """Where a fifth of a crowd guesses and a fifth always says no, it errs less by a fifth."""
    batch, truths, _ = crowd(seed, questions=3000)
    plain, _ = run(Majority(), batch, learn=False)
    learned, _ = run(OnlineWeightedMajority(NO_YES), batch, learn=True)
    assert 1 - accuracy(learned, truths) < 0.8 * (1 - accuracy(plain, truths))


def test_it_finds_out_whom_to_believe():
    """Those who know are held for more reliable than those who guess."""
    batch, _, skill = crowd(1, members=10, questions=2000)
    _, rule = run(OnlineWeightedMajority(NO_YES), batch, learn=True)
    guessing = max(rule.reliability(member) for member in ("m3", "m8"))
    knowing = [m for m, (on_no, on_yes) in skill.items() if min(on_no, on_yes) > 0.6]
    assert knowing
    assert all(rule.reliability(member) > guessing for member in knowing)


def test_a_newcomer_is_right_four_times_out_of_five():
    """Whom nobody knows is believed as the settings say, and equals decide by majority."""
    rule = OnlineWeightedMajority(("a", "b"))
    assert rule.reliability("new") == pytest.approx(0.8)
    ballots = [Ballot("x", "a"), Ballot("y", "a"), Ballot("z", "b")]
    verdict = decide(rule, Question("q", ("x", "y", "z"), ("a", "b")), ballots)
    assert verdict.choice == "a"
    assert verdict.margin == pytest.approx(math.log(4))
    assert verdict.confidence == pytest.approx(0.8)


def test_before_it_knows_anybody_it_is_the_plurality():
    """With equal members an even split is an exact tie, in whatever order the ballots come."""
    rule = OnlineWeightedMajority(("a", "b", "c"))
    ballots = [Ballot(f"v{n}", "aabb"[n]) for n in range(4)]
    question = Question("q", [b.voter for b in ballots], rule.options)
    for order in (ballots, ballots[::-1]):
        verdict = decide(rule, question, order)
        assert (verdict.outcome, verdict.tied) == (Outcome.TIED, ("a", "b"))


def test_learning_from_the_truth():
    """A truth that became known counts whole, and makes a liar's ballot speak against itself."""
    rule = OnlineWeightedMajority(("a", "b"))
    for truth, lie in (("a", "b"), ("b", "a")) * 20:
        rule = rule.learn([Ballot("liar", lie), Ballot("saint", truth)], truth=truth)
    # 20 of 20 on each option, and 4 of 5 imagined.
    assert rule.reliability("liar") == pytest.approx(4 / 25)
    assert rule.reliability("saint") == pytest.approx(24 / 25)
    verdict = decide(rule, Question("q", ("liar",), ("a", "b")), [Ballot("liar", "a")])
    assert verdict.choice == "b"
    assert (verdict.ballots_for, len(verdict.ballots_against)) == ((), 1)


def test_credits_add_up():
    """Each ballot is credited once, in shares that sum to one, and nothing else changes."""
    before = OnlineWeightedMajority(("a", "b", "c"))
    after = before.learn([Ballot("x", "a"), Ballot("y", "b"), Ballot("z", abstain=True)])
    assert set(after.seen) == {"x", "y"}
    for rows in after.seen.values():
        assert math.fsum(cell for row in rows for cell in row) == pytest.approx(1)
    assert math.fsum(after.truths) == pytest.approx(1)
    assert len(before.seen) == 0
    assert after.learn([Ballot("z", abstain=True)]) is after


@pytest.mark.parametrize("options", [("a", "b"), ("a", "b", "c", "d")])
def test_chances_sum_to_one(options):
    """Whatever is true, a member is sure to give one of the answers."""
    rule = OnlineWeightedMajority(options, hits=5, misses=2).learn([Ballot("x", "b")])
    for member in ("x", "new"):
        for truth in range(len(options)):
            row = [rule.chance(member, truth, answer) for answer in range(len(options))]
            assert math.fsum(row) == pytest.approx(1)
    assert math.fsum(rule.shares()) == pytest.approx(1)


def test_the_rule_brings_its_options():
    """A round takes the options of the rule; other ones are refused."""
    rule = OnlineWeightedMajority(("a", "b"))
    assert open_round(rule, ("x",), 0.0, id="q").question.options == ("a", "b")
    with pytest.raises(SpecError, match="other options"):
        open_round(rule, ("x",), 0.0, id="q", options=("a", "c"))


def test_who_only_guesses_is_not_waited_for():
    """A tie that only a member without any weight could still vote on is settled."""
    rule = OnlineWeightedMajority(("a", "b"))
    for truth, answer in (("a", "b"), ("b", "a")) * 3:
        rule = rule.learn([Ballot("guess", answer)], truth=truth)  # 3 of 3 wrong, 4 of 5 imagined
    ballots = [Ballot("x", "a"), Ballot("y", "b")]
    for third, settled in (("guess", True), ("new", False)):
        question = Question("q", ("x", "y", third), rule.options)
        assert decide(rule, question, ballots).outcome is Outcome.TIED
        assert is_settled(rule, question, ballots, [third]) == settled


def test_a_sure_vote_closes_early():
    """When two trusted members agree, a third one whom nobody trusts is not waited for."""
    rule = OnlineWeightedMajority(("a", "b"))
    for _ in range(30):
        for truth in ("a", "b"):
            known = [Ballot("x", truth), Ballot("y", truth), Ballot("z", "a")]
            rule = rule.learn(known, truth=truth)
    round_ = open_round(rule, ("x", "y", "z"), 0.0, id="q")
    round_, _ = cast(round_, Ballot("x", "b", round="q"), 1.0)
    round_, effects = cast(round_, Ballot("z", "a", round="q"), 1.0)
    assert not any(isinstance(effect, Closed) for effect in effects)
    round_ = open_round(rule, ("x", "y", "z"), 0.0, id="q")
    round_, _ = cast(round_, Ballot("x", "b", round="q"), 1.0)
    round_, _ = cast(round_, Ballot("y", "b", round="q"), 1.0)
    assert (round_.verdict.choice, round_.verdict.missing) == ("b", ("z",))


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: OnlineWeightedMajority(("a", "a")),
        lambda: OnlineWeightedMajority("ab"),
        lambda: OnlineWeightedMajority(("a", "b"), hits=1, misses=1),
        lambda: OnlineWeightedMajority(("a", "b"), misses=0),
        lambda: OnlineWeightedMajority(("a", "b")).learn([Ballot("x", "c")]),
        lambda: OnlineWeightedMajority(("a", "b")).learn([Ballot("x", "a")], truth="c"),
    ],
)
def test_senseless_settings_are_refused(wrong):
    """Settings, ballots and truths that it cannot work with are refused."""
    with pytest.raises(SpecError):
        wrong()
