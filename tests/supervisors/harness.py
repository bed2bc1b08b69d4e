"""A scripted world that carries out the effects of the pure supervisor on a virtual clock.

Children do what their `Script` says. The log lists what a person would see:
``started A``, ``stopped A``, ``killed A``, ``start-failed A``, ``declined A``.
"""

from __future__ import annotations

import heapq
import itertools
import random
import re
from collections import deque
from collections.abc import Callable
from typing import Any

import attrs

from harmonium.protocols.lifecycle import (
    NORMAL,
    SHUTDOWN,
    Declined,
    Exit,
    Exited,
    ExitKind,
    Phase,
    Started,
)
from harmonium.protocols.waiting import HOLD, Fate, Forward, Refuse, Reply, admit
from harmonium.supervisors.core import events as on
from harmonium.supervisors.core.cause import Cause
from harmonium.supervisors.core.decide import decide, initial, survivors
from harmonium.supervisors.core.state import Mode
from harmonium.supervisors.spec import SupervisorSpec, child, supervisor

KILLED = Exit(ExitKind.KILLED)


def agent() -> None:
    """Stand in for an agent class."""


def kid(id: str, **fields: Any):
    """Declare a child without a time limit for its start, so that few timers are about."""
    fields.setdefault("start_timeout", None)
    return child(agent, id=id, **fields)


def tree(*ids: Any, name: str = "top", **fields: Any) -> SupervisorSpec:
    """Declare a supervisor of children given by id or by spec."""
    return supervisor(name, children=[kid(i) if isinstance(i, str) else i for i in ids], **fields)


@attrs.define
class Script:
    """How a child behaves.

    Args:
        start: Seconds that each start takes.
        fails: What its n-th start raises (from 1), or a function that tells.
        declines: Which starts it declines.
        stop: Seconds that it takes to stop; None: it ignores the request.
        stop_reason: What it says when it was asked to stop.
        lives: Seconds after which it crashes by itself; None: never.
        start_exit: It exits with this reason in place of becoming ready.
    """

    start: float = 0.0
    fails: Callable[[int], BaseException | None] = lambda _: None
    declines: Callable[[int], bool] = lambda _: False
    stop: float | None = 0.0
    stop_reason: Exit = SHUTDOWN
    lives: float | None = None
    start_exit: Exit | None = None


@attrs.define(eq=False)
class Cell:
    """What others hold on to, and the newest instance in it."""

    id: str
    spec: Any
    incarnation: int = 0
    state: str = "starting"
    starts: int = 0
    node: Node | None = None
    parked: Any = HOLD
    arrived: int = 0
    mailbox: deque = attrs.field(factory=deque)
    aside: dict = attrs.field(factory=dict)
    failing: Any = None
    handled: int = 0
    hooks: list = attrs.field(factory=list)


class Node:
    """One supervisor: its state, and the cells of its children."""

    def __init__(self, world: World, spec: SupervisorSpec, path: str, parent, **fields: Any):
        self.world = world
        self.path = path
        self.parent = parent
        self.state = initial(spec, path=path, **fields)
        self.cells: dict[str, Cell] = {}
        self.timers: set = set()
        self.gone = False
        self.records: list = []
        self.effects: list = []

    def feed(self, event: Any) -> None:
        if self.gone:
            return
        draw = self.world.chance()
        self.state, effects = decide(self.state, event, self.world.now, draw)
        self.effects += effects
        for effect in effects:
            name = re.sub(r"(?<!^)(?=[A-Z])", "_", type(effect).__name__).lower()
            getattr(self, f"do_{name}")(effect)

    def post(self, event: Any, delay: float = 0.0) -> None:
        self.world.at(delay, lambda: self.feed(event))

    # --- starting ---

    def do_start(self, effect) -> None:
        cell = self.cells.get(effect.child)
        if effect.fresh:
            assert cell is None, "a fresh start needs an empty place"
            cell = self.cells[effect.child] = Cell(effect.child, effect.spec)
        assert cell is not None, "a cell that is kept has to be there"
        assert cell.state in ("gone", "starting"), cell
        cell.spec = effect.spec
        if effect.cause is not None:
            cell.hooks.append(f"after_restart({effect.cause})")
        self._build(cell, effect.incarnation, effect.reports)

    def do_restart(self, effect) -> None:
        cell = self.cells[effect.child]
        assert cell.state == "failed", cell
        assert cell.incarnation == effect.incarnation
        cell.spec = effect.spec
        message = getattr(cell.failing, "id", None)
        cell.hooks += [
            f"before_restart({effect.cause}, {message})",
            f"after_restart({effect.cause})",
        ]
        if cell.node is not None:
            cell.node.die()
        self._build(cell, effect.successor, effect.reports)

    def _build(self, cell: Cell, incarnation: int, reports: bool) -> None:
        assert incarnation > cell.incarnation, "an incarnation must be newer than all before"
        cell.incarnation, cell.state = incarnation, "starting"
        cell.starts = self.world.starts[cell.id] = self.world.starts.get(cell.id, 0) + 1
        self.world.incarnations.append((self.path, cell.id, incarnation))
        if cell.spec.tree is not None and self.world.script(cell.id).declines(cell.starts):
            self._built(cell, incarnation)
        elif cell.spec.tree is not None:
            path = f"{self.path.rstrip('/')}/{cell.id}"
            before = cell.node
            kept = survivors(before.state) if before is not None else ()
            cell.node = Node(self.world, cell.spec.tree, path, self, reports=reports, added=kept)
            cell.node.me = (cell.id, incarnation)
            cell.node.feed(on.Boot())
        else:
            delay = self.world.script(cell.id).start
            self.world.at(delay, lambda: self._built(cell, incarnation))

    def _built(self, cell: Cell, incarnation: int) -> None:
        if (cell.incarnation, cell.state) != (incarnation, "starting") or self.gone:
            return
        script, number = self.world.script(cell.id), cell.starts
        error = script.fails(number)
        if error is not None:
            cell.state = "failed"
            self.world.say(f"start-failed {cell.id}")
            self.post(on.Failed(cell.id, incarnation, Cause.of(error), Phase.START))
        elif script.start_exit is not None:
            cell.state = "gone"
            self.post(Exited(cell.id, incarnation, script.start_exit))
        elif script.declines(number):
            cell.state = "gone"
            self.world.say(f"declined {cell.id}")
            self.post(Declined(cell.id, incarnation))
        else:
            self._ready(cell)
            if script.lives is not None:
                self.world.at(script.lives, lambda: self.crash_if(cell, incarnation))

    def _ready(self, cell: Cell) -> None:
        cell.state, cell.parked = "running", HOLD
        self.world.say(f"started {cell.id}")
        self.post(Started(cell.id, cell.incarnation))
        self.world.at(0.0, lambda: self.work(cell))

    # --- ending ---

    def crash_if(self, cell: Cell, incarnation: int) -> None:
        if cell.incarnation == incarnation and cell.state == "running":
            self.crash(cell.id)

    def crash(self, id: str, error: BaseException | None = None, **fields: Any) -> None:
        """Have the handler of a child raise."""
        cell = self.cells[id]
        assert cell.state == "running", cell
        cell.state = "failed"
        cause = Cause.of(error or ValueError(f"{id} broke"))
        self.post(on.Failed(id, cell.incarnation, cause, **fields))

    def exit(self, id: str, reason: Exit = NORMAL) -> None:
        """Have a child end by itself."""
        cell = self.cells[id]
        cell.state = "gone"
        self.post(Exited(id, cell.incarnation, reason))

    def do_resume(self, effect) -> None:
        cell = self.cells[effect.child]
        assert cell.state == "failed"
        cell.state, cell.failing = "running", None
        if cell.node is not None:
            cell.node.feed(on.Resumed())
        self.world.at(0.0, lambda: self.work(cell))

    def do_stop(self, effect) -> None:
        cell = self.cells[effect.child]
        assert cell.incarnation == effect.incarnation, "only the newest instance is stopped"
        if cell.state == "gone":
            return  # its last word is on the way
        assert cell.state in ("starting", "running", "failed"), cell
        if effect.keep and cell.state != "starting":
            message = getattr(cell.failing, "id", None)
            cell.hooks.append(f"before_restart({effect.cause}, {message})")
        failed, cell.state = cell.state == "failed", "stopping"
        if cell.node is not None and not cell.node.gone:
            cell.node.quietly = failed
            cell.node.feed(on.StopAll(SHUTDOWN))
            return
        script = self.world.script(cell.id)
        if script.stop is not None or cell.node is not None:
            took = 0.0 if failed or script.stop is None else script.stop
            reason = Exit(ExitKind.CRASH) if failed else script.stop_reason
            self.world.at(took, lambda: self._stopped(cell, effect.incarnation, reason, failed))

    def _stopped(self, cell: Cell, incarnation: int, reason: Exit, failed: bool) -> None:
        if (cell.incarnation, cell.state) == (incarnation, "stopping") and not self.gone:
            cell.state = "gone"
            if not failed:
                self.world.say(f"stopped {cell.id}")
            self.post(Exited(cell.id, incarnation, reason))

    def do_kill(self, effect) -> None:
        cell = self.cells[effect.child]
        assert cell.incarnation == effect.incarnation
        if cell.state == "gone":
            return  # its last word is on the way
        cell.state = "gone"
        self.world.say(f"killed {cell.id}")
        if cell.node is not None:
            cell.node.die()
        self.post(Exited(cell.id, effect.incarnation, KILLED))

    def die(self) -> None:
        """End the whole tree below without a word: nothing may be left over."""
        self.gone = True
        for cell in self.cells.values():
            if cell.state != "gone":
                cell.state = "gone"
                self.world.say(f"killed {cell.id}")
            if cell.node is not None:
                cell.node.die()

    def do_release(self, effect) -> None:
        cell = self.cells.pop(effect.child)
        assert cell.state == "gone", f"{cell} is released alive"
        self.world.dead += [(m.id, "dead") for m in cell.mailbox]
        self.world.told.append((cell.id, str(effect.reason)))

    # --- mail ---

    def send(self, id: str, message: Any) -> None:
        """Send a message to a child; it meets the policy that holds."""
        cell = self.cells.get(id)
        if cell is None:
            self.world.dead.append((message.id, "dead"))
            return
        fate = Fate.KEEP if cell.state == "running" else admit(cell.parked, cell.arrived)
        if fate is Fate.KEEP:
            cell.mailbox.append(message)
            cell.arrived += cell.state != "running"
            self.work(cell)
        elif fate is Fate.REPLY:
            assert isinstance(cell.parked, Reply)
            self.world.replies.append((message.id, cell.parked.message))
        elif fate is Fate.FORWARD:
            assert isinstance(cell.parked, Forward)
            self.world.forwarded.append((message.id, cell.parked.to))
        elif fate is Fate.REFUSE:
            self.world.replies.append((message.id, cell.parked))
        else:
            self.world.dead.append((message.id, "dropped"))

    def work(self, cell: Cell) -> None:
        while cell.state == "running" and cell.mailbox and not self.gone:
            message = cell.mailbox.popleft()
            cell.arrived = 0
            error = message.error(cell) if callable(message.error) else message.error
            self.world.worked.append((cell.id, cell.incarnation, message.id, error is None))
            if error is None:
                cell.handled += 1
                continue
            cell.failing = message
            suspect = None
            if cell.spec.poison is not None:
                suspect = on.Suspect(message.id, repr(error), cell.handled)
            self.crash(cell.id, error, suspect=suspect)

    def do_park(self, effect) -> None:
        cell = self.cells[effect.child]
        cell.parked, cell.arrived = effect.mail, 0
        if isinstance(effect.mail, Refuse):
            self.world.replies += [(m.id, effect.mail) for m in cell.mailbox]
            cell.mailbox.clear()

    def do_retry(self, effect) -> None:
        cell = self.cells[effect.child]
        message = cell.aside.pop(effect.message, None) or cell.failing
        cell.mailbox.appendleft(message)
        self.work(cell)

    def do_set_aside(self, effect) -> None:
        cell = self.cells[effect.child]
        cell.aside[effect.message] = cell.failing

    def do_quarantine(self, effect) -> None:
        self.world.dead.append((effect.message, "poison"))

    # --- time ---

    def do_set_timer(self, effect) -> None:
        assert effect.delay >= 0
        self.timers.add(effect.token)
        self.world.at(effect.delay, lambda: self._fire(effect.token))

    def _fire(self, token) -> None:
        if token in self.timers:
            self.timers.discard(token)
            self.feed(on.TimerFired(token))

    def do_cancel_timer(self, effect) -> None:
        if not self.world.deaf_timers:
            self.timers.discard(effect.token)

    # --- the supervisor itself ---

    quietly = False
    me = ("", 0)

    def do_ready(self, effect) -> None:
        if self.parent is None:
            self.world.ready = True
            return
        id, incarnation = self.me
        self.parent.cells[id].state = "running"
        self.world.say(f"started {id}")
        self.parent.post(Started(id, incarnation))

    def do_finish(self, effect) -> None:
        self.gone = True
        assert all(cell.state == "gone" for cell in self.cells.values()), "orphans"
        if self.parent is None:
            self.world.finished = effect
            return
        id, incarnation = self.me
        cell = self.parent.cells[id]
        if effect.start_failed and cell.state != "stopping":
            cell.state = "failed"
            self.world.say(f"start-failed {id}")
            cause = Cause.of(effect.reason.error)
            self.parent.post(on.Failed(id, incarnation, cause, Phase.START))
            return
        asked, cell.state = cell.state == "stopping", "gone"
        if not self.quietly:
            self.world.say(f"{'stopped' if asked else 'ended'} {id}")
        self.parent.post(Exited(id, incarnation, effect.reason))

    def do_escalate(self, effect) -> None:
        if self.parent is None:
            self.world.escalated.append(effect.cause)
            return
        id, incarnation = self.me
        self.world.passed_on.append(effect.cause)
        self.parent.cells[id].state = "failed"
        self.parent.post(on.Failed(id, incarnation, effect.cause, Phase.CHILD))

    def do_give_up(self, effect) -> None:
        self.world.given_up.append(effect.error)

    def do_spend(self, effect) -> None:
        if self.parent is not None:
            self.parent.post(on.Spent(self.me[0], effect.count, effect.cause))

    def do_answer(self, effect) -> None:
        self.world.answers.setdefault(effect.request, []).append((self.world.now, effect.value))

    def do_notice(self, effect) -> None:
        self.world.notices.append((effect.child, effect.text))

    def do_record(self, effect) -> None:
        self.records.append(effect)


@attrs.frozen
class Mail:
    """A message; `error` is what its handler raises, or a function of the cell."""

    id: str
    error: Any = None


class World:
    """A tree, its scripts and its clock."""

    def __init__(self, spec: SupervisorSpec, *, seed: int | None = None, **scripts: Script):
        self.now = 0.0
        self.log: list[str] = []
        self.scripts = scripts
        self.starts: dict[str, int] = {}
        self.incarnations: list = []
        self.answers: dict = {}
        self.notices: list = []
        self.given_up: list = []
        self.escalated: list = []
        self.passed_on: list = []
        self.worked: list = []
        self.replies: list = []
        self.forwarded: list = []
        self.dead: list = []
        self.told: list = []
        self.ready = False
        self.finished: Any = None
        self.deaf_timers = False
        """Whether a cancelled timer fires all the same."""
        self._queue: list = []
        self._order = itertools.count()
        self._requests = itertools.count(1)
        self._random = random.Random(seed) if seed is not None else None
        self.top = Node(self, spec, f"/{spec.name}", None, root=True)

    def chance(self) -> float:
        return self._random.random() if self._random is not None else 0.0

    def script(self, id: str) -> Script:
        return self.scripts.get(id) or Script()

    def say(self, line: str) -> None:
        self.log.append(line)

    def at(self, delay: float, what: Callable[[], None]) -> None:
        heapq.heappush(self._queue, (self.now + delay, next(self._order), what))

    def run(self, seconds: float = 0.0) -> World:
        """Let time pass; at 0 all that is due now is done."""
        until = self.now + seconds
        while self._queue and self._queue[0][0] <= until:
            self.now, _, what = heapq.heappop(self._queue)
            what()
        self.now = until
        return self

    def boot(self, seconds: float = 0.0) -> World:
        self.top.feed(on.Boot())
        return self.run(seconds)

    def clear(self) -> World:
        self.log.clear()
        return self

    def crash(self, id: str, error: BaseException | None = None, seconds: float = 0.0) -> World:
        self.node_of(id).crash(id, error)
        return self.run(seconds)

    def exit(self, id: str, reason: Exit = NORMAL, seconds: float = 0.0) -> World:
        self.node_of(id).exit(id, reason)
        return self.run(seconds)

    def node_of(self, id: str, node: Node | None = None) -> Node:
        node = node or self.top
        if id in node.cells:
            return node
        for cell in node.cells.values():
            if cell.node is not None:
                try:
                    return self.node_of(id, cell.node)
                except KeyError:
                    continue
        raise KeyError(id)

    def order(self, kind: type, *args: Any, seconds: float = 0.0, **kwargs: Any) -> Any:
        """Give an order or ask a question; returns the answer, or None if none came yet."""
        request = next(self._requests)
        self.top.feed(kind(request, *args, **kwargs))
        self.run(seconds)
        answers = self.answers.get(request)
        return answers[-1][1] if answers else None

    def start(self, spec, **kwargs: Any):
        return self.order(on.StartChild, spec, **kwargs)

    def stop(self, id: str, **kwargs: Any):
        return self.order(on.StopChild, id, **kwargs)

    def restart(self, id: str, **kwargs: Any):
        return self.order(on.RestartChild, id, **kwargs)

    def delete(self, id: str, **kwargs: Any):
        return self.order(on.DeleteChild, id, **kwargs)

    def count(self):
        return self.order(on.CountChildren)

    def rows(self) -> dict:
        return {row.id: row for row in self.order(on.WhichChildren)}

    def states(self) -> dict:
        return {id: row.state for id, row in self.rows().items()}

    def shutdown(self, seconds: float = 0.0) -> World:
        self.top.feed(on.StopAll(SHUTDOWN))
        return self.run(seconds)

    def alive(self) -> list[str]:
        """List the ids of all running children, in the whole tree."""
        return _alive(self.top)

    def incarnation(self, id: str) -> int:
        return self.node_of(id).cells[id].incarnation

    @property
    def used(self) -> int:
        """How many restarts the budget counts now."""
        state = self.top.state
        return state.window.used(state.spec.budget, self.now)

    @property
    def over(self) -> bool:
        return self.finished is not None and self.top.state.mode is Mode.OVER


def _alive(node: Node) -> list[str]:
    found = []
    for cell in node.cells.values():
        if cell.state == "running":
            found.append(cell.id)
        if cell.node is not None and not cell.node.gone:
            found += _alive(cell.node)
    return found
