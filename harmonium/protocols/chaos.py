"""Chaos plans: which faults befall which agents, when, and on which message.

A plan is data and its decisions are pure. What happens to an agent's n-th
message depends on the plan, its seed, the agent's path and n alone, never on
what other agents do meanwhile: each decision draws from a stream of its own, as
in counter-based generators (Salmon et al., "Parallel random numbers: as easy as
1, 2, 3", 2011). A higher rate keeps every fault of a lower one.
"""

from __future__ import annotations

import hashlib
from typing import Self

import attrs

from harmonium.protocols.chaos_rule import ChaosRule, Draw, Fault, Injection, Where
from harmonium.protocols.chaos_text import read_chaos

__all__ = ["Chaos", "ChaosRule", "Draw", "Fault", "Injection", "Where", "chaos_draw"]

# One message meets at most one of these; the first that hits wins.
_ENDINGS = (Fault.DROP, Fault.KILL, Fault.HANG, Fault.CRASH)
_BESIDES = (Fault.DUPLICATE, Fault.DELAY)


@attrs.frozen(repr=False)
class Chaos:
    """A chaos plan: rules and the seed of their chance.

    Its repr can be pasted back; its text is what ``--chaos`` takes.

    Args:
        rules: What may happen. Of `DROP`, `KILL`, `HANG` and `CRASH` a message
            meets at most one, the first of them that hits.
        seed: Where chance starts. The same seed gives the same faults to an
            agent's n-th message, in whatever order agents run.

    Example:
        >>> plan = Chaos.parse("crash[pay*]=0.05, kill=inventory:20, delay=50ms@10s..20s", seed=7)
        >>> plan
        Chaos.parse('crash[pay*]=0.05,kill[inventory]=20,delay=0.05s@10s..20s', seed=7)
        >>> [each.fault for each in plan.decide("/shop/inventory", nth=20, now=3.0)]
        [Fault.KILL]
    """

    rules: tuple[ChaosRule, ...] = ()
    seed: int = attrs.field(default=0, kw_only=True)

    @classmethod
    def parse(cls, text: str, *, seed: int = 0) -> Self:
        """Read a plan as ``--chaos`` takes it.

        Faults are separated by commas: ``crash=P``, ``hang=P[:SECONDS]``,
        ``delay=SECONDS[:P]``, ``kill=AGENT:N`` (its n-th message) or
        ``kill=AGENT:P``, ``drop=P``, ``duplicate=P``,
        ``slow_store=SECONDS[:P]``, ``seed=N``. A pattern in brackets limits a
        fault to agents (``crash[payment*]=0.1``, see `PathGlob`), and a window
        to a time since the start (``@10s..20s``, ``@10s..``, ``@..20s``).

        Args:
            text: The plan.
            seed: Where chance starts, unless the text has ``seed=N``.

        Raises:
            ConfigError: If a part is unknown or wrong; it names that part, and
                the nearest known name.
        """
        rules, given = read_chaos(text)
        return cls(rules, seed=seed if given is None else given)

    def narrow(self, path: str) -> Chaos:
        """Keep the rules that can befall one agent; falsy when none can."""
        return attrs.evolve(self, rules=tuple(r for r in self.rules if r.agents.matches(path)))

    def decide(
        self, path: str, nth: int, now: float, *, draw: Draw | None = None
    ) -> tuple[Injection, ...]:
        """Decide which faults befall an agent's n-th message.

        Args:
            path: The agent.
            nth: Which message of that path this is, from 1, over restarts.
            now: Seconds since the system started.
            draw: Another source of chance (a simulation's); None for the seed's.

        Returns:
            What to carry out, in this order: duplicate, delay, and then at most
            one of drop, kill, hang and crash. A dropped message meets nothing else.
        """
        rules = [r for r in self.rules if r.is_on(now) and r.agents.matches(path)]
        if not rules:
            return ()
        chance = draw or chaos_draw(self.seed, path, nth)
        ending = _first(rules, _ENDINGS, nth, chance)
        if ending is not None and ending.fault is Fault.DROP:
            return (ending,)
        besides = (_first(rules, (fault,), nth, chance) for fault in _BESIDES)
        return tuple(each for each in (*besides, ending) if each is not None)

    def decide_store(
        self, path: str, nth: int, now: float, *, draw: Draw | None = None
    ) -> Injection | None:
        """Decide how much slower the n-th store operation of an agent is.

        Args:
            path: The agent that uses the store.
            nth: Which store operation of that path this is, from 1.
            now: Seconds since the system started.
            draw: Another source of chance; None for the seed's.
        """
        rules = [r for r in self.rules if r.is_on(now) and r.agents.matches(path)]
        chance = draw or chaos_draw(self.seed, path, nth)
        return _first(rules, (Fault.SLOW_STORE,), nth, chance)

    def __bool__(self) -> bool:
        return bool(self.rules)

    def __str__(self) -> str:
        return ",".join(map(str, self.rules))

    def __repr__(self) -> str:
        if not self.rules:
            return f"Chaos(seed={self.seed})" if self.seed else "Chaos()"
        return f"Chaos.parse({str(self)!r}, seed={self.seed})"


def chaos_draw(seed: int, path: str, nth: int) -> Draw:
    """Make the chance of one decision: a hash of seed, path, number and label."""

    def draw(label: str) -> float:
        text = f"{seed}\0{path}\0{nth}\0{label}"
        digest = hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=8).digest()
        return (int.from_bytes(digest, "big") >> 11) * 2.0**-53

    return draw


def _first(
    rules: list[ChaosRule], faults: tuple[Fault, ...], nth: int, draw: Draw
) -> Injection | None:
    for fault in faults:
        for rule in rules:
            if rule.fault is fault and rule.hits(nth, draw):
                return rule.injection(draw)
    return None
