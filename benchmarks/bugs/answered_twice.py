"""A question that is answered by a person and by the rule.

Questions go to a person, who has five seconds; then a rule decides. The answer
cancels the alarm. But when the alarm rings, nothing cancels the person: an
answer that comes just after the deadline is carried out as well, and a loan is
both refused and granted.

The fixed desk closes a question when it has decided it.
"""

from __future__ import annotations

from harmonium import Agent, SupervisorSpec, child, handles, message, supervisor
from harmonium.actors.timers import Timer
from harmonium.testing import Delay, Faults, World

from benchmarks.bugs.bug import Bug

DEADLINE = 5.0


@message
class Escalate:
    case: int


@message
class Question:
    case: int


@message
class Answer:
    case: int
    granted: bool


@message
class TooLate:
    case: int


class Desk(Agent):
    def __init__(self, outcomes: list[tuple[int, bool]], fixed: bool) -> None:
        self.outcomes = outcomes
        self.fixed = fixed
        self.alarms: dict[int, Timer] = {}

    @handles
    def escalate(self, order: Escalate) -> None:
        self.alarms[order.case] = self.schedule(DEADLINE, TooLate(order.case))
        self.tell("person", Question(order.case))

    @handles
    def answer(self, answer: Answer) -> None:
        alarm = self.alarms.pop(answer.case, None)
        if alarm is not None:
            alarm.cancel()
        elif self.fixed:
            return
        self.outcomes.append((answer.case, answer.granted))

    @handles
    def too_late(self, alarm: TooLate) -> None:
        if self.alarms.pop(alarm.case, None) is not None:
            self.outcomes.append((alarm.case, False))


class Person(Agent):
    @handles
    async def question(self, question: Question) -> None:
        await self.sleep(1.0)
        self.tell("desk", Answer(question.case, True))


def build(world: World, *, fixed: bool = False) -> SupervisorSpec:
    desk = child(Desk, world.ledger("outcomes"), fixed, id="desk")
    return supervisor("bank", children=[child(Person, id="person"), desk])


def body(world: World) -> None:
    outcomes = world.ledger("outcomes")
    for case in (1, 2):
        world.probe("me").tell("desk", Escalate(case))
    world.always(
        lambda: len({case for case, _ in outcomes}) == len(outcomes), "a case has one outcome"
    )
    world.eventually(lambda: len(outcomes) >= 2, "every case has an outcome", within=90.0)


BUG = Bug(
    name="answered twice",
    build=build,
    body=body,
    violates="a case has one outcome",
    faults=Faults(longest=10.0),
    pin=(Delay("person", nth=1, secs=6.0),),
)
