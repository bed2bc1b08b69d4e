"""Threads, several systems, other event loops, and those who come too late."""

from __future__ import annotations

import asyncio
import threading

import pytest
from loguru import logger

from harmonium import (
    FAIL,
    TEMPORARY,
    Agent,
    AgentDead,
    AskFailed,
    AskTimeout,
    ContractError,
    MailboxFull,
    Ref,
    System,
    Terminated,
    child,
    handles,
    message,
    supervisor,
)
from harmonium.actors import burying
from harmonium.protocols.errors import DefinitionError, StartFailed
from tests.contract.agents import Answer, Get, Note, Notes, Recorder, Send, Unwanted, Wait


def shop(*children, **options):
    return supervisor("t", children=children, **({"max_restarts": 100} | options))


@message
class Do:
    """Use a method from a blocking handler."""

    what: str
    to: Ref | None = None


@message
class Did:
    """What came of it."""

    text: str


class Worker(Agent):
    """Uses every method of an agent from a blocking handler."""

    publishes = (Note,)

    def __init__(self, book=None):
        self.book = [] if book is None else book
        self.owed = None

    @handles(blocking=True)
    def do(self, do: Do) -> Did:
        return Did(str(getattr(self, do.what)(do)))

    def spawning(self, do):
        ref = self.spawn(Recorder, id="kid")
        answer = ref.ask(Note(1)).result(5)
        return f"{ref.path} {answer.n}"

    def identity(self, do):
        return f"{self.correlation_id} {self.deadline is not None} {self.sender is None}"

    def telling(self, do):
        self.tell(do.to, Note(7)).result(5)
        self.tell("b", Note(8)).result(5)
        self.publish(Note(9))
        return self.ask(do.to, Get()).result(5).numbers

    def refusing(self, do):
        try:
            self.tell(do.to, Unwanted())
        except ContractError:
            return "refused"
        return "sent"

    def watching(self, do):
        self.watch(do.to)
        self.stop(do.to)
        return "watched"

    def scheduling(self, do):
        self.schedule(0.0, Note(3))
        self.subscribe(Note)
        return "scheduled"

    def replying(self, do):
        self.reply(Did("early"))
        return "late"

    def deferring(self, do):
        self.owed = self.defer()
        return "never seen"

    @handles
    def note(self, note: Note) -> None:
        self.book.append(note.n)
        if self.owed is not None:
            self.owed.reply(Did("owed"))

    @handles
    def gone(self, event: Terminated) -> None:
        self.book.append(event.path)


def test_a_blocking_handler_may_spawn_and_ask(play):
    """The child is a child like any other."""

    async def scenario(system):
        assert (await system.ask("a", Do("spawning"))).text == "/t/a/kid 1"

    play(shop(child(Worker, id="a")), scenario)


def test_a_blocking_handler_sees_its_request(play):
    """Correlation id and deadline are those of the message in work."""

    async def scenario(system):
        asked = system.ask("a", Do("identity"), correlation_id="order-9")
        assert (await asked).text == "order-9 True True"

    play(shop(child(Worker, id="a")), scenario)


def test_what_a_blocking_handler_sends_belongs_to_its_request(play):
    """Correlation and cause follow, by ref, by name and by topic; the order stays."""
    seen = []

    class Last(Recorder):
        @handles
        def note(self, note: Note) -> Answer:
            seen.append(self.correlation_id)
            return super().note(note)

    async def scenario(system):
        asked = system.ask("a", Do("telling", system.ref("b")), correlation_id="order-9")
        assert (await asked).text == "(7, 8)"
        assert set(seen) == {"order-9"}

    play(shop(child(Worker, id="a"), child(Last, id="b")), scenario)


def test_a_blocking_handler_is_refused_at_the_call(play):
    """A message outside the contract raises in the handler's thread."""

    async def scenario(system):
        assert (await system.ask("a", Do("refusing", system.ref("b")))).text == "refused"

    play(shop(child(Worker, id="a"), child(Recorder, id="b")), scenario)


def test_a_blocking_handler_may_watch_stop_schedule_and_subscribe(play, until):
    """Each takes effect as from any other handler."""
    book = []

    async def scenario(system):
        await system.ask("a", Do("scheduling"))
        await until(lambda: 3 in book)
        await system.ask("a", Do("watching", system.ref("b")))
        await until(lambda: "/t/b" in book)

    play(shop(child(Worker, book, id="a"), child(Recorder, id="b", restart=TEMPORARY)), scenario)


def test_a_blocking_handler_may_reply_early_or_later(play):
    """`reply` and `defer` work; what the handler returns then is not sent."""

    async def scenario(system):
        assert (await system.ask("a", Do("replying"))).text == "early"
        owed = system.ask("a", Do("deferring"))
        system.tell("a", Note(1))
        assert (await owed).text == "owed"

    play(shop(child(Worker, id="a")), scenario)


@pytest.fixture(autouse=True)
def _quiet():
    logger.disable("harmonium")
    yield
    logger.enable("harmonium")


def test_an_incarnation_that_ended_can_do_nothing_from_its_thread():
    """A thread cannot be killed; what it tries to do afterwards is refused."""
    entered, leave, over = threading.Event(), threading.Event(), threading.Event()
    results = []

    class Zombie(Agent):
        @handles(blocking=True)
        def note(self, note: Note) -> None:
            entered.set()
            leave.wait(10)
            try:
                self.tell(self.ref, Note(2))
            except AgentDead as error:
                results.append(error)
            over.set()

        @handles
        def get(self, get: Get) -> Notes:
            return Notes((self.incarnation,))

    with System(shop(child(Zombie, id="z"))) as system:
        asked = system.ask("z", Note(1), timeout=60)
        assert entered.wait(10)
        system.call(lambda ground: burying.kill(system.ref("z")._cell)).result(10)
        with pytest.raises(AgentDead):
            asked.result(10)
        assert system.ask("z", Get()).result(10) == Notes((2,))
        leave.set()
        assert over.wait(10)
        assert len(results) == 1
    assert system.account().in_flight == 0
    assert system.account().balanced


def test_many_threads_may_ask_at_once():
    """Each gets its own answer; ids are all different; the account adds up."""
    ids, answers, lock = set(), [], threading.Lock()

    class Echo(Agent):
        @handles
        def note(self, note: Note) -> Answer:
            ids.add(self.correlation_id)
            return Answer(note.n)

    def client(system, base):
        for n in range(base, base + 200):
            answer = system.ask("e", Note(n)).result(10)
            with lock:
                answers.append((n, answer.n))

    with System(shop(child(Echo, id="e"))) as system:
        threads = [threading.Thread(target=client, args=(system, k * 200)) for k in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert all(n == got for n, got in answers)
    assert len(answers) == len(ids) == 800
    assert system.account().balanced


def test_result_waits_no_longer_than_it_is_told():
    """`.result(timeout)` raises TimeoutError; the ask itself lives on until its deadline."""
    gate = asyncio.Event()
    with System(shop(child(Recorder, None, gate, id="a"))) as system:
        asked = system.ask("a", Wait(), timeout=10)
        with pytest.raises(TimeoutError):
            asked.result(0.01)
        gate.set()
        assert asked.result(10) == Answer(0)


def test_result_in_the_grounds_own_thread_is_refused():
    """It would wait for itself."""

    class Foolish(Agent):
        @handles
        def note(self, note: Note) -> Answer:
            self.ask("b", Note(1)).result(1)
            return Answer(0)

    tree = shop(child(Foolish, id="a"), child(Recorder, id="b"))
    with System(tree) as system, pytest.raises(AskFailed, match="use 'await'"):
        system.ask("a", Note(1)).result(10)


def test_asyncio_takes_an_ask_from_another_loop():
    """await, gather, wait_for and shield work on a loop that is not the ground's."""
    gate = asyncio.Event()

    async def main(system):
        assert await system.ask("a", Note(1)) == Answer(1)
        asks = [system.ask("a", Note(n)) for n in range(5)]
        assert await asyncio.gather(*asks) == [Answer(n) for n in range(5)]
        assert await asyncio.wait_for(system.ask("a", Note(2)), 10) == Answer(2)
        assert await asyncio.shield(system.ask("a", Note(3))) == Answer(3)
        waiting = system.ask("b", Wait(), timeout=60)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(waiting, 0.01)
        await system.call(lambda _: None)  # the ground's thread has heard of it
        assert waiting.cancelled()
        gate.set()

    with System(shop(child(Recorder, id="a"), child(Recorder, None, gate, id="b"))) as system:
        asyncio.run(main(system))
    assert system.account().balanced
    assert system.account().in_flight == 0


def test_a_full_mailbox_reaches_a_sender_in_another_thread():
    """By ref and by name: MailboxFull is the outcome of the tell, and nothing else stops."""
    gate = asyncio.Event()
    tree = shop(child(Recorder, None, gate, id="a", mailbox=1, overflow=FAIL))
    with System(tree) as system:
        waiting = system.ask("a", Wait(), timeout=60)
        while not system.call(lambda ground: system.ref("a")._cell.busy).result(10):
            pass
        system.tell("a", Note(1)).result(10)
        for target in ("a", system.ref("a")):
            with pytest.raises(MailboxFull):
                system.tell(target, Note(2)).result(10)
        gate.set()
        waiting.result(10)
        assert system.ask("a", Get()).result(10) == Notes((1,))


def test_systems_in_one_process_do_not_disturb_one_another():
    """Same names, same paths, own accounts; the crash of one tree is no business of the other."""
    with System(shop(child(Recorder, id="a"))) as one, System(shop(child(Recorder, id="a"))) as two:
        one.ask("a", Note(1)).result(10)
        assert two.ask("a", Get()).result(10) == Notes(())
        one.stop()
        assert two.ask("a", Note(2)).result(10) == Answer(2)
    assert one.account().sent == 2
    assert two.account().sent == 4


class Abroad(Agent):
    """Speaks to an agent of another system."""

    @handles
    async def send(self, send: Send) -> Answer:
        await self.tell(send.to, Note(1))
        answer: Answer = await self.ask(send.to, Note(2), timeout=10)
        return answer

    @handles
    def do(self, do: Do) -> Did:
        try:
            self.watch(do.to)
        except DefinitionError as error:
            return Did(str(error))
        return Did("watched")

    @handles
    def gone(self, event: Terminated) -> None:
        """Never called here."""


def test_an_agent_may_ask_an_agent_of_another_system():
    """As from outside: each account adds up by itself, the request's id goes along."""
    ids = []

    class Home(Recorder):
        @handles
        def note(self, note: Note) -> Answer:
            ids.append(self.correlation_id)
            return super().note(note)

    with System(shop(child(Abroad, id="x"))) as one, System(shop(child(Home, id="a"))) as two:
        asked = one.ask("x", Send(two.ref("a"), ()), correlation_id="order-3")
        assert asked.result(10) == Answer(2)
        assert ids[1] == "order-3"
        did = one.ask("x", Do("watch", two.ref("a"))).result(10)
        assert "another ground" in did.text
    for system in (one, two):
        assert system.account().balanced
        assert system.account().in_flight == 0


def test_two_systems_on_one_loop():
    """Both run on the caller's loop, and their agents may ask each other."""

    async def main():
        one, two = System(shop(child(Abroad, id="x"))), System(shop(child(Recorder, id="a")))
        async with one, two:
            assert await one.ask("x", Send(two.ref("a"), ())) == Answer(2)
        return one, two

    for system in asyncio.run(main()):
        assert system.account().balanced
        assert system.account().in_flight == 0


def test_who_comes_after_the_end_hears_at_once():
    """A ref outlives its system: an ask fails, a tell is a dead letter, nobody hangs."""
    with System(shop(child(Recorder, id="a"))) as system:
        ref = system.ref("a")
    with pytest.raises(AgentDead):
        ref.ask(Note(1)).result(10)
    ref.tell(Note(2)).result(10)
    assert [letter.reason for letter in system.dead_letters][-2:] == ["system is stopping"] * 2
    assert system.account().balanced


def test_who_waits_while_the_system_ends_hears_too():
    """Asks under way at the end are answered, whatever thread they came from."""
    started = threading.Event()
    outcomes = []

    def client(system):
        try:
            while True:
                system.ref("a").ask(Note(1), timeout=30).result(30)
                started.set()
        except Exception as error:
            outcomes.append(type(error).__name__)

    with System(shop(child(Recorder, id="a"))) as system:
        thread = threading.Thread(target=client, args=(system,))
        thread.start()
        assert started.wait(10)
    thread.join(20)
    assert outcomes[0] in ("AgentDead", "UnknownAgent")
    assert system.account().balanced


def test_stop_from_two_threads_is_one_stop():
    """Both get the report."""
    with System(shop(child(Recorder, id="a"))) as system:
        other = threading.Thread(target=system.stop)
        other.start()
        report = system.stop()
        other.join(10)
        assert system.report is not None
        assert report.clean


def test_a_start_that_fails_leaves_no_thread():
    """StartFailed comes out of `with`, and everything is given back."""

    class Bad(Agent):
        def __init__(self):
            raise OSError("no disk")

    before = threading.active_count()
    with pytest.raises(StartFailed, match="no disk"), System(shop(child(Bad, id="bad"))):
        pass
    assert threading.active_count() == before


def test_a_timeout_is_kept_in_real_time():
    """The one who asks hears AskTimeout although nothing else happens on the ground."""
    with System(shop(child(Recorder, None, asyncio.Event(), id="a", shutdown=0.0))) as system:
        with pytest.raises(AskTimeout):
            system.ask("a", Wait(), timeout=0.02).result(10)
        system.ref("a")._cell.agent.gate.set()
