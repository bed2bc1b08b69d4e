"""`check`: its exit status, and the mistakes that a definition itself refuses."""

from __future__ import annotations

import json

import pytest

HEAD = (
    "from harmonium import (Agent, Pipeline, Step, child, coordinator, handles, message,\n"
    "    supervisor)\n"
    "@message\nclass Go:\n    n: int\n"
    "@message\nclass Gone:\n    n: int\n"
    "@message\nclass Never:\n    n: int\n"
    "class Worker(Agent):\n"
    "    @handles\n"
    "    def go(self, go: Go) -> Gone | Never:\n"
    "        return Gone(go.n)\n"
)
TREE = "tree = supervisor('t', children=[child(Worker, id='w'), coordinator(Pipeline(Go, {}))])\n"


@pytest.fixture
def check(run, tmp_path, monkeypatch, request):
    """Check a tree whose pipeline has these steps."""
    name = f"checked_{abs(hash(request.node.name))}"
    monkeypatch.syspath_prepend(tmp_path)

    def call(steps, *words):
        (tmp_path / f"{name}.py").write_text(HEAD + TREE.format(steps))
        return run("check", f"{name}:tree", *words)

    return call


def test_a_clean_system_is_0(check):
    """Nothing to say."""
    assert check("[Step('one', to='w')]").status == 0


def test_a_message_outside_a_contract_is_1(check):
    """The place, the problem and the remedy, for people and for machines."""
    steps = "[Step('one', to='w', send=Never)]"
    ran = check(steps)
    assert ran.status == 1
    assert "Never" in ran.out
    (one,) = json.loads(check(steps, "--json").out)
    assert one["rule"] == "pipeline"
    assert "/t/go" in one["path"]


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ("[Step('one', to='x')]", "nobody has that name"),
        ("[Step('one', person='ann')]", "nobody has that name"),
        ("[Step('one', person='w')]", "no inbox"),
    ],
    ids=["agent", "person", "no inbox"],
)
def test_who_is_not_there_is_1(check, steps, said):
    """Agents and people that a step asks."""
    ran = check(steps)
    assert (ran.status, said in " ".join(ran.out.split())) == (1, True)


def test_advice_alone_is_0(check):
    """A reply that no `expect` names may be meant so; it is printed all the same."""
    ran = check("[Step('one', to='w', expect=Gone)]")
    assert ran.status == 0
    assert "Never" in ran.out


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ("[Step('one', to='w', after='two'), Step('two', to='w', after='one')]", "circle"),
        ("[Step('one', to='w', after='twoo'), Step('two', to='w')]", "twoo"),
        ("[Step('one', undo=Go)]", "one"),
        ("[Step('one', topic='news', undo=Go)]", "an undo without an action"),
        (
            "[Step('a', to='w', after='b'), Step('b', to='w', after='a'), Step('c', after='b')]",
            "never reached",
        ),
    ],
    ids=["cycle", "unknown step", "nothing but an undo", "undo without an action", "unreachable"],
)
def test_what_a_definition_refuses_is_2(check, steps, said):
    """One line, no traceback: the module cannot even be imported."""
    ran = check(steps)
    assert ran.status == 2
    assert said in ran.err
    assert "Traceback" not in ran.err
