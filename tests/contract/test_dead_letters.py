"""The dead-letter office: what is kept, what is let go, and what may be tried again."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from harmonium import (
    FAIL,
    TEMPORARY,
    Agent,
    child,
    handles,
    message,
    supervisor,
)
from harmonium.actors.dead_letters import LettersDropped, Replayed
from harmonium.actors.simulated import SimulatedGround
from harmonium.actors.store import MemoryStore
from harmonium.protocols.errors import ConfigError, MalformedMessage
from harmonium.protocols.reliability.dead_letter_office import DeadLetterOffice
from harmonium.supervisors.operations import operate
from harmonium.supervisors.system import System


@message
class Pack:
    """Pack so many."""

    quantity: int
    note: str = ""


@message
class Hold:
    """Keep the agent busy until time is up."""

    seconds: float


class Packer(Agent):
    """Keeps what it packed, and how it came."""

    def __init__(self, book: list[Any]) -> None:
        self.book = book

    @handles
    def pack(self, order: Pack) -> None:
        current = self._cell.current
        view = self._cell.ground.view(self._cell, current)
        self.book.append((order.quantity, view.id, self.correlation_id))

    @handles
    async def hold(self, order: Hold) -> None:
        await self.sleep(order.seconds)


async def came(book: list[Any], count: int = 1) -> None:
    """Wait until the agent has packed so many."""
    async with asyncio.timeout(10.0):
        while len(book) < count:  # noqa: ASYNC110 - on every ground, in its own time
            await asyncio.sleep(0.001)


def shop(book: list[Any], **options: Any) -> Any:
    return supervisor("t", children=[child(Packer, book, id="one", **options)], max_restarts=100)


async def stopped(system: Any, *quantities: int) -> list[str]:
    """Make dead letters: the child is held down, and started again."""
    await operate(system.ref("/t")).stop_child("one")
    for quantity in quantities:
        await system.tell("/t/one", Pack(quantity))
    await operate(system.ref("/t")).restart_child("one")
    return [letter.id for letter in system.dead_letters]


def test_a_letter_is_replayed_once_with_the_ids_it_had(play):
    """The account counts one more delivery; a second replay says that it was sent."""
    book: list[Any] = []

    async def scenario(system):
        (id,) = await stopped(system, 3)
        (letter,) = system.dead_letters.list()
        before = system.account()
        assert await system.dead_letters.replay(id) is Replayed.SENT
        assert await system.dead_letters.replay(id) is Replayed.ALREADY
        await came(book)
        assert book == [(3, id, letter.envelope.correlation_id)]
        after = system.account()
        assert (after.sent, after.dead) == (before.sent + 1, before.dead)
        assert system.dead_letters.show(id)["replayed"]

    play(shop(book), scenario)


def test_a_letter_to_nobody_waits_for_its_agent(play):
    """While nobody stands there nothing is sent, and it may be tried again later."""
    book: list[Any] = []

    async def scenario(system):
        await operate(system.ref("/t")).stop_child("one")
        await operate(system.ref("/t")).delete_child("one")
        await system.tell("/t/one", Pack(1))
        (letter,) = system.dead_letters.list("reason=*unknown*")
        assert await system.dead_letters.replay(letter.id) is Replayed.NO_AGENT
        assert await system.dead_letters.replay("x-1") is Replayed.UNKNOWN
        await operate(system.ref("/t")).start_child(child(Packer, book, id="one"))
        assert await system.dead_letters.replay(letter.id) is Replayed.SENT
        await came(book)

    play(shop(book), scenario)


def test_an_edit_is_checked_by_the_class_and_replayed(play):
    """A field that does not fit leaves the letter as it is."""
    book: list[Any] = []

    async def scenario(system):
        (id,) = await stopped(system, 3)
        office = system.dead_letters
        for wrong in ({"quantity": "many"}, {"colour": "red"}):
            with pytest.raises(MalformedMessage):
                await office.edit(id, wrong)
        with pytest.raises(ConfigError, match="no such letter"):
            await office.edit("x-1", {})
        await office.edit(id, {"quantity": 4})
        assert office.show(id)["message"]["data"]["quantity"] == 4
        await office.replay(id)
        await came(book)
        assert book[0][:2] == (4, id)

    play(shop(book), scenario)


def test_filters_say_which_letters_are_listed_replayed_and_dropped(play):
    """Each part must fit; a drop says how many it was."""
    book: list[Any] = []

    async def scenario(system):
        await stopped(system, 1, 2)
        await system.tell("/t/nobody", Pack(9))
        office = system.dead_letters
        assert [one.envelope.message.quantity for one in office.list()] == [1, 2, 9]
        assert [one.envelope.message.quantity for one in office.list("path=/t/one")] == [1, 2]
        assert await office.drop_all("path=*/nobody") == 1
        assert set((await office.replay_all("")).values()) == {Replayed.SENT}
        assert set((await office.replay_all("")).values()) == {Replayed.ALREADY}
        assert await office.replay_all("path=/x") == {}
        assert await office.drop(office.list()[0].id)
        assert not await office.drop("x-1")
        assert len(office) == 1
        await came(book, 2)

    play(shop(book), scenario)


@pytest.mark.parametrize(
    ("limits", "kept"),
    [
        (DeadLetterOffice(letters=2), [2, 3]),
        (DeadLetterOffice(size=200), [2, 3]),
        (DeadLetterOffice(), [0, 1, 2, 3]),
    ],
)
def test_what_the_limits_let_go_is_announced(play, limits, kept):
    """A counter, an event for listeners, and the oldest first."""
    heard: list[str] = []

    async def scenario(system):
        system.listen(lambda e: heard.extend(e.ids) if isinstance(e, LettersDropped) else None)
        await stopped(system, 0, 1, 2, 3)
        office = system.dead_letters
        assert [one.envelope.message.quantity for one in office] == kept
        assert office.forgotten == len(heard) == 4 - len(kept)
        assert system.account().dead == 4

    play(shop([]), scenario, dead_letters=limits)


def test_old_letters_go_when_somebody_looks():
    """After `keep_for` seconds they are let go, which is announced."""
    ground = SimulatedGround()

    async def main():
        limits = DeadLetterOffice(keep_for=60.0)
        async with System(shop([]), ground=ground, dead_letters=limits) as system:
            await stopped(system, 1)
            await asyncio.sleep(59.0)
            assert len(system.dead_letters.list("older=50s")) == 1
            await asyncio.sleep(2.0)
            assert system.dead_letters.list() == ()
            assert system.dead_letters.dropped == {"older than 60 s": 1}

    ground.play(main())


def test_a_replay_that_meets_a_full_mailbox_may_be_tried_again():
    """With the policy to fail nothing is sent, and the letter is as before."""
    ground = SimulatedGround()
    book: list[Any] = []

    async def main():
        tree = shop(book, mailbox=1, overflow=FAIL)
        async with System(tree, ground=ground) as system:
            (id,) = await stopped(system, 7)
            system.tell("one", Hold(10.0))
            await asyncio.sleep(1.0)
            system.tell("one", Pack(1))
            assert await system.dead_letters.replay(id) is Replayed.REFUSED
            await asyncio.sleep(20.0)
            assert await system.dead_letters.replay(id) is Replayed.SENT
            await asyncio.sleep(1.0)
            assert [quantity for quantity, _, _ in book] == [1, 7]

    ground.play(main())


def test_letters_survive_the_process_and_are_replayed_once(tmp_path):
    """The next system lists, edits and replays them with their ids; the third knows that."""
    book: list[Any] = []
    place = tmp_path / "s.db"

    async def first() -> str:
        async with System(shop(book), store=place) as system:
            ids = await stopped(system, 5, 6)
            await system.dead_letters.saved()
            await system.dead_letters.drop(ids[1])
            return ids[0]

    async def second(id: str) -> None:
        async with System(shop(book), store=place) as system:
            (letter,) = system.dead_letters.list("type=*Pack path=/t/one")
            assert letter.id == id
            assert letter.envelope.message.name.endswith("Pack/1")
            with pytest.raises(MalformedMessage):
                await system.dead_letters.edit(id, {"quantity": None})
            await system.dead_letters.edit(id, {"note": "late"})
            assert await system.dead_letters.replay(id) is Replayed.SENT
            await came(book)
            assert book == [(5, id, letter.envelope.correlation_id)]

    async def third(id: str) -> None:
        async with System(shop(book), store=place) as system:
            assert system.dead_letters.show(id)["replayed"]
            assert await system.dead_letters.replay(id) is Replayed.ALREADY
            assert await system.dead_letters.drop(id)
        async with System(shop(book), store=place) as system:
            assert len(system.dead_letters) == 0

    id = asyncio.run(first())
    asyncio.run(second(id))
    asyncio.run(third(id))


def test_of_two_systems_on_one_store_one_replays():
    """The store says who was first."""
    books: list[list[Any]] = [[], []]

    async def main() -> None:
        store = MemoryStore(lambda: 0.0)
        async with System(shop([]), store=store) as system:
            (id,) = await stopped(system, 5)
        systems = [System(shop(book), store=store) for book in books]
        async with systems[0], systems[1]:
            told = [await system.dead_letters.replay(id) for system in systems]
        assert told == [Replayed.SENT, Replayed.ALREADY]

    asyncio.run(main())
    assert [len(book) for book in books] == [1, 0]


def test_a_storm_of_letters_is_written_in_few_commits_and_trimmed():
    """The store has what the office has, although far more came."""

    async def main() -> None:
        store = MemoryStore(lambda: 0.0)
        limits = DeadLetterOffice(letters=10)
        async with System(shop([]), store=store, dead_letters=limits) as system:
            await stopped(system, *range(300))
            await system.dead_letters.saved()
            records = await store.log("dead-letters").scan()
            mine = [one.data["message"]["data"]["quantity"] for one in records]
            assert mine == list(range(290, 300))
            assert system.dead_letters.forgotten == 290

    asyncio.run(main())


def test_a_system_in_a_thread_is_asked_from_outside():
    """`result()` gives what became of it."""
    book: list[Any] = []
    with System(shop(book, restart=TEMPORARY)) as system:
        system.ref("one").stop().result()
        system.tell("/t/one", Pack(1)).result()
        (letter,) = system.dead_letters.list()
        assert system.dead_letters.replay(letter.id).result() is Replayed.NO_AGENT
        assert system.dead_letters.drop(letter.id).result()


def test_a_store_that_fails_leaves_letters_in_memory_and_replays_for_later():
    """Nothing is lost by it, and nothing is sent that the store does not know of."""
    book: list[Any] = []

    async def main() -> None:
        store = MemoryStore(lambda: 0.0)
        async with System(shop(book), store=store) as system:
            store._problem = "the disk is full"
            (id,) = await stopped(system, 1)
            await system.dead_letters.saved()
            assert await system.dead_letters.replay(id) is Replayed.REFUSED
            store._problem = ""
            assert await store.log("dead-letters").scan() == []
            assert await system.dead_letters.replay(id) is Replayed.SENT
            await came(book)

    asyncio.run(main())


@message
class Weight:
    """So many kilos."""

    kilos: float


def test_a_message_without_a_form_is_stored_as_its_text():
    """A field holds what its class does not say: people can read it, nobody sends it."""

    class Scale(Packer):
        @handles
        def weigh(self, weight: Weight) -> None:
            self.book.append(weight.kilos)

    def scales() -> Any:
        return supervisor("t", children=[child(Scale, [], id="one")])

    async def main() -> None:
        store = MemoryStore(lambda: 0.0)
        async with System(scales(), store=store) as system:
            await operate(system.ref("/t")).stop_child("one")
            await system.tell("/t/one", Weight("heavy"))
            await system.dead_letters.saved()
        async with System(scales(), store=store) as system:
            (letter,) = system.dead_letters
            assert "heavy" in system.dead_letters.show(letter.id)["message"]["repr"]
            assert await system.dead_letters.replay(letter.id) is Replayed.REFUSED
            with pytest.raises(ConfigError, match="no fields"):
                await system.dead_letters.edit(letter.id, {"kilos": 1.0})

    asyncio.run(main())
