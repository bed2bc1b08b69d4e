"""The pytest plugin, in runs of its own: options, fixtures, classes, fixtures and corpus."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

TESTS = """
import unittest
import pytest
from harmonium.testing import Crash, Faults, chaos_test, pinned
from tests.testing.shop import Done, Place, body, build, fixed

CRASHES = Faults(crash="payments")

@chaos_test(build, faults=CRASHES)
def test_broken(world):
    body(world)

@chaos_test(fixed, faults=CRASHES, examples=2)
def test_right(world):
    body(world)

@chaos_test(fixed, faults=CRASHES, examples=2)
async def test_async(world, system, tmp_path):
    assert tmp_path.exists()
    assert await system.ask("desk", Place(1), timeout=300) == Done(1)

class TestClass(unittest.TestCase):
    @chaos_test(fixed, faults=CRASHES, examples=2)
    def test_method(self, world):
        self.assertIsNotNone(world)
        body(world)

@pytest.mark.system(tree=fixed)
def test_fixtures(world, probe):
    probe.ask("desk", Place(7))
    assert probe.expect(Done) == Done(7)
    probe.expect_none(within=10)
    assert world.now > 10

@pytest.mark.system(tree=fixed)
def test_checked_at_the_end(world):
    world.eventually(lambda: False, "never true", within=1)
"""


@pytest.fixture
def run(tmp_path, with_plugin):
    """Run pytest on the tests above in a process of its own."""
    import subprocess

    (tmp_path / "test_shop.py").write_text(TESTS)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")

    def call(*args):
        command = [sys.executable, "-m", "pytest", "-p", "no:randomly", "-p", "no:cacheprovider"]
        done = subprocess.run(
            [*command, *with_plugin, "-q", "test_shop.py", *args],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
            env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
            timeout=100,
        )
        return done.stdout + done.stderr

    return call


def test_all_styles_of_tests_run(run, tmp_path):
    """Plain and async functions, methods of unittest, fixtures; a failure is reported and kept."""
    text = run()
    assert "5 passed" in text
    assert "FAILED test_shop.py::test_broken" in text
    assert "ERROR test_shop.py::test_checked_at_the_end" in text
    assert "never true" in text
    assert "@pinned(Crash('/shop/payments'))" in text
    id = text.partition("--chaos-replay ")[2].split()[0]
    assert (tmp_path / ".chaos" / f"{id}.html").exists()
    again = run("-k", "broken", "--chaos-replay", id)
    assert "1 failed" in again
    assert "found in schedule 1 " in again


def test_options_reach_the_tests(run, tmp_path):
    """Replay by text, a budget of nothing, another seed, no folder, and two processes."""
    replayed = run("-k", "right", "--chaos-replay", "Crash('payments')", "--chaos-folder", "")
    assert "1 passed" in replayed
    assert "1 passed" in run("-k", "broken", "--chaos-budget", "0", "--chaos-folder", "")
    assert "1 failed" in run("-k", "broken", "--chaos-seed", "77", "--chaos-folder", "")
    assert not (tmp_path / ".chaos").exists()
    assert "2 passed" in run("-n", "2", "-k", "right or async", "--chaos-folder", "")
