"""Routing by key, with one owner of a key at a time through every resize."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any

from harmonium.actors.context import RawEnvelope
from harmonium.actors.route import inside, mail_in
from harmonium.actors.switchboard import Switchboard
from harmonium.protocols.routing.consistent_hash import ConsistentHash
from harmonium.protocols.routing.members import Router
from harmonium.protocols.routing.sticky import Sticky
from harmonium.protocols.stable_hash import Key
from harmonium.supervisors.pool_member import Member
from harmonium.supervisors.pool_spec import PoolSettings
from harmonium.supervisors.pool_ways import PureWay, Way, fits, unkeyed_way

__all__ = ["HashWay", "StickyWay", "way_of"]

MOST_OWNERS = 65_536
"""How many keys' owners are remembered to save the hash, 1 us."""

_TRIES = 8


class HashWay(PureWay):
    """`ConsistentHash` without a bound, with handover.

    When the ring changes, a key whose messages are still inside its old owner
    moves only when that one is done with them; new ones wait until then.
    """

    def __init__(
        self,
        ground: Switchboard,
        router: ConsistentHash,
        settings: PoolSettings,
        key_of: Callable[[Any], Key],
    ) -> None:
        super().__init__(ground, router, settings)
        self._weighs = False
        self._key_of = key_of
        self._plain_key = _plain_key(settings)
        self._owners: dict[Key, Member | None] = {}
        self._moving: dict[Key, tuple[Member, float]] = {}

    def adopt(self, members: Sequence[Member], everybody: Sequence[Member]) -> None:
        """Take over a new ring, and find the keys that have to wait."""
        super().adopt(members, everybody)
        self._owners = {}
        for member in everybody:
            if inside(member.cell):
                self._hold(member)

    def _hold(self, member: Member) -> None:
        mail = mail_in(member.cell)
        for envelope, number in zip(mail, member.numbers(len(mail)), strict=True):
            key = self._key_of(envelope[0])
            if key is not None and self._owner(key) is not member:
                self._moving[key] = (member, number)

    def _owner(self, key: Key) -> Member | None:
        try:
            return self._owners[key]
        except KeyError:
            if len(self._owners) >= MOST_OWNERS:
                self._owners.clear()
            chosen = self.choose(key)
            found = self._owners[key] = chosen[0] if chosen else None
            return found

    def seek(self, key: Key) -> Member | None:
        """Give the owner of the key, unless another one still has some of its messages."""
        if key is None:
            return super().seek(key)
        moving = self._moving
        if moving and key in moving:
            member, last = moving[key]
            if not member.gone and not member.done_with(last):
                return None
            del moving[key]
        return self._owner(key)

    def deal(self, hall: deque[RawEnvelope]) -> Member | None:
        """Bring mail to the owners of its keys, up to one that is moving or cannot be read."""
        owners, moving, key_of = self._owners, self._moving, self._plain_key
        sure = fits(hall, self._adopted)
        dealt, full = 0, None
        for envelope in tuple(hall):
            try:
                key = key_of(envelope[0])
                member = owners.get(key)
            except Exception:  # the function is the user's
                break
            if member is None or (moving and key in moving):
                member = self.seek(key)
            if member is None:
                break
            if not (sure or member.has_room()):
                full = member
                break
            cell = member.cell
            cell.mailbox.append(envelope)
            member.given += 1
            if not cell.scheduled:
                cell.ground.schedule(cell)
            dealt += 1
        _take_away(hall, dealt)
        return full

    def room(self, boxes: Sequence[int]) -> int:
        """All may be for the same member."""
        return min(boxes)


class _Session:
    """Who owns a session, and which of the owner's messages was its last one."""

    __slots__ = ("ever", "last", "late", "owner", "seen")

    def __init__(self, owner: Member) -> None:
        self.owner = owner
        self.last = 0
        self.ever = 0
        self.seen = 1
        self.late = 0

    def rests(self) -> bool:
        """Whether nothing of it is inside its owner."""
        return self.owner.gone or self.owner.done_with(self.last)


class StickyWay:
    """`Sticky`, with sessions in a dict and nothing to do for a message that is finished."""

    def __init__(self, ground: Switchboard, router: Sticky, settings: PoolSettings) -> None:
        self._router = router
        self._plain_key = _plain_key(settings)
        self._members: Sequence[Member] = ()
        self._place = unkeyed_way(ground, router.place, settings)
        # The first one of a dict is found by passing all that were deleted before it.
        self.sessions: OrderedDict[Key, _Session] = OrderedDict()

    def adopt(self, members: Sequence[Member], everybody: Sequence[Member]) -> None:
        """Take over who takes mail now; sessions look for themselves."""
        self._members = members
        self._place.adopt(members, everybody)

    def seek(self, key: Key) -> Member | None:
        """Give the session's owner, a new one, or nobody yet."""
        session = self.sessions.get(key) if key is not None else None
        if session is None:
            return self._place.seek(key)
        owner = session.owner
        if owner.taking:
            session.late = 0
            return owner
        if session.rests():
            return self._place.seek(key)
        if owner.draining and session.late < self._router.patience:
            session.late += 1
            return owner
        return None

    def note(self, key: Key, member: Member) -> None:
        """Count what was given, and remember the session."""
        member.given += 1
        if key is None:
            return
        session = self.sessions.get(key)
        new = session is None
        if session is None:
            session = self.sessions[key] = _Session(member)
        elif session.owner is not member:
            session.owner, session.late = member, 0
        session.last = member.given
        session.ever += 1
        if new:
            self._forget_some()

    def deal(self, hall: deque[RawEnvelope]) -> Member | None:
        """Bring mail to the owners of its sessions, up to one that has to wait."""
        sessions, key_of = self.sessions, self._plain_key
        sure = fits(hall, self._members)
        dealt, full = 0, None
        for envelope in tuple(hall):
            try:
                key = key_of(envelope[0])
                session = sessions.get(key)
            except Exception:  # the function is the user's
                break
            owner = self.seek(key) if session is None else session.owner
            if owner is None or not owner.taking:
                break
            if not (sure or owner.has_room()):
                full = owner
                break
            cell = owner.cell
            cell.mailbox.append(envelope)
            if session is None:
                self.note(key, owner)
            else:  # `note` without its call
                owner.given = session.last = owner.given + 1
                session.ever += 1
                session.late = 0
            if not cell.scheduled:
                cell.ground.schedule(cell)
            dealt += 1
        _take_away(hall, dealt)
        return full

    def room(self, boxes: Sequence[int]) -> int:
        """All may be for the same member."""
        return min(boxes)

    def _forget_some(self) -> None:
        """Forget the oldest sessions that rested, by the clock rule of the pure router."""
        sessions = self.sessions
        for _ in range(_TRIES):
            if len(sessions) <= self._router.max_sessions:
                break
            key = next(iter(sessions))
            session = sessions[key]
            if session.ever != session.seen or not session.rests():
                session.seen = session.ever
                sessions.move_to_end(key)
            else:
                del sessions[key]


def _take_away(hall: deque[RawEnvelope], dealt: int) -> None:
    if dealt == len(hall):
        hall.clear()
    else:
        for _ in range(dealt):
            hall.popleft()


def _plain_key(settings: PoolSettings) -> Callable[[Any], Key]:
    """Give what reads the key of a message that surely has one: 25 ns for a field, not 90."""
    return attrgetter(settings.key) if isinstance(settings.key, str) else settings.reader()


def way_of(
    ground: Switchboard, router: Router[Any], settings: PoolSettings, key_of: Callable[[Any], Key]
) -> Way:
    """Give the fastest way to follow a router."""
    if isinstance(router, Sticky):
        return StickyWay(ground, router, settings)
    if isinstance(router, ConsistentHash) and router.load_bound is None:
        return HashWay(ground, router, settings, key_of)
    return unkeyed_way(ground, router, settings)
