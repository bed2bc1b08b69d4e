"""A ballot of the first round is counted in the second.

The chair holds one round after the other. Each has a deadline of a second;
who has not voted by then abstains. A ballot carries the number of its round,
but the chair does not look at it: whatever comes in is a ballot of the round
that is open. A voter whose first ballot is late is counted in the next round
for something that it was never asked there.

The fixed chair drops ballots of other rounds.
"""

from __future__ import annotations

from harmonium import Agent, SupervisorSpec, child, handles, message, supervisor
from harmonium.testing import Delay, Faults, World

from benchmarks.bugs.bug import Bug

VOTERS = ("ann", "bob", "cleo")
ROUNDS = 3


@message
class Open:
    round: int


@message
class Poll:
    round: int


@message
class Ballot:
    round: int
    approves: bool


@message
class Close:
    pass


class Chair(Agent):
    def __init__(self, verdicts: list[tuple[int, list[Ballot]]], fixed: bool) -> None:
        self.verdicts = verdicts
        self.fixed = fixed
        self.round = 0
        self.ballots: list[Ballot] = []

    @handles
    def open(self, order: Open) -> None:
        self.round = order.round
        self.ballots = []
        for voter in VOTERS:
            self.tell(voter, Poll(order.round))
        self.schedule(1.0, Close())

    @handles
    def ballot(self, ballot: Ballot) -> None:
        if not self.fixed or ballot.round == self.round:
            self.ballots.append(ballot)

    @handles
    def close(self, _: Close) -> None:
        self.verdicts.append((self.round, self.ballots))
        if self.round < ROUNDS:
            self.tell(self.ref, Open(self.round + 1))


class Voter(Agent):
    @handles
    def poll(self, poll: Poll) -> None:
        self.tell("chair", Ballot(poll.round, poll.round % 2 == 0))


def build(world: World, *, fixed: bool = False) -> SupervisorSpec:
    voters = [child(Voter, id=voter) for voter in VOTERS]
    chair = child(Chair, world.ledger("verdicts"), fixed, id="chair")
    return supervisor("court", children=[*voters, chair])


def body(world: World) -> None:
    verdicts = world.ledger("verdicts")
    world.probe("me").tell("chair", Open(1))
    world.always(
        lambda: all(one.round == number for number, ballots in verdicts for one in ballots),
        "a verdict rests on the ballots of its round",
    )
    world.eventually(lambda: len(verdicts) == ROUNDS, "every round has a verdict", within=300.0)


BUG = Bug(
    name="late vote",
    build=build,
    body=body,
    violates="a verdict rests on the ballots of its round",
    faults=Faults(longest=10.0),
    pin=(Delay("chair", nth=3, secs=1.5),),
)
