"""The doorbell: threads wake the loop, none of them is missed, and files are heard as before."""

from __future__ import annotations

import asyncio
import socket
import sys
import threading
import time
from collections import deque
from selectors import EVENT_READ

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs epoll and eventfd")

if sys.platform == "linux":
    from harmonium.actors.doorbell import Doorbell


class House:
    """Keeps what was brought, and what was taken in."""

    def __init__(self):
        self.brought = deque()
        self.taken = []
        self.bell = Doorbell(self.brought, self.take_in)

    def take_in(self):
        while self.brought:
            self.taken.append(self.brought.popleft())

    def bring(self, thing):
        self.brought.append(thing)
        self.bell.ring()


@pytest.fixture
def house():
    house = House()
    yield house
    house.bell.close()


def test_what_was_brought_before_is_taken_in_without_sleeping(house):
    """Nobody has to ring for what is there when the loop goes to sleep."""
    house.bring(1)
    assert house.bell.select(60.0) == []
    assert house.taken == [1]


def test_a_thread_wakes_the_loop(house):
    """A sleeping loop hears the bell long before its time is over."""
    threading.Thread(target=lambda: house.bring(1)).start()
    ends = time.monotonic() + 10.0
    while not house.taken and time.monotonic() < ends:
        house.bell.select(10.0)
    assert house.taken == [1]
    assert time.monotonic() < ends - 5.0


def test_each_of_many_rings_is_heard(house):
    """However calls from threads fall among the loop's sleeps, none waits for another."""
    answered = [threading.Semaphore(0) for _ in range(4)]

    def go(number):
        for i in range(500):
            house.bring((number, i))
            assert answered[number].acquire(timeout=30.0)

    threads = [threading.Thread(target=go, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    done = 0
    while done < 2_000:
        began = time.monotonic()
        house.bell.select(10.0)
        # A thread that writes late may wake it for what was taken in; it may not sleep to the end.
        assert house.taken or time.monotonic() - began < 10.0, "the loop slept through a ring"
        done += len(house.taken)
        for number, _ in house.taken:
            answered[number].release()
        house.taken.clear()
    for thread in threads:
        thread.join()


def test_a_ring_for_a_loop_that_is_awake_writes_nothing(house):
    """One wake-up for a burst: who comes while the loop is awake only leaves the thing."""
    for i in range(3):
        house.bring(i)
    house.bell.select(0)
    assert house.taken == [0, 1, 2]
    assert house.bell.select(0) == []


def test_files_are_heard_with_and_without_the_bell(house):
    """A socket that is ready is given, also when the bell rings at the same time."""
    here, there = socket.socketpair()
    with here, there:
        house.bell.register(here, EVENT_READ, "mail")
        assert house.bell.select(0) == []
        there.send(b"x")
        assert [key.data for key, _ in house.bell.select(1.0)] == ["mail"]
        house.bring(1)
        assert [key.data for key, _ in house.bell.select(1.0)] == ["mail"]
        assert house.taken == [1]
        house.bell.unregister(here)
        assert house.bell.select(0) == []


def test_a_closed_loop_refuses_the_ring():
    """Whoever rings too late hears it, and no other file is written to."""
    house = House()
    house.bell.close()
    with pytest.raises(RuntimeError):
        house.bell.ring()


def test_asyncio_runs_on_it_as_on_its_own():
    """Timers, sockets, threads and signals of asyncio work on a loop with a doorbell."""
    brought: deque[object] = deque()

    async def main():
        loop = asyncio.get_running_loop()
        here, there = socket.socketpair()
        with here, there:
            here.setblocking(False)
            waiting = asyncio.ensure_future(loop.sock_recv(here, 10))
            await asyncio.sleep(0.001)
            there.send(b"hello")
            assert await waiting == b"hello"
        done = asyncio.Event()
        threading.Thread(target=lambda: loop.call_soon_threadsafe(done.set)).start()
        await asyncio.wait_for(done.wait(), 10.0)
        return await asyncio.to_thread(lambda: 7)

    def make():
        return asyncio.SelectorEventLoop(Doorbell(brought, brought.clear))

    with asyncio.Runner(loop_factory=make) as runner:
        assert runner.run(main()) == 7
