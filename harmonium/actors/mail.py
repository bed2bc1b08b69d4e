"""The sending side: contract, context, mailbox bounds, lanes, stash."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from harmonium.actors.accepted import ACCEPTED
from harmonium.actors.ask import Ask
from harmonium.actors.cell import BLOCKED, DEAD, NO_MAIL, NONE_YET, Cell
from harmonium.actors.context import Context, RawEnvelope
from harmonium.actors.handlers import lane_of
from harmonium.actors.promise import Promise
from harmonium.actors.ref import Ref
from harmonium.actors.reminder import Reminder
from harmonium.actors.switchboard import Switchboard
from harmonium.actors.timers import Timer
from harmonium.protocols.envelope import Lane
from harmonium.protocols.errors import AgentDead, ContractError, MailboxFull, UnknownAgent
from harmonium.protocols.message import is_message
from harmonium.protocols.overflow import DEAD_LETTER, DROP_OLDEST, WAIT

__all__ = ["Mail", "follow"]

CONTROL = Lane.CONTROL

_REFUSED: Any = object()


class Mail(Switchboard):
    """Brings messages into mailboxes, or says why not."""

    def tell(
        self, sender: Cell | None, cell: Cell, message: Any, *, lane: Lane | None = None
    ) -> Any:
        """Send without an answer; what it returns can be awaited for room."""
        lane = self.lane(cell, message, lane)
        if sender is None and not self.in_thread():
            promise: Promise[None] = Promise(self)
            context = self.new_context()
            self.call_threadsafe(
                lambda: follow(promise, lambda: self.post(None, cell, message, None, lane, context))
            )
            return promise
        return self.post(sender, cell, message, None, lane)

    def tell_any(self, sender: Cell, to: Ref | str, message: Any, lane: Lane | None) -> Any:
        """`tell` from an agent, to a ref or to an address."""
        if isinstance(to, str):
            return self.tell_name(sender, to, message, lane)
        cell = to._cell
        if cell.ground is not self:
            return cell.ground.tell(None, cell, message, lane=lane)
        return self.post(sender, cell, message, None, self.lane(cell, message, lane))

    def tell_name(
        self, sender: Cell | None, address: str, message: Any, lane: Lane | None = None
    ) -> Any:
        """`tell` to a path or a name that is looked up in the ground's thread."""
        if sender is None and not self.in_thread():
            self._refuse_unsendable(address, message)
            promise: Promise[None] = Promise(self)
            self.call_threadsafe(
                lambda: follow(promise, lambda: self.tell_name(None, address, message, lane))
            )
            return promise
        cell = self.registry.find(address, sender)
        # What its contract names is a message, and its lane is known: 0.5 us less.
        declared = _REFUSED if cell is None else cell.accepts.get(message.__class__, _REFUSED)
        if declared is _REFUSED:
            self._refuse_unsendable(address, message)
            declared = lane_of(type(message))
        if cell is not None:
            return self.post(sender, cell, message, None, lane or declared)
        current = sender.current if sender is not None else None
        context = self.new_context() if current is None else current[5]
        self.to_nobody(address, sender, message, None, context)
        return ACCEPTED

    def _refuse_unsendable(self, address: str, message: Any) -> None:
        if not is_message(message):
            self.refuse(address, message)

    def lane(self, cell: Cell, message: Any, lane: Lane | None) -> Lane | None:
        """Check a message against the contract; gives the lane it takes, None for the user's."""
        declared = cell.accepts.get(message.__class__, _REFUSED)
        if declared is _REFUSED and (cell.agent is not None or not is_message(message)):
            self.refuse(cell, message)
        return lane or (lane_of(type(message)) if declared is _REFUSED else declared)

    def refuse(self, cell: Cell | str, message: Any) -> None:
        """Say what is wrong with a message that a contract does not name."""
        path = cell if isinstance(cell, str) else cell.path
        if not is_message(message):
            raise ContractError(
                path,
                f"{type(message).__name__} is no message",
                "only instances of a @message class can be sent",
            )
        if isinstance(cell, Cell):
            raise ContractError(
                path,
                f"{type(cell.agent).__name__} does not take {type(message).__name__}",
                cell.agent.__table__.contract.hint(type(message)),
            )

    def post(
        self,
        sender: Cell | None,
        cell: Cell,
        message: Any,
        promise: Ask[Any] | None = None,
        lane: Lane | None = None,
        context: Context | None = None,
    ) -> Any:
        """Put an envelope on its way; only in the ground's thread."""
        cause = 0
        current = None if sender is None else sender.current
        if current is not None:
            cause = current[3]
            if context is None:
                context = current[5]
        elif context is None:
            context = self.new_context()
        self.sent = number = self.sent + 1
        envelope = (message, sender, promise, number, cause, context)
        mailbox = cell.mailbox
        if lane is not None or len(mailbox) >= cell.limit:
            return self._post_slowly(cell, envelope, lane)
        mailbox.append(envelope)
        if not cell.scheduled:
            cell.scheduled = 1
            self.ready.append(cell)
            if not self.awake:
                self.wake()
        return ACCEPTED

    def _post_slowly(self, cell: Cell, envelope: RawEnvelope, lane: Lane | None) -> Any:
        """Dead, empty until now, urgent or full; a simulated ground has its own way here."""
        if cell.state is DEAD:
            reason = "agent is dead" if self.open else "system is stopping"
            self.dead_letter(cell, envelope, reason, AgentDead(cell.path, self._why(cell)))
            return ACCEPTED
        return self.deliver(cell, envelope, lane)

    def deliver(self, cell: Cell, envelope: RawEnvelope, lane: Lane | None) -> Any:
        """Put an envelope into the mailbox, or do what the overflow policy says."""
        more = cell.more_
        if more is not None:
            if more.route is not None:
                return more.route.take(envelope, lane)
            if more.before_mail is not None:
                more.before_mail()
        if self.turned_away(cell, envelope):
            return ACCEPTED
        if lane is not CONTROL and not self.has_room(cell):
            return self._overflow(cell, envelope)
        self.put(cell, envelope, lane)
        return ACCEPTED

    def turned_away(self, cell: Cell, envelope: RawEnvelope) -> bool:
        """Whether the doorkeeper of an agent that is away had another use for it."""
        park = cell.more_.park if cell.more_ is not None else None
        return park is not None and park(envelope)

    def put(self, cell: Cell, envelope: RawEnvelope, lane: Lane | None) -> None:
        """Put an envelope into its lane; there is room."""
        if lane is CONTROL:
            cell.urgent = deque() if cell.urgent is None else cell.urgent
            cell.urgent.append(envelope)
            if cell.scheduled == BLOCKED and cell.busy:
                self.schedule(cell)  # it may be for a re-entrant handler, and passes what waits
        else:
            if cell.mailbox is NO_MAIL:
                cell.mailbox = deque()
                cell.limit = self.mailbox_limit(cell)
            cell.mailbox.append(envelope)
        if not cell.scheduled:
            self.schedule(cell)

    def mailbox_limit(self, cell: Cell) -> int:
        """Up to what length mail takes the short way into the mailbox."""
        more = cell.more_
        return 0 if more is not None and more.before_mail is not None else cell.birth.mailbox

    def _overflow(self, cell: Cell, envelope: RawEnvelope) -> Any:
        policy = cell.birth.overflow
        self.observers.overflowed(cell, policy)
        if policy is DROP_OLDEST and cell.mailbox:
            self.dead_letter(cell, cell.mailbox.popleft(), "dropped by a full mailbox")
            cell.mailbox.append(envelope)
            return ACCEPTED
        if policy is DEAD_LETTER or policy is DROP_OLDEST:
            self.dead_letter(
                cell, envelope, "mailbox full", MailboxFull(cell.path, cell.birth.mailbox, None)
            )
            return ACCEPTED
        sender = envelope[1]
        if policy is WAIT and (sender is None or sender.executing is not None or sender.offloop):
            room: Promise[None] = Promise(self)
            cell.limit = 0
            cell.more.wait_for_room(envelope, room)
            return room
        self.sent -= 1
        raise MailboxFull(cell.path, cell.birth.mailbox, self.view(cell, envelope))

    def refill(self, cell: Cell) -> None:
        """Let parked messages in, in the order they came."""
        parked = cell.more.parked
        if cell.more.route is not None:
            return  # a pool lets them in when a member has got on
        if parked and cell.mailbox is NO_MAIL:
            cell.mailbox = deque()
        while parked and len(cell.mailbox) < cell.birth.mailbox:
            envelope, room = parked.popleft()
            cell.mailbox.append(envelope)
            room.settle(None)
        if not parked:
            cell.limit = self.mailbox_limit(cell)

    def post_or_bounce(
        self,
        sender: Cell | None,
        cell: Cell,
        message: Any,
        lane: Lane | None,
        context: Context | None = None,
    ) -> None:
        """Send what must hold up nobody: where it would have to wait, it is a dead letter."""
        waits = cell.birth.overflow is WAIT and lane is None and cell.alive
        try:
            if waits and not self.has_room(cell):
                raise MailboxFull(cell.path, cell.birth.mailbox, None)
            self.post(sender, cell, message, None, lane, context)
        except MailboxFull as error:
            self.bounce(sender, cell, message, error)

    def post_surely(self, sender: Cell, cell: Cell, message: Any) -> None:
        """Send a notice of the runtime, in order, also past the bound of a full mailbox."""
        if not cell.alive or self.has_room(cell):
            self.post(sender, cell, message)
            return
        self.sent = number = self.sent + 1
        envelope: RawEnvelope = (message, sender, None, number, 0, self.new_context())
        cell.limit = 0
        cell.more.wait_for_room(envelope, Promise(self))

    def has_room(self, cell: Cell) -> bool:
        """Whether one more user message may go in."""
        return len(cell.mailbox) < cell.birth.mailbox and not (cell.more_ and cell.more_.parked)

    def bounce(self, sender: Cell | None, cell: Cell, message: Any, error: MailboxFull) -> None:
        """Make a dead letter of what a full mailbox would not take."""
        self.sent += 1
        current = None if sender is None else sender.current
        context = self.new_context() if current is None else current[5]
        envelope = (message, sender, None, self.sent, 0, context)
        self.dead_letter(cell, envelope, "mailbox full", error)

    def stash(self, cell: Cell, envelope: RawEnvelope) -> None:
        """Put the message in work aside. It is neither handled nor lost."""
        more = cell.more
        if more.stash is NONE_YET:
            more.stash = deque()
        more.stash.append(envelope)
        self.handled -= 1  # its handler is about to return, which counts as handled

    def unstash(self, cell: Cell) -> None:
        """Bring stashed messages back to the head of the mailbox, oldest first."""
        stash = cell.more.stash
        if stash and cell.mailbox is NO_MAIL:
            cell.mailbox = deque()
            cell.limit = self.mailbox_limit(cell)
        while stash:
            cell.mailbox.appendleft(stash.pop())
        if cell.mailbox and not cell.scheduled:
            self.schedule(cell)

    def schedule_message(
        self, cell: Cell, delay: float, message: Any, every: float | None
    ) -> Timer:
        """Send an agent a message later, for as long as its incarnation lives."""
        lane = self.lane(cell, message, None)
        reminder = Reminder(self, cell, message, lane, every)
        reminder.timer = timer = self.timers.add(self.clock() + delay, reminder)
        (cell.more_ or cell.more).own_timers().add(timer)
        if not self.awake:
            self.wake()
        return timer

    def sleep(self, delay: float) -> Promise[None]:
        """Give a promise that is settled after `delay` seconds of the ground's clock."""
        promise: Promise[None] = Promise(self)
        promise.timer = self.timers.add(self.clock() + delay, promise.settle, None)
        if not self.awake:
            self.wake()
        return promise

    def to_nobody(
        self,
        address: str,
        sender: Cell | None,
        message: Any,
        ask: Ask[Any] | None,
        context: Context,
    ) -> None:
        """A message to nobody: a dead letter, and the asker hears at once."""
        self.sent += 1
        cause = sender.current[3] if sender is not None and sender.current is not None else 0
        envelope = (message, sender, ask, self.sent, cause, context)
        error = UnknownAgent(address, self.registry.nearest(address, sender), None)
        self.dead_letter(address, envelope, "unknown agent", error)


def follow(promise: Promise[None], send: Callable[[], Any]) -> None:
    """Send, and settle the promise of the caller in another thread when there was room."""
    try:
        accepted = send()
    except Exception as error:  # it belongs to the caller
        promise.fail(error)
        return
    if accepted is ACCEPTED:
        promise.settle(None)
    else:
        accepted.then(lambda _: promise.settle(None))
