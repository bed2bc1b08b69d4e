"""Where things go wrong at the rim: full mailboxes, callbacks, stashes, deadlines, fairness."""

from __future__ import annotations

import asyncio
import threading

import pytest

from harmonium import (
    DEAD_LETTER,
    DROP_OLDEST,
    FAIL,
    WAIT,
    Agent,
    AskFailed,
    AskTimeout,
    MailboxFull,
    child,
    handles,
    supervisor,
)
from harmonium.actors.simulated import SimulatedGround
from harmonium.supervisors.shutdown import StopLimits
from tests.contract.agents import Answer, Crash, Get, Note, Notes, Recorder, Send, Urgent, Wait


def shop(*children, **options):
    return supervisor("t", children=children, **({"max_restarts": 100} | options))


async def make_busy(system, until, id="a"):
    """Have an agent suspended in a handler."""
    waiting = system.ask(id, Wait(), timeout=60)
    await until(lambda: system.ref(id)._cell.busy)
    return waiting


def test_one_slow_subscriber_does_not_hold_up_the_publisher(play, until):
    """What its full mailbox would not take is a dead letter; the others get it."""
    gate, slow, quick = asyncio.Event(), [], []

    class Speaker(Agent):
        publishes = (Note,)

        @handles
        async def note(self, note: Note) -> Answer:
            for n in range(5):
                self.publish(Note(n), topic="news")
            await self.sleep(0)
            return Answer(0)

    class Listener(Recorder):
        def started(self):
            self.subscribe("news")

    async def scenario(system):
        waiting = await make_busy(system, until, "slow")
        assert await system.ask("speaker", Note(0)) == Answer(0)
        await until(lambda: len(quick) == 5)
        gate.set()
        await waiting
        await until(lambda: len(slow) == 2)
        assert slow == [0, 1]

    tree = shop(
        child(Listener, slow, gate, id="slow", mailbox=2),
        child(Listener, quick, id="quick"),
        child(Speaker, id="speaker"),
    )
    system = play(tree, scenario)
    assert [letter.reason for letter in system.dead_letters] == ["mailbox full"] * 3


def test_a_subscription_ends_when_it_is_taken_back_or_its_agent_restarts(play):
    """Nobody gets what it did not ask for in this life."""
    book = []

    class Speaker(Agent):
        publishes = (Urgent,)

        @handles
        def note(self, note: Note) -> Answer:
            return Answer(self.publish(Urgent(note.n)))

    class Listener(Recorder):
        def started(self):
            if self.incarnation == 1:
                self.subscribe(Urgent)

        @handles
        def get(self, get: Get) -> Notes:
            self.unsubscribe(Urgent)
            return super().get(get)

    async def scenario(system):
        assert await system.ask("speaker", Note(1)) == Answer(2)
        await system.ask("x", Get())
        system.tell("y", Crash())
        await system.ask("y", Note(0))
        assert await system.ask("speaker", Note(2)) == Answer(0)

    tree = shop(
        child(Listener, book, id="x"), child(Listener, book, id="y"), child(Speaker, id="speaker")
    )
    play(tree, scenario)
    assert sorted(book) == [-1, -1, 0]


def test_ticks_that_find_a_full_mailbox_are_dead_letters(play, until):
    """A timer does not pile up behind a slow handler."""
    gate, book = asyncio.Event(), []

    class Ticker(Recorder):
        def started(self):
            self.timer = self.schedule(0.001, Note(1), every=0.001)

        @handles
        def get(self, get: Get) -> Notes:
            self.timer.cancel()
            return super().get(get)

    async def scenario(system):
        waiting = await make_busy(system, until)
        await until(lambda: len(system.dead_letters) >= 3)
        assert system.ref("a")._cell.queued() <= 2
        system.ref("a")._cell.agent.timer.cancel()
        gate.set()
        await waiting

    system = play(shop(child(Ticker, book, gate, id="a", mailbox=2)), scenario)
    assert {letter.reason for letter in system.dead_letters} == {"mailbox full"}


def test_a_callback_of_an_ask_that_raises_is_a_crash_of_the_asker_only(play, until):
    """`then` runs as part of the agent that asked; who answered goes on."""

    class Asker(Agent):
        @handles
        def note(self, note: Note) -> Answer:
            self.ask("b", note).then(lambda ask: 1 // 0)
            return Answer(0)

        @handles
        def get(self, get: Get) -> Notes:
            return Notes((self.incarnation,))

    async def scenario(system):
        await system.ask("a", Note(1))
        await until(lambda: system.restarts == 1)
        assert await system.ask("a", Get()) == Notes((2,))
        assert system.ref("b")._cell.incarnation == 1

    play(shop(child(Asker, id="a"), child(Recorder, id="b")), scenario)


def test_a_callback_from_outside_that_raises_hurts_nobody(play):
    """It is logged; the agent that answered does not pay for it, and later ones are called."""
    called, gate = [], asyncio.Event()

    async def scenario(system):
        def attach(ground):
            asked = ground.ask(None, system.ref("b")._cell, Wait())
            asked.then(lambda ask: 1 // 0)
            asked.then(lambda ask: called.append(ask.result()))
            return asked

        asked = await system.call(attach)
        gate.set()
        assert await asked == Answer(0)
        assert called == [Answer(0)]

    system = play(shop(child(Recorder, None, gate, id="b")), scenario)
    assert system.restarts == 0
    assert system.account().failed == 0


def test_stashing_twice_is_stashing_once(play):
    """The message comes back once and is handled once."""
    book = []

    class Twice(Agent):
        def __init__(self):
            self.opened = False

        @handles
        def note(self, note: Note) -> Answer:
            if not self.opened:
                self.stash()
                self.stash()
            else:
                book.append(note.n)
            return Answer(note.n)

        @handles
        def get(self, get: Get) -> Notes:
            self.opened = True
            self.unstash()
            return Notes(())

    async def scenario(system):
        asked = system.ask("a", Note(1))
        await system.ask("a", Get())
        assert await asked == Answer(1)
        assert book == [1]

    play(shop(child(Twice, id="a")), scenario)


def test_a_message_that_is_stashed_and_then_fails_has_failed(play):
    """It does not come back; its asker hears."""

    class Torn(Agent):
        @handles
        def note(self, note: Note) -> None:
            self.stash()
            raise ValueError("torn")

        @handles
        def get(self, get: Get) -> Notes:
            self.unstash()
            return Notes((self.incarnation,))

    async def scenario(system):
        with pytest.raises(AskFailed, match="torn"):
            await system.ask("a", Note(1))
        assert await system.ask("a", Get()) == Notes((2,))

    system = play(shop(child(Torn, id="a")), scenario)
    assert system.account().failed == 1


def test_a_full_stash_is_a_crash(play):
    """MailboxFull names the stash."""

    class Hoarder(Agent):
        @handles
        def note(self, note: Note) -> Answer:
            self.stash()
            return Answer(0)

    async def scenario(system):
        for n in range(2):
            system.tell("a", Note(n))
        with pytest.raises(AskFailed, match="stash"):
            await system.ask("a", Note(2))

    tree = shop(child(Hoarder, id="a", stash=2))
    play(tree, scenario, limits=StopLimits(drain=0.05))  # what is stashed never drains


def test_a_deadline_shrinks_with_each_hop(play):
    """Who is asked on the way sees the time that the first asker has left, not its own."""
    seen = []

    class Middle(Agent):
        @handles
        async def note(self, note: Note) -> Answer:
            seen.append(self.deadline)
            if note.n:
                await self.sleep(0.01)
                await self.ask(f"m{note.n - 1}", Note(note.n - 1), timeout=50)
            return Answer(0)

    async def scenario(system):
        await system.ask("m2", Note(2), timeout=5)

    play(shop(*(child(Middle, id=f"m{n}") for n in range(3))), scenario)
    assert seen == [seen[0]] * 3


def test_an_asker_hears_at_its_own_deadline_although_a_hop_waits_longer(play):
    """AskTimeout at the first asker's deadline; the answer that is late then is a dead letter."""
    gate = asyncio.Event()

    class Middle(Agent):
        @handles
        async def note(self, note: Note) -> Answer:
            try:
                return await self.ask("b", Wait(), timeout=1000)
            except AskTimeout:
                gate.set()
                raise

    async def scenario(system):
        began = asyncio.get_running_loop().time()
        with pytest.raises((AskTimeout, AskFailed)):
            await system.ask("m", Note(1), timeout=0.05)
        assert asyncio.get_running_loop().time() - began < 10
        await asyncio.wait_for(gate.wait(), 10)

    play(shop(child(Middle, id="m"), child(Recorder, None, gate, id="b")), scenario)


def test_a_busy_agent_starves_nobody(play):
    """While one works off thousands, another answers, and the loop sees its timers."""
    ticks, at, book = [], [], []
    all_sent = threading.Event()  # where the agents have a thread, it is not to be ahead

    class Busy(Recorder):
        @handles
        def note(self, note: Note) -> Answer:
            assert all_sent.wait(10)
            return super().note(note)

    class Other(Agent):
        @handles
        def note(self, note: Note) -> Answer:
            at.append(len(book))
            return Answer(note.n)

    async def scenario(system):
        ref = system.ref("busy")
        for n in range(5_000):
            ref.tell(Note(n))
        loop = asyncio.get_running_loop()
        loop.call_later(0.0, lambda: ticks.append(len(book)))
        asked = system.ask("b", Note(1))
        all_sent.set()
        assert await asked == Answer(1)
        if not isinstance(system.ground, SimulatedGround):  # there, handling takes no time
            assert at[0] < 5_000
        await ref.ask(Get(), timeout=60)
        assert ticks

    play(shop(child(Busy, book, id="busy"), child(Other, id="b")), scenario)


class Flood(Agent):
    """Sends more than fits."""

    def __init__(self, book):
        self.book = book

    @handles
    async def send(self, send: Send) -> Answer:
        """Wait for room."""
        for n in send.numbers:
            await self.tell(send.to, Note(n))
        return Answer(len(send.numbers))

    @handles
    def note(self, note: Note) -> Answer:
        """Cannot wait."""
        try:
            for n in range(5):
                self.tell("a", Note(n))
        except MailboxFull as error:
            self.book.append(error.capacity)
        return Answer(0)


def test_a_sender_in_an_async_handler_waits_for_room(play, until):
    """`await tell` suspends the sender only; nothing is lost and the order stays."""
    gate, book = asyncio.Event(), []

    async def scenario(system):
        waiting = await make_busy(system, until)
        sending = system.ask("f", Send(system.ref("a"), tuple(range(10))), timeout=60)
        await until(lambda: system.ref("a")._cell.more.parked)
        assert not sending.done()
        gate.set()
        await waiting
        assert await sending == Answer(10)
        await system.ask("a", Get())
        assert book == list(range(10))

    tree = shop(child(Recorder, book, gate, id="a", mailbox=2), child(Flood, [], id="f"))
    play(tree, scenario)


@pytest.mark.parametrize("overflow", [WAIT, FAIL], ids=str)
def test_a_sender_that_cannot_wait_hears_at_the_call(play, until, overflow):
    """MailboxFull in a sync handler; what was sent before arrives."""
    gate, book, errors = asyncio.Event(), [], []

    async def scenario(system):
        waiting = await make_busy(system, until)
        await system.ask("f", Note(0))
        gate.set()
        await waiting
        await system.ask("a", Get())
        assert errors == [2]
        assert book == [0, 1]

    tree = shop(
        child(Recorder, book, gate, id="a", mailbox=2, overflow=overflow),
        child(Flood, errors, id="f"),
    )
    play(tree, scenario)


@pytest.mark.parametrize("overflow", [WAIT, FAIL, DROP_OLDEST, DEAD_LETTER], ids=str)
def test_urgent_mail_has_no_bound(play, until, overflow):
    """Control messages pass a full mailbox under every policy."""
    gate, book = asyncio.Event(), []

    async def scenario(system):
        waiting = await make_busy(system, until)
        ref = system.ref("a")
        for n in range(2):
            await ref.tell(Note(n))
        for n in range(1, 4):
            await ref.tell(Urgent(n))
        await until(lambda: ref._cell.queued() == 5)
        gate.set()
        await waiting
        await ref.ask(Get())
        assert book == [-1, -2, -3, 0, 1]

    play(shop(child(Recorder, book, gate, id="a", mailbox=2, overflow=overflow)), scenario)


def test_urgent_mail_is_urgent_by_name_too(play, until):
    """The lane belongs to the message, however its receiver is addressed."""
    gate, book = asyncio.Event(), []

    async def scenario(system):
        waiting = await make_busy(system, until)
        await system.tell("a", Note(1))
        await system.tell("a", Urgent(2))
        await until(lambda: system.ref("a")._cell.queued() == 2)
        gate.set()
        await waiting
        await system.ask("a", Get())
        assert book == [-2, 1]

    play(shop(child(Recorder, book, gate, id="a")), scenario)


def test_a_message_to_be_retried_has_failed_when_its_agent_is_being_stopped(play, until):
    """Nobody is left to try it again: its asker hears, and the account adds up."""
    gate = asyncio.Event()

    class Fragile(Recorder):
        @handles
        async def wait(self, wait: Wait) -> Answer:
            while not self.gate.is_set():
                await self.sleep(0.001)
            raise ValueError("at the end")

    async def scenario(system):
        waiting = await make_busy(system, until)
        gone = system.ref("a").stop()
        gate.set()
        with pytest.raises(AskFailed, match="at the end"):
            await waiting
        await gone

    system = play(shop(child(Fragile, None, gate, id="a", retries=3)), scenario)
    assert system.account().failed == 1


def test_mail_that_waits_for_room_survives_a_crash_in_order(play, until):
    """Parked senders are let in behind what waits already, also after a restart."""
    gate, book = asyncio.Event(), []

    class Fragile(Recorder):
        @handles
        async def wait(self, wait: Wait) -> Answer:
            while not self.gate.is_set():
                await self.sleep(0.001)
            raise ValueError("after the wait")

    async def scenario(system):
        waiting = await make_busy(system, until)
        ref = system.ref("a")
        sent = [ref.tell(Note(n)) for n in range(6)]
        await until(lambda: len(ref._cell.more.parked) == 4)
        gate.set()
        with pytest.raises(AskFailed):
            await waiting
        for one in sent:
            await one
        await ref.ask(Get())
        assert book == list(range(6))

    play(shop(child(Fragile, book, gate, id="a", mailbox=2)), scenario)


def test_a_cancelled_ask_makes_its_answer_a_dead_letter(play, until):
    """Whoever gives up waiting leaves a trace."""
    gate = asyncio.Event()

    async def scenario(system):
        asked = await make_busy(system, until)
        asked.cancel()
        await until(asked.cancelled)
        gate.set()
        await until(lambda: len(system.dead_letters) == 1)

    system = play(shop(child(Recorder, None, gate, id="a")), scenario)
    assert [letter.reason for letter in system.dead_letters] == ["late reply"]
