"""The bulkhead: so many requests at once, so many waiting, and no more."""

from __future__ import annotations

import enum
from collections.abc import Hashable

import attrs

from harmonium.protocols.checks import check_count, check_seconds
from harmonium.protocols.persistent_map import PersistentMap

__all__ = ["BulkheadPolicy", "BulkheadState", "Entry"]


class Entry(enum.Enum):
    """What a bulkhead says to a request."""

    ENTERED = "entered"
    """It may go on; it leaves when it is done."""
    WAITING = "waiting"
    """It is in the queue; it enters when another one leaves."""
    FULL = "full"
    """All places are taken, in the queue too."""


@attrs.frozen
class BulkheadState:
    """Who is inside and who waits, first come first.

    Args:
        inside: The tokens of the requests inside.
        queue: The tokens that wait, and until when each does.
    """

    inside: PersistentMap[Hashable, None] = attrs.field(factory=PersistentMap)
    queue: tuple[tuple[Hashable, float], ...] = ()


@attrs.frozen
class BulkheadPolicy:
    """How many requests may be under way at once, so that one slow agent ties up no more.

    Args:
        concurrent: How many at once. At least 1.
        waiting: How many more may wait for a place, first come first. At least 0.
        max_wait: How long one waits at most, in seconds above 0; None for as
            long as its deadline allows.

    Raises:
        SpecError: If a bound above does not hold.
    """

    concurrent: int = attrs.field(default=10)
    waiting: int = attrs.field(default=100, kw_only=True)
    max_wait: float | None = attrs.field(default=None, kw_only=True)

    def __attrs_post_init__(self) -> None:
        check_count("BulkheadPolicy.concurrent", self.concurrent, least=1)
        check_count("BulkheadPolicy.waiting", self.waiting)
        if self.max_wait is not None:
            check_seconds("BulkheadPolicy.max_wait", self.max_wait, above=0.0)

    def start(self) -> BulkheadState:
        """Begin empty."""
        return BulkheadState()

    def enter(
        self, state: BulkheadState, token: Hashable, until: float = float("inf")
    ) -> tuple[BulkheadState, Entry]:
        """Let a request in, let it wait, or refuse it.

        Args:
            state: Who is inside and who waits.
            token: Names the request; each enters once.
            until: How long it would wait, as a time in seconds.
        """
        if len(state.inside) < self.concurrent:
            return BulkheadState(state.inside.set(token, None), state.queue), Entry.ENTERED
        if len(state.queue) >= self.waiting:
            return state, Entry.FULL
        return BulkheadState(state.inside, (*state.queue, (token, until))), Entry.WAITING

    def leave(
        self, state: BulkheadState, token: Hashable, now: float
    ) -> tuple[BulkheadState, tuple[Hashable, ...]]:
        """Take a request out, from inside or from the queue.

        Who has waited too long is passed over; take it out when its time is over.
        A token that is not there changes nothing.

        Returns:
            The new state, and the tokens that enter in its place.
        """
        if token not in state.inside:
            queue = tuple(each for each in state.queue if each[0] != token)
            return BulkheadState(state.inside, queue), ()
        inside, queue, entered = state.inside.discard(token), state.queue, []
        while queue and len(inside) < self.concurrent:
            (first, until), queue = queue[0], queue[1:]
            if now < until:
                inside = inside.set(first, None)
                entered.append(first)
        return BulkheadState(inside, queue), tuple(entered)
