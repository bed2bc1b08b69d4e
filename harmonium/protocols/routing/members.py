"""The members that a router chooses from, and what every router can do."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from typing import ClassVar, Generic, TypeVar

import attrs

from harmonium.protocols.errors import SpecError
from harmonium.protocols.stable_hash import Key

__all__ = ["Members", "Router"]

S = TypeVar("S")


@attrs.frozen
class Members:
    """The members of a pool at one moment.

    Build it once for each resize: routers keep what they derive from `ids` as
    long as the tuple stays. `loads` may be a list that the pool keeps up to
    date, because routers only read it.

    Args:
        ids: Who takes new work, in a stable order.
        loads: How many messages wait or are in work, by position in `ids`;
            empty where nobody counts, which only `LeastLoaded` and a bounded
            `ConsistentHash` mind.
        weights: How much each can do beside the others, by position, above 0;
            None for equals.
        draining: Who finishes what it has and takes no new work. Not in `ids`.

    Raises:
        SpecError: If the lengths differ or a weight is not above 0.
    """

    ids: tuple[str, ...]
    loads: Sequence[int] = attrs.field(default=(), kw_only=True)
    weights: tuple[float, ...] | None = attrs.field(default=None, kw_only=True)
    draining: frozenset[str] = attrs.field(default=frozenset(), kw_only=True)

    def __attrs_post_init__(self) -> None:
        if self.loads and len(self.loads) != len(self.ids):
            problem = f"{len(self.loads)} loads for {len(self.ids)} members"
            raise SpecError("Members", problem, "give one for each member, or none")
        if self.weights is None:
            return
        if len(self.weights) != len(self.ids) or not all(weight > 0 for weight in self.weights):
            raise SpecError(
                "Members", f"{self.weights} is no list of weights", "one member, one above 0"
            )


class Router(abc.ABC, Generic[S]):
    """A rule that says which members get a message.

    A router is data and its rule is pure: what it remembers is the state that
    it hands back. One state belongs to one pool.
    """

    keyed: ClassVar[bool] = False
    """Whether the rule looks at the message's key."""
    tracks: ClassVar[bool] = False
    """Whether `finished` must be called for each message that a member is done with."""
    fans_out: ClassVar[bool] = False
    """Whether a message may go to several members."""
    first_answer_wins: ClassVar[bool] = False
    """Whether an asker gets the first answer of several members (see `Race`)."""

    @abc.abstractmethod
    def start(self) -> S:
        """Give the state of a new pool."""

    @abc.abstractmethod
    def route(self, state: S, key: Key, members: Members, draw: float) -> tuple[S, tuple[str, ...]]:
        """Choose who gets a message.

        Args:
            state: What `start` or the last call gave.
            key: What the message is about, for the routers that look at it.
            members: Who may be chosen.
            draw: Chance, from 0 up to but not including 1.

        Returns:
            The new state and the ids of the chosen members. None chosen means:
            keep the message and route it again, in its old order, when a member
            has finished something or the members have changed.
        """

    def finished(self, state: S, _key: Key, _member: str) -> S:
        """Take note that a member is done with a message: handled, failed or dead."""
        return state
