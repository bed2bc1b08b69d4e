"""A promise in plain threads: each waiter is woken, times out on time, and can be interrupted."""

from __future__ import annotations

import asyncio
import signal
import threading
import time

import pytest

from harmonium.actors.local import LocalGround
from harmonium.actors.promise import Promise


@pytest.fixture
def ground():
    ground = LocalGround("promises")
    ground.run_in_thread()
    yield ground
    ground.close()


def test_all_threads_that_wait_for_one_promise_get_it(ground):
    """Threads that begin to wait at the same moment do not hide each other."""
    for _ in range(50):
        promise: Promise[int] = Promise(ground)
        start, got = threading.Barrier(5), []

        def wait(promise=promise, start=start, got=got):
            start.wait()
            got.append(promise.result(10.0))

        threads = [threading.Thread(target=wait) for _ in range(4)]
        for thread in threads:
            thread.start()
        start.wait()
        ground.call_threadsafe(lambda promise=promise: promise.settle(7))
        for thread in threads:
            thread.join(10.0)
        assert got == [7, 7, 7, 7]


@pytest.mark.parametrize("timeout", [0, -1.0, 0.01])
def test_a_wait_ends_with_its_time(ground, timeout):
    """Also with a time that is over already."""
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        Promise(ground).result(timeout)
    assert time.monotonic() - began < 5.0


def test_a_wait_may_be_longer_than_a_lock_can_wait(ground):
    """A timeout beyond what the platform knows waits as long as it takes."""
    promise: Promise[int] = Promise(ground)
    ground.call_threadsafe(lambda: ground.after(0.01, promise.settle, 7))
    assert promise.result(1e300) == 7


def test_after_a_timeout_the_answer_can_still_be_had(ground):
    """Who gave up once may wait again."""
    promise: Promise[int] = Promise(ground)
    with pytest.raises(TimeoutError):
        promise.result(0.001)
    ground.call_threadsafe(lambda: promise.settle(7))
    assert promise.result(10.0) == 7


def test_a_wait_in_the_main_thread_can_be_interrupted(ground):
    """Ctrl-C is heard while the main thread waits for an answer that never comes."""
    with pytest.raises(KeyboardInterrupt):
        ground.call_threadsafe(
            lambda: ground.after(0.02, signal.pthread_kill, threading.main_thread().ident, 2)
        )
        Promise(ground).result(10.0)


def test_calls_from_threads_come_one_after_the_other_and_all_of_them(ground):
    """What several threads hand over is run once each, in each thread's order."""
    ran: list[tuple[int, int]] = []

    def go(number):
        for i in range(300):
            ground.call_threadsafe(lambda i=i: ran.append((number, i)))

    threads = [threading.Thread(target=go, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    last: Promise[None] = Promise(ground)
    ground.call_threadsafe(lambda: last.settle(None))
    last.result(10.0)
    for number in range(4):
        assert [i for one, i in ran if one == number] == list(range(300))


def test_a_closed_ground_serves_callers_in_their_own_thread():
    """A call that comes when the loop is gone is run all the same."""
    ground = LocalGround("closed")
    ground.run_in_thread()
    ground.close()
    ran: list[int] = []
    ground.call_threadsafe(lambda: ran.append(1))
    assert ran == [1]


def test_another_policy_keeps_its_loop(monkeypatch):
    """Who has chosen other event loops for the process gets one of those."""

    class Chosen(asyncio.SelectorEventLoop):
        pass

    class Policy(asyncio.DefaultEventLoopPolicy):
        def new_event_loop(self):
            return Chosen()

    policy = Policy()
    monkeypatch.setattr(asyncio, "get_event_loop_policy", lambda: policy)
    monkeypatch.setattr(asyncio.events, "get_event_loop_policy", lambda: policy)
    ground = LocalGround("chosen")
    ground.run_in_thread()
    try:
        assert isinstance(ground.loop, Chosen)
        done: Promise[int] = Promise(ground)
        ground.call_threadsafe(lambda: done.settle(7))
        assert done.result(10.0) == 7
    finally:
        ground.close()
