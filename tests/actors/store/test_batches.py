"""`BatchThread`: what waits goes together, in order, and nothing is lost at the end."""

from __future__ import annotations

import threading

import pytest

from harmonium.actors.store.batches import BatchThread
from harmonium.protocols.errors import StoreError


class Gate:
    """Work that waits to be let through, and keeps what it got."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.entered = threading.Semaphore(0)
        self.open = threading.Event()

    def __call__(self, batch: list[int]) -> None:
        self.entered.release()
        self.open.wait()
        self.batches.append(batch)


def test_what_comes_during_work_forms_the_next_batch() -> None:
    """A lone job goes at once; those that come meanwhile go together, up to the limit."""
    gate = Gate()
    thread = BatchThread("test", gate, largest=3, backlog=100)
    thread.submit(0)
    gate.entered.acquire()
    for job in range(1, 6):
        thread.submit(job)
    assert thread.waiting() == 5
    gate.open.set()
    thread.close()
    thread.join()

    assert [[0], [1, 2, 3], [4, 5]] == gate.batches


def test_a_full_backlog_refuses_jobs() -> None:
    """What cannot be kept is refused at once, not hung on to."""
    gate = Gate()
    thread = BatchThread("test", gate, largest=10, backlog=2)
    thread.submit(0)
    gate.entered.acquire()
    thread.submit(1)
    thread.submit(2)
    with pytest.raises(StoreError, match="overloaded"):
        thread.submit(3)
    gate.open.set()
    thread.close()
    thread.join()
    assert [[0], [1, 2]] == gate.batches


def test_a_closed_thread_refuses_jobs_and_ends() -> None:
    """The end is run once, after the last batch."""
    seen: list[object] = []
    thread = BatchThread(
        "test", seen.append, largest=10, backlog=10, end=lambda: seen.append("end")
    )
    thread.submit(1)
    thread.close()
    thread.close()
    thread.join()

    assert [[1], "end"] == seen
    assert thread.ended.done()
    with pytest.raises(StoreError, match="closed"):
        thread.submit(2)


def test_an_idle_thread_gets_empty_batches() -> None:
    """With patience, the work is told that nothing came."""
    idle = threading.Event()
    thread = BatchThread(
        "test",
        lambda batch: None if batch else idle.set(),
        largest=1,
        backlog=1,
        patience=lambda: 0.001,
    )
    assert idle.wait(20)
    thread.close()
    thread.join()
