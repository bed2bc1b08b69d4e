"""LocalBase: what plain Thespian actors may rely on, and how they and agents talk.

Thespian's own tests say more of the first: `make conformance`, and a part of them in
`tests/conformance/test_subset.py`.
"""
# ruff: noqa: N802 - receiveMessage is Thespian's name

from __future__ import annotations

import asyncio
import copy
import gc
import io
import os
import pickle
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from thespian.actors import (
    Actor,
    ActorExitRequest,
    ActorSystem,
    ActorSystemFailure,
    ChildActorExited,
    DeadEnvelope,
    InvalidActorAddress,
    InvalidActorSourceHash,
    LoadedSource,
    NoCompatibleSystemForActor,
    PoisonMessage,
    ThespianWatch,
    ValidatedSource,
    ValidateSource,
    WakeupMessage,
    WatchMessage,
    requireCapability,
)
from thespian.system.messages.status import (
    Thespian_ActorStatus,
    Thespian_StatusReq,
    Thespian_SystemStatus,
)

from harmonium.actors.account import Account
from harmonium.actors.agent import Agent
from harmonium.actors.birth import Birth
from harmonium.actors.cell import Cell
from harmonium.actors.handlers import handles
from harmonium.actors.local import LocalGround
from harmonium.actors.promise import Promise
from harmonium.actors.ref import Ref
from harmonium.actors.thespian_base import LocalBase
from harmonium.protocols.errors import (
    AgentDead,
    AskFailed,
    AskTimeout,
    ContractError,
    DefinitionError,
    SpecError,
)
from harmonium.protocols.message import message
from harmonium.supervisors.spec import child
from harmonium.supervisors.system import System

LONG = 30.0  # seconds; a wait that should be over at once, and that fails the test when it is not


class Relay(Actor):
    """Does what it is told with a function, and notes what else it gets."""

    def __init__(self) -> None:
        self.seen: list[Any] = []

    def receiveMessage(self, msg: Any, sender: Any) -> Any:
        if isinstance(msg, Do):
            return msg.what(self, sender)
        if msg == "seen":
            self.send(sender, list(self.seen))
        else:
            self.seen.append(msg)
        return None


class Do:
    """Something for a `Relay` to do."""

    def __init__(self, what: Callable[[Any, Any], Any]) -> None:
        self.what = what


class Echo(Actor):
    def receiveMessage(self, msg: Any, sender: Any) -> None:
        if isinstance(msg, str):
            self.send(sender, msg)


@message
class Add:
    a: int
    b: int


@message
class Sum:
    value: int


@message
class Note:
    text: str


class Adder(Agent):
    @handles
    def add(self, query: Add) -> Sum:
        if query.b == 0:
            raise ValueError("nothing to add")
        return Sum(query.a + query.b)

    @handles
    def note(self, note: Note) -> None: ...


@pytest.fixture
def base() -> LocalBase:
    return LocalBase(capabilities={"Colour": "red"})


@pytest.fixture
def asys(base: LocalBase) -> Iterator[ActorSystem]:
    system = ActorSystem(systemBase=base, transientUnique=True)
    yield system
    system.shutdown()


def do(asys: ActorSystem, relay: Any, what: Callable[[Any, Any], Any]) -> Any:
    """Have a relay do something and send back what comes of it."""

    def act(actor: Any, sender: Any) -> None:
        actor.send(sender, [what(actor, sender)])

    return asys.ask(relay, Do(act), LONG)[0]


def seen(asys: ActorSystem, relay: Any, last: Any) -> list[Any]:
    """Wait until a relay has seen something, and give all it has."""
    return until(lambda: asys.ask(relay, "seen", LONG), lambda all_: any(map(last, all_)))


def until(look: Callable[[], Any], enough: Callable[[Any], bool]) -> Any:
    """Look until it is enough."""
    deadline = time.monotonic() + LONG
    while not enough(found := look()):
        assert time.monotonic() < deadline, found
    return found


def is_a(cls: type) -> Callable[[Any], bool]:
    return lambda one: isinstance(one, cls)


def account(base: LocalBase) -> Account:
    return base._calls(base.ground.account)


# -- plain actors


def test_an_actor_answers_and_every_message_is_accounted_for(
    base: LocalBase, asys: ActorSystem
) -> None:
    """A plain actor runs unchanged, and its messages are in the ground's account."""
    assert asys.ask(asys.createActor(Echo), "hello", LONG) == "hello"
    asys.tell(asys.createActor(Echo), "first")
    asys.tell(asys.createActor(Echo), "second")
    assert {asys.listen(LONG), asys.listen(LONG)} == {"first", "second"}
    found = account(base)
    assert found.balanced
    assert (found.sent, found.handled) == (6, 6)


class Fragile(Actor):
    def __init__(self) -> None:
        self.got: list[Any] = []

    def receiveMessage(self, msg: Any, sender: Any) -> None:
        if msg == "got":
            self.send(sender, self.got)
        elif isinstance(msg, dict):
            self.got.append(msg)
            msg["runs"] = msg.get("runs", 0) + 1
            if msg["runs"] < msg["from"]:
                raise ValueError("not yet")
            self.send(sender, "done")


def test_a_message_whose_handling_raises_is_handled_once_more_as_a_deep_copy(
    asys: ActorSystem,
) -> None:
    """The second run works on a deep copy, at once; a success then hides the first failure."""
    fragile, order = asys.createActor(Fragile), {"from": 2}
    assert asys.ask(fragile, order, LONG) == "done"
    first, second = asys.ask(fragile, "got", LONG)
    assert first is order
    assert second is not order
    assert (first["runs"], second["runs"]) == (1, 2)


def test_a_message_that_raises_twice_is_poison_and_the_actor_goes_on(
    base: LocalBase, asys: ActorSystem
) -> None:
    """The sender gets a PoisonMessage with the traceback; the actor keeps its state."""
    fragile = asys.createActor(Fragile)
    poison = asys.ask(fragile, {"from": 9}, LONG)
    assert isinstance(poison, PoisonMessage)
    assert poison.poisonMessage["from"] == 9
    assert "ValueError: not yet" in poison.details
    assert len(asys.ask(fragile, "got", LONG)) == 2
    found = account(base)
    assert found.balanced
    assert found.failed == 1


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, asyncio.CancelledError])
def test_an_exit_inside_a_handler_ends_only_its_actor(
    base: LocalBase, asys: ActorSystem, error: type[BaseException]
) -> None:
    """What would end a process ends the actor: its parent hears so once, others go on."""

    def fall(actor: Any, sender: Any) -> None:
        raise error

    parent = asys.createActor(Relay)
    child = do(asys, parent, lambda actor, _: actor.createActor(Relay))
    asys.tell(child, Do(fall))
    exits = [e for e in seen(asys, parent, is_a(ChildActorExited)) if is_a(ChildActorExited)(e)]
    assert [e.childAddress for e in exits] == [child]
    assert asys.ask(child, "anybody?", LONG) is None
    found = account(base)
    assert found.balanced
    assert found.failed == 1


class Stillborn(Actor):
    def __init__(self) -> None:
        raise ValueError("I cannot start")


def test_a_child_that_cannot_start_has_an_address_and_its_parent_hears_of_it_once(
    base: LocalBase, asys: ActorSystem
) -> None:
    """In an actor, createActor never raises; what is sent to nobody is a dead letter."""
    parent = asys.createActor(Relay)
    for what in (Stillborn, "no.such.Module", Coloured["blue"]):
        child = do(asys, parent, lambda actor, _, what=what: actor.createActor(what))
        seen(asys, parent, lambda one, child=child: one == ChildActorExited(child))
        assert asys.ask(child, "anybody?", LONG) is None
    assert len(asys.ask(parent, "seen", LONG)) == 3
    assert account(base).balanced


def test_a_primary_actor_that_cannot_start_raises(asys: ActorSystem) -> None:
    """Outside, createActor raises what the constructor or the import raised."""
    with pytest.raises(ValueError, match="I cannot start"):
        asys.createActor(Stillborn)
    with pytest.raises(ImportError):
        asys.createActor("no.such.Module")


def _coloured(colour: str) -> type[Actor]:
    return requireCapability("Colour", colour)(type("Coloured", (Relay,), {}))


Coloured = {colour: _coloured(colour) for colour in ("red", "blue")}


def test_capabilities_decide_who_may_run(base: LocalBase, asys: ActorSystem) -> None:
    """An actor that requires what the system has not is refused, and exits when that goes away."""
    red = asys.createActor(Coloured["red"])
    assert asys.ask(red, "seen", LONG) == []
    with pytest.raises(NoCompatibleSystemForActor):
        asys.createActor(Coloured["blue"])
    asys.updateCapability("Colour", "blue")
    assert base.capabilities["Colour"] == "blue"
    assert asys.ask(asys.createActor(Coloured["blue"]), "seen", LONG) == []
    assert asys.ask(red, "seen", LONG) is None


class Wanting(Actor):
    def __init__(self, capabilities: dict[str, Any], requirements: Any = None) -> None:
        self.given = capabilities["Colour"], requirements

    def receiveMessage(self, msg: Any, sender: Any) -> None:
        self.send(sender, self.given)


def test_a_constructor_gets_what_it_has_parameters_for(asys: ActorSystem) -> None:
    """Capabilities and requirements are passed to constructors that name them."""
    wanting = asys.createActor(Wanting, targetActorRequirements={"size": 3})
    assert asys.ask(wanting, "given?", LONG) == ("red", {"size": 3})


# -- ends


class Order(Actor):
    """Tells a log of all that reaches it."""

    def receiveMessage(self, msg: Any, sender: Any) -> None:
        if isinstance(msg, tuple):
            self.name, self.log, children = msg
            for child in children:
                self.send(self.createActor(Order), (child, self.log, ()))
        elif isinstance(msg, Thespian_StatusReq | PoisonMessage):
            raise AssertionError(msg)
        else:
            self.send(self.log, (self.name, type(msg).__name__, msg))


def test_an_exit_request_is_handled_behind_earlier_mail_and_children_end_first(
    asys: ActorSystem,
) -> None:
    """Mail, then the request, then the children's requests and ends, then nothing."""
    log, parent = asys.createActor(Relay), asys.createActor(Order)
    asys.tell(parent, ("parent", log, ("child",)))
    asys.tell(parent, "work")
    asys.tell(parent, ActorExitRequest())
    asys.tell(parent, "late")
    lines = seen(asys, log, lambda line: line[1] == "ChildActorExited")
    assert [line[:2] for line in lines] == [
        ("parent", "str"),
        ("parent", "ActorExitRequest"),
        ("child", "ActorExitRequest"),
        ("parent", "ChildActorExited"),
    ]


def test_an_exit_that_is_not_recursive_leaves_the_children_running(
    base: LocalBase, asys: ActorSystem
) -> None:
    """Orphans keep their address, and end with the system."""
    parent = asys.createActor(Relay)
    child = do(asys, parent, lambda actor, _: actor.createActor(Echo))
    asys.tell(parent, ActorExitRequest(recursive=False))
    assert asys.ask(parent, "anybody?", LONG) is None
    assert asys.ask(child, "still here?", LONG) == "still here?"
    assert account(base).balanced


def test_an_exiting_actor_creates_nobody(asys: ActorSystem) -> None:
    """While its children end, createActor gives an address with nobody behind it."""
    log, found = asys.createActor(Relay), []

    class Leaving(Actor):
        def receiveMessage(self, msg: Any, sender: Any) -> None:
            if msg == "go":
                self.createActor(Echo)
            elif isinstance(msg, ChildActorExited):
                found.append(self.createActor(Echo))
                self.send(log, "left")

    leaving = asys.createActor(Leaving)
    asys.tell(leaving, "go")
    asys.tell(leaving, ActorExitRequest())
    seen(asys, log, lambda one: one == "left")
    assert asys.ask(found[0], "anybody?", LONG) is None


def test_dead_letters_go_to_the_handler_that_registered_last(asys: ActorSystem) -> None:
    """The handler gets a DeadEnvelope with address and message; nobody does after it has gone."""
    first, last, gone = (asys.createActor(Relay) for _ in range(3))
    for handler in (first, last):
        do(asys, handler, lambda actor, _: actor.handleDeadLetters())
    asys.tell(gone, ActorExitRequest())
    assert asys.ask(gone, "one", LONG) is None
    letters = seen(asys, last, is_a(DeadEnvelope))
    assert letters == [DeadEnvelope(gone, "one")]
    do(asys, last, lambda actor, _: actor.handleDeadLetters(False))
    assert asys.ask(gone, "two", LONG) is None
    assert asys.ask(first, "seen", LONG) == []
    assert asys.ask(last, "seen", LONG) == letters


def test_shutdown_tells_every_actor_and_takes_the_thread_with_it(base: LocalBase) -> None:
    """Each actor hears ActorExitRequest before shutdown returns; later use is refused."""
    told: list[str] = []

    class Last(Actor):
        def receiveMessage(self, msg: Any, sender: Any) -> None:
            if msg == "child":
                self.send(sender, self.createActor(Last))
            elif isinstance(msg, ActorExitRequest):
                told.append("exit")

    before = threading.active_count()
    asys = ActorSystem(systemBase=base, transientUnique=True)
    last = asys.createActor(Last)
    child = asys.ask(last, "child", LONG)
    assert child != last
    asys.shutdown()
    assert told == ["exit", "exit"]
    assert threading.active_count() == before
    with pytest.raises(ActorSystemFailure):
        base.tell(last, "late")
    with pytest.raises(ActorSystemFailure):
        base.newPrimaryActor(Echo, None, None)


def test_a_base_that_was_never_used_starts_no_thread() -> None:
    """The thread comes with the first use, so that a base Thespian drops leaves nothing behind."""
    before = threading.active_count()
    asys = ActorSystem(systemBase=LocalBase(), transientUnique=True)
    assert threading.active_count() == before
    asys.shutdown()


def test_an_actor_may_end_the_system(base: LocalBase) -> None:
    """Its actorSystemShutdown lets go of whoever listens."""
    asys = ActorSystem(systemBase=base, transientUnique=True)
    relay = asys.createActor(Relay)
    asys.tell(relay, Do(lambda actor, _: actor.actorSystemShutdown()))
    assert asys.listen(LONG) is None
    asys.shutdown()
    with pytest.raises(ActorSystemFailure):
        base.newPrimaryActor(Echo, None, None)


# -- time, names, files, status


def test_wakeups_come_in_the_order_of_their_times(asys: ActorSystem) -> None:
    """Each carries its period as a timedelta, and its payload."""
    relay = asys.createActor(Relay)

    def set_up(actor: Any, sender: Any) -> None:
        actor.wakeupAfter(timedelta(milliseconds=20), "second")
        actor.wakeupAfter(0.01, "first")

    do(asys, relay, set_up)
    woken = seen(asys, relay, lambda one: one.payload == "second")
    assert woken == [
        WakeupMessage(timedelta(milliseconds=10), "first"),
        WakeupMessage(timedelta(milliseconds=20), "second"),
    ]


def test_wakeups_end_with_their_actor(base: LocalBase, asys: ActorSystem) -> None:
    """No timer of a dead actor is left."""
    relay = asys.createActor(Relay)
    do(asys, relay, lambda actor, _: actor.wakeupAfter(3600))
    assert base._calls(lambda: len(base.ground.timers)) == 1
    asys.tell(relay, ActorExitRequest())
    assert asys.ask(relay, "anybody?", LONG) is None
    assert base._calls(lambda: len(base.ground.timers)) == 0


def test_a_global_name_leads_to_one_actor(asys: ActorSystem) -> None:
    """The name comes first: whatever else is asked for, whoever has it is meant."""
    one = asys.createActor(Echo, globalName="one")
    assert asys.createActor("no.such.Module", globalName="one") == one
    relay = asys.createActor(Relay)
    assert do(asys, relay, lambda actor, _: actor.createActor(Relay, globalName="one")) == one
    assert do(asys, relay, lambda actor, _: actor.globalName) is None
    asys.tell(one, ActorExitRequest())
    assert asys.ask(one, "anybody?", LONG) is None
    assert asys.createActor(Echo, globalName="one") != one


def test_a_watched_file_wakes_its_actor_until_it_returns_no_watch(asys: ActorSystem) -> None:
    """Ready files are announced again and again while they are; any other result ends the watch."""
    reader, writer = os.pipe()

    class Watching(Actor):
        read = b""

        def receiveMessage(self, msg: Any, sender: Any) -> Any:
            if isinstance(msg, WatchMessage):
                assert msg.ready == [reader]
                self.read += os.read(reader, 1)
                if self.read.endswith(b"."):
                    self.send(self.asker, self.read)
                    return None
            elif msg == "watch":
                self.asker = sender
            elif msg == "read":
                self.send(sender, self.read)
                return None
            return ThespianWatch([reader])

    watching = asys.createActor(Watching)
    os.write(writer, b"all. and more")
    assert asys.ask(watching, "watch", LONG) == b"all."
    assert asys.ask(watching, "read", LONG) == b"all."
    asys.tell(watching, "watch")
    asys.tell(watching, ActorExitRequest())
    assert asys.ask(watching, "anybody?", LONG) is None
    os.close(reader)
    os.close(writer)


def test_status_names_children_wakeups_and_system(base: LocalBase, asys: ActorSystem) -> None:
    """Actors, agents and the system answer Thespian's status request."""
    relay = asys.createActor(Relay, globalName="relay")
    child = do(asys, relay, lambda actor, _: actor.createActor(Echo))
    do(asys, relay, lambda actor, _: actor.wakeupAfter(3600))
    status = asys.ask(relay, Thespian_StatusReq(), LONG)
    assert isinstance(status, Thespian_ActorStatus)
    assert (status.actorClass, status.childActors) == ("Relay", [child])
    assert [address for address, _ in status.pendingWakeups] == [relay]
    agent = asys.ask(asys.createActor(Adder), Thespian_StatusReq(), LONG)
    assert agent.actorClass == "Adder"
    system = asys.ask(status.adminAddress, Thespian_StatusReq(), LONG)
    assert isinstance(system, Thespian_SystemStatus)
    assert system.globalActors == {"relay": relay}
    assert system.capabilities["Colour"] == "red"
    assert relay in system.childActors


# -- addresses and endpoints


def test_addresses_are_equal_when_they_lead_to_the_same_actor(asys: ActorSystem) -> None:
    """They can be hashed and deeply copied; they cannot leave the process."""
    relay, other = asys.createActor(Relay), asys.createActor(Relay)
    own = do(asys, relay, lambda actor, _: actor.myAddress)
    assert (own == relay, own != relay, own == other) == (True, False, False)
    assert len({own, relay, other}) == 2
    assert copy.deepcopy([own])[0] == relay
    assert str(own) == "ActorAddr-/thespian/Relay-1"
    with pytest.raises(TypeError, match="bound to its system"):
        pickle.dumps(own)


def test_an_address_that_was_made_up_is_refused(asys: ActorSystem) -> None:
    """Only addresses that a system gave out can be sent to."""
    relay = asys.createActor(Relay)
    with pytest.raises(InvalidActorAddress):
        asys.tell(type(asys.systemAddress)("/made/up"), "hello")
    poison = asys.ask(relay, Do(lambda actor, _: actor.send("nobody", "hello")), LONG)
    assert "InvalidActorAddress" in poison.details


def test_a_private_endpoint_hears_only_what_is_meant_for_it(asys: ActorSystem) -> None:
    """Answers go to the endpoint that asked, and its timeouts are kept."""
    echo = asys.createActor(Echo)
    with asys.private() as one, asys.private() as other:
        one.tell(echo, "for one")
        assert other.ask(echo, "for other", LONG) == "for other"
        assert other.listen(0.0) is None
        assert other.listen(timedelta(milliseconds=1)) is None
        assert one.listen(LONG) == "for one"
    assert asys.listen(0) is None


def test_an_endpoint_goes_even_when_its_block_raises(base: LocalBase, asys: ActorSystem) -> None:
    """Thespian forgets to close it then; the garbage collector does it."""
    echo = asys.createActor(Echo)
    before = base._calls(lambda: len(base.ground.root.children["thespian"].children))

    def use() -> None:
        with asys.private() as private:
            assert private.ask(echo, "hello", LONG) == "hello"
            raise KeyError

    with pytest.raises(KeyError):
        use()
    gc.collect()
    asys.ask(echo, "the stop of the endpoint has had its turn", LONG)
    assert base._calls(lambda: len(base.ground.root.children["thespian"].children)) == before


def test_an_ask_of_the_dead_is_over_at_once(asys: ActorSystem) -> None:
    """Nobody waits for an actor that is gone; a later ask of the same message is a new one."""
    echo = asys.createActor(Echo)
    asys.tell(echo, ActorExitRequest())
    assert asys.ask(echo, "hello", None) is None
    assert asys.ask(asys.createActor(Echo), "hello", LONG) == "hello"


def test_an_actor_cannot_block_the_thread_that_has_to_answer(asys: ActorSystem) -> None:
    """Both ask and listen are refused inside an actor; tell and createActor work there."""
    relay, echo = asys.createActor(Relay), asys.createActor(Echo)
    poison = asys.ask(relay, Do(lambda *_: asys.ask(echo, "hello", 1)), LONG)
    assert DefinitionError.__name__ in poison.details
    do(asys, relay, lambda *_: asys.tell(asys.createActor(Echo), "from inside"))
    assert asys.listen(LONG) == "from inside"


def test_a_thread_of_an_actor_may_send_and_create(asys: ActorSystem) -> None:
    """Thespian's methods work from the actor's own threads."""
    relay = asys.createActor(Relay)

    def begin(actor: Any, sender: Any) -> None:
        def work() -> None:
            actor.send(sender, actor.createActor(Echo))

        actor.thread = threading.Thread(target=work)
        actor.thread.start()

    asys.tell(relay, Do(begin))
    assert asys.ask(asys.listen(LONG), "hello", LONG) == "hello"
    do(asys, relay, lambda actor, _: actor.thread.join())


def test_a_full_mailbox_makes_dead_letters_of_what_actors_send() -> None:
    """`send` neither waits nor raises; `tell` from outside waits for room."""
    base = LocalBase(mailbox=100)
    asys = ActorSystem(systemBase=base, transientUnique=True)
    relay, slow = asys.createActor(Relay), asys.createActor(Relay)
    do(asys, relay, lambda actor, _: [actor.send(slow, n) for n in range(150)] and None)
    assert len(asys.ask(slow, "seen", LONG)) == 100
    assert account(base).dead == 50
    for n in range(1_000):
        asys.tell(slow, n)
    assert len(seen(asys, slow, lambda one: one == 999)) == 1_100
    assert account(base).balanced
    asys.shutdown()


def test_news_of_ends_pass_a_full_mailbox() -> None:
    """ActorExitRequest and ChildActorExited are never dead letters of a full mailbox."""
    base = LocalBase(mailbox=10)
    asys = ActorSystem(systemBase=base, transientUnique=True)
    relay = asys.createActor(Relay)

    def fill(actor: Any, sender: Any) -> None:
        for _ in range(5):
            child = actor.createActor(Relay)
            for number in range(10):
                actor.send(child, number)
                actor.send(actor.myAddress, number)
            actor.send(child, ActorExitRequest())

    asys.tell(relay, Do(fill))
    until(
        lambda: asys.ask(relay, "seen", LONG) or [],
        lambda all_: sum(map(is_a(ChildActorExited), all_)) == 5,
    )
    assert account(base).dead >= 40
    assert account(base).balanced
    asys.shutdown()


def test_two_systems_in_one_process_can_talk() -> None:
    """An address leads to its own system, from wherever it is used."""
    one, other = (ActorSystem(systemBase=LocalBase(), transientUnique=True) for _ in range(2))
    relay, echo = one.createActor(Relay), other.createActor(Echo)
    one.tell(relay, Do(lambda actor, _: actor.send(echo, "across")))
    assert seen(one, relay, lambda got: got == "across") == ["across"]
    assert one.ask(echo, "from outside", LONG) == "from outside"
    other.shutdown()
    one.tell(relay, Do(lambda actor, _: actor.send(echo, "too late")))
    assert one.ask(relay, "seen", LONG) == ["across"]
    one.shutdown()


# -- beside agents


def test_a_program_of_thespians_can_ask_an_agent(base: LocalBase, asys: ActorSystem) -> None:
    """The agent's contract holds: answers, acknowledgements, refusals, crashes."""
    adder = asys.createActor(Adder)
    assert asys.ask(adder, Add(1, 2), LONG) == Sum(3)
    assert asys.ask(adder, Note("a bare acknowledgement"), None) is None
    with pytest.raises(ContractError):
        asys.ask(adder, Sum(1), LONG)
    with pytest.raises(ContractError):
        asys.tell(adder, "no message")
    asys.tell(adder, Add(2, 2))
    assert asys.listen(LONG) == Sum(4)
    poison = asys.ask(adder, Add(1, 0), LONG)
    assert isinstance(poison, PoisonMessage)
    assert "nothing to add" in poison.details
    assert asys.ask(adder, Add(1, 2), None) is None
    assert account(base).balanced


def test_an_agent_answers_an_actor_with_a_message(asys: ActorSystem) -> None:
    """What the handler returns is sent to the actor; a refusal poisons what the actor handled."""
    relay, adder = asys.createActor(Relay), asys.createActor(Adder)
    do(asys, relay, lambda actor, _: actor.send(adder, Add(1, 2)))
    assert seen(asys, relay, is_a(Sum)) == [Sum(3)]
    refused = asys.ask(relay, Do(lambda actor, _: actor.send(adder, Sum(1))), LONG)
    assert "ContractError" in refused.details
    do(asys, relay, lambda actor, _: actor.send(adder, Add(1, 0)))
    poison = seen(asys, relay, is_a(PoisonMessage))[-1]
    assert poison.poisonMessage == Add(1, 0)


def test_an_agent_that_is_asked_to_exit_stops(asys: ActorSystem) -> None:
    """ActorExitRequest stops an agent, and an actor that is its parent hears of it."""
    parent = asys.createActor(Relay)
    adder = do(asys, parent, lambda actor, _: actor.createActor(Adder))
    assert asys.ask(adder, Add(1, 2), LONG) == Sum(3)
    asys.tell(adder, ActorExitRequest())
    assert seen(asys, parent, is_a(ChildActorExited)) == [ChildActorExited(adder)]


class Bridge(Agent):
    """An agent that uses Thespian's own methods."""

    def __init__(self) -> None:
        self.got: list[Any] = []

    @handles
    def begin(self, note: Note) -> Note:
        self.child = self.createActor(Relay)
        self.send(self.child, note.text)
        self.wakeupAfter(0.001, "payload")
        return Note(str(self.myAddress))

    @handles
    async def ask_child(self, query: Add) -> Sum:
        child = self.child.cell.ref
        if query.b == 0:
            self.send(self.child, Do(_exit))
        elif query.b < 0:
            self.send(self.child, Do(_expect))
        answer = await self.ask(child, query, timeout=LONG)
        return Sum(answer)

    @handles
    def other(self, anything: object) -> None:
        self.got.append(anything)


def _exit(actor: Any, sender: Any) -> None:
    raise SystemExit


def _expect(actor: Any, sender: Any) -> None:
    def add(msg: Any, sender: Any) -> None:
        if msg.a == 0:
            raise ValueError("nothing to add to")
        actor.send(sender, msg.a + msg.b)
        actor.send(sender, Sum(0))  # a second message is no answer

    actor.receiveMessage = add


def in_ground(ground: LocalGround, function: Callable[[], Any]) -> Any:
    promise: Promise[Any] = Promise(ground)
    ground.call_threadsafe(lambda: promise.settle(function()))
    return promise.result(LONG)


@pytest.fixture
def shared() -> Iterator[tuple[LocalGround, LocalBase]]:
    ground = LocalGround()
    ground.run_in_thread()
    base = LocalBase(ground=ground)
    base.external_clone()
    yield ground, base
    base.shutdown()
    ground.close()


def spawn(ground: LocalGround, agent: type[Agent]) -> Ref:
    return in_ground(ground, lambda: ground.spawn(ground.root, Birth(agent), "agent").ref)


def test_an_agent_can_use_the_methods_of_an_actor(shared: tuple[LocalGround, LocalBase]) -> None:
    """send, createActor, wakeupAfter and myAddress work on an agent beside a LocalBase."""
    ground, base = shared
    bridge = spawn(ground, Bridge)
    assert bridge.ask(Note("to the child")).result(LONG) == Note("ActorAddr-/agent")
    child = in_ground(ground, lambda: bridge._cell.agent.child)
    assert base.ask(child, "seen", LONG) == ["to the child"]
    got = until(lambda: in_ground(ground, lambda: list(bridge._cell.agent.got)), bool)
    assert got == [WakeupMessage(timedelta(milliseconds=1), "payload")]


def test_an_agent_can_ask_an_actor(shared: tuple[LocalGround, LocalBase]) -> None:
    """The first message sent back is the answer; failure and death come at once."""
    ground, _ = shared
    bridge = spawn(ground, Bridge)
    bridge.ask(Note("begin")).result(LONG)
    assert bridge.ask(Add(5, -2), timeout=LONG).result(LONG) == Sum(3)
    got = until(
        lambda: in_ground(ground, lambda: list(bridge._cell.agent.got)),
        lambda g: Sum in map(type, g),
    )
    assert Sum(0) in got


def test_an_asker_of_an_actor_hears_of_its_failure_and_of_its_death(
    shared: tuple[LocalGround, LocalBase],
) -> None:
    """An ask of an actor ends as an ask of an agent does: AskFailed, AgentDead."""
    ground, base = shared
    address = base.newPrimaryActor(Relay, None, None)
    base.tell(address, Do(_expect))
    with pytest.raises(AskFailed, match="nothing to add to"):
        address.cell.ref.ask(Add(0, 1), timeout=LONG).result(LONG)
    assert address.cell.ref.ask(Add(1, 1), timeout=LONG).result(LONG) == 2
    silent = base.newPrimaryActor(Relay, None, None)
    ask = silent.cell.ref.ask(Add(1, 1), timeout=LONG)
    base.tell(silent, ActorExitRequest())
    with pytest.raises(AgentDead):
        ask.result(LONG)
    assert in_ground(ground, ground.account).balanced


def test_a_deadline_goes_with_the_work_and_not_with_the_end(
    shared: tuple[LocalGround, LocalBase],
) -> None:
    """What an actor sends for work that has expired is not done; exits and wakeups are."""
    ground, base = shared
    worker, child = (base.newPrimaryActor(Relay, None, None) for _ in range(2))

    def overrun(msg: Add, sender: Any) -> None:
        expires = time.monotonic() + 0.01
        until(time.monotonic, lambda now: now > expires)
        worker.cell.agent._actor.send(child, "too late")
        worker.cell.agent._actor.send(child, ActorExitRequest())

    def prepare(actor: Any, sender: Any) -> None:
        actor.receiveMessage = overrun
        actor.send(sender, "ready")

    assert base.ask(worker, Do(prepare), LONG) == "ready"
    with pytest.raises(AskTimeout):
        worker.cell.ref.ask(Add(1, 2), timeout=0.01).result(LONG)
    until(lambda: child.cell.alive, lambda alive: not alive)
    assert "expired" in {letter.reason for letter in ground.dead_letters}


def test_shutdown_leaves_a_shared_ground_running(shared: tuple[LocalGround, LocalBase]) -> None:
    """The base takes its own actors away, and nothing else."""
    ground, base = shared
    adder = spawn(ground, Adder)
    echo = base.newPrimaryActor(Echo, None, "echo")
    assert ground.registry.find("echo") is echo.cell
    base.shutdown()
    assert not echo.cell.alive
    assert adder.ask(Add(1, 2)).result(LONG) == Sum(3)
    assert in_ground(ground, ground.account).balanced


def test_a_base_beside_a_tree_of_agents_comes_and_goes() -> None:
    """Neither the tree nor the base sees the other end as a failure of its own."""
    gave_up: list[Any] = []
    with System(child(Adder, id="adder")) as system:
        system.on_give_up(gave_up.append)
        first, second = (LocalBase(ground=system.ground) for _ in range(2))
        adder = first.newPrimaryActor(Adder, None, None)
        first.shutdown()
        assert system.ask("adder", Add(1, 2)).result(LONG) == Sum(3)
        assert not adder.cell.alive
        echo = second.newPrimaryActor(Echo, None, None)
        assert second.ask(echo, "hello", LONG) == "hello"
    assert gave_up == []
    assert system.report is not None
    assert system.report.clean
    assert second.listen(LONG) is None
    with pytest.raises(ActorSystemFailure):
        second.tell(echo, "too late")


def test_a_ground_takes_one_base(shared: tuple[LocalGround, LocalBase]) -> None:
    """A second base on the same ground, while the first is there, is refused."""
    ground, _ = shared
    with pytest.raises(SpecError, match="taken"):
        LocalBase(ground=ground).external_clone()


def test_an_agent_without_a_base_is_told_what_is_missing() -> None:
    """Thespian's methods need a LocalBase on the ground; the error says so."""
    ground = LocalGround()
    cell: Cell = ground.spawn(ground.root, Birth(Adder), "adder")
    with pytest.raises(DefinitionError, match="LocalBase"):
        cell.agent.wakeupAfter(1)
    ground.close()


# -- sources


class Authority(Actor):
    """Accepts sources that are zip files, and raises on the rest."""

    def receiveMessage(self, msg: Any, sender: Any) -> None:
        if isinstance(msg, ValidateSource):
            if not msg.sourceData.startswith(b"PK"):
                raise ValueError("no zip file")
            self.send(sender, ValidatedSource(msg.sourceHash, msg.sourceData, "checked"))
        elif isinstance(msg, str):
            self.registerSourceAuthority()
            self.send(sender, "registered")


def _source(answer: str) -> io.BytesIO:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("words.py", f"ANSWER = {answer!r}\n")
        archive.writestr(
            "loaded.py",
            "from thespian.actors import Actor\n"
            "class Loaded(Actor):\n"
            "    def receiveMessage(self, msg, sender):\n"
            "        from words import ANSWER\n"
            "        if msg == 'child': self.send(sender, self.createActor('loaded.Loaded'))\n"
            "        elif isinstance(msg, str): self.send(sender, ANSWER)\n",
        )
    data.seek(0)
    return data


# Thespian's loaders are of a kind that Python warns of.
@pytest.mark.filterwarnings("ignore::ImportWarning")
def test_actors_come_from_the_source_they_name(asys: ActorSystem) -> None:
    """Two versions of a source live side by side; one that is unloaded serves who it serves."""
    assert asys.ask(asys.createActor(Authority), "register", LONG) == "registered"
    listener = asys.createActor(Relay)
    do(asys, listener, lambda actor, _: actor.notifyOnSourceAvailability())
    hashes = [asys.loadActorSource(_source(answer)) for answer in ("one", "two")]
    loaded = [asys.createActor("loaded.Loaded", sourceHash=each) for each in hashes]
    assert [asys.ask(each, "?", LONG) for each in loaded] == ["one", "two"]
    child = asys.ask(loaded[0], "child", LONG)
    assert asys.ask(child, "?", LONG) == "one"
    asys.unloadActorSource(hashes[0])
    with pytest.raises(InvalidActorSourceHash):
        asys.createActor("loaded.Loaded", sourceHash=hashes[0])
    assert [asys.ask(each, "?", LONG) for each in loaded] == ["one", "two"]
    notices = asys.ask(listener, "seen", LONG)
    assert [type(one).__name__ for one in notices] == [
        *["LoadedSource"] * 2,
        "UnloadedSource",
    ]
    assert notices[0] == LoadedSource(hashes[0], "checked")


def test_a_source_needs_an_authority_that_accepts_it(asys: ActorSystem) -> None:
    """Without one, and when it raises, the source is not loaded, and nobody waits for it."""
    create = partial(asys.createActor, "loaded.Loaded")
    with pytest.raises(InvalidActorSourceHash):
        create(sourceHash=asys.loadActorSource(_source("nobody accepts it")))
    asys.ask(asys.createActor(Authority), "register", LONG)
    with pytest.raises(InvalidActorSourceHash):
        create(sourceHash=asys.loadActorSource(io.BytesIO(b"rubbish")))
