"""Specs from mappings and back."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harmonium.protocols.backoff import Backoff
from harmonium.protocols.budget import Budget
from harmonium.protocols.errors import SpecError
from harmonium.protocols.overflow import Overflow
from harmonium.protocols.waiting import DROP, HOLD, Forward, Reply, Stash
from harmonium.supervisors import words
from harmonium.supervisors.directives import Directives
from harmonium.supervisors.mapping import child_from_mapping, from_mapping
from harmonium.supervisors.phase_spec import StopPhase
from harmonium.supervisors.poison import Poison
from harmonium.supervisors.spec import (
    child,
    dynamic_supervisor,
    partition_supervisor,
    supervisor,
)
from harmonium.supervisors.to_mapping import to_mapping
from tests.supervisors.harness import agent

TOML = """
name = "shop"
strategy = "rest_for_one"
max_restarts = 5
within = "10s"
subtree = {max_restarts = 9, within = "1m"}
directives = {KeyError = "resume", "*" = "restart"}
on_root_exhausted = "park"

[[children]]
id = "stock"
agent = "builtins:dict"
kwargs = {apples = 3}
backoff = {initial = "100ms", maximum = "30s", jitter = 0.2, max_retries = 7}
mail = {stash = 100}
shutdown = "2s"
retries = 4
poison = {attempts = 3, age = "5s"}
handler_limit = "1m"
overflow = "fail"

[[children]]
id = "inner"
restart = "transient"
[children.supervisor]
kind = "dynamic"
max_children = 10
template = {id = "job", agent = "builtins:list", start_timeout = "never", shutdown = "kill"}

[[children]]
id = "shards"
supervisor = {kind = "partition", partitions = 3, template = {id = "x", agent = "builtins:set"}}

[[stop_phases]]
name = "drain"
[[stop_phases]]
name = "close"
after = ["drain"]
timeout = "250ms"
recover = false
"""

TREE = supervisor(
    "shop",
    strategy=words.REST_FOR_ONE,
    max_restarts=5,
    within=10.0,
    subtree=Budget(9, 60.0),
    directives={KeyError: words.RESUME, "*": words.RESTART},
    children=[
        child(
            dict,
            id="stock",
            kwargs={"apples": 3},
            backoff=Backoff(0.1, 30.0, jitter=0.2, max_retries=7),
            mail=Stash(100),
            shutdown=2.0,
            retries=4,
            poison=Poison(3, 5.0),
            handler_limit=60.0,
            overflow=Overflow.FAIL,
        ),
        child(
            dynamic_supervisor(
                "inner",
                max_children=10,
                template=child(list, id="job", start_timeout=None, shutdown=words.KILL),
            ),
            restart=words.TRANSIENT,
        ),
        partition_supervisor("shards", child(set, id="x"), partitions=3),
    ],
    stop_phases=(StopPhase("drain"), StopPhase("close", ("drain",), timeout=0.25, recover=False)),
    on_root_exhausted=words.RootExhausted.PARK,
)


def test_a_file_is_read_as_the_tree_that_python_writes():
    """Words, durations, nested tables and lists."""
    from attrs import evolve

    read = from_mapping(tomllib.loads(TOML))
    assert read.directives == Directives({"KeyError": words.RESUME}, words.RESTART)
    assert evolve(read, directives=None) == evolve(TREE, directives=None)


def test_what_was_read_is_written_as_the_same():
    """Both ways, and only what is not a default."""
    read = from_mapping(tomllib.loads(TOML))
    written = to_mapping(read)
    assert from_mapping(written) == read
    assert written["children"][0]["agent"] == "builtins:dict"
    assert "lost_grace" not in written
    assert to_mapping(supervisor("top")) == {"name": "top"}


GOOD = {"name": "shop", "children": [{"id": "a", "agent": "builtins:dict"}]}


def one_child(**fields):
    return {"name": "shop", "children": [{"id": "a", "agent": "builtins:dict", **fields}]}


MISTAKES = [
    ({"strateg": "x"}, "/shop.strateg: no such key; did you mean 'strategy'?"),
    ({"strategy": "one_for_al"}, "/shop.strategy: 'one_for_al' is unknown; did you mean 'one_fo"),
    ({"strategy": 3}, "/shop.strategy: 3 is unknown"),
    ({"within": "5 parsecs"}, "/shop.within: '5 parsecs' is no duration; write 250ms"),
    ({"within": 0}, "/shop.within: 0 s is out of bounds"),
    ({"max_restarts": True}, "/shop.max_restarts: True is no whole number"),
    ({"children": 3}, "/shop.children: 3 is no list; write a list"),
    ({"extra_args": 3}, "/shop.extra_args: 3 is no list; write a list"),
    ({"children": [3]}, "/shop.children: 3 is no table"),
    ({"children": [{"agent": "builtins:dict"}]}, "/shop.children[0].id: it is missing"),
    ({"children": [{"id": "a"}]}, "/shop/a: it needs either `agent` or `supervisor`"),
    (
        {"children": [{"id": "a", "agent": "x:y", "supervisor": {}}]},
        "/shop/a: it needs either `agent` or `supervisor`",
    ),
    ({"children": [{"id": "a", "agent": "dict"}]}, "/shop/a.agent: 'dict' names nothing; write"),
    ({"children": [{"id": "a", "agent": "nope:x"}]}, "/shop/a.agent: 'nope:x' cannot be imported"),
    ({"children": [{"id": "a", "agent": "builtins:nix"}]}, "/shop/a.agent: 'builtins:nix' cannot"),
    (one_child(restrat="x"), "/shop/a.restrat: no such key; did you mean 'restart'?"),
    (one_child(agnt="x"), "/shop/a.agnt: no such key; did you mean 'agent'?"),
    (one_child(restart="allways"), "/shop/a.restart: 'allways' is unknown"),
    (one_child(shutdown="kil"), "/shop/a.shutdown: 'kil' is unknown; did you mean 'kill'?"),
    (one_child(shutdown="5x"), "/shop/a.shutdown: '5x' is no duration"),
    (one_child(shutdown=-1), "/shop/a.shutdown: -1 s is out of bounds"),
    (one_child(backoff={"initail": 1}), "/shop/a.backoff.initail: no such key; did you mean"),
    (one_child(backoff={"initial": 5, "maximum": 1}), "/shop/a.backoff.maximum: 1 s is out of"),
    (one_child(backoff=3), "/shop/a.backoff: 3 is no table"),
    (one_child(budget={"within": 0}), "/shop/a.budget.within: 0 s is out of bounds"),
    (one_child(mail="dropp"), "/shop/a.mail: 'dropp' is no policy; write"),
    (one_child(mail={"stash": -1}), "/shop/a.mail.capacity: -1 is too small"),
    (one_child(mail={"stash": 1, "x": 2}), "/shop/a.mail: {'stash': 1, 'x': 2} is no policy"),
    (one_child(mail={"keep": 1}), "/shop/a.mail: {'keep': 1} is no policy"),
    (one_child(mail={"reply": "x"}), "/shop/a.mail: 'x' names nothing"),
    (one_child(directives={"KeyError": "resum"}), "/shop/a.directives: 'resum' is no directive"),
    (one_child(poison={}), "/shop/a.poison: a message that is not retried"),
    (one_child(args=3), "/shop/a.args: 3 is no list"),
    (one_child(kwargs=3), "/shop/a.kwargs: 3 is no table"),
    (one_child(options="x"), "/shop/a.options: 'x' is no table"),
    (one_child(overflow="fial"), "/shop/a.overflow: 'fial' is unknown; did you mean 'fail'?"),
    (one_child(mailbox=0), "/shop/a.mailbox: 0 is too small"),
    (
        {"children": [{"id": "in", "supervisor": {"children": [{"id": "k", "agent": "z:z"}]}}]},
        "/shop/in/k.agent: 'z:z' cannot be imported",
    ),
    ({"children": [{"id": "in", "supervisor": {"within": -1}}]}, "/shop/in.within: -1 s is out"),
    ({"children": [{"id": "in", "supervisor": 3}]}, "/shop/in: 3 is no table"),
    (
        {"children": [{"id": "in", "supervisor": {}, "mailbox": 3}]},
        "/shop/in.mailbox: no such key",
    ),
    ({"children": [*GOOD["children"] * 2]}, "/shop.a: two children have this id"),
    ({"kind": "partition"}, "/shop.partitions: it is missing"),
    ({"kind": "partition", "partitions": 2}, "/shop.template: it is missing"),
    ({"partitions": 2}, "/shop.partitions: it has no partitions; give kind"),
    ({"stop_phases": [{"timeout": 1}]}, "/shop.stop_phases.name: it is missing"),
    ({"stop_phases": [{"name": "x", "timeout": 0}]}, "/shop.stop_phases.x.timeout: 0 s is out"),
    ({"stop_phases": [{"name": "x", "afer": []}]}, "/shop.stop_phases.afer: no such key; did you"),
    ({"name": None}, "/name: it is missing"),
    ({"name": "a/b"}, "/name: 'a/b' is no name"),
]


@pytest.mark.parametrize(("change", "text"), MISTAKES, ids=[text for _, text in MISTAKES])
def test_d11_a_mistake_is_one_error_with_its_place(change, text):
    """The path in the tree, the key, and what to write instead."""
    data = {**GOOD, **change}
    if change.get("kind") == "partition":
        del data["children"]
    with pytest.raises(SpecError) as caught:
        from_mapping(data)
    assert str(caught.value).startswith(text)


def test_a_tree_has_to_be_a_table():
    """Anything else is one clear error."""
    with pytest.raises(SpecError, match="^tree: 3 is no table"):
        from_mapping(3)


MAIL = [
    ("hold", HOLD),
    ("drop", DROP),
    ({"stash": 3}, Stash(3)),
    ({"forward": "/other"}, Forward("/other")),
    ({"reply": "builtins:Ellipsis"}, Reply(...)),
]


@pytest.mark.parametrize(("text", "policy"), MAIL, ids=str)
def test_policies_for_mail(text, policy):
    """Words for the simple ones, a table of one key for the others."""
    read = child_from_mapping({"id": "a", "agent": "builtins:dict", "mail": text})
    assert read.mail == policy


def test_one_child_alone():
    """As `start_child` takes it."""
    read = child_from_mapping({"id": "a", "agent": "builtins:dict", "args": [1]}, path="/shop")
    assert read == child(dict, 1, id="a")
    with pytest.raises(SpecError, match="^/shop/a.shutdown"):
        child_from_mapping({"id": "a", "agent": "builtins:dict", "shutdown": -1}, path="/shop")


durations = st.floats(0.001, 1e6)
budgets = st.builds(Budget, st.integers(0, 9), durations)
backoffs = st.builds(
    lambda low, more, jitter, stable: Backoff(low, low + more, jitter=jitter, stable_for=stable),
    durations,
    durations,
    st.floats(0, 1),
    durations,
)
tables = st.dictionaries(
    st.sampled_from(["KeyError", "OSError", "a.b.C"]), st.sampled_from(words.Directive)
)
children = st.fixed_dictionaries(
    {},
    optional={
        "restart": st.sampled_from(words.RestartType),
        "shutdown": durations | st.sampled_from(words.Shutdown),
        "start_timeout": st.none() | durations,
        "backoff": st.none() | backoffs,
        "quarantine": backoffs,
        "budget": st.none() | budgets,
        "mail": st.sampled_from([HOLD, DROP, Stash(7), Forward("/x")]),
        "directives": st.builds(Directives, tables, st.sampled_from(words.Directive)),
        "options": st.dictionaries(st.text(), st.integers() | st.text(), max_size=3),
    },
)
agents = st.fixed_dictionaries(
    {},
    optional={
        "kwargs": st.dictionaries(st.text(), st.integers(), max_size=2),
        "mailbox": st.integers(1, 99),
        "overflow": st.sampled_from(Overflow),
        "handler_limit": st.none() | durations,
        "keep_children": st.booleans(),
        "stash": st.integers(0, 99),
        "retries": st.integers(0, 9),
    },
)
flags = st.fixed_dictionaries(
    {},
    optional={
        "strategy": st.sampled_from(words.Strategy),
        "max_restarts": st.integers(0, 99),
        "within": durations,
        "per_child": st.booleans(),
        "subtree": st.none() | budgets,
        "completed": st.sampled_from(words.Bystander),
        "held": st.sampled_from(words.Bystander),
        "exhausted": st.sampled_from(words.Exhausted),
        "lost_grace": durations,
        "keep_added": st.booleans(),
    },
)


@st.composite
def trees(draw, depth=2):
    """Any tree of supervisors and agents."""
    made = []
    for number in range(draw(st.integers(0, 3))):
        fields = draw(children)
        if depth and draw(st.booleans()):
            inner = draw(trees(depth - 1))
            made.append(child(inner, id=f"s{number}", forced=True, **fields))
        else:
            made.append(child(agent, id=f"a{number}", **draw(agents), **fields))
    return supervisor(f"t{depth}", children=made, **draw(flags))


@given(trees())
def test_any_tree_comes_back_from_its_mapping(tree):
    """Written and read, it is equal by value."""
    assert from_mapping(to_mapping(tree)) == tree


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    [
                        *("name", "children", "id", "agent", "supervisor", "within", "mail"),
                        *("singleton", "pool", "pipeline", "messages", "keep", "limit", "lease"),
                    ]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
def test_nonsense_is_a_spec_error_and_nothing_else(data):
    """Whatever a file holds, the answer is a tree or one SpecError."""
    try:
        from_mapping(data)
    except SpecError as error:
        assert error.path
        assert error.problem
