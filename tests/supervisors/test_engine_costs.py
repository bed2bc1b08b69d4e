"""What a crash costs a running system: the same for few and for many children, no memory."""

from __future__ import annotations

import asyncio
import faulthandler
import gc
import os
import time
import tracemalloc
from pathlib import Path

import pytest
from loguru import logger

from harmonium import Agent, AskFailed, System, child, handles, message, supervisor
from harmonium.actors.simulated import SimulatedGround


@message
class Crash:
    """Raise."""


@message
class Look:
    """Answer."""


@message
class Seen:
    """The answer."""


class Doomed(Agent):
    """Crashes when told to."""

    @handles
    def crash(self, crash: Crash) -> None:
        raise ValueError("again")

    @handles
    def look(self, look: Look) -> Seen:
        return Seen()


@pytest.fixture(autouse=True)
def _quiet():
    logger.disable("harmonium")
    yield
    logger.enable("harmonium")


def tree(children: int = 1):
    members = [child(Doomed, id=f"c{number}") for number in range(children)]
    return supervisor("top", max_restarts=10**9, within=0.05, children=members)


async def crash(system: System, path: str, times: int) -> None:
    ref = system.ref(path)
    for number in range(times):
        ref.tell(Crash())
        assert await ref.ask(Look()) == Seen()
        if number % 50 == 0:
            await asyncio.sleep(0.01)


async def measured(system: System, times: int) -> tuple[int, int]:
    """Crash so often; tell how many objects and bytes there are more."""
    await crash(system, "c0", 1_000)
    tracemalloc.start()
    await crash(system, "c0", 700)  # fills the journal's ring with what is traced
    gc.collect()
    objects, (memory, _) = len(gc.get_objects()), tracemalloc.get_traced_memory()
    await crash(system, "c0", times)
    gc.collect()
    more = len(gc.get_objects()) - objects, tracemalloc.get_traced_memory()[0] - memory
    tracemalloc.stop()
    return more


def growth(times: int) -> tuple[int, int]:
    ground, more = SimulatedGround(), []

    async def main() -> None:
        async with System(tree(), ground=ground) as system:
            more.append(await measured(system, times))
            cell = system.ref("c0")._cell
            assert cell.incarnation == 1 + 1_700 + times
            supervisor = system.ref("/top")._cell.agent
            assert len(supervisor.journal) == 1_000
            assert len(supervisor.state.window) <= 100
            assert not supervisor._carrier._timers
            assert len(ground.timers.heap) < 200

    ground.play(main(), limit=1e9)
    return more[0]


def test_crashes_of_a_running_agent_do_not_grow_memory():
    """Core, carrier, cell and ground: four thousand more leave what there was."""
    objects, memory = growth(4_000)
    assert objects < 300
    assert memory < 60_000


def resident() -> int:
    """Bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.soak
def test_a_million_crashes_do_not_grow_memory():
    """The process stays as large as after ten thousand, give or take four bytes for each."""
    grown = []
    faulthandler.cancel_dump_traceback_later()  # it takes two minutes, and is not stuck

    async def main() -> None:
        async with System(tree(), ground=ground) as system:
            await crash(system, "c0", 10_000)
            gc.collect()
            objects, memory = len(gc.get_objects()), resident()
            await crash(system, "c0", 1_000_000)
            gc.collect()
            grown.extend((len(gc.get_objects()) - objects, resident() - memory))

    ground = SimulatedGround()
    ground.play(main(), limit=1e9)
    assert grown[0] < 300
    assert grown[1] < 4_000_000


def test_a_failed_ask_leaves_nothing_behind():
    """An asker that hears of each crash keeps neither its frames nor its agent alive."""
    ground = SimulatedGround()

    async def main() -> None:
        async with System(tree(), ground=ground) as system:
            for _ in range(20):
                with pytest.raises(AskFailed):
                    await system.ask("c0", Crash(), timeout=1.0)
            gc.collect()
            # The present one, and the last failed one by way of pytest's own context.
            assert sum(isinstance(one, Doomed) for one in gc.get_objects()) <= 2

    ground.play(main(), limit=1e9)


def cost_of(children: int, rounds: int = 7, times: int = 150) -> list[float]:
    """Seconds of processor time for so many crashes, round by round."""
    taken = []

    async def main() -> None:
        async with System(tree(children)) as system:
            for _ in range(rounds):
                began = time.process_time()
                await crash(system, f"c{children - 1}", times)
                taken.append(time.process_time() - began)

    gc.collect()
    gc.freeze()  # the collector's walks over ten thousand agents are not what is measured
    try:
        asyncio.run(main())
    finally:
        gc.unfreeze()
    return taken


def test_a_crash_costs_a_running_supervisor_of_ten_thousand_the_same():
    """From the crash to the next answer, with 10,000 siblings at most twice that with 10."""
    few, many = cost_of(10), cost_of(10_000)
    assert min(many) < 2 * min(few)
