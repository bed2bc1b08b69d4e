"""`reduce`: from a run that failed to the few faults that matter.

First delta debugging over the faults (ddmin: Zeller and Hildebrandt,
"Simplifying and Isolating Failure-Inducing Input", 2002), then smaller values,
then a second look for a smaller set: ddmin ends where no single fault can be
left out, and three faults may stand where one does as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import attrs

from harmonium.testing.calm import calm
from harmonium.testing.faults import (
    Crash,
    Delay,
    Drop,
    Duplicate,
    Fault,
    Kill,
    Partition,
    Pause,
    SlowLink,
    SlowStore,
)
from harmonium.testing.moments import is_exact, moments
from harmonium.testing.replay import Replay
from harmonium.testing.schedule import Outcome, Scene, run_once
from harmonium.testing.spec import Faults

__all__ = ["Reduced", "candidates", "reduce_faults"]

ROUND = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 6.0, 10.0, 12.0)
"""Seconds that people would write, tried in this order."""
LONG = (6.0, 1.5, 40.0, 0.05)
"""How long the delays are that the second look tries."""
FIRST = (1, 2)
"""Which of an agent's messages are tried in place of a later one."""
MOMENTS = 1_000
"""How many moments are tried in place of exact times; a run takes about 1 ms."""


@attrs.frozen
class Reduced:
    """What a reduction came to.

    Args:
        outcome: The run with the faults that are left.
        faults: These faults; each is needed.
        runs: How many runs it took.
    """

    outcome: Outcome
    faults: tuple[Fault, ...]
    runs: int


class _Reducer:
    def __init__(self, scene: Scene, outcome: Outcome, limit: int) -> None:
        self.scene = scene
        self.key = outcome.key
        self.best = outcome
        self.faults: tuple[Fault, ...] = outcome.faults
        self.runs = 0
        self.limit = limit
        self._tried: set[tuple[Fault, ...]] = set()

    def fails(self, faults: Sequence[Fault]) -> bool:
        """Whether these faults show the same failure; keeps them if they do."""
        wanted = tuple(faults)
        if wanted in self._tried or self.runs >= self.limit:
            return False
        self._tried.add(wanted)
        self.runs += 1
        outcome = run_once(self.scene, Replay(wanted))
        if outcome.key != self.key:
            outcome.world.drop()
            return False
        self.best = outcome
        used = set(outcome.faults)
        self.faults = tuple(fault for fault in wanted if fault in used)
        return True

    def drop_what_goes(self) -> None:
        """Delta debugging."""
        if self.fails(()):
            return
        for kind in dict.fromkeys(type(fault) for fault in self.faults):
            self.fails([fault for fault in self.faults if type(fault) is not kind])
        parts = 2
        while len(self.faults) >= 2:
            size = max(1, len(self.faults) // parts)
            if self._drop_a_part(size):
                parts = max(2, parts - 1)
            elif size == 1:
                break
            else:
                parts = min(len(self.faults), parts * 2)

    def _drop_a_part(self, size: int) -> bool:
        """Leave out one part of this size; the last first, as later faults matter less."""
        faults = self.faults
        for start in range(len(faults) - size, -size, -size):
            rest = (*faults[: max(0, start)], *faults[start + size :])
            if self.fails(rest):
                return True
        return False

    def lower_values(self) -> None:
        """Take smaller and rounder values; what was a slow link may then be a short delay."""
        for position in range(len(self.faults)):
            while self._lower_at(position):
                pass

    def _lower_at(self, position: int) -> bool:
        rest = self.faults
        if position >= len(rest):
            return False
        return any(
            self.fails((*rest[:position], simpler, *rest[position + 1 :]))
            for simpler in simpler_than(rest[position])
        )

    def raise_values(self, spec: Faults) -> None:
        """Take long delays in place of short ones, which may pass a timeout only together."""
        longer = tuple(_longer(fault, min(LONG[0], spec.longest)) for fault in self.faults)
        if len(longer) > 1 and self.fails(longer):
            self.drop_what_goes()

    def look_again(self, spec: Faults) -> None:
        """Try every single fault in place of all, then in place of all but one."""
        if len(self.faults) < 2:
            return
        all_single = list(candidates(self.best, spec))
        if any(self.fails((one,)) for one in all_single) or len(self.faults) < 3:
            return
        plain = [one for one in all_single if _is_plain(one, spec)]
        for kept in self.faults:
            if any(self.fails((kept, one)) for one in plain):
                return

    def name_the_moment(self, spec: Faults) -> None:
        """Hold one message until something happens, where otherwise a time must be exact."""
        if is_exact(self.faults, self._shows):
            any(self.fails((one,)) for one in islice(moments(self.best, spec), MOMENTS))

    def _shows(self, faults: Sequence[Fault]) -> bool:
        self.runs += 1
        return run_once(self.scene, Replay(faults)).key == self.key


def reduce_faults(
    scene: Scene, outcome: Outcome, spec: Faults | None = None, *, limit: int = 2_000
) -> Reduced:
    """Reduce the faults of a run that failed, as long as the same thing fails.

    Args:
        scene: What was run.
        outcome: A run of it that failed.
        spec: Which kinds of faults the second look may use; None for those at hand, on the
            agents that they befell, and for delays and pauses.
        limit: At most so many runs.
    """
    reducer = _Reducer(scene, outcome, limit)
    spec = spec or _at_hand(outcome.faults)
    with calm():
        reducer.drop_what_goes()
        reducer.raise_values(spec)
        size = len(reducer.faults)
        reducer.look_again(spec)
        if len(reducer.faults) < size:
            reducer.drop_what_goes()
        reducer.name_the_moment(spec)
        reducer.lower_values()
    return Reduced(reducer.best, reducer.faults, reducer.runs)


def _at_hand(faults: Iterable[Fault]) -> Faults:
    """Allow what the faults of a run are, and what every search may do."""
    befallen: dict[str, list[str]] = {}
    for fault in faults:
        if isinstance(fault, Crash | Kill):
            befallen.setdefault(type(fault).__name__.lower(), []).append(fault.actor)
        elif isinstance(fault, Drop | Duplicate):
            befallen.setdefault(type(fault).__name__.lower(), []).append(fault.to)
    kinds: dict[str, Any] = {kind: tuple(who) for kind, who in befallen.items()}
    return Faults(**kinds)


# -- simpler faults


def simpler_than(fault: Fault) -> Iterator[Fault]:
    """Give simpler faults in place of one, the simplest first."""
    yield from _earlier(fault)
    for kind, simplify in _SIMPLER.items():
        if isinstance(fault, kind):
            yield from simplify(fault)


def _is_plain(fault: Fault, spec: Faults) -> bool:
    """Whether it is one of the kinds that pairs are made of: one for each point, not nine."""
    if isinstance(fault, Crash):
        return fault.where == "inside" and fault.step == 0
    return not isinstance(fault, Delay) or fault.secs == min(LONG[0], spec.longest)


def _longer(fault: Fault, secs: float) -> Fault:
    if isinstance(fault, Delay | Pause | SlowLink) and fault.secs < secs:
        return attrs.evolve(fault, secs=secs)
    return fault


def _earlier(fault: Any) -> Iterator[Fault]:
    """Befall one of the agent's first messages: it is easier to follow, and stands more edits."""
    field = _NUMBERED.get(type(fault))
    if field is None or (isinstance(fault, Delay) and fault.until is not None):
        return
    present = getattr(fault, field)
    for nth in FIRST:
        if present is not None and nth < present:
            yield attrs.evolve(fault, **{field: nth})


def _shorter(fault: Any) -> Iterator[Fault]:
    for secs in ROUND:
        if secs < fault.secs:
            yield attrs.evolve(fault, secs=secs)
    if round(fault.secs) != fault.secs and fault.secs > 1:
        yield attrs.evolve(fault, secs=float(int(fault.secs) + 1))


def _simpler_link(fault: SlowLink) -> Iterator[Fault]:
    for nth in (1, 2, 3):
        yield Delay(fault.b, nth, fault.secs)
    yield from _shorter(fault)


def _simpler_crash(fault: Crash) -> Iterator[Fault]:
    for step in range(fault.step):
        yield attrs.evolve(fault, step=step)
    if fault.where == "after":
        yield attrs.evolve(fault, where="inside")


def _simpler_kill(fault: Kill) -> Iterator[Fault]:
    if fault.on is not None:
        yield Crash(fault.actor, fault.on, "before")


def _simpler_partition(fault: Partition) -> Iterator[Fault]:
    if fault.oneway:
        yield attrs.evolve(fault, oneway=False)
    if fault.start:
        yield attrs.evolve(fault, start=0.0)
    for secs in ROUND:
        if fault.start + secs < fault.stop:
            yield attrs.evolve(fault, stop=fault.start + secs)


def _simpler_copy(fault: Duplicate) -> Iterator[Fault]:
    if fault.secs:
        yield attrs.evolve(fault, secs=0.0)
        yield from _shorter(fault)


_SIMPLER: dict[type[Fault], Callable[[Any], Iterator[Fault]]] = {
    Crash: _simpler_crash,
    Delay: _shorter,
    Duplicate: _simpler_copy,
    Kill: _simpler_kill,
    Partition: _simpler_partition,
    Pause: _shorter,
    SlowLink: _simpler_link,
    SlowStore: _shorter,
}


_NUMBERED: dict[type[Fault], str] = {
    Crash: "on",
    Delay: "nth",
    Drop: "nth",
    Duplicate: "nth",
    Kill: "on",
    Pause: "after",
}


# -- every single fault


def candidates(outcome: Outcome, spec: Faults) -> Iterator[Fault]:
    """Give every single fault that could befall a run like this one, the plainest first."""
    seats = outcome.world.injector.seats()
    for seat in seats:
        if seat.spared:
            continue
        for nth in range(1, seat.handled + 1):
            yield from _on_handling(seat.path, nth, spec)
    for seat in seats:
        for nth in range(1, seat.arrivals + 1):
            yield from _on_message(seat.path, nth, spec, spared=seat.spared)


def _on_handling(path: str, nth: int, spec: Faults) -> Iterator[Fault]:
    if spec.hits("crash", path):
        yield Crash(path, nth)
        yield Crash(path, nth, "before")
        yield Crash(path, nth, "after")
        yield Crash(path, nth, "inside", 1)
        yield Crash(path, nth, "inside", 2)
    elif spec.hits("kill", path):
        yield Kill(path, on=nth)
    if spec.hits("pause", path):
        yield Pause(path, nth, min(LONG[0], spec.longest))


def _on_message(path: str, nth: int, spec: Faults, *, spared: bool) -> Iterator[Fault]:
    if spec.hits("delay", path):
        for secs in dict.fromkeys(min(secs, spec.longest) for secs in LONG):
            yield Delay(path, nth, secs)
    if not spared and spec.hits("drop", path):
        yield Drop(path, nth)
    if not spared and spec.hits("duplicate", path):
        yield Duplicate(path, nth)
