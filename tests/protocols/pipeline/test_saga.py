"""Undoing: what, in which order, with which key, and what happens when it fails."""

from __future__ import annotations

from typing import Any

import pytest

from harmonium.protocols.decision_log import Kind
from harmonium.protocols.errors import CompensationFailed
from harmonium.protocols.fallback import Escalate, Retry, Skip, To, Use
from harmonium.protocols.ladder import AgentRung, Ladder, PersonRung
from harmonium.protocols.pipeline import effects as ef
from harmonium.protocols.pipeline import events as ev
from harmonium.protocols.pipeline.spec import Step
from harmonium.protocols.pipeline.state import Phase
from tests.protocols.pipeline.desk import FULL, TIMEOUT, Desk
from tests.protocols.pipeline.world import Done, Work


def _failed(*steps: Step[Any], last: Any = None, **options: Any) -> Desk:
    """Give a desk whose last step has failed after the others finished in their order."""
    names = [step.name for step in steps]
    end = Step("end", to="end", after=names, **(last or {}))
    desk = Desk(*steps, end, **options)
    for name in names:
        desk.reply(name)
    return desk.fail("end")


def test_finished_steps_are_undone_one_by_one_the_latest_first() -> None:
    """An undo goes out when the one before is confirmed, in reverse order of completion."""
    desk = Desk(
        *(Step(name, to=f"agent-{name}", undo=lambda c: Work(c.result.text)) for name in "abc"),
        Step("end", to="x", after=["a", "b", "c"]),
    )
    desk.reply("b").reply("c").reply("a").fail("end")
    assert desk.just(ef.Undo) == [ef.Undo("a", 1, "agent-a", Work("a"), 5.0, "r1:a:undo")]
    assert desk.undone("a").steps(ef.Undo) == ["c"]
    assert desk.undone("c").steps(ef.Undo) == ["b"]
    assert desk.sent(ef.FailRequest) == []
    assert desk.undone("b").failure.undone == ("a", "c", "b")
    assert desk.state.phase is Phase.FAILED


def test_steps_without_undo_and_skipped_steps_are_left() -> None:
    """Only what an agent did can be undone: no undo, no reply, nothing to undo."""
    desk = Desk(
        Step("plain", to="x"),
        Step("off", to="x", when=lambda c: False, undo=Work),
        Step("used", to="x", fallback=Use(Done("guess")), undo=Work),
        Step("done", to="x", undo=Work),
        Step("end", to="x", after=["plain", "off", "used", "done"]),
    )
    desk.reply("plain").reply("done").fail("used").fail("end").undone("done")
    assert desk.failure.undone == ("done",)


def test_an_undo_goes_to_the_agent_that_did_the_step() -> None:
    """After `To` it is the other agent's to undo; `undo_to` says otherwise."""
    desk = Desk(
        Step("a", to="x", fallback=To("backup"), undo=Work),
        Step("b", to="x", undo=Work, undo_to="clerk"),
        Step("end", to="x", after=["a", "b"]),
    )
    desk.fail("a").reply("a", attempt=2).reply("b").fail("end")
    assert [undo.to for undo in desk.just(ef.Undo)] == ["clerk"]
    assert [undo.to for undo in desk.undone("b").just(ef.Undo)] == ["backup"]


def test_a_step_in_flight_with_an_undo_is_waited_for() -> None:
    """It may be done all the same: if it is, it is undone first, being the latest."""
    desk = Desk(
        Step("a", to="x", undo=Work),
        Step("b", to="x", undo=Work),
        Step("c", to="x"),
        Step("d", to="x"),
    )
    desk.reply("a").fail("c")
    assert desk.just(ef.CancelStep) == [ef.CancelStep("d", 1)]
    assert desk.steps(ef.Undo) == []
    assert desk.reply("b").steps(ef.Undo) == ["b"]
    assert desk.undone("b").steps(ef.Undo) == ["a"]


def test_a_step_in_flight_that_fails_is_not_undone_nor_tried_again() -> None:
    """While a request closes no rule begins anything new."""
    desk = Desk(Step("a", to="x", undo=Work, fallback=Retry(5)), Step("b", to="x")).fail("b")
    assert desk.fail("a").just(ef.Send, ef.Undo) == []
    assert desk.failure.undone == ()


def test_undo_in_doubt_undoes_what_may_have_been_done() -> None:
    """With the option, a step that timed out is undone too; one that was refused is not."""
    step = Step("a", to="x", undo=lambda c: Work(str(c.result)), undo_in_doubt=True)
    desk = Desk(step).fail("a", TIMEOUT)
    assert [undo.message for undo in desk.just(ef.Undo)] == [Work("None")]
    assert desk.undone("a").failure.undone == ("a",)
    assert Desk(step).fail("a", FULL).failure.undone == ()


def test_a_failing_undo_is_tried_again_with_its_key() -> None:
    """By default an undo is retried three times; every attempt has the same key."""
    desk = _failed(Step("a", to="x", undo=Work))
    for attempt in (1, 2, 3):
        desk(ev.UndoFailed("a", attempt, TIMEOUT)).fire("retry")
    assert [undo.attempt for undo in desk.sent(ef.Undo)] == [1, 2, 3, 4]
    assert {undo.idempotency_key for undo in desk.sent(ef.Undo)} == {"r1:a:undo"}
    assert desk.undone("a", attempt=4).failure.undone == ("a",)


def test_an_undo_that_fails_for_good_is_told_and_the_others_go_on() -> None:
    """The step stands: an alarm, a record, and the next undo."""
    desk = _failed(Step("a", to="x", undo=Work), Step("b", to="x", undo=Work, undo_fallback=()))
    desk(ev.UndoFailed("b", 1, TIMEOUT))
    (alarm,) = desk.just(ef.Alarm)
    assert isinstance(alarm.error(), CompensationFailed)
    assert alarm.step == "b"
    assert desk.steps(ef.Undo) == ["a"]
    assert [entry.step for entry in desk.said(Kind.STANDING)] == ["b"]
    desk.undone("a")
    assert (desk.failure.undone, desk.failure.standing) == (("a",), ("b",))


def test_an_undo_can_be_escalated_to_a_person() -> None:
    """After its retries a ladder is climbed: a higher agent, then a person who confirms."""
    ladder = Ladder(AgentRung("lead"), PersonRung("ann", "undo a by hand", options=("done",)))
    rules = [Retry(1), Escalate(ladder)]
    desk = _failed(Step("a", to="x", undo=Work, undo_fallback=rules))
    desk(ev.UndoFailed("a", 1, TIMEOUT))(ev.UndoFailed("a", 2, TIMEOUT))
    (send,) = desk.just(ef.Send)
    assert (send.step, send.to, type(send.message)) == ("a!undo", "lead", Work)
    (question,) = desk(ev.Failed("a!undo", 3, TIMEOUT)).just(ef.AskPerson)
    assert (question.step, question.who, question.options) == ("a!undo", "ann", ("done",))
    desk(ev.Answered("a!undo", question.attempt, "done", "ann"))
    assert (desk.failure.undone, desk.failure.standing) == (("a",), ())
    assert desk.sent(ef.Alarm) == []


def test_an_undo_may_be_left_by_rule() -> None:
    """`Skip` leaves the step standing, on the record and without an alarm."""
    desk = _failed(Step("a", to="x", undo=Work, undo_fallback=Skip()))
    desk(ev.UndoFailed("a", 1, TIMEOUT))
    assert desk.failure.standing == ("a",)
    assert desk.sent(ef.Alarm) == []


def test_an_undo_message_that_cannot_be_made_is_told() -> None:
    """When the callable of `undo` raises nothing is sent, and the step stands."""
    desk = _failed(Step("a", to="x", undo=lambda c: 1 / 0, undo_fallback=Retry(5)))
    assert desk.sent(ef.Undo) == []
    assert desk.failure.standing == ("a",)
    assert desk.sent(ef.Alarm)[0].failure.error == "ZeroDivisionError"


def test_a_second_confirmation_is_refused() -> None:
    """An undo that is confirmed twice is recorded, and no other step is taken for it."""
    desk = _failed(Step("a", to="x", undo=Work), Step("b", to="x", undo=Work))
    desk.undone("b").undone("b")
    assert [e.step for e in desk.said(Kind.REFUSED)] == ["b!undo"]
    assert desk.sent(ef.FailRequest) == []
    assert desk.undone("a").failure.undone == ("b", "a")


def test_the_deadline_does_not_stop_the_undoing() -> None:
    """Undoing has all the time that its own timeouts give it."""
    desk = Desk(Step("a", to="x", undo=Work), Step("b", to="x", timeout=60.0), deadline=1.0)
    desk.reply("a").fire("deadline")
    assert [undo.timeout for undo in desk.just(ef.Undo)] == [5.0]
    desk(ev.UndoFailed("a", 1, TIMEOUT), at=6.0).fire("retry")
    assert desk.undone("a", attempt=2).failure.undone == ("a",)


def test_undo_timeout_and_deadline_of_waiting() -> None:
    """`undo_timeout` counts for the undo alone; the deadline ends the wait for work in flight."""
    desk = Desk(
        Step("a", to="x", undo=Work, timeout=60.0, undo_timeout=2.0),
        Step("b", to="x", undo=Work, timeout=60.0),
        Step("c", to="x"),
        deadline=10.0,
    )
    desk.reply("a").fail("c", at=1.0)
    assert desk.state.phase is Phase.SETTLING
    desk.fire("deadline")
    assert [undo.timeout for undo in desk.just(ef.Undo)] == [2.0]
    assert desk.undone("a").failure.step == "c"


@pytest.mark.parametrize("again", [ev.Cancelled("again"), ev.TimerFired("!deadline")])
def test_a_request_that_is_undoing_is_not_stopped(again: ev.Event) -> None:
    """Cancelling, or the deadline, changes nothing once the undoing has begun."""
    desk = _failed(Step("a", to="x", undo=Work), deadline=1.0)
    before = desk.state
    assert desk(again, at=2.0).state == before
    assert desk.undone("a").failure.failure == TIMEOUT


def test_a_gathering_with_an_undo_ends_by_its_own_timer() -> None:
    """While a request closes it is waited for, and its timer still ends the wait."""
    desk = Desk(Step("a", topic="t", undo=Work, undo_to="clerk", timeout=2.0), Step("b", to="x"))
    desk(ev.Replied("a", 1, Done("p"), "p")).fail("b")
    assert desk.just(ef.CancelTimer) == []
    assert [undo.to for undo in desk.fire("close").just(ef.Undo)] == ["clerk"]


def test_what_a_person_decided_is_nobodys_to_undo() -> None:
    """An answer that took the reply's place is no work: only `undo_to` can undo it."""
    rule = Escalate(Ladder(PersonRung("ann")))
    for options, undone in (({}, ()), ({"undo_to": "clerk"}, ("a",))):
        step = Step("a", to="x", fallback=rule, undo=Work, **options)
        desk = Desk(step, Step("end", to="x", after="a")).fail("a")
        desk(ev.Answered("a", 2, "yes", "ann")).fail("end")
        if undone:
            desk.undone("a")
        assert desk.failure.undone == undone


def test_nothing_is_streamed_while_a_request_closes() -> None:
    """A step that was waited for only to be undone is no partial result."""
    desk = Desk(Step("a", to="x", undo=Work), Step("b", to="x"), stream=True)
    desk.fail("b").reply("a")
    assert desk.sent(ef.Partial) == []
