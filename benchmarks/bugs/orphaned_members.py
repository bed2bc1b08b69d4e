"""A member of the old crew that nobody knows any more.

A leader keeps a crew of two, all or none: when one is gone it dismisses the
others and hires a new crew. It knows the members that have reported for duty.
A member whose report is still under way when the crew is dismissed is not
dismissed with it; its report comes later, and it works beside the new crew for
ever.

The fixed leader gives each crew a number, and dismisses whoever reports for an
old one.
"""

from __future__ import annotations

from harmonium import (
    TEMPORARY,
    Agent,
    Ref,
    SupervisorSpec,
    Terminated,
    child,
    handles,
    message,
    operate,
    supervisor,
)
from harmonium.testing import Crash, Delay, Faults, World

from benchmarks.bugs.bug import Bug


@message
class Ready:
    member: Ref
    crew: int


@message
class Shift:
    pass


class Leader(Agent):
    def __init__(self, fixed: bool) -> None:
        self.fixed = fixed
        self.crew = 0
        self.members: list[Ref] = []

    def started(self) -> None:
        self.hire()

    def hire(self) -> None:
        self.crew += 1
        self.members = []
        for role in ("cook", "waiter"):
            member = child(Member, self.crew, id=f"{role}-{self.crew}", restart=TEMPORARY)
            assert self.parent is not None
            operate(self.parent).start_child(member)

    @handles
    def ready(self, event: Ready) -> None:
        if self.fixed and event.crew != self.crew:
            self.stop(event.member)
            return
        self.members.append(event.member)
        self.watch(event.member)

    @handles
    def gone(self, event: Terminated) -> None:
        if event.path in {member.path for member in self.members}:
            for member in self.members:
                self.unwatch(member)
                self.stop(member)
            self.hire()


class Member(Agent):
    def __init__(self, crew: int) -> None:
        self.crew = crew

    def started(self) -> None:
        self.tell("leader", Ready(self.ref, self.crew))
        self.schedule(0.5, Shift())

    @handles
    def shift(self, _: Shift) -> None:
        if self.now() < 5.0:
            self.schedule(1.0, Shift())


def build(_: World, *, fixed: bool = False) -> SupervisorSpec:
    return supervisor("restaurant", children=[child(Leader, fixed, id="leader")])


def one_crew(world: World) -> bool:
    members = [path for path in world.tree() if "-" in path]
    return len({path.split("-")[1] for path in members}) < 2


def body(world: World) -> None:
    world.always_quiet(lambda: one_crew(world), "no member of an old crew is left")


BUG = Bug(
    name="orphaned members",
    build=build,
    body=body,
    violates="no member of an old crew is left",
    faults=Faults(crash="*-*", longest=10.0),
    pin=(Delay("leader", nth=2, secs=2.0), Crash("cook-1", on=1)),
)
