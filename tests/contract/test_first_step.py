"""A handler's first step: in its agent's visit, as a task of its own, in a context of its own."""

from __future__ import annotations

import asyncio
import contextvars

import pytest

from harmonium import Agent, AskFailed, System, child, handles, supervisor
from tests.contract.agents import Answer, Crash, Get, Note, Notes, Wait

OWN = contextvars.ContextVar("own", default=0)


def shop(*children):
    return supervisor("t", children=children, max_restarts=100)


class Stepper(Agent):
    """Handlers that end before they suspend, and some that do not."""

    def __init__(self):
        self.tasks = []

    @handles
    async def note(self, note: Note) -> Answer:
        self.tasks.append(asyncio.current_task())
        before = OWN.get()
        OWN.set(note.n)
        return Answer(before)

    @handles
    async def wait(self, wait: Wait) -> Answer:
        before = asyncio.current_task()
        OWN.set(7)
        await asyncio.sleep(0)
        return Answer(OWN.get() if asyncio.current_task() is before else -1)

    @handles
    async def crash(self, crash: Crash) -> Answer:
        raise ValueError(crash.text)

    @handles
    async def get(self, get: Get) -> Notes:
        return Notes((len(set(self.tasks)), len(self.tasks)))


class Forgetful(Agent):
    """Has a handler that is not async and answers with a coroutine."""

    async def _later(self):
        return Answer(1)

    @handles
    def note(self, note: Note) -> Answer:
        return self._later()


def test_each_message_has_a_task_and_a_context_of_its_own(play):
    """What a handler sets in its context is not seen by the next one, suspended or not."""

    async def scenario(system):
        for n in (1, 2, 3):
            assert await system.ask("a", Note(n)) == Answer(0)
        assert await system.ask("a", Wait()) == Answer(7)
        assert await system.ask("a", Note(4)) == Answer(0)
        assert await system.ask("a", Get()) == Notes((4, 4))

    play(shop(child(Stepper, id="a")), scenario)


def test_what_it_raises_before_it_suspends_is_a_crash(play):
    """The asker hears it, the message has failed, and the agent is a new one."""

    async def scenario(system):
        with pytest.raises(AskFailed, match="broken"):
            await system.ask("a", Crash("broken"))
        assert await system.ask("a", Get()) == Notes((0, 0))

    system = play(shop(child(Stepper, id="a")), scenario)
    assert system.restarts == 1
    assert system.account().failed == 1


def test_the_asker_is_the_current_task_again():
    """On one loop an ask runs the asked agent at once, in the middle of the asker's task."""

    async def main():
        me = asyncio.current_task()
        async with System(shop(child(Stepper, id="a"))) as system:
            for n in range(300):
                ask = system.ask("a", Note(n))
                assert asyncio.current_task() is me
                await ask
                assert asyncio.current_task() is me
            assert OWN.get() == 0

    asyncio.run(main())


@pytest.mark.parametrize("limit", [None, 5.0])
def test_a_coroutine_from_a_handler_that_is_not_async_is_a_crash(play, until, limit):
    """It would never run: the error says what is missing, also where nobody asked for an answer."""

    async def scenario(system):
        with pytest.raises(AskFailed, match="nobody awaits"):
            await system.ask("a", Note(1))
        await system.tell("a", Note(2))
        await until(lambda: system.restarts == 2)

    play(shop(child(Forgetful, id="a", handler_limit=limit)), scenario)
