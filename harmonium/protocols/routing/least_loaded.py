"""The router that looks at the mailboxes."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from harmonium.protocols.checks import check_flag
from harmonium.protocols.routing.members import Members, Router
from harmonium.protocols.stable_hash import Key

__all__ = ["LEAST_LOADED", "POWER_OF_TWO", "LeastLoaded"]


@attrs.frozen
class LeastLoaded(Router[None]):
    """The member with the shortest mailbox, in proportion to its weight.

    Among equals chance decides, so that an idle pool is used evenly. Where no
    loads are counted this is a draw by chance.

    Args:
        two_choices: Compare two members drawn by chance in place of all. The
            cost does not grow with the pool, and the longest mailbox stays
            within O(log log n) of the others (Mitzenmacher, "The power of two
            choices in randomized load balancing", 2001). It also suits loads
            that are known late: all senders then run to the same idle member.

    Raises:
        SpecError: If that is neither True nor False.
    """

    two_choices: bool = attrs.field(default=False, kw_only=True)

    def __attrs_post_init__(self) -> None:
        check_flag("LeastLoaded.two_choices", self.two_choices)

    def start(self) -> None:
        """Remember nothing."""

    def route(
        self, state: None, _key: Key, members: Members, draw: float
    ) -> tuple[None, tuple[str, ...]]:
        """Give the message to the least loaded of all members, or of two."""
        ids = members.ids
        if not ids:
            return state, ()
        if not members.loads:
            return state, (ids[int(draw * len(ids))],)
        choose = _of_two if self.two_choices and len(ids) > 1 else _of_all
        return state, (ids[choose(members, draw)],)


def _of_all(members: Members, draw: float) -> int:
    loads, weights = members.loads, members.weights
    ranks: Sequence[float] = loads
    if weights is not None:
        # One more message would make it this full.
        ranks = [(load + 1) / weight for load, weight in zip(loads, weights, strict=True)]
    least = min(ranks)
    try:
        return ranks.index(least, int(draw * len(ranks)))
    except ValueError:
        return ranks.index(least)


def _of_two(members: Members, draw: float) -> int:
    loads, weights = members.loads, members.weights
    # One draw picks an ordered pair of different members.
    others = len(members.ids) - 1
    first, second = divmod(int(draw * (others + 1) * others), others)
    second += second >= first
    if weights is None:
        return first if loads[first] <= loads[second] else second
    one = (loads[first] + 1) * weights[second]
    other = (loads[second] + 1) * weights[first]
    return first if one <= other else second


LEAST_LOADED = LeastLoaded()
POWER_OF_TWO = LeastLoaded(two_choices=True)
