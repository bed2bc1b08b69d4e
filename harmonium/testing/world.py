"""`World`: one simulated run of a system, as its test sees it.

The test's body sends messages, states what must hold and lets virtual time
pass. After the body the run goes on by itself: first with faults, up to the
horizon, then without, until all is settled.
"""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Iterable
from sys import getrefcount
from typing import Any, TypeVar

from harmonium.actors import burying
from harmonium.actors.account import every_cell
from harmonium.actors.ask import Ask
from harmonium.actors.birth import Birth
from harmonium.actors.ref import Ref
from harmonium.actors.simulated import SimulatedGround
from harmonium.actors.store.memory import MemoryStore
from harmonium.protocols.errors import UnknownAgent
from harmonium.protocols.lifecycle import Exit, ExitKind
from harmonium.supervisors.system import System
from harmonium.testing.choices import Choices, Neutral
from harmonium.testing.disk import SimDisk
from harmonium.testing.faults import Fault
from harmonium.testing.injector import Injector, door
from harmonium.testing.lookout import Lookout
from harmonium.testing.obligations import Eventually, LeadsTo, Rule
from harmonium.testing.probe import Probe, ProbeAgent
from harmonium.testing.trace import Entry, Trace
from harmonium.testing.violation import PropertyViolated
from harmonium.testing.waiting import circle, waits, waits_text

__all__ = ["World"]

M = TypeVar("M")

_ALONE = 2
"""What `getrefcount` gives for an object that only a local variable holds."""
LOOK_AFTER = 0.05
"""Seconds without anything after which `never_stuck` looks for circles."""


class World:
    """One run.

    Args:
        system: The tree, or a function that builds it; it may take the world,
            whose `ledger` it can hand to agents.
        choices: What goes wrong; nothing if not given.
        seed: Of the agents' own randomness.
        horizon: Virtual seconds, from the end of the body, in which faults happen.
        settle: Virtual seconds that the run goes on after that at most.
        max_deliveries: After so many messages the run counts as a livelock.
    """

    def __init__(
        self,
        system: Any,
        *,
        choices: Choices | None = None,
        seed: int = 0,
        horizon: float = 60.0,
        settle: float = 60.0,
        max_deliveries: int = 20_000,
    ) -> None:
        self.trace = Trace()
        self.horizon = horizon
        self.settle = settle
        self.max_deliveries = max_deliveries
        self.ledgers: dict[str, list[Any]] = {}
        self.reached: dict[str, int] = {}
        self.ground = SimulatedGround(seed=seed)
        self.injector = Injector(self.ground, choices or Neutral(), self.trace)
        self.ground.carriage = self.injector
        self.ground.chaos = self.injector
        self.ground.door = door
        self.ground.world = self
        self._lookout = Lookout(self.ground, self.trace)
        self._quiet: list[Rule] = []
        self._eventually: list[Eventually] = []
        self._leads: list[LeadsTo] = []
        self._idle: float | None = None
        self._healed = 0.0
        self._probes: dict[str, Probe] = {}
        self._stores: dict[str, MemoryStore] = {}
        self._disks: list[SimDisk] = []
        tree = system
        if not isinstance(system, type) and callable(system):
            tree = system(self) if _takes_world(system) else system()
        self.system = System(tree, ground=self.ground, store=self._stores.get("store"))

    # -- begin and end

    def start(self) -> None:
        """Start the system; its agents are up when this returns."""
        ground = self.ground
        self.trace.listen(ground)
        ground.lookout, ground.most = self._lookout, self.max_deliveries
        with ground.inside():
            started = self.system._start()
        if not started.done():
            ground.run(started.done)
        started.result()
        self.injector.begin()

    def finish(self) -> None:
        """Let the run come to its end, and check what must hold there."""
        self._pass(None, self.horizon)
        self.heal()
        for rule in self._eventually:
            self._await(rule)
        self._pass(None, self._healed + self._settling() - self.ground.time)
        for rule in self._eventually:
            rule.check(self._healed + rule.within)
        for each in self._leads:
            each.check(self, self._healed, over=self._nothing_due())
        self._check_quiet()

    def _await(self, rule: Eventually) -> None:
        left = self._healed + rule.within - self.now
        if not rule.holds():
            self._pass(rule.holds, left)
            rule.check(self._healed + rule.within)

    def _settling(self) -> float:
        return max([self.settle, *[each.within + 0.01 for each in self._leads]])

    def close(self) -> None:
        """Drop what is left; nothing of it runs any more."""
        ground = self.ground
        ground.on_delivery = None
        ground.open = False
        with ground.inside():
            for cell in list(every_cell(ground.root)):
                if cell.more_ is not None and cell.more_.executions:
                    for execution in list(cell.more_.executions):
                        execution.close()

    def drop(self) -> None:
        """Take the world apart, so that it is freed at once: nobody will look at it any more.

        A world is one large circle of references. Left to the garbage collector,
        it costs more than it cost to build.
        """
        ground = self.ground
        todo = [ground.root]
        for cell in todo:  # it grows meanwhile
            if cell.children:
                todo += cell.children.values()
            agent, cell.agent = cell.agent, None
            if getrefcount(agent) > _ALONE and agent is not None:  # parts of it know it
                getattr(agent, "__dict__", {}).clear()
            cell.parent = cell.children = cell.signals = cell.more_ = cell.ref_ = None
        for _, _, timer in ground.timers.heap:
            timer.call, timer.args = None, ()
        ground.take_apart()
        for part in (*self._probes.values(), self):
            part.__dict__.clear()

    def heal(self) -> None:
        """Let no more faults happen; the clock of what must come true starts here."""
        if not self.injector.healed:
            self.injector.heal()
            self._healed = self.now

    # -- time

    @property
    def now(self) -> float:
        """The virtual time, in seconds."""
        return self.ground.time

    def advance(self, seconds: float) -> None:
        """Let this much time pass."""
        ends = self.now + seconds
        self._pass(None, seconds)
        self.ground.time = max(self.ground.time, ends)

    def run_until(self, condition: Callable[[], object], *, within: float = 60.0) -> bool:
        """Let time pass until a condition holds; False if it does not in time."""
        if condition():
            return True
        ends = self.now + within
        self._pass(condition, within)
        if condition():
            return True
        self.ground.time = max(self.now, ends)
        return False

    def run_until_quiet(self, *, within: float = 3600.0) -> bool:
        """Let time pass until nothing is left to happen; False if that is not in time."""
        return self._pass(None, within) and self._nothing_due()

    def _nothing_due(self) -> bool:
        ground = self.ground
        return not ground.ready and ground.next_due() is None

    def _pass(self, until: Callable[[], object] | None, limit: float) -> bool:
        """Let time pass; True if the condition came true, or all is quiet."""
        if limit < 0:
            return until is not None and bool(until())
        ground = self.ground
        done = ground.run(until, limit=limit)
        return done or self._nothing_due()

    # -- who is there

    def ref(self, address: str) -> Ref:
        """Give the handle of an agent, by path, name or id.

        Raises:
            UnknownAgent: If there is none.
        """
        cell = self.ground.registry.find(address)
        if cell is None:
            raise UnknownAgent(address, self.ground.registry.nearest(address, None))
        return cell.ref

    def probe(self, name: str = "probe") -> Probe:
        """Give the probe of this name; it is made at the first call."""
        probe = self._probes.get(name)
        if probe is None:
            probe = self._probes[name] = Probe(self, name)
            self.injector.outsiders.add(f"/{name}")
            self.ground.spawn(self.ground.root, Birth(ProbeAgent, (probe,)), name)
        return probe

    def ask(self, to: Ref | str, message: Any, *, timeout: float = 5.0, **options: Any) -> Any:
        """Ask from outside, let time pass, and give the answer.

        Raises:
            AskFailed: The agent's handler raised.
            AgentDead: The agent is dead or died before it answered.
            AskTimeout: The deadline passed.
        """
        ask: Ask[Any] = self.system.ask(
            to if isinstance(to, Ref) else self.ref(to), message, timeout=timeout, **options
        )
        self.run_until(ask.done, within=timeout + 1.0)
        return ask.result()

    def tell(self, to: Ref | str, message: Any) -> None:
        """Send a message from outside."""
        self.system.tell(to if isinstance(to, Ref) else self.ref(to), message)

    def kill(self, who: Ref | str) -> None:
        """End an agent at once; its supervisor decides what follows."""
        burying.kill((who if isinstance(who, Ref) else self.ref(who))._cell)

    def agent(self, who: Ref | str) -> Any:
        """Give the agent object itself, to look at: the present incarnation or the last."""
        return (who if isinstance(who, Ref) else self.ref(who))._cell.agent

    def tree(self) -> tuple[str, ...]:
        """Give the paths of all agents that live, parents first."""
        return tuple(cell.path for cell in every_cell(self.ground.root) if cell.parent is not None)

    def mailbox(self, who: Ref | str) -> tuple[Any, ...]:
        """Give the messages that wait in an agent's mailbox, in order."""
        cell = (who if isinstance(who, Ref) else self.ref(who))._cell
        return tuple(envelope[0] for envelope in (*(cell.urgent or ()), *cell.mailbox))

    # -- what happened

    def history(self) -> list[Entry]:
        """Give all that happened so far."""
        return list(self.trace.entries())

    def log(self, kind: type[M]) -> list[M]:
        """Give the messages and answers of a class that arrived so far, in order."""
        return self.trace.messages(kind)

    def ledger(self, name: str) -> list[Any]:
        """Give a list that outlives crashes: for effects on the world outside of the system."""
        return self.ledgers.setdefault(name, [])

    # -- stores

    def store(self, name: str = "store") -> MemoryStore:
        """Give the store of this name, on a simulated disk; made at the first call.

        The one named ``store``, if the builder asks for it, is the system's own:
        agents keep their state there.
        """
        store = self._stores.get(name)
        if store is None:
            disk = SimDisk(self.ground, name, self.injector.writes, self.power_failure)
            self._disks.append(disk)
            store = self._stores[name] = MemoryStore(self.ground.now, disk=disk)
        return store

    def power_failure(self) -> None:
        """Lose power: all agents end at once, disks keep what was synced, all starts again."""
        system = self.system
        root, system._root = system._root, None
        if root is not None:
            burying.kill(root, Exit(ExitKind.KILLED, "power failed"))
            burying.bury(root)
        for disk in self._disks:
            disk.lose_power()
            # In place, as agents were given this object when the tree was built.
            self._stores[disk.name].__init__(self.ground.now, disk=disk)  # type: ignore[misc]
        system._start()

    # -- what goes wrong in any case

    def inject(self, *faults: Fault) -> None:
        """Have these faults happen in this run, whatever else does."""
        self.injector.inject(faults)

    # -- what must hold

    def always(self, condition: Callable[[], Any], name: str) -> None:
        """State what must hold after each thing that an agent does."""
        self._lookout.always(Rule(condition, name))

    def always_quiet(self, condition: Callable[[], Any], name: str) -> None:
        """State what must hold at the end of the run, when nothing is under way."""
        self._quiet.append(Rule(condition, name))

    def eventually(
        self, condition: Callable[[], Any], name: str = "eventually", *, within: float = 30.0
    ) -> None:
        """State what must come true, and be true in the end, once the faults have stopped.

        Args:
            condition: What must come true.
            name: What the report calls it.
            within: Virtual seconds, counted from when the faults stopped.
        """
        self._eventually.append(Eventually(condition, name, within))

    def leads_to(
        self,
        cause: Callable[[Any], bool],
        effect: Callable[[Any], bool],
        *,
        within: float = 10.0,
        key: Callable[[Any], Any] | str | None = None,
        name: str = "leads to",
    ) -> None:
        """State that each message of one kind is followed by one of another.

        Args:
            cause: Tells the first kind.
            effect: Tells the second.
            within: Virtual seconds, from the cause or from when the faults stopped.
            key: What both have in common: a field's name or a function; None
                lets any effect follow any cause.
            name: What the report calls it.
        """
        self._leads.append(LeadsTo(cause, effect, within, _key(key), name))

    def never_stuck(self, *, idle: float = 60.0) -> None:
        """State that no agents wait for each other, and none waits for ever.

        Args:
            idle: Virtual seconds that a handler may wait without anything happening.
        """
        self._idle = idle
        self.ground.before_pause = self._look_for_circles

    def _look_for_circles(self, until: float) -> None:
        """Time is about to pass: see whether somebody waits for what cannot come."""
        pause = until - self.now
        if pause < LOOK_AFTER:
            return
        graph = waits(self.ground.root)
        if graph and (circle(waits(self.ground.root, arrived=True)) or pause > (self._idle or 0.0)):
            raise PropertyViolated("never stuck", waits_text(graph), self.now)

    def _check_quiet(self) -> None:
        if self._quiet and self._nothing_due():
            for rule in self._quiet:
                rule.check(self.now)
        if self._idle is not None:
            due = self.ground.next_due()
            self._look_for_circles(math.inf if due is None else due)


def _takes_world(build: Callable[..., Any]) -> bool:
    if isinstance(build, functools.partial):  # each is another one, of the same function mostly
        return _has_parameters(build.func, len(build.args), frozenset(build.keywords))
    return _has_parameters(build)


@functools.lru_cache(maxsize=64)  # 90 us, and a test asks a thousand times
def _has_parameters(
    build: Callable[..., Any], given: int = 0, named: frozenset[str] = frozenset()
) -> bool:
    left = list(inspect.signature(build).parameters.values())[given:]
    return any(one.name not in named or one.kind is one.VAR_KEYWORD for one in left)


def _key(key: Callable[[Any], Any] | str | None) -> Callable[[Any], Any]:
    if key is None:
        return lambda _: None
    if isinstance(key, str):
        return lambda message: getattr(message, key, None)
    return key


def every_fault(faults: Iterable[Fault | Iterable[Fault]]) -> tuple[Fault, ...]:
    """Flatten what may be given as faults or groups of them."""
    flat: list[Fault] = []
    for one in faults:
        flat += [one] if isinstance(one, Fault) else list(one)
    return tuple(flat)
