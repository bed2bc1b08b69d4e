"""Spawning, watching, stopping, and what an end does to mail, children and askers."""

from __future__ import annotations

import asyncio

import pytest

from harmonium import (
    FAIL,
    TEMPORARY,
    Agent,
    AgentDead,
    AskFailed,
    Ref,
    SpecError,
    Terminated,
    child,
    handles,
    message,
    supervisor,
)
from harmonium.actors import burying
from harmonium.protocols.errors import HandlerError, StartFailed
from harmonium.supervisors.shutdown import StopLimits
from tests.contract.agents import Answer, Crash, Get, Note, Notes, Recorder, Send, Wait, Watcher


def shop(*children, **options):
    return supervisor("t", children=children, **({"max_restarts": 100} | options))


@message
class Spawn:
    """Spawn a child of this sort."""

    kind: str = "good"


@message
class Born:
    """The child's ref, or what went wrong."""

    ref: Ref | None
    error: str = ""


class Bad(Agent):
    """Cannot be built."""

    def __init__(self) -> None:
        raise OSError("no disk")


class BadStart(Agent):
    """Cannot start."""

    def started(self) -> None:
        raise OSError("no disk")


class Shy(Agent):
    """Declines, with a child of its own."""

    def started(self) -> None:
        self.spawn(Recorder, id="left")
        self.decline("not today")


class Parent(Agent):
    """Spawns on demand."""

    def __init__(self, book=None, gate=None):
        self.book = [] if book is None else book
        self.gate = gate

    @handles
    def make(self, spawn: Spawn) -> Born:
        kinds = {"bad": Bad, "bad start": BadStart, "shy": Shy}
        try:
            if spawn.kind == "twice":
                self.spawn(Recorder, id="same")
                return Born(self.spawn(Recorder, id="same"))
            if spawn.kind == "name twice":
                self.spawn(Recorder, id="one", name="desk")
                return Born(self.spawn(Recorder, id="two", name="desk"))
            if spawn.kind in kinds:
                return Born(self.spawn(kinds[spawn.kind], id="x"))
            return Born(self.spawn(Recorder, self.book, self.gate, id=spawn.kind))
        except (StartFailed, SpecError) as error:
            return Born(None, f"{type(error).__name__}: {error}")

    @handles
    def children(self, get: Get) -> Notes:
        return Notes((len(self._cell.children or {}),))

    @handles
    def crash(self, crash: Crash) -> None:
        raise ValueError(crash.text)


def test_a_spawned_agent_works_and_has_a_path_below_its_parent(play):
    """It may be asked by its ref at once."""

    async def scenario(system):
        born = await system.ask("p", Spawn("kid"))
        assert born.ref.path == "/t/p/kid"
        assert await born.ref.ask(Note(3)) == Answer(3)
        assert await system.ask("/t/p/kid", Note(4)) == Answer(4)

    play(shop(child(Parent, id="p")), scenario)


@pytest.mark.parametrize("kind", ["bad", "bad start"])
def test_a_spawn_that_fails_raises_at_the_call_and_leaves_nothing(play, kind):
    """StartFailed names path and cause; the parent goes on and its id is free."""

    async def scenario(system):
        for _ in range(2):
            born = await system.ask("p", Spawn(kind))
            assert born.error.startswith("StartFailed: /t/p/x")
            assert "no disk" in born.error
        assert await system.ask("p", Get()) == Notes((0,))

    system = play(shop(child(Parent, id="p")), scenario)
    assert system.restarts == 0


@pytest.mark.parametrize(("kind", "left"), [("twice", 1), ("name twice", 1)])
def test_an_id_or_name_that_is_taken_is_refused_before_anything_starts(play, kind, left):
    """SpecError; the first one stays, the second never ran."""

    async def scenario(system):
        born = await system.ask("p", Spawn(kind))
        assert born.error.startswith("SpecError")
        assert await system.ask("p", Get()) == Notes((left,))

    play(shop(child(Parent, id="p")), scenario)


def test_one_that_declines_leaves_nobody_behind(play, until):
    """Its own children go with it; mail to it is dead."""

    async def scenario(system):
        born = await system.ask("p", Spawn("shy"))
        await until(lambda: not born.ref.alive)
        assert await system.ask("p", Get()) == Notes((0,))
        with pytest.raises(Exception, match="x"):
            await system.ask("/t/p/x/left", Note(1))

    play(shop(child(Parent, id="p")), scenario)


def test_a_stopping_agent_takes_no_more_children(play):
    """A hook that spawns at the end is refused, so that nobody is orphaned."""
    errors = []

    class Late(Agent):
        def stopped(self):
            try:
                self.spawn(Recorder, id="late")
            except AgentDead as error:
                errors.append(str(error))

    async def scenario(system):
        await system.ref("late").stop()

    play(shop(child(Late, id="late", restart=TEMPORARY)), scenario)
    assert len(errors) == 1


def test_an_agent_may_spawn_while_the_system_drains(play):
    """Work that is under way is finished, also where it needs another agent."""
    gate = asyncio.Event()
    gate.set()
    book = []

    class Slow(Agent):
        @handles
        async def note(self, note: Note) -> None:
            await self.sleep(0.02)
            await self.spawn(Recorder, book).ask(Note(note.n))

    async def scenario(system):
        for n in range(3):
            system.tell("s", Note(n))

    play(shop(child(Slow, id="s")), scenario)
    assert book == [0, 1, 2]


def test_an_answer_under_way_at_a_stop_is_given(play, until):
    """A stop lets the handler in work finish, and its asker hears, also of a spawned agent."""
    gate = asyncio.Event()

    async def scenario(system):
        born = await system.ask("p", Spawn("kid"))
        asked = born.ref.ask(Wait(), timeout=10)
        await until(lambda: born.ref._cell.busy)
        gone = born.ref.stop()
        gate.set()
        assert await asked == Answer(0)
        await gone
        assert not born.ref.alive

    play(shop(child(Parent, None, gate, id="p")), scenario)


def test_what_waits_at_a_stop_is_dead_and_its_asker_hears_at_once(play, until):
    """The mailbox of an agent that ended for good."""
    gate = asyncio.Event()

    async def scenario(system):
        born = await system.ask("p", Spawn("kid"))
        first = born.ref.ask(Wait(), timeout=60)
        await until(lambda: born.ref._cell.busy)
        second = born.ref.ask(Note(1), timeout=60)
        await until(born.ref._cell.queued)
        born.ref.stop()
        gate.set()
        await first
        with pytest.raises(AgentDead):
            await second

    system = play(shop(child(Parent, None, gate, id="p")), scenario)
    assert [letter.reason for letter in system.dead_letters] == ["agent is dead"]


def test_a_kill_answers_the_asker_of_the_message_in_work(play, until):
    """AgentDead, not a timeout; the message has failed."""
    gate = asyncio.Event()

    async def scenario(system):
        born = await system.ask("p", Spawn("kid"))
        asked = born.ref.ask(Wait(), timeout=60)
        await until(lambda: born.ref._cell.busy)
        await system.call(lambda ground: burying.kill(born.ref._cell))
        with pytest.raises(AgentDead):
            await asked

    play(shop(child(Parent, None, gate, id="p")), scenario)


def test_a_stop_is_settled_however_the_agent_ends(play, until):
    """Stop promises of an agent that is killed, or dead already, do not hang."""
    gate = asyncio.Event()

    async def scenario(system):
        born = await system.ask("p", Spawn("kid"))
        born.ref.tell(Wait())
        await until(lambda: born.ref._cell.busy)
        gone = born.ref.stop()
        await system.call(lambda ground: burying.kill(born.ref._cell.parent))
        await gone
        await born.ref.stop()

    play(shop(child(Parent, None, gate, id="p")), scenario)


def test_a_watcher_hears_of_the_end_with_its_reason(play, until):
    """Once, with the class of the reason."""
    book = []

    async def scenario(system):
        ref = system.ref("b")
        await system.ask("w", Send(ref, ()))
        await ref.stop()
        await until(lambda: book)
        assert book == ["shutdown"]

    play(shop(child(Watcher, book, id="w"), child(Recorder, id="b", restart=TEMPORARY)), scenario)


@pytest.mark.parametrize("overflow", ["wait", "fail"])
def test_a_notice_gets_past_a_full_mailbox(play, until, overflow):
    """The end of a watched agent is never lost to a bound; the end itself goes through."""
    book, gate = [], asyncio.Event()

    class Busy(Watcher):
        @handles
        async def wait(self, wait: Wait) -> Answer:
            while not gate.is_set():
                await self.sleep(0.001)
            return Answer(0)

        @handles
        def note(self, note: Note) -> None:
            self.book.append(note.n)

    async def scenario(system):
        watched, watcher = system.ref("b"), system.ref("w")
        await watcher.ask(Send(watched, ()))
        waiting = watcher.ask(Wait(), timeout=60)
        await until(lambda: watcher._cell.busy)
        await watcher.tell(Note(1))
        await until(lambda: watcher._cell.queued() == 1)
        await watched.stop()
        await until(lambda: not watched.alive)
        gate.set()
        await waiting
        await until(lambda: len(book) == 2)
        assert book == [1, "shutdown"]

    options = {"overflow": FAIL} if overflow == "fail" else {}
    tree = shop(
        child(Busy, book, id="w", mailbox=1, **options),
        child(Recorder, id="b", restart=TEMPORARY),
    )
    play(tree, scenario)


def test_a_notice_comes_after_what_the_agent_had_sent(play, until):
    """The end of an agent does not overtake its last messages."""
    book = []

    class Both(Watcher):
        @handles
        def note(self, note: Note) -> None:
            self.book.append(note.n)

    class Last(Recorder):
        @handles
        async def send(self, send: Send) -> None:
            for n in send.numbers:
                await self.tell(send.to, Note(n))
            self.stop()

    async def scenario(system):
        await system.ask("w", Send(system.ref("b"), ()))
        system.tell("b", Send(system.ref("w"), tuple(range(20))))
        await until(lambda: len(book) == 21)
        assert book == [*range(20), "normal"]

    tree = shop(child(Both, book, id="w", mailbox=3), child(Last, id="b", restart=TEMPORARY))
    play(tree, scenario)


def test_a_name_ends_with_its_agent(play, until):
    """While it lives it is reachable by its name; afterwards the name is free."""

    class Named(Parent):
        @handles
        def make(self, spawn: Spawn) -> Born:
            return Born(self.spawn(Recorder, name="desk"))

    async def scenario(system):
        first = await system.ask("p", Spawn())
        assert await system.ask("desk", Note(1)) == Answer(1)
        await first.ref.stop()
        second = await system.ask("p", Spawn())
        assert await second.ref.ask(Get()) == Notes(())
        assert await system.ask("desk", Get()) == Notes(())

    play(shop(child(Named, id="p")), scenario)


def test_whoever_watches_must_take_the_notice(play):
    """A watch without a handler for Terminated is refused at the call."""

    class Deaf(Agent):
        @handles
        def watch_it(self, send: Send) -> None:
            self.watch(send.to)

    async def scenario(system):
        with pytest.raises(AskFailed) as caught:
            await system.ask("w", Send(system.ref("b"), ()))
        assert caught.value.error_type == HandlerError.__name__

    play(shop(child(Deaf, id="w"), child(Recorder, id="b")), scenario)


def test_a_restart_keeps_ref_path_mailbox_and_watchers(play, until):
    """The ref from before the crash reaches the next incarnation; its watcher still hears."""
    book, notes = [], []

    async def scenario(system):
        ref = system.ref("b")
        await system.ask("w", Send(ref, ()))
        ref.tell(Crash())
        assert await ref.ask(Note(1)) == Answer(1)
        assert ref is system.ref("b")
        assert book == []
        await ref.stop()
        await until(lambda: system.ref("b")._cell.incarnation == 3)
        assert book == []

    play(shop(child(Watcher, book, id="w"), child(Recorder, notes, id="b")), scenario)


def test_the_report_of_a_stop_says_how_each_phase_went(play):
    """Drain, children and flush, all finished, and an account that adds up."""

    async def scenario(system):
        await system.ask("b", Note(1))

    system = play(shop(child(Recorder, id="b")), scenario)
    assert [phase.name for phase in system.report.phases] == ["drain", "children", "flush"]
    assert system.report.clean
    assert system.report.killed == ()
    assert system.report.account.balanced


def test_a_stop_is_one_run_however_often_it_is_asked_for(play):
    """Two stops at the same time give the same report."""
    reports = []

    async def scenario(system):
        if hasattr(system.ground, "_thread") and system.ground._thread is not None:
            return  # `stop` from its own thread is tested with the threads
        reports.extend(await asyncio.gather(system.astop(), system.astop()))
        assert reports[0] is reports[1]

    system = play(shop(child(Recorder, id="b")), scenario, limits=StopLimits(drain=0.1))
    assert system.report is not None


def test_terminated_may_be_handled_by_a_handler_for_everything(play, until):
    """`object` takes notices too."""
    got = []

    class All(Agent):
        @handles
        def anything(self, anything: object) -> None:
            if isinstance(anything, Send):
                self.watch(anything.to)
            else:
                got.append(type(anything))

    async def scenario(system):
        ref = system.ref("b")
        await system.ask("w", Send(ref, ()))
        await ref.stop()
        await until(lambda: got)
        assert got == [Terminated]

    play(shop(child(All, id="w"), child(Recorder, id="b", restart=TEMPORARY)), scenario)
