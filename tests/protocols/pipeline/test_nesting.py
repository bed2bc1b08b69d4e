"""A sub-pipeline: its steps, its failure, its deadline and its undoing."""

from __future__ import annotations

from typing import Any

from harmonium.protocols.fallback import Retry, Use
from harmonium.protocols.pipeline import effects as ef
from harmonium.protocols.pipeline import events as ev
from harmonium.protocols.pipeline.spec import Pipeline, Step
from harmonium.protocols.pipeline.state import Phase, Status
from tests.protocols.pipeline.desk import TIMEOUT, Desk
from tests.protocols.pipeline.world import Done, Order, Work


def _inner(**options: Any) -> Pipeline[Any, Any]:
    steps = [
        Step("one", to="x", send=lambda c: Work(c.request.id), undo=lambda c: Work("undo one")),
        Step("two", to="y", after="one"),
    ]
    return Pipeline(Order, steps, result=lambda c: c["two"], name="Inner", **options)


def _desk(*fallback: Any, inner: Any = None, desk: Any = None, **options: Any) -> Desk:
    sub = Step(
        "sub", pipeline=inner or _inner(), send=lambda c: Order(f"sub-{c.request.id}"),
        fallback=fallback, **options,
    )  # fmt: skip
    return Desk(sub, Step("end", to="z", after="sub"), **(desk or {}))


def test_steps_below_are_reached_by_their_path() -> None:
    """A sub-pipeline's steps bear the step's path in address and key, and its own request."""
    desk = _desk()
    assert desk.just(ef.Send) == [ef.Send("sub/one", 1, "x", Work("sub-o1"), 5.0, "r1:sub/one")]
    assert desk.reply("sub/one").steps() == ["sub/two"]
    assert desk.reply("sub/two").steps() == ["end"]
    assert desk.reply("end").result["sub"] == Done("sub/two")


def test_a_failure_below_undoes_below_and_then_fails_the_step() -> None:
    """What the sub-pipeline did is undone before the step's rules decide."""
    desk = _desk(Use(Done("instead"))).reply("sub/one").fail("sub/two")
    assert desk.steps(ef.Undo) == ["sub/one"]
    assert desk.sent(ef.FailRequest) == []
    desk(ev.UndoReplied("sub/one", 1))
    assert desk.steps() == ["end"]
    assert desk.reply("end").result["sub"] == Done("instead")


def test_a_failure_without_a_rule_fails_the_request() -> None:
    """The error says where below it happened."""
    desk = _desk().reply("sub/one").fail("sub/two")(ev.UndoReplied("sub/one", 1))
    assert desk.failure.step == "sub"
    assert desk.failure.failure.error == "AskTimeout"
    assert desk.failure.failure.text.startswith("sub/two")


def test_a_finished_sub_pipeline_is_undone_with_the_rest() -> None:
    """A later failure above undoes what was done below, in its place of the order."""
    desk = Desk(
        Step("first", to="x", undo=Work),
        Step("sub", pipeline=_inner(), after="first"),
        Step("last", to="x", undo=Work, after="sub"),
        Step("end", to="z", after="last"),
    )
    desk.reply("first").reply("sub/one").reply("sub/two").reply("last").fail("end")
    assert desk.steps(ef.Undo) == ["last"]
    assert desk.undone("last").steps(ef.Undo) == ["sub/one"]
    assert desk(ev.UndoReplied("sub/one", 1)).steps(ef.Undo) == ["first"]
    assert desk.undone("first").failure.undone == ("last", "sub/one", "first")


def test_a_second_run_does_not_take_the_firsts_replies() -> None:
    """A retry runs the sub-pipeline anew, with paths and keys of its own."""
    desk = _desk(Retry(1)).reply("sub/one").fail("sub/two")(ev.UndoReplied("sub/one", 1))
    (send,) = desk.just(ef.Send)
    assert (send.step, send.idempotency_key) == ("sub~2/one", "r1:sub~2/one")
    before = desk.state
    assert desk.reply("sub/one").state == before
    assert desk.reply("sub~2/one").steps() == ["sub~2/two"]


def test_a_request_of_another_type_is_refused() -> None:
    """What `send` makes has to be the sub-pipeline's request."""
    desk = Desk(Step("sub", pipeline=_inner(), send=lambda c: Work("?")))
    assert desk.failure.failure.error == "ContractError"


def test_the_steps_timeout_is_the_sub_pipelines_limit() -> None:
    """`timeout` of the step and `within` of the sub-pipeline both end it, and only it."""
    desk = _desk(Use(Done("instead")), timeout=2.0, inner=_inner(within=3.0))
    assert desk.just(ef.SetTimer) == [ef.SetTimer("sub/!deadline", 2.0)]
    assert desk.fire("sub/!deadline").steps() == ["end"]


def test_without_a_timeout_only_the_request_limits_it() -> None:
    """The pipeline's timeout is for attempts, not for a whole sub-pipeline."""
    assert _desk().just(ef.SetTimer) == []
    assert _desk(desk={"deadline": 9.0}).just(ef.SetTimer) == [
        ef.SetTimer("!deadline", 9.0),
        ef.SetTimer("sub/!deadline", 9.0),
    ]


def test_at_the_deadline_the_fallback_does_not_wait_for_the_undoing() -> None:
    """The step's rule answers at the deadline; the undoing below goes on and is waited for."""
    sub = Step("sub", pipeline=_inner(), fallback=Use(Done("instead")))
    desk = Desk(sub, deadline=1.0).reply("sub/one").fire("deadline")
    assert desk.result == {"sub": Done("instead")}
    assert desk.steps(ef.Undo) == ["sub/one"]
    assert desk.state.phase is Phase.SETTLING
    assert desk(ev.UndoReplied("sub/one", 1)).state.phase is Phase.FINISHED
    assert desk.state.status("sub") is Status.DONE


def test_a_failure_beside_it_stops_and_undoes_the_sub_pipeline() -> None:
    """A running sub-pipeline is cancelled when the request fails, and undone."""
    desk = Desk(Step("sub", pipeline=_inner()), Step("other", to="x")).reply("sub/one")
    desk.fail("other")
    assert desk.just(ef.CancelStep) == [ef.CancelStep("sub/two", 1)]
    assert desk.steps(ef.Undo) == ["sub/one"]
    desk(ev.UndoReplied("sub/one", 1))
    assert desk.failure.step == "other"


def test_what_stands_below_is_told_above() -> None:
    """An undo that failed for good below counts among what still stands."""
    desk = Desk(Step("sub", pipeline=_inner(undo_fallback=())), Step("end", to="z", after="sub"))
    desk.reply("sub/one").reply("sub/two").fail("end")(ev.UndoFailed("sub/one", 1, TIMEOUT))
    assert desk.failure.standing == ("sub/one",)
    assert [alarm.step for alarm in desk.sent(ef.Alarm)] == ["sub/one"]


def test_partial_results_come_from_below_too() -> None:
    """An asker that streams sees the steps of sub-pipelines by their path."""
    desk = _desk(desk={"stream": True}).reply("sub/one")
    assert desk.just(ef.Partial) == [ef.Partial("sub/one", Done("sub/one"))]


def test_sub_pipelines_nest() -> None:
    """Paths go as deep as pipelines do."""
    middle = Pipeline(Order, [Step("mid", pipeline=_inner())], result=lambda c: c["mid"])
    desk = Desk(Step("top", pipeline=middle))
    assert desk.steps() == ["top/mid/one"]
    desk.reply("top/mid/one").reply("top/mid/two")
    assert desk.result == {"top": Done("top/mid/two")}


def test_what_was_undone_below_is_not_undone_again() -> None:
    """A sub-pipeline with enough undoes what was too much; later only the rest is undone."""
    steps = [Step(name, to="x", undo=Work) for name in ("one", "two")]
    inner = Pipeline(Order, steps, enough=lambda c: bool(c.results()), result=lambda c: "done")
    desk = Desk(Step("sub", pipeline=inner), Step("end", to="z", after="sub"))
    desk.reply("sub/one").reply("sub/two")
    assert desk.steps(ef.Undo) == ["sub/two"]
    desk(ev.UndoReplied("sub/two", 1)).fail("end")
    assert desk.steps(ef.Undo) == ["sub/one"]
    assert desk(ev.UndoReplied("sub/one", 1)).failure.undone == ("sub/one",)


def test_an_undoing_below_is_taken_up_again_past_the_deadline() -> None:
    """After a crash a sub-pipeline's undo is sent again, however late it is."""
    desk = Desk(Step("sub", pipeline=_inner()), Step("other", to="x"), deadline=9.0)
    desk.reply("sub/one").fail("other")
    (undo,) = desk.just(ef.Undo)
    assert desk(ev.RestoredFromLog(), at=10.0).just(ef.Undo) == [undo]


def test_a_path_of_another_run_leads_nowhere() -> None:
    """Only the very path of the run under way reaches its steps."""
    desk = _desk(Retry(1)).reply("sub/one").fail("sub/two")(ev.UndoReplied("sub/one", 1))
    before = desk.state
    assert desk.reply("sub/xxone").reply("sub~1/one").reply("sub~3/one").state == before
