"""The end of an incarnation at once, and the end of its cell.

After `exited` the cell stays, so that its parent can start the next incarnation
with the same mailbox, or `bury` it, which gives what is left in the mailbox its
fate and tells the watchers.
"""

from __future__ import annotations

from typing import Any

from harmonium.actors.cell import DEAD, NO_MAIL, STOPPING, WAITING, Cell, Extras
from harmonium.actors.failed_mail import settle_failure
from harmonium.actors.releasing import cancel_timers, close_executions, discard
from harmonium.protocols.errors import AgentDead
from harmonium.protocols.lifecycle import NORMAL, Exit, Exited, ExitKind, Failed, Report
from harmonium.protocols.signals import Terminated

__all__ = [
    "abandon",
    "bury",
    "bury_children",
    "bury_unless_supervised",
    "exited",
    "kill",
    "notify",
    "report",
    "report_first",
    "report_to_parent",
]


def kill(cell: Cell, reason: Exit | None = None) -> None:
    """End the incarnation at once: no hook, no waiting, children first."""
    if cell.state is DEAD:
        return
    reason = reason or Exit(ExitKind.KILLED)
    bury_children(cell, "its parent was killed")
    if cell.state is WAITING:
        return
    cell.state = STOPPING
    cell.more.when_idle = None
    close_executions(cell, AgentDead(cell.path, str(reason)))
    cancel_timers(cell)
    exited(cell, reason)


def bury_children(cell: Cell, why: str) -> None:
    """End all that is below at once, the youngest first."""
    for child in reversed(list((cell.children or {}).values())):
        kill(child, Exit(ExitKind.KILLED, why))
        bury(child)


def exited(cell: Cell, reason: Exit) -> None:
    """The incarnation is gone; the cell waits for what its parent decides."""
    cell.state = WAITING
    discard(cell, reason)
    cell.more.stop_reason = reason
    cell.ground.observers.exited(cell, reason)
    _settle_gone(cell)
    report(cell, Exited(cell.id, cell.incarnation, reason))
    bury_unless_supervised(cell)


def bury_unless_supervised(cell: Cell) -> None:
    """Bury an ended agent whose parent is no supervisor: nobody starts it again."""
    parent = cell.parent
    if parent is not None and (parent.agent is None or not parent.agent.supervises):
        bury(cell)


def bury(cell: Cell) -> None:
    """Take the agent's place away: its mail is dead, its watchers are told."""
    if cell.state is DEAD:
        return
    ground, more = cell.ground, cell.more
    bury_children(cell, "its parent is gone")
    reason = more.stop_reason or NORMAL
    error = AgentDead(cell.path, str(reason))
    cell.state = DEAD
    cell.limit = -1
    cell.agent = None
    settle_failure(cell)
    _end_mail(cell, more, error)
    if cell.parent is not None and cell.parent.children is not None:
        cell.parent.children.pop(cell.id, None)
    ground.registry.forget(cell)
    _settle_gone(cell)
    for watcher in list(more.watchers):
        notify(watcher, cell)
    more.watchers.clear()
    if cell.parent is not None:
        _child_gone(cell.parent)


def _end_mail(cell: Cell, more: Extras, error: AgentDead) -> None:
    """All that waits is dead; who waits for room in the mailbox waits no more."""
    left = [
        *more.aside.values(),
        *(cell.urgent or ()),
        *cell.mailbox,
        *more.stash,
        *(envelope for envelope, _ in more.parked),
    ]
    more.aside.clear()
    if more.retrying is not None:
        left.insert(0, more.retrying)
        more.retrying = None
    rooms = [room for _, room in more.parked]
    cell.urgent, cell.mailbox = None, NO_MAIL
    for part in (more.stash, more.parked):
        if part:
            part.clear()
    for envelope in left:
        cell.ground.dead_letter(cell, envelope, "agent is dead", error)
    for room in rooms:
        room.settle(None)


def abandon(cell: Cell) -> None:
    """Bury a child whose start failed before its parent could hear of it."""
    parent = cell.parent
    if parent is not None and parent.signals:
        kept = [entry for entry in parent.signals if entry[1][1:2] != (cell,)]
        parent.signals.clear()
        parent.signals.extend(kept)
    cell.state = WAITING
    discard(cell, NORMAL)
    bury(cell)


def report_first(cell: Cell, news: Report) -> None:
    """Tell the parent something that was so before all that it has to hear by now."""
    report(cell, news)
    parent = cell.parent
    if parent is not None and parent.signals:
        parent.signals.rotate(1)


def _settle_gone(cell: Cell) -> None:
    gone, cell.more.gone = cell.more.gone, []
    for ask in gone:
        ask.settle(None)


def _child_gone(parent: Cell) -> None:
    more = parent.more_
    if more is not None and more.child_gone is not None:
        more.child_gone()


def notify(watcher: Cell, subject: Cell) -> None:
    """Tell one watcher that an agent is dead for good."""
    reason = subject.more.stop_reason or NORMAL
    terminated = Terminated(subject.path, subject.incarnation, reason.kind.value, reason.detail)
    subject.ground.post_surely(subject, watcher, terminated)


def report_to_parent(cell: Cell, report: Any) -> None:
    """Tell the parent something, in its own turn."""
    if cell.parent is not None:
        cell.ground.signal(cell.parent, _hand_over, cell.parent, cell, report)


def report(cell: Cell, news: Report) -> None:
    """Tell the parent what became of an incarnation; only a supervisor hears more than failures."""
    parent = cell.parent
    if parent is not None and (_hears_all(parent) or isinstance(news, Failed)):
        cell.ground.signal(parent, _hand_over, parent, cell, news)


def _hears_all(parent: Cell) -> bool:
    """Whether a parent hears more of its children than that they failed."""
    return parent.agent is None or parent.agent.supervises


def _hand_over(parent: Cell, cell: Cell, report: Report) -> None:
    if parent.agent is not None:
        parent.agent._child_report(cell, report)
    elif parent.state is not DEAD and isinstance(report, Exited | Failed):
        kill(cell)
