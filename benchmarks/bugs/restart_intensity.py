"""A restart intensity that is off by one.

A keeper starts an engine anew when it is gone, but not more than three times
within five seconds: then something is really wrong, and it leaves it alone.
Its policy compares the restarts that there were with the limit by ``>``, so
the fourth restart is allowed as well. Nobody notices: it needs four crashes
within five seconds.

The fixed policy compares by ``>=``.
"""

from __future__ import annotations

from harmonium import (
    TEMPORARY,
    Agent,
    ChildSpec,
    Ref,
    SupervisorSpec,
    Terminated,
    child,
    handles,
    message,
    operate,
    supervisor,
)
from harmonium.testing import Crash, Faults, World

from benchmarks.bugs.bug import Bug

LIMIT, WITHIN = 3, 5.0


@message
class Up:
    engine: Ref


@message
class Turn:
    pass


class Policy:
    def __init__(self, fixed: bool) -> None:
        self.restarts: list[float] = []
        self.limit = LIMIT if fixed else LIMIT + 1

    def allows(self, now: float) -> bool:
        self.restarts = [at for at in self.restarts if at > now - WITHIN]
        if len(self.restarts) >= self.limit:
            return False
        self.restarts.append(now)
        return True


class Keeper(Agent):
    def __init__(self, restarts: list[float], fixed: bool) -> None:
        self.restarts = restarts
        self.policy = Policy(fixed)

    @handles
    def up(self, event: Up) -> None:
        self.watch(event.engine)

    @handles
    def gone(self, _: Terminated) -> None:
        if self.parent is not None and self.policy.allows(self.now()):
            self.restarts.append(self.now())
            operate(self.parent).start_child(engine())


class Engine(Agent):
    def started(self) -> None:
        self.tell("keeper", Up(self.ref))
        self.tell(self.ref, Turn())

    @handles
    def turn(self, _: Turn) -> None:
        if self.now() < 8.0:
            self.schedule(0.5, Turn())


def engine() -> ChildSpec:
    return child(Engine, id="engine", restart=TEMPORARY)


def build(world: World, *, fixed: bool = False) -> SupervisorSpec:
    keeper = child(Keeper, world.ledger("restarts"), fixed, id="keeper")
    return supervisor("plant", children=[keeper, engine()])


def body(world: World) -> None:
    restarts = world.ledger("restarts")
    world.always(
        lambda: all(
            late - early >= WITHIN for early, late in zip(restarts, restarts[LIMIT:], strict=False)
        ),
        "at most three restarts in five seconds",
    )


BUG = Bug(
    name="restart intensity",
    build=build,
    body=body,
    violates="at most three restarts in five seconds",
    faults=Faults(crash="engine", longest=10.0),
    pin=tuple(Crash("engine", on=nth) for nth in (1, 2, 3, 4)),
)
