"""Ending an incarnation gracefully, in steps that may each take time.

The handler in work ends first, then the children in reverse order, then the
hook runs. `end` takes the steps one after the other and reports `Exited`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from harmonium.actors.burying import exited, kill
from harmonium.actors.cell import DEAD, STARTING, STOPPING, WAITING, Cell
from harmonium.actors.execution import Execution
from harmonium.actors.failed_mail import failed_message
from harmonium.actors.releasing import cancel_timers, close_executions, discard, hold
from harmonium.protocols.errors import AgentDead
from harmonium.protocols.lifecycle import NORMAL, SHUTDOWN, Exit

if TYPE_CHECKING:
    from harmonium.actors.ask import Ask

__all__ = [
    "end",
    "request_stop",
    "run_hook",
    "stop",
    "stop_children",
    "stop_to_restart",
]

CHILD_STOP_LIMIT = 5.0
"""Seconds that a child spawned by an agent gets to stop; then it is killed."""

Then = Callable[[], None]

_NO_HOOK: Any = object()


def request_stop(cell: Cell, ask: Ask[None] | None, reason: Exit | None = None) -> None:
    """Stop an agent from outside of it; `ask` is settled when it is gone."""
    if cell.state is DEAD:
        if ask is not None:
            ask.settle(None)
        return
    if ask is not None:
        cell.more.gone = [*cell.more.gone, ask]
    cell.ground.signal(cell, stop, cell, reason or SHUTDOWN)


def stop(cell: Cell, reason: Exit = NORMAL) -> None:
    """Begin a graceful end; a no-op when one is under way."""
    if cell.state in (STOPPING, DEAD):
        return
    if cell.state is WAITING:
        exited(cell, reason)
    elif cell.state is STARTING and not cell.more.executions:
        cell.more.stop_reason = reason  # it is in its constructor; `_ready` sees it
    else:
        end(cell, reason)


def end(
    cell: Cell,
    reason: Exit,
    *,
    hook: Callable[[], Any] | None = None,
    keep_children: bool = False,
    then: Then | None = None,
) -> None:
    """End the incarnation gracefully: work, children, hook, then `Exited`.

    One that has not become ready gives its start up, and no hook runs.

    Args:
        cell: Whose incarnation.
        reason: What the report says.
        hook: Called in place of `stopped`, if given.
        keep_children: Leave its children running (for a restart).
        then: Called at the end in place of the report, if given.
    """
    starting = cell.state is STARTING
    was_ready = not starting and not cell.more.start_failed
    if starting:
        close_executions(cell, AgentDead(cell.path, str(reason)))
    cell.state = STOPPING
    cell.more.stop_reason = reason
    hold(cell)
    cancel_timers(cell)
    ending = _Ending(cell, reason, hook if was_ready else _NO_HOOK, keep_children, then)
    if cell.busy:
        cell.more.when_idle = ending.stop_children
    else:
        ending.stop_children()


class _Ending:
    """The steps of a graceful end; each goes on only if nothing came in between."""

    __slots__ = ("_cell", "_hook", "_incarnation", "_keep_children", "_reason", "_then")

    def __init__(
        self,
        cell: Cell,
        reason: Exit,
        hook: Callable[[], Any] | None,
        keep_children: bool,  # noqa: FBT001
        then: Then | None,
    ) -> None:
        self._cell = cell
        self._reason = reason
        self._hook = hook
        self._keep_children = keep_children
        self._then = then
        self._incarnation = cell.incarnation

    def _is_on(self) -> bool:
        """Whether it was not overtaken by a kill."""
        cell = self._cell
        return cell.state is STOPPING and cell.incarnation == self._incarnation

    def stop_children(self) -> None:
        """First the children."""
        if not self._is_on():
            return
        if self._keep_children or not self._cell.children:
            self.run_hook()
        else:
            self._cell.agent._stop_children(self.run_hook)

    def run_hook(self) -> None:
        """Then the hook, on an agent that has been ready."""
        if not self._is_on():
            return
        if self._hook is _NO_HOOK or self._cell.agent is None:
            self.finish()
        else:
            _run_stop_hook(self._cell, self._hook, self.finish)

    def finish(self) -> None:
        """At last the report, or what stands in its place."""
        if not self._is_on():
            return
        if self._then is None:
            exited(self._cell, self._reason)
        else:
            discard(self._cell, self._reason)
            self._then()


def stop_to_restart(cell: Cell, cause: BaseException) -> None:
    """End an incarnation that will have a successor: `before_restart`, then `Exited`."""
    if cell.state in (STOPPING, DEAD):
        return
    if cell.state is WAITING:
        exited(cell, SHUTDOWN)
        return
    message = failed_message(cell)
    end(
        cell,
        SHUTDOWN,
        hook=lambda: cell.agent.before_restart(cause, message),
        keep_children=cell.birth.keep_children,
    )


def run_hook(cell: Cell, coroutine: Any, then: Callable[[BaseException | None], None]) -> None:
    """Run an async hook as the agent's work; `then` follows with its error or None."""

    def done(execution: Execution, _: Any, error: BaseException | None) -> None:
        cell.ground.end(cell, execution)
        then(error)

    execution = Execution(cell, None, coroutine, done)
    cell.ground.begin(cell, execution, reentrant=False)


def _run_stop_hook(cell: Cell, hook: Callable[[], Any] | None, then: Then) -> None:
    agent, ground = cell.agent, cell.ground

    def done(error: BaseException | None) -> None:
        if error is not None:
            ground.log_error(cell, "its hook raised while it was ended", error)
        then()

    ground.active, before = cell, ground.active
    try:
        result = agent.stopped() if hook is None else hook()
    except BaseException as error:  # a hook may raise anything
        done(error)
        return
    finally:
        ground.active = before
    if inspect.isawaitable(result):
        run_hook(cell, result, done)
    else:
        then()


def _newest(children: dict[str, Cell], left: list[Cell]) -> Cell:
    """The child that was started last; `left` has those that may be it, the last one behind.

    The last one of a dict is found by passing all that were deleted behind it:
    200,000 children took 14 s to stop where they take 5.
    """
    while left and children.get(left[-1].id) is not left[-1]:
        left.pop()
    if not left:
        left.extend(children.values())
    return left[-1]


def stop_children(cell: Cell, then: Then, limit: float = CHILD_STOP_LIMIT) -> None:
    """Stop an agent's children in reverse order of their start, one at a time."""
    more = cell.more
    left: list[Cell] = []

    def next_child() -> None:
        if not cell.children:
            more.child_gone = None
            then()
            return
        child = _newest(cell.children, left)
        timer = cell.ground.after(limit, kill, child)

        def gone() -> None:
            timer.cancel()
            next_child()

        more.child_gone = gone
        cell.ground.signal(child, stop, child, SHUTDOWN)

    next_child()
