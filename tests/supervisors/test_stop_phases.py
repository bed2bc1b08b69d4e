"""S80 on the real runtime: the phases of a coordinated stop."""

from __future__ import annotations

import asyncio

import pytest
from loguru import logger

from harmonium import Agent, System, child, supervisor
from harmonium.actors.simulated import SimulatedGround
from harmonium.protocols.errors import SpecError
from harmonium.supervisors.phase_spec import StopPhase
from harmonium.supervisors.phases import PhaseOver


class Idle(Agent):
    """Does nothing."""


def tree(*phases):
    return supervisor("t", stop_phases=phases, children=[child(Idle, id="a")])


@pytest.fixture(autouse=True)
def _quiet():
    logger.disable("harmonium")
    yield
    logger.enable("harmonium")


def test_s80_phases_run_in_order_side_by_side_and_recover():
    """Topological order, tasks of a phase together, a late one is passed over, agents last."""
    log = []
    ground = SimulatedGround()

    def task(name, seconds, alive=None):
        async def run():
            await asyncio.sleep(seconds)
            log.append((name, round(ground.time, 3), system.ref("a").alive))

        return run

    phases = (
        StopPhase("flush", after=("unbind",)),
        StopPhase("unbind", timeout=2.0),
    )
    system = System(tree(*phases), ground=ground)

    async def main():
        async with system:
            system.at_stop("flush", "files", task("files", 1.0))
            system.at_stop("unbind", "http", task("http", 1.0))
            system.at_stop("unbind", "grpc", task("grpc", 1.0))
            system.at_stop("unbind", "stuck", task("stuck", 100.0))

    ground.play(main())
    names = [name for name, _, _ in log]
    assert sorted(names[:2]) == ["grpc", "http"]
    assert names[2:] == ["files"]
    assert log[0][1] == log[1][1]
    assert all(alive for _, _, alive in log)
    assert system.phases_over == {"unbind": PhaseOver.TIMEOUT, "flush": PhaseOver.DONE}
    assert system.report.clean


def test_s80_a_phase_that_must_not_fail_ends_the_others():
    """recover=False: what is left is given up; the agents are stopped all the same."""
    ground, ran = SimulatedGround(), []

    def fail():
        raise ValueError("no disk")

    phases = (StopPhase("one", recover=False), StopPhase("two", after=("one",)))
    system = System(tree(*phases), ground=ground)

    async def main():
        async with system:
            system.at_stop("one", "fails", fail)
            system.at_stop("two", "never", lambda: ran.append(1))

    ground.play(main())
    assert ran == []
    assert system.phases_over["two"] is PhaseOver.ABORTED
    assert system.report.clean


def test_s80_a_circle_is_refused_before_anything_starts():
    """A cycle in the phases is an error of the definition."""
    with pytest.raises(SpecError, match="circle"):
        System(tree(StopPhase("a", after=("b",)), StopPhase("b", after=("a",))))


def test_a_task_for_an_unknown_phase_is_refused():
    """It names the nearest phase."""
    with pytest.raises(SpecError, match="did you mean 'flush'"):
        System(tree(StopPhase("flush"))).at_stop("flsh", "x", lambda: None)


def test_the_phases_run_from_a_thread_too():
    """`with System(...)` runs them on the system's loop."""
    ran = []
    with System(tree(StopPhase("flush"))) as system:
        system.at_stop("flush", "x", lambda: ran.append(1))
    assert ran == [1]
