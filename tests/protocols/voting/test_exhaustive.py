"""Every rule against the oracle, in every vote of up to five members and four options."""

import itertools

import pytest

from harmonium.protocols.voting import (
    Approval,
    Ballot,
    Borda,
    InstantRunoff,
    Majority,
    OnlineWeightedMajority,
    Plurality,
    Priority,
    Question,
    Score,
    SeededDraw,
    Supermajority,
    Unanimity,
    Weighted,
    decide,
    is_settled,
)
from tests.protocols.voting import oracle

MEMBERS = ("m1", "m2", "m3", "m4", "m5")
THREE = ("a", "b", "c")
FOUR = ("a", "b", "c", "d")
TIES = [None, Priority(("c", "a", "d", "b")), Priority(("b", "c"))]
WEIGHTS = {"m1": 0.3, "m2": 0.1, "m3": 0.2, "m4": 0, "m5": 0.6}


def found(rule, question, ballots):
    """Give the package's verdict in the oracle's form."""
    verdict = decide(rule, question, ballots)
    return (verdict.outcome.value, verdict.choice, frozenset(verdict.tied))


def agree(rule, question, ballots, awaited, acts):
    """Compare outcome and early decision of one vote with the oracle."""
    assert found(rule, question, ballots) == oracle.outcome(rule, question, ballots), ballots
    settled = is_settled(rule, question, ballots, awaited)
    changes = oracle.can_change(rule, question, ballots, awaited, acts)
    assert settled != changes, (rule, question, ballots, awaited)


def agree_on_all(rule, question, acts, *, cast=None, first=None, later=None):
    """Compare every vote of the question's members, whoever of them is awaited or gone."""
    members = question.members
    for n in range(len(members) + 1) if cast is None else cast:
        for ballots in oracle.profiles(members, acts, cast=n, first=first):
            for awaited in range(len(members) - n + 1):
                agree(rule, question, ballots, members[n : n + awaited], later or acts)


def sizes(tie, options, upto=5):
    return [Question("q", MEMBERS[:n], options, tie=tie) for n in range(1, upto + 1)]


@pytest.mark.parametrize("tie", TIES, ids=["tie", "priority", "part"])
@pytest.mark.parametrize(
    "rule",
    [
        Plurality(),
        Plurality(quorum=1),
        Majority(),
        Majority(quorum=1),
        Majority(quorum=1, absolute=True),
        Supermajority(2 / 3),
        Supermajority(3 / 4, quorum=1),
        Supermajority(0.6, quorum=1, absolute=True),
        Unanimity(quorum=1),
        Unanimity(absolute=True),
    ],
    ids=repr,
)
def test_rules_of_one_choice(rule, tie):
    """Outcome and early decision of each rule of one choice are the oracle's."""
    for options in (("a", "b"), FOUR):
        for question in sizes(tie, options):
            if (rule.quorum or 1) <= len(question.members):
                agree_on_all(rule, question, oracle.choices(options))


@pytest.mark.parametrize(
    "tie", [None, Priority(("b", "a")), Priority(("a",))], ids=["tie", "priority", "part"]
)
@pytest.mark.parametrize(
    "rule", [Plurality(), Majority(quorum=1), Supermajority(2 / 3), Unanimity()], ids=repr
)
def test_open_questions(rule, tie):
    """Where anything may be voted for, a new option is reckoned with exactly."""
    for question in sizes(tie, None, upto=4):
        agree_on_all(rule, question, oracle.choices(("a", "b", "x", "y", "z")))


@pytest.mark.parametrize("tie", TIES, ids=["tie", "priority", "part"])
@pytest.mark.parametrize(("options", "members"), [(("a", "b"), 5), (THREE, 4)])
def test_weighted(options, members, tie):
    """Outcome and early decision by weight are the oracle's, also for a weight of 0."""
    rule, acts = Weighted(WEIGHTS), oracle.choices(options)
    question = Question("q", MEMBERS[5 - members :], options, tie=tie)
    states = [[*acts(member), "gone", "awaited"] for member in question.members]
    for taken in itertools.product(*states):
        ballots = [state for state in taken if isinstance(state, Ballot)]
        awaited = [m for m, s in zip(question.members, taken, strict=True) if s == "awaited"]
        agree(rule, question, ballots, awaited, acts)


@pytest.mark.parametrize("tie", TIES, ids=["tie", "priority", "part"])
def test_approval(tie):
    """Outcome and early decision by approval are the oracle's."""
    for question in sizes(tie, THREE):
        agree_on_all(Approval(), question, oracle.approvals(THREE))
    question, acts = Question("q", MEMBERS, FOUR, tie=tie), oracle.approvals(FOUR)
    for size in (1, 3) if tie else range(5):
        first = next(n for n, act in enumerate(acts("m1")) if len(act.approvals or ()) == size)
        agree_on_all(Approval(), question, acts, cast=(4,), first=first)


@pytest.mark.parametrize("tie", TIES, ids=["tie", "priority", "part"])
def test_score(tie):
    """Outcome and early decision by scores are the oracle's."""
    for question in sizes(tie, THREE, upto=2 if tie else 3):
        agree_on_all(Score(top=2), question, oracle.scorings(THREE, 2))


@pytest.mark.parametrize("tie", TIES[:2], ids=["tie", "priority"])
@pytest.mark.parametrize("rule", [Borda(), InstantRunoff()], ids=repr)
def test_rankings_of_three(rule, tie):
    """Outcome and early decision by rankings of three options, full or not, are the oracle's."""
    longest = 2 if isinstance(rule, InstantRunoff) else 3
    for question in sizes(tie, THREE, upto=5 if longest == 2 else 4):
        agree_on_all(rule, question, oracle.rankings(THREE, longest=longest))


@pytest.mark.parametrize("tie", [None, Priority(("c", "a", "d", "b"))], ids=["tie", "priority"])
@pytest.mark.parametrize("rule", [Borda(), InstantRunoff()], ids=repr)
def test_full_rankings_of_four(rule, tie):
    """Outcome and early decision after three or four full rankings of four are the oracle's."""
    question = Question("q", MEMBERS, FOUR, tie=tie)
    # A runoff reads no fourth place: three ranked are as good as four.
    longest = 3 if isinstance(rule, InstantRunoff) else 4
    full = oracle.rankings(FOUR, shortest=longest, longest=longest)
    later = oracle.rankings(FOUR, longest=longest)
    agree_on_all(rule, question, full, cast=(3, 4), first=1, later=later)


@pytest.mark.parametrize("tie", TIES[:2], ids=["tie", "priority"])
def test_runoff_of_four_with_rankings_cut_short(tie):
    """Outcome and early decision of a runoff with rankings of any length are the oracle's."""
    acts = oracle.rankings(FOUR, longest=3)
    question = Question("q", MEMBERS[:4], FOUR, tie=tie)
    for length in (1, 2, 3):
        first = next(n for n, act in enumerate(acts("m1")) if len(act.ranking or ()) == length)
        agree_on_all(InstantRunoff(), question, acts, cast=(2, 3), first=first)


@pytest.mark.parametrize(
    ("order", "rankings"),
    [
        ("bdac", "dcb dcba c b cad bca adbc acbd bac cbda abd ad abcd abc"),
        ("acdb", "abcd d adcb d ba d cbda cba b ad b dacb db"),
    ],
)
def test_one_ballot_may_help_two_options_of_a_runoff(order, rankings):
    """A ballot that first saves one option and then counts for another is reckoned with."""
    ballots = [Ballot(f"v{n}", ranking=tuple(r)) for n, r in enumerate(rankings.split())]
    members = [*(ballot.voter for ballot in ballots), "late"]
    question = Question("q", members, FOUR, tie=Priority(tuple(order)))
    agree(InstantRunoff(), question, ballots, ["late"], oracle.rankings(FOUR, longest=3))
    assert not is_settled(InstantRunoff(), question, ballots, ["late"])


@pytest.mark.parametrize(
    "rankings",
    [
        "cab abc dc dba ba ba cd abc",
        "cab cdb dbc ac bdc bdc abd dba",
        "abc a b c d",
        "ab ab ba ba c d",
    ],
)
def test_a_tied_runoff_is_settled_exactly(rankings):
    """A runoff may be so tied that no further ballot unties it, and mostly is not."""
    ballots = [Ballot(f"v{n}", ranking=tuple(r)) for n, r in enumerate(rankings.split())]
    members = [*(ballot.voter for ballot in ballots), "late"]
    question = Question("q", members, FOUR)
    agree(InstantRunoff(), question, ballots, ["late"], oracle.rankings(FOUR, longest=3))


@pytest.mark.soak
@pytest.mark.parametrize("start", ["a", "ab", "abc", "b", "cb", "dca"])
@pytest.mark.parametrize("tie", TIES[:2], ids=["tie", "priority"])
@pytest.mark.parametrize(("rule", "cast"), [(Borda(), 3), (InstantRunoff(), 4)])
def test_any_rankings_of_four(rule, cast, tie, start):
    """Five members' rankings of any length are decided as by the oracle, and as early."""
    acts = oracle.rankings(FOUR, longest=3 if isinstance(rule, InstantRunoff) else 4)
    first = next(n for n, act in enumerate(acts("m1")) if act.ranking == tuple(start))
    question = Question("q", MEMBERS, FOUR, tie=tie)
    agree_on_all(rule, question, acts, cast=(cast,), first=first)


@pytest.mark.parametrize("veto", [True, {"m3"}, {"m1", "m2"}], ids=str)
def test_vetoes(veto):
    """A vote is not decided while a veto may come, and is over when one has."""
    rule = Majority(quorum=1, veto=veto)
    options = ("a", "b")

    def acts(member):
        plain = oracle.choices(options)(member)
        return [*plain, Ballot(member, veto=True)] if rule.may_veto(member) else plain

    question = Question("q", MEMBERS[:4], options)
    states = [[*acts(member), "gone", "awaited"] for member in question.members]
    for taken in itertools.product(*states):
        ballots = [state for state in taken if isinstance(state, Ballot)]
        awaited = [m for m, s in zip(question.members, taken, strict=True) if s == "awaited"]
        agree(rule, question, ballots, awaited, acts)


def test_a_seeded_draw_is_a_priority_by_lot():
    """A draw decides every vote, and every early decision, as the priority that it draws."""
    for seed in range(3):
        draw = Question("q", MEMBERS[:4], THREE, tie=SeededDraw(seed))
        drawn = tuple(sorted(THREE, key=draw.rank))
        listed = Question("q", MEMBERS[:4], THREE, tie=Priority(drawn))
        for rule, acts in (
            (Plurality(), oracle.choices(THREE)),
            (Majority(), oracle.choices(THREE)),
            (InstantRunoff(), oracle.rankings(THREE, longest=2)),
        ):
            for n in range(5):
                for ballots in oracle.profiles(draw.members, acts, cast=n):
                    rest = draw.members[n:]
                    assert found(rule, draw, ballots) == found(rule, listed, ballots)
                    early = is_settled(rule, draw, ballots, rest)
                    assert early == is_settled(rule, listed, ballots, rest)


@pytest.mark.parametrize("tie", [None, Priority(("c", "a", "b"))], ids=["tie", "priority"])
@pytest.mark.parametrize("options", [("a", "b"), THREE], ids=len)
def test_learned_weights(options, tie):
    """With learned weights a vote is settled exactly when no completion changes it."""
    rule = OnlineWeightedMajority(options)
    for member, answers in (("m1", "aabca"), ("m2", "abcba"), ("m4", "bbabb")):
        for truth, answer in zip("aabca", answers, strict=True):
            if {truth, answer} <= set(options):
                rule = rule.learn([Ballot(member, answer)], truth=truth)
    members = MEMBERS[:4]
    question, acts = Question("q", members, options, tie=tie), oracle.choices(options)
    for taken in itertools.product(*([*acts(member), "awaited"] for member in members)):
        ballots = [state for state in taken if isinstance(state, Ballot)]
        awaited = [m for m, s in zip(members, taken, strict=True) if s == "awaited"]
        ends = {
            found(rule, question, [*ballots, *(b for b in more if b)])
            for more in itertools.product(*([None, *acts(member)] for member in awaited))
        }
        assert is_settled(rule, question, ballots, awaited) == (len(ends) == 1)
