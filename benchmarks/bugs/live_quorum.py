"""A quorum of whoever happens to be there.

Two of three members must approve. The chair asks all three, waits for a
second, and takes the majority of the answers. When one member is away that is
still two of two. When two are away, the majority of the rest is one: the
quorum was computed from the members that live, not from those that are
configured. Two halves of a network would both decide.

The fixed chair needs two approvals, whoever is there.
"""

from __future__ import annotations

from harmonium import (
    Agent,
    AgentDead,
    Ask,
    AskFailed,
    AskTimeout,
    SupervisorSpec,
    child,
    handles,
    message,
    supervisor,
)
from harmonium.testing import Drop, Faults, World

from benchmarks.bugs.bug import Bug

MEMBERS = ("north", "south", "west")


@message
class Propose:
    change: int


@message
class Approve:
    change: int


@message
class Approved:
    member: str


class Chair(Agent):
    def __init__(self, decisions: list[tuple[int, set[str]]], fixed: bool) -> None:
        self.decisions = decisions
        self.fixed = fixed

    @handles
    async def propose(self, proposal: Propose) -> None:
        asked = [self.ask(one, Approve(proposal.change), timeout=1.0) for one in MEMBERS]
        present = {answer.member for answer in [await self.heard(ask) for ask in asked] if answer}
        voters = len(MEMBERS) if self.fixed else len(present)
        if present and len(present) >= voters // 2 + 1:
            self.decisions.append((proposal.change, present))

    async def heard(self, ask: Ask[Approved]) -> Approved | None:
        try:
            return await ask
        except (AskFailed, AskTimeout, AgentDead):
            return None


class Member(Agent):
    @handles
    def approve(self, query: Approve) -> Approved:
        return Approved(self.path)


def build(world: World, *, fixed: bool = False) -> SupervisorSpec:
    members = [child(Member, id=member) for member in MEMBERS]
    chair = child(Chair, world.ledger("decisions"), fixed, id="chair")
    return supervisor("council", max_restarts=100, children=[*members, chair])


def body(world: World) -> None:
    me, decisions = world.probe("me"), world.ledger("decisions")
    for change in (1, 2):
        me.tell("chair", Propose(change))
    world.always(
        lambda: all(len(present) >= 2 for _, present in decisions), "a decision has two approvals"
    )


BUG = Bug(
    name="live quorum",
    build=build,
    body=body,
    violates="a decision has two approvals",
    faults=Faults(crash=MEMBERS, drop=MEMBERS, longest=10.0),
    pin=(Drop("north", nth=1), Drop("south", nth=1)),
)
