"""`run_once`: one schedule of a test body, and what came of it.

All that a search does is call this again and again, with other choices.
"""

from __future__ import annotations

import inspect
import random
from collections.abc import Callable, Iterable
from typing import Any

import attrs

from harmonium.actors.simulated import random_state
from harmonium.protocols.quick import quick
from harmonium.testing.choices import Choices
from harmonium.testing.faults import Fault
from harmonium.testing.sealed import is_sealed, sealed
from harmonium.testing.violation import key_of
from harmonium.testing.world import World

__all__ = ["Body", "Outcome", "Scene", "run_once"]

LONGEST = 1e7
"""Virtual seconds after which an async body is given up."""

Body = Callable[[World], Any]
"""A test's body: a function, or a coroutine function, of the world."""


@attrs.frozen
class Scene:
    """What is run: a system and a test's body, with the limits of a run.

    Args:
        system: The tree, or a function that builds it; it may take the world.
        body: The test's body; called with the world.
        inject: Faults that happen in every run.
        horizon: Virtual seconds, after the body, in which faults happen.
        settle: Virtual seconds that the run goes on after that at most.
        max_deliveries: After so many messages the run counts as a livelock.
        seed: Of the agents' own randomness.
    """

    system: Any
    body: Body
    inject: tuple[Fault, ...] = ()
    horizon: float = 60.0
    settle: float = 60.0
    max_deliveries: int = 20_000
    seed: int = 0


@quick
@attrs.frozen
class Outcome:
    """What came of one run.

    Args:
        violation: What it found wrong, or None.
        faults: What the choices did in it; `Replay` of them gives the run again.
        deliveries: How many messages and replies arrived.
        seconds: How much virtual time it took.
        world: The world itself, with its trace.
    """

    violation: BaseException | None
    faults: tuple[Fault, ...]
    deliveries: int
    seconds: float
    world: World = attrs.field(repr=False)

    @property
    def failed(self) -> bool:
        """Whether something was wrong."""
        return self.violation is not None

    @property
    def key(self) -> tuple[str, ...]:
        """Which failure it is; empty for none."""
        return () if self.violation is None else key_of(self.violation)

    def hash(self) -> str:
        """Give the same text for two runs in which the same things happened."""
        return self.world.trace.hash()


def run_once(scene: Scene, choices: Choices | None = None) -> Outcome:
    """Run a scene once.

    Args:
        scene: What to run.
        choices: What goes wrong; nothing beyond what the scene injects if not given.

    Returns:
        What came of it. What the body or a property raises is in the outcome;
        only `KeyboardInterrupt` and its like get out.
    """
    if is_sealed():  # in a search all the time: to ask costs 0.1 us, to enter again 2
        return _run(scene, choices)
    with sealed():
        return _run(scene, choices)


def _run(scene: Scene, choices: Choices | None) -> Outcome:
    random.setstate(random_state(scene.seed))
    world = World(
        scene.system,
        choices=choices,
        seed=scene.seed,
        horizon=scene.horizon,
        settle=scene.settle,
        max_deliveries=scene.max_deliveries,
    )
    violation: BaseException | None = None
    with world.ground.inside():  # once for the whole run: each time is two system calls
        try:
            _play(world, scene.body, scene.inject)
        except Exception as error:
            violation = error
        finally:
            world.close()
    ground = world.ground
    used = tuple(world.injector.used)
    return Outcome(violation, used, ground.deliveries, ground.time, world)


def _play(world: World, body: Body, inject: Iterable[Fault]) -> None:
    world.inject(*inject)
    world.start()
    coroutine = body(world)
    if inspect.iscoroutine(coroutine):
        world.ground.play(coroutine, limit=LONGEST)
    world.finish()
