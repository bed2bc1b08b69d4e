"""An agent that raised is suspended, and its parent decides what follows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harmonium.actors.burying import report
from harmonium.actors.cell import DEAD, FAILED, RUNNING, STARTING, STOPPING, Cell
from harmonium.actors.execution import Execution
from harmonium.actors.failed_mail import unstash_failed, wants_retry
from harmonium.actors.releasing import close_executions, fail_deferred, hold
from harmonium.protocols.errors import AskFailed, HandlerOverrun
from harmonium.protocols.lifecycle import Failed, Phase

if TYPE_CHECKING:
    from harmonium.actors.context import RawEnvelope

__all__ = ["fail", "overrun", "resume"]


def fail(cell: Cell, error: BaseException, phase: Phase, envelope: RawEnvelope | None) -> None:
    """Suspend an agent that raised, and report it to its parent once."""
    ground, more = cell.ground, cell.more
    cell.current = None
    if envelope is not None:
        unstash_failed(cell, envelope)
    retry = not more.hold_failed and wants_retry(cell, phase, envelope)
    undecided = more.hold_failed and phase is Phase.HANDLER and not retry
    if envelope is not None and not retry and not undecided:
        ground.fail_message(cell, envelope, error)
    if cell.state in (STOPPING, DEAD, FAILED):
        if envelope is not None and (retry or undecided):  # nobody is left to try it again
            ground.fail_message(cell, envelope, error)
        ground.log_error(cell, f"raised in phase {phase.value} while it was ended", error)
        return
    _suspend(cell, error, phase, envelope, retry=retry, undecided=undecided)


def _suspend(
    cell: Cell,
    error: BaseException,
    phase: Phase,
    envelope: RawEnvelope | None,
    *,
    retry: bool,
    undecided: bool,
) -> None:
    more = cell.more
    if retry:
        more.retrying = envelope
        more.attempts += 1
    if more.executions or cell.offloop:
        close_executions(cell, error)
    if more.deferred:
        fail_deferred(cell, AskFailed.of(cell.path, error))
    more.start_failed = cell.state is STARTING
    cell.state = FAILED
    more.failure = (error, envelope)
    if undecided:
        more.undecided = envelope
    hold(cell)
    cell.ground.observers.crashed(cell, error, phase, envelope)
    report(cell, Failed(cell.id, cell.incarnation, error, phase, envelope))


def overrun(cell: Cell, execution: Execution, limit: float) -> None:
    """End a handler that runs longer than its limit: that is a crash."""
    if execution.finished:
        return
    execution.close()
    cell.ground.end(cell, execution)
    fail(cell, HandlerOverrun(cell.path, limit), Phase.HANDLER, execution.envelope)


def resume(cell: Cell) -> None:
    """Let a failed agent go on with the state it has (the failed message is gone)."""
    if cell.state is FAILED:
        cell.state = RUNNING
        cell.more.failure = None
        cell.ground.schedule(cell)
