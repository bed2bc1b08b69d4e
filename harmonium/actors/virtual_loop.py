"""`VirtualLoop`: as much of an asyncio event loop as handlers use, in virtual time.

It lets ``asyncio.sleep``, ``gather``, ``timeout`` and ``TaskGroup`` work inside
a simulation, in one order and on one clock. Whatever would touch the world
outside (sockets, threads, subprocesses, signals) raises `EscapedSimulation`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from harmonium.actors.simulated import SimulatedGround
    from harmonium.actors.timers import Timer

__all__ = ["VirtualLoop"]


class _Handle(asyncio.TimerHandle):
    """A call that is due later; cancelling it cancels the timer, too."""

    __slots__ = ("timer",)

    timer: Timer | None

    def cancel(self) -> None:
        """Take the call back."""
        if self.timer is not None:
            self.timer.cancel()
        super().cancel()


class VirtualLoop(asyncio.AbstractEventLoop):
    """An event loop whose time is a number that somebody else moves.

    Args:
        ground: Whose time it is; calls that are due later wait among its timers.
    """

    def __init__(self, ground: SimulatedGround) -> None:
        self.ground = ground
        self.soon: deque[asyncio.Handle] = deque()
        self.raised: list[BaseException] = []

    def run_once(self) -> bool:
        """Run the calls that wait by now; False if there were none."""
        if not self.soon:
            return False
        for _ in range(len(self.soon)):
            if not self.soon:  # a call let time pass by itself, and what waited is done
                break
            handle = self.soon.popleft()
            if not handle.cancelled():
                handle._run()
        return True

    # -- the interface

    def time(self) -> float:
        """Give the virtual time."""
        return self.ground.time

    def call_soon(  # type: ignore[override]
        self, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        """Run a call after what waits already."""
        handle = asyncio.Handle(callback, args, self, context)
        self.soon.append(handle)
        return handle

    call_soon_threadsafe = call_soon  # type: ignore[assignment]

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """Run a call at a virtual time."""
        handle = _Handle(when, callback, args, self, context)
        handle.timer = self.ground.timers.add(when, self._due, handle)
        return handle

    def call_later(  # type: ignore[override]
        self, delay: float, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """Run a call after a virtual delay."""
        return self.call_at(self.time() + delay, callback, *args, context=context)

    def _due(self, handle: asyncio.Handle) -> None:
        if not handle.cancelled():
            handle._run()

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Nothing to count: the timer is cancelled with its handle."""

    def create_future(self) -> asyncio.Future[Any]:
        """Make a future of this loop."""
        return asyncio.Future(loop=self)

    def create_task(self, coro: Coroutine[Any, Any, Any], **options: Any) -> asyncio.Task[Any]:  # type: ignore[override]
        """Make a task of this loop."""
        return asyncio.Task(coro, loop=self, **options)

    def is_running(self) -> bool:
        """Say that it runs: it only ever is asked from inside."""
        return True

    def is_closed(self) -> bool:
        """Say that it is open."""
        return False

    def get_debug(self) -> bool:
        """Say that it is not in debug mode."""
        return False

    def get_task_factory(self) -> None:
        """Say that tasks are made the usual way."""

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Keep what nobody retrieved, for the report."""
        error = context.get("exception")
        if error is not None:
            self.raised.append(error)

    default_exception_handler = call_exception_handler

    def _escaped(self, *_: Any, **__: Any) -> NoReturn:
        raise self.ground.escaped_by("the event loop")

    run_in_executor = _escaped  # type: ignore[assignment]
    create_connection = _escaped
    create_server = _escaped
    create_datagram_endpoint = _escaped
    create_unix_connection = _escaped
    create_unix_server = _escaped
    subprocess_exec = _escaped
    subprocess_shell = _escaped
    getaddrinfo = _escaped
    getnameinfo = _escaped
    add_signal_handler = _escaped  # type: ignore[assignment]
    add_reader = _escaped  # type: ignore[assignment]
    add_writer = _escaped  # type: ignore[assignment]
    connect_read_pipe = _escaped
    connect_write_pipe = _escaped
    sock_connect = _escaped
    sock_recv = _escaped
    sock_sendall = _escaped
    sock_accept = _escaped
