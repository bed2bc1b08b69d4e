"""Routers that choose several members, and which of their answers counts."""

from __future__ import annotations

import enum

import attrs

from harmonium.protocols.checks import check_count
from harmonium.protocols.routing.members import Members, Router
from harmonium.protocols.stable_hash import Key

__all__ = ["BROADCAST", "SCATTER_FIRST", "Broadcast", "Race", "ScatterFirst", "Standing"]


@attrs.frozen
class Broadcast(Router[None]):
    """Every member; an asker gets all the answers."""

    fans_out = True

    def start(self) -> None:
        """Remember nothing."""

    def route(
        self, state: None, _key: Key, members: Members, _draw: float
    ) -> tuple[None, tuple[str, ...]]:
        """Give the message to all."""
        return state, members.ids


@attrs.frozen
class ScatterFirst(Router[None]):
    """Several members, of whom the first good answer counts (see `Race`).

    Args:
        fan_out: How many members get the message, at least 1; None for all. The
            first of them is drawn, the others follow it.

    Raises:
        SpecError: If `fan_out` is below 1.
    """

    fans_out = True
    first_answer_wins = True

    fan_out: int | None = attrs.field(default=None, kw_only=True)

    def __attrs_post_init__(self) -> None:
        if self.fan_out is not None:
            check_count("ScatterFirst.fan_out", self.fan_out, least=1)

    def start(self) -> None:
        """Remember nothing."""

    def route(
        self, state: None, _key: Key, members: Members, draw: float
    ) -> tuple[None, tuple[str, ...]]:
        """Give the message to `fan_out` members."""
        ids = members.ids
        if self.fan_out is None or self.fan_out >= len(ids):
            return state, ids
        first = int(draw * len(ids))
        return state, (ids[first:] + ids[:first])[: self.fan_out]


class Standing(enum.Enum):
    """How a race stands after an answer."""

    WAITING = "waiting"
    """No good answer yet, and somebody may still give one."""
    WON = "won"
    """This answer counts: give it to the asker."""
    LOST = "lost"
    """Nobody is left and all failed: the asker gets the last failure."""
    LATE = "late"
    """The race was over, or the member was not in it: forget this answer."""


@attrs.frozen
class Race:
    """Who may still answer a message that several members got.

    Example:
        >>> race, standing = Race(("a", "b")).answered("a", failed=True)
        >>> race.answered("b")[1], standing
        (<Standing.WON: 'won'>, <Standing.WAITING: 'waiting'>)
    """

    waiting: tuple[str, ...]

    def answered(self, member: str, *, failed: bool = False) -> tuple[Race, Standing]:
        """Take a member's answer, its failure or its death, and say what it means."""
        if member not in self.waiting:
            return self, Standing.LATE
        if not failed:
            return Race(()), Standing.WON
        left = tuple(each for each in self.waiting if each != member)
        return Race(left), Standing.WAITING if left else Standing.LOST


BROADCAST = Broadcast()
SCATTER_FIRST = ScatterFirst()
