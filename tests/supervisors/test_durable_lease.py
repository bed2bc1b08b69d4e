"""Who may run a coordinator on a store: one process, and after a kill the next one at once."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest

from harmonium.protocols.errors import StartFailed
from harmonium.supervisors.durable_lease import TTL, _machine, _started
from tests.supervisors.durable_desk import Desk, Go, Said

LEASE = "coordinator:/top/work"


def held_by(desk: Desk, holder: str) -> None:
    assert desk.store.leases.acquire(LEASE, holder, TTL).result() is not None


async def ask(system):
    return await system.ask("work", Go(1), timeout=None)


def a_process_that_is_gone() -> int:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    return process.pid


def test_a_process_that_was_killed_here_is_followed_at_once():
    """Its lease has not run out, but its process is gone."""
    desk = Desk()
    held_by(desk, f"{_machine()} {a_process_that_is_gone()} 1 abc")
    assert desk.play(ask) == Said(4)


def test_a_process_id_that_was_given_again_is_another_process():
    """A process with this id lives, but it did not begin then."""
    desk = Desk()
    with subprocess.Popen(
        [sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE
    ) as other:
        held_by(desk, f"{_machine()} {other.pid} 1 abc")
        assert desk.play(ask) == Said(4)
        other.stdin.close()


def test_a_process_that_lives_here_is_not_followed():
    """The error names its process."""
    desk = Desk()
    with subprocess.Popen(
        [sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE
    ) as other:
        held_by(desk, f"{_machine()} {other.pid} {_started(other.pid)} abc")
        with pytest.raises(StartFailed, match=f"process {other.pid} on "):
            desk.play(ask)
        other.stdin.close()


def test_a_process_of_another_machine_is_followed_when_its_lease_has_run_out():
    """Nobody can look whether it lives."""
    desk = Desk()
    held_by(desk, "elsewhere/1 1 1 abc")
    with pytest.raises(StartFailed, match="process 1 on elsewhere .* wait 6 s"):
        desk.play(ask)
    desk.time += TTL + 0.1
    assert desk.play(ask) == Said(4)


def test_a_lease_is_renewed_while_its_coordinator_runs():
    """Another machine cannot take it from a process that lives, however long it runs."""
    desk = Desk()

    async def main(_):
        for _ in range(10):
            await asyncio.sleep(TTL / 2)
            desk.time += TTL / 2
            assert desk.store.leases.acquire(LEASE, "elsewhere", TTL).result() is None

    desk.play(main)


def test_a_coordinator_that_stopped_gives_its_lease_back():
    """The next process need not wait."""
    desk = Desk()
    desk.play(ask)
    assert desk.store.leases.holder(LEASE).result() is None
