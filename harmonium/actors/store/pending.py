"""`Pending`: the outcome of a store operation, for `await` and for plain threads.

The thread that commits settles a whole group at once and wakes each event loop
once for it: at 30,000 operations a second, a wake-up of the loop for each
(a write to its self-pipe, about 5 us) would cost more than the commit.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Generator, Iterable
from functools import partial
from typing import Any, Generic, TypeAlias, TypeVar

__all__ = ["Outcome", "Pending", "settle"]

T = TypeVar("T")

Outcome: TypeAlias = tuple[Any, BaseException | None]
"""A value, or None and the error."""

Via: TypeAlias = Callable[[Callable[[], None]], None]
"""Has a call run in the thread where it belongs, such as `Ground.call_threadsafe`."""

_Waiter: TypeAlias = "asyncio.Future[None] | threading.Event | _Call"


class _Call:
    """A callback that is taken by whoever comes first, and so runs once."""

    __slots__ = ("_todo", "via")

    def __init__(self, callback: Callable[[], None], via: Via) -> None:
        self._todo = [callback]
        self.via = via

    def run(self) -> None:
        try:
            callback = self._todo.pop()  # atomic: two threads never get the same
        except IndexError:
            return
        callback()


class Pending(Generic[T]):
    """A result that will be there, or an error, exactly once.

    ``await pending`` waits in an event loop, ``pending.result()`` in a plain
    thread. It may be waited for more than once, or never: the operation was
    handed over when the store's method was called. To give up waiting does not
    take the operation back.

    Args:
        convert: Makes the result of what the store gives; None takes it as it is.
    """

    __slots__ = ("__weakref__", "_convert", "_done", "_outcome", "_waiters")

    def __init__(self, convert: Callable[[Any], T] | None = None) -> None:
        self._convert = convert
        self._done = False
        self._outcome: Outcome = (None, None)
        self._waiters: list[_Waiter] = []

    def done(self) -> bool:
        """Whether the outcome is there."""
        return self._done

    def result(self, timeout: float | None = None) -> T:
        """Wait in a plain thread; never call it in a running event loop.

        Args:
            timeout: Longest wait, in seconds; None waits until the store has
                settled it, which it always does, with an error at the latest
                when it is closed.

        Raises:
            TimeoutError: If the wait is over first; the operation goes on.
            StoreError: If the operation failed.
        """
        if not self._done:
            self._block(timeout)
        return self._take()

    def then(self, callback: Callable[[], None], via: Via) -> None:
        """Call back when the outcome is there: at once, here, if it is there already.

        Args:
            callback: Looks at `result`, which no longer waits.
            via: Leads to the thread the callback belongs to; it is called from
                the thread that commits, once for all callbacks of one group.
        """
        call = _Call(callback, via)
        if not self._done:
            self._waiters.append(call)
        if self._done:
            call.run()

    def _block(self, timeout: float | None) -> None:
        event = threading.Event()
        # settle() sets `_done` first and reads the waiters then; we do it the
        # other way round, so one of us sees the other.
        self._waiters.append(event)
        if not self._done and not event.wait(timeout):
            raise TimeoutError(f"the store gave no answer within {timeout} s")

    def _take(self) -> T:
        value, error = self._outcome
        if error is not None:
            raise error
        return value if self._convert is None else self._convert(value)

    def __await__(self) -> Generator[Any, None, T]:
        """Wait in the running event loop."""
        if not self._done:
            future = asyncio.get_running_loop().create_future()
            self._waiters.append(future)
            if not self._done:
                yield from future.__await__()
        return self._take()


def settle(pairs: Iterable[tuple[Pending[Any], Outcome]]) -> None:
    """Give each its outcome, then wake all that wait: each event loop once."""
    by_loop: dict[asyncio.AbstractEventLoop, list[asyncio.Future[None]]] = {}
    by_via: dict[Via, list[_Call]] = {}
    for pending, outcome in pairs:
        pending._outcome = outcome
        pending._done = True
        for waiter in pending._waiters:
            if isinstance(waiter, threading.Event):
                waiter.set()
            elif isinstance(waiter, _Call):
                by_via.setdefault(waiter.via, []).append(waiter)
            else:
                by_loop.setdefault(waiter.get_loop(), []).append(waiter)
    for loop, futures in by_loop.items():
        _wake_in(loop, futures)
    for via, calls in by_via.items():
        via(partial(_run_all, calls))


def _run_all(calls: list[_Call]) -> None:
    for call in calls:
        call.run()


def _wake_in(loop: asyncio.AbstractEventLoop, futures: list[asyncio.Future[None]]) -> None:
    if loop is asyncio._get_running_loop():
        _wake(futures)
        return
    try:
        loop.call_soon_threadsafe(_wake, futures)
    except RuntimeError:
        # The loop is closed: nobody waits there any more.
        return


def _wake(futures: list[asyncio.Future[None]]) -> None:
    for future in futures:
        if not future.done():
            future.set_result(None)
