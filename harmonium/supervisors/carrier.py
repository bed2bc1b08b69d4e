"""`Carrier`: carries the effects of a supervisor's decisions out, one by one.

Each effect class has one method. None of them waits; what comes of an effect
returns to the supervisor as a report.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loguru import logger

from harmonium.actors import burying, ending, failed_mail, failing, starting
from harmonium.actors.cell import DEAD, FAILED, RUNNING, WAITING, Cell
from harmonium.actors.timers import Timer
from harmonium.protocols.lifecycle import SHUTDOWN, Exit, ExitKind
from harmonium.supervisors.core import effects, events
from harmonium.supervisors.core.record import Record
from harmonium.supervisors.core.timers import Due, Token
from harmonium.supervisors.waiting_mail import Doorkeeper

if TYPE_CHECKING:
    from harmonium.supervisors.supervisor import Supervisor

__all__ = ["Carrier"]

START = Due.START


class Carrier:
    """The hands of one supervisor.

    Args:
        supervisor: Whose effects.
    """

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._timers: dict[int, Timer] = {}  # by the serial, which no other timer ever has
        self.finished = False

    def carry_out(self, effect: effects.Effect) -> None:
        """Carry one effect out."""
        _METHODS[effect.__class__](self, effect)

    @property
    def _me(self) -> Cell:
        return self._supervisor._cell

    def _cell(self, child: str) -> Cell | None:
        children = self._supervisor._cell.children
        return None if children is None else children.get(child)

    def _instance(self, child: str, incarnation: int) -> Cell | None:
        """The child's cell, if this incarnation still is the present one."""
        cell = self._cell(child)
        return cell if cell is not None and cell.incarnation == incarnation else None

    # -- children

    def start(self, effect: effects.Start) -> None:
        """Build an instance, in a new cell or in the one that is kept."""
        supervisor = self._supervisor
        cell = self._cell(effect.child)
        if cell is None or effect.fresh:
            birth = supervisor.birth_of(effect.spec, reports=effect.reports)
            cell = starting.place(supervisor._cell, birth, effect.child)
            if effect.spec.poison is not None:
                cell.more.hold_failed = True
            if supervisor.state.spec.is_dynamic:  # a new child, whoever had its id before
                cell.more.first = effect.incarnation
        cause = effect.cause
        error = None if cause is None else cause.error or RuntimeError(cause.text)
        starting.start(cell, effect.incarnation, error)

    def restart(self, effect: effects.Restart) -> None:
        """Tear the failed instance down and build its successor in the same cell."""
        cell = self._instance(effect.child, effect.incarnation)
        if cell is not None:
            failure = cell.more.failure
            error = RuntimeError(effect.cause.text) if failure is None else failure[0]
            starting.restart(cell, effect.successor, error)

    def resume(self, effect: effects.Resume) -> None:
        """Let a suspended instance go on."""
        cell = self._instance(effect.child, effect.incarnation)
        if cell is not None:
            failing.resume(cell)
            if cell.agent is not None and cell.agent.supervises:
                cell.ground.signal(cell, cell.agent._resumed)

    def stop(self, effect: effects.Stop) -> None:
        """Ask an instance to stop."""
        cell = self._instance(effect.child, effect.incarnation)
        if cell is None:
            return
        if not effect.keep:
            cell.ground.signal(cell, ending.stop, cell, SHUTDOWN)
            return
        cause = effect.cause
        error = RuntimeError("stopped with its group") if cause is None else cause.error
        cell.ground.signal(cell, ending.stop_to_restart, cell, error or RuntimeError(str(cause)))

    def kill(self, effect: effects.Kill) -> None:
        """End an instance at once."""
        cell = self._instance(effect.child, effect.incarnation)
        if cell is not None:
            burying.kill(cell)

    def release(self, effect: effects.Release) -> None:
        """End a child's cell."""
        cell = self._cell(effect.child)
        if cell is not None:
            cell.more.stop_reason = effect.reason
            if cell.state not in (WAITING, DEAD):
                burying.kill(cell, effect.reason)
            burying.bury(cell)

    def park(self, effect: effects.Park) -> None:
        """Apply the policy for mail to a child that waits for its restart."""
        cell = self._cell(effect.child)
        if cell is not None:
            Doorkeeper(cell, effect.mail, effect.until, effect.cause).stand()

    # -- the message that failed

    def retry(self, effect: effects.Retry) -> None:
        """Put the message back."""
        cell = self._cell(effect.child)
        if cell is not None:
            failed_mail.retry_failed(cell, effect.message)

    def set_aside(self, effect: effects.SetAside) -> None:
        """Keep the message apart until it is tried again."""
        cell = self._cell(effect.child)
        if cell is not None:
            failed_mail.set_failed_aside(cell, effect.message)

    def quarantine(self, effect: effects.Quarantine) -> None:
        """Make the message a dead letter."""
        cell = self._cell(effect.child)
        if cell is not None:
            bundles = cell.ground.bundles
            bundle = "" if bundles is None else str(bundles.file_of(cell))
            detail = f"{effect.fingerprint}, {effect.attempts} attempts"
            detail += f"; bundle {bundle}" if bundle else ""
            failed_mail.quarantine_failed(cell, detail, attempts=effect.attempts, bundle=bundle)

    # -- time

    def set_timer(self, effect: effects.SetTimer) -> None:
        """Send `TimerFired` later."""
        me, token = self._supervisor._cell, effect.token
        if token.due is START and self._is_up(token.child):
            return  # its `Started` is on the way, and would only cancel it: 3 us less
        ground = me.ground
        self._timers[token.serial] = ground.after(
            effect.delay, ground.signal, me, self._fired, token
        )

    def _is_up(self, child: str) -> bool:
        cell = self._cell(child)
        return cell is not None and cell.state is RUNNING

    def _fired(self, token: Token) -> None:
        if self._timers.pop(token.serial, None) is not None:
            self._supervisor.happen(events.TimerFired(token))

    def cancel_timer(self, effect: effects.CancelTimer) -> None:
        """Drop a timer."""
        timer = self._timers.pop(effect.token.serial, None)
        if timer is not None:
            timer.cancel()

    # -- the supervisor itself

    def ready(self, _: effects.Ready) -> None:
        """All children were started."""
        self._supervisor.up.settle(None)

    def finish(self, effect: effects.Finish) -> None:
        """All children are gone: end, unless we are being ended already."""
        self.finished = True
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        if self._supervisor.gone is not None:
            self._supervisor.finish()
        elif effect.start_failed:
            self._supervisor.up.fail(effect.reason.error or RuntimeError(str(effect.reason)))
        elif self._me.state is FAILED:
            pass  # the parent decides about us
        else:
            self._me.ground.signal(self._me, ending.stop, self._me, effect.reason)

    def escalate(self, effect: effects.Escalate) -> None:
        """Pass a child's failure on to the parent; at the root, stop with it."""
        if self._supervisor.state.root:
            error = effect.cause.error
            reason = Exit(ExitKind.CRASH, effect.cause.text, error)
            self._me.ground.signal(self._me, self._supervisor.happen, events.StopAll(reason))
        else:
            self._supervisor.escalate(effect.cause)

    def give_up(self, effect: effects.GiveUp) -> None:
        """Say loudly that the budget is used up."""
        logger.bind(path=self._me.path).error("{}", effect.error)
        self._me.ground.observers.exhausted(self._me, effect.error, parks=effect.parks)

    def spend(self, effect: effects.Spend) -> None:
        """Tell the parent that restarts were charged below it."""
        me, parent = self._me, self._me.parent
        if parent is not None:
            spent = events.Spent(me.id, effect.count, effect.cause)
            burying.report_to_parent(me, spent)

    def answer(self, effect: effects.Answer) -> None:
        """Give an operator the answer."""
        if effect.request is not None:
            self._me.ground.settle(effect.request, effect.value, failed=False)

    def notice(self, effect: effects.Notice) -> None:
        """Log a sentence."""
        path = f"{self._me.path}/{effect.child}" if effect.child else self._me.path
        logger.bind(path=path).warning("{}: {}", path, effect.text)

    def remember(self, record: Record) -> None:
        """Keep a decision."""
        self._supervisor.remember(record)


_METHODS: dict[type, Any] = {
    effects.Start: Carrier.start,
    effects.Restart: Carrier.restart,
    effects.Resume: Carrier.resume,
    effects.Stop: Carrier.stop,
    effects.Kill: Carrier.kill,
    effects.Release: Carrier.release,
    effects.Park: Carrier.park,
    effects.Retry: Carrier.retry,
    effects.SetAside: Carrier.set_aside,
    effects.Quarantine: Carrier.quarantine,
    effects.SetTimer: Carrier.set_timer,
    effects.CancelTimer: Carrier.cancel_timer,
    effects.Ready: Carrier.ready,
    effects.Finish: Carrier.finish,
    effects.Escalate: Carrier.escalate,
    effects.GiveUp: Carrier.give_up,
    effects.Spend: Carrier.spend,
    effects.Answer: Carrier.answer,
    effects.Notice: Carrier.notice,
    Record: Carrier.remember,
}
