"""Thirty scenarios: what agents and askers see is the same in simulation and in real time."""

from __future__ import annotations

import asyncio
from collections import defaultdict

import attrs
import pytest
from loguru import logger

from harmonium import (
    DEAD_LETTER,
    DROP_OLDEST,
    FAIL,
    ONE_FOR_ALL,
    ONE_FOR_ONE,
    PERMANENT,
    REST_FOR_ONE,
    TEMPORARY,
    TRANSIENT,
    Agent,
    System,
    Terminated,
    child,
    handles,
    message,
    supervisor,
)
from harmonium.actors.simulated import SimulatedGround
from harmonium.protocols.lanes import Lane
from harmonium.supervisors.shutdown import StopLimits


@message
class Do:
    op: str
    to: str = ""
    n: int = 0


@message
class Slow:
    op: str
    to: str = ""
    n: int = 0


@message
class Block:
    n: int


@message
class Between:
    n: int


@message(lane=Lane.CONTROL)
class Urgent:
    n: int


@message
class News:
    n: int


@message
class Answer:
    n: int


class Player(Agent):
    publishes = (News,)

    def __init__(self, log):
        self.log_ = log
        self.owed = []

    def note(self, *what):
        self.log_[self.path].append((self.incarnation, *what))

    def started(self):
        self.note("started")

    def stopped(self):
        self.note("stopped")

    @handles
    def do(self, order: Do) -> Answer:
        self.note(order.op, order.n)
        getattr(self, f"do_{order.op}")(order)
        return Answer(order.n)

    @handles
    async def slow(self, order: Slow) -> Answer:
        self.note("slow", order.op, order.n)
        if order.op == "ask":
            answer = await self.ask(order.to, Do("note", n=order.n), timeout=0.3)
            self.note("heard", answer.n)
        elif order.op == "sleep":
            await asyncio.sleep(0.01)
        elif order.op == "gather":
            asks = [self.ask(order.to, Do("note", n=n)) for n in range(order.n)]
            self.note("heard", *[one.n for one in await asyncio.gather(*asks)])
        elif order.op == "crash":
            await self.sleep(0.01)
            raise ValueError("late")
        elif order.op == "forever":
            await asyncio.Event().wait()
        return Answer(order.n)

    @handles(blocking=True)
    def block(self, order: Block) -> Answer:
        self.note("block", order.n)
        return Answer(order.n)

    @handles(reentrant=True)
    async def between(self, order: Between) -> Answer:
        self.note("between", order.n)
        await self.sleep(0.005 * order.n)
        self.note("after", order.n)
        return Answer(order.n)

    @handles
    def urgent(self, order: Urgent) -> None:
        self.note("urgent", order.n)

    @handles
    def news(self, event: News) -> None:
        self.note("news", event.n)

    @handles
    def gone(self, event: Terminated) -> None:
        self.note("gone", event.path, event.kind)

    def do_note(self, order):
        pass

    def do_crash(self, order):
        raise ValueError("as planned")

    def do_stop(self, order):
        self.stop()

    def do_tell(self, order):
        for n in range(order.n):
            self.tell(order.to, Do("note", n=n))

    def do_watch(self, order):
        self.watch(self._cell.ground.registry.find(order.to, self._cell).ref)

    def do_spawn(self, order):
        self.spawn(Player, self.log_, id=order.to)

    def do_later(self, order):
        self.schedule(0.01, Do("note", n=order.n))

    def do_subscribe(self, order):
        self.subscribe(News)

    def do_publish(self, order):
        self.publish(News(order.n))

    def do_stash(self, order):
        self.stash()

    def do_unstash(self, order):
        self.unstash()

    def do_crash_first(self, order):
        if self.incarnation == 1:
            raise ValueError("the first one")


def tree(log, *, strategy=ONE_FOR_ONE, restart=PERMANENT, max_restarts=3, **options):
    """Three players under one supervisor."""
    children = [child(Player, log, id=id, restart=restart, **options) for id in "abc"]
    return supervisor(
        "top", strategy=strategy, max_restarts=max_restarts, within=60.0, children=children
    )


A, B, C = "a", "b", "c"
CRASH, NOTE = Do("crash"), Do("note")
SCENARIOS = {
    "tell in order": ([("tell", A, Do("tell", "b", 5))], {}),
    "ask": ([("ask", A, Do("note", n=3))], {}),
    "ask between agents": ([("ask", A, Slow("ask", "b", 7))], {}),
    "gather": ([("ask", A, Slow("gather", "b", 4))], {}),
    "sleep": ([("ask", A, Slow("sleep", n=1)), ("ask", A, NOTE)], {}),
    "mail waits for a slow handler": ([("tell", A, Slow("sleep")), ("ask", A, NOTE)], {}),
    "blocking": ([("ask", A, Block(1)), ("ask", A, Block(2))], {}),
    "reentrant": ([("all", A, Between(2), Between(1))], {}),
    "crash": ([("ask", A, CRASH), ("ask", A, NOTE)], {}),
    "mail survives a crash": ([("burst", A, CRASH, Do("note", n=1), Do("note", n=2))], {}),
    "crash in an async handler": ([("ask", A, Slow("crash")), ("ask", A, NOTE)], {}),
    "a crash reaches who asked": ([("ask", B, Slow("ask", "a"))], {"agents": {"a": "crashed"}}),
    "one for all": ([("ask", B, CRASH), ("ask", A, NOTE)], {"strategy": ONE_FOR_ALL}),
    "rest for one": ([("ask", B, CRASH), ("ask", C, NOTE)], {"strategy": REST_FOR_ONE}),
    "temporary": ([("ask", A, CRASH), ("ask", A, NOTE)], {"restart": TEMPORARY}),
    "transient stops": ([("ask", A, Do("stop")), ("ask", A, NOTE)], {"restart": TRANSIENT}),
    "transient crashes": ([("ask", A, CRASH), ("ask", A, NOTE)], {"restart": TRANSIENT}),
    "permanent stops": ([("ask", A, Do("stop")), ("ask", A, NOTE)], {}),
    "the tree gives up": ([("ask", A, CRASH)] * 3 + [("ask", B, NOTE)], {"max_restarts": 1}),
    "watch": (
        [("ask", A, Do("watch", "b")), ("ask", B, Do("stop")), ("quiet",)],
        {"restart": TEMPORARY},
    ),
    "spawn": ([("ask", A, Do("spawn", "kid")), ("ask", "/top/a/kid", NOTE)], {}),
    "a child falls with its parent": (
        [("ask", A, Do("spawn", "kid")), ("ask", A, CRASH), ("ask", "/top/a/kid", NOTE)],
        {},
    ),
    "timer": ([("ask", A, Do("later", n=4)), ("quiet",)], {}),
    "publish": (
        [("ask", B, Do("subscribe")), ("ask", C, Do("subscribe")), ("ask", A, Do("publish", n=2))],
        {},
    ),
    "stash": ([("burst", A, Do("stash", n=1), Do("note", n=2)), ("ask", A, NOTE)], {}),
    "urgent mail first": ([("burst", A, Slow("sleep"), NOTE, Urgent(1)), ("quiet",)], {}),
    "unknown agent": ([("ask", "nobody", NOTE)], {}),
    "timeout": (
        [("ask", A, Slow("ask", "b")), ("ask brief", A, Slow("forever"))],
        {"handler_limit": 0.5},
    ),
    "full, dead letter": (
        [("burst", A, *[Do("note", n=n) for n in range(6)])],
        {"mailbox": 2, "overflow": DEAD_LETTER},
    ),
    "full, drop oldest": (
        [("burst", A, *[Do("note", n=n) for n in range(6)])],
        {"mailbox": 2, "overflow": DROP_OLDEST},
    ),
    "full, fail": (
        [("burst", A, *[Do("note", n=n) for n in range(6)])],
        {"mailbox": 2, "overflow": FAIL},
    ),
}


@attrs.define
class Seen:
    """What is to be the same."""

    log: dict = attrs.field(factory=lambda: defaultdict(list))
    heard: list = attrs.field(factory=list)
    counts: tuple = ()


async def drive(system, steps, seen):
    """Take the steps, and note what the client hears."""

    async def ask(to, what, timeout=2.0):
        try:
            return repr(await system.ask(to, what, timeout=timeout))
        except Exception as error:
            return type(error).__name__

    async with system:
        for kind, *rest in steps:
            if kind.startswith("ask"):
                seen.heard.append(await ask(*rest, timeout=0.05 if "brief" in kind else 2.0))
            elif kind == "all":
                asks = [ask(rest[0], what) for what in rest[1:]]
                seen.heard.extend(await asyncio.gather(*asks))
            elif kind in ("tell", "burst"):
                seen.heard.extend(filter(None, [told(system, rest[0], one) for one in rest[1:]]))
            await quiet(system)
        account = system.account()
        seen.counts = (account.handled, account.failed, account.dead, system.restarts)


def told(system, to, what):
    """Send it, and give the error if there is one."""
    try:
        system.tell(to, what)
    except Exception as error:
        return type(error).__name__


async def quiet(system):
    """Wait until nothing is under way and no timer is about to fire."""
    for _ in range(100):
        busy = system.account().in_flight > (system.ground.root.busy or 0)
        hung = any(len(cells.more.executions) for cells in _busy(system))
        await asyncio.sleep(0.002)
        if not busy or hung:
            break
    await asyncio.sleep(0.02)


def _busy(system):
    return [
        cell
        for top in (system.ground.root.children or {}).values()
        for cell in (top.children or {}).values()
        if cell.more_ is not None and cell.busy and cell.queued() == 0
    ]


def seen_on(ground, name):
    """Run one scenario on one ground."""
    steps, options = SCENARIOS[name]
    options = {k: v for k, v in options.items() if k != "agents"}
    seen = Seen()
    limits = StopLimits(drain=0.1, children=2.0)
    system = System(tree(seen.log, **options), ground=ground, name="top", limits=limits)
    if ground is None:
        asyncio.run(drive(system, steps, seen))
    else:
        ground.play(drive(system, steps, seen))
    return seen


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_same_happens_on_both_grounds(name):
    """Each agent sees the same in the same order, askers hear the same, the counts agree."""
    logger.disable("harmonium")
    try:
        simulated, real = seen_on(SimulatedGround(), name), seen_on(None, name)
    finally:
        logger.enable("harmonium")
    assert dict(simulated.log) == dict(real.log)
    assert simulated.heard == real.heard
    assert simulated.counts == real.counts
    assert simulated.log
