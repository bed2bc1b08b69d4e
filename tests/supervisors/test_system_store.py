"""A system's store: who opens it, who closes it, and when."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from harmonium import Agent, System, child
from harmonium.actors.simulated import SimulatedGround
from harmonium.actors.store import open_store
from harmonium.protocols.errors import ConfigError, StartFailed, StoreError


class Idle(Agent):
    """Does nothing."""


class Refuses(Agent):
    """Does not start."""

    def started(self) -> None:
        """Fail."""
        raise ValueError("no")


def test_a_place_is_opened_and_closed_by_the_system(tmp_path: Path) -> None:
    """What was written is there when the place is opened again; the old store is closed."""
    place = tmp_path / "s.db"
    with System(child(Idle, id="idle"), store=place) as system:
        store = system.store
        assert store is not None
        store.streams.append("a", [{"n": 1}]).result()

    with pytest.raises(StoreError):
        store.streams.append("a", [{"n": 2}]).result()
    with open_store(place) as again:
        assert len(again.streams.read("a").result()) == 1


def test_a_store_of_the_caller_stays_open() -> None:
    """Who opened it closes it."""
    with open_store("memory:") as store:
        with System(child(Idle, id="idle"), store=store) as system:
            assert system.store is store
        assert store.streams.append("a", [{"n": 1}]).result() == 1


def test_a_tree_that_does_not_start_leaves_no_store_open(tmp_path: Path) -> None:
    """Its file is closed like after a stop."""
    system = System(child(Refuses, id="refuses"), store=tmp_path / "s.db")
    with pytest.raises(StartFailed), system:
        pytest.fail("it started")
    store = system.store
    assert store is not None
    with pytest.raises(StoreError):
        store.streams.append("a", [{"n": 1}]).result()


def test_a_place_that_is_none_is_refused_before_anything_starts() -> None:
    """The error names it."""
    system = System(child(Idle, id="idle"), store="mysql://nowhere")
    with pytest.raises(ConfigError, match="mysql"), system:
        pytest.fail("it started")


def test_on_a_service_loop_the_store_is_closed_without_blocking(tmp_path: Path) -> None:
    """`async with` opens and closes it too."""

    async def main() -> None:
        async with System(child(Idle, id="idle"), store=tmp_path / "s.db") as system:
            assert system.store is not None
            assert await system.store.streams.append("a", [{"n": 1}]) == 1

    asyncio.run(main())


def test_in_simulation_the_store_has_the_virtual_clock() -> None:
    """A value that lives for a minute is gone after a virtual one."""
    ground = SimulatedGround()
    system = System(child(Idle, id="idle"), ground=ground, store="memory:")

    async def main() -> None:
        async with system:
            assert system.store is not None
            state = system.store.state("a")
            await state.put("k", {"n": 1}, ttl=60.0)
            assert await state.get("k") is not None
            await asyncio.sleep(61.0)
            assert await state.get("k") is None

    ground.play(main())


def test_an_agent_class_alone_is_a_system() -> None:
    """Under a supervisor named `system`, with its name in lower case as its id."""
    with System(Idle) as system:
        assert system.tree.name == "system"
        assert str(system.ref("idle").path) == "/system/idle"
