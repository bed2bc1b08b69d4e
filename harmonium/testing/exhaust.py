"""`exhaust`: every order of messages of a tiny system, one after the other.

Where a search says that it found nothing, this says that there is nothing: each
message either goes at once or is overtaken by what is sent in the next
instants, and all combinations are run, as long as the budget lasts. With
faults switched on, each point may also be hit, up to `Faults.max` of them.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import attrs

from harmonium.actors.simulated import HOP
from harmonium.testing.calm import calm
from harmonium.testing.choices import NOTHING
from harmonium.testing.faults import Buggify, Crash, Delay, Drop, Fault
from harmonium.testing.schedule import Outcome, Scene, run_once
from harmonium.testing.spec import Faults

__all__ = ["Exhaust", "Exhausted", "exhaust"]

LATER = (1.5 * HOP, 3.5 * HOP)
"""How much later a message may come: behind one more, or behind three."""


@attrs.frozen
class Exhausted:
    """What an exhaustive search came to.

    Args:
        outcome: A run that failed, or None.
        schedules: How many runs there were.
        complete: Whether these were all there are.
    """

    outcome: Outcome | None
    schedules: int
    complete: bool


class Exhaust:
    """Choices that follow a list of numbers, and then always take the first.

    Args:
        prefix: What to choose at the first points.
        faults: Which kinds of faults may be used, and on what.
    """

    exact = False
    for_messages = True
    for_handling = True

    def __init__(self, prefix: Sequence[int], faults: Faults) -> None:
        self.taken: list[tuple[int, int]] = []
        self._prefix = prefix
        self._spec = faults
        self._left = faults.max

    def _choose(self, ways: Sequence[tuple[Fault, ...]]) -> Sequence[Fault]:
        if len(ways) == 1:
            return ways[0]
        place = len(self.taken)
        number = self._prefix[place] if place < len(self._prefix) else 0
        self.taken.append((number, len(ways)))
        return ways[number]

    def _hit(self, kind: str, name: str, *faults: Fault) -> Sequence[Fault]:
        if not self._left or not self._spec.hits(kind, name):
            return NOTHING
        found = self._choose([NOTHING, *((fault,) for fault in faults)])
        self._left -= len(found)
        return found

    def next(self) -> list[int] | None:
        """Give the prefix of the next run; None when all have been."""
        for place in range(len(self.taken) - 1, -1, -1):
            number, ways = self.taken[place]
            if number + 1 < ways:
                return [taken for taken, _ in self.taken[:place]] + [number + 1]
        return None

    def begin(self, agents: Sequence[str]) -> Sequence[Fault]:
        """Nothing comes by the clock."""
        return NOTHING

    def link(self, sender: str, to: str) -> Sequence[Fault]:
        """All links are fast."""
        return NOTHING

    def message(self, sender: str, to: str, nth: int, *, spared: bool) -> Sequence[Fault]:
        """Let a message go at once, or later, or be lost."""
        if not spared:
            lost = self._hit("drop", to, Drop(to, nth))
            if lost:
                return lost
        if not self._spec.hits("delay", to):
            return NOTHING
        return self._choose([NOTHING, *((Delay(to, nth, secs),) for secs in LATER)])

    def handling(self, actor: str, nth: int) -> Sequence[Fault]:
        """Let an agent crash, or not."""
        return self._hit("crash", actor, Crash(actor, nth), Crash(actor, nth, "before"))

    def site(self, name: str, nth: int) -> Sequence[Fault]:
        """Let a site say yes, or no."""
        return self._hit("buggify", name, Buggify(name, nth))

    def write(self, store: str, nth: int) -> Sequence[Fault]:
        """Let stores be well."""
        return NOTHING


def exhaust(scene: Scene, faults: Faults | None = None, *, budget: float = 10.0) -> Exhausted:
    """Run every schedule of a scene, until one fails.

    Args:
        scene: What to run; tiny, or it takes for ever.
        faults: Which kinds of faults may be used; None for orders only.
        budget: Longest real time, in seconds.
    """
    ends = time.perf_counter() + budget
    prefix: list[int] | None = []
    runs = 0
    with calm() as pace:
        while prefix is not None:
            choices = Exhaust(prefix, faults or Faults(buggify=False))
            outcome = run_once(scene, choices)
            runs += 1
            pace.step(outcome.deliveries)
            if outcome.failed:
                return Exhausted(outcome, runs, complete=False)
            if time.perf_counter() > ends:
                return Exhausted(None, runs, complete=False)
            outcome.world.drop()
            prefix = choices.next()
    return Exhausted(None, runs, complete=True)
