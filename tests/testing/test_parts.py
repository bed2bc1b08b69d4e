"""The parts of the runtime under faults: one search for each, and what must hold of it."""

from __future__ import annotations

import contextlib

import attrs
import pytest

from harmonium import (
    LEAST_LOADED,
    ONE_FOR_ALL,
    REST_FOR_ONE,
    STICKY,
    TEMPORARY,
    Agent,
    Backoff,
    HarmoniumError,
    Pipeline,
    Retry,
    Step,
    Terminated,
    child,
    coordinator,
    handles,
    message,
    operate,
    pool,
    supervisor,
)
from harmonium.actors.event_sourced import EventSourced
from harmonium.testing import (
    Faults,
    Scene,
    at_most_once,
    no_orphans,
    nothing_lost,
    reduce_faults,
    search,
)

OFTEN = {"max_restarts": 10_000, "within": 60.0}


@message
class Job:
    number: int
    who: str = ""


@message
class Result:
    number: int


@message(name="parts.Event")
class Event:
    number: int


def holds(build, body, faults, *, schedules=150, horizon=60.0, settle=200.0):
    """Search; on a failure, show the few faults that matter."""
    scene = Scene(build, body, horizon=horizon, settle=settle)
    found = search(scene, faults, schedules=schedules, budget=10.0)
    if found.outcome is not None:
        reduced = reduce_faults(scene, found.outcome, faults, limit=300)
        pytest.fail(f"{found.outcome.violation}: {reduced.faults}")
    return found


def sound(world):
    """What holds of every system at every moment."""
    world.always(lambda: nothing_lost(world), "every message has one fate")
    world.always(lambda: no_orphans(world), "no orphans")


class Worker(Agent):
    @handles
    async def work(self, job: Job) -> Result:
        await self.sleep(0.05)
        return Result(job.number)

    @handles
    def event(self, event: Event) -> None: ...


class Mother(Worker):
    """Has a child of its own, which comes and goes with it."""

    def started(self):
        self.spawn(Worker, id="kid")


def ask_all(world, to, count=5):
    """Ask from outside; whoever asks must hear, come what may."""
    me = world.probe("me")
    for number in range(count):
        me.ask(to, Job(number, f"who{number % 2}"), timeout=100)
    world.eventually(
        lambda: len(me.inbox) + len(me.failures) == count, "every asker hears", within=150
    )
    return me


@pytest.mark.parametrize("strategy", [ONE_FOR_ALL, REST_FOR_ONE])
def test_supervisors(strategy):
    """Groups come back whole, with all their children, whatever falls whenever."""
    inner = supervisor(
        "inner",
        strategy=strategy,
        **OFTEN,
        children=[child(Mother, id=id, backoff=Backoff(0.1, 2.0)) for id in "ab"],
    )
    tree = supervisor("top", **OFTEN, children=[child(Worker, id="w"), inner])
    everybody = {"/top/w", "/top/inner/a/kid", "/top/inner/b/kid"}

    def body(world):
        sound(world)
        for to in ("/top/inner/a", "/top/inner/b", "w"):
            ask_all(world, to, 2)
        world._eventually.clear()
        me = world.probe("me")
        world.eventually(lambda: len(me.inbox) + len(me.failures) == 6, "all hear", within=150)
        world.eventually(lambda: everybody <= set(world.tree()), "all are back", within=150)
        world.never_stuck()

    holds(lambda: tree, body, Faults(crash=True, kill=True))


def test_coordinators():
    """Each request ends in one outcome; what was undone or done is done at most once per try."""
    pipeline = Pipeline(
        Job,
        [
            Step("one", to="a", timeout=2.0, fallback=[Retry(3, on=HarmoniumError)]),
            Step("two", to="b", timeout=2.0, fallback=[Retry(3, on=HarmoniumError)]),
        ],
        result=lambda c: c["two"],
    )
    tree = supervisor(
        "top",
        **OFTEN,
        children=[child(Worker, id="a"), child(Worker, id="b"), coordinator(pipeline, id="c")],
    )

    def body(world):
        sound(world)
        me = ask_all(world, "c", 3)
        world.always(lambda: at_most_once(me.got(Result), "number"), "one result each")
        world.never_stuck()

    holds(lambda: tree, body, Faults(crash=True, kill=True, drop=("a", "b"), duplicate=True))


@pytest.mark.parametrize("router", [LEAST_LOADED, STICKY])
def test_pools(router):
    """Members fall, the pool is resized: every asker hears, and the pool has its size again."""
    key = {"key": "who"} if router is STICKY else {}
    tree = supervisor("top", **OFTEN, children=[pool(Worker, id="p", size=3, router=router, **key)])

    def body(world):
        sound(world)
        ask_all(world, "p", 6)
        world.eventually(
            lambda: sum(path.startswith("/top/p/") for path in world.tree()) == 3,
            "three members",
            within=150,
        )

    holds(lambda: tree, body, Faults(crash=True, kill="p/*", pause=True))


class Teller(Agent):
    publishes = (Event,)

    @handles
    def tell_all(self, job: Job) -> None:
        self.publish(Event(job.number))


class Listener(Agent):
    def __init__(self, heard):
        self.heard = heard

    def started(self):
        self.subscribe(Event)

    @handles
    def event(self, event: Event) -> None:
        self.heard.append(event.number)


def test_topics():
    """Who is there hears each event once, in order, and hears again after a restart."""

    def build(world):
        listeners = [child(Listener, world.ledger(id), id=id) for id in "ab"]
        return supervisor("top", **OFTEN, children=[child(Teller, id="t"), *listeners])

    def body(world):
        sound(world)
        for number in range(6):
            world.tell("t", Job(number))
        for id in "ab":
            heard = world.ledger(id)
            world.always(lambda heard=heard: at_most_once(heard), f"{id} hears each once")
        world.always(
            lambda: all(world.ledger(id) == sorted(world.ledger(id)) for id in "ab"), "in order"
        )

    holds(build, body, Faults(crash=("a", "b"), kill="b", delay=("a", "b")))


class Payments(Agent):
    def __init__(self, bank):
        self.bank = bank

    @handles(idempotent=True)
    async def work(self, job: Job) -> Result:
        self.bank.append(job.number)
        await self.sleep(0.05)
        return Result(job.number)


def test_idempotency():
    """Duplicates, and repetitions of the asker, are run once, and all hear the same."""

    def build(world):
        return supervisor(
            "top", **OFTEN, children=[child(Payments, world.ledger("bank"), id="payments")]
        )

    def body(world):
        sound(world)
        me = world.probe("me")
        for number in (0, 1, 0, 1, 2):
            me.ask("payments", Job(number), timeout=100, idempotency_key=f"job-{number}")
        bank = world.ledger("bank")
        world.always(lambda: at_most_once(bank), "each is done once")
        world.eventually(
            lambda: len(me.inbox) + len(me.failures) == 5, "every asker hears", within=150
        )

    holds(build, body, Faults(duplicate=True, pause=True))


class Watcher(Agent):
    def __init__(self, seen):
        self.seen = seen

    def started(self):
        self.watch(self._cell.ground.registry.find("mortal", self._cell).ref)

    @handles
    def gone(self, event: Terminated) -> None:
        self.seen.append(event.path)


def test_dead_letters():
    """Mail for who is gone is dead, is counted, and its asker hears at once."""

    def build(world):
        mortal = child(Worker, id="mortal", restart=TEMPORARY)
        return supervisor(
            "top", **OFTEN, children=[mortal, child(Watcher, world.ledger("seen"), id="watcher")]
        )

    def body(world):
        sound(world)
        ask_all(world, "mortal", 4)
        ground = world.ground
        world.always(lambda: len(ground.dead_letters) <= ground.dead, "dead letters are counted")
        world.always(lambda: at_most_once(world.ledger("seen")), "an end is told once")

    holds(build, body, Faults(crash="mortal", kill="mortal"))


@message(name="parts.Added")
class Added:
    number: int


@message(name="parts.Total")
class Total:
    numbers: tuple[int, ...] = ()


class Kept(EventSourced):
    events = (Added,)
    snapshot_class = Total

    def __init__(self):
        self.numbers = ()

    def apply(self, event: Added) -> None:
        self.numbers = (*self.numbers, event.number)

    def snapshot(self) -> Total:
        return Total(self.numbers)

    def restore(self, state: Total) -> None:
        self.numbers = state.numbers

    @handles
    async def work(self, job: Job) -> Result:
        if job.number not in self.numbers:
            await self.persist(Added(job.number))
        return Result(job.number)


def test_stores():
    """What an event-sourced agent acknowledged is there after crashes and loss of power."""

    def build(world):
        world.store()
        return supervisor("top", **OFTEN, children=[child(Kept, id="kept")])

    def body(world):
        sound(world)
        me = ask_all(world, "kept", 5)
        world.always_quiet(lambda: kept_all(world, me), "what was acknowledged is kept")
        world.always(lambda: at_most_once(getattr(agent(world), "numbers", ())), "nothing twice")

    def agent(world):
        cell = world.ground.registry.find("kept")
        return None if cell is None else cell.agent

    def kept_all(world, me):
        return {one.number for one in me.got(Result)} <= set(agent(world).numbers)

    holds(build, body, Faults(crash=True, kill=True, torn_write=True, slow_store=True, longest=5.0))


def test_operators():
    """An operator who stops and starts children while they crash leaves no orphan behind."""
    inner = supervisor("inner", **OFTEN, children=[child(Mother, id="a")])
    tree = supervisor("top", **OFTEN, children=[inner, child(Worker, id="w")])

    async def body(world):
        sound(world)
        for _ in range(3):
            for name, id in (("/top/inner", "a"), ("/top", "w")):
                desk = operate(world.ref(name))
                for act in (desk.restart_child, desk.stop_child, desk.restart_child):
                    with contextlib.suppress(HarmoniumError):
                        await act(id)
        world.eventually(lambda: "/top/inner/a/kid" in world.tree(), "it is back", within=100)

    holds(lambda: tree, body, Faults(crash=True, kill=True), schedules=100)


def test_attrs_of_a_hunt_tell_what_was_done():
    """A hunt that finds nothing still says how much it looked at."""
    tree = supervisor("top", children=[child(Worker, id="w")])
    found = holds(lambda: tree, lambda world: ask_all(world, "w", 1), Faults(), schedules=20)
    assert attrs.asdict(found, recurse=False)["schedules"] == 20
