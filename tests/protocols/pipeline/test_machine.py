"""A request on its way: order, parallel steps, results, deadlines, refusals, streaming."""

from __future__ import annotations

from typing import Any

import pytest

from harmonium.protocols.decision_log import Kind
from harmonium.protocols.errors import CompensationFailed, StepFailed
from harmonium.protocols.fallback import Retry, Skip, Use
from harmonium.protocols.pipeline import effects as ef
from harmonium.protocols.pipeline import events as ev
from harmonium.protocols.pipeline.machine import advance, begin
from harmonium.protocols.pipeline.spec import Pipeline, Step
from harmonium.protocols.pipeline.state import Phase, RequestState, Status
from tests.protocols.pipeline.desk import Desk
from tests.protocols.pipeline.world import Done, Order, Refused, Work


def test_steps_begin_together_when_they_need_nothing() -> None:
    """All roots are sent at once, with timeout, key and the message made for each."""
    desk = Desk(
        Step("a", to="x", send=lambda c: Work(c.request.id)),
        Step("b", to="y", send=Work, timeout=1.5),
        timeout=3.0,
    )
    assert desk.just(ef.Send) == [
        ef.Send("a", 1, "x", Work("o1"), 3.0, "r1:a"),
        ef.Send("b", 1, "y", Work(Order()), 1.5, "r1:b"),
    ]


def test_a_step_begins_as_soon_as_its_own_needs_are_there() -> None:
    """There is no barrier: the fast branch goes on beside a slow sibling."""
    desk = Desk(
        Step("fast", to="x"),
        Step("slow", to="x"),
        Step("next", to="x", after="fast"),
        Step("join", to="x", after=["next", "slow"]),
    )
    assert desk.reply("fast").steps() == ["next"]
    assert desk.reply("next").steps() == []
    assert desk.reply("slow").steps() == ["join"]
    assert desk.reply("join").result == {n: Done(n) for n in ("fast", "slow", "next", "join")}


def test_a_message_sees_the_results_of_what_it_needs() -> None:
    """A context gives results by name or step object, through other steps too."""
    first = Step("first", to="x", expect=Done)
    seen: list[Any] = []

    def make(c: Any) -> Work:
        seen.extend([c["first"], c[first], c.get("second"), c.key, c.now])
        return Work()

    desk = Desk(first, Step("second", to="x", after="first"), Step("third", to="x", send=make,
                after="second"))  # fmt: skip
    desk.reply("first").reply("second", at=2.0)
    assert seen == [Done("first"), Done("first"), Done("second"), "r1:third", 2.0]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("other", "reads 'other', which it does not need; add 'other' to its after=[...]"),
        ("othr", "reads 'othr', which is no step; did you mean 'other'?"),
    ],
)
def test_reading_what_is_not_needed_fails_clearly(name: str, text: str) -> None:
    """A wrong read is a definition error: no fallback rule hides it."""
    desk = Desk(
        Step("other", to="x"),
        Step("a", to="x", send=lambda c: Work(c[name].text), fallback=[Retry(3), Use(Done())]),
    )
    assert text in desk.failure.failure.text
    assert desk.failure.step == "a"


def test_a_callable_that_raises_is_a_failure_of_its_step() -> None:
    """What `send` raises goes to the rules that need no message, and never out of `advance`."""
    rules = [Retry(2), Use(lambda c: c.failure.error)]
    desk = Desk(Step("a", to="x", send=lambda c: 1 / 0, fallback=rules))
    assert desk.result == {"a": "ZeroDivisionError"}
    assert Desk(Step("a", to="x", send=lambda c: 1 / 0)).failure.failure.error == (
        "ZeroDivisionError"
    )


@pytest.mark.parametrize("name", ["when", "each"])
def test_a_condition_that_raises_fails_its_step(name: str) -> None:
    """A step whose condition or collection cannot be had has failed."""
    options: dict[str, Any] = {name: lambda c: 1 / 0}
    desk = Desk(Step("a", to="x", **options))
    assert desk.failure.step == "a"


def test_a_result_that_cannot_be_made_undoes_the_request() -> None:
    """When `result` raises the work is done and useless, so it is undone."""
    desk = Desk(Step("a", to="x", undo=Work), result=lambda c: 1 / 0)
    assert desk.reply("a").steps(ef.Undo) == ["a"]
    assert desk.undone("a").failure.failure.error == "ZeroDivisionError"


def test_a_condition_decides_whether_a_step_runs() -> None:
    """A step whose condition does not hold is skipped, and those that need it go on."""
    desk = Desk(
        Step("a", to="x"),
        Step("b", to="x", after="a", when=lambda c: c["a"].text == "yes"),
        Step("c", to="x", after="b", send=lambda c: Work(f"{c['b']} {c.skipped('b')}")),
    )
    desk.reply("a", Done("no"))
    assert [send.message for send in desk.just(ef.Send)] == [Work("None True")]
    assert desk.state.status("b") is Status.SKIPPED
    assert desk.reply("c").result == {"a": Done("no"), "c": Done("c")}


@pytest.mark.parametrize(
    ("event", "why"),
    [
        (ev.Replied("a", 1, Done("again")), "a second answer to attempt 1"),
        (ev.Replied("a", 2, Done("again")), "attempt 2 was never made"),
        (ev.Replied("a", 0, Done("again")), "attempt 0 was never made"),
        (ev.Replied("b", 1, Done()), "nothing is asked of this step"),
        (ev.Replied("nobody", 1, Done()), "nothing is asked of this step"),
        (ev.Replied("a[0]", 1, Done()), "nothing is asked of this step"),
        (ev.Replied("a/b", 1, Done()), "nothing is asked of this step"),
        (ev.Replied("a~2", 1, Done()), "nothing is asked of this step"),
        (ev.UndoReplied("a", 1, Done()), "nothing is asked of this step"),
        (ev.Answered("a", 1, "yes", "ann"), "a second answer to attempt 1"),
        (ev.Begun(Order()), "the request has begun before"),
    ],
)
def test_what_nobody_asked_for_is_recorded_and_refused(event: ev.Event, why: str) -> None:
    """A duplicate, a stranger and a wrong address change nothing, and are in the record."""
    desk = Desk(Step("a", to="x"), Step("b", to="x", after="c"), Step("c", to="x"))
    before = desk.reply("a").state
    desk(event)
    assert desk.state == before
    assert desk.just() == []
    assert [entry.why for entry in desk.said(Kind.REFUSED)] == [why]


def test_a_late_reply_does_not_replace_the_attempt_in_flight() -> None:
    """After a timeout the old attempt's reply is refused and the new one's is taken."""
    desk = Desk(Step("a", to="x", fallback=Retry()))
    desk.fail("a").reply("a", Done("late"))
    assert desk.said(Kind.REFUSED)[0].why == "late: attempt 1 is over"
    assert desk.reply("a", Done("good"), attempt=2).result == {"a": Done("good")}


def test_a_wrong_type_fails_the_attempt() -> None:
    """A reply of a type that is not expected is refused, and the rules decide at once."""
    desk = Desk(Step("a", to="x", expect=Done, fallback=Use(Done("used"), on="WrongReply")))
    assert desk.reply("a", Work("wrong")).result == {"a": Done("used")}
    assert desk.said(Kind.REFUSED)[0].why == "Work came, Done is expected"


def test_events_before_the_beginning_and_after_the_end_change_nothing() -> None:
    """A state that has not begun or is over takes no event."""
    pipeline = Pipeline(Order, [Step("a", to="x")])
    new = RequestState.new(pipeline, "r1")
    assert advance(new, ev.Replied("a", 1, Done()), 0.0)[0] == new
    state, _ = begin(pipeline, "r1", Order(), 0.0, deadline=5.0)
    state, _ = advance(state, ev.Replied("a", 1, Done()), 0.0)
    assert state.is_over
    late = [
        ev.Replied("a", 1, Done()),
        ev.Cancelled("too late"),
        ev.TimerFired("!deadline"),
        ev.RestoredFromLog(),
    ]
    for event in late:
        after, effects = advance(state, event, 9.0)
        assert after == state
        assert all(isinstance(effect, ef.Record) for effect in effects)


# --- Time -----------------------------------------------------------------


def test_the_deadline_is_the_earlier_of_the_askers_and_the_pipelines() -> None:
    """`within` and the asker's deadline both limit a request, and shorten its timeouts."""
    desk = Desk(Step("a", to="x", timeout=9.0), deadline=4.0, within=2.0)
    assert desk.just(ef.SetTimer) == [ef.SetTimer("!deadline", 2.0)]
    assert [send.timeout for send in desk.just(ef.Send)] == [2.0]


def test_at_the_deadline_a_step_takes_its_fallback() -> None:
    """A branch that never answers ends at the deadline with a rule that needs no time."""
    rules = [Retry(5), Use(lambda c: Done(c.failure.error))]
    desk = Desk(
        Step("a", to="x", timeout=60.0, fallback=rules),
        Step("b", to="x", after="a", fallback=Skip()),
        deadline=1.0,
    )
    desk.fire("deadline")
    assert desk.just(ef.Send) == []
    assert desk.just(ef.CancelStep) == [ef.CancelStep("a", 1)]
    assert desk.result == {"a": Done("DeadlineExceeded")}
    assert desk.now == 1.0


def test_at_the_deadline_a_step_without_a_rule_fails_the_request() -> None:
    """Without a fallback the deadline is a failure, and it names the step."""
    desk = Desk(Step("a", to="x", timeout=60.0), deadline=1.0).fire("deadline")
    assert desk.failure.failure.error == "DeadlineExceeded"
    error = desk.failure.error()
    assert isinstance(error, StepFailed)
    assert error.step == "a"


def test_a_request_that_comes_too_late_is_not_begun() -> None:
    """Past its deadline nothing is sent at all."""
    desk = Desk(Step("a", to="x"), deadline=0.0)
    assert desk.sent(ef.Send) == []
    assert desk.failure.failure.error == "DeadlineExceeded"


def test_a_deadline_timer_that_fires_early_is_set_again() -> None:
    """A clock that is a little slow does not end a request before its time."""
    desk = Desk(Step("a", to="x"), deadline=1.0).fire("deadline", at=0.999)
    assert desk.just() == [ef.SetTimer("!deadline", 1.0)]
    assert desk.state.phase is Phase.RUNNING


# --- Cancelling and enough ------------------------------------------------


def test_a_cancelled_request_withdraws_and_undoes() -> None:
    """What is in flight is cancelled, what is finished is undone, the asker gets the reason."""
    desk = Desk(Step("a", to="x", undo=Work), Step("b", to="y"))
    desk.reply("a")(ev.Cancelled("changed my mind"))
    assert desk.just(ef.CancelStep) == [ef.CancelStep("b", 1)]
    assert desk.steps(ef.Undo) == ["a"]
    desk.undone("a")
    assert desk.failure.failure.error == "Cancelled"
    assert desk.failure.failure.text == "changed my mind"
    assert desk.failure.undone == ("a",)


def test_enough_ends_the_request_early() -> None:
    """When the pipeline has enough it answers at once, and withdraws what is not needed."""
    desk = Desk(
        *(Step(name, to=name) for name in "abc"),
        enough=lambda c: len(c.results()) == 2,
        result=lambda c: sorted(c.results()),
    )
    desk.reply("b").reply("a")
    assert desk.result == ["a", "b"]
    assert desk.just(ef.CancelStep) == [ef.CancelStep("c", 1)]
    assert desk.state.is_over


def test_enough_undoes_what_was_done_for_nothing() -> None:
    """A step in flight with an undo is waited for after the answer, and undone if it was done."""
    desk = Desk(
        Step("a", to="x", undo=Work),
        Step("b", to="x", undo=Work),
        enough=lambda c: c.get("a") is not None,
    )
    desk.reply("a")
    assert desk.result == {"a": Done("a")}
    assert not desk.state.is_over
    assert desk.reply("b").steps(ef.Undo) == ["b"]
    assert desk.undone("b").state.phase is Phase.FINISHED


# --- Streaming ------------------------------------------------------------


def test_partial_results_are_streamed_when_they_are_there() -> None:
    """An asker that wants them gets each step's result at once, items of a map too."""
    desk = Desk(
        Step("a", to="x"), Step("b", to="x", each=lambda c: ("p", "q"), send=Work), stream=True
    )
    assert desk.reply("b[1]").just(ef.Partial) == [ef.Partial("b[1]", Done("b[1]"))]
    assert desk.reply("a").just(ef.Partial) == [ef.Partial("a", Done("a"))]
    assert desk.reply("b[0]").just(ef.Partial) == [
        ef.Partial("b[0]", Done("b[0]")),
        ef.Partial("b", (Done("b[0]"), Done("b[1]"))),
    ]


def test_nothing_is_streamed_unasked() -> None:
    """Without the asker's wish there are no partial results."""
    desk = Desk(Step("a", to="x"), Step("b", to="x")).reply("a").reply("b")
    assert desk.sent(ef.Partial) == []


def test_the_error_of_a_request_names_what_still_stands() -> None:
    """An undo that failed for good is a worse error than the failure that asked for it."""
    desk = Desk(Step("a", to="x", undo=Work, undo_fallback=()), Step("b", to="x", after="a"))
    desk.reply("a").fail("b")(ev.UndoFailed("a", 1, desk_failure()))
    error = desk.failure.error()
    assert isinstance(error, CompensationFailed)
    assert error.step == "a"
    assert "still standing: a" in str(error)


def desk_failure() -> Any:
    """Give the failure of an undo."""
    return ef.Failure("AgentDead", "killed")


def test_who_and_what_are_in_the_record() -> None:
    """Each reply is recorded with who gave it, and each entry bears the correlation id."""
    desk = Desk(Step("a", to="pool", refused=Refused))
    desk(ev.Replied("a", 1, Done("x"), "/pool/3"), at=2.5)
    (entry,) = desk.said(Kind.ANSWERED)
    assert (entry.who, entry.what, entry.step, entry.time) == ("/pool/3", Done("x"), "a", 2.5)
    assert {e.entry.correlation_id for e in desk.sent(ef.Record)} == {"corr"}
