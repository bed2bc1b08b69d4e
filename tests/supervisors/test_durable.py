"""Durable coordinators: what is written before it is seen, and how requests go on."""

from __future__ import annotations

import asyncio
import os

import pytest

from harmonium.actors.store.operations import Operation
from harmonium.actors.store.pending import Pending, settle
from harmonium.protocols.errors import AskFailed, AskTimeout, StartFailed, StoreError
from harmonium.protocols.message import message
from harmonium.protocols.pipeline.spec import Pipeline, Step
from harmonium.supervisors.cancelling import CancelRequest, RequestsCancelled
from harmonium.supervisors.coordinator import coordinator
from harmonium.supervisors.decision_records import read_records, verify_log
from harmonium.supervisors.durable_layout import Keep
from harmonium.supervisors.spec import supervisor
from harmonium.supervisors.system import System
from tests.supervisors.durable_desk import Desk, Go, Said, agent_of


async def ask(system, n=1, key="k", timeout=None):
    return await system.ask("work", Go(n), idempotency_key=key, timeout=timeout)


async def leave_under_way(system, key="k", timeout=None):
    """Ask, and go when the request can go no further by itself."""
    waiting = system.ask("work", Go(1), idempotency_key=key, timeout=timeout)
    await asyncio.sleep(1.0)
    assert not waiting.done()
    waiting.cancel()


def kinds(desk):
    return [one.kind for one in read_records(desk.store, "/top/work")]


# -- going on


def test_a_request_goes_on_in_the_next_process():
    """What has finished does not run again; what was in flight does, under the same key."""
    desk = Desk()
    desk.asked.silent.add("b")
    desk.play(leave_under_way)
    assert desk.asked.steps() == ["a", "b"]
    assert len(desk.streams()) == 1

    desk.asked.silent.clear()
    assert desk.play(ask) == Said(4)
    assert desk.asked.steps() == ["a", "b", "b", "c"]
    first, second = [key for name, _, key in desk.asked.by if name == "b"]
    assert first == second == "k:b"
    assert desk.streams() == []
    assert kinds(desk).count("resumed") == 1
    assert verify_log(desk.store, "/top/work").broken is None


class Dying:
    """A store that takes so many commits; the process dies before the next is durable."""

    def __init__(self, store, commits) -> None:
        self._store, self._left = store, commits

    def __getattr__(self, name):
        return getattr(self._store, name)

    def commit(self, *operations, fence=None):
        self._left -= 1
        if self._left < 0:
            return Pending()
        return self._store.commit(*operations, fence=fence)


@pytest.mark.parametrize("fails", [False, True], ids=["done", "undone"])
@pytest.mark.parametrize("commits", range(9))
def test_a_request_goes_on_from_every_one_of_its_commits(commits, fails):
    """Wherever the process dies: one end, and one answer for each step and each undo."""
    desk = Desk()
    if fails:
        desk.asked.broken.add("c")
    store, desk.store = desk.store, Dying(desk.store, commits)
    ends = []

    async def main(system):
        waiting = system.ask("work", Go(1), idempotency_key="k", timeout=None)
        await asyncio.sleep(1.0)
        if waiting.done():
            ends.append(waiting.exception())

    desk.play(main)
    desk.store = store
    if not ends:
        desk.play(main)
    [end] = ends
    assert isinstance(end, AskFailed) if fails else end is None
    told = [(one.kind, one.step) for one in read_records(store, "/top/work")]
    steps = ["a", "b"] if fails else ["a", "b", "c"]
    assert [step for kind, step in told if kind == "answered"] == steps
    assert [step for kind, step in told if kind == "undone"] == (["b", "a"] if fails else [])
    assert len([kind for kind, _ in told if kind in ("finished", "gave_up")]) == 1
    assert verify_log(store, "/top/work").broken is None
    assert desk.streams() == []


def test_a_request_without_an_asker_goes_on_too():
    """Nobody has to ask again: the work is done all the same."""
    desk = Desk()
    desk.asked.silent.add("c")
    desk.play(leave_under_way)
    desk.asked.silent.clear()
    desk.play(lambda system: asyncio.sleep(1.0))
    assert desk.asked.steps() == ["a", "b", "c", "c"]
    assert kinds(desk)[-1] == "finished"


def test_a_crashed_coordinator_goes_on_in_its_process():
    """The next incarnation reads its log; who asks again joins what is under way."""
    desk = Desk()
    desk.asked.silent.add("b")

    async def main(system):
        waiting = system.ask("work", Go(1), idempotency_key="k", timeout=None)
        await asyncio.sleep(1.0)
        cell = system.ref("work")._cell

        def crash():
            raise RuntimeError("crash")

        cell.ground.signal(cell, crash)
        with pytest.raises(AskFailed):
            await waiting
        desk.asked.silent.clear()
        return await ask(system)

    assert desk.play(main) == Said(4)
    assert desk.asked.steps() == ["a", "b", "b", "c"]


def test_a_deadline_goes_on_while_nobody_runs():
    """It is kept in the store's time: past it, the request fails and is undone at once."""
    desk = Desk()
    desk.asked.silent.add("c")
    desk.play(lambda system: leave_under_way(system, timeout=100.0))
    desk.time += 200.0
    desk.asked.silent.clear()
    desk.play(lambda system: asyncio.sleep(1.0))
    assert desk.asked.steps() == ["a", "b", "c", "b!undo", "a!undo"]
    assert "expired" in kinds(desk)


def test_a_deadline_that_is_not_over_leaves_the_rest_of_its_time():
    """With 100 seconds from the start and 50 lost, the request ends after another 50."""
    desk = Desk()
    desk.asked.silent.add("c")
    desk.play(lambda system: leave_under_way(system, timeout=100.0))
    desk.time += 50.0

    async def main(system):
        await asyncio.sleep(40.0)
        before = agent_of(system).under_way
        await asyncio.sleep(15.0)
        return before, agent_of(system).under_way

    assert desk.play(main) == (1, 0)


def test_a_clock_that_was_set_back_brings_no_time_before_what_has_happened():
    """The coordinator's time goes on from its latest event."""
    desk = Desk()
    desk.asked.silent.add("b")
    desk.play(leave_under_way)
    desk.time -= 10_000.0
    desk.asked.silent.clear()
    desk.play(ask)
    times = [one.time for one in read_records(desk.store, "/top/work")]
    assert times == sorted(times)


@pytest.mark.parametrize("durable", [True, False], ids=["store", "memory"])
def test_an_undo_reaches_its_agent_after_the_requests_deadline(durable):
    """The messages of a request do not carry the asker's deadline."""
    desk = Desk()
    desk.store = desk.store if durable else None
    desk.asked.silent.add("c")

    async def main(system):
        with pytest.raises((AskFailed, AskTimeout)):
            await ask(system, timeout=5.0)
        await asyncio.sleep(1.0)

    desk.play(main)
    assert desk.asked.steps() == ["a", "b", "c", "b!undo", "a!undo"]


# -- asking again


def test_a_finished_request_gives_its_result_again():
    """Also to another process; nothing runs a second time."""
    desk = Desk()
    assert desk.play(ask) == desk.play(ask) == Said(4)
    assert desk.asked.steps() == ["a", "b", "c"]


def test_without_a_key_every_request_is_new_and_no_result_is_kept():
    """Nobody could ask for it again."""
    desk = Desk()
    desk.play(lambda system: ask(system, key=None))
    desk.play(lambda system: ask(system, key=None))
    assert desk.asked.steps() == ["a", "b", "c"] * 2
    assert desk.store.state("results /top/work").list().result() == []


def test_a_request_that_failed_may_be_asked_again_with_new_keys():
    """It was undone, so an agent that remembers its answers by key must not repeat them."""
    desk = Desk()
    desk.asked.broken.add("c")

    async def main(system):
        with pytest.raises(AskFailed):
            await ask(system)
        desk.asked.broken.clear()
        return await ask(system)

    assert desk.play(main) == Said(4)
    assert [key for name, _, key in desk.asked.by if name == "a"] == ["k:a", "k~2:a"]
    assert desk.play(ask) == Said(4)


def test_results_are_kept_up_to_a_number():
    """The oldest go first, from memory and store alike."""
    desk = Desk(keep=Keep(results=2))

    async def main(system):
        for key in ("1", "2", "3"):
            await ask(system, key=key)

    desk.play(main)
    kept = [item.key for item in desk.store.state("results /top/work").list().result()]
    assert kept == ["2", "3"]
    desk.play(lambda system: ask(system, key="1"))
    assert desk.asked.steps().count("a") == 4


def test_results_are_kept_for_a_time():
    """After it the request is a new one."""
    desk = Desk(keep=Keep(results_for=60.0))
    desk.play(ask)
    desk.time += 61.0
    desk.play(ask)
    assert desk.asked.steps().count("a") == 2


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ({"lost": "no message"}, "the result of request k could not be kept: no message"),
        ({"result": {"message": {"type": "gone.Done/1", "data": {}}}}, "gone.Done"),
    ],
    ids=["never kept", "not known any more"],
)
def test_a_result_that_cannot_be_given_again_is_an_error_and_no_second_run(value, problem):
    """Its asker hears why; the coordinator goes on."""
    desk = Desk()
    desk.play(ask)
    desk.store.state("results /top/work").put("k", {"value": value, "runs": 1}).result()

    async def main(system):
        with pytest.raises(AskFailed, match=problem):
            await ask(system)
        return await ask(system, key="other")

    assert desk.play(main) == Said(4)
    assert desk.asked.steps() == ["a", "b", "c"] * 2


def test_an_id_may_be_long_and_strange():
    """What a store does not take as a name is kept under a digest of it."""
    desk = Desk()
    key = "ключ\n" * 500
    assert desk.play(lambda system: ask(system, key=key)) == Said(4)
    assert desk.play(lambda system: ask(system, key=key)) == Said(4)
    assert desk.asked.steps() == ["a", "b", "c"]


# -- written before it is seen


class Withholding:
    """A store whose commits become durable when they are told to."""

    def __init__(self, store) -> None:
        self._store = store
        self.waiting: list[tuple[Pending, Pending]] = []
        self.units: list[tuple[Operation, ...]] = []

    def __getattr__(self, name):
        return getattr(self._store, name)

    def commit(self, *operations, fence=None):
        held: Pending = Pending()
        self.units.append(operations)
        self.waiting.append((held, self._store.commit(*operations, fence=fence)))
        return held

    def let_go(self) -> None:
        while self.waiting:
            held, done = self.waiting.pop(0)
            settle([(held, (done.result(), None))])

    def refuse(self) -> None:
        for held, _ in self.waiting:
            settle([(held, (None, StoreError("the disk is full")))])
        self.waiting.clear()


def test_nothing_is_seen_before_it_is_durable():
    """No message leaves and no answer is given while the commit is under way."""
    desk = Desk()
    store = desk.store = Withholding(desk.store)

    async def main(system):
        waiting = system.ask("work", Go(1), timeout=None)
        for asked in ([], ["a"], ["a", "b"], ["a", "b", "c"]):
            await asyncio.sleep(1.0)
            assert desk.asked.steps() == asked
            assert not waiting.done()
            store.let_go()
        return await waiting

    assert desk.play(main) == Said(4)


def test_a_cancellation_is_confirmed_once_it_is_durable():
    """Who hears that a request was cancelled may rely on it."""
    desk = Desk()
    desk.asked.silent.add("b")
    store = desk.store = Withholding(desk.store)

    async def main(system):
        system.ask("work", Go(1), correlation_id="c", timeout=None)
        for _ in range(3):
            await asyncio.sleep(1.0)
            store.let_go()
        said = system.ask("work", CancelRequest("c", "changed my mind"), timeout=None)
        await asyncio.sleep(1.0)
        assert not said.done()
        store.let_go()
        return await said

    assert desk.play(main) == RequestsCancelled(1)
    assert "cancelled" in kinds(desk)


def test_events_of_one_tick_share_a_commit():
    """A hundred requests at once cost a few commits, not hundreds."""
    desk = Desk()
    store = desk.store = Withholding(desk.store)

    async def main(system):
        asks = [system.ask("work", Go(n), timeout=None) for n in range(100)]
        while not all(one.done() for one in asks):
            await asyncio.sleep(1.0)
            store.let_go()
        return [one.result().n for one in asks]

    assert desk.play(main) == [n + 3 for n in range(100)]
    assert len(store.units) < 20


def test_a_write_that_fails_ends_the_incarnation_and_the_next_goes_on():
    """Nobody knows whether it was done: the next incarnation reads what is there."""
    desk = Desk()
    store = desk.store = Withholding(desk.store)

    async def main(system):
        waiting = system.ask("work", Go(1), idempotency_key="k", timeout=None)
        await asyncio.sleep(1.0)
        store.refuse()
        with pytest.raises(AskFailed, match="the disk is full"):
            await waiting
        again = system.ask("work", Go(1), idempotency_key="k", timeout=None)
        while not again.done():
            await asyncio.sleep(1.0)
            store.let_go()
        return again.result()

    assert desk.play(main) == Said(4)
    assert desk.asked.steps() == ["a", "b", "c"]


def test_an_answer_that_cannot_be_kept_is_a_failure_of_its_step():
    """It is no message; the error says so, and what was done is undone."""
    desk = Desk()
    desk.asked.odd.add("b")
    with pytest.raises(AskFailed, match="object"):
        desk.play(ask)
    assert desk.asked.steps() == ["a", "b", "a!undo"]


# -- one at a time, and only its own


def test_two_processes_do_not_run_one_coordinator():
    """The second is refused, with the name of who runs it and what to do; the first goes on."""
    desk = Desk()
    with System(desk.tree(), store=desk.store) as system:
        match = rf"process {os.getpid()} on .* runs this coordinator .* stop it"
        with pytest.raises(StartFailed, match=match), System(desk.tree(), store=desk.store):
            pytest.fail("it started")
        asked = system.ask("work", Go(1), idempotency_key="k")
        assert asked.result() == Said(4)


def test_who_lost_its_lease_writes_nothing_more():
    """A commit carries the fencing token of the lease."""
    desk = Desk()

    async def main(system):
        desk.time += 60.0  # it was paused for long, and another machine took over
        assert desk.store.leases.acquire("coordinator:/top/work", "other", 600.0).result()
        with pytest.raises((AskFailed, AskTimeout)):
            await ask(system, timeout=5.0)
        await asyncio.sleep(1.0)
        assert system.failure is not None  # the next incarnation was refused

    desk.play(main)
    assert desk.asked.steps() == []
    assert desk.streams() == []


def test_a_pipeline_of_another_shape_does_not_take_a_request_up():
    """Its log would mean something else; the error names request and remedy."""
    desk = Desk()
    desk.asked.silent.add("b")
    desk.play(leave_under_way)
    other = Pipeline(Go, [Step("z", to="a")], name="work")
    tree = supervisor("top", children=[coordinator(other, id="work")])

    async def main():
        async with System(tree, store=desk.store):
            pytest.fail("it started")

    with pytest.raises(StartFailed, match="request k was begun by another shape.*let the version"):
        asyncio.run(main())


def test_a_message_that_is_not_known_any_more_is_named():
    """The error says which request and what has to be there."""
    desk = Desk()

    @message
    class Odd:
        n: int

    pipe = Pipeline(Odd, [Step("a", to="a", send=lambda c: Go(c.request.n))], name="work")
    desk.tree = lambda: supervisor("top", children=[coordinator(pipe, id="work")])
    desk.options = {}

    async def main(system):
        system.ask("work", Odd(1), idempotency_key="k", timeout=None)
        await asyncio.sleep(1e-2)

    store = desk.store
    withheld = desk.store = Withholding(store)
    desk.play(main)
    assert withheld.units
    desk.store = store

    @message(name="other.Odd")
    class Other:
        n: int

    renamed = Pipeline(Other, [Step("a", to="a", send=lambda c: Go(c.request.n))], name="work")
    renamed.request.__name__ = "Odd"  # the same shape
    desk.tree = lambda: supervisor("top", children=[coordinator(renamed, id="work")])
    with pytest.raises(StartFailed, match=r"request k cannot be read.*where they were"):
        desk.play(lambda system: asyncio.sleep(0))
