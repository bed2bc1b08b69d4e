"""Crash bundles: written at a crash, readable, and run again."""

from __future__ import annotations

import asyncio
import json

import pytest
from loguru import logger

from harmonium import Agent, System, child, handles, message, supervisor
from harmonium.actors.birth import Birth
from harmonium.actors.recorder import FlightRecorder
from harmonium.actors.simulated import SimulatedGround
from harmonium.protocols.errors import ConfigError
from harmonium.supervisors.bundles import BundleWriter, load_bundle


@message
class Divide:
    """Divide the sum by a number."""

    by: int


@message
class Sum:
    """The state of a divider."""

    total: int


class Divider(Agent):
    """Crashes on 0, and only when it has a sum."""

    def __init__(self):
        self.total = 0
        self.secret = "hush"

    def snapshot(self):
        return Sum(self.total)

    def restore(self, state):
        self.total = state.total

    @handles
    def divide(self, divide: Divide) -> None:
        if self.total:
            self.total //= divide.by
        self.total += 5


@pytest.fixture(autouse=True)
def _quiet():
    logger.disable("harmonium")
    yield
    logger.enable("harmonium")


def crash(folder, **options):
    """Crash a divider on its third message; gives the written bundle."""
    ground = SimulatedGround()
    tree = supervisor("t", max_restarts=5, within=60.0, children=[child(Divider, id="d")])

    async def main():
        async with System(tree, ground=ground) as system:
            recorder = FlightRecorder(ground, **options)
            ground.bundles = BundleWriter(folder, recorder, most=2)
            recorder.attach()
            for by in (1, 2, 0, 1, 0, 1, 0):
                system.tell("d", Divide(by))
            await asyncio.sleep(1.0)

    ground.play(main())
    return sorted(folder.iterdir())


def test_a_bundle_tells_the_crash(tmp_path):
    """Message, state before it, traceback, last envelopes, path, incarnation, decision."""
    files = crash(tmp_path)
    bundle = load_bundle(files[0])
    data = bundle.data
    assert data["path"] == "/t/d"
    assert data["message"]["data"] == {"by": 0}
    assert data["state"]["data"]["total"] == 5
    assert "ZeroDivisionError" in data["error"]["traceback"]
    assert len(data["recent"]) >= 2
    assert any(line.startswith("restart") for line in data["decision"])
    told = "\n".join(bundle.sentences())
    assert "/t/d" in told
    assert "ZeroDivisionError" in told


def test_values_are_redacted_unless_asked_for(tmp_path):
    """By default only the types of fields are written."""
    text = crash(tmp_path / "a")[0].read_text()
    assert "hush" not in text
    assert json.loads(text)["fields"]["secret"] == "str"
    assert "hush" in crash(tmp_path / "b", values=True)[0].read_text()


def test_only_the_newest_bundles_are_kept(tmp_path):
    """The folder is bounded."""
    assert [file.name for file in crash(tmp_path)] == ["t.d-2.json", "t.d-3.json"]


def test_a_bundle_reproduces_its_crash(tmp_path):
    """The same message on the same state crashes in the same way."""
    bundle = load_bundle(crash(tmp_path)[0])
    error = bundle.reproduce(Birth(Divider), Divide, Sum)
    assert error.error_type == "ZeroDivisionError"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"version": 99}'])
def test_what_is_no_bundle_is_refused(tmp_path, text):
    """One clear error that names the file."""
    file = tmp_path / "x.json"
    file.write_text(text)
    with pytest.raises(ConfigError, match="no crash bundle"):
        load_bundle(file)
    with pytest.raises(ConfigError, match="cannot be read"):
        load_bundle(tmp_path / "nothing.json")
