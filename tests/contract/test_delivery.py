"""Order, fates, bounds and lanes."""

from __future__ import annotations

import asyncio

import pytest

from harmonium import (
    DEAD_LETTER,
    DROP_OLDEST,
    FAIL,
    Agent,
    AgentDead,
    AskFailed,
    AskTimeout,
    ContractError,
    MailboxFull,
    child,
    handles,
    supervisor,
)
from harmonium.protocols.errors import UnknownAgent
from tests.contract.agents import Answer, Crash, Get, Note, Recorder, Send, Unwanted, Urgent, Wait


def shop(*children, **options):
    return supervisor("t", children=children, **({"max_restarts": 100} | options))


def test_messages_from_one_to_another_arrive_in_order(play):
    """A to B: in the order sent."""

    async def scenario(system):
        b = system.ref("b")
        system.tell("a", Send(b, tuple(range(500))))
        await system.ask("a", Get())
        assert (await system.ask("b", Get())).numbers == tuple(range(500))

    play(shop(child(Recorder, id="a"), child(Recorder, id="b")), scenario)


def test_an_ask_gets_its_answer(play):
    """The reply of the handler settles the ask."""

    async def scenario(system):
        assert await system.ask("a", Note(7)) == Answer(7)

    play(shop(child(Recorder, id="a")), scenario)


def test_a_crash_answers_the_asker_at_once_with_the_remote_error(play):
    """The asker of a crash hears type, text and traceback long before its timeout."""

    async def scenario(system):
        began = asyncio.get_running_loop().time()
        with pytest.raises(AskFailed) as caught:
            await system.ask("a", Crash("lamp"), timeout=60)
        assert asyncio.get_running_loop().time() - began < 5
        assert caught.value.error_type == "ValueError"
        assert caught.value.text == "lamp"
        assert "raise ValueError(crash.text)" in caught.value.remote_traceback

    play(shop(child(Recorder, id="a")), scenario)


def test_an_unknown_name_answers_at_once(play):
    """Nobody of that name: the asker hears, with the nearest name."""

    async def scenario(system):
        with pytest.raises(UnknownAgent) as caught:
            await system.ask("/t/recoder", Note(1), timeout=60)
        assert "recoder" in str(caught.value)

    system = play(shop(child(Recorder, id="recorder")), scenario)
    assert [letter.reason for letter in system.dead_letters] == ["unknown agent"]


def test_an_ask_of_a_dead_agent_fails_at_once(play):
    """A ref of an agent that is gone gives AgentDead."""

    async def scenario(system):
        ref = system.ref("a")
        await ref.stop()
        with pytest.raises(AgentDead):
            await ref.ask(Note(1), timeout=60)

    play(shop(child(Recorder, id="a", restart=_temporary())), scenario)


def _temporary():
    from harmonium import TEMPORARY

    return TEMPORARY


def test_the_mail_behind_a_crash_survives_in_order(play):
    """m1 fails; m2 and m3 are handled once each, in order, by the next incarnation."""
    book: list[int] = []

    async def scenario(system):
        ref = system.ref("a")
        ref.tell(Note(1))
        ref.tell(Crash())
        ref.tell(Note(2))
        ref.tell(Note(3))
        await ref.ask(Get())
        assert book == [1, 2, 3]

    system = play(shop(child(Recorder, book, id="a")), scenario)
    assert system.restarts == 1
    assert system.account().failed == 1


def test_asks_that_wait_behind_a_crash_are_answered_after_the_restart(play):
    """The asker of a message that waited notices nothing of the crash before it."""

    async def scenario(system):
        ref = system.ref("a")
        crash = ref.ask(Crash())
        note = ref.ask(Note(5))
        with pytest.raises(AskFailed):
            await crash
        assert await note == Answer(5)

    play(shop(child(Recorder, id="a")), scenario)


def test_a_message_outside_the_contract_is_refused_at_a_ref(play):
    """A typed ref refuses at the sender and names what is taken."""

    async def scenario(system):
        with pytest.raises(ContractError, match="Unwanted"):
            system.ref("a").tell(Unwanted())
        with pytest.raises(ContractError, match="no message"):
            system.ref("a").tell("text")

    play(shop(child(Recorder, id="a")), scenario)


def test_a_message_outside_the_contract_by_name_is_a_dead_letter_and_an_error(play):
    """By name the receiver refuses: a dead letter, and the asker hears ContractError."""

    async def scenario(system):
        with pytest.raises(ContractError):
            await system.ask("a", Unwanted(), timeout=60)

    system = play(shop(child(Recorder, id="a")), scenario)
    assert [letter.reason for letter in system.dead_letters] == ["not in the contract"]


def test_a_late_reply_is_a_dead_letter(play, until):
    """An answer after the deadline is not lost without a trace."""
    gate = asyncio.Event()

    async def scenario(system):
        with pytest.raises(AskTimeout):
            await system.ask("a", Wait(), timeout=0.02)
        gate.set()
        await until(lambda: len(system.dead_letters) == 1)

    system = play(shop(child(Recorder, None, gate, id="a")), scenario)
    assert [letter.reason for letter in system.dead_letters] == ["late reply"]


class Caller(Agent):
    """Asks with a callback, and crashes before the answer is there."""

    def __init__(self, heard):
        self.heard = heard

    @handles
    def note(self, note: Note) -> None:
        """Ask."""
        self.ask("slow", Wait()).then(lambda ask: self.heard.append((self.incarnation, ask)))

    @handles
    def crash(self, crash: Crash) -> None:
        """Crash."""
        raise ValueError(crash.text)


def test_no_callback_of_an_incarnation_that_has_ended_is_called(play, until):
    """The answer to what it asked is a dead letter: it would act under its successor's name."""
    gate, heard = asyncio.Event(), []

    async def scenario(system):
        await system.tell("caller", Note(1))
        with pytest.raises(AskFailed):
            await system.ask("caller", Crash())
        await until(lambda: system.ref("caller")._cell.incarnation == 2)
        gate.set()
        await until(lambda: len(system.dead_letters) == 1)

    children = [child(Caller, heard, id="caller"), child(Recorder, None, gate, id="slow")]
    system = play(shop(*children), scenario)
    assert [letter.reason for letter in system.dead_letters] == ["asker restarted"]
    assert heard == []


def test_expired_work_is_not_done(play, until):
    """What waits past its deadline becomes a dead letter instead of being handled."""
    gate = asyncio.Event()
    book: list[int] = []

    async def scenario(system):
        waiting = system.ask("a", Wait(), timeout=10)
        with pytest.raises(AskTimeout):
            await system.ask("a", Note(1), timeout=0.02)
        gate.set()
        await waiting
        await system.ask("a", Get())
        assert book == []

    system = play(shop(child(Recorder, book, gate, id="a")), scenario)
    assert [letter.reason for letter in system.dead_letters] == ["expired"]


def test_control_messages_pass_the_backlog(play, until):
    """An urgent message is handled before user messages that wait already."""
    gate = asyncio.Event()
    book: list[int] = []

    async def scenario(system):
        ref = system.ref("a")
        waiting = ref.ask(Wait(), timeout=10)
        await until(lambda: ref._cell.busy)
        for n in (1, 2):
            ref.tell(Note(n))
        ref.tell(Urgent(3))
        await until(lambda: ref._cell.queued() == 3)
        gate.set()
        await waiting
        await ref.ask(Get())
        assert book == [-3, 1, 2]

    play(shop(child(Recorder, book, gate, id="a")), scenario)


def full(overflow, gate, book):
    options = {} if overflow is None else {"overflow": overflow}
    return shop(child(Recorder, book, gate, id="a", mailbox=2, **options))


def test_a_full_mailbox_makes_tell_wait(play):
    """WAIT: `await tell` returns when there is room; the order stays."""
    gate, book = asyncio.Event(), []

    async def scenario(system):
        ref = system.ref("a")
        waiting = ref.ask(Wait(), timeout=10)
        sent = [ref.tell(Note(n)) for n in range(10)]
        gate.set()
        for one in sent:
            await one
        await waiting
        await ref.ask(Get())
        assert book == list(range(10))

    play(full(None, gate, book), scenario)


def test_a_full_mailbox_that_drops_keeps_the_newest(play, until):
    """DROP_OLDEST: the oldest becomes a dead letter."""
    gate, book = asyncio.Event(), []

    async def scenario(system):
        ref = system.ref("a")
        waiting = ref.ask(Wait(), timeout=10)
        await until(lambda: ref._cell.busy)
        for n in range(4):
            await ref.tell(Note(n))
            await until(lambda n=n: ref._cell.mailbox and ref._cell.mailbox[-1][0] == Note(n))
        gate.set()
        await waiting
        await ref.ask(Get())
        assert book == [2, 3]

    system = play(full(DROP_OLDEST, gate, book), scenario)
    assert [letter.envelope.message.n for letter in system.dead_letters] == [0, 1]


def test_a_full_mailbox_that_dead_letters_keeps_the_oldest(play, until):
    """DEAD_LETTER: the new one becomes a dead letter, and an asker hears MailboxFull."""
    gate, book = asyncio.Event(), []

    async def scenario(system):
        ref = system.ref("a")
        waiting = ref.ask(Wait(), timeout=10)
        await until(lambda: ref._cell.busy)
        for n in range(2):
            await ref.tell(Note(n))
        with pytest.raises(MailboxFull):
            await ref.ask(Note(2))
        gate.set()
        await waiting
        await ref.ask(Get())
        assert book == [0, 1]

    play(full(DEAD_LETTER, gate, book), scenario)


def test_a_full_mailbox_that_fails_tells_the_sender(play, until):
    """FAIL: MailboxFull, with the envelope in it."""
    gate, book = asyncio.Event(), []

    async def scenario(system):
        ref = system.ref("a")
        waiting = ref.ask(Wait(), timeout=10)
        await until(lambda: ref._cell.busy)
        for n in range(2):
            await ref.tell(Note(n))
        with pytest.raises(MailboxFull) as caught:
            await ref.tell(Note(2))
        assert caught.value.capacity == 2
        assert caught.value.envelope.message == Note(2)
        gate.set()
        await waiting

    play(full(FAIL, gate, book), scenario)


def test_correlation_follows_and_causation_links(play):
    """A message sent in a handler carries the request's id and names its cause."""
    from harmonium import Agent, handles

    seen = []

    class Last(Agent):
        @handles
        def note(self, note: Note) -> None:
            current = self._cell.current
            seen.append(self._cell.ground.view(self._cell, current))

    class First(Agent):
        @handles
        def note(self, note: Note) -> Answer:
            seen.append(self._cell.ground.view(self._cell, self._cell.current))
            self.tell("last", note)
            return Answer(0)

    async def scenario(system):
        await system.ask("first", Note(1), correlation_id="order-17")
        await system.call(lambda ground: None)

    play(shop(child(First, id="first"), child(Last, id="last")), scenario)
    first, last = seen
    assert first.correlation_id == last.correlation_id == "order-17"
    assert last.causation_id == first.id
    assert last.sender == "/t/first"


def test_a_deadline_shrinks_with_each_hop(play):
    """An ask inside a handler cannot outlive the ask that led to it."""
    from harmonium import Agent, handles

    deadlines = []

    class Last(Agent):
        @handles
        def note(self, note: Note) -> Answer:
            deadlines.append(self.deadline)
            return Answer(1)

    class First(Agent):
        @handles
        async def note(self, note: Note) -> Answer:
            deadlines.append(self.deadline)
            answer: Answer = await self.ask("last", note, timeout=1000)
            return answer

    async def scenario(system):
        await system.ask("first", Note(1), timeout=5)

    play(shop(child(First, id="first"), child(Last, id="last")), scenario)
    assert deadlines[0] == deadlines[1]


def test_a_busy_agent_starves_nobody(play):
    """While one agent has a long queue, another one answers."""

    async def scenario(system):
        busy = system.ref("busy")
        for n in range(9000):
            busy.tell(Note(n))
        await system.ask("quick", Note(1))
        handled = len((await system.ask("busy", Get())).numbers)
        assert handled == 9000

    play(shop(child(Recorder, id="busy"), child(Recorder, id="quick")), scenario)
