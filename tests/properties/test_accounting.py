"""Random programs on the real runtime, in virtual time: every message has exactly one fate.

The account is checked after every single step of the ground. In the end nothing
is in flight, nobody is left, and every asker has heard.
"""

from __future__ import annotations

from asyncio import sleep
from contextlib import suppress
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loguru import logger

from harmonium import (
    DEAD_LETTER,
    DROP_OLDEST,
    FAIL,
    ONE_FOR_ALL,
    PERMANENT,
    TEMPORARY,
    TRANSIENT,
    WAIT,
    Agent,
    Backoff,
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
from harmonium.actors.account import every_cell
from harmonium.actors.simulated import SimulatedGround
from harmonium.protocols.lanes import Lane
from harmonium.protocols.waiting import DROP, HOLD, Stash
from harmonium.supervisors.shutdown import StopLimits

PLANS = 500
NAMES = ("a", "b", "c", "d", "e", "nobody")


@message
class Sync:
    """Carry a plan out at once."""

    plan: int


@message
class Async:
    """Carry it out with pauses."""

    plan: int


@message
class Between:
    """Carry it out, also while another handler of the agent is suspended."""

    plan: int


@message
class Blocking:
    """Carry it out in a thread of the pool."""

    plan: int


@message(lane=Lane.CONTROL)
class Urgent:
    """Carry it out before what waits."""

    plan: int


@message
class Done:
    """The answer to every plan."""


KINDS = (Sync, Async, Between, Blocking, Urgent)


@attrs.frozen
class Op:
    """One thing to do: to whom, with which message, as part of which later plan."""

    verb: str
    to: str
    kind: type
    plan: int


class World:
    """The plans of one example."""

    def __init__(self, plans: list[list[Op]]) -> None:
        self.plans = plans
        self.left = PLANS
        """How many plans may still begin: one that takes itself back from the stash would never
        end, and six that publish the next one to all would take days."""
        self.spawned: list[Ref] = []

    def message(self, op: Op) -> Any:
        """The message that an operation sends; plans only refer to later ones, so all ends."""
        return op.kind(op.plan)


class Player(Agent):
    """Carries plans out."""

    publishes = (Sync, Urgent)

    def __init__(self, world: World) -> None:
        self.world = world
        self.owed: list[Any] = []

    def started(self) -> None:
        self.subscribe("news")

    def plan(self, number: int) -> list[Op]:
        """The operations of a plan; none behind the last, and none when enough were begun."""
        self.world.left -= 1
        plans = self.world.plans if self.world.left >= 0 else []
        return plans[number] if number < len(plans) else []

    def carry_out(self, op: Op) -> None:
        """Do one thing without waiting."""
        getattr(self, f"do_{op.verb}", self.do_nothing)(op)

    def do_nothing(self, op: Op) -> None:
        """What makes no sense here is left out."""

    def do_tell(self, op: Op) -> None:
        self.tell(op.to, self.world.message(op))

    def do_ask(self, op: Op) -> None:
        self.ask(op.to, self.world.message(op), timeout=0.5).then(lambda ask: None)

    def do_ask_badly(self, op: Op) -> None:
        def raises(ask: Any) -> None:
            raise ValueError("in a callback")

        self.ask(op.to, self.world.message(op), timeout=0.5).then(raises)

    def do_crash(self, op: Op) -> None:
        raise ValueError("as planned")

    def do_exit(self, op: Op) -> None:
        raise SystemExit(op.plan)

    def do_stash(self, op: Op) -> None:
        self.stash()

    def do_unstash(self, op: Op) -> None:
        self.unstash()

    def do_stop(self, op: Op) -> None:
        self.stop()

    def do_defer(self, op: Op) -> None:
        self.owed.append(self.defer())

    def do_pay(self, op: Op) -> None:
        if self.owed:
            self.owed.pop().reply(Done())

    def do_reply(self, op: Op) -> None:
        self.reply(Done())

    def do_publish(self, op: Op) -> None:
        self.publish((Sync if op.plan % 2 else Urgent)(op.plan), topic="news")

    def do_schedule(self, op: Op) -> None:
        timer = self.schedule(0.01, self.world.message(op), every=0.3 if op.plan % 2 else None)
        if op.to == "nobody":
            timer.cancel()

    def do_spawn(self, op: Op) -> None:
        ref = self.spawn(Player, self.world, mailbox=2)
        self.world.spawned.append(ref)
        ref.tell(self.world.message(op))

    def do_pass_on(self, op: Op) -> None:
        if self.world.spawned:
            self.tell(self.world.spawned[-1], self.world.message(op))

    def do_watch(self, op: Op) -> None:
        if self.world.spawned:
            self.watch(self.world.spawned[-1])

    def do_end_child(self, op: Op) -> None:
        if self.world.spawned:
            self.stop(self.world.spawned[-1])

    @handles
    def sync(self, order: Sync | Urgent) -> Done:
        for op in self.plan(order.plan):
            self.carry_out(op)
        return Done()

    @handles
    async def with_pauses(self, order: Async) -> Done:
        for op in self.plan(order.plan):
            await self.sleep(0.002)
            if op.verb == "ask":
                await self.ask(op.to, self.world.message(op), timeout=0.2)
            elif op.verb == "tell":
                await self.tell(op.to, self.world.message(op))
            else:
                self.carry_out(op)
        return Done()

    @handles(reentrant=True)
    async def between(self, order: Between) -> Done:
        for op in self.plan(order.plan):
            self.carry_out(op)
            await self.sleep(0.003)
        return Done()

    @handles(blocking=True)
    def in_a_thread(self, order: Blocking) -> Done:
        for op in self.plan(order.plan):
            self.carry_out(op)
        return Done()

    @handles
    def gone(self, event: Terminated) -> None:
        """A notice like any other message."""


VERBS = tuple(name[3:] for name in vars(Player) if name.startswith("do_"))

ops = st.builds(
    Op,
    verb=st.sampled_from(VERBS),
    to=st.sampled_from(NAMES),
    kind=st.sampled_from(KINDS),
    plan=st.integers(1, 6),
)


@st.composite
def programs(draw: Any) -> list[list[Op]]:
    """Plans whose operations refer to later plans only."""
    plans = draw(st.lists(st.lists(ops, max_size=4), min_size=1, max_size=6))
    return [
        [attrs.evolve(op, plan=number + op.plan) for op in plan]
        for number, plan in enumerate(plans)
    ]


OUTSIDE = ("tell", "ask", "ask shortly", "give up", "wait", "wait long", "kill", "stop")

steps = st.lists(
    st.tuples(
        st.sampled_from(OUTSIDE), st.sampled_from(NAMES), st.sampled_from(KINDS), st.integers(0, 3)
    ),
    min_size=1,
    max_size=20,
)


@st.composite
def trees(draw: Any) -> Any:
    """A tree of five players with all sorts of mailboxes and restarts."""

    def kid(id: str) -> Any:
        return lambda world: child(
            Player,
            world,
            id=id,
            mailbox=mailbox[id],
            overflow=overflow[id],
            restart=restart[id],
            backoff=backoff[id],
            mail=mail[id],
            retries=retries[id],
            stash=2,
            shutdown=1.0,
            handler_limit=limit[id],
        )

    def each(strategy: Any) -> dict[str, Any]:
        return {id: draw(strategy) for id in NAMES[:-1]}

    mailbox = each(st.sampled_from([1, 2, 100]))
    overflow = each(st.sampled_from([WAIT, FAIL, DROP_OLDEST, DEAD_LETTER]))
    restart = each(st.sampled_from([PERMANENT, TEMPORARY, TRANSIENT]))
    backoff = each(st.sampled_from([None, Backoff(0.01, 0.1, jitter=0.0)]))
    mail = each(st.sampled_from([HOLD, DROP, Stash(1)]))
    retries = each(st.sampled_from([0, 1]))
    limit = each(st.sampled_from([None, 0.05]))
    budget = draw(st.sampled_from([2, 1000]))
    return lambda world: supervisor(
        "top",
        max_restarts=1000,
        children=[
            kid("a")(world),
            kid("b")(world),
            supervisor(
                "group",
                strategy=ONE_FOR_ALL,
                max_restarts=budget,
                children=[kid("c")(world), kid("d")(world)],
            ),
            kid("e")(world),
        ],
    )


def path(name: str) -> str:
    """Where an agent of the tree stands."""
    return f"/top/group/{name}" if name in "cd" else f"/top/{name}"


@pytest.fixture(autouse=True)
def _quiet() -> Any:
    logger.disable("harmonium")
    yield
    logger.enable("harmonium")


@settings(max_examples=100)
@given(programs(), steps, trees(), st.integers(0, 3))
def test_every_message_has_exactly_one_fate(plans, program, tree, seed):
    """Whatever agents do and whoever ends when: sent = handled + failed + dead + in flight."""
    run(World(plans), program, tree, seed)


class Outside:
    """Whoever uses the system: tells, asks, gives up, waits, kills and stops.

    Args:
        system: What it uses.
    """

    def __init__(self, system: System) -> None:
        self.system = system
        self.asks: list[Any] = []

    async def do(self, verb: str, name: str, order: Any) -> None:
        """Do one thing of the program."""
        if verb == "tell":
            with suppress(MailboxFull):
                self.system.tell(path(name), order)
        elif verb.startswith("ask"):
            seconds = 0.01 if verb == "ask shortly" else 3.0
            self.asks.append(self.system.ask(path(name), order, timeout=seconds))
        elif verb == "give up" and self.asks:
            self.asks[-1].cancel()
        elif verb.startswith("wait"):
            await sleep(0.5 if verb == "wait long" else 0.001)
        elif verb in ("kill", "stop"):
            self.end(verb, name)

    def end(self, verb: str, name: str) -> None:
        """Kill an agent, or ask it to stop, if it is there."""
        cell = self.system.ground.registry.find(path(name))
        if cell is not None and verb == "kill":
            burying.kill(cell)
        elif cell is not None:
            cell.ref.stop()


def run(world: World, program: Any, tree: Any, seed: int) -> None:
    """Play one program and check the account at every step."""
    ground = SimulatedGround(seed=seed)
    limits = StopLimits(drain=1.0, children=20.0)

    def check() -> None:
        account = ground.account()
        assert account.balanced, account
        assert account.in_flight >= 0

    async def scenario() -> Outside:
        async with System(tree(world), ground=ground, limits=limits) as system:
            ground.on_delivery = check
            outside = Outside(system)
            for verb, name, kind, plan in program:
                await outside.do(verb, name, kind(plan))
                check()
            await sleep(4.0)
        return outside

    outside = ground.play(scenario())
    check()
    assert ground.account().in_flight == 0, ground.account()
    assert [cell.path for cell in every_cell(ground.root)] == ["/"]
    assert all(ask.done() for ask in outside.asks)
