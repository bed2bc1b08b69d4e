"""An ask on the ground's own loop is answered at once, and others have their turn all the same."""

from __future__ import annotations

import asyncio
import time

import pytest

from harmonium import Agent, Ref, System, child, handles, message, supervisor


@message
class Question:
    """Wants an answer."""


@message
class Answer:
    """One."""


@message
class Alarm:
    """A timer's message."""


class Oracle(Agent):
    """Answers, by itself or through another one."""

    def __init__(self, other=None):
        self.other = other

    @handles
    async def question(self, question: Question) -> Answer:
        return Answer() if self.other is None else await self.ask(self.other, question)


class Clock(Agent):
    """Sets a timer when asked, and notes when it fires."""

    def __init__(self, book, delay=0.1):
        self.book = book
        self.delay = delay

    @handles
    def question(self, question: Question) -> Answer:
        self.schedule(self.delay, Alarm())
        return Answer()

    @handles
    def alarm(self, alarm: Alarm) -> None:
        self.book.append("alarm")


def play(scenario, *children):
    async def main():
        async with System(supervisor("t", children=children)) as system:
            await scenario(system)

    asyncio.run(main())


def test_an_asker_does_not_wait_for_what_timers_bring():
    """What is due at that moment comes after the answer; it has nothing to do with it."""
    book = []

    async def scenario(system):
        oracle: Ref = system.ref("oracle")
        await system.ref("clock").ask(Question())
        due = time.monotonic() + 0.02
        while time.monotonic() < due:  # the loop stands still: the timer is due, and has not fired
            pass
        await oracle.ask(Question())
        book.append("answer")
        while "alarm" not in book:
            await oracle.ask(Question())

    play(scenario, child(Oracle, id="oracle"), child(Clock, book, 0.02, id="clock"))
    assert book == ["answer", "alarm"]


def test_an_asker_that_never_rests_does_not_starve_the_others():
    """Timers fire while one asks and asks, each time answered at once."""
    book = []

    async def scenario(system):
        oracle: Ref = system.ref("oracle")
        await system.ref("clock").ask(Question())
        ends = time.monotonic() + 10.0
        while not book and time.monotonic() < ends:
            await oracle.ask(Question())

    play(scenario, child(Oracle, id="oracle"), child(Clock, book, id="clock"))
    assert book == ["alarm"]


def test_a_question_that_is_passed_on_is_answered():
    """A long chain of agents, longer than is visited at once, gives its answer."""
    chain = [child(Oracle, f"o{i + 1}", id=f"o{i}") for i in range(20)]

    async def scenario(system):
        assert await system.ref("o0").ask(Question()) == Answer()

    play(scenario, *chain, child(Oracle, id="o20"))


class Sleeper(Agent):
    """Answers after a moment."""

    @handles
    async def question(self, question: Question) -> Answer:
        await self.sleep(0.001)
        return Answer()


def test_a_callback_that_raises_is_told_to_the_loop_and_stops_nobody():
    """Askers who are called back together do not suffer from each other."""
    told, heard = [], []

    def bad(_):
        raise ValueError("mine")

    async def scenario(system):
        asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
        asks = [system.ref("sleeper").ask(Question()) for _ in range(3)]
        asks[0].add_done_callback(bad)
        for ask in asks:
            ask.add_done_callback(lambda ask: heard.append(ask.result()))
        await asyncio.gather(*asks)

    play(scenario, child(Sleeper, id="sleeper"))
    assert heard == [Answer()] * 3
    assert [str(context["exception"]) for context in told] == ["mine"]


def test_who_ends_the_program_in_a_callback_leaves_the_others_their_answers():
    """SystemExit leaves the loop as it does from any callback; the next run goes on."""
    heard = []

    def leave(_):
        raise SystemExit(3)

    loop = asyncio.new_event_loop()
    try:
        system = System(supervisor("t", children=[child(Oracle, id="oracle")]))
        loop.run_until_complete(system.__aenter__())
        asks = [system.ref("oracle").ask(Question()) for _ in range(3)]
        asks[0].add_done_callback(leave)
        for ask in asks:
            ask.add_done_callback(lambda ask: heard.append(ask.result()))
        with pytest.raises(SystemExit):
            loop.run_forever()
        loop.run_until_complete(asyncio.wait_for(asyncio.gather(*asks), 10.0))
        assert heard == [Answer()] * 3
        loop.run_until_complete(system.__aexit__(None, None, None))
    finally:
        loop.close()
