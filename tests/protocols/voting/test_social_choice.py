"""The criteria of social choice theory: which rule keeps which, for any votes."""

from collections import Counter

import attrs
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from harmonium.protocols.voting import (
    Approval,
    Ballot,
    Borda,
    DawidSkene,
    InstantRunoff,
    Majority,
    OnlineWeightedMajority,
    Plurality,
    Question,
    Score,
    Supermajority,
    Unanimity,
    Weighted,
    decide,
    is_settled,
)
from tests.protocols.voting import oracle

OPTIONS = ("a", "b", "c", "d")
VOTERS = tuple(f"v{n}" for n in range(9))
CHOICE_RULES = [
    Plurality(quorum=1),
    Majority(quorum=1),
    Majority(quorum=1, absolute=True),
    Supermajority(2 / 3, quorum=1),
    Unanimity(quorum=1),
]
RULES = [
    *CHOICE_RULES,
    Borda(quorum=1),
    InstantRunoff(quorum=1),
    Approval(quorum=1),
    Score(quorum=1),
]
POINTS_RULES = [Plurality(quorum=1), Borda(quorum=1), Approval(quorum=1), Score(quorum=1)]

votes = st.lists(st.permutations(OPTIONS).map(tuple), min_size=1, max_size=len(VOTERS))
"""Everybody has an order of all options; each rule reads of it what it asks for."""


often = settings(suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
"""For criteria that speak of few votes only: many are drawn in vain."""


def ballot(rule, voter, order):
    """State an order of the options in the way that the rule reads."""
    if isinstance(rule, Borda | InstantRunoff):
        return Ballot(voter, ranking=order)
    if isinstance(rule, Approval):
        return Ballot(voter, approvals=order[:2])
    if isinstance(rule, Score):
        return Ballot(voter, scores=dict(zip(order, (1, 0.5, 0.25, 0), strict=True)))
    return Ballot(voter, order[0])


def verdict(rule, orders):
    """Decide what everybody states, with ties left as they are."""
    voters = [f"v{n}" for n in range(len(orders))]
    ballots = [ballot(rule, voter, order) for voter, order in zip(voters, orders, strict=True)]
    return decide(rule, Question("q", voters, OPTIONS), ballots)


def result(rule, orders):
    end = verdict(rule, orders)
    return end.outcome, end.choice, frozenset(end.tied)


def beats(orders, one, other):
    """Whether more than half prefer the first of two options."""
    return sum(order.index(one) < order.index(other) for order in orders) * 2 > len(orders)


@pytest.mark.parametrize("rule", RULES, ids=repr)
@given(votes, st.randoms(use_true_random=False))
def test_anonymity(rule, orders, random):
    """Who casts which ballot, and when, makes no difference."""
    shuffled = random.sample(orders, len(orders))
    assert result(rule, orders) == result(rule, shuffled)


@given(votes, st.randoms(use_true_random=False))
def test_anonymity_of_learned_weights(orders, random):
    """Before it has learned anything, the online majority treats members alike."""
    rule = OnlineWeightedMajority(OPTIONS, quorum=1)
    assert result(rule, orders) == result(rule, random.sample(orders, len(orders)))


@pytest.mark.parametrize(
    "rule", [*RULES, OnlineWeightedMajority(OPTIONS, quorum=1)], ids=lambda rule: rule.name
)
@given(votes, st.permutations(OPTIONS))
def test_neutrality(rule, orders, names):
    """Other names for the options give the same verdict in the other names."""
    new = dict(zip(OPTIONS, names, strict=True))
    outcome, choice, tied = result(rule, orders)
    renamed = result(rule, [tuple(new[option] for option in order) for order in orders])
    assert renamed == (outcome, new.get(choice), frozenset(new[option] for option in tied))


@pytest.mark.parametrize(
    "rule", [r for r in RULES if not isinstance(r, InstantRunoff | Unanimity)], ids=repr
)
@given(votes, st.data())
@often
def test_monotonicity(rule, orders, data):
    """To raise the chosen option on a ballot never takes the choice from it."""
    choice = verdict(rule, orders).choice
    assume(choice is not None)
    voter = data.draw(st.integers(0, len(orders) - 1))
    place = data.draw(st.integers(0, orders[voter].index(choice)))
    rest = [option for option in orders[voter] if option != choice]
    raised = (*rest[:place], choice, *rest[place:])
    assert verdict(rule, [*orders[:voter], raised, *orders[voter + 1 :]]).choice == choice


@given(votes, st.data())
def test_monotonicity_of_weights(orders, data):
    """With weights, one more member for the chosen option leaves it chosen."""
    voters = VOTERS[: len(orders)]
    weights = {voter: data.draw(st.sampled_from([0, 0.1, 0.2, 1.5])) for voter in voters}
    rule, question = Weighted(weights, quorum=1), Question("q", voters, OPTIONS)
    ballots = [Ballot(v, order[0]) for v, order in zip(voters, orders, strict=True)]
    choice = decide(rule, question, ballots).choice
    assume(choice is not None)
    changed = data.draw(st.integers(0, len(ballots) - 1))
    ballots[changed] = attrs.evolve(ballots[changed], choice=choice)
    assert decide(rule, question, ballots).choice == choice


@pytest.mark.parametrize(
    "rule", [Plurality(), Majority(), Majority(absolute=True), InstantRunoff()], ids=repr
)
@given(votes)
@often
def test_majority_criterion(rule, orders):
    """An option that is first for more than half is chosen."""
    (first, n), *_ = Counter(order[0] for order in orders).most_common(1)
    assume(2 * n > len(orders))
    assert verdict(rule, orders).choice == first


@pytest.mark.parametrize("rule", [Borda(), InstantRunoff()], ids=repr)
@given(votes)
def test_condorcet_loser_criterion(rule, orders):
    """An option that loses to every other one in pairs is not chosen."""
    choice = verdict(rule, orders).choice
    assume(choice is not None)
    others = [option for option in OPTIONS if option != choice]
    assert not all(beats(orders, other, choice) for other in others)


@pytest.mark.parametrize("rule", POINTS_RULES, ids=repr)
@given(votes, st.permutations(OPTIONS).map(tuple))
@often
def test_participation(rule, orders, late):
    """Where points are added up, nobody does better by staying at home."""
    without, present = verdict(rule, orders).choice, verdict(rule, [*orders, late]).choice
    assume(without is not None)
    assume(present is not None)
    assert late.index(present) <= late.index(without)


@pytest.mark.parametrize("rule", POINTS_RULES, ids=repr)
@given(votes, votes)
@often
def test_reinforcement(rule, here, there):
    """Where points are added up, what two groups choose apart they choose together (Young 1975)."""
    choice = verdict(rule, here).choice
    assume(choice is not None)
    assume(choice == verdict(rule, there).choice)
    assert verdict(rule, here + there).choice == choice


@pytest.mark.parametrize("rule", RULES, ids=repr)
@given(votes, st.integers(2, 3))
def test_homogeneity(rule, orders, times):
    """Every ballot twice or three times over gives the same verdict."""
    assert result(rule, orders) == result(rule, orders * times)


@given(votes, st.data())
def test_later_no_harm(orders, data):
    """In a runoff, further options named after the chosen one do not harm it."""
    rule, question = InstantRunoff(quorum=1), Question("q", VOTERS, OPTIONS)
    cut = [order[: data.draw(st.integers(1, 4))] for order in orders]
    ballots = [Ballot(v, ranking=r) for v, r in zip(VOTERS, cut, strict=False)]
    choice = decide(rule, question, ballots).choice
    named = [n for n, ranking in enumerate(cut) if choice in ranking]
    assume(named)
    longer = data.draw(st.sampled_from(named))
    ballots[longer] = Ballot(VOTERS[longer], ranking=orders[longer])
    assert decide(rule, question, ballots).choice == choice


@given(votes)
def test_two_options_make_all_rules_one(orders):
    """With two options every rule without weights is the simple majority (May 1952)."""
    two = [tuple(option for option in order if option in "ab") for order in orders]
    voters = VOTERS[: len(two)]
    question = Question("q", voters, ("a", "b"))
    ends = set()
    for rule in (Majority(), Plurality(), Borda(), InstantRunoff(), Approval(), Score()):
        for_rule = [
            Ballot(voter, approvals=order[:1])
            if isinstance(rule, Approval)
            else Ballot(voter, scores={order[0]: 1})
            if isinstance(rule, Score)
            else ballot(rule, voter, order)
            for voter, order in zip(voters, two, strict=True)
        ]
        end = decide(rule, question, for_rule)
        ends.add((end.outcome, end.choice, frozenset(end.tied)))
    assert len(ends) == 1


@given(st.lists(st.permutations("abcde"), min_size=4, max_size=12), st.data())
def test_a_runoff_of_five_is_settled_exactly(orders, data):
    """Whether one more ranking of five options changes a runoff is known exactly."""
    rankings = [tuple(order[: data.draw(st.integers(1, 5))]) for order in orders]
    voters = [f"v{n}" for n in range(len(orders))]
    question = Question("q", [*voters, "late"], tuple("abcde"))
    ballots = [Ballot(v, ranking=r) for v, r in zip(voters, rankings, strict=True)]
    acts = oracle.rankings("abcde", longest=4)
    changes = oracle.can_change(InstantRunoff(), question, ballots, ["late"], acts)
    assert is_settled(InstantRunoff(), question, ballots, ["late"]) != changes


@given(votes)
def test_confidence_is_a_share(orders):
    """Confidence lies between 0 and 1, and is 0 where nothing was chosen."""
    for rule in (*RULES, OnlineWeightedMajority(OPTIONS, quorum=1)):
        end = verdict(rule, orders)
        assert 0 <= end.confidence <= 1
        assert end.margin >= 0
        assert end.decided or (end.confidence, end.margin, end.choice) == (0, 0, None)


@given(votes)
def test_ballots_for_and_against(orders):
    """Every ballot is for the choice, against it, or abstains; none is two of them."""
    for rule in RULES:
        end = verdict(rule, orders)
        if end.decided:
            assert Counter([*end.ballots_for, *end.ballots_against]) == Counter(end.ballots)
            assert end.ballots_for or isinstance(rule, Borda)
        else:
            assert end.ballots_for == end.ballots_against == ()


@given(votes, st.randoms(use_true_random=False))
def test_a_batch_has_no_order(orders, random):
    """Dawid and Skene's rule does not care in which order votes and ballots come."""
    batch = {
        f"q{n}": [Ballot(f"v{(n + k) % 4}", order[k % 2]) for k in range(3)]
        for n, order in enumerate(orders)
    }
    mixed = {
        id_: random.sample(batch[id_], len(batch[id_]))
        for id_ in random.sample(list(batch), len(batch))
    }
    rule = DawidSkene(OPTIONS)
    one, other = rule.decide_all(batch), rule.decide_all(mixed)
    for id_ in batch:
        assert one[id_].confidence == other[id_].confidence
