"""`Pending`: one outcome for tasks, threads and those who ask later."""

from __future__ import annotations

import asyncio
import threading

import pytest

from harmonium.actors.store import Pending
from harmonium.actors.store.pending import settle
from harmonium.protocols.errors import StoreError


def test_a_thread_waits_for_the_outcome() -> None:
    """`result` blocks until it is settled, and gives the same every time."""
    pending: Pending[int] = Pending()
    results: list[int] = []
    thread = threading.Thread(target=lambda: results.append(pending.result()))
    thread.start()
    settle([(pending, (7, None))])
    thread.join()

    assert [7] == results
    assert (7, 7) == (pending.result(), pending.result())


def test_waiting_in_a_thread_can_end_early() -> None:
    """A wait that is over raises, and the outcome still comes."""
    pending: Pending[int] = Pending()
    with pytest.raises(TimeoutError):
        pending.result(timeout=0.001)
    settle([(pending, (7, None))])
    assert pending.result(timeout=0.001) == 7


def test_an_error_is_raised_for_everybody() -> None:
    """A task and a thread hear the same error."""
    pending: Pending[int] = Pending()
    settle([(pending, (None, StoreError("broken")))])

    async def run() -> None:
        await pending

    with pytest.raises(StoreError, match="broken"):
        asyncio.run(run())
    with pytest.raises(StoreError, match="broken"):
        pending.result()


def test_the_result_is_converted_for_who_takes_it() -> None:
    """A conversion that fails is the error of who waits."""
    pending: Pending[int] = Pending(int)
    settle([(pending, ("7", None))])
    assert pending.result() == 7

    broken: Pending[int] = Pending(int)
    settle([(broken, ("x", None))])
    with pytest.raises(ValueError, match="x"):
        broken.result()


def test_tasks_of_two_loops_wait_for_one_outcome() -> None:
    """Each event loop is woken, from whatever thread settles."""
    pending: Pending[int] = Pending()
    results: list[int] = []
    waiting = threading.Barrier(3)

    async def wait() -> int:
        asyncio.get_running_loop().call_soon(waiting.wait)
        return await pending

    def loop() -> None:
        results.append(asyncio.run(wait()))

    threads = [threading.Thread(target=loop) for _ in range(2)]
    for thread in threads:
        thread.start()
    waiting.wait()
    settle([(pending, (7, None))])
    for thread in threads:
        thread.join()
    assert [7, 7] == results


def test_a_loop_that_was_closed_is_no_trouble() -> None:
    """Who waited there is gone; the others hear all the same."""
    pending: Pending[int] = Pending()

    async def give_up() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(_wait(pending), 0.001)

    asyncio.run(give_up())
    other: Pending[int] = Pending()
    settle([(pending, (7, None)), (other, (8, None))])
    assert (7, 8) == (pending.result(), other.result())


async def _wait(pending: Pending[int]) -> int:
    return await pending


def test_callbacks_of_one_group_are_led_to_their_thread_together() -> None:
    """`then` is called once for each, by one call of `via` for the whole group."""
    pendings: list[Pending[int]] = [Pending(), Pending()]
    led: list[object] = []
    seen: list[int] = []

    def via(call: object) -> None:
        led.append(call)
        call()  # type: ignore[operator]

    for pending in pendings:
        pending.then(lambda pending=pending: seen.append(pending.result()), via)  # type: ignore[misc]
    settle([(pending, (number, None)) for number, pending in enumerate(pendings)])

    assert seen == [0, 1]
    assert len(led) == 1


def test_a_callback_on_what_is_settled_runs_at_once() -> None:
    """Nothing is led anywhere when the outcome is there already."""
    pending: Pending[int] = Pending()
    settle([(pending, (7, None))])
    seen: list[int] = []
    pending.then(lambda: seen.append(pending.result()), lambda call: pytest.fail("led away"))

    assert seen == [7]
