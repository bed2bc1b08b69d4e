"""`Traffic`: the mail of one pool, from its cell to the members' mailboxes.

A message goes to a member at the moment it is posted. Where nobody can take it
(no member is up, or its session is between two owners) it waits in the pool, in
order, and is routed again when a member has got on or the members have changed.
What waits is the pool's stash: neither handled nor lost, and kept through a
restart of the pool.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, cast

from harmonium.actors.accepted import ACCEPTED
from harmonium.actors.cell import NO_MAIL, NONE_YET, Cell, CellState
from harmonium.actors.context import RawEnvelope
from harmonium.actors.ground import Ground
from harmonium.actors.promise import Promise
from harmonium.actors.route import Funnel, inside, take_mail
from harmonium.protocols.errors import ContractError
from harmonium.protocols.lanes import Lane
from harmonium.protocols.overflow import DEAD_LETTER, DROP_OLDEST, FAIL, WAIT
from harmonium.protocols.stable_hash import Key
from harmonium.supervisors.pool_fan_out import fan_out
from harmonium.supervisors.pool_member import Member
from harmonium.supervisors.pool_sessions import way_of
from harmonium.supervisors.pool_spec import PoolSettings
from harmonium.supervisors.pool_ways import PureWay, Way

__all__ = ["Traffic"]

_NO_KEY: Any = object()
RUNNING = CellState.RUNNING
_OPEN = (CellState.STARTING, RUNNING)


class Traffic:
    """Brings mail to the members of one pool.

    Args:
        cell: The pool's cell.
        settings: How mail is spread.
    """

    def __init__(self, cell: Cell, settings: PoolSettings) -> None:
        self._cell = cell
        self._ground: Ground = cell.ground
        self._signalled = False
        self._matters = False
        self._held: set[Key] = set()
        self.members: Sequence[Member] = ()
        self.everybody: Sequence[Member] = ()
        self.arrived = 0
        """Messages that came, where somebody counts them."""
        self.counts = False
        self.on_progress: Callable[[], None] = _nothing
        self.configure(settings)
        self._adopt_mail()

    def configure(self, settings: PoolSettings) -> None:
        """Take over settings; where mail goes by another rule, sessions are placed anew."""
        before = getattr(self, "_settings", None)
        self._settings = settings
        if before is not None and before.rule == settings.rule:
            return
        self._router = settings.router
        self._key = settings.reader()
        self.way: Way = way_of(self._ground, self._router, settings, self._key)
        self._keyed = settings.router.keyed
        self._fans_out = settings.router.fans_out
        self._may_be_short = hasattr(self.way, "pick")
        self.adopt(self.members, self.everybody)

    def _adopt_mail(self) -> None:
        """Route from now on; what came before waits for the first member."""
        cell = self._cell
        more, mailbox = cell.more, cell.mailbox
        if more.stash is NONE_YET:
            more.stash = deque()
        more.stash.extend(mailbox)
        more.park = None
        more.route = self
        self._funnel = cell.mailbox = Funnel(_nobody, self._late)
        self._set_limit()

    def close(self) -> None:
        """Route no more: the pool ends. What waits stays with its cell, through a restart."""
        cell = self._cell
        if cell.more.route is self:
            left = [envelope for one in self.everybody for envelope in take_mail(one.cell)]
            cell.more.stash.extendleft(reversed(left))
            cell.more.route = None
            cell.mailbox = NO_MAIL
            cell.limit = 0
        for member in self.everybody:
            member.cell.more.after_visit = None

    # -- members

    def adopt(self, members: Sequence[Member], everybody: Sequence[Member]) -> None:
        """Take over who takes mail now, and who is there at all."""
        self.members, self.everybody = members, everybody
        self.way.adopt(members, everybody)
        self._set_limit()
        self._watch()
        if self._cell.more.stash or self._cell.more.parked:
            self.progressed()

    def _set_limit(self) -> None:
        """Let mail take the short way where the rule is simple and nothing waits."""
        more = self._cell.more
        short = (
            bool(self.members)
            and self._may_be_short
            and not (more.stash or more.parked or self.counts)
            and self._ground.mailbox_limit(self._cell) > 0
        )
        if short:
            self._funnel.pick = cast("Any", self.way).pick
        self._cell.limit = 1 if short else 0

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
        """Count what comes and how long members are at work, or not any more."""
        self.counts = on
        self._set_limit()
        self._watch()

    # -- the short way

    def _late(self, cell: Cell, envelope: RawEnvelope) -> None:
        """The member's first message, or it is full or away."""
        if cell.state is CellState.DEAD:
            self.take(envelope, None)
        elif self._ground.deliver(cell, envelope, None) is not ACCEPTED:
            self._cell.limit = 0  # the next one takes the long way, whose sender can wait

    # -- the long way

    def take(self, envelope: RawEnvelope, lane: Lane | None) -> Any:
        """Route one envelope that was just sent; what it gives can be awaited for room."""
        pool = self._cell
        if pool.state is not RUNNING and self._is_over():
            return self._ground.deliver(pool, envelope, lane)
        self.arrived += 1
        key = self._key_or_die(envelope) if self._keyed else None
        if key is _NO_KEY:
            return ACCEPTED
        if lane is None and pool.more.stash and self._must_wait(key):
            return self._wait(envelope, key)
        if self._fans_out:
            return self._take_for_many(envelope, key)
        member = self.way.seek(key)
        if member is None:
            return self._wait(envelope, key)
        cell = member.cell
        if lane is not None or len(cell.mailbox) >= cell.limit:
            return self._give(member, key, envelope, lane)
        return self._put(member, key, envelope)

    def _put(self, member: Member, key: Key, envelope: RawEnvelope) -> Any:
        """Put it straight into a mailbox that has room, as most have."""
        cell = member.cell
        cell.mailbox.append(envelope)
        self.way.note(key, member)
        if not cell.scheduled:
            self._ground.schedule(cell)
        if self._may_be_short and not self._cell.limit:
            self._shorten()
        return ACCEPTED

    def arrive(self, envelope: RawEnvelope, lane: Lane | None) -> None:
        """Route one that was accepted when it was sent."""
        if self._is_over():
            self._ground.put(self._cell, envelope, lane)
            return
        self.arrived += 1
        key = self._key_or_die(envelope) if self._keyed else None
        if key is _NO_KEY:
            return
        if self._cell.more.parked:
            self.progressed()
        waits = lane is None and self._must_wait(key)
        if waits or self._route(envelope, key, lane, self._give_surely) is None:
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

    def _room(self, coming: int = 0) -> bool:
        waiting = len(self._cell.more.stash) + coming
        if not self.members:
            return waiting < self._settings.mailbox
        if self._fans_out:
            least = min(one.cell.birth.mailbox - len(one.cell.mailbox) for one in self.members)
            return waiting < least
        there = sum(inside(one.cell) for one in self.members)
        return waiting + there < sum(one.cell.birth.mailbox for one in self.members)

    def _shorten(self) -> None:
        if self._may_be_short and not any(
            one.cell.more_ is not None and one.cell.more_.parked for one in self.members
        ):
            self._set_limit()

    def _key_or_die(self, envelope: RawEnvelope) -> Any:
        try:
            key = self._key(envelope[0])
            hash(key)
        except Exception as error:  # the function is the user's
            path, name = self._cell.path, type(envelope[0]).__name__
            wrong = ContractError(path, f"the key of {name} cannot be read: {error!r}", "mend key=")
            self._ground.dead_letter(self._cell, envelope, "no routing key", wrong)
            return _NO_KEY
        return key

    def _must_wait(self, key: Key) -> bool:
        """Whether one that came before it still waits for the same member."""
        if not self._cell.more.stash:
            return False
        return not self._keyed or key in self._held

    def _route(
        self, envelope: RawEnvelope, key: Key, lane: Lane | None, give: Callable[..., Any]
    ) -> Any:
        """Give it to whom the rule says; None if nobody can take it now."""
        if self._fans_out:
            return self._fan_out(envelope, key)
        member = self.way.seek(key)
        if member is None:
            return None
        return give(member, key, envelope, lane)

    def _take_for_many(self, envelope: RawEnvelope, key: Key) -> Any:
        """Give copies to the members; where one that waits or fails is full, nobody gets any."""
        if self.members and self._settings.overflow in (WAIT, FAIL) and not self._room():
            return self._refuse(envelope)
        return self._fan_out(envelope, key) or self._wait(envelope, key)

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
        accepted = self._ground.deliver(cell, envelope, lane)
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

    # -- waiting

    def _wait(self, envelope: RawEnvelope, key: Key) -> Any:
        """Keep it until it can be routed; bounded."""
        more, settings = self._cell.more, self._settings
        if len(more.stash) < settings.mailbox and not more.parked:
            self._put_off(envelope, key)
            return ACCEPTED
        if settings.overflow is DROP_OLDEST and more.stash:
            self._ground.observers.overflowed(self._cell, settings.overflow)
            oldest = more.stash.popleft()
            self._ground.dead_letter(self._cell, oldest, "dropped by a full mailbox")
            self._put_off(envelope, key)
            return ACCEPTED
        return self._refuse(envelope)

    def _refuse(self, envelope: RawEnvelope) -> Any:
        """Do what the overflow policy says; whoever waits for room is let in by `_let_in`."""
        accepted = self._ground._overflow(self._cell, envelope)
        if accepted is not ACCEPTED:
            self._watch()
        return accepted

    def _put_off(self, envelope: RawEnvelope, key: Key) -> None:
        first = not self._cell.more.stash
        self._cell.more.stash.append(envelope)
        self._held.add(key)
        self._cell.limit = 0
        if first:
            self._watch()

    def _flush(self) -> None:
        """Route again what waits, in its order; keys keep theirs."""
        more = self._cell.more
        waiting, more.stash = more.stash, deque()
        self._held = set()
        while waiting:
            if not self._keyed and (more.stash or (self.members and not self._room())):
                more.stash.extend(waiting)
                break
            envelope = waiting.popleft()
            key = self._key(envelope[0])
            if key in self._held or self._route(envelope, key, None, self._give_surely) is None:
                more.stash.append(envelope)
                self._held.add(key)
        self._let_in()

    def _let_in(self) -> None:
        """Let those in who wait for room, in the order they came; what is under way came first."""
        more = self._cell.more
        while more.parked and not self._ground.coming(self._cell) and self._room():
            envelope, room = more.parked.popleft()
            self._readmit(envelope)
            room.settle(None)

    def _readmit(self, envelope: RawEnvelope) -> None:
        key = self._key(envelope[0])
        if self._must_wait(key) or self._route(envelope, key, None, self._give_surely) is None:
            self._put_off(envelope, key)

    # -- handover

    def hand_over(self, member: Member) -> int:
        """Take away what a member has not begun, and route it again; gives how much.

        The member takes no new mail by now.
        """
        mail = take_mail(member.cell)
        member.given -= min(member.given, len(mail))
        self._return(mail)
        return len(mail)

    def _return(self, mail: Iterable[RawEnvelope]) -> None:
        """Route what was accepted before all that waits."""
        more = self._cell.more
        waiting, more.stash = more.stash, deque(mail)
        more.stash.extend(waiting)
        self._held = {self._key(envelope[0]) for envelope in more.stash}
        if more.stash:
            self._cell.limit = 0
            self._flush()
            self._set_limit()
            self._watch()

    def queued(self) -> int:
        """How many messages wait, at the members and in the pool."""
        more = self._cell.more
        there = sum(one.cell.queued() for one in self.everybody)
        return len(more.stash) + len(more.parked) + there

    def inside(self) -> int:
        """How many messages wait or are in work."""
        more = self._cell.more
        return len(more.stash) + len(more.parked) + sum(inside(one.cell) for one in self.everybody)


def _nobody() -> Any:
    """Stand for the choice of a member until there is one."""
    raise LookupError


def _nothing() -> None:
    """Stand for whoever wants to know until somebody does."""
