"""Whether rankings that are still missing could make another option win a runoff.

Think of each missing ballot as a token. It lies on the option for which it
counts; when that is eliminated it moves to any option still there, or out. For
every movement there is a ranking, so the question is which orders of
elimination so many tokens can bring about.

Fix an order. In each round all others must have at least as many votes as the
option that goes (or more, where the tie policy prefers that one), so the tokens
that each option needs by then follow from those on the option that goes. The
least number is always the best: a token more than needed on an option that
goes raises what all others need, and could as well have lain from the start
where it goes next. So an order can be brought about exactly when, round by
round, the tokens needed so far are no more than the missing ballots and the
tokens set free by eliminations before. That takes a sum per round, however
many ballots are missing; the orders are searched depth first, and a start that
cannot be brought about is not followed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import attrs

__all__ = ["can_win"]

Options = frozenset[str]


@attrs.frozen
class _Search:
    """What stays the same during a search.

    Args:
        winners: The options of which one is to win.
        votes_among: The votes of each option among those standing.
        rank: Place in the order of the tie policy.
    """

    winners: Options
    votes_among: Callable[[Options], Mapping[str, int]]
    rank: Callable[[str], int]

    def succeeds(self, standing: Options, tokens: Mapping[str, int], free: int) -> bool:
        """Whether one of the winners can be left.

        Args:
            standing: Who is still there.
            tokens: The fewest tokens that each of them must have by now.
            free: Tokens that no option needs yet.
        """
        if len(standing) == 1:
            return standing <= self.winners
        if not standing & self.winners:
            return False
        votes = self.votes_among(standing)
        weakest_first = sorted(standing, key=lambda option: (votes[option], option))
        return any(self._without(option, votes, tokens, free) for option in weakest_first)

    def _without(
        self, out: str, votes: Mapping[str, int], tokens: Mapping[str, int], free: int
    ) -> bool:
        level, worst = votes[out] + tokens[out], self.rank(out)
        needed = {
            option: max(tokens[option], level + (self.rank(option) > worst) - votes[option])
            for option in tokens
        }
        free -= sum(needed.values()) - sum(tokens.values())
        if free < 0:
            return False
        free += needed.pop(out)
        return self.succeeds(frozenset(needed), needed, free)


def can_win(
    winners: Options,
    options: Options,
    missing: int,
    *,
    votes_among: Callable[[Options], Mapping[str, int]],
    rank: Callable[[str], int],
) -> bool:
    """Whether one of some options wins with some rankings of the missing ballots.

    Args:
        winners: The options of which one is to win.
        options: All options.
        missing: How many ballots may still come.
        votes_among: Returns the votes of each option among those standing, from
            the ballots that are there.
        rank: Place in the order of the tie policy; of options with equally few
            votes the one with the largest goes. Of options with the same place
            each might go, and the one that suits is taken.
    """
    tallies: dict[Options, Mapping[str, int]] = {}

    def remembered(standing: Options) -> Mapping[str, int]:
        if standing not in tallies:
            tallies[standing] = votes_among(standing)
        return tallies[standing]

    ranks = {option: rank(option) for option in options}
    search = _Search(winners, remembered, ranks.__getitem__)
    return search.succeeds(options, dict.fromkeys(options, 0), missing)
