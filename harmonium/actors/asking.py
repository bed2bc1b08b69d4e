"""Asking and answering: promises, deadlines, replies on their way back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harmonium.actors.ask import Ask
from harmonium.actors.cell import DEAD, WAITING, Cell
from harmonium.actors.context import Context, RawEnvelope
from harmonium.actors.handlers import lane_of
from harmonium.actors.mail import Mail
from harmonium.protocols.errors import AskTimeout, MailboxFull
from harmonium.protocols.message import is_message

if TYPE_CHECKING:
    from harmonium.actors.policies import Policies
    from harmonium.protocols.reliability.policy import Policy
    from harmonium.protocols.reliability.work_budget import WorkBudget

__all__ = ["Asking"]


class Asking(Mail):
    """Asks agents and brings their answers back; an asker always hears."""

    policies: Policies | None = None
    """Made by the first ask that has a policy."""

    def ask(
        self,
        sender: Cell | None,
        target: Cell | str,
        message: Any,
        *,
        timeout: float | None = 5.0,
        idempotency_key: str | None = None,
        context: Context | None = None,
    ) -> Ask[Any]:
        """Send a message and get a promise of its answer."""
        if isinstance(target, str):
            if not is_message(message):
                self.refuse(target, message)
        elif target.accepts.get(message.__class__, target) is target:
            self.lane(target, message, None)
        ask: Ask[Any] = Ask(self, sender, target, timeout)
        deadline = None if timeout is None else self.clock() + timeout
        if sender is not None:
            self._send_ask(
                ask, sender, message, self._context_of(sender, context, deadline, idempotency_key)
            )
            return ask
        if context is None:
            context = self.new_context(None, deadline, idempotency_key)
        else:
            context = context.child(deadline, idempotency_key)
        if self.in_thread():
            self._send_ask(ask, None, message, context)
            self.hasten()
        else:
            self.call_threadsafe(lambda: self._send_ask(ask, None, message, context))
        return ask

    def ask_under(
        self,
        policy: Policy | None,
        sender: Cell | None,
        target: Cell | str,
        message: Any,
        *,
        timeout: float | None = 5.0,
        idempotency_key: str | None = None,
        context: Context | None = None,
        work_budget: WorkBudget | None = None,
    ) -> Ask[Any]:
        """Send a message under a policy or a budget; the promise has the answer it ends with."""
        if isinstance(target, Cell):
            self.lane(target, message, None)
        elif not is_message(message):
            self.refuse(target, message)
        if context is None:
            current = sender.current if sender is not None else None
            context = self.new_context() if current is None else current[5]
        ask: Ask[Any] = Ask(self, sender, target, timeout)
        follow = None
        if work_budget is not None:
            from harmonium.actors.budgets import begin_budget  # noqa: PLC0415 - an extra

            context, follow = begin_budget(self, work_budget, context)
        call = (sender, target, message, context, idempotency_key)
        if self.in_thread():
            self.under(policy, ask, *call)
        else:
            self.call_threadsafe(lambda: self.under(policy, ask, *call))
        if follow is not None:
            follow(ask)
        return ask

    def under(self, policy: Policy | None, ask: Ask[Any], *call: Any) -> None:
        """Begin the call of an ask that may have a policy, in the ground's thread."""
        if policy is None:
            self.ask_now(ask, *call)
            return
        policies = self.policies
        if policies is None:
            from harmonium.actors.policies import Policies  # noqa: PLC0415 - an extra

            policies = self.policies = Policies(self)
        policies.ask(ask, policy, *call)

    def ask_now(
        self,
        ask: Ask[Any],
        sender: Cell | None,
        target: Cell | str,
        message: Any,
        context: Context | None,
        key: str | None,
    ) -> None:
        """Send the message of an ask, in the ground's thread."""
        ask.target = target
        deadline = None if ask.timeout is None else self.clock() + ask.timeout
        self._send_ask(ask, sender, message, self._context_of(sender, context, deadline, key))

    def _context_of(
        self, sender: Cell | None, context: Context | None, deadline: float | None, key: str | None
    ) -> Context:
        """The context of an ask: a part of the work in hand, or of a request that begins here."""
        if context is None:
            current = sender.current if sender is not None else None
            if current is None:
                return self.new_context(None, deadline, key)
            context = current[5]
        return context.child(deadline, key)

    def _send_ask(self, ask: Ask[Any], sender: Cell | None, message: Any, context: Context) -> None:
        target: Any = ask.target
        if isinstance(target, str):
            cell = self.registry.find(target, sender)
            if cell is None:
                self.to_nobody(target, sender, message, ask, context)
                return
            target = ask.target = cell
        deadline = context.deadline
        if deadline is not None:
            ask.timer = self.timers.add(deadline, self._ask_expired, ask)
            if not self.awake:
                self.wake()
        try:
            # Its lane: what the receiver's table says saves asking the class (213 ns).
            kind = type(message)
            declared = target.accepts.get(kind, target)
            lane = lane_of(kind) if declared is target else declared
            self.post(sender, target, message, ask, lane, context)
        except MailboxFull as error:
            ask.fail(error)

    def _ask_expired(self, ask: Ask[Any]) -> None:
        ask.timer = None
        path = ask.target if isinstance(ask.target, str) else ask.target.path
        self.settle(ask, AskTimeout(path, ask.timeout or 0.0), failed=True)

    def reply(self, envelope: RawEnvelope, value: Any) -> None:
        """Send the answer to whoever asked."""
        ask: Any = envelope[2]
        ask.answered = True
        self.sent = number = self.sent + 1
        answer = (value, self.active, None, number, envelope[3], envelope[5])
        self.carry_reply(ask, answer, failed=False)

    def reply_error(self, envelope: RawEnvelope, error: BaseException) -> None:
        """Tell whoever asked that there will be no answer, and why; unless it has given up."""
        promise = envelope[2]
        if promise is not None and not promise.answered and not promise.done():
            self.respond(envelope, error, failed=True)

    def respond(self, envelope: RawEnvelope, value: Any, *, failed: bool) -> None:
        """Send a reply, a part of one or an error on its way."""
        ask: Any = envelope[2]
        ask.answered = True
        self.sent = number = self.sent + 1
        answer = (value, self.active, None, number, envelope[3], envelope[5])
        self.carry_reply(ask, answer, failed=failed)

    def carry_reply(self, ask: Any, answer: RawEnvelope, *, failed: bool) -> None:
        """Bring a reply to its asker; a simulated ground takes its time here."""
        owner = ask.owner
        if owner is None:
            if ask.done():
                self.dead_letter("(outside)", answer, "late reply")
                return
            self.handled += 1
            try:
                (ask.fail if failed else ask.settle)(answer[0])
            except Exception as error:  # a callback from outside is no fault of who answers
                self.log_callback(error)
        else:
            self.in_transit += 1
            self.signal(owner, self._arrive_failed if failed else self._arrive_good, ask, answer)

    def _arrive_good(self, ask: Any, answer: RawEnvelope) -> None:
        self.in_transit -= 1
        self.arrive(ask, answer, failed=False)

    def _arrive_failed(self, ask: Any, answer: RawEnvelope) -> None:
        self.in_transit -= 1
        self.arrive(ask, answer, failed=True)

    def arrive(self, ask: Any, answer: RawEnvelope, *, failed: bool) -> None:
        """Settle an agent's ask with its reply; one that comes too late is a dead letter."""
        if ask.done():
            self.dead_letter(ask.owner, answer, "late reply")
            return
        if _forsaken(ask):
            ask.drop()
            self.dead_letter(ask.owner, answer, "asker restarted")
            return
        self.handled += 1
        (ask.fail if failed else ask.settle)(answer[0])

    def settle(self, ask: Any, value: Any, *, failed: bool) -> None:
        """Settle an ask without a message: a timeout is the asker's own doing."""
        finish = ask.fail if failed else ask.settle
        if ask.owner is None:
            self.guard(finish, value)
        elif ask.owner is self.active:
            finish(value)
        else:
            self.signal(ask.owner, self._settle_in_turn, ask, finish, value)

    def _settle_in_turn(self, ask: Any, finish: Any, value: Any) -> None:
        if _forsaken(ask):
            ask.drop()
        else:
            finish(value)


def _forsaken(ask: Any) -> bool:
    """Whether the incarnation that asked has ended: nothing of it may run any more."""
    owner = ask.owner
    return owner.incarnation != ask.incarnation or owner.state in _ENDED


_ENDED = (WAITING, DEAD)
