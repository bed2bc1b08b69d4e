"""`Promise`: the answer that is still to come, for agents, asyncio and threads.

One object serves three kinds of waiters. It speaks asyncio's future protocol,
so `await`, `asyncio.gather` and `asyncio.wait_for` take it as it is; `result`
blocks a plain thread; and a suspended handler is resumed by it directly,
without a turn of the event loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
import os
from asyncio import CancelledError, InvalidStateError
from collections.abc import Callable, Generator
from contextvars import Context
from threading import TIMEOUT_MAX, Lock, get_ident
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from harmonium.actors.switchboard import Switchboard
    from harmonium.actors.timers import Timer

__all__ = ["DONE", "Promise"]

T = TypeVar("T")

_PENDING, DONE, _FAILED, _CANCELLED = range(4)

_running_loop = asyncio._get_running_loop

_REGISTERING = Lock()
"""Held while a thread puts its gate to those of others that wait for the same promise."""
_YIELDS = 2
_yield: Callable[[], object] = getattr(os, "sched_yield", lambda: None)


class Promise(Generic[T]):
    """A value that will be there, or an error, exactly once.

    Settled by the ground's thread only. The first outcome wins; `settle`
    tells whether it was taken. `answered` is set by the answering side as soon
    as the answer is on its way.
    """

    __slots__ = (
        "__weakref__",
        "_asyncio_future_blocking",
        "_callbacks",
        "_gates",
        "_ground",
        "_state",
        "_then",
        "_then_context",
        "_value",
        "answered",
        "timer",
    )

    def __init__(self, ground: Switchboard) -> None:
        self._ground = ground
        self._state = _PENDING
        self._value: Any = None
        # Nearly always one waits; only those after it are in the list.
        self._then: Callable[[Any], object] | None = None
        self._then_context: Context | None = None
        self._callbacks: list[tuple[Callable[[Any], object], Context | None]] | None = None
        self._gates: list[Lock] | None = None
        self._asyncio_future_blocking = False
        self.answered = False
        self.timer: Timer | None = None
        """Taken back when the outcome is there."""

    # -- the side that answers

    def settle(self, value: Any, state: int = DONE) -> bool:
        """Give the value; False when an outcome was there already."""
        if self._state != _PENDING:
            return False
        self._value = value
        self._state = state
        timer = self.timer
        if timer is not None:
            self.timer = None
            timer.cancel()
        if self._gates is not None:
            for gate in self._gates:
                gate.release()
        then = self._then
        if then is not None:
            if self._callbacks is not None:
                self._call_all(then)
                return True
            self._then = None
            if self._then_context is None:
                then(self)
            else:
                self._ground.call_back(then, self, self._then_context)
        return True

    def fail(self, error: BaseException) -> bool:
        """Give an error; False when an outcome was there already."""
        return self.settle(error, _FAILED)

    def cancel(self, msg: object = None) -> bool:
        """Give up waiting; an answer that comes later becomes a dead letter."""
        if self._ground.in_thread():
            return self.settle(msg, _CANCELLED)
        if self._state != _PENDING:
            return False
        self._ground.call_threadsafe(lambda: self.settle(msg, _CANCELLED))
        return True

    def _call_all(self, first: Callable[[Any], object]) -> None:
        """Call each, also when one before it raised; its error is raised at the end."""
        callbacks = [(first, self._then_context), *(self._callbacks or ())]
        self._then = self._callbacks = None
        raised: BaseException | None = None
        for callback, context in callbacks:
            try:
                self._call(callback, context)
            except BaseException as error:  # it belongs to whoever waits
                raised = raised or error
        if raised is not None:
            raise raised

    def _call(self, callback: Callable[[Any], object], context: Context | None) -> None:
        if context is None:
            callback(self)
        else:
            self._ground.call_back(callback, self, context)

    def _register(self, callback: Callable[[Any], object], context: Context | None) -> None:
        if self._then is None:
            self._then = callback
            self._then_context = context
        elif self._callbacks is None:
            self._callbacks = [(callback, context)]
        else:
            self._callbacks.append((callback, context))

    def forget_callbacks(self) -> None:
        """Let nobody be called back."""
        self._then = self._callbacks = None

    # -- the side that waits

    def done(self) -> bool:
        """Whether an outcome is there."""
        return self._state != _PENDING

    def cancelled(self) -> bool:
        """Whether the waiting side gave up."""
        return self._state == _CANCELLED

    def exception(self) -> BaseException | None:
        """The error, or None; raises when nothing is there yet."""
        if self._state == _PENDING:
            raise InvalidStateError("The answer is not there yet.")
        if self._state == _CANCELLED:
            raise CancelledError
        return self._value if self._state == _FAILED else None

    def result(self, timeout: float | None = None) -> T:
        """Wait in a plain thread for the value.

        Args:
            timeout: Longest wait, in seconds; None waits as long as it takes
                (an ask has its own deadline all the same).

        Raises:
            TimeoutError: If the wait is over first.
            RuntimeError: If called in the thread that would have to answer.
        """
        if self._state == _PENDING:
            self._block(timeout)
        if self._state == DONE:
            return self._value  # type: ignore[no-any-return]
        if self._state == _CANCELLED:
            raise CancelledError
        try:
            raise self._value
        finally:
            del self  # the error's traceback holds this frame: a circle, if the frame holds us

    def _block(self, timeout: float | None) -> None:
        if self._ground.in_thread():
            self._ground.block_on(self, timeout)
            return
        # The ground gets the interpreter: mostly it has answered when we have it back:
        # 21 to 26 us for an ask where a wait for the gate makes it 40.
        for _ in range(_YIELDS):
            _yield()
            if self._state != _PENDING:
                return
        gate = Lock()
        gate.acquire()
        with _REGISTERING:
            if self._gates is None:
                self._gates = [gate]
            else:
                self._gates.append(gate)
        # settle() sets the state first and reads _gates then; we do it the
        # other way round, so one of us sees the other.
        if self._state == _PENDING and not gate.acquire(True, _seconds(timeout)):
            raise TimeoutError(f"No answer within {timeout} s.")

    def then(self, callback: Callable[[Promise[T]], object]) -> None:
        """Call back in the ground's thread when settled; at once if it is."""
        if self._state != _PENDING:
            callback(self)
        elif self._then is None:  # as `_register` does it
            self._then = callback
            self._then_context = None
        else:
            self._register(callback, None)

    # -- asyncio's future protocol

    def get_loop(self) -> Any:
        """The loop one is in; the ground's where there is none.

        Each loop may wait for it, so asyncio must not take it for another loop's.
        """
        return _running_loop() or self._ground.loop

    def add_done_callback(
        self, fn: Callable[[Any], object], *, context: Context | None = None
    ) -> None:
        """Schedule `fn(self)` on the loop one is in once settled."""
        if context is None:
            context = contextvars.copy_context()
        loop = None if get_ident() == self._ground.thread_id else self._foreign_loop()
        if loop is not None:
            abroad = _Abroad(loop, fn, context)
            self._ground.call_threadsafe(lambda: self.then(abroad))
        elif self._state != _PENDING:
            self._call(fn, context)
        elif self._then is None:  # as `_register` does it
            self._then = fn
            self._then_context = context
        else:
            self._register(fn, context)

    def remove_done_callback(self, fn: Callable[[Any], object]) -> int:
        """Forget `fn`; returns how often it was registered."""
        # A callback of another loop stays: it does nothing there once nobody waits.
        if self._then is None:
            return 0
        entries = [(self._then, self._then_context), *(self._callbacks or ())]
        self.forget_callbacks()
        kept = [entry for entry in entries if entry[0] != fn]
        for callback, context in kept:
            self._register(callback, context)
        return len(entries) - len(kept)

    def __await__(self) -> Generator[Any, None, T]:
        if self._state == _PENDING:
            # Which thread it is takes 40 ns. Which loop runs takes 245 before Python 3.12, as it
            # asks the system for the process each time.
            loop = None if get_ident() == self._ground.thread_id else self._foreign_loop()
            if loop is not None:
                try:
                    yield from self._bridge(loop).__await__()
                except CancelledError:  # as a task that is cancelled cancels what it awaits
                    self.cancel()
                    raise
            else:
                self._asyncio_future_blocking = True
                yield self
        if self._state == DONE:
            return self._value  # type: ignore[no-any-return]
        try:
            return self.result()
        finally:
            del self  # as there

    __iter__ = __await__

    def _foreign_loop(self) -> Any:
        """The loop one is in, in another thread than the ground's, if it is not the ground's."""
        loop = _running_loop()
        return None if loop is self._ground.loop else loop

    def _bridge(self, loop: asyncio.AbstractEventLoop) -> asyncio.Future[None]:
        """A future of another loop that wakes up when this promise settles."""
        future: asyncio.Future[None] = loop.create_future()

        def wake(_: Any) -> None:
            if not future.done():
                future.set_result(None)

        self.add_done_callback(wake)
        return future

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {('pending', 'done', 'failed', 'cancelled')[self._state]}>"


def _seconds(timeout: float | None) -> float:
    """A timeout as a lock takes it."""
    return -1 if timeout is None else min(max(timeout, 0.0), TIMEOUT_MAX)


class _Abroad:
    """A callback that belongs on another loop than the ground's."""

    __slots__ = ("_context", "_fn", "_loop")

    def __init__(
        self, loop: asyncio.AbstractEventLoop, fn: Callable[[Any], object], context: Context
    ) -> None:
        self._loop = loop
        self._fn = fn
        self._context = context

    def __call__(self, promise: Any) -> None:
        with contextlib.suppress(RuntimeError):  # that loop was closed, and nobody waits there
            self._loop.call_soon_threadsafe(
                functools.partial(self._fn, promise), context=self._context
            )
