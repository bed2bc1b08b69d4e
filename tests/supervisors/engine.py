"""The real runtime in virtual time, with agents that do what a `Rule` says.

The log lists what a person would see, in order: ``started A``, ``stopped A``,
``start-failed A``. An agent that is killed leaves no line.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import attrs

from harmonium import Agent, Terminated, child, handles, message, supervisor
from harmonium.actors.account import every_cell
from harmonium.actors.cell import Cell, CellState
from harmonium.actors.simulated import SimulatedGround
from harmonium.supervisors.operations import Operations
from harmonium.supervisors.system import System


@message
class Fail:
    """Raise this in the handler."""

    error: str = "ValueError"


@message
class Note:
    """A numbered message."""

    n: int


@message
class Seen:
    """The numbers handled by this incarnation."""

    numbers: tuple[int, ...]
    incarnation: int


@message
class Look:
    """Give what was seen."""


@message
class End:
    """Stop yourself."""


@message
class Watch:
    """Watch an agent, or no longer."""

    path: str
    on: bool = True


class Special(ValueError):
    """A subclass, for tables of exceptions."""


ERRORS: dict[str, type[BaseException]] = {
    one.__name__: one
    for one in (ValueError, KeyError, OSError, Special, SystemExit, KeyboardInterrupt)
}


@attrs.define
class Rule:
    """How one agent behaves.

    Args:
        start: Seconds its start takes.
        fails: Incarnations that fail to start.
        builds: Incarnations whose constructor raises.
        error: What a failed start raises.
        declines: Incarnations that decline.
        stop: Seconds its stop takes; None: it does not stop by itself.
        dies: Incarnations that stop themselves as soon as they are ready.
    """

    start: float = 0.0
    fails: tuple[int, ...] = ()
    builds: tuple[int, ...] = ()
    error: type[BaseException] = OSError
    declines: tuple[int, ...] = ()
    stop: float | None = 0.0
    dies: tuple[int, ...] = ()


class World:
    """A tree, its ground and its log."""

    def __init__(self, **rules: Rule) -> None:
        self.rules = rules
        self.log: list[str] = []
        self.hooks: list[tuple[Any, ...]] = []
        self.handled: list[tuple[str, int, int]] = []
        self.notices: list[str] = []
        self.ground = SimulatedGround(seed=1)
        self.system: Any = None

    def kid(self, id: str, **fields: Any) -> Any:
        """Declare a child."""
        return child(Kid, self, id, id=id, **fields)

    def tree(self, *ids: Any, name: str = "top", **fields: Any) -> Any:
        """Declare a supervisor."""
        members = [self.kid(one) if isinstance(one, str) else one for one in ids]
        return supervisor(name, children=members, **fields)

    def play(self, spec: Any, scenario: Callable[[World], Awaitable[Any]], **options: Any) -> World:
        """Run the scenario in virtual time; every message has its fate in the end."""

        async def main() -> None:
            self.system = System(spec, ground=self.ground, **options)
            async with self.system:
                await scenario(self)

        self.ground.play(main(), limit=100_000.0)
        self.check_all_gone()
        return self

    def check_all_gone(self) -> None:
        """Nobody is left, and every message has its fate."""
        account = self.ground.account()
        assert account.balanced, account
        assert account.in_flight == 0, account
        assert [cell.path for cell in every_cell(self.ground.root)] == ["/"]

    # -- what a scenario does

    async def pass_time(self, seconds: float) -> None:
        """Let virtual time pass."""
        from asyncio import sleep

        await sleep(seconds)

    def cell(self, path: str) -> Cell:
        """The cell of an agent."""
        return self.system.ref(path)._cell

    def there(self, path: str) -> bool:
        """Whether an agent has a place."""
        return self.ground.registry.find(path) is not None

    def incarnation(self, path: str) -> int:
        """Its present incarnation; 0 if it does not run."""
        found = self.ground.registry.find(path)
        return found.incarnation if found is not None and found.state is CellState.RUNNING else 0

    def tell(self, path: str, *messages: Any) -> None:
        """Send messages from outside."""
        for one in messages:
            self.system.tell(path, one)

    async def ask(self, path: str, message: Any, timeout: float = 60.0) -> Any:
        """Ask from outside."""
        return await self.system.ask(path, message, timeout=timeout)

    def operate(self, path: str = "/top") -> Operations:
        """The operator's hand on a supervisor."""
        return Operations(self.system.ref(path))

    def clear(self) -> None:
        """Forget the log so far."""
        self.log.clear()


class Kid(Agent):
    """Does what its rule says."""

    publishes = ()

    def __init__(self, world: World, name: str, *args: Any) -> None:
        self.world = world
        self.name = name
        self.rule = world.rules.get(name, Rule())
        self.seen: list[int] = []
        self.args = args
        if self.incarnation in self.rule.builds:
            world.log.append(f"start-failed {name}")
            raise self.rule.error(name)

    async def started(self) -> None:
        if self.rule.start:
            await self.sleep(self.rule.start)
        if self.incarnation in self.rule.fails:
            self.world.log.append(f"start-failed {self.name}")
            raise self.rule.error(self.name)
        if self.incarnation in self.rule.declines:
            self.decline("not today")
            return
        self.world.log.append(f"started {self.name}")
        if self.incarnation in self.rule.dies:
            self.stop()

    async def stopped(self) -> None:
        if self.rule.stop is None:
            await self.sleep(10**9)
        elif self.rule.stop:
            await self.sleep(self.rule.stop)
        self.world.log.append(f"stopped {self.name}")

    async def before_restart(self, cause: BaseException, message: Any) -> None:
        self.world.hooks.append(("before", self.name, self.incarnation, repr(cause), message))
        if message is None:
            await self.stopped()

    async def after_restart(self, cause: BaseException) -> None:
        self.world.hooks.append(("after", self.name, self.incarnation, repr(cause), None))
        await self.started()

    @handles
    def fail(self, fail: Fail) -> None:
        self.world.handled.append((self.name, self.incarnation, -1))
        raise ERRORS[fail.error](self.name)

    @handles
    def note(self, note: Note) -> Seen:
        self.world.handled.append((self.name, self.incarnation, note.n))
        self.seen.append(note.n)
        return Seen(tuple(self.seen), self.incarnation)

    @handles
    def look(self, look: Look) -> Seen:
        return Seen(tuple(self.seen), self.incarnation)

    @handles
    def end(self, end: End) -> None:
        self.stop()

    @handles
    def watch_it(self, watch: Watch) -> None:
        found = self._cell.ground.registry.find(watch.path)
        ref = found.ref if found is not None else self.world.system.ref(watch.path)
        (self.watch if watch.on else self.unwatch)(ref)

    @handles
    def gone(self, event: Terminated) -> None:
        self.world.notices.append(f"{event.path} {event.kind}")
