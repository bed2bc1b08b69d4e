"""Pipelines from TOML: the same as written in Python, and every mistake has its place."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harmonium.protocols.backoff import Backoff
from harmonium.protocols.errors import ConfigError, SpecError
from harmonium.protocols.fallback import (
    Escalate,
    Fail,
    Hedge,
    Prefer,
    Retry,
    Skip,
    To,
    Use,
)
from harmonium.protocols.ladder import AgentRung, PersonRung
from harmonium.protocols.pipeline import effects as ef
from harmonium.protocols.pipeline import events as ev
from harmonium.protocols.pipeline.check import check
from harmonium.protocols.pipeline.machine import advance, begin
from harmonium.protocols.pipeline.table import pipeline_from_table
from harmonium.protocols.voting import Escalate as EscalateTie
from harmonium.protocols.voting import Majority, Priority, SeededDraw, Supermajority
from tests.protocols.pipeline.world import Done, Order, Refused, Work

MESSAGES: dict[str, type] = {"Order": Order, "Work": Work, "Done": Done, "Refused": Refused}
SHOP = """
request = "Order"
within = "10s"
result = { message = "Done", text = "$pay.text" }

[[steps]]
name = "stock"
to = "inventory"
send = { message = "Work", text = "$request.id" }
expect = "Done"
refused = ["Refused"]
timeout = "500ms"
fallback = [
    { retry = 2, backoff = "100ms", on = "AskTimeout" },
    { send = { message = "Work", text = "$$5" } },
]
undo = { message = "Work", text = "$result.text" }

[[steps]]
name = "lines"
each = "$request.lines"
to = "prices"
send = { message = "Work", text = "$item" }

[[steps]]
name = "review"
after = ["stock"]

[steps.vote]
among = ["p", "q"]
rule = "majority"
quorum = 2
deadline = "1s"
tie = { escalate = "lead" }

[[steps.when.all]]
value = "$stock.text"
is_not = ""

[[steps.when.all]]
value = "$request.lines.0"
in = ["a", "b"]

[[steps]]
name = "pay"
to = "bank"
send = "Work"
after = ["review", "lines"]
"""


def _shop() -> Any:
    return pipeline_from_table(tomllib.loads(SHOP), MESSAGES)


def test_a_pipeline_runs_from_its_table() -> None:
    """Messages, items, conditions, votes, rules and the result all come from data."""
    state, effects = begin(_shop(), "r1", Order("o1", ("a", "b")), 0.0)
    sends = {e.step: e.message for e in effects if isinstance(e, ef.Send)}
    assert sends == {"stock": Work("o1"), "lines[0]": Work("a"), "lines[1]": Work("b")}
    for event in (
        ev.Replied("stock", 1, Refused("no")),
        ev.Replied("stock", 2, Done("fine")),
        ev.Replied("lines[1]", 1, Done()),
        ev.Replied("lines[0]", 1, Done()),
        ev.BallotCast("review", 1, "p", True),
        ev.BallotCast("review", 1, "q", True),
        ev.Replied("pay", 1, Done("paid")),
    ):
        state, effects = advance(state, event, 0.1)
    assert state.result == Done("paid")
    assert state.nodes[0].message == Work("$5")  # type: ignore[union-attr]


def test_a_table_can_be_checked_like_any_pipeline() -> None:
    """Formulas are traced: what they read and make is known."""
    table = tomllib.loads(SHOP)
    table["steps"][2]["after"] = []
    (finding,) = check(pipeline_from_table(table, MESSAGES))
    assert finding.place == "pipeline Order, step 'review'"
    assert finding.problem == "reads 'stock', which it does not need"


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        ({"retry": 2}, Retry(2)),
        ({"retry": 2, "backoff": 0.5, "on": ["A"]}, Retry(2, 0.5, on="A")),
        (
            {"retry": 1, "backoff": {"initial": "1s", "maximum": "9s", "jitter": 0}},
            Retry(1, Backoff(1.0, 9.0, jitter=0)),
        ),
        ({"to": "backup", "on": "A"}, To("backup", on="A")),
        ({"hedge": "200ms", "to": "second"}, Hedge(0.2, "second")),
        ({"hedge": 0.2}, Hedge(0.2)),
        ({"escalate": "lead"}, Escalate("lead")),
        ({"skip": True, "on": "A"}, Skip(on="A")),
        ({"fail": True, "on": "A"}, Fail(on="A")),
        ({"send": "Work"}, Use(message=Work)),
    ],
)
def test_rules_are_read(data: Any, rule: Any) -> None:
    """Each rule has a word, its options, and the errors that it covers."""
    table = {"request": "Order", "steps": [{"name": "a", "to": "x", "fallback": [data]}]}
    assert pipeline_from_table(table, MESSAGES).steps[0].fallback == (rule,)


def test_values_ladders_and_conflicts_are_read() -> None:
    """A value may be a formula, a ladder has three sorts of rungs, a conflict its policy."""
    ladder = [
        {"agent": "lead", "timeout": "1s", "send": "Work"},
        {"person": "ann", "question": "ok?", "options": ["yes"], "timeout": "1h"},
        {"rule": "no", "name": "in doubt"},
    ]
    steps = [
        {"name": "a", "to": "x", "fallback": [{"use": "$request.id"}]},
        {"name": "b", "person": "ann"},
        {"name": "c", "person": ladder, "gather": {"want": 2}},
        {"name": "d", "pipeline": {"request": "Order", "steps": [{"name": "e", "to": "x"}]}},
    ]
    clash = {"name": "clash", "between": ["a", "b"], "when": "$a", "resolve": [{"prefer": "a"}]}
    table = {"request": "Order", "steps": steps, "conflicts": [clash]}
    pipeline = pipeline_from_table(table, MESSAGES)
    a, b, c, d = pipeline.steps
    assert str(a.fallback[0].source) == "$request.id"  # type: ignore[union-attr]
    assert b.person is not None
    assert b.person.rungs == (PersonRung("ann"),)
    assert c.person is not None
    assert c.person.rungs[0] == AgentRung("lead", send=Work, timeout=1.0)
    assert d.pipeline is not None
    assert pipeline.conflicts[0].resolve == (Prefer("a"),)


@pytest.mark.parametrize(
    ("vote", "rule", "tie"),
    [
        ({"among": "g"}, Majority(), None),
        ({"among": "g", "tie": {"draw": 7}}, Majority(), SeededDraw(7)),
        ({"among": "g", "tie": {"priority": ["x", "y"]}}, Majority(), Priority(("x", "y"))),
        (
            {"among": "g", "rule": "supermajority", "share": 0.75, "tie": {"escalate": "lead"}},
            Supermajority(0.75),  # type: ignore[arg-type]
            EscalateTie("lead"),
        ),
    ],
)
def test_votes_are_read(vote: Any, rule: Any, tie: Any) -> None:
    """A vote has its rule by name, the rule's own options, and a policy for ties."""
    table = {"request": "Order", "steps": [{"name": "a", "vote": vote}]}
    step = pipeline_from_table(table, MESSAGES).steps[0]
    assert (step.vote.rule, step.vote.tie) == (rule, tie)


STEP = {"name": "a", "to": "x"}


@pytest.mark.parametrize(
    ("step", "place", "text"),
    [
        ({"nmae": "a"}, "pipeline.steps[0].nmae", "no such key; did you mean 'name'?"),
        ({"to": "x"}, "pipeline.steps[0]", "it has no name"),
        (7, "pipeline.steps[0]", "7 is no table"),
        (STEP | {"to": 5}, "pipeline.steps[0].to", "give a text"),
        (STEP | {"timeout": "soon"}, "pipeline.steps[0].timeout", "write 250ms"),
        (STEP | {"timeout": True}, "pipeline.steps[0].timeout", "True is no duration"),
        (STEP | {"concurrency": 1.5}, "pipeline.steps[0].concurrency", "give a whole number"),
        (STEP | {"undo_in_doubt": 1}, "pipeline.steps[0].undo_in_doubt", "true or false"),
        (STEP | {"after": 3}, "pipeline.steps[0].after", "give a list of texts"),
        (STEP | {"send": "Wrok"}, "pipeline.steps[0].send", "did you mean 'Work'?"),
        (STEP | {"send": {"message": 1}}, "pipeline.steps[0].send", "no message 1"),
        (STEP | {"send": "$a b"}, "pipeline.steps[0].send", "is no path"),
        (
            STEP | {"send": {"message": "Work", "txet": 1}},
            "pipeline.steps[0].send.txet",
            "Work has no such field; did you mean 'text'?",
        ),
        (STEP | {"when": {"above": 1}}, "pipeline.steps[0].when", "it has no value"),
        (STEP | {"when": {"value": 1, "abov": 1}}, "pipeline.steps[0].when.abov", "'above'"),
        (STEP | {"when": {"all": 1}}, "pipeline.steps[0].when.all", "give a list"),
        (STEP | {"fallback": [{}]}, "pipeline.steps[0].fallback[0]", "give one of retry, use"),
        (STEP | {"fallback": {"retry": "x"}}, "pipeline.steps[0].fallback[0].retry", "whole"),
        (STEP | {"fallback": {"retry": 0}}, "pipeline.steps[0].fallback[0]", "of at least 1"),
        (STEP | {"fallback": {"hedge": "0ms"}}, "pipeline.steps[0].fallback[0]", "seconds above 0"),
        (
            STEP | {"fallback": {"escalate": {"agent": "lead", "timeout": 0}}},
            "pipeline.steps[0].fallback[0].escalate",
            "the timeout of lead is not above 0",
        ),
        ({"name": "a", "topic": "t", "gather": {"want": 0}}, "pipeline.steps[0].gather.want", "1"),
        (
            {"name": "a", "vote": {"among": "g", "deadline": 0}},
            "pipeline.steps[0].vote.deadline",
            "give seconds",
        ),
        (
            {"name": "a", "vote": {"among": "g", "quorum": 0}},
            "pipeline.steps[0].vote.quorum",
            "give at least 1",
        ),
        (
            {"name": "a", "vote": {"among": "g", "rule": "weighted", "weights": {"a.b": -1}}},
            "pipeline.steps[0].vote.weights",
            "the weight of a.b is -1",
        ),
        ({"name": "a", "vote": {}}, "pipeline.steps[0].vote", "it has no among"),
        (
            {"name": "a", "vote": {"among": "g", "rule": "majorty"}},
            "pipeline.steps[0].vote.rule",
            "did you mean 'majority'?",
        ),
        (
            {"name": "a", "vote": {"among": "g", "share": 1}},
            "pipeline.steps[0].vote.share",
            "no such key",
        ),
    ],
)
def test_a_mistake_has_its_place_and_remedy(step: Any, place: str, text: str) -> None:
    """Each wrong key or value names where it stands and what to write."""
    with pytest.raises(ConfigError) as caught:
        pipeline_from_table({"request": "Order", "steps": [step]}, MESSAGES)
    assert caught.value.path == place
    assert text in str(caught.value)


NAMES = st.sampled_from(
    ["name", "to", "send", "steps", "message", "request", "when", "fallback", "vote", "Order",
     "person", "after", "retry", "value", "on", "pipeline", "conflicts", "a", "$a", "rule"]
)  # fmt: skip
DATA = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | NAMES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(NAMES, DATA, max_size=4), DATA)
def test_nothing_but_definition_errors(table: Any, step: Any) -> None:
    """Whatever stands in a file, the answer is a pipeline or an error that names its place."""
    for data in (table, {"request": "Order", "steps": [step]}, {"request": "Order", **table}):
        try:
            pipeline_from_table(data, MESSAGES)
        except (ConfigError, SpecError) as error:
            assert error.path
