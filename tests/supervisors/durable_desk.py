"""A coordinator with three steps on a store, among agents that say what they were asked."""

from __future__ import annotations

from typing import Any

import attrs

from harmonium.actors.agent import Agent
from harmonium.actors.handlers import handles
from harmonium.actors.simulated import SimulatedGround
from harmonium.actors.store.memory import MemoryStore
from harmonium.protocols.message import message
from harmonium.protocols.pipeline.spec import Pipeline, Step
from harmonium.supervisors.coordinator import Coordinator, coordinator
from harmonium.supervisors.durable_layout import Keep
from harmonium.supervisors.spec import child, supervisor
from harmonium.supervisors.system import System


@message
class Go:
    n: int


@message
class Back:
    n: int


@message
class Said:
    n: int


@attrs.define
class Asked:
    """What the agents were asked, and how they are to behave."""

    by: list[tuple[str, int, str]] = attrs.field(factory=list)
    silent: set[str] = attrs.field(factory=set)
    broken: set[str] = attrs.field(factory=set)
    odd: set[str] = attrs.field(factory=set)

    def steps(self) -> list[str]:
        """Who was asked, in order."""
        return [name for name, _, _ in self.by]


class Worker(Agent):
    """Adds one; or says nothing, crashes, answers oddly."""

    def __init__(self, name: str, asked: Asked) -> None:
        self._name, self._asked = name, asked

    @handles(reentrant=True)
    async def go(self, go: Go) -> Said:
        self._asked.by.append((self._name, go.n, self._cell.more.key or ""))
        if self._name in self._asked.broken:
            raise ValueError(f"{self._name} is broken")
        if self._name in self._asked.odd:
            return object()  # type: ignore[return-value]
        if self._name in self._asked.silent:
            await self.sleep(1e6)
        return Said(go.n + 1)

    @handles
    async def back(self, back: Back) -> None:
        name = f"{self._name}!undo"
        self._asked.by.append((name, back.n, self._cell.more.key or ""))
        if name in self._asked.broken:
            raise ValueError(f"{name} is broken")
        if name in self._asked.silent:
            await self.sleep(1e6)


def pipeline(**options: Any) -> Pipeline[Any, Any]:
    """Three steps in sequence; the first two can be undone."""
    steps = [
        Step("a", to="a", timeout=1e5, undo=lambda c: Back(c["a"].n)),
        Step(
            "b",
            to="b",
            after=["a"],
            timeout=1e5,
            send=lambda c: Go(c["a"].n),
            undo=lambda c: Back(c["b"].n),
        ),
        Step("c", to="c", after=["b"], timeout=1e5, send=lambda c: Go(c["b"].n)),
    ]
    return Pipeline(Go, steps, result=lambda c: c["c"], name="work", **options)


class Desk:
    """Systems one after the other on one store, each on a ground of its own.

    Args:
        store: The store; a memory store with the clock `time` if not given.
        keep: How much of what is over stays.
        options: For the pipeline.
    """

    def __init__(self, store: Any = None, *, keep: Keep | None = None, **options: Any) -> None:
        self.time = 1_000_000.0
        self.store = store if store is not None else MemoryStore(lambda: self.time)
        self.asked = Asked()
        self.keep = keep
        self.options = options

    def tree(self) -> Any:
        """The coordinator stands first, so that its agents are not there when it starts."""
        workers = [child(Worker, name, self.asked, id=name) for name in "abc"]
        return supervisor(
            "top",
            max_restarts=5,
            within=5.0,
            children=[coordinator(pipeline(**self.options), id="work", keep=self.keep), *workers],
        )

    def play(self, main: Any) -> Any:
        """Run ``main(system)`` on a new ground, and stop the system."""
        ground = SimulatedGround()

        async def all_of_it() -> Any:
            async with System(self.tree(), ground=ground, store=self.store) as system:
                return await main(system)

        return ground.play(all_of_it())

    def streams(self) -> list[str]:
        """The streams of requests that are under way."""
        return [one.name for one in self.store.streams.streams("requests").result()]


def agent_of(system: System) -> Coordinator:
    """The coordinator's present incarnation."""
    found = system.ref("work")._cell.agent
    assert isinstance(found, Coordinator)
    return found
