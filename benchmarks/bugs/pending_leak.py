"""Questions that nobody answers, kept for ever.

A proxy keeps who has asked until the answer comes. If there is none within a
second it tells the asker so, but leaves the entry where it is. One lost
message costs one entry; after a year of a bad network the proxy runs out of
memory, long after whoever wrote it has gone.

The fixed proxy removes the entry when the time is up.
"""

from __future__ import annotations

from harmonium import Agent, SupervisorSpec, child, handles, message, supervisor
from harmonium.testing import Drop, Faults, World

from benchmarks.bugs.bug import Bug


@message
class Query:
    number: int


@message
class Forward:
    number: int


@message
class Result:
    number: int


@message
class TimeUp:
    number: int


class Proxy(Agent):
    def __init__(self, answers: list[tuple[int, bool]], fixed: bool) -> None:
        self.answers = answers
        self.fixed = fixed
        self.pending: dict[int, bool] = {}

    @handles
    def query(self, query: Query) -> None:
        self.pending[query.number] = True
        self.tell("server", Forward(query.number))
        self.schedule(1.0, TimeUp(query.number))

    @handles
    def result(self, result: Result) -> None:
        if self.pending.pop(result.number, False):
            self.answers.append((result.number, True))

    @handles
    def time_up(self, alarm: TimeUp) -> None:
        if self.pending.get(alarm.number, False):
            self.answers.append((alarm.number, False))
            self.pending[alarm.number] = False
            if self.fixed:
                del self.pending[alarm.number]


class Server(Agent):
    @handles
    def forward(self, query: Forward) -> None:
        self.tell("proxy", Result(query.number))


def build(world: World, *, fixed: bool = False) -> SupervisorSpec:
    proxy = child(Proxy, world.ledger("answers"), fixed, id="proxy")
    return supervisor("edge", children=[child(Server, id="server"), proxy])


def body(world: World) -> None:
    for number in (1, 2, 3):
        world.probe("me").tell("proxy", Query(number))
    world.always_quiet(lambda: not world.agent("proxy").pending, "nothing is pending in the end")


BUG = Bug(
    name="pending leak",
    build=build,
    body=body,
    violates="nothing is pending in the end",
    faults=Faults(drop=True, longest=10.0),
    pin=(Drop("server", nth=1),),
)
