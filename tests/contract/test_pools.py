"""Pools on every ground: who gets what, and what happens when members crash, come and go."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter

import pytest

from harmonium import (
    DEAD_LETTER,
    DROP_OLDEST,
    FAIL,
    ONE_FOR_ALL,
    WAIT,
    Agent,
    AskFailed,
    Backoff,
    MailboxFull,
    Majority,
    Pipeline,
    Step,
    Vote,
    child,
    coordinator,
    handles,
    message,
    operate,
    supervisor,
)
from harmonium.protocols.lanes import Lane
from harmonium.protocols.routing import (
    BROADCAST,
    CONSISTENT_HASH,
    LEAST_LOADED,
    POWER_OF_TWO,
    RANDOM,
    ROUND_ROBIN,
    SCATTER_FIRST,
    STICKY,
    ConsistentHash,
)
from harmonium.supervisors.core.replay import replay
from harmonium.supervisors.pool import pool
from harmonium.supervisors.pool_spec import HAND_OVER, KEEP

ROUTERS = [
    ROUND_ROBIN,
    RANDOM,
    LEAST_LOADED,
    POWER_OF_TWO,
    CONSISTENT_HASH,
    ConsistentHash(load_bound=None),
    STICKY,
]
ORDERED = [ConsistentHash(load_bound=None), STICKY]


@message
class Job:
    """A numbered piece of work of one customer."""

    customer: int
    n: int


@message
class Done:
    """Who did it."""

    by: str
    n: int


@message
class Boom:
    """Crash the member that gets it."""

    customer: int


@message(lane=Lane.CONTROL)
class Hurry:
    """Passes the backlog."""


class Desk:
    """What all members of a pool did, outside of them, so that a crash forgets nothing."""

    def __init__(self, gate: asyncio.Event | None = None) -> None:
        self.done: list[tuple[str, int, int]] = []
        self.at_work: dict[int, str] = {}
        self.owners: list[str] = []
        self.gate = gate

    def begin(self, who: str, job: Job) -> None:
        other = self.at_work.get(job.customer)
        if other is not None:
            self.owners.append(f"{who} and {other} both work for {job.customer}")
        self.at_work[job.customer] = who

    def end(self, who: str, job: Job) -> None:
        self.at_work.pop(job.customer, None)
        self.done.append((who, job.customer, job.n))


class Clerk(Agent):
    """Does jobs at once, or after a pause."""

    def __init__(self, desk: Desk, pause: float = 0.0) -> None:
        self.desk = desk
        self.pause = pause

    @handles
    async def job(self, job: Job) -> Done:
        self.desk.begin(self.path, job)
        if self.desk.gate is not None:
            while not self.desk.gate.is_set():
                await self.sleep(0.001)
        elif self.pause:
            await self.sleep(self.pause)
        self.desk.end(self.path, job)
        return Done(self.path, job.n)

    @handles
    def boom(self, boom: Boom) -> None:
        raise ValueError("boom")

    @handles
    def hurry(self, hurry: Hurry) -> Done:
        self.desk.done.append((self.path, -1, -1))
        return Done(self.path, -1)


@message
class Ballot:
    """What a juror says."""

    approve: bool


class Juror(Agent):
    """Approves of everything."""

    @handles
    def job(self, job: Job) -> Ballot:
        return Ballot(True)


class Slow(Clerk):
    """The members with an even number never get to an answer."""

    @handles
    async def job(self, job: Job) -> Done:
        if int(self.path[-1]) % 2 == 0:
            raise ValueError("even")
        return Done(self.path, job.n)


def shop(*args, **options):
    options = {"key": "customer", "max_restarts": 1000} | options
    return supervisor("t", children=[pool(*args, id="desks", **options)])


def spread(desk):
    return Counter(who.rpartition("/")[2] for who, _, _ in desk.done)


def exactly_once(desk, count):
    assert len(desk.done) == count
    assert sorted(n for _, _, n in desk.done) == list(range(count))


def in_order(desk):
    for customer in {customer for _, customer, _ in desk.done}:
        own = [n for _, whose, n in desk.done if whose == customer]
        assert own == sorted(own), customer
    assert not desk.owners


@pytest.mark.parametrize("router", ROUTERS, ids=repr)
def test_every_job_is_done_once_by_a_member(play, router):
    """Told or asked, a message to a pool is handled by exactly one member, who answers."""
    desk = Desk()

    async def scenario(system):
        asked = [system.ask("desks", Job(n % 20, n)) for n in range(100)]
        for n in range(100, 200):
            await system.tell("desks", Job(n % 20, n))
        for n, one in enumerate(asked):
            assert (await one).n == n

    play(shop(Clerk, desk, size=4, router=router), scenario)
    exactly_once(desk, 200)
    assert set(spread(desk)) <= {"0", "1", "2", "3"}
    assert len(spread(desk)) > 1


def test_round_robin_gives_each_its_turn(play):
    """Four members get a quarter each, in turn."""
    desk = Desk()

    async def scenario(system):
        for n in range(40):
            await system.ask("desks", Job(n, n))

    play(shop(Clerk, desk, size=4, router=ROUND_ROBIN), scenario)
    assert [who[-1] for who, _, _ in desk.done] == list("0123") * 10


def test_mail_between_members_of_the_tree_goes_to_a_member(play):
    """An agent that tells a pool by name reaches its members as any agent."""
    desk = Desk()

    class Sender(Agent):
        @handles
        async def job(self, job: Job) -> Done:
            for n in range(job.n):
                await self.tell("desks", Job(n, n))
            answer: Done = await self.ask("desks", Job(0, job.n))
            return answer

    async def scenario(system):
        assert (await system.ask("sender", Job(0, 50))).n == 50

    tree = supervisor(
        "t",
        children=[
            pool(Clerk, desk, id="desks", size=3, router=ROUND_ROBIN),
            child(Sender, id="sender"),
        ],
    )
    play(tree, scenario)
    exactly_once(desk, 51)


@pytest.mark.parametrize("router", ORDERED, ids=repr)
def test_a_customer_has_one_member(play, router):
    """All jobs of a customer are done by one member, in order."""
    desk = Desk()

    async def scenario(system):
        for n in range(300):
            await system.tell("desks", Job(n % 30, n))

    play(shop(Clerk, desk, size=4, router=router), scenario)
    exactly_once(desk, 300)
    in_order(desk)
    owners = {(customer, who) for who, customer, _ in desk.done}
    assert len(owners) == 30


@pytest.mark.parametrize("router", ROUTERS, ids=repr)
@pytest.mark.parametrize("rule", [KEEP, HAND_OVER], ids=repr)
def test_members_crash_under_load(play, router, rule):
    """Only the message that crashed a member fails; all others are done once, by whoever."""
    desk = Desk()

    async def scenario(system):
        number, failed = 0, []
        for turn in range(10):
            for _ in range(30):
                await system.tell("desks", Job(number % 12, number))
                number += 1
            failed.append(system.ask("desks", Boom(turn)))
        for one in failed:
            with pytest.raises(AskFailed):
                await one

    system = play(shop(Clerk, desk, size=4, router=router, on_member_crash=rule), scenario)
    exactly_once(desk, 300)
    assert system.account().failed == 10
    assert system.account().dead == 0
    if router in ORDERED:
        in_order(desk)


@pytest.mark.parametrize(("rule", "stays"), [(KEEP, True), (HAND_OVER, False)], ids=repr)
def test_mail_of_a_crashed_member_stays_or_goes(play, until, rule, stays):
    """While a member waits for its restart its mail waits with it, or is done by the others."""
    desk = Desk()

    async def scenario(system):
        await system.tell("desks", Job(0, 0))  # to 0
        await system.tell("desks", Job(1, 1))  # to 1
        await system.tell("desks", Boom(0))  # to 0, which is then away for 0.3 s
        system.tell("/t/desks/0", Job(7, 2))  # behind the crash
        await until(lambda: len(desk.done) == 3)

    tree = shop(
        Clerk,
        desk,
        0.02,
        size=2,
        router=ROUND_ROBIN,
        on_member_crash=rule,
        backoff=Backoff(0.3, 0.3, jitter=0.0),
    )
    play(tree, scenario)
    assert desk.done[-1] == (f"/t/desks/{0 if stays else 1}", 7, 2)


def test_without_a_member_mail_waits_in_the_pool(play, until):
    """A pool whose only member is away keeps its mail in order until it is back."""
    desk = Desk()

    async def scenario(system):
        system.tell("desks", Boom(0))
        await until(lambda: system.ground.observers.crashes)
        for n in range(50):
            await system.tell("desks", Job(0, n))
        await until(lambda: len(desk.done) == 50)

    tree = shop(Clerk, desk, size=1, router=LEAST_LOADED, backoff=Backoff(0.05, 0.05, jitter=0.0))
    play(tree, scenario)
    assert [n for _, _, n in desk.done] == list(range(50))


def test_a_member_whose_budget_is_used_up_gives_its_mail_to_the_others(play, until):
    """A quarantined member gets no mail, and what it had is done by the others."""
    desk = Desk()

    async def scenario(system):
        for n in range(6):
            await system.tell("desks", Job(n, n))
        await asyncio.sleep(0.01)
        for _ in range(2):
            system.ref("/t/desks/0").tell(Boom(0))
        for n in range(6, 10):
            await system.tell("desks", Job(n, n))
        await until(lambda: len(desk.done) == 10)
        for n in range(10, 20):
            await system.ask("desks", Job(n, n))

    play(shop(Clerk, desk, 0.02, size=2, router=ROUND_ROBIN, max_restarts=1), scenario)
    exactly_once(desk, 20)
    assert spread(desk) == {"0": 3, "1": 17}


@pytest.mark.parametrize("router", ROUTERS, ids=repr)
def test_growing_and_shrinking_loses_nothing(play, router):
    """Resizes under load lose and double nothing; keys keep their order and one owner."""
    desk = Desk()

    async def scenario(system):
        number, resizes = 0, []
        desks = operate(system.ref("desks"))
        for size in (6, 2, 5, 1, 8, 3, 4):
            for _ in range(60):
                await system.tell("desks", Job(number % 15, number))
                number += 1
            resizes.append(desks.resize(size))
            await asyncio.sleep(0.004)
        for one in resizes:
            assert (await one).ok
        assert len(await desks.which_children()) == 4
        assert system.restarts == 0

    play(shop(Clerk, desk, 0.001, size=3, router=router), scenario)
    exactly_once(desk, 420)
    if router in ORDERED:
        in_order(desk)


def test_a_member_that_leaves_works_off_its_mail_first(play, until):
    """A draining member gets no new mail, does what it has, and stops."""
    gate = asyncio.Event()
    desk = Desk(gate)

    async def scenario(system):
        for n in range(6):
            await system.tell("desks", Job(n, n))
        await asyncio.sleep(0.01)
        resized = operate(system.ref("desks")).resize(1)
        await until(lambda: system.ref("desks")._cell.agent.about()["live"] == 1)
        for n in range(6, 10):
            await system.tell("desks", Job(n, n))
        assert not resized.done()
        gate.set()
        assert (await resized).ok
        await until(lambda: len(desk.done) == 10)
        with pytest.raises(Exception, match="/t/desks/2"):
            system.ref("/t/desks/2")

    play(shop(Clerk, desk, size=3, router=ROUND_ROBIN), scenario)
    exactly_once(desk, 10)
    assert spread(desk) == {"0": 6, "1": 2, "2": 2}


def test_what_a_member_cannot_work_off_in_time_goes_to_the_others(play, until):
    """Past its time to drain a member finishes the message in work; the others get the rest."""
    desk = Desk()

    async def scenario(system):
        for n in range(20):
            await system.tell("desks", Job(n, n))
        await asyncio.sleep(0.01)
        assert (await operate(system.ref("desks")).resize(1)).ok
        await until(lambda: len(desk.done) == 20)

    play(shop(Clerk, desk, 0.02, size=2, router=ROUND_ROBIN, drain=0.05), scenario)
    exactly_once(desk, 20)
    assert 1 <= spread(desk)["1"] <= 6


def test_a_size_out_of_bounds_is_refused(play):
    """An operator hears which sizes the pool may have."""

    async def scenario(system):
        fixed, elastic = operate(system.ref("a")), operate(system.ref("b"))
        assert "from 1" in (await fixed.resize(0)).cause
        assert "from 2 to 4" in (await elastic.resize(5)).cause
        assert (await elastic.resize(4)).ok

    members = [pool(Clerk, Desk(), id="a"), pool(Clerk, Desk(), id="b", size=(2, 4))]
    play(supervisor("t", children=members), scenario)


def test_a_resize_whose_member_cannot_start_says_so(play):
    """A member that fails to start fails the order, and the others stay."""
    made = []

    def clerk():
        made.append(1)
        if len(made) > 2:
            raise ValueError("no more desks")
        return Clerk(Desk())

    async def scenario(system):
        reply = await operate(system.ref("desks")).resize(3)
        assert not reply.ok
        assert "no more desks" in reply.cause
        assert system.ref("desks")._cell.agent.about()["size"] == 2
        await system.ask("desks", Job(0, 0))

    play(shop(clerk, size=2), scenario)


def test_a_broadcast_reaches_all_and_gathers_their_answers(play):
    """Every member handles it; the asker gets all answers and all failures."""
    desk = Desk()

    async def scenario(system):
        got = await system.ask("desks", Job(0, 0))
        assert sorted(got.answers) == ["0", "1", "2"]
        assert not got.failures
        got = await system.ask("desks", Boom(0))
        assert sorted(got.failures) == ["0", "1", "2"]
        await system.tell("desks", Job(0, 1))

    desk.begin = lambda *_: None
    desk.end = lambda who, job: desk.done.append((who, job.customer, job.n))
    play(shop(Clerk, desk, size=3, router=BROADCAST), scenario)
    assert Counter(n for _, _, n in desk.done) == {0: 3, 1: 3}


def test_the_first_good_answer_of_a_scatter_counts(play):
    """Members that fail do not matter while one answers; the last failure does."""

    async def scenario(system):
        for n in range(5):
            assert (await system.ask("desks", Job(0, n))).by in ("/t/desks/1", "/t/desks/3")
        with pytest.raises(AskFailed):
            await system.ask("desks", Boom(0))

    play(shop(Slow, Desk(), size=4, router=SCATTER_FIRST), scenario)


def test_control_messages_pass_the_backlog_of_a_member(play, until):
    """A message of the control lane is handled before the mail that waits."""
    gate = asyncio.Event()
    desk = Desk(gate)

    async def scenario(system):
        for n in range(10):
            await system.tell("desks", Job(n, n))
        hurry = [system.ask("desks", Hurry()) for _ in range(2)]
        await asyncio.sleep(0.01)
        gate.set()
        for one in hurry:
            await one

    play(shop(Clerk, desk, size=2, router=ROUND_ROBIN), scenario)
    assert [n for _, _, n in desk.done].index(-1) <= 2


def test_a_full_member_makes_the_sender_wait(play):
    """With WAIT a tell waits for room at the member that was chosen; nothing is lost."""
    desk = Desk()

    async def scenario(system):
        for n in range(100):
            await system.tell("desks", Job(n, n))
            assert system.ref("desks")._cell.agent.traffic.queued() <= 8 + 3

    play(shop(Clerk, desk, 0.0005, size=2, router=ROUND_ROBIN, mailbox=4), scenario)
    exactly_once(desk, 100)


@pytest.mark.parametrize("policy", [DEAD_LETTER, DROP_OLDEST], ids=repr)
def test_a_full_member_sheds_load_as_declared(play, until, policy):
    """What the overflow policy refuses is a dead letter; the rest is done."""
    gate = asyncio.Event()
    desk = Desk(gate)

    async def scenario(system):
        for n in range(100):
            await system.tell("desks", Job(n, n))
        await until(lambda: system.account().dead >= 100 - 2 * (4 + 1))
        gate.set()

    system = play(
        shop(Clerk, desk, size=2, router=ROUND_ROBIN, mailbox=4, overflow=policy), scenario
    )
    assert len(desk.done) + system.account().dead == 100
    assert 8 <= len(desk.done) <= 12


def test_a_full_pool_that_fails_says_so(play, until):
    """With FAIL the sender gets MailboxFull, also while no member is up."""
    caught = []

    class Sender(Agent):
        @handles
        async def job(self, job: Job) -> Done:
            for n in range(job.n):
                try:
                    await self.tell("desks", Job(n, n))
                except MailboxFull as error:
                    caught.append(error)
            return Done("", len(caught))

    desk = Desk()
    desks = pool(
        Clerk,
        desk,
        id="desks",
        mailbox=5,
        overflow=FAIL,
        backoff=Backoff(0.2, 0.2, jitter=0.0),
    )

    async def scenario(system):
        system.tell("desks", Boom(0))
        await until(lambda: system.ground.observers.crashes)
        await system.ask("sender", Job(0, 20))
        await until(lambda: len(desk.done) == 5)

    play(supervisor("t", children=[desks, child(Sender, id="sender")]), scenario)
    assert len(caught) == 15


def test_a_key_that_cannot_be_read_is_a_dead_letter(play):
    """The asker hears of a key function that raises, and nobody else suffers."""
    desk = Desk()

    def key(job):
        return job.customer if job.n else 1 / 0

    async def scenario(system):
        with pytest.raises(Exception, match="division by zero"):
            await system.ask("desks", Job(0, 0))
        await system.ask("desks", Job(0, 1))

    system = play(shop(Clerk, desk, size=2, router=STICKY, key=key), scenario)
    assert system.account().dead == 1


def test_a_pool_that_is_restarted_keeps_its_waiting_mail(play, until):
    """The pool's own restart, by escalation, does not lose what waits in it."""
    from harmonium.supervisors.words import ESCALATE

    desk = Desk()

    async def scenario(system):
        system.tell("desks", Boom(0))
        await until(lambda: system.restarts)
        for n in range(20):
            await system.tell("desks", Job(n, n))
        await until(lambda: len(desk.done) == 20)

    tree = shop(Clerk, desk, size=2, router=ROUND_ROBIN, directives={ValueError: ESCALATE})
    play(tree, scenario)
    exactly_once(desk, 20)


def test_a_pool_that_is_restarted_with_its_group_keeps_the_mail_of_its_members(play, until):
    """What waits at the members goes to their successors; only what is in work may be lost."""
    desk = Desk()

    async def scenario(system):
        for n in range(40):
            await system.tell("desks", Job(n % 5, n))
        await asyncio.sleep(0.01)
        system.tell("other", Boom(0))
        await until(lambda: len(desk.done) == 40)

    tree = supervisor(
        "t",
        strategy=ONE_FOR_ALL,
        max_restarts=5,
        children=[
            child(Clerk, Desk(), id="other"),
            pool(Clerk, desk, 0.005, id="desks", size=2, router=STICKY, key="customer"),
        ],
    )
    play(tree, scenario)
    exactly_once(desk, 40)
    in_order(desk)


def test_a_handler_that_cannot_wait_hears_of_a_full_pool(play):
    """With WAIT a sync handler gets MailboxFull when the member that is chosen is full."""
    gate = asyncio.Event()
    desk, sent = Desk(gate), []

    class Sender(Agent):
        @handles
        def job(self, job: Job) -> Done:
            with contextlib.suppress(MailboxFull):
                for n in range(job.n):
                    self.tell("desks", Job(n, n))
                    sent.append(n)
            return Done("", len(sent))

    async def scenario(system):
        await system.ask("sender", Job(0, 50))
        gate.set()

    desks = pool(Clerk, desk, id="desks", size=2, router=LEAST_LOADED, mailbox=5)
    play(supervisor("t", children=[desks, child(Sender, id="sender")]), scenario)
    assert len(sent) == 10
    exactly_once(desk, 10)


def test_a_pool_is_asked_by_a_pipeline_and_votes(play):
    """A step may go to a pool, and its configured members may vote."""

    async def scenario(system):
        done = await system.ask("boss", Job(3, 7))
        assert done.n == 7
        assert done.by.startswith("/t/desks/")

    plan = Pipeline(
        Job,
        [
            Step("vote", vote=Vote("jury", rule=Majority(quorum=3), deadline=1.0)),
            Step("do", to="desks", send=lambda c: c.request, after=["vote"]),
        ],
        result=lambda c: c["do"],
    )
    tree = supervisor(
        "t",
        children=[
            pool(Clerk, Desk(), id="desks", size=2, router=STICKY, key="customer"),
            pool(Juror, id="jury", size=3, router=ROUND_ROBIN),
            coordinator(plan, id="boss"),
        ],
    )
    play(tree, scenario)


def test_the_journal_of_a_pool_can_be_replayed(play):
    """Its supervisor's decisions come out alike when they are made again."""

    async def scenario(system):
        desks = operate(system.ref("desks"))
        for size in (5, 1, 3):
            assert (await desks.resize(size)).ok
        with pytest.raises(AskFailed):
            await system.ask("desks", Boom(0))
        spec = system.ref("desks")._cell.agent.state.spec
        again = replay(spec, await desks.journal(), path="/t/desks")
        assert not again.deviations
        assert [one.id for one in again.state.table] == [
            row.id for row in await desks.which_children()
        ]

    play(shop(Clerk, Desk(), size=2, router=LEAST_LOADED), scenario)


@pytest.mark.parametrize("policy", [WAIT, FAIL], ids=repr)
def test_a_broadcast_is_for_all_or_for_nobody(play, policy):
    """Where one member is full, the sender waits or is refused, and no mailbox grows."""
    gate = asyncio.Event()
    desk = Desk(gate)
    desk.begin = lambda *_: None
    desk.end = lambda who, job: desk.done.append((who, job.customer, job.n))
    sent = []

    class Sender(Agent):
        @handles
        async def job(self, job: Job) -> Done:
            with contextlib.suppress(MailboxFull):
                for n in range(job.n):
                    await self.tell("desks", Job(n, n))
                    sent.append(n)
            return Done("", 0)

    async def scenario(system):
        asked = system.ask("sender", Job(0, 30))
        await asyncio.sleep(0.05)
        assert max(one.queued() for one in system.ref("desks")._cell.children.values()) <= 6
        gate.set()
        await asked

    desks = pool(Clerk, desk, id="desks", size=3, router=BROADCAST, mailbox=5, overflow=policy)
    play(supervisor("t", children=[desks, child(Sender, id="sender")]), scenario)
    assert len(sent) == 30 if policy is WAIT else 5 <= len(sent) <= 7
    assert Counter(n for _, _, n in desk.done) == dict.fromkeys(range(len(sent)), 3)


def test_what_waited_does_not_overfill_the_members(play, until):
    """After an outage the mail that waited goes to the members as they have room for it."""
    desk = Desk()

    async def scenario(system):
        for _ in range(2):
            system.tell("/t/desks/0", Boom(0))
            await until(lambda: not system.ref("desks")._cell.agent.about()["live"])
            told = [system.tell("desks", Job(n, n)) for n in range(4)]
            for one in told:
                await one
            await until(lambda: system.ref("desks")._cell.agent.about()["live"])
            assert system.ref("/t/desks/0")._cell.queued() <= 5
            await until(lambda: not system.ref("desks")._cell.agent.about()["queued"])
        await until(lambda: len(desk.done) == 8)

    tree = shop(
        Clerk,
        desk,
        0.001,
        size=1,
        router=LEAST_LOADED,
        mailbox=4,
        backoff=Backoff(0.05, 0.05, jitter=0.0),
    )
    play(tree, scenario)
