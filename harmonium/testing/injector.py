"""`Injector`: puts what the choices say into effect on a simulated ground.

It is the carriage of the ground's messages, and stands between mailboxes and
handlers where `FaultInjector` stands in production. It decides nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property, lru_cache
from typing import Any, overload

import attrs

from harmonium.actors import burying, failing
from harmonium.actors.account import every_cell
from harmonium.actors.cell import DEAD, Cell
from harmonium.actors.chaos import InjectedCrash
from harmonium.actors.context import RawEnvelope, TimerContext
from harmonium.actors.execution import Execution
from harmonium.actors.handlers import Dispatch, Handler, HandlerTable
from harmonium.actors.simulated import FOREVER, TAKEN_OVER, SimulatedGround
from harmonium.protocols.errors import AgentDead
from harmonium.protocols.lifecycle import Exit, ExitKind, Phase
from harmonium.protocols.signals import Terminated
from harmonium.testing.choices import NOTHING, Choices
from harmonium.testing.cut_short import CutShort
from harmonium.testing.faults import (
    OUTSIDE,
    Buggify,
    ClockJump,
    Crash,
    Delay,
    Drop,
    Duplicate,
    Fault,
    Handled,
    Kill,
    Partition,
    Pause,
)
from harmonium.testing.replay import Replay, matcher
from harmonium.testing.trace import Trace, name_of

__all__ = ["Injector", "door"]

_PROMPT = (0.0,)
_LOST = ()


class _Agents(Sequence[str]):
    """The agents that the tree starts with, by path; most choices never look at them."""

    def __init__(self, ground: SimulatedGround) -> None:
        self._ground = ground

    @cached_property
    def _paths(self) -> list[str]:
        cells = list(every_cell(self._ground.root))
        return [c.path for c in cells if c.agent is not None and not c.agent.supervises]

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        return self._paths[index]

    def __len__(self) -> int:
        return len(self._paths)


class _Seat:
    """What is counted of one agent, by path: it goes on over restarts."""

    __slots__ = ("arrivals", "cell", "handled", "path", "spared")

    def __init__(self, cell: Cell | None, path: str, *, spared: bool) -> None:
        self.cell = cell
        self.path = path
        self.spared = spared
        """Whether it is a supervisor, a probe or the outside, which a search leaves alone."""
        self.arrivals = 0
        self.handled = 0


class _Link:
    """The way from one agent to another."""

    __slots__ = ("latency", "sender", "spared", "to")

    def __init__(self, sender: str, to: _Seat, slow: float, *, spared: bool) -> None:
        self.sender = sender
        self.to = to
        self.latency = (slow,)
        self.spared = spared
        """Whether a search may neither lose nor double what goes this way."""


class Injector:
    """Carries faults out, and keeps which ones did.

    Args:
        ground: Where.
        choices: What goes wrong.
        trace: Where it is noted.
    """

    def __init__(self, ground: SimulatedGround, choices: Choices, trace: Trace) -> None:
        self.ground = ground
        self.choices = choices
        self.trace = trace
        self._log = trace.raw.append
        self._for_messages = choices.for_messages
        self._for_handling = choices.for_handling
        self.used: list[Fault] = []
        self.healed = False
        self.outsiders: set[str] = set()
        self._fixed: Replay | None = None
        self._injected: list[Fault] = []
        self._seats: dict[Cell | str | None, _Seat] = {}
        self._links: dict[tuple[Any, Any], _Link] = {}
        self._partitions: list[_Cut] = []
        self._skews: list[tuple[Callable[[str], bool], float, float]] = []
        self._passes: dict[str, int] = {}
        self._waiting: list[tuple[Callable[[str], bool], int, tuple[Any, Any]]] = []

    # -- begin and end

    def inject(self, faults: Iterable[Fault]) -> None:
        """Add faults that happen in any case."""
        faults = list(faults)
        if not faults:
            return
        self._injected += faults
        self._fixed = Replay(self._injected)
        self._links.clear()
        for fault in Replay(faults).begin(()):
            self._begin(fault)

    def begin(self) -> None:
        """Put into effect what holds from the start or comes by the clock."""
        for fault in self.choices.begin(_Agents(self.ground)):
            self.used.append(fault)
            self._begin(fault)

    def _begin(self, fault: Fault) -> None:
        match fault:
            case Partition():
                self._partitions.append(_Cut(fault))
                self._note_at(fault.start, fault)
            case ClockJump():
                self._skews.append((matcher(fault.actor), fault.at, fault.delta))
                self._note_at(fault.at, fault)
            case Kill(at=float(at)):
                self._at(at, self._kill_matching, fault)
            case Pause():
                self._at(0.0, self._pause_matching, fault)

    def _at(self, when: float, call: Callable[..., None], *args: Any) -> None:
        self.ground.timers.add(max(when, self.ground.time), call, *args)

    def _note_at(self, when: float, fault: Fault) -> None:
        self._at(when, self.note, fault)

    def note(self, fault: Fault, actor: str = "") -> None:
        """Write down that a fault happens now."""
        if not self.healed:
            log = self._log
            log((self.ground.time, "fault", actor, fault))

    def heal(self) -> None:
        """Let nothing more go wrong: partitions close, links are fast, nobody stands still."""
        self.healed = True
        self._links.clear()
        self._partitions.clear()
        ground = self.ground
        for _, _, pair in self._waiting:
            ground.release(*pair)
        self._waiting.clear()
        for seat in self._seats.values() if ground.stands_still else ():
            if seat.cell is not None:
                ground.thaw(seat.cell)

    def release(self) -> None:
        """Let hanging threads go: there are none."""

    # -- what the runtime and the patches ask

    def skew(self) -> float:
        """By how much the wall clock of the agent at work is wrong, in seconds."""
        if not self._skews:
            return 0.0
        path, now = name_of(self.ground.active), self.ground.time
        return sum(delta for is_hit, at, delta in self._skews if now >= at and is_hit(path))

    def sometimes(self, site: str) -> bool:
        """Whether a site says yes this time."""
        if self.healed:
            return False
        self._passes[site] = nth = self._passes.get(site, 0) + 1
        found = self._ask("site", site, nth)
        for fault in found:
            self.note(fault, name_of(self.ground.active))
        return any(isinstance(fault, Buggify) for fault in found)

    def writes(self, store: str, nth: int) -> list[Fault]:
        """Tell what befalls a write of a store."""
        if self.healed:
            return []
        found = self._ask("write", store, nth)
        for fault in found:
            self.note(fault, store)
        return found

    def _ask(self, point: str, *names: Any, spared: bool = False) -> list[Fault]:
        """What is injected at a point in any case, and what the choices say."""
        found: list[Fault] = []
        if self._fixed is not None:
            found += getattr(self._fixed, point)(*names)
        if not spared or self.choices.exact:
            chosen = getattr(self.choices, point)(*names)
            if chosen:
                self.used += chosen
                found += chosen
        return found

    def seat(self, cell: Cell | None) -> _Seat:
        """Give what is counted of an agent; a successor under its path goes on with it."""
        path = OUTSIDE if cell is None else cell.path
        seat = self._seats.get(path)
        if seat is None:
            agent = None if cell is None else cell.agent  # of the dead there is none
            spared = cell is None or path in self.outsiders or getattr(agent, "supervises", False)
            seat = self._seats[path] = _Seat(cell, path, spared=spared)
        seat.cell = cell
        self._seats[cell] = seat
        return seat

    def seats(self) -> list[_Seat]:
        """Give what is counted of every agent, each once, in the order they appeared."""
        return list(dict.fromkeys(self._seats.values()))

    # -- carriage

    def latencies(
        self, ground: SimulatedGround, to: Cell | None, envelope: RawEnvelope
    ) -> tuple[float, ...]:
        """Give the extra seconds of each copy of a message that arrives."""
        if self.healed or envelope[5].__class__ is TimerContext:
            return _PROMPT
        sender = envelope[1]
        link = self._links.get((sender, to))
        if link is None:
            link = self._links[sender, to] = self._link(sender, to)
        seat = link.to
        seat.arrivals = nth = seat.arrivals + 1
        if self._partitions and self._is_cut(link.sender, seat.path):
            return _PROMPT if isinstance(envelope[0], Terminated) else _LOST
        chosen: Sequence[Fault] = NOTHING
        if self._for_messages:
            chosen = self.choices.message(link.sender, seat.path, nth, spared=link.spared)
            if chosen:
                self.used += chosen
        if self._fixed is not None:
            chosen = (*self._fixed.message(link.sender, seat.path, nth, spared=False), *chosen)
        if not chosen:
            return link.latency
        return self._carried(chosen, link.latency[0], sender, seat, envelope[0])

    def _link(self, sender: Cell | None, to: Cell | None) -> _Link:
        """Look at a link for the first time."""
        seat = self._seats.get(to) or self.seat(to)
        by = self._seats.get(sender) or self.seat(sender)
        found: Sequence[Fault]
        if self._fixed is None:
            found = self.choices.link(by.path, seat.path)
            if found:
                self.used += found
        else:
            found = self._ask("link", by.path, seat.path)
        slow = 0.0
        for fault in found:
            self.note(fault, seat.path)
            slow += fault.secs  # type: ignore[attr-defined]
        return _Link(by.path, seat, slow, spared=seat.spared or by.spared)

    def _carried(
        self, found: Sequence[Fault], slow: float, sender: Cell | None, seat: _Seat, message: Any
    ) -> tuple[float, ...]:
        copies = [slow]
        for fault in found:
            if isinstance(fault, Delay):
                if fault.until is None:
                    copies[0] += fault.secs
                else:
                    copies[0] = self._held(fault, fault.until, copies[0], sender, seat)
            elif isinstance(message, Terminated):
                continue  # the runtime's own notices come once and in any case
            elif isinstance(fault, Duplicate):
                copies.append(slow + fault.secs)
            self.note(fault, seat.path)
            if isinstance(fault, Drop):
                return _LOST
        return tuple(copies)

    def _held(
        self, fault: Delay, until: Handled, slow: float, sender: Cell | None, seat: _Seat
    ) -> float:
        is_hit = matcher(until.actor)
        seats = self.seats()
        if any(is_hit(one.path) and one.handled >= until.nth for one in seats):
            return slow + fault.secs
        self._waiting.append((is_hit, until.nth, (sender, seat.cell)))
        return FOREVER

    def _is_cut(self, sender: str, to: str) -> bool:
        now = self.ground.time
        return any(cut.parts(sender, to, now) for cut in self._partitions)

    # -- handlers

    def intercept(self, cell: Cell, handler: Handler, envelope: RawEnvelope) -> bool:
        """Note a message that is handled; True if a fault took its handling over."""
        log = self._log  # to call it as a method takes longer: it is looked for in the class
        log((self.ground.time, "handled", cell, envelope))
        if self.healed:
            return False
        seat = self._seats.get(cell) or self.seat(cell)
        seat.handled = nth = seat.handled + 1
        if self._waiting:
            self._release(seat)
        if self._fixed is None:
            if not self._for_handling or (seat.spared and not self.choices.exact):
                return False
            found = self.choices.handling(seat.path, nth)
            if not found:
                return False
            self.used += found
        else:
            found = self._ask("handling", seat.path, nth, spared=seat.spared)
        for fault in found:
            self.note(fault, seat.path)
        return self._befall(cell, handler, envelope, found)

    def _release(self, seat: _Seat) -> None:
        for entry in list(self._waiting):
            is_hit, nth, pair = entry
            if seat.handled >= nth and is_hit(seat.path):
                self._waiting.remove(entry)
                self._at(self.ground.time, self.ground.release, *pair)

    def _befall(
        self, cell: Cell, handler: Handler, envelope: RawEnvelope, found: Sequence[Fault]
    ) -> bool:
        taken = False
        for fault in found:
            if isinstance(fault, Pause):
                self._pause(cell, fault.secs)
            elif taken:
                continue
            elif isinstance(fault, Kill):
                self._kill(cell, envelope)
                taken = True
            elif isinstance(fault, Crash):
                self._crash(cell, handler, envelope, fault)
                taken = True
        return taken

    def _pause(self, cell: Cell, secs: float) -> None:
        ground = self.ground
        ground.freeze(cell)
        ground.timers.add(ground.time + secs, ground.thaw, cell)

    def _pause_matching(self, fault: Pause) -> None:
        self._to_matching(fault, lambda cell: self._pause(cell, fault.secs))

    def _kill_matching(self, fault: Kill) -> None:
        reason = Exit(ExitKind.KILLED, "by a fault")
        self._to_matching(fault, lambda cell: burying.kill(cell, reason))

    def _to_matching(self, fault: Any, call: Callable[[Cell], None]) -> None:
        if self.healed:
            return
        is_hit = matcher(fault.actor)
        for cell in list(every_cell(self.ground.root)):
            if cell.parent is not None and cell.state is not DEAD and is_hit(cell.path):
                self.note(fault, cell.path)
                call(cell)

    def _kill(self, cell: Cell, envelope: RawEnvelope) -> None:
        reason = Exit(ExitKind.KILLED, "by a fault")
        self.ground.fail_message(cell, envelope, AgentDead(cell.path, str(reason)))
        burying.kill(cell, reason)

    def _crash(self, cell: Cell, handler: Handler, envelope: RawEnvelope, fault: Crash) -> None:
        ground, error = self.ground, InjectedCrash(_text_of(fault))
        if fault.where == "before":
            ground.crashed(cell, error, Phase.HANDLER, envelope)
        elif handler.blocking:
            function = _raising(handler.function, error)
            ground.begin_blocking(cell, attrs.evolve(handler, function=function), envelope)
        elif handler.is_async:
            self._crash_async(cell, handler, envelope, fault, error)
        else:
            self._crash_sync(cell, handler, envelope, fault, error)

    def _crash_sync(
        self, cell: Cell, handler: Handler, envelope: RawEnvelope, fault: Crash, error: Exception
    ) -> None:
        ground = self.ground
        cell.current = envelope
        try:
            answer = handler.function(cell.agent, envelope[0])
            if fault.where == "after":
                ground._finished(cell, envelope, answer)
        except BaseException as raised:  # the agent's own
            ground.crashed(cell, raised, Phase.HANDLER, envelope)
            return
        finally:
            cell.current = None
        unless_done = None if fault.where == "after" else envelope
        ground.crashed(cell, error, Phase.HANDLER, unless_done)

    def _crash_async(
        self, cell: Cell, handler: Handler, envelope: RawEnvelope, fault: Crash, error: Exception
    ) -> None:
        ground, incarnation = self.ground, cell.incarnation

        def done(execution: Execution, answer: Any, raised: BaseException | None) -> None:
            ground.execution_done(execution, answer, raised)
            if fault.where == "after" and raised is None and cell.incarnation == incarnation:
                ground.signal(cell, failing.fail, cell, error, Phase.HANDLER, None)

        cell.current = envelope
        try:
            coroutine = handler.function(cell.agent, envelope[0])
        finally:
            cell.current = None
        if fault.where == "inside":
            coroutine = CutShort(coroutine, fault.step, error)
        execution = Execution(cell, envelope, coroutine, done)
        ground.begin(cell, execution, reentrant=handler.reentrant)


@lru_cache(maxsize=256)  # made once for a class, not in each of 1,000 runs
def door(table: HandlerTable) -> Dispatch:
    """Put the injector before each handler that the scheduler calls without more ado."""
    return table.dispatch.__class__(
        (kind, None if function is None else _watched(table.by_class[kind]))
        for kind, function in table.dispatch.items()
    )


def _watched(handler: Handler) -> Callable[[Any, Any], Any]:
    function = handler.function

    def watched(agent: Any, message: Any) -> Any:
        cell = agent._cell
        envelope, cell.current = cell.current, None
        if cell.ground.chaos.intercept(cell, handler, envelope):
            return TAKEN_OVER
        cell.current = envelope
        return function(agent, message)

    return watched


@lru_cache(maxsize=1_000)  # 5 us, and one of two runs has one
def _text_of(fault: Fault) -> str:
    return repr(fault)


def _raising(function: Callable[..., Any], error: Exception) -> Callable[..., Any]:
    def perturbed(agent: Any, message: Any) -> Any:
        function(agent, message)
        raise error

    return perturbed


class _Cut:
    """A partition that is looked up quickly."""

    __slots__ = ("_fault", "_groups")

    def __init__(self, fault: Partition) -> None:
        self._fault = fault
        self._groups = [[matcher(one) for one in group] for group in fault.groups]

    def parts(self, sender: str, to: str, now: float) -> bool:
        """Whether a message from one to the other is lost."""
        fault = self._fault
        if not fault.start <= now < fault.stop:
            return False
        a, b = self._side(sender), self._side(to)
        if len(self._groups) == 1:
            return a == 0 and b != 0 if fault.oneway else a != b
        if a is None or b is None:
            return False
        return a < b if fault.oneway else a != b

    def _side(self, path: str) -> int | None:
        for number, group in enumerate(self._groups):
            if any(is_in(path) for is_in in group):
                return number
        return None
