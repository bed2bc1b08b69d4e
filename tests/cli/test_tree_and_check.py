"""`tree` and `check`, and running a bare tree."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

from tests.cli.conftest import ROOT


def test_the_tree_names_every_agent(run):
    """Every declared agent stands in the drawing, in 80 columns."""
    ran = run("tree", "examples/orders")
    assert ran.status == 0
    for name in ("shop", "customers", "inventory", "payments", "reviewers", "value", "orders"):
        assert name in ran.out
    assert max(len(line) for line in ran.out.splitlines()) <= 80


def test_the_tree_as_json(run):
    """The same for machines."""
    tree = json.loads(run("tree", "examples/orders", "--json").out)
    assert tree["id"] == "shop"
    assert [one["id"] for one in tree["children"]] == [
        "customers",
        "inventory",
        "payments",
        "reviewers",
        "orders",
    ]


def test_a_singleton_is_drawn_with_the_agent_that_it_runs(run, tmp_path):
    """And with how long its lease lasts."""
    path = tmp_path / "yard.toml"
    path.write_text(
        'name = "yard"\n[[children]]\nid = "cron"\nagent = "builtins:dict"\n'
        'handler_limit = "3s"\nsingleton = {seconds = "1m"}\n'
    )
    assert (
        "cron  singleton dict  permanent, handlers up to 3 s, lease of 60 s"
        in run("tree", path).out
    )
    [one] = json.loads(run("tree", path, "--json").out)["children"]
    assert one == {"id": "cron", "kind": "singleton", "class": "dict", "restart": "permanent"}


def test_check_finds_nothing_wrong_with_the_example(run):
    """The example is clean."""
    ran = run("check", "examples/orders")
    assert ran.status == 0, ran.out


def test_check_finds_a_step_that_asks_nobody(run, tmp_path, monkeypatch):
    """A pipeline that names an unknown agent is found before anything starts."""
    (tmp_path / "wrong_system.py").write_text(
        "from harmonium import Pipeline, Step, coordinator, message, supervisor\n"
        "@message\nclass Go:\n    n: int\n"
        "pipeline = Pipeline(Go, [Step('one', to='nobdy')])\n"
        "tree = supervisor('t', children=[coordinator(pipeline)])\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    ran = run("check", "wrong_system:tree")
    assert ran.status == 1
    assert "nobdy" in ran.out


def test_a_bare_tree_runs_until_it_is_interrupted(tmp_path):
    """Ctrl-C stops it gracefully: the report on stderr, status 130."""
    (tmp_path / "bare_system.py").write_text(
        "from pathlib import Path\n"
        "from harmonium import Agent, child, supervisor\n"
        "class Idle(Agent):\n"
        "    def started(self):\n"
        "        Path('up').touch()\n"
        "tree = supervisor('bare', children=[child(Idle, id='idle')])\n"
    )
    process = subprocess.Popen(
        [sys.executable, ROOT / "run.py", "run", "bare_system:tree"],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )
    try:
        while not (tmp_path / "up").exists():
            assert process.poll() is None, process.stderr.read()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 130
    assert b"stopped:" in err
    assert b"Traceback" not in err


def test_a_tree_that_gives_up_exits_with_3(run, tmp_path, monkeypatch):
    """A tree whose budget is used up: exit 3, and the cause on stderr."""
    (tmp_path / "doomed_system.py").write_text(
        "from harmonium import Agent, child, handles, message, supervisor\n"
        "@message\nclass Tick:\n    n: int\n"
        "class Doomed(Agent):\n"
        "    def started(self):\n"
        "        self.schedule(0.001, Tick(1))\n"
        "    @handles\n"
        "    def tick(self, tick: Tick) -> None:\n"
        "        raise ValueError('doomed')\n"
        "tree = supervisor('t', max_restarts=2, within=60, children=[child(Doomed, id='d')])\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    ran = run("run", "doomed_system:tree")
    assert ran.status == 3
    assert "doomed" in ran.err
    assert "Traceback" not in ran.err
