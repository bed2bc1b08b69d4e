"""Elections and examples from the literature, with the figures that they are known for."""

import itertools

from harmonium.protocols.voting import (
    Approval,
    Ballot,
    Borda,
    InstantRunoff,
    Majority,
    Outcome,
    Plurality,
    Question,
    Weighted,
    decide,
)


def electorate(piles):
    """Make the ballots of an election from how many voted in which order."""
    voter = (f"v{n}" for n in itertools.count())
    return [
        Ballot(next(voter), ranking=tuple(order)) for order, n in piles.items() for _ in range(n)
    ]


def elect(rule, piles, options):
    """Decide an election in which everybody votes."""
    ballots = electorate(piles)
    if not isinstance(rule, Borda | InstantRunoff):
        ballots = [Ballot(b.voter, b.ranking[0]) for b in ballots]
    return decide(rule, Question("election", [b.voter for b in ballots], tuple(options)), ballots)


def pairwise(piles, one, other):
    """Count who prefers which of two; an option that is not ranked is last."""
    prefer = [
        sum(n for order, n in piles.items() if (order + x + y).index(x) < (order + x + y).index(y))
        for x, y in ((one, other), (other, one))
    ]
    neither = sum(n for order, n in piles.items() if one not in order and other not in order)
    return prefer[0] - neither, prefer[1] - neither


# Burlington, Vermont, 3 March 2009, when all but Montroll, Kiss and Wright were out.
BURLINGTON = {
    "MKW": 1332,
    "MWK": 767,
    "M": 455,
    "KMW": 2043,
    "KWM": 371,
    "K": 568,
    "WMK": 1513,
    "WKM": 495,
    "W": 1289,
}


def test_burlington_2009_passed_over_the_condorcet_winner():
    """Montroll beat both others in pairs; the runoff between them chose Kiss, 4314 to 4064."""
    assert pairwise(BURLINGTON, "M", "K") == (4067, 3477)
    assert pairwise(BURLINGTON, "M", "W") == (4597, 3668)
    verdict = elect(InstantRunoff(), BURLINGTON, "KMW")
    assert verdict.choice == "K"
    assert verdict.scores == (("K", 4314.0), ("W", 4064.0))
    assert verdict.margin == 250
    assert len(verdict.ballots_for) == 4314
    assert elect(Plurality(), BURLINGTON, "KMW").choice == "W"
    assert elect(Borda(), BURLINGTON, "KMW").choice == "M"


def test_burlington_2009_was_not_monotone():
    """Had 753 voters of Wright put Kiss first, then Kiss would have lost for it."""
    raised = BURLINGTON | {"WKM": 0, "KWM": 371 + 495, "W": 1289 - 258, "KW": 258}
    assert sum(raised.values()) == sum(BURLINGTON.values())
    assert elect(InstantRunoff(), raised, "KMW").choice == "M"


# Fishburn and Brams, Paradoxes of preferential voting, Mathematics Magazine 56(4), 1983.
FISHBURN_BRAMS = {"BHW": 417, "BWH": 82, "HBW": 143, "HWB": 357, "WBH": 285, "WHB": 324}


def test_no_show_paradox():
    """Two more voters who rank Wogg last make Wogg win the runoff (Fishburn and Brams 1983)."""
    assert elect(InstantRunoff(), FISHBURN_BRAMS, "BHW").choice == "H"
    shown_up = FISHBURN_BRAMS | {"BHW": 419}
    assert elect(InstantRunoff(), shown_up, "BHW").choice == "W"


def test_more_support_makes_a_winner_lose_a_runoff():
    """The textbook case: 17 voters; two who raise A from second to first let C win instead."""
    before = {"ABC": 6, "CAB": 5, "BCA": 4, "BAC": 2}
    after = {"ABC": 8, "CAB": 5, "BCA": 4}
    assert elect(InstantRunoff(), before, "ABC").choice == "A"
    assert elect(InstantRunoff(), after, "ABC").choice == "C"


def test_borda_1770():
    """Borda's own example: plurality chooses whom both others beat, Borda's count does not."""
    piles = {"ABC": 1, "ACB": 7, "BCA": 7, "CBA": 6}
    assert elect(Plurality(), piles, "ABC").choice == "A"
    assert pairwise(piles, "A", "B") == (8, 13)
    assert pairwise(piles, "A", "C") == (8, 13)
    verdict = elect(Borda(), piles, "ABC")
    assert verdict.choice == "C"
    # From 3 down to 1 point, as Borda counted.
    assert verdict.scores == (("C", 47.0), ("B", 42.0), ("A", 37.0))


def test_borda_can_pass_over_a_majority():
    """Borda's count may choose against an option that is first for more than half."""
    piles = {"ABC": 3, "BCA": 2}
    assert elect(Majority(), piles, "ABC").choice == "A"
    assert elect(Borda(), piles, "ABC").choice == "B"


def test_condorcet_1785():
    """In Condorcet's cycle each option loses to another one, and every rule is tied."""
    piles = {"ABC": 1, "BCA": 1, "CAB": 1}
    assert [pairwise(piles, *pair) for pair in ("AB", "BC", "CA")] == [(2, 1)] * 3
    for rule in (Plurality(), Borda(), InstantRunoff()):
        verdict = elect(rule, piles, "ABC")
        assert (verdict.outcome, set(verdict.tied)) == (Outcome.TIED, set("ABC"))


def test_approval_may_choose_other_than_the_favourite_of_most():
    """Approval can choose what all accept before what most like best (Brams and Fishburn 1978)."""
    ballots = [Ballot(f"v{n}", approvals=["A", "B"] if n < 3 else ["B"]) for n in range(5)]
    verdict = decide(Approval(), Question("q", [b.voter for b in ballots], ("A", "B")), ballots)
    assert (verdict.choice, verdict.confidence) == ("B", 1.0)


def test_weights_and_power():
    """With weights 50, 49 and 1 the smallest member decides as often as the second."""
    rule = Weighted({"x": 50, "y": 49, "z": 1})
    question = Question("q", ("x", "y", "z"), ("aye", "no"))

    def choose(*said):
        ballots = [Ballot(m, choice) for m, choice in zip("xyz", said, strict=True)]
        return decide(rule, question, ballots)

    swings = dict.fromkeys("xyz", 0)
    for said in itertools.product(("aye", "no"), repeat=3):
        for place, member in enumerate("xyz"):
            other = list(said)
            other[place] = "no" if said[place] == "aye" else "aye"
            swings[member] += choose(*said) != choose(*other) and (
                choose(*said).choice != choose(*other).choice
            )
    assert swings["y"] == swings["z"] < swings["x"]
    assert choose("no", "aye", "aye").outcome is Outcome.TIED
