"""Questions to people, on every ground: who is asked, whose answer counts, what survives."""

from __future__ import annotations

import asyncio

import pytest

from harmonium.actors.agent import Agent
from harmonium.actors.handlers import handles
from harmonium.protocols.decision_log import Kind
from harmonium.protocols.errors import AskFailed
from harmonium.protocols.fallback import Escalate, Use
from harmonium.protocols.ladder import AgentRung, Ladder, PersonRung, RuleRung
from harmonium.protocols.lifecycle import Phase
from harmonium.protocols.message import message
from harmonium.protocols.pipeline.spec import Pipeline, Step
from harmonium.protocols.question import Standing
from harmonium.supervisors.coordinator import coordinator
from harmonium.supervisors.inbox import inbox
from harmonium.supervisors.inbox_messages import Outcome
from harmonium.supervisors.spec import child, supervisor


@message
class Pay:
    amount: int


@message
class Decision:
    approve: bool
    most: int


@message
class Paid:
    text: str


class Clerk(Agent):
    """Leaves everything to somebody else."""

    @handles
    def pay(self, pay: Pay) -> Paid:
        raise ValueError("too much for me")


def _yes(answer: str) -> str:
    if answer.startswith("maybe"):
        raise ValueError("say yes or no")
    return answer


ANN = PersonRung("people", lambda c: f"pay {c.request.amount}?", options=("yes", "no"))


def office(*rungs, ladder=None, **options):
    """A pipeline that asks its ladder, and an inbox."""
    step = Step("ok", to="clerk", fallback=[Escalate(ladder or Ladder(*(rungs or (ANN,))))])
    pipeline = Pipeline(Pay, [step], name="pay", result=lambda c: Paid(str(c["ok"])), **options)
    agents = [child(Clerk, id="clerk"), inbox("people"), coordinator(pipeline)]
    return supervisor("office", children=agents, max_restarts=1000, within=5.0)


async def waiting(system, count=1):
    """Give the questions once so many are there."""
    while len(found := await system.inbox("people").list()) != count:  # noqa: ASYNC110
        await asyncio.sleep(0.001)
    return found


def kinds(system):
    return [one.kind for one in system.ref("pay")._cell.agent.decisions]


def test_a_person_decides(play):
    """The question has all that it takes to decide; the answer is the step's result."""

    async def scenario(system):
        answer = system.ask("pay", Pay(7), timeout=15.0, correlation_id="claim-7")
        (question,) = await waiting(system)
        assert (question.text, question.options) == ("pay 7?", ("yes", "no"))
        assert (question.correlation_id, question.step) == ("claim-7", "ok")
        assert '"amount":7' in question.about
        assert 0 < question.deadline - question.asked_at <= 15.0
        assert (await system.inbox("people").answer(question.id, "yes", by="ann")).ok
        assert await answer == Paid("yes")
        assert len(await system.inbox("people").list()) == 0
        (shown,) = await system.inbox("people").show(question.id[:6])
        assert (shown.standing, shown.by, shown.answer) == (Standing.TAKEN, "ann", "yes")

    play(office(), scenario)


def test_an_answer_that_is_not_valid_is_refused_and_the_question_stays(play):
    """The person is told why, and may say another."""

    async def scenario(system):
        answer = system.ask("pay", Pay(7), timeout=15.0)
        (question,) = await waiting(system)
        refused = await system.inbox("people").answer(question.id, "perhaps")
        assert (refused.outcome, refused.why) == (Outcome.REFUSED, "'perhaps' is none of yes, no")
        assert (await system.inbox("people").answer(question.id, "no")).ok
        assert await answer == Paid("no")

    play(office(), scenario)


def test_the_pipelines_own_reader_may_refuse(play):
    """`read` raises: refused, on record, and open for another answer."""

    async def scenario(system):
        answer = system.ask("pay", Pay(7), timeout=15.0)
        (question,) = await waiting(system)
        refused = await system.inbox("people").answer(question.id, "maybe not")
        assert refused.why == "say yes or no"
        (question,) = await waiting(system)
        assert question.why == "say yes or no"
        await system.inbox("people").answer(question.id, "fine")
        assert await answer == Paid("fine")
        assert kinds(system).count(Kind.REFUSED) == 1

    play(office(PersonRung("people", "pay?", read=_yes)), scenario)


def test_a_typed_answer_is_read_from_json(play):
    """A message class is expected: what does not fit is refused with its place."""

    async def scenario(system):
        calls = system.inbox("people")
        answer = system.ask("pay", Pay(7), timeout=15.0)
        (question,) = await waiting(system)
        assert '"approve"' in question.expects
        why = (await calls.answer(question.id, '{"approve": "yes", "most": 3}')).why
        assert why == "$.approve: bool expected, not str"
        assert (await calls.answer(question.id, "yes")).why.startswith("it is no JSON")
        assert (await calls.answer(question.id, Decision(approve=True, most=3))).ok
        assert await answer == Paid("Decision(approve=True, most=3)")

    play(office(PersonRung("people", "pay?", expect=Decision)), scenario)


def test_the_first_valid_answer_wins_and_a_second_is_refused(play):
    """It is told that it is late, and it is on record."""

    async def scenario(system):
        calls = system.inbox("people")
        answer = system.ask("pay", Pay(7), timeout=15.0)
        (question,) = await waiting(system)
        first, second = calls.answer(question.id, "yes", by="ann"), calls.answer(question.id, "no")
        assert (await first).outcome is Outcome.TAKEN
        assert (await second).why == "late: ann has answered"
        assert await answer == Paid("yes")
        assert kinds(system).count(Kind.REFUSED) == 1

    play(office(), scenario)


def test_a_deadline_on_each_rung_and_a_late_answer_is_recorded_and_refused(play):
    """The lead does not answer, nor does the person in time: the rule decides."""
    ladder = Ladder(
        AgentRung("clerk", timeout=0.1),
        PersonRung("people", "pay?", timeout=0.05),
        RuleRung("the rule"),
    )

    async def scenario(system):
        answer = system.ask("pay", Pay(7), timeout=15.0)
        (question,) = await waiting(system)
        assert await answer == Paid("the rule")
        late = await system.inbox("people").answer(question.id, "yes", by="ann")
        assert late.outcome is Outcome.REFUSED
        assert late.why.startswith("late: ")
        last = system.ref("pay")._cell.agent.decisions[-1]
        assert (last.kind, last.who, last.what) == (Kind.REFUSED, "ann", "yes")
        assert last.why.startswith("late")

    play(office(ladder=ladder), scenario)


def test_who_declines_lets_the_next_rung_answer_at_once(play):
    """No deadline is waited for."""

    async def scenario(system):
        answer = system.ask("pay", Pay(7), timeout=15.0)
        (question,) = await waiting(system)
        assert (await system.inbox("people").refuse(question.id, "not my job", by="ann")).ok
        assert await answer == Paid("the rule")

    ladder = Ladder(PersonRung("people", "pay?", timeout=600.0), RuleRung("the rule"))
    play(office(ladder=ladder), scenario)


def test_a_person_without_an_inbox_is_passed_over(play):
    """The rung fails at once; so does one whose address is no inbox."""

    async def scenario(system):
        assert await system.ask("pay", Pay(7), timeout=15.0) == Paid("the rule")

    ladder = Ladder(PersonRung("nobody", "?"), PersonRung("clerk", "?"), RuleRung("the rule"))
    play(office(ladder=ladder), scenario)


def test_a_question_of_a_request_that_is_over_is_withdrawn(play):
    """The request ends at its deadline; the question is closed and an answer is late."""

    async def scenario(system):
        answer = system.ask("pay", Pay(7), timeout=15.0)
        (question,) = await waiting(system)
        with pytest.raises(AskFailed):
            await answer
        await waiting(system, 0)
        late = await system.inbox("people").answer(question.id, "yes")
        assert late.why.startswith("late: ")

    play(office(within=0.1), scenario)


def test_questions_survive_a_crash_of_the_inbox(play, until):
    """They lie beside the agent: the next incarnation has them, and an answer counts."""

    async def scenario(system):
        answer = system.ask("pay", Pay(7), timeout=15.0)
        (question,) = await waiting(system)
        crash(system)
        await until(lambda: system.ref("people")._cell.incarnation == 2)
        (again,) = await waiting(system)
        assert again == question
        assert (await system.inbox("people").answer(question.id, "yes")).ok
        assert await answer == Paid("yes")

    play(office(), scenario)


def crash(system):
    """Have the inbox fail as chaos would."""

    def now(ground):
        cell = system.ref("people")._cell
        ground.signal(cell, ground.crashed, cell, ValueError("boom"), Phase.HANDLER, None)

    system.call(now)


def test_an_unknown_question_is_refused(play):
    """With its name in the reason."""

    async def scenario(system):
        assert (await system.inbox("people").answer("beef", "yes")).why == (
            "no question 'beef' waits here"
        )
        assert len(await system.inbox("people").show("beef")) == 0

    play(office(), scenario)


def test_many_people_are_asked_at_once(play):
    """Each request has a question of its own, listed in the order in which they came."""

    async def scenario(system):
        calls = system.inbox("people")
        answers = [system.ask("pay", Pay(n), timeout=15.0) for n in range(20)]
        questions = await waiting(system, 20)
        assert len({one.id for one in questions}) == 20
        for one in questions:
            even = int(one.text.split()[1].rstrip("?")) % 2 == 0
            await calls.answer(one.id, "yes" if even else "no")
        texts = [(await one).text for one in answers]
        assert texts == ["yes", "no"] * 10

    play(office(), scenario)


def test_an_undo_that_fails_is_escalated_to_a_person(play):
    """`undo_fallback` may end with a person, whose word settles it."""
    undo = [Escalate(Ladder(PersonRung("people", "undo it by hand", options=("done",))))]
    steps = [
        Step("a", to="people_clerk", undo=lambda c: Pay(0), undo_to="clerk", undo_fallback=undo),
        Step("b", to="clerk", after=["a"]),
    ]

    class Good(Agent):
        @handles
        def pay(self, pay: Pay) -> Paid:
            return Paid("ok")

    pipeline = Pipeline(Pay, steps, name="pay", result=lambda c: c["a"])
    agents = [child(Clerk, id="clerk"), child(Good, id="people_clerk"), inbox("people")]
    tree = supervisor(
        "office", children=[*agents, coordinator(pipeline)], max_restarts=1000, within=5.0
    )

    async def scenario(system):
        answer = system.ask("pay", Pay(7), timeout=15.0)
        (question,) = await waiting(system)
        assert (await system.inbox("people").answer(question.id, "done")).ok
        with pytest.raises(AskFailed, match="too much for me"):
            await answer
        assert Kind.UNDONE in kinds(system)

    play(tree, scenario)


def test_a_value_takes_the_place_of_an_answer_that_nobody_gives(play):
    """A ladder without a last word fails, and the next rule of the step decides."""
    step = Step("ok", person=PersonRung("people", "?", timeout=0.02), fallback=[Use("nobody")])
    pipeline = Pipeline(Pay, [step], name="pay", result=lambda c: Paid(c["ok"]))
    tree = supervisor("office", children=[inbox("people"), coordinator(pipeline)])

    async def scenario(system):
        assert await system.ask("pay", Pay(7)) == Paid("nobody")

    play(tree, scenario)
