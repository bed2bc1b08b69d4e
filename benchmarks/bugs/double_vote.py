"""A majority of one: ballots are counted instead of voters.

The chair asks three voters and decides as soon as two ballots agree. If too
few have come after a second it asks all of them again, in case the question
was lost. A voter answers each time it is asked, as it should. So when two
voters are slow, the fast one answers twice, and the chair finds its majority
in one voter.

The fixed chair keeps one ballot for each voter.
"""

from __future__ import annotations

from harmonium import Agent, SupervisorSpec, child, handles, message, supervisor
from harmonium.testing import Delay, Faults, World

from benchmarks.bugs.bug import Bug

VOTERS = ("ann", "bob", "cleo")


@message
class Decide:
    pass


@message
class Poll:
    pass


@message
class Ballot:
    voter: str
    approves: bool


@message
class Again:
    pass


class Chair(Agent):
    def __init__(self, verdicts: list[list[str]], fixed: bool) -> None:
        self.verdicts = verdicts
        self.fixed = fixed
        self.ballots: list[Ballot] = []

    @handles
    def decide(self, _: Decide) -> None:
        self.poll()

    @handles
    def again(self, _: Again) -> None:
        if len(self.ballots) < 2:
            self.poll()

    def poll(self) -> None:
        for voter in VOTERS:
            self.tell(voter, Poll())
        self.schedule(1.0, Again())

    @handles
    def ballot(self, ballot: Ballot) -> None:
        if self.verdicts:
            return
        if self.fixed and ballot.voter in {one.voter for one in self.ballots}:
            return
        self.ballots.append(ballot)
        in_favour = [one.voter for one in self.ballots if one.approves]
        if len(in_favour) == 2:
            self.verdicts.append(in_favour)


class Voter(Agent):
    def __init__(self, approves: bool) -> None:
        self.approves = approves

    @handles
    def poll(self, _: Poll) -> None:
        self.tell("chair", Ballot(self.path, self.approves))


def build(world: World, *, fixed: bool = False) -> SupervisorSpec:
    voters = [child(Voter, voter != "cleo", id=voter) for voter in VOTERS]
    chair = child(Chair, world.ledger("verdicts"), fixed, id="chair")
    return supervisor("court", children=[*voters, chair])


def body(world: World) -> None:
    verdicts = world.ledger("verdicts")
    world.probe("me").tell("chair", Decide())
    world.always(
        lambda: all(len(set(voters)) > 1 for voters in verdicts), "a majority has two voters"
    )
    world.eventually(lambda: len(verdicts) == 1, "there is one verdict", within=90.0)


BUG = Bug(
    name="double vote",
    build=build,
    body=body,
    violates="a majority has two voters",
    faults=Faults(longest=10.0),
    pin=(Delay("bob", nth=1, secs=2.0), Delay("cleo", nth=1, secs=2.0)),
)
