"""An edit that has nothing to do with a bug: one more agent, with four messages and a timer.

A pin that counts steps, or a seed, would mean something else afterwards; one
that names what it befalls must not.
"""

from __future__ import annotations

from collections.abc import Callable

import attrs

from harmonium import Agent, SupervisorSpec, child, handles, message
from harmonium.testing import World

__all__ = ["with_bystander"]


@message
class Note:
    number: int


@message
class Tick:
    pass


class Bystander(Agent):
    def started(self) -> None:
        self.notes = 0
        for number in range(4):
            self.tell(self.ref, Note(number))
        self.schedule(0.5, Tick())

    @handles
    def note(self, _: Note) -> None:
        self.notes += 1

    @handles
    def tick(self, _: Tick) -> None:
        self.notes = 0


def with_bystander(build: Callable[..., SupervisorSpec]) -> Callable[[World], SupervisorSpec]:
    """Add the bystander, as the first child, to what a function builds."""

    def edited(world: World) -> SupervisorSpec:
        spec = build(world)
        return attrs.evolve(spec, children=(child(Bystander, id="bystander"), *spec.children))

    return edited
