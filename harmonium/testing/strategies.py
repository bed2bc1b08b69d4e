"""`Search`: choices by chance, from a portfolio of strategies.

No single way of searching wins, and the rates matter more than the way: each
run first draws which kinds of faults are on, and how often each comes ("swarm
testing", Groce et al., ISSTA 2012, as in TigerBeetle's simulator). Then

- *latency* delays few messages, links and agents, by anything from
  milliseconds to a minute;
- *walk* delays every message by a memoryless time, which makes the next
  message to arrive a uniform choice among the links that carry one;
- *pct* gives links a fixed slowness, which is their priority, and lets few
  agents stand still, which are its points of change (Burckhardt et al.,
  "A Randomized Scheduler with Probabilistic Guarantees", ASPLOS 2010).

All three answer in faults that name what they befall, so whatever they find
can be reduced and replayed as such.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence

from harmonium.protocols.quick import maker
from harmonium.testing.choices import NOTHING
from harmonium.testing.faults import (
    Buggify,
    ClockJump,
    Crash,
    Delay,
    Drop,
    Duplicate,
    Fault,
    FullStore,
    Kill,
    Partition,
    Pause,
    SlowLink,
    SlowStore,
    TornWrite,
)
from harmonium.testing.sources import Seeded, Source
from harmonium.testing.spec import Faults

__all__ = ["STRATEGIES", "Rng", "Search"]

STRATEGIES = ("latency", "walk", "pct")

RATES = (0.0, 0.0, 0.03, 0.08, 0.2, 0.5)
"""How often a kind of fault comes, once for each run; 0 switches it off."""
SECONDS = (0.002, 0.005, 0.02, 0.1, 0.3, 0.6, 1.2, 2.5, 5.0, 10.0, 25.0, 60.0)
"""How long delays and pauses are, about; from a few hops to beyond usual timeouts."""
JUMPS = (1.0, 30.0, 600.0, 3600.0, 86_400.0)
STEPS = 40
"""How many messages a run is taken to have, for the number of pct's points of change."""

_FREE = ("delay", "pause")

_make_delay = maker(Delay)


@functools.lru_cache(maxsize=64)
def _up_to(longest: float) -> list[list[float]]:
    """The seconds that a delay may have, about the shortest first."""
    about = [s for s in SECONDS if s <= longest] or [longest]
    return [[round(s * (0.6 + step / 20), 4) for step in range(17)] for s in about]


_LOGS = tuple(math.log(1.0 - drawn / 1000) for drawn in range(1000))


def _rounded(secs: float) -> float:
    """Give `round(secs, 4)` of a few seconds: ten times in a run, and it takes 0.3 us."""
    scaled = secs * 10_000
    whole = int(scaled + 0.5)
    if whole and -0.499 < scaled - whole < 0.499:  # no tie is near: both give the float next to it
        return whole / 10_000
    return round(secs, 4)


@functools.lru_cache(maxsize=64)
def _rates(often: float) -> tuple[float, ...]:
    """How often a kind of fault may come, with the highest rate."""
    return tuple(min(often, rate) for rate in RATES)


class _Kind:
    """One kind of fault, and how many of its points pass until the next hit."""

    __slots__ = ("answers", "free", "gap", "name", "rate")

    def __init__(self, name: str, rate: float, gap: int, answers: dict[str, bool]) -> None:
        self.name = name
        self.rate = rate
        self.gap = gap
        self.answers = answers
        """Whether it may befall an agent, as far as anybody asked."""
        self.free = name in _FREE


class Search:
    """Choices by chance.

    Args:
        source: Where the chance comes from.
        faults: Which kinds may be used, and on what.
        strategy: One of `STRATEGIES`.
        steps: About how many messages a run has.
    """

    exact = False

    def __init__(
        self, source: Source, faults: Faults, *, strategy: str = "latency", steps: int = STEPS
    ) -> None:
        self.strategy = strategy
        self._source = source
        self._spec = faults
        self._left = faults.max
        self._steps = max(4, steps)
        self._seconds = _up_to(faults.longest)
        self._delays = faults.answers("delay")
        self._kinds: dict[str, _Kind] = {}
        self._sites: dict[str, bool] = {}
        self._mean = 0.0
        self._links = 0.0
        self._scale = 0.0
        rates = _rates(faults.often)
        for kind in faults.by_rate:
            rate = rates[source.below(len(RATES))]
            if rate:
                self._set(kind, rate)
        _PREPARE[strategy](self)
        # What each message asks for; to find it by name takes 1% of a run.
        give = self._kinds.get
        self._delay, self._drop = give("delay"), give("drop")
        self._lossy = [kind for kind in (self._drop, give("duplicate")) if kind]
        self._harmful = [kind for kind in map(give, ("crash", "kill", "pause")) if kind]
        self.for_messages = bool(self._mean or self._delay or self._lossy)
        self.for_handling = bool(self._harmful)

    def _set(self, kind: str, rate: float) -> None:
        """Set how often a kind comes; one that never does costs nothing from then on."""
        if rate:
            gap = self._source.gap(rate)
            self._kinds[kind] = _Kind(kind, rate, gap, self._spec.answers(kind))
        else:
            self._kinds.pop(kind, None)

    # -- the strategies

    def _latency(self) -> None:
        if self._spec.delay:
            self._links = (0.0, 0.15, 0.4)[self._source.below(3)]

    def _walk(self) -> None:
        if self._spec.delay:
            self._mean = self._some_seconds()
            self._set("delay", 0.0)
            self._set("pause", 0.0)

    def _pct(self) -> None:
        if self._spec.delay:
            self._links = 0.6
            self._scale = self._some_seconds()
            self._set("delay", 0.0)
        if self._spec.pause:
            self._set("pause", self._source.below(4) / self._steps)

    def _some_seconds(self) -> float:
        below, seconds = self._source.below, self._seconds
        return seconds[below(len(seconds))][below(17)]

    # -- points

    def _comes(self, kind: _Kind | None, to: str) -> bool:
        """Whether this point is hit; one number is drawn for each hit, not for each point."""
        if kind is None:
            return False
        befalls = kind.answers.get(to)
        if befalls is None:
            befalls = self._spec.hits(kind.name, to)
        if not befalls:
            return False
        if kind.gap:
            kind.gap -= 1
            return False
        kind.gap = self._source.gap(kind.rate)
        if not kind.free:
            if not self._left:
                return False
            self._left -= 1
        return True

    def _may_delay(self, to: str) -> bool:
        """Whether messages to an agent may be late."""
        known = self._delays.get(to)
        return self._spec.hits("delay", to) if known is None else known

    def begin(self, agents: Sequence[str]) -> Sequence[Fault]:
        """Draw partitions and jumps of clocks."""
        cuts, jumps = self._kinds.get("partition"), self._kinds.get("clock_jump")
        if cuts is None and jumps is None:
            return NOTHING
        found: list[Fault] = []
        for agent in agents:
            if self._comes(cuts, agent):
                start = self._moment()
                stop = round(start + self._some_seconds(), 4)
                oneway = self._source.below(3) == 2
                found.append(Partition(((agent,),), start, stop, oneway))
            if self._comes(jumps, agent):
                delta = JUMPS[self._source.below(len(JUMPS))] * (1 - 2 * self._source.below(2))
                found.append(ClockJump(agent, self._moment(), delta))
        return found

    def _moment(self) -> float:
        return self._some_seconds() if self._source.below(3) else 0.0

    def link(self, sender: str, to: str) -> Sequence[Fault]:
        """Make some links slow."""
        if not self._links or not self._may_delay(to):
            return NOTHING
        if self._source.below(100) >= self._links * 100:
            return NOTHING
        if self._scale:
            return (SlowLink(sender, to, round(self._scale * self._source.below(8) / 4, 4)),)
        return (SlowLink(sender, to, self._some_seconds()),)

    def message(self, sender: str, to: str, nth: int, *, spared: bool) -> Sequence[Fault]:
        """Delay, lose or double some messages."""
        found: Sequence[Fault] = NOTHING
        if self._mean:
            if self._may_delay(to):
                found = (_make_delay(to, nth, self._memoryless()),)
        elif self._delay is not None and self._comes(self._delay, to):
            found = (_make_delay(to, nth, self._some_seconds()),)
        if spared:
            return found
        for kind in self._lossy:
            if self._comes(kind, to):
                if kind is self._drop:
                    return (Drop(to, nth),)
                secs = self._some_seconds() if self._source.below(2) else 0.0
                return (*found, Duplicate(to, nth, secs))
        return found

    def _memoryless(self) -> float:
        secs = -self._mean * _LOGS[self._source.below(1000)]
        return self._spec.longest if secs > self._spec.longest else _rounded(secs)

    def handling(self, actor: str, nth: int) -> Sequence[Fault]:
        """Crash, kill or halt some agents."""
        for kind in self._harmful:
            if kind.gap and kind.answers.get(actor):  # as in `_comes`, without its call
                kind.gap -= 1
            elif self._comes(kind, actor):
                return (self._harm(kind.name, actor, nth),)
        return NOTHING

    def _harm(self, kind: str, actor: str, nth: int) -> Fault:
        if kind == "kill":
            return Kill(actor, on=nth)
        if kind == "pause":
            return Pause(actor, nth, self._some_seconds())
        where = ("inside", "before", "after")[self._source.below(3)]
        step = (0, 0, 0, 1, 2, 3)[self._source.below(6)] if where == "inside" else 0
        return Crash(actor, nth, where, step)  # type: ignore[arg-type]

    def site(self, name: str, nth: int) -> Sequence[Fault]:
        """Switch a quarter of the sites on, and let these fire in a quarter of their passes."""
        on = self._sites.get(name)
        if on is None:
            on = self._sites[name] = self._source.below(4) == 3 and self._spec.hits("buggify", name)
        return (Buggify(name, nth),) if on and self._source.below(4) == 3 else NOTHING

    def write(self, store: str, nth: int) -> Sequence[Fault]:
        """Slow, refuse or tear some writes."""
        give = self._kinds.get
        if self._comes(give("slow_store"), store):
            return (SlowStore(store, self._some_seconds(), nth),)
        if self._comes(give("full_store"), store):
            return (FullStore(store, nth),)
        if self._comes(give("torn_write"), store):
            return (TornWrite(store, nth, (0.0, 0.5, 1.0)[self._source.below(3)]),)
        return NOTHING


_PREPARE: dict[str, Callable[[Search], None]] = {
    "latency": Search._latency,
    "walk": Search._walk,
    "pct": Search._pct,
}


class Rng(Search):
    """The search of one seed, with a strategy from the portfolio: 60, 20 and 20 of 100.

    Args:
        seed: The same seed gives the same run of the same program.
        faults: Which kinds may be used, and on what; None for orders and delays only.
        strategy: One of `STRATEGIES`; None takes the seed's.
        steps: About how many messages a run has.
    """

    def __init__(
        self,
        seed: int,
        faults: Faults | None = None,
        *,
        strategy: str | None = None,
        steps: int = STEPS,
    ) -> None:
        self.seed = seed
        chosen = strategy or _PORTFOLIO[seed % len(_PORTFOLIO)]
        super().__init__(Seeded(seed), faults or Faults(), strategy=chosen, steps=steps)


_PORTFOLIO = ("latency", "walk", "latency", "pct", "latency")
