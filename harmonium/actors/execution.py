"""`Execution`: an async handler between its first step and its last.

The first step is taken by `send(None)`, with no task around it: a handler
that never suspends costs no task (2.1 to 3.4 million a second against 160
thousand with `create_task`). What it waits for wakes it through its cell's
signal lane, so a step is taken in its agent's turn and nowhere else.

While a step runs, the execution is asyncio's current task, with the part of
the task interface that `asyncio.timeout`, `TaskGroup` and anyio use.
"""

from __future__ import annotations

import asyncio
import contextvars
from asyncio import CancelledError
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harmonium.actors.cell import Cell
    from harmonium.actors.context import RawEnvelope

__all__ = ["Execution"]

_running_loop = asyncio._get_running_loop
_current_tasks: Any = asyncio.tasks._current_tasks  # type: ignore[attr-defined]
_swap_task: Any = getattr(asyncio.tasks, "_swap_current_task", None)
"""Makes a task the current one; before Python 3.12 the dict does it, in 60 ns where `_enter_task`
and `_leave_task` take 160."""

Outcome = Callable[["Execution", Any, BaseException | None], None]


class Execution:
    """A suspended coroutine of one agent: a handler or a hook.

    Args:
        cell: Whose code it is.
        envelope: The envelope in work, or None for a hook.
        coroutine: What to step.
        done: Called once with the result or the error.
    """

    __slots__ = (
        "__weakref__",
        "_cancels",
        "_context",
        "_coroutine",
        "_done",
        "_fut_waiter",
        "_must_cancel",
        "cell",
        "envelope",
        "finished",
        "limit",
        "reentrant",
        "since",
    )

    def __init__(
        self,
        cell: Cell,
        envelope: RawEnvelope | None,
        coroutine: Coroutine[Any, Any, Any],
        done: Outcome,
    ) -> None:
        self.cell = cell
        self.envelope = envelope
        self.finished = False
        self.reentrant = False
        self.limit: Any = None
        self.since = 0.0
        self._coroutine = coroutine
        self._done = done
        self._context = contextvars.copy_context()
        self._fut_waiter: Any = None
        self._must_cancel = False
        self._cancels = 0

    def step(self, error: BaseException | None = None) -> None:
        """Run the coroutine to its next suspension or its end."""
        if self.finished:
            return
        self._fut_waiter = None
        if self._must_cancel:
            self._must_cancel = False
            error = error if isinstance(error, CancelledError) else CancelledError()
        cell = self.cell
        cell.current = self.envelope
        cell.executing = self
        try:
            awaited = self.advance(error)
        except StopIteration as stop:
            self.finished = True
            self._done(self, stop.value, None)
        except BaseException as raised:
            self.finished = True
            self._done(self, None, raised)
        else:
            self.wait_for(awaited)
        finally:
            cell.executing = None
            cell.current = None

    def advance(self, error: BaseException | None = None) -> Any:
        """Run the coroutine to its next suspension, as asyncio's current task.

        Raises:
            StopIteration: When it ends, with its answer; else what it raises.
        """
        # Before Python 3.12, to ask for the running loop is a system call; it is the ground's.
        loop = self.cell.ground.loop if _swap_task is None else _running_loop()
        if _swap_task is None or loop is None:
            outer = _current_tasks.get(loop)
            _current_tasks[loop] = self
        else:
            outer = _swap_task(loop, self)
        try:
            if error is None:
                return self._context.run(self._coroutine.send, None)
            return self._context.run(self._coroutine.throw, error)
        finally:
            if _swap_task is not None and loop is not None:
                _swap_task(loop, outer)
            elif outer is None:
                del _current_tasks[loop]
            else:
                _current_tasks[loop] = outer

    def wait_for(self, awaited: Any) -> None:
        """Go on when what it awaits is there."""
        if awaited is None:
            self.cell.ground.yield_turn(self._wake)
        elif getattr(awaited, "_asyncio_future_blocking", None):
            awaited._asyncio_future_blocking = False
            self._fut_waiter = awaited
            then = getattr(awaited, "then", None)
            if then is not None:
                then(self._promise_settled)
            else:
                awaited.add_done_callback(self._wake, context=self._context)
            if self._must_cancel and awaited.cancel():
                self._must_cancel = False
        else:
            self._wake_with(
                RuntimeError(f"An agent's handler cannot wait for {awaited!r}; await a future.")
            )

    def _promise_settled(self, promise: Any) -> None:
        """Step at once when our own cell is at work, else in its next turn."""
        cell = self.cell
        ground = cell.ground
        if ground.active is cell and cell.executing is None and cell.current is None:
            self.step()
        else:
            ground.signal(cell, self.step)

    def _wake(self, _: Any = None) -> None:
        self.cell.ground.signal(self.cell, self.step)

    def _wake_with(self, error: BaseException) -> None:
        self.cell.ground.signal(self.cell, self.step, error)

    def close(self) -> None:
        """End it without a word: `finally` blocks run, awaiting there is refused."""
        if not self.finished:
            self.finished = True
            self._fut_waiter = None
            try:
                self._coroutine.close()
            except BaseException as error:  # the coroutine is the user's
                self.cell.ground.log_error(
                    self.cell, "its handler raised while it was ended", error
                )

    # -- the part of asyncio.Task that libraries call on the current task

    def cancel(self, msg: object = None) -> bool:
        """Throw `CancelledError` into it, where it waits or at its next step."""
        if self.finished:
            return False
        self._cancels += 1
        waiter = self._fut_waiter
        if waiter is not None and waiter.cancel(msg=msg):
            return True
        self._must_cancel = True
        return True

    def uncancel(self) -> int:
        """Take one cancel request back; returns how many are left."""
        self._cancels = max(0, self._cancels - 1)
        return self._cancels

    def cancelling(self) -> int:
        """How many cancel requests there are."""
        return self._cancels

    def done(self) -> bool:
        """Whether it has ended."""
        return self.finished

    def cancelled(self) -> bool:
        """Part of the task interface; an execution reports its end to its cell."""
        return False

    def get_name(self) -> str:
        """The agent's path."""
        return self.cell.path

    def get_coro(self) -> Coroutine[Any, Any, Any]:
        """The coroutine being stepped."""
        return self._coroutine

    def get_loop(self) -> Any:
        """The loop the agent lives on."""
        return self.cell.ground.loop

    def get_context(self) -> contextvars.Context:
        """The context that every step runs in."""
        return self._context

    def add_done_callback(self, fn: Callable[[Any], object], *, context: Any = None) -> None:
        """Part of the task interface; not supported on a handler."""
        raise RuntimeError("A handler cannot be waited for; ask the agent instead.")

    def __repr__(self) -> str:
        return f"<Execution {self.cell.path} {'done' if self.finished else 'running'}>"
