"""Escalation: one rung after the other, a deadline on each, the first valid answer wins."""

from __future__ import annotations

from typing import Any

from harmonium.protocols.decision_log import Kind
from harmonium.protocols.fallback import Escalate, Retry, Use
from harmonium.protocols.ladder import AgentRung, Ladder, PersonRung, RuleRung
from harmonium.protocols.pipeline import effects as ef
from harmonium.protocols.pipeline import events as ev
from harmonium.protocols.pipeline.spec import Step
from tests.protocols.pipeline.desk import TIMEOUT, Desk
from tests.protocols.pipeline.world import Done, Order, Work

LADDER = Ladder(
    AgentRung("lead", timeout=2.0),
    PersonRung("ann", lambda c: f"approve {c.request.id}?", options=("yes", "no"), timeout=60.0),
    RuleRung(lambda c: "no", name="when in doubt, no"),
)


def _climbing(ladder: Ladder = LADDER, **options: Any) -> Desk:
    step = Step("a", to="x", send=Work, fallback=[Escalate(ladder), Use("unanswered")])
    return Desk(step, **options).fail("a")


def test_the_higher_agent_gets_what_the_step_sent() -> None:
    """The first rung asks with the step's own message, its own timeout and its own key."""
    desk = _climbing()
    (send,) = desk.just(ef.Send)
    assert send == ef.Send("a", 2, "lead", Work(Order()), 2.0, "r1:a:rung1")
    assert desk.reply("a", Done("fine"), attempt=2).result == {"a": Done("fine")}
    assert desk.said(Kind.RESOLVED)[0].who == "lead"


def test_then_a_person_is_asked_and_then_the_rule_decides() -> None:
    """A rung that fails, or whose deadline passes, hands over to the next."""
    desk = _climbing().fail("a", attempt=2, at=1.0)
    timer, question = desk.just()
    assert timer == ef.SetTimer("a#3:rung", 61.0)
    assert question == ef.AskPerson(
        "a", 3, "ann", "approve o1?", ("yes", "no"), 61.0, "r1:a:rung2", Work(Order())
    )
    desk.fire("rung")
    assert desk.just(ef.CancelStep) == [ef.CancelStep("a", 3)]
    assert desk.result == {"a": "no"}
    assert desk.said(Kind.RESOLVED)[-1].rule == "rung 3 of 3 (when in doubt, no)"


def test_a_late_answer_is_recorded_and_refused() -> None:
    """An answer after the rung's deadline, or after another one, does not count."""
    desk = _climbing()
    desk.fail("a", attempt=2)(ev.Replied("a", 2, Done("late"), "lead"))
    desk(ev.Answered("a", 3, "yes", "ann"))(ev.Answered("a", 3, "no", "ben"))
    assert desk.result == {"a": "yes"}
    refused = [(entry.who, entry.what, entry.why) for entry in desk.said(Kind.REFUSED)]
    assert refused == [
        ("lead", Done("late"), "late: attempt 2 is over"),
        ("ben", "no", "a second answer to attempt 3"),
    ]


def test_an_answer_that_is_no_option_leaves_the_question_open() -> None:
    """A person may answer again until the deadline."""
    desk = _climbing().fail("a", attempt=2)
    desk(ev.Answered("a", 3, "maybe", "ann"))
    assert desk.just() == []
    assert desk.said(Kind.REFUSED)[0].why == "not valid: 'maybe' is none of yes, no"
    assert desk(ev.Answered("a", 3, "no", "ann")).result == {"a": "no"}


def test_an_answer_is_read_before_it_counts() -> None:
    """`read` makes the value, and refuses by raising: a person may try again."""
    desk = _climbing(Ladder(PersonRung("ann", "how many?", read=int)))
    desk(ev.Answered("a", 2, "some", "ann"))(ev.Answered("a", 2, "12", "ann"))
    assert desk.result == {"a": 12}
    assert "invalid literal" in desk.said(Kind.REFUSED)[0].why


def test_an_agent_with_a_wrong_answer_has_had_its_turn() -> None:
    """A reply of a type that the rung does not expect hands over to the next rung."""
    ladder = Ladder(AgentRung("lead", expect="Done"), RuleRung("rule"))
    assert _climbing(ladder).reply("a", Work("?"), attempt=2).result == {"a": "rule"}


def test_a_ladder_without_an_answer_is_the_next_failure() -> None:
    """When no rung is left the rules behind `Escalate` decide."""
    desk = _climbing(Ladder(AgentRung("lead"))).fail("a", attempt=2)
    assert desk.result == {"a": "unanswered"}
    assert desk.said(Kind.FAILED)[-1].what == "NoAnswer"


def test_a_rung_that_cannot_be_asked_is_passed_over() -> None:
    """When a rung's callable raises the next rung is asked."""
    ladder = Ladder(
        AgentRung("lead", send=lambda c: 1 / 0),
        PersonRung("ann", lambda c: 1 / 0),  # type: ignore[arg-type, return-value]
        RuleRung(lambda c: 1 / 0),
        RuleRung("last"),
    )
    assert _climbing(ladder).result == {"a": "last"}


def test_at_the_deadline_only_rules_have_an_answer() -> None:
    """The request's deadline ends the rung and goes up to the first rule at once."""
    desk = _climbing(deadline=1.5)
    assert [send.timeout for send in desk.just(ef.Send)] == [1.5]
    assert desk.fire("deadline").result == {"a": "no"}
    assert desk.sent(ef.AskPerson) == []


def test_a_step_may_be_a_person() -> None:
    """A person step asks at once; what it is about goes with the question."""
    desk = Desk(Step("ok", person=PersonRung("ann", "ok?", timeout=5.0), send=lambda c: Work("w")))
    (question,) = desk.just(ef.AskPerson)
    assert (question.who, question.about, question.deadline) == ("ann", Work("w"), 5.0)
    assert desk(ev.Answered("ok", 1, "yes", "ann")).result == {"ok": "yes"}


def test_a_person_step_falls_back_like_any_other() -> None:
    """Nobody answered: the step's rules decide, and a retry climbs the ladder again."""
    step = Step("ok", person=PersonRung("ann", timeout=5.0), fallback=[Retry(1), Use("no")])
    desk = Desk(step).fire("rung")
    assert [question.attempt for question in desk.just(ef.AskPerson)] == [2]
    assert desk.fire("rung").result == {"ok": "no"}


def test_a_restored_question_keeps_its_key() -> None:
    """After a crash the question is put again with its key and deadline; it is there already."""
    desk = Desk(Step("ok", person=PersonRung("ann", "ok?", timeout=5.0)))
    asked = desk.just(ef.SetTimer, ef.AskPerson)
    assert desk(ev.RestoredFromLog(), at=3.0).just() == asked


def test_a_failure_of_the_question_itself_goes_up() -> None:
    """When the question cannot be put (an inbox that is down) the next rung is asked."""
    ladder = Ladder(PersonRung("ann"), RuleRung("rule"))
    desk = _climbing(ladder)(ev.Failed("a", 2, TIMEOUT))
    assert desk.result == {"a": "rule"}
    assert desk.just(ef.CancelTimer) == [ef.CancelTimer("a#2:rung")]
