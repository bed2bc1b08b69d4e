"""What a restart costs and how long it waits, inside the core: the bounds exactly."""

from __future__ import annotations

from harmonium.protocols.backoff import Backoff
from tests.supervisors.harness import Script, World, kid, tree


def waits(stable_for: float, up: float) -> list[float]:
    """How long a child waits after each of three crashes, `up` seconds after it was ready."""
    backoff = Backoff(1.0, 100.0, jitter=0.0, stable_for=stable_for)
    world = World(tree(kid("A", backoff=backoff), max_restarts=9, within=0.5)).boot()
    found = []
    for _ in range(3):
        world.run(up)
        world.crash("A")
        found.append(world.top.state.table.get("A").until - world.now)
        world.run(found[-1])
    return found


def test_a_child_that_was_up_for_exactly_long_enough_was_stable():
    """The bound is inclusive."""
    assert waits(stable_for=8.0, up=8.0) == [1.0, 1.0, 1.0]
    assert waits(stable_for=8.0, up=7.5) == [1.0, 2.0, 4.0]


def test_a_child_that_was_never_ready_was_not_stable():
    """Also where no time at all is asked for."""
    backoff = Backoff(1.0, 100.0, jitter=0.0, stable_for=0.0)
    world = World(tree(kid("A", backoff=backoff), max_restarts=9, within=0.5)).boot()
    world.scripts["A"] = Script(fails=lambda start: OSError("no"))
    world.crash("A")
    found = []
    for _ in range(3):
        found.append(world.top.state.table.get("A").until - world.now)
        world.run(found[-1])
    assert found == [1.0, 2.0, 4.0]
