"""Routing at the speed of a mailbox: routers with plain mutable state.

Each of them chooses as the pure router of `harmonium.protocols.routing` that it
stands for; the tests compare the two. A pure router makes a new state for each
message, 1 to 20 us; these take 0.1 to 0.5, and less where they deal out many at once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from itertools import cycle
from typing import Any, Protocol

from harmonium.actors.context import RawEnvelope
from harmonium.actors.switchboard import Switchboard
from harmonium.protocols.routing.consistent_hash import ConsistentHash
from harmonium.protocols.routing.least_loaded import LeastLoaded
from harmonium.protocols.routing.members import Members, Router
from harmonium.protocols.routing.turns import Random, RoundRobin
from harmonium.protocols.stable_hash import Key
from harmonium.supervisors.pool_member import Member
from harmonium.supervisors.pool_spec import PoolSettings

__all__ = ["LeastWay", "PureWay", "RandomWay", "TurnWay", "TwoWay", "Way", "fits", "unkeyed_way"]


class Way(Protocol):
    """A routing rule at work in one pool."""

    def adopt(self, members: Sequence[Member], everybody: Sequence[Member]) -> None:
        """Take over who takes mail now, and who is there at all."""

    def seek(self, key: Key) -> Member | None:
        """Choose who gets a message with this key; None: it has to wait."""

    def note(self, key: Key, member: Member) -> None:
        """Take note that the member has got it."""

    def deal(self, hall: deque[RawEnvelope]) -> Member | None:
        """Bring mail to members, as `seek` and `note` would one by one, while that is plain.

        It ends before the first message that wants a closer look, because its member
        is full or away or its key cannot be read.

        Args:
            hall: The mail, the oldest first; what is dealt out is taken away.

        Returns:
            Who was chosen for that message, where the choice is made.
        """

    def room(self, boxes: Sequence[int]) -> int:
        """Tell how many messages all find room.

        Args:
            boxes: How many each member has room for; at least one.
        """


class _Unkeyed:
    """A rule that looks at no key."""

    def __init__(self, ground: Switchboard) -> None:
        self._ground = ground
        self._members: Sequence[Member] = ()

    def adopt(self, members: Sequence[Member], everybody: Sequence[Member]) -> None:
        """Take over who takes mail now."""
        self._members = members

    def pick(self) -> Member:
        """Choose; there is somebody to choose from."""
        raise NotImplementedError

    def seek(self, key: Key) -> Member | None:
        """Choose, whatever the key."""
        return self.pick() if self._members else None

    def note(self, key: Key, member: Member) -> None:
        """Count what was given."""
        member.given += 1

    def deal(self, hall: deque[RawEnvelope]) -> Member | None:
        """Bring mail to members, choosing one for each message."""
        pick, sure = self.pick, fits(hall, self._members)
        while hall and self._members:
            member = pick()
            if not (sure or member.has_room()):
                return member
            cell = member.cell
            cell.mailbox.append(hall.popleft())
            if not cell.scheduled:
                cell.ground.schedule(cell)
        return None

    def room(self, boxes: Sequence[int]) -> int:
        """Chance may give all to the same member."""
        return min(boxes)


_FEW = 8


def fits(hall: deque[RawEnvelope], members: Sequence[Member]) -> bool:
    """Whether each member has room for all of it: then nobody is looked at for each message."""
    return len(hall) > _FEW and all(one.has_room(len(hall)) for one in members)


def _deal_in_turn(members: Sequence[Member], hall: deque[RawEnvelope], count: int) -> bool:
    """Deal `count` messages out one by one, all members in turn; False if they have no room."""
    share = -(-count // len(members))
    if not all(one.has_room(share) for one in members):
        return False
    if count == len(hall):  # as most often, and 1 % of W3 less than one by one
        mail = list(hall)
        hall.clear()
    else:
        mail = [hall.popleft() for _ in range(count)]
    for place, member in enumerate(members):
        cell = member.cell
        cell.mailbox.extend(mail[place :: len(members)])
        if cell.mailbox and not cell.scheduled:
            cell.ground.schedule(cell)
    return True


class TurnWay(_Unkeyed):
    """`RoundRobin`; after a resize it goes on with whoever was next."""

    def __init__(self, ground: Switchboard) -> None:
        super().__init__(ground)
        # An iterator of C: 25 ns where a method that counts takes 110.
        self.pick: Callable[[], Member] = _never

    def adopt(self, members: Sequence[Member], everybody: Sequence[Member]) -> None:
        """Take over who takes mail now."""
        before = self._members
        self._members = members
        if not members:
            return
        upcoming = self.pick() if before else members[0]
        left = members if upcoming in members else before
        first = left.index(upcoming) % len(members)
        self.pick = cycle([*members[first:], *members[:first]]).__next__

    def deal(self, hall: deque[RawEnvelope]) -> Member | None:
        """Bring mail to members; a whole round of them costs one look at each."""
        count, size = len(hall), len(self._members)
        if count >= 2 * size > 0 and _deal_in_turn(
            [self.pick() for _ in self._members], hall, count
        ):
            for _ in range(count % size):  # who had one more than others
                self.pick()
        return super().deal(hall)

    def room(self, boxes: Sequence[int]) -> int:
        """Each gets as many as the one who has least room."""
        return min(boxes) * len(boxes)


def _never() -> Member:
    """Stand for the choice among nobody."""
    raise StopIteration


class RandomWay(_Unkeyed):
    """`Random`, where all members are equals."""

    def pick(self) -> Member:
        """Draw one."""
        members = self._members
        return members[int(self._ground.random.random() * len(members))]


class LeastWay(_Unkeyed):
    """`LeastLoaded` over all members.

    As long as no message was handled, no load has become less. Those who have
    the least then get one message each before anybody is looked at again: a
    look at 8 members costs 1.2 us, this 0.2.
    """

    def __init__(self, ground: Switchboard) -> None:
        super().__init__(ground)
        self._least: list[Member] = []
        self._level = 0
        self._handled = -1
        self._alike = False

    def adopt(self, members: Sequence[Member], everybody: Sequence[Member]) -> None:
        """Take over who takes mail now."""
        self._members = members
        self._handled = -1

    def pick(self) -> Member:
        """Take the one with the shortest mailbox; among equals by chance."""
        ground = self._ground
        if ground.handled + ground.dead + ground.failed == self._handled:
            if not self._least and self._alike:  # all had one more by now
                self._level += 1
                self._least = [*self._members]
            if self._least:
                member = self._least.pop()
                cell = member.cell
                if len(cell.mailbox) + cell.busy == self._level:
                    return member
        return self._look()

    def _look(self) -> Member:
        ground, members = self._ground, self._members
        loads = [len(member.cell.mailbox) + member.cell.busy for member in members]
        self._level = level = min(loads)
        found = [member for member, load in zip(members, loads, strict=True) if load == level]
        first = int(ground.random.random() * len(found))
        self._least = found[first:] + found[:first]
        self._alike = len(found) == len(members)
        self._handled = ground.handled + ground.dead + ground.failed
        return self._least.pop()

    def deal(self, hall: deque[RawEnvelope]) -> Member | None:
        """Bring mail to members: in turn to those with least to do, up to the next one's load."""
        members = self._members
        size = len(members)
        if len(hall) < 2 * size or not size:
            return super().deal(hall)
        self._handled = -1
        first = int(self._ground.random.random() * size)
        order = sorted([*members[first:], *members[:first]], key=_load)
        loads = [member.load for member in order]
        level, least = loads[0], 1
        while hall:
            while least < size and loads[least] == level:
                least += 1
            count = len(hall)
            if least < size:
                count = min(count, (loads[least] - level) * least)
                level = loads[least]
            if not _deal_in_turn(order[:least], hall, count):
                break
        return super().deal(hall)

    def room(self, boxes: Sequence[int]) -> int:
        """All of them are filled."""
        return sum(boxes)


def _load(member: Member) -> int:
    return member.load


class TwoWay(_Unkeyed):
    """`LeastLoaded` of two members drawn by chance."""

    def pick(self) -> Member:
        """Take the better one of two."""
        members = self._members
        others = len(members) - 1
        if not others:
            return members[0]
        draw = self._ground.random.random()
        one, other = divmod(int(draw * (others + 1) * others), others)
        first, second = members[one], members[other + (other >= one)]
        here, there = first.cell, second.cell
        less = len(here.mailbox) + here.busy <= len(there.mailbox) + there.busy  # `Member.load`
        return first if less else second


class PureWay:
    """Any router by its own rule, with loads and weights."""

    def __init__(self, ground: Switchboard, router: Router[Any], settings: PoolSettings) -> None:
        self._ground = ground
        self._router = router
        self._settings = settings
        self._state = router.start()
        self._adopted: Sequence[Member] = ()
        self._by_id: dict[str, Member] = {}
        self._loads: list[int] = []
        self._members = Members(())
        self._weighs = isinstance(router, LeastLoaded | ConsistentHash)

    def adopt(self, members: Sequence[Member], everybody: Sequence[Member]) -> None:
        """Take over who takes mail now."""
        self._adopted = members
        self._by_id = {member.id: member for member in members}
        self._loads = [member.load for member in members] if self._weighs else []
        weights = None
        if self._settings.weights is not None:
            weights = tuple(self._settings.weight(member.number) for member in members)
        gone = frozenset(one.id for one in everybody if one.draining)
        self._members = Members(
            tuple(self._by_id), loads=self._loads, weights=weights, draining=gone
        )

    def choose(self, key: Key) -> tuple[Member, ...]:
        """Choose all who get a message."""
        if self._weighs:
            self._loads[:] = [member.load for member in self._adopted]
        draw = self._ground.random.random()
        self._state, chosen = self._router.route(self._state, key, self._members, draw)
        return tuple(self._by_id[id] for id in chosen)

    def seek(self, key: Key) -> Member | None:
        """Choose the one who gets a message."""
        chosen = self.choose(key)
        return chosen[0] if chosen else None

    def note(self, key: Key, member: Member) -> None:
        """Count what was given."""
        member.given += 1

    def deal(self, hall: deque[RawEnvelope]) -> Member | None:
        """Leave each message to a closer look."""
        return None

    def room(self, boxes: Sequence[int]) -> int:
        """None takes the short way: it would save nothing."""
        return 0


_FAST: dict[Router[Any], Callable[[Switchboard], _Unkeyed]] = {
    RoundRobin(): TurnWay,
    Random(): RandomWay,
    LeastLoaded(): LeastWay,
    LeastLoaded(two_choices=True): TwoWay,
}


def unkeyed_way(ground: Switchboard, router: Router[Any], settings: PoolSettings) -> Way:
    """Give the fastest way to follow a router that keeps nothing of a key."""
    fast = _FAST.get(router)
    if fast is None or (settings.weights is not None and not isinstance(router, RoundRobin)):
        return PureWay(ground, router, settings)
    return fast(ground)
