"""The voting rules a second time, by their definitions and without any cleverness.

Nothing here is taken from the package but its values: ballots, questions and
the settings of the rules. An outcome is a triple of how the vote ended, the
choice, and the set of tied options.
"""

from __future__ import annotations

import itertools
from fractions import Fraction

from harmonium.protocols.voting import (
    Approval,
    Ballot,
    Borda,
    InstantRunoff,
    Majority,
    Plurality,
    Priority,
    Score,
    Supermajority,
    Unanimity,
    Weighted,
)

NOBODY = frozenset()


def place(question, option):
    """Give the option's place in the order of a priority; the smallest wins."""
    if isinstance(question.tie, Priority):
        listed = list(question.tie.options)
        return listed.index(option) if option in listed else len(listed)
    return 0


def resolve(question, leaders):
    """Let the tie policy choose among those who lead."""
    if not leaders:
        return ("not_reached", None, NOBODY)
    first = min(place(question, option) for option in leaders)
    left = {option for option in leaders if place(question, option) == first}
    if len(left) == 1:
        return ("decided", left.pop(), NOBODY)
    return ("tied", None, frozenset(left))


def outcome(rule, question, ballots):
    """Decide as if no more ballots would come."""
    if any(ballot.veto for ballot in ballots):
        return ("vetoed", None, NOBODY)
    members = len(question.members)
    quorum = rule.quorum if rule.quorum is not None else members // 2 + 1
    if len(ballots) < quorum:
        return ("no_quorum", None, NOBODY)
    stated = [ballot for ballot in ballots if not ballot.abstain]
    if isinstance(rule, InstantRunoff):
        return resolve(question, runoff(question, stated))
    if isinstance(rule, Majority | Supermajority | Unanimity):
        return resolve(question, shares(rule, members, stated))
    points = totals(rule, question, stated)
    best = max(points.values(), default=0)
    return resolve(question, {o for o, n in points.items() if n == best and n > 0})


def totals(rule, question, ballots):
    """Sum the points that each option gets."""
    options = question.options or {ballot.choice for ballot in ballots}
    return {
        option: sum(points(rule, question, ballot, option) for ballot in ballots)
        for option in options
    }


def points(rule, question, ballot, option):
    """Give the points that one ballot has for one option."""
    match rule:
        case Plurality():
            return int(ballot.choice == option)
        case Weighted():
            weight = Fraction(str(dict(rule.weights)[ballot.voter]))
            return weight if ballot.choice == option else 0
        case Borda():
            ranking = ballot.ranking
            return len(question.options) - ranking.index(option) if option in ranking else 0
        case Approval():
            return int(option in ballot.approvals)
        case Score():
            return Fraction(str(dict(ballot.scores).get(option, 0)))
    raise AssertionError(rule)


def shares(rule, members, ballots):
    """Give who has the share that the rule asks for."""
    base = members if rule.absolute else len(ballots)
    votes = {o: sum(b.choice == o for b in ballots) for o in {b.choice for b in ballots}}
    if isinstance(rule, Majority):
        even = {o for o, n in votes.items() if Fraction(n, base) == Fraction(1, 2)}
        if len(even) == 2:
            return even
        return {o for o, n in votes.items() if Fraction(n, base) > Fraction(1, 2)}
    share = rule.share if isinstance(rule, Supermajority) else Fraction(1)
    return {o for o, n in votes.items() if Fraction(n, base) >= share}


def runoff(question, ballots):
    """Eliminate by hand, in every order that is allowed: give all who could win."""
    piles = {o: [b.ranking for b in ballots if b.ranking[0] == o] for o in question.options}
    return survivors(question, piles) if ballots else NOBODY


def survivors(question, piles):
    """Give who could be left of options with piles of rankings."""
    if len(piles) == 1:
        return set(piles)
    fewest = min(map(len, piles.values()))
    last = [o for o in piles if len(piles[o]) == fewest]
    if question.tie is not None:
        last = [max(last, key=question.tie.options.index)]
    winners = set()
    for out in last:
        left = {o: list(pile) for o, pile in piles.items() if o != out}
        for ranking in piles[out]:
            to = [o for o in ranking if o in left]
            if to:
                left[to[0]].append(ranking)
        winners |= survivors(question, left)
    return winners


def can_change(rule, question, ballots, awaited, acts):
    """Try all that the awaited members could do until one thing changes the outcome.

    Args:
        rule: The rule.
        question: The question.
        ballots: Those that are there.
        awaited: The members whose ballots may come.
        acts: Makes the ballots that a member may cast; staying away is tried
            as well.
    """
    now = outcome(rule, question, ballots)
    choices = [[None, *acts(member)] for member in awaited]
    # From the last act of each on, as the last acts listed are the likeliest to change it.
    for taken in itertools.product(*(reversed(each) for each in choices)):
        more = [ballot for ballot in taken if ballot is not None]
        if outcome(rule, question, [*ballots, *more]) != now:
            return True
    return False


def choices(options):
    """Make the acts of a member who may name one option."""
    return lambda member: [
        Ballot(member, abstain=True),
        *(Ballot(member, option) for option in options),
    ]


def rankings(options, *, shortest=1, longest=None):
    """Make the acts of a member who may rank options, some or all of them."""
    lengths = range(shortest, (longest or len(options)) + 1)
    ranked = [r for n in reversed(lengths) for r in itertools.permutations(options, n)]
    return lambda member: [
        Ballot(member, abstain=True),
        *(Ballot(member, ranking=ranking) for ranking in ranked),
    ]


def approvals(options):
    """Make the acts of a member who may approve of any options."""
    sets = [s for n in range(len(options), -1, -1) for s in itertools.combinations(options, n)]
    return lambda member: [
        Ballot(member, abstain=True),
        *(Ballot(member, approvals=approved) for approved in sets),
    ]


def scorings(options, top):
    """Make the acts of a member who may give whole scores up to the top."""
    rows = list(itertools.product(range(top, -1, -1), repeat=len(options)))
    return lambda member: [
        Ballot(member, abstain=True),
        *(Ballot(member, scores=dict(zip(options, row, strict=True))) for row in rows),
    ]


def profiles(members, acts, *, cast, first=None):
    """Yield all ways, up to the names of the voters, in which so many members vote.

    Args:
        members: Who may vote.
        acts: Makes the ballots that a member may cast.
        cast: How many of them vote.
        first: The place among the acts of what the first of them does; with
            one, the others vary. As rules treat options alike, one ranking
            there stands for all.
    """
    voters = members[:cast]
    lists = [acts(voter) for voter in voters]
    fixed = () if first is None else (first,)
    every = range(len(acts("x")))
    for rest in itertools.combinations_with_replacement(every, cast - len(fixed)):
        yield [lists[voter][place] for voter, place in enumerate((*fixed, *rest))]
