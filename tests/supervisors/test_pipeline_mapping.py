"""Coordinators and inboxes in a system file."""

from __future__ import annotations

import tomllib

import pytest

from harmonium import Agent, Pipeline, Step, System, handles, message
from harmonium.protocols.errors import SpecError
from harmonium.supervisors.checks import find_mistakes
from harmonium.supervisors.durable_layout import Keep
from harmonium.supervisors.mapping import from_mapping


@message
class Fetch:
    n: int


@message
class Fetched:
    n: int


class Dog(Agent):
    """Fetches."""

    @handles
    def fetch(self, fetch: Fetch) -> Fetched:
        return Fetched(fetch.n + 1)


HERE = "tests.supervisors.test_pipeline_mapping"
NAMED = Pipeline(Fetch, [Step("one", to="dog")], name="named", result=lambda c: c["one"])
FILE = f"""
name = "yard"

[[children]]
id = "dog"
agent = "{HERE}:Dog"

[[children]]
id = "people"
agent = "harmonium.supervisors.inbox:Inbox"

[[children]]
id = "walk"
messages = ["{HERE}"]
limit = 20
keep = {{results = 100, results_for = "1h", decisions = 500}}

[children.pipeline]
request = "Fetch"
result = "$ask"

[[children.pipeline.steps]]
name = "one"
to = "dog"
expect = ["Fetched"]

[[children.pipeline.steps]]
name = "ask"
after = ["one"]
person = [{{person = "people", question = "enough?", expect = ["Fetched"], timeout = "1m"}}]
send = {{message = "Fetch", n = "$one.n"}}

[[children]]
id = "named"
pipeline = "{HERE}:NAMED"
"""


def test_a_system_file_declares_coordinators_and_inboxes():
    """A pipeline as a table, one by its name, and a person who answers in the table's types."""
    tree = from_mapping(tomllib.loads(FILE))
    assert find_mistakes(tree) == []
    with System(tree) as system:
        walk = system.ref("walk")._cell.agent
        assert walk._gate.limit == 20
        assert walk._keep == Keep(results=100, results_for=3600.0, decisions=500)
        assert system.ask("named", Fetch(1)).result() == Fetched(2)
        answer = system.ask("walk", Fetch(1), timeout=30.0)
        people = system.inbox("people")
        while not (questions := people.list().result()):
            pass
        assert '"n":2' in questions[0].about
        people.answer(questions[0].id, Fetched(7)).result()
        assert answer.result() == Fetched(7)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"pipeline": {"request": "Fetsh", "steps": []}, "messages": [HERE]}, "Fetch"),
        ({"pipeline": {"request": "Fetch", "steps": [{"name": "a", "too": "x"}]}}, "Fetch"),
        ({"pipeline": f"{HERE}:Dog"}, "is no pipeline"),
        ({"pipeline": f"{HERE}:NAMED", "limit": 0}, "its limit is 0"),
        ({"pipeline": f"{HERE}:NAMED", "limit": "x"}, "its limit is 'x'"),
        ({"pipeline": f"{HERE}:NAMED", "args": [1]}, r"walk\.args: a coordinator has no other"),
        ({"pipeline": f"{HERE}:NAMED", "kwargs": {"x": 1}}, r"walk\.kwargs: a coordinator has"),
        ({"pipeline": f"{HERE}:NAMED", "agent": f"{HERE}:Dog"}, "or `pipeline`"),
        ({"agent": f"{HERE}:Dog", "limit": 3}, "only a coordinator has it"),
        ({"agent": f"{HERE}:Dog", "keep": {"results": 3}}, "keep: only a coordinator has it"),
        ({"pipeline": f"{HERE}:NAMED", "keep": 3}, "keep: 3 is no table"),
        ({"pipeline": f"{HERE}:NAMED", "keep": {"result": 3}}, "did you mean 'results'"),
        ({"pipeline": f"{HERE}:NAMED", "keep": {"results": 0}}, "keep.results: 0 is too small"),
        ({"pipeline": f"{HERE}:NAMED", "keep": {"results": True}}, "True is no whole number"),
        ({"pipeline": f"{HERE}:NAMED", "keep": {"decisions": "x"}}, "keep.decisions: 'x' is no"),
        ({"pipeline": f"{HERE}:NAMED", "keep": {"results_for": "0s"}}, "keep.results_for: 0 s"),
        ({"pipeline": f"{HERE}:NAMED", "keep": {"results_for": "soon"}}, "'soon' is no duration"),
        ({"pipeline": f"{HERE}:NAMED", "keeps": {}}, "keeps: no such key; did you mean 'keep'"),
        ({"pipeline": {"request": "Fetch"}, "messages": ["no.such.module"]}, "cannot be imported"),
        ({"pipeline": {"request": "Fetch"}, "messages": "x"}, "is no list"),
        ({"pipeline": f"{HERE}:NAMED", "timeout": 3}, "no such key"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(wrong, said):
    """The path in the tree, the problem and the remedy."""
    with pytest.raises(SpecError, match=said) as refused:
        from_mapping({"name": "yard", "children": [{"id": "walk", **wrong}]})
    assert refused.value.path.startswith("/yard/walk")
