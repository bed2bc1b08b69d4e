"""Fallback rules in action: what is sent next, with which key, and what is recorded."""

from __future__ import annotations

from typing import Any

import pytest

from harmonium.protocols.decision_log import Kind
from harmonium.protocols.fallback import Escalate, Fail, Hedge, Retry, Skip, To, Use
from harmonium.protocols.ladder import Ladder, RuleRung
from harmonium.protocols.pipeline import effects as ef
from harmonium.protocols.pipeline import events as ev
from harmonium.protocols.pipeline.spec import Step
from harmonium.protocols.pipeline.state import Status
from tests.protocols.pipeline.desk import FULL, TIMEOUT, Desk
from tests.protocols.pipeline.world import Done, Refused, Work


def _step(*fallback: Any, **options: Any) -> Step[Any]:
    return Step("a", to="x", expect=Done, refused=Refused, fallback=fallback, **options)


def _keys(desk: Desk) -> list[str]:
    return [send.idempotency_key for send in desk.sent(ef.Send)]


def test_a_retry_in_doubt_keeps_its_key() -> None:
    """After a timeout the work may have been done: every attempt has the same key."""
    desk = Desk(_step(Retry(2)))
    desk.fail("a").fail("a", FULL, attempt=2)
    assert _keys(desk) == ["r1:a"] * 3
    assert [send.attempt for send in desk.sent(ef.Send)] == [1, 2, 3]
    assert desk.reply("a", attempt=3).result == {"a": Done("a")}


def test_a_retry_after_a_refusal_has_a_new_key() -> None:
    """An agent that refused has answered; with the old key it could only say so again."""
    desk = Desk(_step(Retry(2), Use(message=lambda c: Work("safety"))))
    for attempt in (1, 2, 3):
        desk.reply("a", Refused("no"), attempt=attempt)
    assert _keys(desk) == ["r1:a", "r1:a~2", "r1:a~3", "r1:a~4"]
    assert [send.message for send in desk.sent(ef.Send)][-1] == Work("safety")
    assert desk.reply("a", attempt=4).result == {"a": Done("a")}


def test_a_refusal_goes_by_the_name_of_its_type() -> None:
    """`on=` covers a refusal by its class, and all refusals by the word Refused."""
    rules = [Use(Done("base"), on=Work), Use(Done("type"), on=Refused)]
    assert Desk(_step(*rules)).reply("a", Refused()).result == {"a": Done("type")}
    assert Desk(_step(Use(Done("word"), on="Refused"))).reply("a", Refused("x")).result == {
        "a": Done("word")
    }


def test_the_rule_is_chosen_by_the_type_of_the_error() -> None:
    """Each failure is met by the first rule that covers it."""
    rules = (Retry(1, on="AskTimeout"), To("backup", on="MailboxFull"), Use(Done("used")))
    desk = Desk(_step(*rules))
    assert [send.to for send in desk.fail("a", FULL).just(ef.Send)] == ["backup"]
    assert [send.to for send in desk.fail("a", TIMEOUT, attempt=2).just(ef.Send)] == ["backup"]
    assert desk.fail("a", TIMEOUT, attempt=3).result == {"a": Done("used")}
    assert [(entry.rule, entry.why) for entry in desk.said(Kind.FELL_BACK)] == [
        ("ask backup instead", "MailboxFull: full"),
        ("retry 1 of 1", "AskTimeout: no reply"),
        ("use Done(text='used')", "AskTimeout: no reply"),
    ]


def test_a_backoff_waits_and_a_cancelled_wait_is_inert() -> None:
    """Between attempts nothing is in flight; the timer begins the next one, once."""
    desk = Desk(_step(Retry(2, lambda count, draw: count * 1.0)))
    desk.fail("a", at=1.0)
    assert desk.just() == [ef.SetTimer("a#1:retry", 2.0)]
    assert desk.state.status("a") is Status.PAUSED
    assert desk.fire("retry").steps() == ["a"]
    assert desk.fire("retry").just() == []
    desk.fail("a", attempt=2, at=3.0)
    assert desk.just(ef.SetTimer) == [ef.SetTimer("a#2:retry", 5.0)]


def test_a_wait_is_spread_by_the_key_alone() -> None:
    """The draw of a backoff differs between requests and is the same in a replay."""
    draws: list[float] = []

    def wait(_: int, draw: float) -> float:
        draws.append(draw)
        return 1.0

    for _ in range(2):
        Desk(_step(Retry(1, wait))).fail("a")
    assert draws[0] == draws[-1]
    assert 0 <= draws[0] < 1


def test_a_retry_that_would_begin_too_late_is_passed_over() -> None:
    """When the wait ends past the deadline the next rule decides at once."""
    desk = Desk(_step(Retry(3, 2.0), Use(Done("used"))), deadline=1.5)
    assert desk.fail("a", at=1.0).result == {"a": Done("used")}
    assert desk.now == 1.0


def test_another_message_goes_to_the_agent_that_failed() -> None:
    """`Use(message=...)` and a message class send something else, as a new logical send."""
    desk = Desk(_step(To("backup"), Use(Work)))
    desk.fail("a").fail("a", attempt=2)
    (send,) = desk.just(ef.Send)
    assert (send.to, type(send.message), send.idempotency_key) == ("backup", Work, "r1:a~2")


def test_a_hedge_asks_twice_and_takes_the_first() -> None:
    """The second copy has the same key; the slower one is withdrawn and refused later."""
    desk = Desk(_step(Hedge(0.2, "second")))
    assert desk.sent(ef.SetTimer) == [ef.SetTimer("a#1:hedge", 0.2)]
    desk.fire("hedge")
    (send,) = desk.just(ef.Send)
    assert (send.to, send.attempt, send.idempotency_key) == ("second", 2, "r1:a")
    desk.reply("a", Done("second"), attempt=2)
    assert desk.just(ef.CancelStep) == [ef.CancelStep("a", 1)]
    assert desk.result == {"a": Done("second")}
    assert desk.said(Kind.HEDGED)[0].who == "second"


def test_a_hedged_step_fails_when_both_copies_have() -> None:
    """One failed copy waits for the other; the rules decide after the last."""
    desk = Desk(_step(Hedge(0.2), Use(Done("used"))))
    desk.fire("hedge").fail("a", attempt=1)
    assert desk.just() == []
    assert desk.fail("a", FULL, attempt=2).result == {"a": Done("used")}


def test_a_fast_reply_takes_the_hedge_away() -> None:
    """When the first copy is answered in time the second is never sent."""
    desk = Desk(_step(Hedge(0.2))).reply("a")
    assert desk.just(ef.CancelTimer) == [ef.CancelTimer("a#1:hedge")]
    assert len(desk.sent(ef.Send)) == 1


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        (Skip(), None),
        (Use(None), None),
        (Use(lambda c: (c.failure.error, c.key)), ("AskTimeout", "r1:a")),
        (Escalate(Ladder(RuleRung(lambda c: c.request.id))), "o1"),
    ],
)
def test_a_rule_takes_the_replys_place(rule: Any, value: Any) -> None:
    """Skip leaves None, a value or callable gives its value, a ladder its answer."""
    desk = Desk(_step(rule)).fail("a")
    assert desk.state.nodes[0].value == value  # type: ignore[union-attr]
    assert desk.state.is_over


def test_fail_ends_the_chain() -> None:
    """A `Fail` that covers the error ends the step without the rules behind it."""
    desk = Desk(_step(Fail(on="MailboxFull"), Retry(5))).fail("a", FULL)
    assert desk.failure.failure == FULL


def test_a_value_that_cannot_be_made_is_the_next_failure() -> None:
    """When the callable of `Use` raises, the rules behind it decide on that."""
    rules = (Use(lambda c: 1 / 0), Use(Done("last"), on=ZeroDivisionError))
    assert Desk(_step(*rules)).fail("a").result == {"a": Done("last")}


def test_what_a_step_sent_is_what_it_sends_again() -> None:
    """The message is made once: a retry sends the same, not a new one."""
    made: list[int] = []

    def make(_: Any) -> Work:
        made.append(len(made))
        return Work(str(len(made)))

    desk = Desk(_step(Retry(2), send=make)).fail("a").fail("a", attempt=2)
    assert [send.message for send in desk.sent(ef.Send)] == [Work("1")] * 3


@pytest.mark.parametrize("wait", [float("inf"), float("nan"), lambda count, draw: float("inf")])
def test_a_wait_that_never_ends_is_passed_over(wait: Any) -> None:
    """A retry that would never begin leaves the word to the next rule: nothing hangs."""
    assert Desk(_step(Retry(2, wait), Use(Done("used")))).fail("a").result == {"a": Done("used")}


def test_a_backoff_that_raises_fails_the_step() -> None:
    """A broken backoff is a definition that nothing mends; it does not leave `advance`."""
    desk = Desk(_step(Retry(2, lambda count, draw: 1 / 0), Use(Done("used")))).fail("a")
    assert desk.failure.failure.error == "ZeroDivisionError"


def test_a_wait_that_is_over_is_not_set_again() -> None:
    """After a crash only the timers that still matter are set."""
    desk = Desk(_step(Retry(1, 1.0))).fail("a").fire("retry")
    (send,) = desk.just(ef.Send)
    assert desk(ev.RestoredFromLog()).just() == [send]
