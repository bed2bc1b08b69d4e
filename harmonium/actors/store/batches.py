"""`BatchThread`: a thread that takes all that waits at once and hands it over as one batch."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from harmonium.actors.store.pending import Pending, settle
from harmonium.protocols.errors import StoreError

__all__ = ["BatchThread"]

J = TypeVar("J")


class BatchThread(Generic[J]):
    """A queue and the thread that empties it, in batches as large as what waits.

    The first job wakes the thread; those that come while it works form the next
    batch. So a lone job is not delayed, and a thousand share one commit.

    Args:
        name: Name of the thread.
        work: Called in the thread with each batch; it must not raise. An empty
            batch says that nothing came in the time of `patience`.
        largest: Most jobs in a batch.
        backlog: Most jobs that may wait; more are refused with `StoreError`.
        patience: How long to wait for a job, in seconds; None waits for ever.
        end: Called in the thread after the last batch; it must not raise.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[list[J]], None],
        *,
        largest: int,
        backlog: int,
        patience: Callable[[], float | None] = lambda: None,
        end: Callable[[], None] = lambda: None,
    ) -> None:
        self.ended: Pending[None] = Pending()
        self._work = work
        self._end = end
        self._largest = largest
        self._backlog = backlog
        self._patience = patience
        self._jobs: queue.SimpleQueue[J | None] = queue.SimpleQueue()
        # Guards `_closed` against a job that would come after the last batch.
        self._lock = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, job: J) -> None:
        """Hand a job over.

        Raises:
            StoreError: If the thread is closed, or too many jobs wait.
        """
        with self._lock:
            if self._closed:
                raise StoreError("the store is closed")
            if self._jobs.qsize() >= self._backlog:
                raise StoreError(f"the store is overloaded: {self._backlog} operations wait")
            self._jobs.put(job)

    def waiting(self) -> int:
        """How many jobs wait for the next batch."""
        return self._jobs.qsize()

    def close(self) -> None:
        """Take no more jobs. The thread works off what it has and ends."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._jobs.put(None)

    def join(self) -> None:
        """Wait until the thread has ended."""
        self._thread.join()

    def _run(self) -> None:
        while (batch := self._take()) is not None:
            self._work(batch)
        self._end()
        settle([(self.ended, (None, None))])

    def _take(self) -> list[J] | None:
        """Wait for jobs; an empty batch means that nothing came, None the end."""
        try:
            job = self._jobs.get(timeout=self._patience())
        except queue.Empty:
            return []
        batch: list[J] = []
        while job is not None:
            batch.append(job)
            if len(batch) >= self._largest or self._jobs.empty():
                return batch
            job = self._jobs.get()
        if batch:
            self._jobs.put(None)  # the end comes after this batch
            return batch
        return None
