"""S79 on the real runtime: a random tree, faults everywhere, every message accounted for."""

from __future__ import annotations

import asyncio
from random import Random

import pytest
from loguru import logger

from harmonium import (
    ONE_FOR_ALL,
    ONE_FOR_ONE,
    REST_FOR_ONE,
    Agent,
    Backoff,
    child,
    handles,
    message,
    supervisor,
)
from harmonium.actors.account import every_cell
from harmonium.actors.cell import CellState
from harmonium.actors.simulated import SimulatedGround
from harmonium.supervisors.supervisor import Supervisor
from harmonium.supervisors.system import System

AGENTS = 500
STRATEGIES = (ONE_FOR_ONE, ONE_FOR_ALL, REST_FOR_ONE)


@message
class Hop:
    """Handle it, and pass it on `n` more times."""

    n: int


@message
class Done:
    """The answer to a hop that was asked for."""

    n: int


class Dice:
    """The faults of one storm: off until it breaks loose, and off again for the calm."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.on = False

    def roll(self, chance: float) -> None:
        if self.on and self.random.random() < chance:
            raise ValueError("a fault")


class Sailor(Agent):
    """Fails now and then, in every place where an agent can fail."""

    def __init__(self, dice: Dice, names: list[str]) -> None:
        self.dice = dice
        self.names = names
        dice.roll(0.004)

    def started(self) -> None:
        self.dice.roll(0.002)

    def stopped(self) -> None:
        self.dice.roll(0.1)

    def before_restart(self, cause, message):
        self.dice.roll(0.1)

    async def after_restart(self, cause):
        await self.sleep(0.001)
        self.dice.roll(0.004)

    @handles
    async def hop(self, hop: Hop) -> Done:
        self.dice.roll(0.002)
        if hop.n % 3 == 0:
            await self.sleep(0.001)
        self.dice.roll(0.002)
        if hop.n:
            await self.tell(self.dice.random.choice(self.names), Hop(hop.n - 1))
        return Done(hop.n)


def tree(dice: Dice, random: Random, depth: int, agents: list[int], path: str, names: list[str]):
    """A random supervisor of sailors and further supervisors."""
    name = f"s{len(names)}"
    path = f"{path}/{name}"
    children = []
    for _ in range(random.randint(2, 6)):
        if depth and random.random() < 0.6:
            children.append(tree(dice, random, depth - 1, agents, path, names))
        elif agents[0]:
            agents[0] -= 1
            id = f"a{agents[0]}"
            names.append(f"{path}/{id}")
            backoff = Backoff(0.01, 0.1, jitter=0.5) if random.random() < 0.5 else None
            children.append(child(Sailor, dice, names, id=id, backoff=backoff))
    if not children:
        names.append("")
    return supervisor(
        name,
        strategy=random.choice(STRATEGIES),
        max_restarts=10**6,
        within=60.0,
        children=children or [child(Sailor, dice, names, id="only")],
    )


def fleet(dice: Dice, random: Random):
    agents, names = [AGENTS], []
    tops = []
    while agents[0]:
        tops.append(tree(dice, random, 4, agents, "/fleet", names))
    names[:] = [name for name in names if name]
    ids = [top.name for top in tops]
    assert len(set(ids)) == len(ids)
    return supervisor("fleet", max_restarts=10**6, within=60.0, children=tops), names


def declared(spec, path=""):
    """All paths that the tree declares."""
    path = f"{path}/{spec.name}"
    yield path
    for one in spec.children:
        if one.tree is not None:
            yield from declared(one.tree, path)
        else:
            yield f"{path}/{one.id}"


def storm(seed: int, messages: int) -> None:
    random, dice = Random(seed), Dice(seed)
    spec, names = fleet(dice, random)
    ground = SimulatedGround(seed=seed)

    async def scenario() -> None:
        async with System(spec, ground=ground) as system:
            dice.on = True
            while ground.sent < messages:
                for _ in range(100):
                    system.tell(random.choice(names), Hop(19))
                    system.ask(random.choice(names), Hop(0), timeout=1.0)
                await asyncio.sleep(0.05)
                assert ground.account().balanced
            while ground.account().in_flight:  # noqa: ASYNC110 - virtual time
                await asyncio.sleep(0.5)
            dice.on = False
            await asyncio.sleep(30.0)
            check_shape(system, spec)
        assert system.report is not None
        assert system.report.clean

    ground.play(scenario(), limit=36_000.0)
    account = ground.account()
    assert account.balanced
    assert account.in_flight == 0
    assert account.failed > 0
    assert account.sent >= messages
    assert [cell.path for cell in every_cell(ground.root)] == ["/"]


def check_shape(system: System, spec) -> None:
    """The tree is as declared: every agent runs, nothing is orphaned or twice."""
    cells = {cell.path: cell for cell in every_cell(system.ground.root)}
    assert set(cells) - {"/"} == set(declared(spec))
    for cell in cells.values():
        assert cell.state is CellState.RUNNING, cell
        if isinstance(cell.agent, Supervisor):
            listed = [one.id for one in cell.agent.state.table]
            assert sorted(listed) == sorted(cell.children or {})


@pytest.fixture(autouse=True)
def _quiet():
    logger.disable("harmonium")
    yield
    logger.enable("harmonium")


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_s79_a_random_tree_in_a_storm_loses_nothing(seed):
    """500 agents, faults in handlers, constructors, hooks and stops: all is accounted for."""
    storm(seed, 100_000)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(4, 54))
def test_s79_many_storms(seed):
    """The same for 50 more seeds."""
    storm(seed, 100_000)
