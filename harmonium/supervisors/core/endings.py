"""An instance failed or ended by itself: who decides, and what follows."""

from __future__ import annotations

from harmonium.protocols.errors import StartFailed
from harmonium.protocols.lifecycle import Exit, ExitKind
from harmonium.supervisors.core import shutdown
from harmonium.supervisors.core.answers import Outcome
from harmonium.supervisors.core.cause import Cause
from harmonium.supervisors.core.child import After, Child, Status, Why
from harmonium.supervisors.core.effects import Escalate, Resume
from harmonium.supervisors.core.instances import answer_starters, bury, halt
from harmonium.supervisors.core.recovery import recover
from harmonium.supervisors.core.turn import Turn
from harmonium.supervisors.words import (
    ALL_SIGNIFICANT,
    ANY_SIGNIFICANT,
    ESCALATE,
    PERMANENT,
    RESUME,
    STOP,
    TEMPORARY,
    TRANSIENT,
    Directive,
)

__all__ = ["decline", "ended", "finish", "start_failed"]


def ended(
    turn: Turn, child: Child, cause: Cause, *, clean: bool = False, charged: bool = True
) -> None:
    """Decide about a child that failed or ended and was not asked to.

    Args:
        turn: The decision in the making.
        child: The child; `suspended` says whether its instance is still there.
        cause: Why.
        clean: Whether a transient child counts as finished.
        charged: Whether a restart costs a unit.
    """
    directive = _directive(turn, child, cause)
    if directive is RESUME and child.suspended:
        child.suspended = False
        turn.emit(Resume(child.id, child.incarnation))
        turn.rule(child.id, "resume", f"{cause}; its table says resume.")
    elif directive is ESCALATE:
        _escalate(turn, child, cause)
    elif directive is STOP:
        _retire(turn, child, cause, "its table says stop")
    elif not _comes_back(child, clean=clean):
        _retire(turn, child, cause, f"a {child.spec.restart} child stays away then")
    else:
        recover(turn, child, cause, charged=charged)


def _directive(turn: Turn, child: Child, cause: Cause) -> Directive | None:
    table = child.spec.directives or turn.state.spec.directives
    return table.choose(cause) if table is not None and cause.lineage else None


def _comes_back(child: Child, *, clean: bool) -> bool:
    restart = child.spec.restart
    return restart is PERMANENT or (restart is TRANSIENT and not clean)


def _escalate(turn: Turn, child: Child, cause: Cause) -> None:
    child.status, child.cause = Status.ESCALATED, cause
    turn.state.escalated = (*turn.state.escalated, child.id)
    turn.emit(Escalate(child.id, cause))
    turn.rule(child.id, "escalate", f"{cause}; its table says escalate.")


def _retire(turn: Turn, child: Child, cause: Cause, why: str) -> None:
    turn.rule(child.id, "retire", f"{cause}; {why}.")
    if child.suspended:
        halt(turn, child, After.RETIRE)
    else:
        finish(turn, child)


def finish(turn: Turn, child: Child) -> None:
    """Leave a child down for good; if it was significant, perhaps follow it."""
    forgotten = child.spec.restart is TEMPORARY or turn.state.spec.is_dynamic
    bury(turn, child, None if forgotten else Status.FINISHED, child.last_words)
    if child.spec.significant and _was_the_last(turn):
        text = f"the significant child {child.id} ended"
        turn.rule("", "shutdown", f"{text}, and auto_shutdown is {turn.state.spec.auto_shutdown}.")
        shutdown.begin(turn, Exit(ExitKind.SHUTDOWN, text))


def _was_the_last(turn: Turn) -> bool:
    rule = turn.state.spec.auto_shutdown
    if rule is ALL_SIGNIFICANT:
        return all(one.down for one in turn.upward() if one.spec.significant)
    return rule is ANY_SIGNIFICANT


def decline(turn: Turn, child: Child, why: str) -> None:
    """Leave a child down that chose not to run; that is no failure."""
    answer_starters(turn, child, Outcome.DECLINED)
    child.reason = Exit(ExitKind.NORMAL, why or "it declined to start")
    forgotten = child.spec.restart is TEMPORARY or turn.state.spec.is_dynamic
    turn.rule(child.id, "decline", f"{child.reason.detail}.")
    bury(turn, child, None if forgotten else Status.FINISHED, child.reason)


def start_failed(turn: Turn, child: Child, cause: Cause) -> None:
    """Decide about a child that did not become ready; it depends on who wanted it."""
    if child.why is Why.RESTART:
        recover(turn, child, cause)
        return
    turn.rule(child.id, "start_failed", f"{cause}.")
    if child.why is Why.BOOT:
        _fail_boot(turn, child, cause)
        return
    answer_starters(turn, child, Outcome.FAILED, cause.text)
    discarded = child.why is Why.ADDED
    if child.suspended:
        halt(turn, child, After.DISCARD if discarded else After.HOLD)
    else:
        bury(turn, child, None if discarded else Status.HELD, child.last_words)


def _fail_boot(turn: Turn, child: Child, cause: Cause) -> None:
    """Roll the boot back: what was started is stopped in reverse, then the start fails."""
    error = StartFailed(f"{turn.state.path.rstrip('/')}/{child.id}", cause.text)
    shutdown.begin(turn, Exit(ExitKind.CRASH, str(error), error), start_failed=True)
