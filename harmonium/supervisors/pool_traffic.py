"""`Traffic`: the mail of one pool, from its cell to the members' mailboxes.

As long as all members can take what comes, it is put into the pool's own mailbox
like any mail, and dealt out in the pool's turn, all that has come at once: 0.05
to 0.2 us for a message, where routing each by itself takes 0.5 to 1.5. Otherwise
a message is routed at the moment it is posted, so that its sender can wait.

Where nobody can take it (no member is up, or its session is between two owners)
it waits in the pool, in order, and is routed again when a member has got on or
the members have changed. What waits is the pool's stash: neither handled nor
lost, and kept through a restart of the pool.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from harmonium.actors.accepted import ACCEPTED
from harmonium.actors.cell import DEAD, NO_MAIL, NONE_YET, RUNNING, STARTING, Cell
from harmonium.actors.context import RawEnvelope
from harmonium.actors.route import inside, take_mail
from harmonium.protocols.lanes import Lane
from harmonium.protocols.overflow import FAIL, WAIT
from harmonium.protocols.stable_hash import Key
from harmonium.supervisors.pool_giving import NO_KEY
from harmonium.supervisors.pool_member import Member
from harmonium.supervisors.pool_spec import PoolSettings
from harmonium.supervisors.pool_waiting import Waiting

__all__ = ["Traffic"]

_FEW = 16
"""With room for fewer, looking at it again and again costs more than the long way."""
_OPEN = (STARTING, RUNNING)


class Traffic(Waiting):
    """Brings mail to the members of one pool.

    Args:
        cell: The pool's cell.
        settings: How mail is spread.
    """

    def __init__(self, cell: Cell, settings: PoolSettings) -> None:
        super().__init__(cell)
        self._signalled = False
        self._matters = False
        self._low = self._singly = 0
        self.arrived = 0
        """Messages that came."""
        self.counts = False
        self.on_progress: Callable[[], None] = _nothing
        self._follow(settings)
        self._adopt_mail()

    def configure(self, settings: PoolSettings) -> None:
        """Take over settings; where mail goes by another rule, sessions are placed anew."""
        before, self._settings = self._settings, settings
        if before.rule != settings.rule:
            self._follow(settings)
            self.adopt(self.members, self.everybody)

    def _adopt_mail(self) -> None:
        """Route from now on; what came before waits for the first member."""
        cell = self._cell
        more = cell.more
        if more.stash is NONE_YET:
            more.stash = deque()
        more.stash.extend(cell.mailbox)
        more.park = None
        more.route, more.spread = self, self._spread
        cell.mailbox = deque()
        cell.limit = 0

    def close(self) -> None:
        """Route no more: the pool ends. What waits stays with its cell, through a restart."""
        cell = self._cell
        if cell.more.route is self:
            left = [envelope for one in self.everybody for envelope in take_mail(one.cell)]
            cell.more.stash.extendleft(reversed(left))
            cell.more.stash.extend(cell.mailbox)
            cell.more.route = cell.more.spread = None
            cell.mailbox = NO_MAIL
            cell.limit = 0
        for member in self.everybody:
            self._let_go(member)

    # -- members

    def adopt(self, members: Sequence[Member], everybody: Sequence[Member]) -> None:
        """Take over who takes mail now, and who is there at all."""
        for member in self.everybody:
            if member not in everybody:
                self._let_go(member)
        self.members, self.everybody = members, everybody
        for member in everybody:
            self._stand_before(member)
        self.way.adopt(members, everybody)
        self._set_limit()
        self._watch()
        if self._cell.more.stash or self._cell.more.parked:
            self.progressed()

    def _stand_before(self, member: Member) -> None:
        """Have mail for this member alone come behind what the pool has for it."""
        cell = member.cell
        cell.more.before_mail = self._deal
        cell.limit = min(cell.limit, 0)

    def _let_go(self, member: Member) -> None:
        cell, more = member.cell, member.cell.more
        if more.before_mail != self._deal:
            return  # it has gone over to the pool's next incarnation
        more.after_visit = more.before_mail = None
        if cell.mailbox is not NO_MAIL and more.park is None and not more.parked:
            cell.limit = self._ground.mailbox_limit(cell)

    def _set_limit(self) -> None:
        """Let as much mail take the short way as the members have room for, if none waits."""
        cell, more = self._cell, self._cell.more
        room = 0
        if (
            self.members
            and not (more.stash or more.parked or self._fans_out)
            and self._ground.mailbox_limit(cell) > 0
        ):
            boxes = [
                0 if one.cell.more.parked else one.cell.birth.mailbox - len(one.cell.mailbox)
                for one in self.members
            ]
            room = min(self.way.room(boxes), self._settings.mailbox) - len(cell.mailbox)
        cell.limit = room if room >= _FEW else 0
        self._low = cell.limit // 2
        self._singly = 0

    def _watch(self, *, always: bool = False) -> None:
        """Have members tell when they get on, while that matters to anybody."""
        more = self._cell.more
        draining = any(one.draining for one in self.everybody)
        self._matters = bool(always or more.stash or more.parked or draining)
        for member in self.everybody:
            watched = self._matters or self.counts
            member.cell.more.after_visit = partial(self._got_on, member) if watched else None

    def _got_on(self, member: Member, _: Cell) -> None:
        if self.counts:
            member.measure(self._ground.clock())
        if self._matters:
            self.progressed()

    def progressed(self) -> None:
        """A member has got on: look at what waits, in the pool's own turn."""
        if not self._signalled:
            self._signalled = True
            self._ground.signal(self._cell, self._look)

    def _look(self) -> None:
        self._signalled = False
        if self._cell.more.route is not self:
            return
        self.on_progress()
        self._flush()
        self._set_limit()
        self._watch()

    def count(self, *, on: bool) -> None:
        """Count how long members are at work, or not any more."""
        self.counts = on
        self._watch()

    # -- the short way

    def _spread(self, envelope: RawEnvelope) -> None:
        """Deal out what came the short way, in the pool's turn; this one first."""
        self._cell.mailbox.appendleft(envelope)
        self._deal()

    def _deal(self) -> None:
        """Deal out all that stands in the pool's own mailbox."""
        cell = self._cell
        more, hall = cell.more, cell.mailbox
        count = len(hall)
        if not count or self._dealing:
            return
        self._dealing = True
        try:
            while hall:
                full = None if more.stash else self.way.deal(hall)
                if hall:
                    self._look_at(hall.popleft(), full)
        finally:
            self._dealing = False
        self.arrived += count
        cell.limit -= count
        if cell.limit <= self._low:
            self._set_limit()

    def _look_at(self, envelope: RawEnvelope, full: Member | None) -> None:
        """Route one that could not be dealt: its member is full or away, or it has no owner yet."""
        key = self._key_or_die(envelope) if self._keyed else None
        if key is NO_KEY:
            return
        if full is not None and full.cell.state is not DEAD:
            self._give_surely(full, key, envelope, None)
        else:
            self._readmit(envelope, key)

    # -- the long way

    def take(self, envelope: RawEnvelope, lane: Lane | None) -> Any:
        """Route one envelope that was just sent; what it gives can be awaited for room."""
        pool = self._cell
        if pool.state is not RUNNING and self._is_over():
            return self._ground.deliver(pool, envelope, lane)
        if pool.mailbox and lane is None:
            self._deal()  # it came before this one
        self.arrived += 1
        key = self._key_or_die(envelope) if self._keyed else None
        if key is NO_KEY:
            return ACCEPTED
        if lane is None and pool.more.stash and self._must_wait(key):
            return self._wait(envelope, key)
        if self._fans_out:
            return self._take_for_many(envelope, key)
        member = self.way.seek(key)
        if member is None:
            return self._wait(envelope, key)
        if lane is not None or not member.has_room():
            return self._give(member, key, envelope, lane)
        return self._put(member, key, envelope)

    def _put(self, member: Member, key: Key, envelope: RawEnvelope) -> Any:
        """Put it straight into a mailbox that has room, as most have."""
        cell = member.cell
        cell.mailbox.append(envelope)
        self.way.note(key, member)
        if not cell.scheduled:
            self._ground.schedule(cell)
        self._singly += 1
        if self._cell.limit > 0:
            self._cell.limit -= 1  # it has taken room that others were let in for
        elif self._singly >= _FEW:
            self._set_limit()
        return ACCEPTED

    def arrive(self, envelope: RawEnvelope, lane: Lane | None) -> None:
        """Route one that was accepted when it was sent."""
        if self._is_over():
            self._ground.put(self._cell, envelope, lane)
            return
        self.arrived += 1
        key = self._key_or_die(envelope) if self._keyed else None
        if key is NO_KEY:
            return
        if self._cell.more.parked:
            self.progressed()
        if lane is None:
            self._readmit(envelope, key)
        elif self._route(envelope, key, lane) is None:
            self._put_off(envelope, key)

    def _is_over(self) -> bool:
        """Whether the pool was ended under us, by a kill; then its mail is its cell's."""
        if self._cell.state in _OPEN:
            return False
        self.close()
        return True

    def has_room(self, coming: int) -> bool:
        """Whether the members, or the pool itself while it has none, can hold one more."""
        if not self._cell.more.parked and self._room(coming):
            return True
        self._watch(always=True)  # whoever asks will wait for room
        return False

    def _take_for_many(self, envelope: RawEnvelope, key: Key) -> Any:
        """Give copies to the members; where one that waits or fails is full, nobody gets any."""
        if self.members and self._settings.overflow in (WAIT, FAIL) and not self._room():
            return self._refuse(envelope)
        return self._fan_out(envelope, key) or self._wait(envelope, key)

    # -- handover

    def hand_over(self, member: Member) -> int:
        """Take away what a member has not begun, and route it again; gives how much.

        The member takes no new mail by now.
        """
        mail = take_mail(member.cell)
        member.given -= min(member.given, len(mail))
        self._return(mail)
        return len(mail)

    def queued(self) -> int:
        """How many messages wait, at the members and in the pool."""
        more = self._cell.more
        there = sum(one.cell.queued() for one in self.everybody)
        return self._cell.queued() + len(more.stash) + there

    def inside(self) -> int:
        """How many messages wait or are in work."""
        there = sum(inside(one.cell) for one in self.everybody)
        return self._cell.queued() + len(self._cell.more.stash) + there


def _nothing() -> None:
    """Stand for whoever wants to know until somebody does."""
