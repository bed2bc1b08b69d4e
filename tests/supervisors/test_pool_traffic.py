"""Mail that stands in a pool's own mailbox: in bounds, in order, and never lost."""

from __future__ import annotations

import asyncio

import pytest

from harmonium import (
    DEAD_LETTER,
    FAIL,
    WAIT,
    Agent,
    MailboxFull,
    System,
    child,
    handles,
    message,
    supervisor,
)
from harmonium.actors import burying
from harmonium.protocols.lifecycle import Phase
from harmonium.protocols.routing import (
    LEAST_LOADED,
    POWER_OF_TWO,
    RANDOM,
    ROUND_ROBIN,
    STICKY,
    ConsistentHash,
)
from harmonium.supervisors.pool import pool

ROUTERS = [ROUND_ROBIN, LEAST_LOADED, RANDOM, POWER_OF_TWO, STICKY, ConsistentHash(load_bound=None)]


@message
class Job:
    """Numbered work of one customer."""

    customer: int
    n: int


@message
class Load:
    """Send so many."""

    n: int


class Worker(Agent):
    """Notes what it does, after a pause."""

    def __init__(self, book, pause=0.0):
        self.book = book
        self.pause = pause

    @handles
    async def job(self, job: Job) -> None:
        if self.pause:
            await self.sleep(self.pause)
        self.book.append((self.path, job.customer, job.n))


class Sender(Agent):
    """Sends without looking, or waits for room each time."""

    seen = 0

    @handles
    async def load(self, load: Load) -> Job:
        for n in range(load.n):
            await self.tell("pool", Job(n % 7, n))
            self.seen = max(self.seen, traffic_of(self._cell.ground).queued())
        return Job(0, self.seen)


def traffic_of(ground):
    return ground.registry.find("pool", None).agent.traffic


def play(scenario, *arguments, **options):
    """Run a scenario on a pool of two; gives the account and what was done."""
    book = []
    tree = supervisor(
        "t",
        max_restarts=10,
        children=[
            pool(Worker, book, *arguments, id="pool", **({"size": 2, "key": "customer"} | options)),
            child(Sender, id="sender"),
        ],
    )

    async def main():
        async with System(tree) as system:
            await asyncio.wait_for(scenario(system, book), 30.0)
        return system.account()

    account = asyncio.run(main())
    assert account.balanced
    assert account.in_flight == 0
    return account, book


async def done(book, count):
    while len(book) < count:  # noqa: ASYNC110 - nothing tells how much is written
        await asyncio.sleep(0.001)


def send(ground, count, first=0):
    """Send from one turn, so that nothing is dealt out in between."""
    cell = ground.registry.find("pool", None)
    for n in range(first, first + count):
        ground.tell(None, cell, Job(n % 7, n))
    return cell


@pytest.mark.parametrize("router", ROUTERS, ids=repr)
def test_one_turn_is_dealt_out_in_order(router):
    """However many are sent at once: each is done once, and in order at each member."""

    async def scenario(system, book):
        assert await system.call(lambda ground: len(send(ground, 300).mailbox)) == 300
        await done(book, 300)

    _, book = play(scenario, router=router)
    assert sorted(n for _, _, n in book) == list(range(300))
    for path in {path for path, _, _ in book}:
        mine = [n for one, _, n in book if one == path]
        assert mine == sorted(mine)


@pytest.mark.parametrize("router", ROUTERS, ids=repr)
def test_no_more_wait_than_the_members_have_room_for(router):
    """A sender that waits for room never has more under way than two mailboxes and one."""

    async def scenario(system, book):
        answer = await system.ask("sender", Load(400), timeout=20.0)
        assert answer.n <= 2 * 20 + 1
        await done(book, 400)

    _, book = play(scenario, 0.0002, router=router, mailbox=20, overflow=WAIT)
    assert sorted(n for _, _, n in book) == list(range(400))


@pytest.mark.parametrize("router", [ROUND_ROBIN, LEAST_LOADED], ids=repr)
def test_the_first_that_finds_no_room_is_refused(router):
    """With FAIL as many are taken as the members hold, and then none."""

    async def scenario(system, book):
        def overfill(ground):
            with pytest.raises(MailboxFull):
                send(ground, 100)
            return traffic_of(ground).queued()

        assert await system.call(overfill) == 2 * 40
        await done(book, 80)

    _, book = play(scenario, router=router, mailbox=40, overflow=FAIL)
    assert sorted(n for _, _, n in book) == list(range(80))


def test_what_finds_no_room_is_shed():
    """With DEAD_LETTER the members' mailboxes are filled, and the rest is dead."""

    async def scenario(system, book):
        await system.call(lambda ground: send(ground, 100))
        await done(book, 80)

    account, _ = play(scenario, router=ROUND_ROBIN, mailbox=40, overflow=DEAD_LETTER)
    assert account.dead == 20


@pytest.mark.parametrize("router", ROUTERS, ids=repr)
def test_mail_to_a_member_itself_comes_behind(router):
    """What is sent to a member alone passes nothing that was sent to the pool before."""

    async def scenario(system, book):
        def both(ground):
            pool_cell = send(ground, 100)
            for member in pool_cell.children.values():
                ground.tell(None, member, Job(0, 1_000))

        await system.call(both)
        await done(book, 102)

    _, book = play(scenario, router=router)
    for path in {path for path, _, _ in book}:
        assert [n for one, _, n in book if one == path][-1] == 1_000


def test_a_pool_that_is_killed_keeps_what_it_had_not_dealt_out():
    """Its supervisor starts it again, and then the mail is done."""

    async def scenario(system, book):
        await system.call(lambda ground: burying.kill(send(ground, 50)))
        await done(book, 50)

    account, book = play(scenario, router=ROUND_ROBIN)
    assert sorted(n for _, _, n in book) == list(range(50))
    assert account.dead == 0


def test_a_pool_that_crashes_keeps_its_mail():
    """What stood in its own mailbox, and what comes while it is away, is done after the restart."""

    async def scenario(system, book):
        def crash(ground):
            cell = send(ground, 50)
            ground.crashed(cell, RuntimeError("planned"), Phase.HANDLER, None)
            send(ground, 10, first=50)

        await system.call(crash)
        await done(book, 60)

    _, book = play(scenario, router=STICKY)
    assert sorted(n for _, _, n in book) == list(range(60))
    for customer in range(7):
        assert [n for _, one, n in book if one == customer] == list(range(customer, 60, 7))


def test_mail_goes_to_who_takes_it_when_it_is_dealt_out():
    """A member that has left since the mail was posted gets none of it."""

    async def scenario(system, book):
        def change(ground):
            cell = send(ground, 50)
            cell.agent.traffic.adopt(cell.agent.traffic.members[:1], cell.agent.traffic.everybody)

        await system.call(change)
        await done(book, 50)

    _, book = play(scenario, router=ROUND_ROBIN)
    assert len({path for path, _, _ in book}) == 1
