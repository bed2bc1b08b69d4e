"""`Tracer`: one span for each message that is handled, on every ground."""

from __future__ import annotations

import contextlib

from harmonium import Agent, AskFailed, child, handles, supervisor
from harmonium.actors.tracing import Tracer, chrome_trace
from tests.contract.agents import Answer, Crash, Get, Note


class Front(Agent):
    """Asks the back for an answer, and hands it on."""

    @handles
    async def note(self, note: Note) -> Answer:
        """Ask."""
        return await self.ask("back", Get())


class Back(Agent):
    """Answers, or crashes."""

    @handles
    def get(self, get: Get) -> Answer:
        """Answer."""
        return Answer(1)

    @handles
    def crash(self, crash: Crash) -> None:
        """Crash."""
        raise ValueError(crash.text)


def tree():
    return supervisor(
        "t", max_restarts=9, children=[child(Front, id="front"), child(Back, id="back")]
    )


async def traced(system):
    tracer = await system.call(Tracer)
    await system.call(lambda _: tracer.attach())
    return tracer


def test_spans_of_one_request_form_a_chain(play) -> None:
    """Each names what caused it; they lie within one another, as the handlers did."""
    found = []

    async def scenario(system):
        tracer = await traced(system)
        await system.ask("front", Note(1), correlation_id="one")
        await system.ask("back", Get(), correlation_id="two")
        found.extend(tracer.spans("one"))

    play(tree(), scenario)
    front, back = found
    assert (front.path, back.path) == ("/t/front", "/t/back")
    assert (back.cause, back.sender) == (front.id, "/t/front")
    assert front.began <= back.began <= back.ended <= front.ended
    assert (front.cause, front.sender, front.error) == (0, None, None)


def test_a_crash_is_in_the_span(play) -> None:
    """The error is named, also by the incarnation after it, which is traced too."""
    found = []

    async def scenario(system):
        tracer = await traced(system)
        for text in ("a", "b"):
            with contextlib.suppress(AskFailed):
                await system.ask("back", Crash(text))
        found.extend(tracer.spans())

    play(tree(), scenario)
    assert [one.error for one in found] == ["ValueError('a')", "ValueError('b')"]


def test_after_detaching_nothing_is_recorded(play) -> None:
    """The tables of the scheduler are the same objects as before."""
    seen = []

    async def scenario(system):
        cell = system.ref("back")._cell
        before = cell.fast
        tracer = await traced(system)
        during = cell.fast
        await system.call(lambda _: tracer.detach())
        await system.ask("back", Get())
        seen.extend([before is cell.fast, during is before, tracer.spans()])

    play(tree(), scenario)
    assert seen == [True, False, ()]


def test_only_the_newest_are_kept(play) -> None:
    """`last` bounds the memory."""
    found = []

    async def scenario(system):
        tracer = await system.call(lambda ground: Tracer(ground, last=3))
        await system.call(lambda _: tracer.attach())
        for _ in range(5):
            await system.ask("back", Get())
        found.extend(tracer.spans())

    play(tree(), scenario)
    assert len(found) == 3


def test_the_chrome_trace_has_a_row_for_each_agent_and_an_arrow_for_each_cause(play) -> None:
    """It is what Perfetto reads: rows named by paths, events, flows from cause to effect."""
    traces = []

    async def scenario(system):
        tracer = await traced(system)
        await system.ask("front", Note(1))
        traces.append(chrome_trace(tracer.spans()))

    play(tree(), scenario)
    events = traces[0]["traceEvents"]
    assert [one["args"]["name"] for one in events if one["ph"] == "M"] == ["/t/front", "/t/back"]
    assert [one["name"] for one in events if one["ph"] == "X"] == ["agents.Note", "agents.Get"]
    assert [(one["ph"], one["tid"]) for one in events if one["ph"] in "sf"] == [("s", 1), ("f", 2)]
