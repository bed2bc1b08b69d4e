"""Inside a simulation nothing is real: clocks, chance, sleep, sockets, threads."""

from __future__ import annotations

import asyncio
import datetime as dt
import os
import random
import secrets
import socket
import subprocess
import sys
import threading
import time
import uuid
from datetime import datetime as imported_datetime
from pathlib import Path
from time import time as imported_time

import pytest

from harmonium import Agent, AgentDead, child, handles, message, supervisor
from harmonium.actors.simulated import HOP
from harmonium.protocols.errors import AskFailed, EscapedSimulation
from harmonium.testing import (
    ClockJump,
    Faults,
    FullStore,
    Replay,
    Rng,
    Scene,
    SlowStore,
    TornWrite,
    run_once,
)
from harmonium.testing.sealed import EPOCH, sealed


@message
class Look:
    at: str


@message
class Seen:
    values: tuple[str, ...]


WAYS = {
    "clocks": lambda: (time.time(), time.time_ns(), time.monotonic(), time.perf_counter()),
    "imported clock": lambda: (imported_time(),),
    "dates": lambda: (
        dt.datetime.now(),  # noqa: DTZ005
        dt.datetime.now(dt.UTC),
        imported_datetime.now(),  # noqa: DTZ005
        dt.date.today(),  # noqa: DTZ011
    ),
    "chance": lambda: (random.random(), random.randint(0, 10**9), random.SystemRandom().random()),
    "ids": lambda: (uuid.uuid4(), secrets.token_hex(8), os.urandom(8).hex()),
}
ESCAPES = {
    "a socket": socket.socket,
    "a thread": lambda: threading.Thread(target=print).start(),
    "a subprocess": lambda: subprocess.Popen(["true"]),
    "time.sleep": lambda: vars(time)["sleep"](1.0),
    "the event loop": lambda: asyncio.get_running_loop().run_in_executor(None, print),
}


class Looker(Agent):
    @handles
    async def look(self, order: Look) -> Seen:
        await asyncio.sleep(1.5)
        if order.at in ESCAPES:
            ESCAPES[order.at]()
        return Seen(tuple(map(str, WAYS[order.at]())))


@message
class Work:
    """Block for a while."""


class Worker(Agent):
    @handles(blocking=True)
    def work(self, order: Work) -> Seen:
        vars(time)["sleep"](2.0)
        return Seen((f"{time.monotonic():.3f}",))

    @handles
    async def look(self, order: Look) -> Seen:
        value = await self.blocking(lambda a, b: a + b, order.at, "!", cost=3.0)
        return Seen((value, f"{self.now():.3f}"))


TREE = supervisor("top", children=[child(Looker, id="looker"), child(Worker, id="worker")])


def seen(at, *faults):
    """What an agent sees in a run."""
    found = []
    outcome = run_once(
        Scene(TREE, lambda world: found.append(world.ask("looker", Look(at)))), Replay(faults)
    )
    assert outcome.violation is None, outcome.violation
    return found[0].values


@pytest.mark.parametrize("at", WAYS)
def test_what_an_agent_sees_is_the_same_in_each_run(at):
    """Two runs with one seed see the same clocks, dates, numbers and ids."""
    assert seen(at) == seen(at)


def test_clocks_show_virtual_time():
    """A sleep of 1.5 s takes 1.5 s on every clock, and no real time."""
    wall, _, monotonic, perf = seen("clocks")
    assert float(wall) == pytest.approx(EPOCH + 1.5 + HOP)
    assert monotonic == perf


def test_a_wall_clock_jumps_and_no_other_does():
    """`ClockJump` moves `time.time` of one agent only, and no monotonic clock."""
    before, jumped = seen("clocks"), seen("clocks", ClockJump("looker", at=1.0, delta=-3600.0))
    assert float(jumped[0]) == pytest.approx(float(before[0]) - 3600)
    assert jumped[2] == before[2]
    assert seen("clocks", ClockJump("worker", at=1.0, delta=-3600.0)) == before


@pytest.mark.parametrize("what", ESCAPES)
def test_reaching_for_the_real_world_is_refused_with_the_line(what):
    """Real sockets, threads, processes and sleeps fail the run, and name the line."""

    def body(world):
        with pytest.raises(AskFailed):
            world.ask("looker", Look(what))

    violation = run_once(Scene(TREE, body)).violation
    assert isinstance(violation, EscapedSimulation)
    assert violation.what == what
    assert Path(__file__).name in violation.line


def test_what_blocks_costs_virtual_time():
    """A blocking handler may sleep, and `self.blocking` charges its cost."""

    def body(world):
        worked = world.ask("worker", Work())
        assert worked.values == ("1000.001",)
        assert world.now == pytest.approx(2.0, abs=0.01)
        answer = world.ask("worker", Look("a"))
        assert answer.values[0] == "a!"
        assert world.now == pytest.approx(5.0, abs=0.02)

    assert run_once(Scene(TREE, body)).violation is None


def test_all_is_put_back():
    """Outside of a simulation the real things are there again."""
    real = (time.time, dt.datetime, os.urandom, threading.Thread.start, imported_datetime)
    state = random.getstate()
    seen("clocks")
    assert real == (
        time.time,
        dt.datetime,
        os.urandom,
        threading.Thread.start,
        imported_datetime,
    )
    assert random.getstate() == state
    with sealed():
        assert abs(time.time() - real[0]()) < 5
        assert isinstance(dt.datetime.now(dt.UTC), real[1])
        assert isinstance(real[1].now(dt.UTC), dt.datetime)


HASHES = """
from harmonium.testing import Faults, Rng, run_once
from tests.testing.shop import FIXED, SHOP
spec = Faults(crash=True, kill=True, drop=True, duplicate=True, partition=True)
for seed in range(60):
    for scene in (SHOP, FIXED):
        print(run_once(scene, Rng(seed, spec)).hash())
"""


def test_the_same_seed_gives_the_same_trace_in_any_process():
    """Sixty seeds, two processes that hash differently: the same traces."""
    found = [
        subprocess.run(
            [sys.executable, "-W", "ignore", "-c", HASHES],
            capture_output=True,
            text=True,
            check=True,
            cwd=Path(__file__).parents[2],
            env={**os.environ, "PYTHONHASHSEED": hash_seed, "LOGURU_LEVEL": "CRITICAL"},
        ).stdout
        for hash_seed in ("1", "2")
    ]
    assert found[0] == found[1]
    assert len(set(found[0].split())) > 50


# -- stores


@message
class Put:
    value: int


@message
class Get:
    """Read what is there."""


@message
class Value:
    value: int
    version: int


class Keeper(Agent):
    def __init__(self, store):
        self.disk = store

    @handles
    async def put(self, order: Put) -> Value:
        revision = await self.disk.state("x").put("k", {"value": order.value})
        return Value(order.value, revision)

    @handles
    async def get(self, query: Get) -> Value:
        item = await self.disk.state("x").get("k")
        return Value(item.data["value"], item.revision) if item else Value(0, 0)


def build(world):
    return supervisor(
        "top", children=[child(Keeper, world.store("disk"), id="keeper")], max_restarts=50
    )


def put_twice(world):
    """Write two values; what was acknowledged must be there in the end."""
    acknowledged = world.ledger("acknowledged")
    for value in (1, 2):
        try:
            acknowledged.append(world.ask("keeper", Put(value), timeout=300).value)
        except Exception as error:
            world.ledger("errors").append(error)
    world.heal()
    found = world.ask("keeper", Get(), timeout=300).value
    world.ledger("found").append(found)
    assert found >= max(acknowledged, default=0)


@pytest.mark.parametrize(
    ("fault", "found", "errors"),
    [
        (SlowStore("disk", secs=1.0), 2, 0),
        (FullStore("disk", nth=1), 2, 1),
        (TornWrite("disk", nth=2, kept=0.5), 1, 1),
        (TornWrite("disk", nth=2, kept=1.0), 2, 1),
        (TornWrite("disk", nth=1, kept=0.0), 2, 1),
    ],
    ids=repr,
)
def test_stores_are_slow_full_and_torn(fault, found, errors):
    """What was acknowledged survives; a torn write is there whole or not at all."""
    outcome = run_once(Scene(build, put_twice), Replay([fault]))
    assert outcome.violation is None, outcome.violation
    assert outcome.world.ledger("found") == [found]
    assert len(outcome.world.ledger("errors")) == errors


def test_a_search_finds_no_lost_write():
    """Under all faults of stores, what was acknowledged is there."""
    spec = Faults(slow_store=True, full_store=True, torn_write=True, crash=True)
    for seed in range(150):
        outcome = run_once(Scene(build, put_twice), Rng(seed, spec))
        assert outcome.violation is None, outcome.faults


def test_two_losses_of_power_in_a_row():
    """A torn record is cut off when the store is opened, so the next opening finds no damage."""
    heard = []

    def body(world):
        for value in (1, 2, 3):
            try:
                heard.append(world.ask("keeper", Put(value), timeout=300).value)
            except AgentDead:
                heard.append(None)
        heard.append(world.ask("keeper", Get(), timeout=300).value)

    faults = [TornWrite("disk", nth=1), TornWrite("disk", nth=3)]
    outcome = run_once(Scene(build, body), Replay(faults))
    assert outcome.violation is None, outcome.violation
    assert heard == [None, 2, None, 2]
