"""Partial results: what an asker that streams gets before its answer, on every ground."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress

import pytest

from harmonium.actors.agent import Agent
from harmonium.actors.handlers import handles
from harmonium.protocols.errors import AskFailed, AskTimeout
from harmonium.protocols.message import message
from harmonium.protocols.pipeline.effects import Partial
from harmonium.protocols.pipeline.spec import Pipeline, Step
from harmonium.supervisors.coordinator import coordinator
from harmonium.supervisors.spec import child, supervisor
from harmonium.supervisors.system import System


@message
class Go:
    n: int


@message
class Came:
    n: int


class Runner(Agent):
    """Comes after a while; number 13 never does, number 20 waits at the gate."""

    def __init__(self, gate: threading.Event | None = None):
        self.gate = gate

    @handles(reentrant=True)
    async def go(self, go: Go) -> Came:
        await self.sleep(go.n / 1000)
        while go.n == 20 and self.gate is not None and not self.gate.is_set():
            await self.sleep(0.001)
        if go.n == 13:
            raise ValueError("bad luck")
        return Came(go.n)


class Fan(Agent):
    """Streams by itself, and tells which steps it heard of."""

    @handles
    async def watch(self, came: Came) -> Came:
        stream = self.stream("race", Go(came.n))
        heard = [part.value.n async for part in stream]
        assert heard == [1, 20]
        return Came((await stream).n + len(heard))


def race(gate=None):
    """Two runners side by side, the fast one declared last, then a sum."""
    steps = [
        Step("slow", to="runner", send=lambda c: Go(20)),
        Step("fast", to="runner", send=lambda c: Go(c.request.n)),
    ]
    pipeline = Pipeline(Go, steps, name="race", result=lambda c: Came(c["slow"].n + c["fast"].n))
    runners = [child(Runner, gate, id="runner"), child(Fan, id="fan"), coordinator(pipeline)]
    return supervisor("track", children=runners, max_restarts=100, within=5.0)


def test_parts_come_in_the_order_in_which_steps_end_and_then_the_answer(play):
    """The stream ends with the request, and its answer is there."""

    async def scenario(system):
        stream = system.stream("race", Go(1))
        parts = [part async for part in stream]
        assert parts == [Partial("fast", Came(1)), Partial("slow", Came(20))]
        assert await stream == Came(21)
        assert stream.done()
        assert stream.dropped == 0

    play(race(), scenario)


def test_the_first_part_is_there_before_the_request_ends(play):
    """Nothing is held back until the answer."""
    gate = threading.Event()

    async def scenario(system):
        stream = system.stream("race", Go(1))
        assert (await anext(stream)).step == "fast"
        assert not stream.done()
        gate.set()
        assert await stream == Came(21)

    play(race(gate), scenario)


def test_an_agent_streams_too(play):
    """In its handler, as anybody outside."""

    async def scenario(system):
        assert await system.ask("fan", Came(1)) == Came(23)

    play(race(), scenario)


def test_a_failed_request_raises_after_its_parts(play):
    """What came before the failure is given first."""

    async def scenario(system):
        stream = system.ref("race").stream(Go(13))
        parts = []
        with pytest.raises(AskFailed, match="bad luck"):
            async for part in stream:
                parts.append(part)  # noqa: PERF401 - the parts before the error are looked at
        assert parts == []

    play(race(), scenario)


def test_a_request_out_of_time_ends_the_stream(play):
    """The asker hears at its own deadline."""

    async def scenario(system):
        stream = system.stream("race", Go(1), timeout=0.01)
        parts = []
        with pytest.raises((AskTimeout, AskFailed)):
            async for part in stream:
                parts.append(part.step)  # noqa: PERF401
        assert parts in ([], ["fast"])

    play(race(), scenario)


def test_a_reader_that_leaves_gets_nothing_more(play, until):
    """The parts to come are not sent; the request goes on, its answer is a late reply."""
    gate = threading.Event()

    async def scenario(system):
        stream = system.stream("race", Go(1))
        await anext(stream)
        assert stream.cancel()
        assert [part async for part in stream] == []
        gate.set()
        await until(lambda: len(list(system.dead_letters)))
        assert [one.reason for one in system.dead_letters] == ["late reply"]

    play(race(gate), scenario)


def test_a_slow_reader_loses_the_oldest_parts(play):
    """The buffer is bounded, and what was dropped is counted."""

    async def scenario(system):
        stream = system.stream("race", Go(1), buffer=1)
        assert await stream == Came(21)
        assert [part.step async for part in stream] == ["slow"]
        assert stream.dropped == 1

    play(race(), scenario)


def test_a_part_given_to_a_reader_that_gave_up_is_not_lost(play):
    """A wait with a timeout may be tried again."""

    async def scenario(system):
        stream = system.stream("race", Go(1))
        parts = []
        while len(parts) < 2:
            with suppress(TimeoutError):
                parts.append((await asyncio.wait_for(anext(stream), 0.002)).step)
        assert parts == ["fast", "slow"]
        await stream

    play(race(), scenario)


def test_a_plain_thread_iterates():
    """`for` and `result` in a thread."""
    with System(race()) as system:
        stream = system.stream("race", Go(1))
        assert [part.step for part in stream] == ["fast", "slow"]
        assert stream.result() == Came(21)


def test_items_and_steps_of_sub_pipelines_are_parts_by_their_paths(play):
    """Each item of a mapped step as it ends, then the step."""
    inner = Pipeline(Go, [Step("in", to="runner")], name="inner", result=lambda c: c["in"])
    many = Step("many", to="runner", each=lambda c: (3, 1), send=lambda c: Go(c.item))
    steps = [many, Step("sub", pipeline=inner, after=["many"])]
    pipeline = Pipeline(Go, steps, name="race", result=lambda c: c["sub"])
    tree = supervisor("track", children=[child(Runner, id="runner"), coordinator(pipeline)])

    async def scenario(system):
        parts = [part.step async for part in system.stream("race", Go(1))]
        assert parts == ["many[1]", "many[0]", "many", "sub/in", "sub"]

    play(tree, scenario)
