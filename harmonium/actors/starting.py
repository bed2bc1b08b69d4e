"""Building an incarnation, the first one and those after a crash.

The cell with its mailbox, ref, path and watchers is there before the first
incarnation and stays over all of them.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from harmonium.actors.burying import bury_children, bury_unless_supervised, report
from harmonium.actors.cell import (
    BLOCKED,
    NO_MAIL,
    RUNNING,
    STARTING,
    WAITING,
    Cell,
    Extras,
)
from harmonium.actors.ending import end, run_hook
from harmonium.actors.failed_mail import failed_message, put_back
from harmonium.actors.failing import fail
from harmonium.actors.promise import Promise
from harmonium.actors.releasing import discard, hold
from harmonium.protocols.errors import SpecError
from harmonium.protocols.lifecycle import Declined, Exit, ExitKind, Phase, Started

if TYPE_CHECKING:
    from harmonium.actors.birth import Birth
    from harmonium.actors.ground import Ground

__all__ = ["place", "restart", "stand", "start"]

CRASH = ExitKind.CRASH


def place(parent: Cell, birth: Birth, id: str) -> Cell:
    """Make a cell for a child that is not started yet."""
    if parent.children is None:
        parent.children = {}
    if id in parent.children:
        raise SpecError(
            f"{parent.path.rstrip('/')}/{id}", "the id is taken", "give each child its own id"
        )
    cell = Cell(parent.ground, parent, id, birth)
    parent.children[id] = cell
    return cell


def stand(ground: Ground, birth: Birth) -> Cell:
    """Make the top of a tree: it has no parent, constructor, hook or mail, and just is there."""
    cell = Cell(ground, None, "", birth)
    kind: Any = birth.factory
    agent = cell.agent = kind.__new__(kind)
    agent._cell = cell
    cell.accepts = agent.__table__.accepts
    cell.incarnation, cell.state = 1, RUNNING
    return cell


def start(cell: Cell, incarnation: int, cause: BaseException | None = None) -> None:
    """Build the incarnation and run its hook; then it takes mail.

    Never raises: a failure is reported to the parent as `Failed` in phase
    START, and the cell waits for the decision.

    Args:
        cell: Whose incarnation.
        incarnation: Its number; greater than any before.
        cause: What ended the one before it, if this is a restart.
    """
    cell.incarnation = incarnation
    cell.state = STARTING
    hold(cell)
    if cell.more_ is not None:
        cell.more_.declined = None
        cell.more_.failure = None
        cell.more_.start_failed = False
        cell.more_.stop_reason = None
    try:
        agent = _build(cell)
        hooked = agent.__has_started__ if cause is None else agent.__has_after_restart__
        hook = _start_hook(cell, agent, cause) if hooked else None
    except BaseException as error:  # a constructor may raise anything
        fail(cell, error, Phase.START, None)
        return
    if hook is None:
        _ready(cell, incarnation)
    else:
        run_hook(cell, hook, lambda error: _started(cell, incarnation, error))


def _build(cell: Cell) -> Any:
    birth, ground = cell.birth, cell.ground
    factory = birth.factory
    if isinstance(factory, type):
        agent_class: Any = factory
        agent: Any = agent_class.__new__(agent_class)
        cell.agent = agent
        agent._cell = cell  # before __init__, so that the constructor may use self.ref and self.log
        begin = agent_class.__init__
        if birth.kwargs:
            begin(agent, *birth.args, **birth.kwargs)
        elif begin is not object.__init__:
            begin(agent, *birth.args)
    else:
        agent = factory(*birth.args, **birth.kwargs)
        if not hasattr(agent, "__table__"):
            raise SpecError(cell.path, f"its factory returned {agent!r}, which is no Agent")
        agent._cell = cell
        cell.agent = agent
    table = agent.__table__
    cell.accepts = table.accepts
    cell.fast = ground.fast_table(cell, table)
    return agent


def _start_hook(cell: Cell, agent: Any, cause: BaseException | None) -> Any:
    """The coroutine of the hook, or None when it has run or there is none."""
    if agent.__prepares__:
        return agent._prepared(cause)
    cell.ground.active, before = cell, cell.ground.active
    try:
        result = agent.started() if cause is None else agent.after_restart(cause)
    finally:
        cell.ground.active = before
    if result is None:
        return None
    if isinstance(result, Promise) and result.done():
        result.result()  # raises what the hook came to; nothing is to be awaited
        return None
    return result if inspect.isawaitable(result) else None


def _started(cell: Cell, incarnation: int, error: BaseException | None) -> None:
    if cell.incarnation != incarnation or cell.state is not STARTING:
        return
    if error is not None:
        fail(cell, error, Phase.START, None)
    else:
        _ready(cell, incarnation)


def _ready(cell: Cell, incarnation: int) -> None:
    more = cell.more_
    if more is not None and more.declined is not None:
        _decline(cell, incarnation, more.declined)
        return
    if more is not None and more.stop_reason is not None:
        end(cell, more.stop_reason)
        return
    cell.state = RUNNING
    if more is not None:
        _open_mailbox(cell, more)
    if cell.mailbox or cell.urgent or cell.signals or (more is not None and more.parked):
        cell.ground.schedule(cell)
    elif cell.scheduled == BLOCKED:
        cell.scheduled = 0
    cell.ground.observers.started(cell)
    parent = cell.parent
    if parent is not None and (parent.agent is None or not parent.agent._child_ready(cell)):
        report(cell, Started(cell.id, incarnation))


def _open_mailbox(cell: Cell, more: Extras) -> None:
    """The doorkeeper of a waiting agent goes, and what is to be retried comes first."""
    if more.park is not None:
        more.park = None
        if cell.mailbox is not NO_MAIL and not more.parked:
            cell.limit = cell.ground.mailbox_limit(cell)
    if more.retrying is not None:
        put_back(cell, more)


def _decline(cell: Cell, incarnation: int, why: str) -> None:
    bury_children(cell, "its parent declined to run")
    cell.state = WAITING
    discard(cell, Exit(ExitKind.NORMAL, why))
    report(cell, Declined(cell.id, incarnation, why))
    bury_unless_supervised(cell)


def restart(cell: Cell, successor: int, cause: BaseException) -> None:
    """Replace a failed incarnation: its hook, its end, then the next one.

    Mailbox, ref, path and watchers stay. No `Exited` is reported for it.
    """
    reason = Exit(CRASH, type(cause).__name__, cause)
    if not (cell.busy or cell.children) and (cell.agent is None or cell.agent.__ends_plainly__):
        discard(cell, reason)  # nothing takes time: at once, in 2 us where the steps take 6
        start(cell, successor, cause)
        return
    message = failed_message(cell)
    end(
        cell,
        reason,
        hook=lambda: cell.agent.before_restart(cause, message),
        keep_children=cell.birth.keep_children,
        then=lambda: start(cell, successor, cause),
    )
