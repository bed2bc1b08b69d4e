"""The watchdog: a handler over its limit is reported, an async one is cancelled as a crash."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest
from loguru import logger

from harmonium import Agent, AskFailed, System, child, handles, message, operate, supervisor
from harmonium.actors.observer import AgentCrashed, HandlerOverran
from harmonium.actors.simulated import SimulatedGround
from harmonium.protocols.errors import SpecError


@message
class Go:
    """Do it."""


@message
class Done:
    """It is done."""


class Blocking(Agent):
    """Blocks a thread until it is let go."""

    def __init__(self, gate: threading.Event) -> None:
        self.gate = gate

    @handles(blocking=True)
    def go(self, go: Go) -> Done:
        self.gate.wait(20.0)
        return Done()


class Busy(Agent):
    """Holds the ground's own thread for 30 ms."""

    @handles
    def go(self, go: Go) -> Done:
        until = time.monotonic() + 0.03
        while time.monotonic() < until:
            pass
        return Done()


class Hanging(Agent):
    """Waits for what never comes."""

    @handles
    async def go(self, go: Go) -> Done:
        await self.sleep(1000.0)
        return Done()


class Seen:
    """Listens to a system, and lets a test wait for an event."""

    def __init__(self, system: System, kind: type) -> None:
        self.events: list[object] = []
        self._kind = kind
        self._more = asyncio.Event()
        system.ground.observers.add(self._take)

    def _take(self, event: object) -> None:
        if isinstance(event, self._kind):
            self.events.append(event)
            self._more.set()

    async def until(self, count: int) -> None:
        async with asyncio.timeout(20.0):
            while len(self.events) < count:
                self._more.clear()
                await self._more.wait()


@pytest.fixture
def lines():
    """What is logged as a warning."""
    found: list[str] = []
    sink = logger.add(found.append, level="WARNING", format="{message}")
    yield found
    logger.remove(sink)


def run(agent, scenario, *, limit=0.02):
    async def main():
        tree = supervisor("top", children=[child(*agent, id="a", handler_limit=limit)])
        async with System(tree) as system:
            await scenario(system)

    asyncio.run(main())


def test_a_blocking_handler_over_its_limit_is_reported_and_goes_on(lines):
    """An event and a log line with path, handler and seconds, at the limit and at its double."""
    gate = threading.Event()

    async def scenario(system):
        seen = Seen(system, HandlerOverran)
        asked = system.ask("a", Go(), timeout=20.0)
        await seen.until(2)
        gate.set()
        assert await asked == Done()
        first, second = seen.events[:2]
        assert first == HandlerOverran("/top/a", 1, "go", 0.02, done=False)
        assert second.seconds == 0.04
        told = await operate(system.ref("/top")).explain("a")
        assert "running as incarnation 1" in told[0]
        assert "report. Its handler go is at work for 0.02 s, which is over its limit." in told[-2]
        assert "report. Its handler go is at work for 0.04 s, which is over its limit." in told[-1]

    run((Blocking, gate), scenario)
    assert any("/top/a #1: handler go is at work for 0.02 s, limit 0.02 s" in one for one in lines)


def test_a_blocking_handler_within_its_limit_is_not_reported(lines):
    """The watch of a run ends with it, though the time goes on."""
    gate, ground, events = threading.Event(), SimulatedGround(), []
    gate.set()
    tree = supervisor("top", children=[child(Blocking, gate, id="a", handler_limit=0.5)])

    async def main():
        async with System(tree, ground=ground) as system:
            system.listen(events.append)
            for _ in range(5):
                assert await system.ask("a", Go(), timeout=20.0) == Done()
            await asyncio.sleep(100.0)  # virtual

    ground.play(main())
    assert not [one for one in events if isinstance(one, HandlerOverran)]
    assert lines == []


def test_a_handler_that_held_the_grounds_thread_is_reported_when_it_is_back(lines):
    """It cannot be told about earlier: nothing else runs meanwhile."""

    async def scenario(system):
        seen = Seen(system, HandlerOverran)
        assert await system.ask("a", Go(), timeout=20.0) == Done()
        (event,) = seen.events
        assert (event.path, event.handler, event.done) == ("/top/a", "go", True)
        assert 0.03 <= event.seconds < 10.0
        told = await operate(system.ref("/top")).explain("a")
        assert "report. Its handler go was at work for 0.0" in told[-1]

    run((Busy,), scenario)
    assert any("/top/a #1: handler go was at work for 0.0" in one for one in lines)


def test_an_async_handler_over_its_limit_is_cancelled_which_is_a_crash(lines):
    """Its asker hears, the agent is restarted, and explain says why."""

    async def scenario(system):
        seen = Seen(system, AgentCrashed)
        with pytest.raises(AskFailed, match=r"HandlerOverrun: a handler of /top/a ran longer"):
            await system.ask("a", Go(), timeout=20.0)
        await seen.until(1)
        told = await operate(system.ref("/top")).explain("a")
        assert "running as incarnation 2" in told[0]
        assert "ran longer than its limit of 0.02 s" in told[-1]

    run((Hanging,), scenario)


def test_a_limit_of_nothing_is_refused():
    """It has to be above 0."""
    with pytest.raises(SpecError, match="handler_limit"):
        child(Busy, id="a", handler_limit=0.0)
