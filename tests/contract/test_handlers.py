"""Sync, async, blocking and re-entrant handlers; timers; stash; what they may raise."""

from __future__ import annotations

import asyncio
import contextlib
import threading

import pytest

from harmonium import Agent, AskFailed, child, handles, supervisor
from harmonium.protocols.errors import HandlerError
from tests.contract.agents import Answer, Crash, Get, Note, Notes, Recorder, Unwanted, Wait


def shop(*children, **options):
    return supervisor("t", children=children, **({"max_restarts": 100} | options))


class Busy(Agent):
    """One of each kind of handler."""

    def __init__(self, book, gate=None):
        self.book = book
        self.gate = gate

    @handles
    async def wait(self, wait: Wait) -> Answer:
        self.book.append("in")
        while not self.gate.is_set():
            await self.sleep(0.001)
        self.book.append("out")
        return Answer(1)

    @handles
    def note(self, note: Note) -> Answer:
        self.book.append(note.n)
        return Answer(note.n)

    @handles(reentrant=True)
    async def get(self, get: Get) -> Notes:
        return Notes((len(self.book),))

    @handles(blocking=True)
    def crash(self, crash: Crash) -> Answer:
        self.book.append(threading.get_ident())
        self.tell(self.ref, Note(99)).result(5)
        return Answer(int(crash.text))


def test_an_async_handler_suspends_its_mailbox_only(play, until):
    """While it waits, its agent takes nothing else; others go on."""
    book, gate = [], asyncio.Event()

    async def scenario(system):
        waiting = system.ask("a", Wait(), timeout=10)
        note = system.ask("a", Note(5), timeout=10)
        await until(lambda: book)
        assert await system.ask("b", Note(1)) == Answer(1)
        assert book == ["in"]
        gate.set()
        await waiting
        await note
        assert book == ["in", "out", 5]

    play(shop(child(Busy, book, gate, id="a"), child(Recorder, id="b")), scenario)


def test_mail_that_comes_while_a_reentrant_handler_waits_is_taken_at_once(play, until):
    """It makes no difference whether it came before the first one suspended."""
    order = []

    class Patient(Agent):
        @handles(reentrant=True)
        async def wait(self, note: Note) -> Answer:
            order.append(note.n)
            await self.sleep(0.2)
            order.append(-note.n)
            return Answer(note.n)

    async def scenario(system):
        first = system.ask("patient", Note(1))
        await until(lambda: order)
        second = system.ask("patient", Note(2))
        await first
        await second
        assert order == [1, 2, -1, -2]

    play(shop(child(Patient, id="patient")), scenario)


def test_a_reentrant_handler_runs_while_another_waits(play, until):
    """Re-entrant handling is opt-in per handler."""
    book, gate = [], asyncio.Event()

    async def scenario(system):
        waiting = system.ask("a", Wait(), timeout=10)
        await until(lambda: book)
        assert await system.ask("a", Get()) == Notes((1,))
        gate.set()
        await waiting

    play(shop(child(Busy, book, gate, id="a")), scenario)


def test_a_blocking_handler_runs_in_a_thread_and_may_send(play):
    """Its agent takes nothing else meanwhile; tell works from its thread."""
    book = []

    async def scenario(system):
        assert await system.ask("a", Crash("7")) == Answer(7)
        await system.ask("a", Note(1))
        assert book[1:] == [99, 1]

    play(shop(child(Busy, book, id="a")), scenario)


def test_asyncio_tools_work_inside_a_handler(play):
    """timeout, gather, TaskGroup, sleep: an agent's handler is asyncio code like any other."""

    class User(Agent):
        @handles
        async def note(self, note: Note) -> Answer:
            async with asyncio.timeout(5):
                await asyncio.sleep(0.001)
                a, b = await asyncio.gather(self.ask("b", Note(1)), self.ask("b", Note(2)))
            async with asyncio.TaskGroup() as group:
                task = group.create_task(asyncio.sleep(0.001, 10))
            try:
                async with asyncio.timeout(0.001):
                    await asyncio.sleep(60)
            except TimeoutError:
                return Answer(a.n + b.n + task.result())
            return Answer(0)

    async def scenario(system):
        assert await system.ask("a", Note(1)) == Answer(13)

    play(shop(child(User, id="a"), child(Recorder, id="b")), scenario)


@pytest.mark.parametrize(
    "error", [ValueError, KeyboardInterrupt, SystemExit, asyncio.CancelledError, BaseException]
)
@pytest.mark.parametrize("is_async", [False, True])
def test_s13_whatever_a_handler_raises_is_one_crash_of_its_agent(play, error, is_async):
    """Nothing that a handler raises reaches the loop; it is a crash, the asker hears, once."""

    class Sync(Agent):
        @handles
        def note(self, note: Note) -> None:
            raise error

        @handles
        def get(self, get: Get) -> Notes:
            return Notes((self.incarnation,))

    class Async(Agent):
        @handles
        async def note(self, note: Note) -> None:
            await self.sleep(0)
            raise error

        @handles
        def get(self, get: Get) -> Notes:
            return Notes((self.incarnation,))

    async def scenario(system):
        with pytest.raises(AskFailed) as caught:
            await system.ask("a", Note(1), timeout=60)
        assert caught.value.error_type == error.__name__
        assert await system.ask("a", Get()) == Notes((2,))

    system = play(shop(child(Async if is_async else Sync, id="a")), scenario)
    assert system.restarts == 1
    assert system.account().failed == 1


def test_timers_repeat_cancel_and_end_with_the_incarnation(play, until):
    """A repeating timer fires until it is cancelled, and never in the next incarnation."""
    book = []

    class Ticker(Agent):
        def started(self):
            if self.incarnation == 1:
                self.timer = self.schedule(0.001, Note(1), every=0.001)

        @handles
        def note(self, note: Note) -> None:
            book.append(self.incarnation)

        @handles
        def crash(self, crash: Crash) -> None:
            raise ValueError

        @handles
        def get(self, get: Get) -> Notes:
            return Notes(tuple(book))

    async def scenario(system):
        await until(lambda: len(book) >= 3)
        system.tell("a", Crash())
        await system.ask("a", Get())
        seen = len(book)
        await asyncio.sleep(0.02)
        await system.ask("a", Get())
        assert len(book) == seen
        assert set(book) == {1}

    play(shop(child(Ticker, id="a")), scenario)


def test_a_sleep_that_is_cut_short_leaves_no_timer(play):
    """Who gives up waiting for an hour does not keep a timer for an hour."""

    class Sleeper(Agent):
        @handles
        async def wait(self, wait: Wait) -> Answer:
            timers = self._cell.ground.timers
            before = len(timers)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.001):
                    await self.sleep(3600)
            return Answer(len(timers) - before)

    async def scenario(system):
        assert await system.ask("a", Wait()) == Answer(0)

    play(shop(child(Sleeper, id="a")), scenario)


def test_a_cancelled_timer_does_not_fire(play):
    """`cancel` takes it back."""
    book = []

    class Canceller(Agent):
        @handles
        async def get(self, get: Get) -> Notes:
            timer = self.schedule(0.001, Note(1))
            timer.cancel()
            await self.sleep(0.01)
            return Notes(tuple(book))

        @handles
        def note(self, note: Note) -> None:
            book.append(note.n)

    async def scenario(system):
        await system.ask("a", Get())
        assert await system.ask("a", Get()) == Notes(())

    play(shop(child(Canceller, id="a")), scenario)


class Stasher(Agent):
    """Puts notes aside until it is asked."""

    def __init__(self, book):
        self.book = book
        self.opened = False

    @handles
    def note(self, note: Note) -> Answer:
        if not self.opened:
            self.stash()
            return Answer(-1)
        self.book.append(note.n)
        return Answer(note.n)

    @handles
    def get(self, get: Get) -> Notes:
        self.opened = True
        self.unstash()
        return Notes(())


def test_stashed_messages_come_back_first_and_in_order(play):
    """Their askers wait; nothing is lost or doubled."""
    book = []

    async def scenario(system):
        first, second = (system.ask("a", Note(n)) for n in (1, 2))
        await system.ask("a", Get())
        assert (await first, await second) == (Answer(1), Answer(2))
        assert book == [1, 2]

    play(shop(child(Stasher, book, id="a")), scenario)


def test_a_crash_brings_stashed_messages_back_to_the_mailbox(play):
    """A stash belongs to the incarnation; its messages do not die with it."""
    book = []

    class Fragile(Stasher):
        @handles
        def crash(self, crash: Crash) -> None:
            raise ValueError

    async def scenario(system):
        first = system.ask("a", Note(1))
        system.tell("a", Crash())
        await system.ask("a", Get())
        assert await first == Answer(1)

    play(shop(child(Fragile, book, id="a")), scenario)


def test_defer_answers_later_and_a_crash_answers_for_it(play):
    """A deferred answer may come from another handler; if the agent dies first, the asker hears."""

    class Later(Agent):
        def __init__(self):
            self.owed = []

        @handles
        def wait(self, wait: Wait) -> Answer | None:
            self.owed.append(self.defer())

        @handles
        def note(self, note: Note) -> None:
            self.owed.pop().reply(Answer(note.n))

        @handles
        def crash(self, crash: Crash) -> None:
            raise ValueError

    async def scenario(system):
        asked = system.ask("a", Wait())
        system.tell("a", Note(5))
        assert await asked == Answer(5)
        asked = system.ask("a", Wait(), timeout=60)
        system.tell("a", Crash())
        with pytest.raises(AskFailed):
            await asked

    play(shop(child(Later, id="a")), scenario)


def test_a_deferred_answer_that_nobody_asked_for_is_nothing(play):
    """The same handler may be told: whoever answers need not know."""

    class Later(Agent):
        def __init__(self):
            self.told = 0

        @handles
        def wait(self, wait: Wait) -> Answer | None:
            self.told += 1
            self.defer().reply(Answer(1))

        @handles
        def note(self, note: Note) -> None:
            self.told += 1
            self.defer().fail(ValueError("refused"))

        @handles
        def get(self, get: Get) -> Answer:
            return Answer(self.told)

    async def scenario(system):
        system.tell("a", Wait())
        system.tell("a", Note(1))
        assert await system.ask("a", Get()) == Answer(2)

    play(shop(child(Later, id="a")), scenario)


def test_publish_reaches_every_subscriber_once(play):
    """Each subscriber gets the event as a message of its own."""
    book = []

    class Listener(Agent):
        def started(self):
            self.subscribe(Note)

        @handles
        def note(self, note: Note) -> None:
            book.append(self.ref.id)

    class Speaker(Agent):
        publishes = (Note,)

        @handles
        def get(self, get: Get) -> Notes:
            return Notes((self.publish(Note(1)),))

    async def scenario(system):
        assert await system.ask("speaker", Get()) == Notes((2,))
        await system.call(lambda ground: None)

    tree = shop(child(Listener, id="x"), child(Listener, id="y"), child(Speaker, id="speaker"))
    play(tree, scenario)
    assert sorted(book) == ["x", "y"]


def test_an_answer_outside_the_annotation_is_a_crash_of_its_author(play):
    """The annotation is the contract, for answers too."""

    class Liar(Agent):
        @handles
        def note(self, note: Note) -> Answer:
            return Notes((1,))  # type: ignore[return-value]

    async def scenario(system):
        with pytest.raises(AskFailed, match="Notes"):
            await system.ask("a", Note(1))

    play(shop(child(Liar, id="a")), scenario)


def test_a_handler_must_be_annotated_with_messages():
    """A bad definition raises when the class is defined, and names place and remedy."""
    with pytest.raises(HandlerError, match=r"Bad\.note"):

        class Bad(Agent):
            @handles
            def note(self, note: int) -> None: ...

    with pytest.raises(HandlerError, match="annotate"):

        class Bare(Agent):
            @handles
            def note(self, note): ...

    with pytest.raises(HandlerError, match="taken by"):

        class Twice(Agent):
            @handles
            def one(self, note: Unwanted) -> None: ...

            @handles
            def two(self, note: Unwanted) -> None: ...
