"""`Doorbell`: the selector of a loop that other threads bring work to.

asyncio wakes its loop through a pair of sockets that it reads until they are
empty, and calls what was brought in the loop's next iteration, which puts the
ground's turn into the one after. Here a thread rings an eventfd, only where the
loop sleeps, and what it brought is worked off before the loop goes on.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from select import EPOLLET, EPOLLIN, epoll
from selectors import EpollSelector, SelectorKey
from threading import Lock
from typing import Any

__all__ = ["Doorbell"]

YIELDS = 20
"""How often a loop that has just served a thread offers it the processor before it sleeps: who
asks one thing after the other finds it awake. An ask takes 42 us so, on two cores, and 60
without; it costs a loop that sleeps after all some 20 us."""


class Doorbell(EpollSelector):
    """An epoll that can be rung from any thread.

    Args:
        brought: What threads have brought; true while there is something.
        take_in: Works it off, in the loop's thread.
    """

    def __init__(self, brought: Any, take_in: Callable[[], None]) -> None:
        super().__init__()
        self._brought = brought
        self._take_in = take_in
        self._asleep = False
        self._served = False
        self._lock = Lock()
        self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        # An epoll is a file that can be waited for. Edge-triggered, the bell need not be read.
        self._outer = epoll()
        self._outer.register(self._bell, EPOLLIN | EPOLLET)
        self._outer.register(self.fileno(), EPOLLIN)

    def ring(self) -> None:
        """Have what was brought taken in soon.

        Only the first of those who come while the loop wakes up writes to the
        file: each write gives the interpreter away.

        Raises:
            RuntimeError: If the loop was closed.
        """
        if self._asleep:
            with self._lock:
                if self._asleep:
                    self._asleep = False
                    os.eventfd_write(self._bell, 1)
        elif self._bell < 0:
            raise RuntimeError("the loop is closed")

    def select(self, timeout: float | None = None) -> list[tuple[SelectorKey, int]]:
        """Wait for files and for threads; gives the files.

        It may wake up for nothing: a thread that was slow to write rings for
        what was taken in meanwhile. It never sleeps through a ring.
        """
        if self._served and timeout != 0:
            self._linger()
        # Whoever comes after this line rings; whoever came before it is seen in the next one.
        self._asleep = timeout is None or timeout > 0
        found = self._outer.poll(0 if self._brought else timeout, 2)
        self._asleep = False
        files = []
        if len(found) > 1 or (found and found[0][0] != self._bell):
            files = super().select(0)
        if self._brought:
            self._take_in()
            self._served = True
        return files

    def _linger(self) -> None:
        """Stay awake a moment longer for whoever was just served."""
        self._served = False
        for _ in range(YIELDS):
            if self._brought:
                return
            os.sched_yield()

    def close(self) -> None:
        """Close it; whoever rings from now on is refused."""
        with self._lock:  # nobody may write to a number that is another file's by then
            bell, self._bell = self._bell, -1
            self._asleep = False
            os.close(bell)
        self._outer.close()
        super().close()
