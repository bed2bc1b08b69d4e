"""Pools on the command line: how they are drawn, resized and explained."""

from __future__ import annotations

import asyncio
import json
import threading
import tomllib

import pytest

from harmonium import System
from harmonium.supervisors.control import ControlServer
from harmonium.supervisors.mapping import from_mapping

YARD = """
name = "yard"

[[children]]
id = "porters"
agent = "tests.supervisors.test_pool:Porter"
pool = {size = [2, 6], router = "least_loaded", max_restarts = 9}

[[children]]
id = "desk"
agent = "tests.supervisors.test_pool:Porter"
"""


@pytest.fixture
def socket(tmp_path):
    """A running system with a control socket, on a loop in another thread."""
    path = tmp_path / "control"
    up, end = threading.Event(), []

    async def main():
        loop, done = asyncio.get_running_loop(), asyncio.Event()
        end.append(lambda: loop.call_soon_threadsafe(done.set))
        system = System(from_mapping(tomllib.loads(YARD)))
        async with system, ControlServer(system, path):
            up.set()
            await done.wait()

    thread = threading.Thread(target=lambda: asyncio.run(main()))
    thread.start()
    assert up.wait(10)
    yield path
    end[0]()
    thread.join(10)


def test_a_declared_pool_is_drawn(run, tmp_path):
    """Size, router and budget stand in one line."""
    file = tmp_path / "yard.toml"
    file.write_text(YARD)
    ran = run("tree", file)
    assert "porters  pool of Porter  2 to 6 members, LeastLoaded, 9 restarts" in " ".join(
        ran.out.split("\n")
    ).replace("│", "")
    (porters, _) = json.loads(run("tree", file, "--json").out)["children"]
    assert porters["kind"] == "pool"
    assert porters["bounds"] == [2, 6]


def test_a_running_pool_is_shown_resized_and_explained(run, socket):
    """The live tree has its size and queue; `resize` changes it; `explain` says who wanted that."""
    tree = json.loads(run("tree", "--control", socket, "--json").out)
    porters = tree[0]["children"][0]
    assert porters["pool"]["live"] == porters["pool"]["size"] == 2
    assert [one["id"] for one in porters["children"]] == ["0", "1"]
    assert "LeastLoaded, 2 of 2 members live" in " ".join(
        run("tree", "--control", socket).out.split()
    )
    ran = run("resize", "/yard/porters", "4", "--control", socket)
    assert (ran.status, ran.out) == (0, "/yard/porters: ok: 4 members\n")
    ran = run("explain", "/yard/porters", "--control", socket)
    assert "grow. 2 to 4 members: an operator wants it." in ran.out


def test_a_child_that_is_down_is_still_explained(run, socket):
    """An agent without a place in the tree has its story with its supervisor."""
    assert run("stop-child", "/yard/desk", "--control", socket).status == 0
    ran = run("explain", "/yard/desk", "--control", socket)
    assert ran.status == 0
    assert "An operator stopped it." in ran.out


def test_a_size_that_cannot_be_is_refused(run, socket):
    """Out of bounds, or no pool: the command says why and fails."""
    ran = run("resize", "/yard/porters", "7", "--control", socket)
    assert ran.status == 1
    assert "its size is from 2 to 6" in ran.out
    ran = run("resize", "/yard", "2", "--control", socket)
    assert ran.status == 1
    assert "partitions" in ran.out


def test_check_knows_pools(run, tmp_path):
    """A key that no message has is bad input; one that some lack is found."""
    file = tmp_path / "yard.toml"
    sticky = YARD.replace('"least_loaded"', '"sticky", key = "customer"')
    file.write_text(sticky.replace("test_pool:Porter", "test_pool:Idler", 1))
    ran = run("check", file)
    assert ran.status == 1
    assert "Rest has no field 'customer'" in " ".join(ran.out.split())
    file.write_text(sticky.replace("customer", "kustomer"))
    ran = run("check", file)
    assert ran.status == 2
    assert "did you mean 'customer'" in ran.err
