"""`LocalGround`: agents on one asyncio event loop, in real time.

The loop is its own, in its own thread, for scripts; or the caller's, for
services. One callback drains hundreds of messages per turn of the loop: a
`call_soon` for each message would be 5 to 40 times slower.
"""

from __future__ import annotations

import asyncio
import contextvars
import sys
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from random import Random
from threading import Event, RLock, Thread, current_thread, get_ident
from typing import Any

from harmonium.actors.cell import Cell
from harmonium.actors.context import RawEnvelope
from harmonium.actors.ground import Ground
from harmonium.actors.handlers import Handler
from harmonium.actors.promise import Promise

if sys.platform == "linux":
    from harmonium.actors.doorbell import Doorbell

__all__ = ["LocalGround"]


AT_ONCE = 100
"""How many asks in a row are answered without an iteration of the event loop."""
VISITS_AT_ONCE = 8
"""How many agents may pass one such ask on to each other before the loop has its turn."""


class LocalGround(Ground):
    """A ground on an event loop.

    Args:
        name: Shown in logs and ids.
        seed: Seeds `random`; None takes it from the operating system.
        threads: How many threads run blocking handlers.
    """

    loop: asyncio.AbstractEventLoop

    def __init__(self, name: str = "local", *, seed: int | None = None, threads: int = 8) -> None:
        super().__init__(name=name, clock=time.monotonic, random=Random(seed))
        self._threads = threads
        self._pool: ThreadPoolExecutor | None = None
        self._thread: Thread | None = None
        self._handle: asyncio.TimerHandle | None = None
        self._inbox: deque[Callable[[], Any]] = deque()
        self._inbox_woken = False
        self._ring: Callable[[], None] = self._ring_the_loop
        self._answered: deque[tuple[Callable[[Any], object], Promise[Any], contextvars.Context]] = (
            deque()
        )
        self._at_once = 0  # nothing before the first turn: there may be no loop yet
        self._in_turn = False
        self._context = contextvars.copy_context()
        self._over = False
        self._lock = RLock()

    # -- starting and closing

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Run on this loop, from its thread."""
        self.loop = loop
        self.thread_id = get_ident()
        if self.ready or self.timers:
            self.wake()

    def run_in_thread(self) -> None:
        """Run on a loop of its own in a thread of its own; returns when it runs."""
        running = Event()

        def run() -> None:
            with asyncio.Runner(loop_factory=self._loop_factory()) as runner:
                self.attach(runner.get_loop())
                self._closed = asyncio.Event()
                self.loop.call_soon(running.set)
                runner.run(self._closed.wait())

        self._thread = Thread(target=run, name=f"harmonium-{self.name}", daemon=True)
        self._thread.start()
        running.wait()

    def _loop_factory(self) -> Callable[[], asyncio.AbstractEventLoop] | None:
        """Give what makes a loop that threads wake with a doorbell; None for the usual one.

        An ask from a plain thread takes 21 to 26 us with it, 40 to 50 without.
        """
        usual = type(asyncio.get_event_loop_policy()) is asyncio.DefaultEventLoopPolicy
        if sys.platform != "linux" or not usual:
            return None

        def make() -> asyncio.AbstractEventLoop:
            doorbell = Doorbell(self._inbox, self._take_in)
            self._ring = doorbell.ring
            return asyncio.SelectorEventLoop(doorbell)

        return make

    def close(self) -> None:
        """Let go of loop, threads and timers. Whatever is left does not run any more."""
        self.open = False
        if self.chaos is not None:
            self.chaos.release()
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None
        thread, self._thread = self._thread, None
        if thread is not None:
            self.loop.call_soon_threadsafe(self._closed.set)
            if thread is not current_thread():
                thread.join()
            # From here on each caller is served in its own thread; nobody else is left.
            self._over = True
            self._drain_late()

    # -- driving

    def wake(self) -> None:
        """Have a turn run in the loop's next iteration."""
        if not self.awake and self.loop is not None and not self._over:
            self.awake = True
            self.loop.call_soon(self._run_turn)

    def hasten(self) -> None:
        """Visit the asked agent at once for an asker on our loop, if nobody else is ready.

        The answer is then there before the asker awaits it, which saves two
        iterations of the loop: 95,000 asks a second from one client against
        37,000. After `AT_ONCE` of them the loop has its turn, so that an asker
        that never rests does not starve sockets and timers. What timers would
        get to run waits for the turn: the asker must not pay for it.
        """
        if (
            self._at_once
            and not self._in_turn
            and len(self.ready) == 1
            and self.loop.is_running()  # on this thread, which is ours
        ):
            self._at_once -= 1
            self._context.run(self._visit_at_once)

    def _visit_at_once(self) -> None:
        """Visit the one agent that is ready, and whoever alone is ready then."""
        ready = self.ready
        self._in_turn = True
        try:
            for _ in range(VISITS_AT_ONCE):
                self.visit(ready.popleft())
                if len(ready) != 1:
                    break
        finally:
            self.active = None
            self._in_turn = False

    def _guarded_turn(self) -> bool:
        self._in_turn = True
        try:
            return self.turn()
        finally:
            self._in_turn = False

    def _run_turn(self) -> None:
        self._at_once = AT_ONCE
        if self._guarded_turn():
            self.loop.call_soon(self._run_turn)
            return
        self.awake = False
        due = self.timers.next_due()
        if due is None:
            return
        handle = self._handle
        if (
            handle is None
            or handle.cancelled()
            or handle.when() > due
            or handle.when() <= self.clock()
        ):
            if handle is not None:
                handle.cancel()
            self._handle = self.loop.call_at(due, self._timer_due)

    def _timer_due(self) -> None:
        self._handle = None
        self.wake()

    def call_soon(self, call: Callable[..., Any], *args: Any) -> None:
        """Run `call(*args)` on the loop, in its next iteration."""
        self.loop.call_soon(call, *args)

    def call_back(
        self, call: Callable[[Any], object], promise: Promise[Any], context: contextvars.Context
    ) -> None:
        """Run `call(promise)` on the loop, in its next iteration.

        All that come in one iteration are one callback of the loop: a callback
        for each makes it 6 % more for 100 clients that ask.
        """
        if not self._answered:
            self.loop.call_soon(self._call_back_all)
        self._answered.append((call, promise, context))

    def _call_back_all(self) -> None:
        waiting, self._answered = self._answered, deque()
        try:
            while waiting:
                call, promise, context = waiting.popleft()
                try:
                    context.run(call, promise)
                except Exception as error:  # as a loop does it
                    told = {"message": f"a callback of {promise!r} raised", "exception": error}
                    self.loop.call_exception_handler(told)
        finally:
            if waiting:  # somebody ends the program; who ends it does not end the others
                self._answered.extendleft(reversed(waiting))
                self.loop.call_soon(self._call_back_all)

    def call_threadsafe(self, call: Callable[[], Any]) -> None:
        """Run `call()` on the loop, from any thread; one wake-up per burst.

        Waking a sleeping loop costs 48 us on two cores, so callers that come
        while it is being woken only queue.
        """
        self._inbox.append(call)
        if not self._over:
            try:
                self._ring()
            except RuntimeError:  # the loop was closed under us
                self._over = True
        if self._over:
            self._drain_late()

    def _ring_the_loop(self) -> None:
        """Wake a loop that is somebody else's."""
        if not self._inbox_woken:
            self._inbox_woken = True
            self.loop.call_soon_threadsafe(self._drain_inbox)

    def _take_in(self) -> None:
        """Work off what threads brought while the loop slept, without its next iteration."""
        self._context.run(self._turn_for_inbox)

    def _turn_for_inbox(self) -> None:
        has_turn, self.awake = self.awake, True
        self._in_turn = True  # a turn follows: nobody has to hasten
        try:
            self._drain_inbox()
        finally:
            self._in_turn = False
        if not has_turn:
            self._run_turn()

    def _drain_inbox(self) -> None:
        self._inbox_woken = False
        inbox = self._inbox
        while inbox:
            self.guard(inbox.popleft())

    def _drain_late(self) -> None:
        """Answer those who come when the loop has ended: all agents are dead, so it is quick."""
        with self._lock:
            while self._inbox:
                self.guard(self._inbox.popleft())

    # -- blocking handlers

    def _threaded(self, call: Callable[..., Any], *args: Any) -> Future[Any]:
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._threads, f"harmonium-{self.name}-blocking")
        return self._pool.submit(call, *args)

    def blocking(self, call: Callable[..., Any], args: tuple[Any, ...], cost: float) -> Any:
        """Run a function in the thread pool; gives a promise of its result."""
        promise: Promise[Any] = Promise(self)

        def done(future: Future[Any]) -> None:
            error = future.exception()
            finish = promise.settle if error is None else promise.fail
            outcome = future.result() if error is None else error
            self.call_threadsafe(lambda: finish(outcome))

        self._threaded(call, *args).add_done_callback(done)
        return promise

    def run_blocking(self, cell: Cell, handler: Handler, envelope: RawEnvelope) -> None:
        """Run a blocking handler in the thread pool."""
        incarnation = cell.incarnation
        future = self._threaded(handler.function, cell.agent, envelope[0])

        def done(_: Any) -> None:
            self.call_threadsafe(
                lambda: self.signal(
                    cell, self.blocking_done, cell, incarnation, envelope, future.result
                )
            )

        future.add_done_callback(done)
