"""Conflicts: found by a declared rule, resolved by the declared policy, both on record."""

from __future__ import annotations

from typing import Any

import pytest

from harmonium.protocols.decision_log import Kind
from harmonium.protocols.fallback import Escalate, Fail, Prefer, Skip, Use
from harmonium.protocols.ladder import Ladder, PersonRung, RuleRung
from harmonium.protocols.pipeline import effects as ef
from harmonium.protocols.pipeline import events as ev
from harmonium.protocols.pipeline.spec import Conflict, Step
from tests.protocols.pipeline.desk import Desk
from tests.protocols.pipeline.world import Done


def _desk(*resolve: Any, when: Any = None, **options: Any) -> Desk:
    conflict = Conflict(
        "validity",
        ["order", "stock"],
        when=when or (lambda c: c["order"].text == "valid" and c["stock"].text == "none"),
        resolve=resolve,
    )
    steps = [
        Step("order", to="x"),
        Step("stock", to="x"),
        Step("quick", to="x", after="order"),
        Step("ship", to="x", after=["order", "stock"], when=lambda c: c["validity"] is None),
    ]
    return Desk(*steps, conflicts=[conflict], **options)


def _contradict(desk: Desk) -> Desk:
    return desk.reply("order", Done("valid")).reply("stock", Done("none"))


def test_agreement_resolves_to_none() -> None:
    """Without a contradiction the conflict's result is None and nothing is recorded of it."""
    desk = _desk(Fail()).reply("order", Done("valid")).reply("stock", Done("some"))
    assert desk.steps() == ["ship"]
    assert desk.said(Kind.CONFLICT) == []


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        (Prefer("stock"), Done("none")),
        (Use("back-order"), "back-order"),
        (Use(lambda c: c["order"].text + "/" + c["stock"].text), "valid/none"),
        (Skip(), None),
        (Escalate(Ladder(RuleRung("by rule"))), "by rule"),
    ],
)
def test_the_policy_resolves_it(rule: Any, value: Any) -> None:
    """A preferred reply, a value, a ladder's answer or nothing is the resolution."""
    desk = _contradict(_desk(rule)).reply("quick")
    if value is None:
        desk.reply("ship")
    assert desk.result.get("validity") == value


def test_both_sides_and_the_rule_are_recorded() -> None:
    """The record has what was said on both sides, and which rule resolved it."""
    desk = _contradict(_desk(Prefer("stock")))
    assert desk.said(Kind.CONFLICT)[0].what == {"order": Done("valid"), "stock": Done("none")}
    (resolved,) = desk.said(Kind.RESOLVED)
    assert resolved.rule == "prefer stock"
    assert "order and stock contradict one another" in resolved.why
    assert desk.said(Kind.FAILED) == []


def test_without_a_policy_the_request_fails() -> None:
    """A contradiction that nobody may resolve ends the request."""
    desk = _contradict(_desk())
    assert (desk.failure.step, desk.failure.failure.error) == ("validity", "Conflict")


def test_only_who_needs_both_sides_waits() -> None:
    """A person is asked; the step that needs one side goes on meanwhile."""
    desk = _desk(Escalate(Ladder(PersonRung("ann", "which?", timeout=9.0))))
    assert desk.reply("order", Done("valid")).steps() == ["quick"]
    assert desk.reply("stock", Done("none")).steps() == []
    assert [question.step for question in desk.just(ef.AskPerson)] == ["validity"]
    assert desk(ev.Answered("validity", 1, "stock", "ann")).steps() == []
    assert desk.reply("quick").result["validity"] == "stock"


def test_a_condition_that_raises_goes_to_the_policy() -> None:
    """What cannot be judged is met by the same rules."""
    assert _contradict(_desk(Use("?"), when=lambda c: 1 / 0)).reply("quick").result[
        "validity"
    ] == "?"  # fmt: skip
