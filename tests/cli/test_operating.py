"""Operating a running system through its control socket, and comparing trees on disk."""

from __future__ import annotations

import asyncio
import json
import threading
import tomllib

import pytest

from harmonium import Agent, System, handles, message
from harmonium.supervisors.control import ControlServer
from harmonium.supervisors.mapping import from_mapping

ONE = """
name = "shop"
max_restarts = 5
within = 60.0

[[children]]
id = "stock"
agent = "tests.cli.test_operating:Clerk"

[[children]]
id = "till"
agent = "tests.cli.test_operating:Clerk"
"""

TWO = ONE.replace("max_restarts = 5", "max_restarts = 7").replace('id = "till"', 'id = "desk"')


@message
class Fail:
    """Crash."""


class Clerk(Agent):
    """Crashes when told to."""

    @handles
    def fail(self, fail: Fail) -> None:
        raise ValueError("no change in the till")


@pytest.fixture
def socket(tmp_path):
    """A running system with a control socket, on a loop in another thread."""
    path = tmp_path / "control"
    up, end = threading.Event(), []

    async def main():
        loop, done = asyncio.get_running_loop(), asyncio.Event()
        end.append(lambda: loop.call_soon_threadsafe(done.set))
        system = System(from_mapping(tomllib.loads(ONE)))
        async with system, ControlServer(system, path):
            end.append(system)
            up.set()
            await done.wait()

    thread = threading.Thread(target=lambda: asyncio.run(main()))
    thread.start()
    up.wait(20)
    yield path, end[1]
    end[0]()
    thread.join()


def test_the_live_tree_shows_states(run, socket):
    """`tree --control` shows every agent with its state."""
    path, _ = socket
    ran = run("tree", "--control", path)
    assert ran.status == 0, ran.err
    assert ran.out.count("running") == 3


def test_explain_says_why_a_child_was_restarted(run, socket):
    """`explain PATH` tells the decision and its figures in sentences."""
    path, system = socket
    with pytest.raises(Exception, match="no change"):
        system.ask("till", Fail()).result(10)
    ran = run("explain", "/shop/till", "--control", path)
    assert ran.status == 0, ran.err
    assert "incarnation 2" in ran.out
    assert "no change in the till" in ran.out


def test_commands_are_carried_out_and_answered(run, socket):
    """stop-child holds, children lists, restart-child starts again, delete needs a stopped one."""
    path, _ = socket
    assert run("delete-child", "/shop/till", "--control", path).out == "/shop/till: running\n"
    assert run("stop-child", "/shop/till", "--control", path).out == "/shop/till: ok\n"
    rows = json.loads(run("children", "/shop", "--json", "--control", path).out)
    assert [(row["id"], row["state"]) for row in rows] == [("stock", "running"), ("till", "held")]
    assert run("restart-child", "/shop/till", "--control", path).out == "/shop/till: started\n"
    assert run("stop-child", "/shop/nobody", "--control", path).status == 1


def test_a_child_is_added_counted_and_shown(run, socket, tmp_path):
    """start-child with a TOML file, count-children, get-spec; an id that is taken is refused."""
    path, system = socket
    spec = tmp_path / "desk.toml"
    spec.write_text('id = "desk"\nagent = "tests.cli.test_operating:Clerk"\nshutdown = 2.0\n')
    assert run("start-child", "/shop", spec, "--control", path).out == "/shop/desk: started\n"
    assert system.ref("/shop/desk") is not None
    again = run("start-child", "/shop", spec, "--control", path)
    assert (again.status, again.out) == (1, "/shop/desk: already_started\n")
    other = run("start-child", "/shop", spec, "--id", "two", "--no-wait", "--control", path)
    assert (other.status, other.out) == (0, "/shop/two: pending\n")
    counted = run("count-children", "/shop", "--control", path).out.split()
    assert counted == ["specs", "4", "active", "4", "supervisors", "0", "agents", "4"]
    shown = json.loads(run("get-spec", "/shop/desk", "--control", path).out)
    assert shown == {"id": "desk", "agent": "tests.cli.test_operating:Clerk", "shutdown": 2.0}
    assert run("stop-child", "/shop/desk", "--no-wait", "--control", path).status == 0


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("get-spec", "/shop/nobody"), "there is no such child"),
        (("start-child", "/shop"), "give start_child a child spec"),
        (("start-child", "/shop", "nothing.toml"), "nothing.toml: cannot be read"),
    ],
)
def test_what_cannot_be_started_or_shown_is_said(run, socket, words, problem):
    """In one line, without a traceback."""
    ran = run(*words, "--control", socket[0])
    assert ran.status in (1, 2)
    assert problem in ran.out + ran.err
    assert "Traceback" not in ran.err


def test_plan_shows_and_apply_moves_only_what_changed(run, socket, tmp_path):
    """The till goes, the desk comes, the stock agent is not touched."""
    path, system = socket
    new = tmp_path / "new.toml"
    new.write_text(TWO + "\n[system]\ndead_letters = {letters = 9}\n")
    planned = run("plan", new, "--control", path)
    assert planned.status == 0, planned.err
    assert "stop /shop/till" in planned.out
    assert "start /shop/desk" in planned.out
    assert "stock" not in planned.out
    before = system.ref("stock")
    applied = run("apply", new, "--control", path)
    assert applied.status == 0, applied.err
    assert system.ref("stock") is before
    assert [child.id for child in system.tree.children] == ["stock", "desk"]
    assert run("plan", new, "--control", path).out == "nothing would change\n"


def test_plan_compares_two_files(run, tmp_path):
    """Without a running system, `--to` names the declared one."""
    for name, text in (("one.toml", ONE), ("two.toml", TWO)):
        (tmp_path / name).write_text(text)
    ran = run("plan", tmp_path / "two.toml", "--to", tmp_path / "one.toml")
    assert ran.status == 0, ran.err
    assert "reconfigure /shop" in ran.out


def test_a_socket_that_nobody_answers(run, tmp_path):
    """One clear line, exit 2."""
    ran = run("children", "/shop", "--control", tmp_path / "nothing")
    assert ran.status == 2
    assert ran.err.count("\n") == 1
    assert "no system answers" in ran.err


def test_an_unknown_path_is_one_clear_line(run, socket):
    """A mistyped path names the nearest known one."""
    path, _ = socket
    ran = run("children", "/shpo", "--control", path)
    assert ran.status == 2
    assert "shop" in ran.err
