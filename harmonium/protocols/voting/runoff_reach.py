"""Whether rankings that are still missing could change the end of a runoff.

Think of each missing ballot as a token. It lies on the option for which it
counts; when that is eliminated it moves to any option still there, or out. For
every movement there is a ranking, so the question is which orders of
elimination so many tokens can bring about.

Fix an order. In each round the options that go must have equally few votes and
all others more (or as many, where the tie policy prefers them), so the tokens
that each option needs by then follow from those on the options that go. The
least number is always the best: a token more than needed on an option that
goes raises what all others need, and could as well have lain from the start
where it goes next. So an order can be brought about exactly when, round by
round, the tokens needed so far are no more than the missing ballots and the
tokens set free by eliminations before. That takes a sum per round, however
many ballots are missing; the orders are searched depth first, and a start that
cannot be brought about is not followed.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping

import attrs

__all__ = ["can_change"]

Options = frozenset[str]


@attrs.frozen
class _Search:
    """What stays the same during a search.

    Args:
        end: The end that stands now.
        votes_among: The votes of each option among those standing.
        rank: Place in the order of the tie policy.
    """

    end: Options
    votes_among: Callable[[Options], Mapping[str, int]]
    rank: Callable[[str], int]

    def changes(self, standing: Options, tokens: Mapping[str, int], free: int) -> bool:
        """Whether another end can be reached from here.

        Args:
            standing: Who is still there.
            tokens: The fewest tokens that each of them must have by now.
            free: Tokens that no option needs yet.
        """
        if len(standing) == 1:
            return standing != self.end
        votes = self.votes_among(standing)
        return any(
            self._changes_without(standing, out, votes, tokens, free)
            for out in self._groups(standing)
        )

    def _changes_without(
        self,
        standing: Options,
        out: Options,
        votes: Mapping[str, int],
        tokens: Mapping[str, int],
        free: int,
    ) -> bool:
        level = max(votes[option] + tokens[option] for option in out)
        worst = self.rank(next(iter(out)))
        needed = {
            option: self._need(option, level - votes[option], worst, tokens[option], out)
            for option in standing
        }
        free -= sum(needed.values()) - sum(tokens.values())
        if free < 0:
            return False
        if out == standing:
            return standing != self.end
        free += sum(needed.pop(option) for option in out)
        return self.changes(standing - out, needed, free)

    def _need(self, option: str, level: int, worst: int, have: int, out: Options) -> int:
        ahead = option not in out and self.rank(option) >= worst
        return max(have, level + ahead)

    def _groups(self, standing: Options) -> Iterable[Options]:
        """Yield all who could go together: any that the tie policy does not tell apart."""
        key = self.rank
        for _, alike in itertools.groupby(sorted(sorted(standing), key=key), key=key):
            yield from _subsets(tuple(alike))


def _subsets(options: tuple[str, ...]) -> Iterable[Options]:
    for size in range(1, len(options) + 1):
        yield from map(frozenset, itertools.combinations(options, size))


def can_change(
    options: Options,
    end: Options,
    missing: int,
    *,
    votes_among: Callable[[Options], Mapping[str, int]],
    rank: Callable[[str], int],
) -> bool:
    """Whether some rankings of the missing ballots lead to another end.

    Args:
        options: All options.
        end: The winner, or those tied, of the ballots that are there; empty
            when none of them names an option.
        missing: How many ballots may still come.
        votes_among: Returns the votes of each option among those standing.
        rank: Place in the order of the tie policy; the smallest is preferred.
    """
    tallies: dict[Options, Mapping[str, int]] = {}

    def remembered(standing: Options) -> Mapping[str, int]:
        if standing not in tallies:
            tallies[standing] = votes_among(standing)
        return tallies[standing]

    ranks = {option: rank(option) for option in options}
    search = _Search(end, remembered, ranks.__getitem__)
    return search.changes(options, dict.fromkeys(options, 0), missing)
