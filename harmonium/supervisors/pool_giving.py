"""`Giving`: one envelope of a pool to the member that its rule names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harmonium.actors.accepted import ACCEPTED
from harmonium.actors.cell import Cell
from harmonium.actors.context import RawEnvelope
from harmonium.actors.ground import Ground
from harmonium.actors.promise import Promise
from harmonium.actors.route import inside
from harmonium.protocols.errors import ContractError
from harmonium.protocols.lanes import Lane
from harmonium.protocols.overflow import DEAD_LETTER, DROP_OLDEST
from harmonium.protocols.stable_hash import Key
from harmonium.supervisors.pool_fan_out import fan_out
from harmonium.supervisors.pool_member import Member
from harmonium.supervisors.pool_sessions import way_of
from harmonium.supervisors.pool_spec import PoolSettings
from harmonium.supervisors.pool_ways import PureWay, Way

__all__ = ["NO_KEY", "Giving"]

NO_KEY: Any = object()
"""Stands for the key of a message that has none and cannot be routed."""


class Giving:
    """The rule of one pool at work, on one envelope at a time.

    Args:
        cell: The pool's cell.
    """

    way: Way

    def __init__(self, cell: Cell) -> None:
        self._cell = cell
        self._ground: Ground = cell.ground
        self.members: Sequence[Member] = ()
        self.everybody: Sequence[Member] = ()
        self._dealing = False
        """Whether mail is on its way to a member: none may be dealt out before it is there."""

    def _follow(self, settings: PoolSettings) -> None:
        """Go by the rule of these settings."""
        self._settings = settings
        self._router = settings.router
        self._key = settings.reader()
        self.way = way_of(self._ground, self._router, settings, self._key)
        self._keyed = settings.router.keyed
        self._fans_out = settings.router.fans_out

    # -- who

    def _key_or_die(self, envelope: RawEnvelope) -> Any:
        try:
            key = self._key(envelope[0])
            hash(key)
        except Exception as error:  # the function is the user's
            path, name = self._cell.path, type(envelope[0]).__name__
            wrong = ContractError(path, f"the key of {name} cannot be read: {error!r}", "mend key=")
            self._ground.dead_letter(self._cell, envelope, "no routing key", wrong)
            return NO_KEY
        return key

    # -- how

    def _room(self, coming: int = 0) -> bool:
        """Whether the members can hold what waits, what is coming, and one more."""
        waiting = len(self._cell.more.stash) + coming
        if not self.members:
            return waiting < self._settings.mailbox
        if self._fans_out:
            least = min(one.cell.birth.mailbox - len(one.cell.mailbox) for one in self.members)
            return waiting < least
        there = sum(inside(one.cell) for one in self.members)
        return waiting + there < sum(one.cell.birth.mailbox for one in self.members)

    def _route(self, envelope: RawEnvelope, key: Key, lane: Lane | None) -> Any:
        """Give one that was accepted to whom the rule says; None if nobody can take it now."""
        if self._fans_out:
            return self._fan_out(envelope, key)
        member = self.way.seek(key)
        if member is None:
            return None
        return self._give_surely(member, key, envelope, lane)

    def _fan_out(self, envelope: RawEnvelope, key: Key) -> Any:
        way = self.way
        chosen = way.choose(key) if isinstance(way, PureWay) else ()
        if not chosen:
            return None

        def give(member: Member, copy: RawEnvelope) -> None:
            self._give_surely(member, key, copy, None)

        fan_out(self._ground, envelope, chosen, give, first=self._router.first_answer_wins)
        return ACCEPTED

    def _give(self, member: Member, key: Key, envelope: RawEnvelope, lane: Lane | None) -> Any:
        """Put it into the member's mailbox, or do what that one's overflow policy says."""
        cell = member.cell
        refused = lane is None and cell.birth.overflow is DEAD_LETTER
        refused = refused and not self._ground.has_room(cell)
        dealing, self._dealing = self._dealing, True  # what stands in the pool must not pass it
        try:
            accepted = self._ground.deliver(cell, envelope, lane)
        finally:
            self._dealing = dealing
        if not refused:
            self.way.note(key, member)
        return accepted

    def _give_surely(
        self, member: Member, key: Key, envelope: RawEnvelope, lane: Lane | None
    ) -> Any:
        """The same for one whose sender cannot be told any more: it waits for room."""
        cell, ground = member.cell, self._ground
        policy = cell.birth.overflow
        room = lane is not None or ground.has_room(cell)
        if room or policy is DEAD_LETTER or policy is DROP_OLDEST:
            return self._give(member, key, envelope, lane)
        cell.limit = 0
        cell.more.wait_for_room(envelope, Promise(ground))
        self.way.note(key, member)
        return ACCEPTED
