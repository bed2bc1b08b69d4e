"""What an incarnation leaves behind when it ends: its handlers, timers, watches, answers owed."""

from __future__ import annotations

from asyncio import CancelledError

from harmonium.actors.cell import BLOCKED, NO_MAIL, QUEUED, Cell
from harmonium.actors.from_thread import Severed
from harmonium.protocols.errors import AgentDead
from harmonium.protocols.lifecycle import Exit

__all__ = ["cancel_timers", "close_executions", "discard", "fail_deferred", "hold"]


def hold(cell: Cell) -> None:
    """Keep mail from scheduling the cell; signals still do."""
    if cell.scheduled != QUEUED:
        cell.scheduled = BLOCKED


def close_executions(cell: Cell, cause: BaseException) -> None:
    """End all handlers and hooks in work; their messages have failed with `cause`."""
    more, ground = cell.more_, cell.ground
    if more is None:
        return
    for execution in list(more.executions):
        execution.close()
        ground.end(cell, execution)
        if execution.envelope is not None:
            ground.fail_message(cell, execution.envelope, cause)
    if cell.offloop:
        cell.offloop = False
        cell.busy -= 1
        more.left_running = cell.agent
        envelope, more.blocking = more.blocking, None
        if envelope is not None:
            ground.fail_message(cell, envelope, cause)


def cancel_timers(cell: Cell) -> None:
    """Drop the timers that the incarnation set."""
    if cell.more_ is not None and cell.more_.timers:
        for timer in cell.more_.timers:
            timer.cancel()
        cell.more_.timers.clear()


def fail_deferred(cell: Cell, error: BaseException) -> None:
    """Let those who wait for a deferred answer hear the error."""
    if cell.more_ is not None:
        for deferred in list(cell.more_.deferred):
            deferred.fail(error)


def discard(cell: Cell, reason: Exit) -> None:
    """What belongs to the incarnation goes with it: timers, watches, subscriptions."""
    ground, more = cell.ground, cell.more
    if more.executions or cell.offloop:
        close_executions(cell, CancelledError())
    if more.left_running is not None:  # its thread goes on, and must not act any more
        more.left_running._cell = Severed(cell.path)
        more.left_running = None
    if more.timers:
        cancel_timers(cell)
    if more.deferred:
        fail_deferred(cell, AgentDead(cell.path, str(reason)))
    for subject in more.watching.values():
        subject.more.watchers.pop(cell, None)
    more.watching.clear()
    ground.let_go(cell)
    if more.stash:
        _unstash(cell)


def _unstash(cell: Cell) -> None:
    """What was put aside goes back to the head of the mailbox, in its order."""
    ground, stash = cell.ground, cell.more.stash
    while stash:
        envelope = stash.pop()
        if cell.mailbox is NO_MAIL:
            ground.deliver(cell, envelope, None)
        else:
            cell.mailbox.appendleft(envelope)
