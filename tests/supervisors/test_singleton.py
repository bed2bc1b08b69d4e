"""Singletons as they are declared, in Python and in a system file."""

from __future__ import annotations

import tomllib

import pytest

from harmonium import (
    Agent,
    Pipeline,
    Step,
    System,
    child,
    coordinator,
    handles,
    message,
    supervisor,
)
from harmonium.actors.birth import Birth
from harmonium.actors.singleton import Singleton
from harmonium.protocols.errors import SpecError
from harmonium.protocols.overflow import Overflow
from harmonium.protocols.reliability.lease import LeasePolicy
from harmonium.supervisors.checks import find_mistakes
from harmonium.supervisors.mapping import child_from_mapping, from_mapping
from harmonium.supervisors.singleton import singleton
from harmonium.supervisors.spec import ChildSpec
from harmonium.supervisors.to_mapping import to_mapping


@message
class Tick:
    n: int


@message
class Unheard:
    n: int


class Cron(Agent):
    """Counts on."""

    def __init__(self, step: int, *, start: int = 0) -> None:
        self.step = step
        self.start = start

    @handles
    def tick(self, tick: Tick) -> Tick:
        return Tick(self.start + self.step * tick.n)


HERE = "tests.supervisors.test_singleton"
FILE = f"""
name = "yard"

[[children]]
id = "cron"
agent = "{HERE}:Cron"
args = [10]
kwargs = {{start = 3}}
mailbox = 20
overflow = "fail"
shutdown = "2s"
singleton = {{lease = "the cron", seconds = "1m", margin = 0.2}}

[[children]]
id = "plain"
agent = "{HERE}:Cron"
args = [1]
singleton = {{}}
"""
DECLARED = supervisor(
    "yard",
    children=[
        singleton(
            Cron,
            10,
            id="cron",
            kwargs={"start": 3},
            mailbox=20,
            overflow=Overflow.FAIL,
            shutdown=2.0,
            lease="the cron",
            policy=LeasePolicy(60.0, margin=0.2),
        ),
        singleton(Cron, 1, id="plain"),
    ],
)


def test_a_system_file_declares_singletons():
    """The table has the lease; what stands beside it is the agent's, as without one."""
    tree = from_mapping(tomllib.loads(FILE))
    assert tree == DECLARED
    with System(tree, store="memory:") as system:
        assert system.ask("cron", Tick(4)).result() == Tick(43)
        assert system.ask("plain", Tick(4)).result() == Tick(4)
        cell = system.ref("cron")._cell
        assert cell.agent._lease.name == "the cron"
        assert cell.agent._policy == LeasePolicy(60.0, margin=0.2)
        assert cell.agent._leader.birth.mailbox == 20


def test_what_was_read_is_written_as_the_same():
    """Only what is not a default, and never the agent that leads in place of the one declared."""
    assert from_mapping(to_mapping(DECLARED)) == DECLARED
    assert to_mapping(DECLARED)["children"][1] == {
        "id": "plain",
        "agent": f"{HERE}:Cron",
        "args": [1],
        "singleton": {},
    }


def test_one_that_was_declared_as_a_child_is_written_the_same_way():
    """Both forms are one singleton to whoever reads the tree."""
    options = {"start": 3, "lease": "the cron", "policy": LeasePolicy(60.0, margin=0.2)}
    plain = child(Singleton, Cron, 10, id="cron", kwargs=options)
    assert to_mapping(plain) == {
        "id": "cron",
        "agent": f"{HERE}:Cron",
        "args": [10],
        "kwargs": {"start": 3},
        "singleton": {"lease": "the cron", "seconds": 60.0, "margin": 0.2},
    }


def test_a_pipeline_is_held_against_what_the_agent_takes():
    """The singleton itself handles nothing, so `check` looks at the agent behind it."""

    def tree(one: ChildSpec, sent: type) -> list[str]:
        pipeline = Pipeline(sent, [Step("tick", to="cron")], name="walk")
        found = find_mistakes(supervisor("yard", children=[one, coordinator(pipeline)]))
        return [str(each) for each in found if each.rule == "pipeline"]

    for one in (singleton(Cron, 1, id="cron"), child(Singleton, Cron, 1, id="cron")):
        assert tree(one, Tick) == []
        assert any("Unheard" in each for each in tree(one, Unheard))


MISTAKES = [
    ({"singleton": 3}, "/yard/cron.singleton: 3 is no table; write a table"),
    ({"singleton": True}, "/yard/cron.singleton: True is no table; write a table"),
    ({"singleton": {"leas": "x"}}, "/yard/cron.singleton.leas: no such key; did you mean 'lease'?"),
    ({"singleton": {"lease": 3}}, "/yard/cron.singleton.lease: 3 is no name; give a text"),
    ({"singleton": {"seconds": 0}}, "/yard/cron.singleton.seconds: 0 s is out of bounds"),
    ({"singleton": {"seconds": "x"}}, "/yard/cron.singleton.seconds: 'x' is no duration"),
    ({"singleton": {"margin": 1}}, "/yard/cron.singleton.margin: 1 is no share; give a number"),
    ({"singleton": {"margin": "x"}}, "/yard/cron.singleton.margin: 'x' is no share"),
    ({"singleton": {}, "retries": 3}, "/yard/cron.retries: a singleton's agent is a new one"),
    ({"singleton": {}, "poison": {}}, "/yard/cron.poison: a singleton's agent is a new one"),
    ({"singleton": {}, "pool": {"size": 2}}, "/yard/cron.singleton: a pool has many agents"),
    ({"singletn": {}}, "/yard/cron.singletn: no such key; did you mean 'singleton'?"),
]


@pytest.mark.parametrize(("wrong", "said"), MISTAKES, ids=[said for _, said in MISTAKES])
def test_what_is_wrong_is_named_with_its_place(wrong, said):
    """The path in the tree, the problem and the remedy."""
    with pytest.raises(SpecError) as refused:
        child_from_mapping({"id": "cron", "agent": f"{HERE}:Cron", **wrong}, path="/yard")
    assert str(refused.value).startswith(said)


@pytest.mark.parametrize("kind", [{"supervisor": {}}, {"pipeline": "a:b"}], ids=str)
def test_only_an_agent_can_be_one(kind):
    """A tree is not, and a coordinator has a lease of its own."""
    with pytest.raises(SpecError, match=r"^/yard/cron\.singleton: only an agent has it; give"):
        child_from_mapping({"id": "cron", "singleton": {}, **kind}, path="/yard")


@pytest.mark.parametrize(
    ("start", "options", "said"),
    [
        (supervisor("below"), {}, "a singleton is one agent"),
        (Cron, {"lease": None}, "None is no name"),
        (Cron, {"policy": 3.0}, "3.0 is no LeasePolicy"),
        (Cron, {"keep_children": True}, "leave it out"),
        (Cron, {"mailbox": 0}, "0 is too small"),
    ],
)
def test_a_wrong_declaration_is_refused_at_once(start, options, said):
    """Before anything starts, with the remedy."""
    with pytest.raises(SpecError, match=said):
        singleton(start, id="cron", **options)


def test_a_recipe_may_be_given_as_it_is():
    """As `child` takes it."""
    assert singleton(Birth(Cron, (1,)), id="plain") == singleton(Cron, 1, id="plain")
