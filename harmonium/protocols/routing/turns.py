"""Routers that look at nothing: each in turn, or by chance."""

from __future__ import annotations

import bisect
import itertools

import attrs

from harmonium.protocols.routing.members import Members, Router
from harmonium.protocols.stable_hash import Key

__all__ = ["RANDOM", "ROUND_ROBIN", "Random", "RoundRobin"]


@attrs.frozen
class RoundRobin(Router[int]):
    """Each member in turn, whatever its weight; the state is the number of turns so far."""

    def start(self) -> int:
        """Begin with the first member."""
        return 0

    def route(
        self, state: int, _key: Key, members: Members, _draw: float
    ) -> tuple[int, tuple[str, ...]]:
        """Give the message to the next member in turn."""
        ids = members.ids
        if not ids:
            return state, ()
        return state + 1, (ids[state % len(ids)],)


@attrs.frozen
class Random(Router[None]):
    """Any member, with a chance in proportion to its weight."""

    def start(self) -> None:
        """Remember nothing."""

    def route(
        self, state: None, _key: Key, members: Members, draw: float
    ) -> tuple[None, tuple[str, ...]]:
        """Give the message to the member on which the draw falls."""
        ids, weights = members.ids, members.weights
        if not ids:
            return state, ()
        if weights is None:
            return state, (ids[int(draw * len(ids))],)
        sums = list(itertools.accumulate(weights))
        # A rounded product may equal the last sum: the last member has it.
        place = min(bisect.bisect_right(sums, draw * sums[-1]), len(ids) - 1)
        return state, (ids[place],)


ROUND_ROBIN = RoundRobin()
RANDOM = Random()
