"""`SimulatedGround`: the same scheduler in virtual time, every choice from one source.

What is simulated is the carriage: each envelope takes at least `HOP` seconds,
and more if the choices say so; two from A to B never overtake each other. All
else (mailboxes, supervision, timers, coordination) is the code that runs in
production.
"""

from __future__ import annotations

import asyncio
import contextvars
import math
from _random import Random as Core
from collections.abc import Callable, Coroutine, Iterator
from functools import lru_cache
from heapq import heapify, heappop, heappush
from operator import length_hint
from random import Random
from typing import Any, Protocol, TypeVar

from harmonium.actors.accepted import ACCEPTED
from harmonium.actors.cell import DEAD, NO_MAIL, QUEUED, Cell
from harmonium.actors.context import RawEnvelope
from harmonium.actors.ground import Ground
from harmonium.actors.handlers import Dispatch, Handler, HandlerTable
from harmonium.actors.promise import Promise
from harmonium.actors.scheduler import _SLOW, SUSPENDED, ReadyQueue
from harmonium.actors.virtual_loop import VirtualLoop
from harmonium.protocols.errors import EscapedSimulation
from harmonium.protocols.lanes import Lane
from harmonium.protocols.overflow import DROP_OLDEST

__all__ = ["FOREVER", "HOP", "TAKEN_OVER", "Carriage", "Prompt", "SimulatedGround", "random_state"]

T = TypeVar("T")

_running_loop = asyncio._get_running_loop
_set_running_loop = asyncio._set_running_loop

Arrive = Callable[[Any, RawEnvelope, Any], None]
"""What is called when something arrives."""

FOREVER = math.inf
"""A latency: until `release`."""
HOP = 0.001
"""Seconds that every message takes at least, so that no chain of messages is endless in no time."""


async def _taken_over() -> None:
    """Stand for a handler that was not called."""


TAKEN_OVER = _taken_over()
"""What a door gives when the message has its fate, or will have it from somebody else."""
TAKEN_OVER.close()


class Carriage(Protocol):
    """How long messages are under way, and what becomes of them there."""

    def latencies(
        self, ground: SimulatedGround, to: Cell | None, envelope: RawEnvelope
    ) -> tuple[float, ...]:
        """Give the extra seconds of each copy that arrives: none if it is lost.

        `FOREVER` holds it, and what the same sender sends there after it, until
        `SimulatedGround.release`.
        """


class Prompt:
    """Every message takes one hop, and arrives once."""

    def latencies(
        self, ground: SimulatedGround, to: Cell | None, envelope: RawEnvelope
    ) -> tuple[float, ...]:
        """Give one copy without delay."""
        return _AT_ONCE


_AT_ONCE = (0.0,)


@lru_cache(maxsize=64)
def random_state(seed: int) -> Any:
    """Give the state of chance with a seed: to set it takes 3 us, to seed 5.

    A search makes all its runs with the same one.
    """
    return Random(seed).getstate()


KNOWN = 64
"""How many of a seed's first numbers are kept; most runs are over before that."""


@lru_cache(maxsize=64)
def _begun(seed: int) -> tuple[int, Any, list[float]]:
    """Give a ground's number, the state of chance after it was drawn, and what comes then."""
    chance = Random(seed)
    number = chance.getrandbits(32)
    return number, Core.getstate(chance), [chance.random() for _ in range(KNOWN)]


class _Chance(Random):
    """The chance of a ground; its state is set when more than its first numbers are wanted.

    Nearly all runs of a search draw a few numbers, for supervisors: to set a state takes
    3 us, a hundredth of a short run.
    """

    _state: Any
    _known: Iterator[float]

    @classmethod
    def after(cls, state: Any, known: list[float]) -> _Chance:
        """Make one that gives these numbers, which are the first ones after this state."""
        chance = cls.__new__(cls)  # `__init__` would seed it
        chance.gauss_next = None  # type: ignore[attr-defined]  # as the real one
        chance._state, chance._known = state, iter(known)
        return chance

    def _settle(self) -> None:
        """Set the state, and be like any other from here on."""
        state, self._state = self._state, None
        if state is not None:
            used = KNOWN - length_hint(self._known)
            self._known = iter(())
            Core.setstate(self, state)
            for _ in range(used):
                super().random()

    def random(self) -> float:
        """Give the next number from 0 to 1."""
        number = next(self._known, None)
        if number is None:
            self._settle()
            return super().random()
        return number

    def getrandbits(self, k: int, /) -> int:
        """Give so many bits."""
        self._settle()
        return super().getrandbits(k)

    def getstate(self) -> Any:
        """Give the state."""
        self._settle()
        return super().getstate()

    def setstate(self, state: Any) -> None:
        """Set the state."""
        self._settle()
        super().setstate(state)

    def seed(self, *args: Any, **kwargs: Any) -> None:
        """Seed it anew."""
        self._settle()
        super().seed(*args, **kwargs)

    def __reduce__(self) -> Any:
        """Tell how to copy it: as one of the usual kind."""
        return Random, (), self.getstate()


class _Inside:
    """Makes a loop the running one: a class, as a generator costs three times as much."""

    __slots__ = ("_loop", "_outer")

    def __init__(self, loop: VirtualLoop, outer: Any) -> None:
        self._loop = loop
        self._outer = outer

    def __enter__(self) -> None:
        _set_running_loop(self._loop)

    def __exit__(self, *_: object) -> None:
        _set_running_loop(self._outer)


class _Here:
    """Stands for `_Inside` where the loop is the running one: to set it is a system call."""

    __slots__ = ()

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        pass


_HERE = _Here()


class SimulatedGround(Ground):
    """A ground whose time passes only in `run`.

    Args:
        name: Shown in logs and ids.
        seed: Seeds `random`.
        ready: Picks which ready agent runs next; None for first in, first out.
        carriage: Says how long messages are under way.
    """

    # As in `Ground`.
    __slots__ = (
        "_arrive",
        "_blocking",
        "_charged",
        "_entropy",
        "_frozen",
        "_held",
        "_last",
        "_number",
        "_seed",
        "_way",
        "before_pause",
        "carriage",
        "deliveries",
        "door",
        "escaped",
        "lookout",
        "loop",
        "most",
        "on_delivery",
        "time",
        "world",
    )

    loop: VirtualLoop

    def __init__(
        self,
        name: str = "sim",
        *,
        seed: int = 0,
        ready: ReadyQueue | None = None,
        carriage: Carriage | None = None,
    ) -> None:
        self.time = 0.0
        self.door: Callable[[HandlerTable], Dispatch] | None = None
        """Gives the handlers of a table with somebody before them, who may take a message over
        (`TAKEN_OVER`): so a test's faults need no way of their own through the scheduler."""
        self.carriage: Carriage = carriage or Prompt()
        self._last: dict[tuple[Any, Any], float] = {}
        self._held: dict[tuple[Any, Any], list[tuple[Arrive, tuple[Any, ...]]]] = {}
        self._frozen: dict[Cell, bool] = {}
        self._way: list[tuple[float, int, Arrive, Any, RawEnvelope, Any]] = []
        """What is under way, in the order of arrival: a heap without handles, as nothing of it
        is ever taken back (a `Timer` for each message costs a microsecond more)."""
        self._arrive = self._arrived  # bound once, not for each message
        self._blocking = 0
        self._charged = 0.0
        self._number = 0
        number, state, known = _begun(seed)
        chance = _Chance.after(state, known)
        super().__init__(name=name, clock=self.now, random=chance, ready=ready, number=number)
        # asyncio's interface has more than agents may use; what is missing raises.
        self.loop = VirtualLoop(self)  # type: ignore[abstract]
        self.awake = True  # nothing has to wake it: `run` looks for itself
        self.deliveries = 0
        # A test's, told of replies, of escapes, and of more deliveries than `most`.
        self.lookout: Any = None
        self.most = math.inf
        # Called after each visit, by tests that have something to look at: it takes 2 % of a run.
        self.on_delivery: Callable[[], None] | None = None
        self.before_pause: Callable[[float], None] | None = None
        """Told when nothing is left to do at this time, and until when."""
        self._seed = seed
        self._entropy: Random | None = None
        self.escaped: list[EscapedSimulation] = []
        """What simulated code reached for and must not."""
        self.world: Any = None
        """The test world that this ground stands in, if any."""

    def now(self) -> float:
        """Give the virtual time, in seconds from 0."""
        return self.time

    @property
    def entropy(self) -> Random:
        """What stands for the operating system's chance; made at its first use."""
        if self._entropy is None:
            self._entropy = Random(self._seed)
        return self._entropy

    # -- starting and closing, as a `System` does it

    def attach(self, loop: Any) -> None:
        """Nothing to attach to: it has a loop of its own."""

    def close(self) -> None:
        """Take no more agents."""
        self.open = False

    def take_apart(self) -> None:
        """Cut every reference that leads back here; nothing runs any more."""
        # One line and not a loop over their names, which takes 1 us.
        nothing: Any = None
        self.root = self.registry = self.stateful = self.observers = self.clock = nothing
        self.chaos = self.carriage = self.world = self.loop = self.active = nothing
        self.ready = self.timers = self.store = self.on_top_exit = self.on_delivery = nothing
        self.lookout = self.before_pause = self._dead_letters = self._topics = nothing
        self._last = self._held = self._frozen = self._way = self._arrive = nothing

    def play(self, scenario: Coroutine[Any, Any, T], *, limit: float = 3600.0) -> T:
        """Run a coroutine to its end, in virtual time.

        Raises:
            TimeoutError: If it is not done after `limit` virtual seconds, or
                waits for something that will never happen.
        """
        with self.inside():
            task = self.loop.create_task(scenario)
        if not self.run(task.done, limit=limit):
            task.cancel()
            self.run(task.done, limit=limit)
            raise TimeoutError(f"The scenario is not done at {self.time:.3f} s and nothing is due.")
        result: T = task.result()
        return result

    # -- time

    def run(self, until: Callable[[], object] | None = None, *, limit: float = 3600.0) -> bool:
        """Let time pass until the condition holds, or nothing is left to happen.

        Args:
            until: Looked at after each step; None runs until all is quiet.
            limit: Virtual seconds after which it ends all the same.

        Returns:
            Whether the condition holds (without one: whether all is quiet).
        """
        ends = self.time + limit
        if _running_loop() is self.loop:
            done = self._go_on(until, ends)
        else:
            with self.inside():
                done = self._go_on(until, ends)
        return done or (until is None and not self.ready and self.next_due() is None)

    def advance(self, seconds: float) -> None:
        """Let this much time pass, and everything happen that is due in it."""
        ends = self.time + seconds
        with self.inside():
            self._go_on(None, ends)
        self.time = max(self.time, ends)

    def _go_on(self, until: Callable[[], object] | None, ends: float) -> bool:
        """Let one thing happen after the other, while anything is due before `ends`.

        One frame for all of them: a method for each step costs a tenth of a short run.
        """
        loop, ready, frozen = self.loop, self.ready, self._frozen
        soon = loop.soon
        while until is None or not until():
            if soon and loop.run_once():
                continue
            if ready:
                cell = ready.popleft()
                if frozen and cell in frozen:
                    frozen[cell] = True
                    continue
                self.visit(cell, 1)
                self.active = None
                look = self.on_delivery
                if look is not None:
                    look()
            elif not self._next_moment(ends):
                return False
        return True

    def next_due(self) -> float | None:
        """When the next thing happens that waits for its time, or None."""
        due = self.timers.next_due()
        if not self._way:
            return due
        when = self._way[0][0]
        return when if due is None else min(due, when)

    def _next_moment(self, ends: float) -> bool:
        """Let time pass until something is due, and let that happen; False if nothing is."""
        if self.deliveries > self.most:
            self.lookout.too_many()
        way, heap = self._way, self.timers.heap
        due = way[0][0] if way else FOREVER
        if heap and heap[0][0] < due:
            fires = heap[0][0] if heap[0][2].call is not None else self.timers.next_due()
            if fires is not None and fires < due:
                return fires <= ends and self._fire(fires)
        if due > ends or not way:
            return False
        if due > self.time:
            self._pass_to(due)
        # All arrive that do so at this moment, before anybody runs: as in production,
        # where what a handler sends is in the mailboxes when its turn ends.
        while True:
            _, _, arrive, to, envelope, how = heappop(way)
            self.in_transit -= 1
            self.deliveries += 1
            arrive(to, envelope, how)
            if not way or way[0][0] != due:
                return True

    def _fire(self, due: float) -> bool:
        """Call the timer that is due first, and is known to be."""
        if due > self.time:
            self._pass_to(due)
        timer = heappop(self.timers.heap)[2]
        call, timer.call = timer.call, None
        if call is not None:
            call(*timer.args)
        return True

    def _pass_to(self, due: float) -> None:
        if self.before_pause is not None:
            self.before_pause(due)
        self.time = due

    def fast_table(self, cell: Cell, table: HandlerTable) -> Any:
        """What the scheduler dispatches by: in a test world, handlers with a door before them."""
        if self.door is None or self.tracer is not None:
            return super().fast_table(cell, table)
        return _SLOW if self.is_watched(cell) else self.door(table)

    def _first_step(self, cell: Cell, envelope: RawEnvelope, coroutine: Any) -> Any:
        if coroutine is TAKEN_OVER:
            return SUSPENDED
        return super()._first_step(cell, envelope, coroutine)

    def inside(self) -> _Inside | _Here:
        """Make the virtual loop the running one; a real one goes on afterwards."""
        outer = _running_loop()
        return _HERE if outer is self.loop else _Inside(self.loop, outer)

    def freeze(self, cell: Cell) -> None:
        """Let an agent stand still: what would run in its turn waits until `thaw`."""
        self._frozen.setdefault(cell, False)

    @property
    def stands_still(self) -> bool:
        """Whether any agent does."""
        return bool(self._frozen)

    def thaw(self, cell: Cell) -> None:
        """Let an agent go on that stood still."""
        if self._frozen.pop(cell, False):
            self.ready.append(cell)

    def wake(self) -> None:
        """Nothing: `run` looks for itself."""

    def call_soon(self, call: Callable[..., Any], *args: Any) -> None:
        """Run `call(*args)` in the next step."""
        self.loop.call_soon(call, *args)

    def call_back(
        self, call: Callable[[Any], object], promise: Promise[Any], context: contextvars.Context
    ) -> None:
        """Run `call(promise)` in the next step."""
        self.loop.call_soon(call, promise, context=context)

    def call_threadsafe(self, call: Callable[[], Any]) -> None:
        """Run `call()` in the next step; at once for a blocking handler, which cannot wait."""
        if self._blocking:
            call()
        else:
            self.loop.call_soon(call)

    def block_on(self, promise: Promise[Any], timeout: float | None) -> None:
        """Let time pass until a promise is settled that a blocking handler waits for."""
        if not self._blocking:
            super().block_on(promise, timeout)
        if not self.run(promise.done, limit=3600.0 if timeout is None else timeout):
            raise TimeoutError(f"No answer within {timeout} s.")

    # -- carriage

    def mailbox_limit(self, cell: Cell) -> int:
        """Send every message the long way, through `_post_slowly`."""
        return -1

    def _post_slowly(self, cell: Cell, envelope: RawEnvelope, lane: Lane | None) -> Any:
        """Put an envelope on its way; it arrives after a hop and what the choices add.

        Room in the mailbox is taken when it is sent, as on every ground, so that
        a sender hears at once of a mailbox that is full.
        """
        if cell.state is DEAD:
            return super()._post_slowly(cell, envelope, lane)
        more = cell.more_
        filled = cell.coming + len(cell.mailbox) >= cell.birth.mailbox
        special = more is not None and (more.route is not None or more.parked)
        if (filled or special) and lane is None and not self._makes_room(cell):
            return self._overflow(cell, envelope)
        copies = self.carriage.latencies(self, cell, envelope)
        if not copies:
            unanswerable = (*envelope[:2], None, *envelope[3:])
            self.dead_letter(cell, unanswerable, "lost on the way")
            return ACCEPTED
        if lane is None:
            cell.coming += len(copies)
        pair = (envelope[1], cell)
        if copies[0] or self._last or self._held:
            self._send_off(pair, copies[0], self._arrive, cell, envelope, lane)
        else:  # as `_send_off`, without its call for each message
            self.in_transit += 1
            self._number = number = self._number + 1
            heappush(self._way, (self.time + HOP, number, self._arrive, cell, envelope, lane))
        if len(copies) > 1:
            for latency in copies[1:]:
                self.sent += 1
                again = (*envelope[:3], self.sent, *envelope[4:])
                self._send_off(pair, latency, self._arrive, cell, again, lane)
        return ACCEPTED

    def _makes_room(self, cell: Cell) -> bool:
        """Whether there is room, if need be as the oldest that is under way there is dropped."""
        if self.has_room(cell):
            return True
        if cell.birth.overflow is not DROP_OLDEST or cell.mailbox:
            return False
        found = [
            entry
            for entry in self._way
            if entry[3] is cell and entry[5] is None  # to it, in the ordinary lane
        ]
        if not found:
            return False
        oldest = min(found)
        self._way.remove(oldest)
        heapify(self._way)
        self.in_transit -= 1
        cell.coming -= 1
        self.dead_letter(cell, oldest[4], "dropped by a full mailbox")
        return True

    def has_room(self, cell: Cell) -> bool:
        """Whether one more may come, behind those that are under way."""
        more = cell.more_
        if more is not None:
            if more.route is not None:
                return more.route.has_room(cell.coming)
            if more.parked:
                return False
        return len(cell.mailbox) + cell.coming < cell.birth.mailbox

    def refill(self, cell: Cell) -> None:
        """Let parked messages in, behind those that are under way since before."""
        if not cell.coming:
            super().refill(cell)

    def _send_off(
        self,
        pair: tuple[Any, Any],
        latency: float,
        arrive: Arrive,
        to: Any,
        envelope: RawEnvelope,
        how: Any,
    ) -> None:
        """Have it arrive: never before what the same sender sent there earlier."""
        self.in_transit += 1
        if latency == FOREVER or (self._held and pair in self._held):
            self._held.setdefault(pair, []).append((arrive, (to, envelope, how)))
            return
        when = self.time + HOP + latency
        if latency or self._last:  # what is prompt overtakes nothing that was
            before = self._last.get(pair)
            if before is not None and before > when:  # `max` takes three times as long
                when = before
            elif latency:
                self._last[pair] = when
        self._number = number = self._number + 1
        heappush(self._way, (when, number, arrive, to, envelope, how))

    def release(self, sender: Cell | None, to: Cell | None) -> None:
        """Let what is held between these two arrive, in order."""
        pair = (sender, to)
        for arrive, args in self._held.pop(pair, ()):
            self.in_transit -= 1  # it was counted when it was sent
            self._send_off(pair, 0.0, arrive, *args)

    def _arrived(self, cell: Cell, envelope: RawEnvelope, lane: Lane | None) -> None:
        if lane is None:
            cell.coming -= 1
        more = cell.more_
        if cell.state is DEAD:
            self._post_slowly(cell, envelope, lane)
        elif more is not None and (more.route is not None or more.park is not None):
            self._arrived_elsewhere(cell, envelope, lane)
        elif lane is None and cell.mailbox is not NO_MAIL:
            cell.mailbox.append(envelope)  # as `put`, without its two calls for each message
            if not cell.scheduled:
                cell.scheduled = QUEUED
                self.ready.append(cell)
        else:
            self.put(cell, envelope, lane)

    def _arrived_elsewhere(self, cell: Cell, envelope: RawEnvelope, lane: Lane | None) -> None:
        """Hand mail of a pool to it, and mail of an agent that is away to its doorkeeper."""
        route = cell.more.route
        if route is not None:
            route.arrive(envelope, lane)
        elif not self.turned_away(cell, envelope):
            self.put(cell, envelope, lane)

    def carry_reply(self, ask: Any, answer: RawEnvelope, *, failed: bool) -> None:
        """Put a reply on its way back."""
        if ask.inward:
            super().carry_reply(ask, answer, failed=failed)
            return
        copies = self.carriage.latencies(self, ask.owner, answer)
        if not copies:
            to = ask.owner if ask.owner is not None else "(outside)"
            self.dead_letter(to, answer, "lost on the way")
            return
        pair = (answer[1], ask.owner)
        self._send_off(pair, copies[0], self._reply_arrived, ask, answer, failed)

    def _reply_arrived(self, ask: Any, answer: RawEnvelope, failed: bool) -> None:  # noqa: FBT001
        if self.lookout is not None:
            self.lookout.answered(ask, answer)
        super().carry_reply(ask, answer, failed=failed)

    # -- what blocks, and what is refused

    def escaped_by(self, what: str) -> EscapedSimulation:
        """Note that simulated code reached for the real world; gives the error to raise."""
        error = EscapedSimulation.here(what)
        self.escaped.append(error)
        if self.lookout is not None:
            self.lookout.escaped()
        return error

    def charge(self, secs: float) -> bool:
        """Have what blocks take so much longer; False where nothing may block."""
        if self._blocking:
            self._charged += secs
        return bool(self._blocking)

    def _blocked(self, call: Callable[..., Any], *args: Any) -> tuple[Callable[[], Any], float]:
        """Call what blocks, as in a thread: gives how to have its outcome, and what it costs."""
        active, charged = self.active, self._charged
        self._blocking += 1
        self._charged = 0.0
        self.active = None  # as in a thread of the pool, which is outside of the ground
        try:
            return _outcome(call, *args), self._charged
        finally:
            self._blocking -= 1
            self.active, self._charged = active, charged

    def blocking(self, call: Callable[..., Any], args: tuple[Any, ...], cost: float) -> Any:
        """Call it at once; the promise is settled when its cost has passed."""
        promise: Promise[Any] = Promise(self)
        outcome, charged = self._blocked(call, *args)

        def done() -> None:
            try:
                promise.settle(outcome())
            except Exception as error:  # it belongs to whoever awaits
                promise.fail(error)

        self.timers.add(self.time + HOP + cost + charged, done)
        return promise

    def run_blocking(self, cell: Cell, handler: Handler, envelope: RawEnvelope) -> None:
        """Run it at once, in virtual time: there are no threads here."""
        incarnation = cell.incarnation
        outcome, charged = self._blocked(handler.function, cell.agent, envelope[0])
        self.timers.add(
            self.time + HOP + charged,
            self.signal,
            cell,
            self.blocking_done,
            cell,
            incarnation,
            envelope,
            outcome,
        )


def _outcome(call: Callable[..., Any], *args: Any) -> Callable[[], Any]:
    try:
        result = call(*args)
    except BaseException as error:  # the agent's failure; it is raised in its turn
        caught = error

        def fail() -> Any:
            raise caught

        return fail
    return lambda: result
