"""A pipeline held against the agents there are, and its callables traced."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import pytest

from harmonium.protocols.fallback import Escalate, Hedge, Retry, To, Use
from harmonium.protocols.ladder import AgentRung, Ladder, PersonRung
from harmonium.protocols.pipeline.check import check
from harmonium.protocols.pipeline.context import Context
from harmonium.protocols.pipeline.spec import Conflict, Pipeline, Step
from harmonium.protocols.pipeline.trace import trace
from harmonium.protocols.pipeline.vote import Vote
from harmonium.protocols.voting import Majority
from tests.protocols.pipeline.world import Done, Order, Refused, Work


@attrs.frozen
class Contract:
    accepts: Mapping[type, tuple[type, ...]]

    def takes(self, cls: type, /) -> bool:
        return cls in self.accepts


AGENT = Contract({Work: (Done, Refused)})
DIRECTORY: dict[str, Any] = {"agent": AGENT, "orders": Contract({Order: (Done,)}), "dark": None}


def _problems(*steps: Step[Any], **options: Any) -> list[str]:
    return [str(one) for one in check(Pipeline(Order, steps, **options), DIRECTORY)]


def test_a_sound_pipeline_has_no_findings() -> None:
    """Agents that exist, messages that they take, replies that they give."""
    steps = [
        Step("a", to="agent", send=lambda c: Work(c.request.id), expect=Done, refused=Refused),
        Step("b", to="orders", after="a", expect=Done, undo_to="agent", undo=Work),
        Step("c", to="dark", send=lambda c: Refused(c["a"].text), after="b"),
    ]
    assert _problems(*steps, result=lambda c: c["c"]) == []


@pytest.mark.parametrize(
    "step",
    [
        Step("a", to="agnet", send=Work),
        Step("a", to="agent", send=Work, fallback=[To("agnet")]),
        Step("a", to="agent", send=Work, fallback=[Hedge(0.1, "agnet")]),
        Step("a", to="agent", send=Work, fallback=[Escalate(Ladder(AgentRung("agnet")))]),
        Step("a", to="agent", send=Work, undo=Work, undo_to="agnet"),
        Step("a", to="agent", send=Work, undo=Work, undo_fallback=[To("agnet")]),
        Step("a", person=Ladder(AgentRung("agnet", send=Work))),
        Step("a", person=PersonRung("agnet")),
        Step("a", to="agent", send=Work, fallback=[Escalate(Ladder(PersonRung("agnet")))]),
        Step("a", vote=Vote("agnet", rule=Majority()), send=Work),
        Step("a", topic="agnet", send=Work),
    ],
)
def test_an_unknown_agent_is_found_wherever_it_is_named(step: Step[Any]) -> None:
    """A name that nobody has is found in steps, rules, rungs, votes and undos."""
    (text,) = _problems(step)
    assert "'agnet', and nobody has that name; did you mean 'agent'?" in text


@pytest.mark.parametrize(
    "step",
    [
        Step("a", to="agent"),
        Step("a", to="agent", send=lambda c: Refused(c.request.id)),
        Step("a", to="agent", send=Work, fallback=[Use(message=lambda c: Done())]),
        Step("a", to="agent", send=Work, undo=lambda c: Done(c["a"].text + c.key)),
    ],
)
def test_a_message_outside_the_contract_is_found(step: Step[Any]) -> None:
    """What a step, a rule or an undo sends has to be in the agent's contract."""
    (text,) = _problems(step)
    assert "which does not take it; it takes Work" in text


def test_a_reply_that_never_comes_is_an_error() -> None:
    """A step that expects what the agent never answers can only fail."""
    finding, *more = check(
        Pipeline(Order, [Step("a", to="orders", expect=(Done, Refused))]), DIRECTORY
    )
    assert finding.is_error
    assert "expects Refused of 'orders'" in str(finding)
    assert more == []


def test_a_reply_that_nobody_named_is_a_warning() -> None:
    """An answer of the contract that the step does not name would be a WrongReply."""
    (finding,) = check(Pipeline(Order, [Step("a", to="agent", send=Work, expect=Done)]), DIRECTORY)
    assert not finding.is_error
    assert "may get Refused" in finding.problem


@pytest.mark.parametrize(
    "late",
    [
        Step("late", to="agent", send=lambda c: Work(c["early"].text)),
        Step("late", to="agent", send=Work, when=lambda c: c.get("early")),
        Step("late", to="agent", send=Work, each=lambda c: c["early"]),
        Step("late", to="agent", send=Work, fallback=[Retry(), Use(lambda c: c["early"])]),
        Step("late", to="agent", send=Work, undo=lambda c: Work(c["early"].text)),
        Step("late", to="agent", send=lambda c: Work(c.skipped("early"))),
    ],
)
def test_reading_what_is_not_needed_is_found(late: Step[Any]) -> None:
    """Every callable of a step may read only what the step needs."""
    texts = _problems(Step("early", to="agent", send=Work), late)
    assert any(
        "reads 'early', which it does not need; add 'early' to its after" in t for t in texts
    )


def test_reading_an_unknown_step_is_found_in_result_and_conflict() -> None:
    """A name that is no step is found in the result, the condition of a conflict and a message."""
    steps = [Step("a", to="agent", send=lambda c: Work(c["b"])), Step("c", to="agent", send=Work)]
    conflict = Conflict("clash", ["a", "c"], when=lambda c: c["x"] == c["a"])
    texts = _problems(*steps, conflicts=[conflict], result=lambda c: c["y"])
    for name in "bxy":
        assert any(f"reads '{name}', which is no step" in text for text in texts)


def test_sub_pipelines_are_looked_at_too() -> None:
    """A finding inside a sub-pipeline is found from the top."""
    inner = Pipeline(Order, [Step("in", to="nobody", send=Work)], name="Inner")
    (text,) = _problems(Step("sub", pipeline=inner))
    assert text.startswith("pipeline Inner, step 'in': asks 'nobody'")


def test_a_trace_bears_arithmetic_iteration_and_comparison() -> None:
    """Stand-ins go through the usual expressions, and each read is noted once."""

    def make(c: Context[Order]) -> Work:
        total = sum(line.price * 2 + 1 for line in c["lines"]) / len(c["lines"])
        best = max(c["offers"], key=lambda one: one.price)
        return Work(f"{total:.2f} {best.name.upper()[0]} {int(total)}" if total > 5 else "")

    found = trace(make)
    assert set(found.reads) == {"lines", "offers"}
    assert found.makes is Work


def test_a_trace_keeps_what_was_read_before_an_error() -> None:
    """A callable that cannot bear stand-ins is known up to where it stopped."""
    found = trace(lambda c: Work(c["a"].text + {"x": 1}[c["b"]]))
    assert found.reads == ("a", "b")
    assert found.makes is None


def test_a_callable_that_returns_any_says_nothing_about_its_message() -> None:
    """`-> Any` is no message class that an agent would have to take."""

    def send(c: Any) -> Any:
        return c.request.hidden

    assert trace(send).makes is None
    assert _problems(Step("a", to="agent", send=send)) == []
