"""Event-sourced agents: what is acknowledged is what is there after every crash."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from harmonium import AskFailed, child, handles, message, supervisor
from harmonium.actors.event_sourced import EventSourced
from harmonium.actors.simulated import SimulatedGround
from harmonium.actors.store import MemoryStore
from harmonium.protocols.errors import AskTimeout, StaleToken, StartFailed
from harmonium.protocols.lifecycle import Phase
from harmonium.supervisors.system import System


@message
class Deposited:
    """Money came."""

    amount: int


@message
class Withdrawn:
    """Money went."""

    amount: int


@message
class Strange:
    """An event that no account persists."""


@message
class Held:
    """The state of an account."""

    amount: int


@message
class Move:
    """Move money, in so many events; `crash` says where to fail."""

    amounts: tuple[int, ...]
    crash: str = ""


@message
class Balance:
    """The balance of an account and how many events it stands on."""

    amount: int
    version: int


@message
class Look:
    """Give the balance."""


class Account(EventSourced):
    """Keeps a balance."""

    events = (Deposited, Withdrawn)
    snapshot_class = Held
    snapshot_every = 4

    def __init__(self, book: list[Any] | None = None) -> None:
        self.amount = 0
        self.book = book

    def started(self) -> None:
        if self.book is not None:
            self.book.append(self.amount)

    def apply(self, event: Any) -> None:
        self.amount += event.amount if isinstance(event, Deposited) else -event.amount

    def snapshot(self) -> Held:
        return Held(self.amount)

    def restore(self, state: Held) -> None:
        self.amount = state.amount

    @handles
    async def move(self, order: Move) -> Balance:
        events = [Deposited(n) if n >= 0 else Withdrawn(-n) for n in order.amounts]
        if order.crash == "before":
            raise ValueError("before")
        await self.persist(*events)
        if order.crash == "after":
            raise ValueError("after")
        return Balance(self.amount, self.event_version)

    @handles
    def look(self, query: Look) -> Balance:
        return Balance(self.amount, self.event_version)


class Archive(Account):
    """Keeps all its events."""

    keeps_history = True


class Plain(Account):
    """Takes no snapshots."""

    snapshot_class = None


def bank(agent: Any = Account, *args: Any) -> Any:
    return supervisor("t", children=[child(agent, *args, id="one")], max_restarts=1000)


def test_the_state_survives_crashes_before_and_after_the_write(play):
    """Before `persist` nothing is stored; after it all is, whatever the handler does then."""

    async def scenario(system):
        assert await system.ask("one", Move((5,))) == Balance(5, 1)
        for crash in ("before", "after"):
            with pytest.raises(AskFailed):
                await system.ask("one", Move((1, 1), crash=crash))
        assert await system.ask("one", Look()) == Balance(7, 3)

    play(bank(), scenario)


def test_recovery_comes_before_started_and_the_first_message(play):
    """The hook and every message see the recovered state."""
    book: list[int] = []

    async def scenario(system):
        await system.ask("one", Move((5,)))
        with pytest.raises(AskFailed):
            await system.ask("one", Move((), crash="after"))
        assert await system.ask("one", Look()) == Balance(5, 1)

    play(bank(Account, book), scenario)
    assert book == [0, 5]


def test_the_state_survives_the_process(tmp_path):
    """Another system on the same file goes on where the first one stood."""

    async def main() -> None:
        for turn in range(1, 4):
            async with System(bank(), store=tmp_path / "s.db") as system:
                assert await system.ask("one", Move((1, 1, 1))) == Balance(3 * turn, 3 * turn)

    asyncio.run(main())


@pytest.mark.parametrize(("agent", "kept"), [(Account, 1), (Archive, 9), (Plain, 9)])
def test_a_snapshot_replaces_events_unless_history_is_kept(play, agent, kept):
    """With a snapshot each 4 events, 9 events leave one; the state is the same."""

    async def scenario(system):
        for _ in range(9):
            await system.ask("one", Move((2,)))
        stream = "/t/one"
        status = await system.store.streams.status(stream)
        assert status.version - status.compacted == kept
        with pytest.raises(AskFailed):
            await system.ask("one", Move((), crash="after"))
        assert await system.ask("one", Look()) == Balance(18, 9)

    play(bank(agent), scenario, store="memory:")


def test_an_event_that_is_not_named_is_refused(play):
    """`persist` names the class and the remedy; nothing is stored."""

    class Odd(Account):
        @handles
        async def strange(self, order: Strange) -> None:
            await self.persist(Strange())

    async def scenario(system):
        with pytest.raises(AskFailed, match="events = "):
            await system.ask("one", Strange())
        assert await system.ask("one", Look()) == Balance(0, 0)

    play(bank(Odd), scenario)


@pytest.mark.parametrize(
    "wrong", [{"events": ()}, {"events": (int,)}, {"snapshot_class": int}, {"snapshot_every": 0}]
)
def test_a_definition_without_what_it_needs_does_not_start(wrong):
    """The error names the class and what is missing."""
    agent = type("Wrong", (Account,), wrong)
    with pytest.raises(StartFailed, match="Wrong"), System(bank(agent)):
        pytest.fail("it started")


def test_events_of_another_class_fail_the_start_and_name_their_place(tmp_path):
    """A stream that cannot be read is never begun anew."""

    class Other(Account):
        events = (Withdrawn,)

    async def main() -> None:
        async with System(bank(Plain), store=tmp_path / "s.db") as system:
            await system.ask("one", Move((1,)))
        with pytest.raises(StartFailed, match="Deposited"):
            async with System(bank(Other), store=tmp_path / "s.db"):
                pytest.fail("it started")

    asyncio.run(main())


class SlowDisk:
    """A disk that syncs when it is told to, and may be read as it was at any record."""

    def __init__(self, records: Iterable[bytes] = ()) -> None:
        self.kept = list(records)
        self.waiting: list[Callable[[OSError | None], None]] = []
        self.held = False

    def append(self, record: bytes) -> None:
        self.kept.append(record)

    def sync(self, done: Callable[[OSError | None], None]) -> None:
        if self.held:
            self.waiting.append(done)
        else:
            done(None)

    def release(self) -> None:
        self.held = False
        while self.waiting:
            self.waiting.pop(0)(None)

    def records(self) -> Iterable[bytes]:
        return list(self.kept)


def test_a_crash_between_the_write_and_apply_loses_nothing():
    """The agent is killed while its event is on its way to the disk: the next one has it."""
    ground = SimulatedGround()
    disk = SlowDisk()
    store = MemoryStore(ground.clock, disk=disk)

    async def main() -> None:
        async with System(bank(), ground=ground, store=store) as system:
            await system.ask("one", Move((1,)))
            disk.held = True
            with pytest.raises(AskTimeout):
                await system.ask("one", Move((10,)), timeout=1.0)
            cell = system.ref("one")._cell
            ground.crashed(cell, ValueError("killed"), Phase.HANDLER, None)
            ask = system.ask("one", Look())
            await asyncio.sleep(1.0)
            assert not ask.done()  # mail waits for the recovery, and that for the disk
            disk.release()
            assert await ask == Balance(11, 2)

    ground.play(main())


def test_the_machine_may_die_between_any_two_records():
    """Cut the disk after each record, a snapshot and its truncation too: a prefix is recovered."""
    disk = SlowDisk()

    async def run(disk: SlowDisk, amounts: list[int]) -> Balance:
        ground_store = MemoryStore(lambda: 0.0, disk=disk)
        async with System(bank(), store=ground_store) as system:
            for amount in amounts:
                await system.ask("one", Move((amount,)))
            found: Balance = await system.ask("one", Look())
            return found

    asyncio.run(run(disk, list(range(1, 11))))
    seen = set()
    for cut in range(len(disk.kept) + 1):
        found = asyncio.run(run(SlowDisk(disk.kept[:cut]), []))
        assert found.amount == sum(range(1, found.version + 1))
        seen.add(found.version)
    assert seen == set(range(11))


def test_the_first_of_two_systems_is_fenced_off():
    """Its next write is refused, it crashes, and recovers what the other one wrote."""

    async def main() -> None:
        store = MemoryStore(lambda: 0.0)
        async with System(bank(), store=store) as old:
            await old.ask("one", Move((1,)))
            async with System(bank(), store=store) as new:
                assert await new.ask("one", Move((10,))) == Balance(11, 2)
                with pytest.raises(AskFailed, match=StaleToken.__name__):
                    await old.ask("one", Move((100,)))
                assert await old.ask("one", Move((1000,))) == Balance(1011, 3)

    asyncio.run(main())


def test_an_incarnation_that_failed_to_persist_persists_nothing_more():
    """Its state may not be what is stored: only the next incarnation knows."""

    class Stubborn(Account):
        @handles
        async def strange(self, order: Strange) -> Balance:
            for _ in range(2):
                try:
                    await self.persist(Deposited(1))
                except Exception as error:
                    last = error
            assert "earlier persist failed" in str(last)
            return Balance(self.amount, self.event_version)

    async def main() -> None:
        store = MemoryStore(lambda: 0.0)
        async with System(bank(Stubborn), store=store) as system:
            await store.streams.append("/t/one", [{}])
            assert await system.ask("one", Strange()) == Balance(0, 0)

    asyncio.run(main())


def test_events_of_a_re_entrant_handler_are_applied_in_order():
    """Two handlers persist at once: the versions follow each other, none is lost."""

    class Busy(Account):
        @handles(reentrant=True)
        async def move(self, order: Move) -> Balance:
            await self.persist(*[Deposited(n) for n in order.amounts])
            return Balance(self.amount, self.event_version)

    ground = SimulatedGround()
    disk = SlowDisk()

    async def main() -> None:
        store = MemoryStore(ground.clock, disk=disk)
        async with System(bank(Busy), ground=ground, store=store) as system:
            disk.held = True
            asks = [system.ask("one", Move((n, n))) for n in (1, 10, 100)]
            await asyncio.sleep(1.0)
            disk.release()
            answers = await asyncio.gather(*asks)
            assert [one.version for one in answers] == [2, 4, 6]
            assert [one.amount for one in answers] == [2, 22, 222]

    ground.play(main())


MOVES = st.lists(
    st.tuples(
        st.lists(st.integers(-9, 9), max_size=3).map(tuple),
        st.sampled_from(["", "before", "after"]),
    ),
    max_size=15,
)


@settings(max_examples=40)
@given(moves=MOVES, every=st.integers(1, 5), history=st.booleans())
def test_the_replayed_state_is_the_live_one(moves, every, history):
    """Over any orders and crashes: live, recovered and computed by hand are the same."""
    fields = {"snapshot_every": every, "keeps_history": history}
    agent = type("Some", (Account,), fields)
    ground = SimulatedGround()
    store = MemoryStore(ground.clock)

    async def main() -> None:
        amount = version = 0
        async with System(bank(agent), ground=ground, store=store) as system:
            for amounts, crash in moves:
                if crash != "before":
                    amount, version = amount + sum(amounts), version + len(amounts)
                if crash:
                    with pytest.raises(AskFailed):
                        await system.ask("one", Move(amounts, crash=crash))
                else:
                    live = await system.ask("one", Move(amounts))
                    assert live == Balance(amount, version)
            assert await system.ask("one", Look()) == Balance(amount, version)

    ground.play(main())


def test_a_file_that_is_read_again_gives_the_same(tmp_path: Path) -> None:
    """On SQLite a long stream recovers to what was acknowledged last."""

    async def main() -> None:
        async with System(bank(Plain), store=tmp_path / "s.db") as system:
            for n in range(30):
                last = await system.ask("one", Move(tuple(range(n))))
        async with System(bank(Plain), store=tmp_path / "s.db") as system:
            assert await system.ask("one", Look()) == last

    asyncio.run(main())
