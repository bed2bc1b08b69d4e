"""The runs of `simulate`: each made, judged, counted, reduced where it failed, and told."""

from __future__ import annotations

import asyncio
import json as jsons
import sys
from collections import Counter
from typing import Any

import attrs

from harmonium.cli.application import Application, Job, Summary
from harmonium.protocols.errors import ConfigError
from harmonium.protocols.nearest import did_you_mean
from harmonium.supervisors.spec import SupervisorSpec
from harmonium.testing.calm import calm
from harmonium.testing.choices import Choices
from harmonium.testing.faults import Fault
from harmonium.testing.paste import read_faults
from harmonium.testing.reduce import reduce_faults
from harmonium.testing.replay import Replay
from harmonium.testing.schedule import Outcome, Scene, run_once
from harmonium.testing.spec import Faults
from harmonium.testing.story import story
from harmonium.testing.strategies import Rng
from harmonium.testing.violation import PropertyViolated
from harmonium.testing.world import World

__all__ = ["Runs", "read_spec"]

MOST = 300
"""Most faults in one run, beside delays: a long run then still comes to its end."""
LONGEST = 10.0
"""The longest delay, in virtual seconds."""
OFTEN = 0.08
"""The highest rate of a kind of fault: a job that only ever waits proves nothing."""
MOST_SHOWN = 20
"""How many faults are named of a run that failed."""
REDUCING = 120
"""Most runs that are spent on reducing the faults of a run that failed."""


def read_spec(text: str) -> tuple[Faults, tuple[Fault, ...] | None]:
    """Read ``--faults``: which kinds a search may use, or exactly these faults.

    Raises:
        ConfigError: If a kind is unknown; it names the nearest known one.

    Example:
        >>> read_spec("crash,kill=inventory")[0].kill
        ('inventory',)
    """
    if "(" in text:
        return Faults(), read_faults(text)
    known = [f.name for f in attrs.fields(Faults) if f.default in (True, False) and f.init]
    kinds: dict[str, Any] = {"delay": False, "pause": False, "buggify": False}
    for part in filter(None, (one.strip() for one in text.split(","))):
        if part == "none":
            continue
        kind, _, pattern = part.partition("=")
        if kind not in known:
            raise ConfigError(
                "--faults", f"{kind!r} is no kind of fault", did_you_mean(kind, known)
            )
        before = kinds.get(kind)
        patterns = (*(before if isinstance(before, tuple) else ()), pattern)
        kinds[kind] = patterns if pattern else True
    return Faults(**kinds, max=MOST, longest=LONGEST, often=OFTEN), None


class Runs:
    """The runs of one call."""

    def __init__(
        self,
        application: Application[Any, Any],
        settings: Any,
        data: Any,
        spec: Faults,
        fixed: tuple[Fault, ...] | None,
        duration: float,
    ) -> None:
        self._application = application
        self._settings = settings
        self._data = data
        self._spec = spec
        self._fixed = fixed
        self._duration = duration
        self._summary: Summary | None = None
        self.runs = 0
        self.deliveries = 0
        self.virtual = 0.0
        self.restarts = 0
        self.injected: Counter[str] = Counter()
        self.failures: list[dict[str, Any]] = []

    def all(self, seeds: range) -> bool:
        """Run each seed; True if one failed. The first failures are reduced and told."""
        with calm() as pace:
            for seed in seeds:
                outcome = run_once(self._scene(), self._choices(seed))
                self._count(outcome)
                if outcome.failed:
                    self._fail(seed, outcome)
                outcome.world.drop()
                pace.step(outcome.deliveries)
        return bool(self.failures)

    def _choices(self, seed: int) -> Choices:
        if self._fixed is not None:
            return Replay(self._fixed)
        return Rng(seed, self._spec, strategy="latency")

    def _scene(self) -> Scene:
        return Scene(
            self._build,
            self._body,
            horizon=0.0,
            settle=3600.0 if self._application.work else 0.0,
            max_deliveries=100_000_000,
        )

    def _build(self, world: World) -> SupervisorSpec:
        """Make the tree; what the application declares of its system holds in the world too."""
        options = self._application.options
        if options.store is not None:
            world.store()  # on a simulated disk: a simulation must not touch the real one
        if options.dead_letters is not None:
            world.ground.dead_letters.limits = options.dead_letters
        return self._application.build(self._settings)

    async def _body(self, world: World) -> None:
        ground = world.ground
        if self._application.options.topics is not None:
            ground.topics.durable.keep(self._application.options.topics)
        timer = ground.after(self._duration, world.heal)
        if self._application.work is None:
            await asyncio.sleep(self._duration)
        else:
            await self._work(world)
        timer.cancel()
        world.always_quiet(lambda: world.ground.account().balanced, "every message has its fate")
        if world.system.failure is not None:
            raise PropertyViolated("the tree gave up", str(world.system.failure), world.now)

    async def _work(self, world: World) -> None:
        complaints: list[str] = []
        job: Job[Any] = Job(world.system, self._settings, None, lambda *_: None, complaints.append)
        assert self._application.work is not None  # noqa: S101 - for the type checker
        summary = await self._application.work(job, self._data)
        self._summary = self._summary or summary
        if summary.broken:
            raise PropertyViolated("the job's own checks", "; ".join(summary.broken), world.now)

    def _count(self, outcome: Outcome) -> None:
        self.runs += 1
        self.deliveries += outcome.deliveries
        self.virtual += outcome.seconds
        self.restarts += outcome.world.system.restarts
        self.injected.update(type(fault).__name__ for fault in outcome.faults)

    def _fail(self, seed: int, outcome: Outcome) -> None:
        violation = outcome.violation
        faults = outcome.faults
        lines: list[str] = []
        if not self.failures:
            reduced = reduce_faults(self._scene(), outcome, self._spec, limit=REDUCING)
            faults = reduced.faults
            lines = story(reduced.outcome.world.trace)
        text = f"{type(violation).__name__}: {violation}"
        shown = ", ".join(map(repr, faults[:MOST_SHOWN]))
        if len(faults) > MOST_SHOWN:
            shown += f", and {len(faults) - MOST_SHOWN:,} more: run seed {seed} again"
        self.failures.append({"seed": seed, "violation": text, "faults": shown})
        sys.stderr.write("\n".join([f"seed {seed}: {text}", f"  faults: {shown}", *lines]) + "\n")

    def tell(self, seconds: float, *, as_json: bool) -> None:
        """Print what came of it."""
        data = {
            "system": self._application.name,
            "runs": self.runs,
            "failed": len(self.failures),
            "deliveries": self.deliveries,
            "virtual_seconds": round(self.virtual, 3),
            "restarts": self.restarts,
            "faults": dict(sorted(self.injected.items())),
            "failures": self.failures,
            "seconds": round(seconds, 3),
        }
        if as_json:
            sys.stdout.write(jsons.dumps(data, ensure_ascii=False) + "\n")
            return
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(self.injected.items()))
        sys.stderr.write(
            f"{self.runs} runs of {data['system']}, {len(self.failures)} failed; "
            f"{self.deliveries} messages, {self.virtual:.0f} virtual seconds, "
            f"{self.restarts} restarts in {seconds:.1f} s; faults: {kinds or 'none'}\n"
        )
