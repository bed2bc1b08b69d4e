"""kill -9 in the middle of appends: what was acknowledged is there, nothing is in part."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest

from harmonium.actors.store import Store
from tests.actors.store import appending
from tests.actors.store.conftest import Place

ROOT = Path(__file__).parents[3]
PROGRAM = [sys.executable, "-m", "tests.actors.store.appending"]


def append_until_killed(url: str, lines: int) -> dict[str, int]:
    """Run the program until it has printed so many lines, kill it, and collect its acks."""
    acknowledged: dict[str, int] = {}
    with subprocess.Popen([*PROGRAM, url], cwd=ROOT, stdout=subprocess.PIPE, text=True) as program:
        for _ in range(lines):
            stream, version = program.stdout.readline().split()
            acknowledged[stream] = int(version)
        program.kill()
        # What it had printed before it died counts too; a line cut short does not.
        for line in program.stdout.read().splitlines(keepends=True):
            if line.endswith("\n"):
                stream, version = line.split()
                acknowledged[stream] = int(version)
    return acknowledged


def check_whole(store: Store, acknowledged: dict[str, int]) -> None:
    """Every acknowledged unit is there, every unit is whole, and no version is missing."""
    units = 0
    for n in range(appending.STREAMS):
        stream = f"s{n}"
        events = store.streams.read(stream, limit=10_000).result()
        version = store.streams.status(stream).result().version
        assert list(range(1, version + 1)) == [event.version for event in events]
        assert version % 3 == 0
        assert version >= acknowledged.get(stream, 0)
        units += version // 3
    assert units == store.log("units").last_id().result()
    assert units == len(store.log("units").scan(limit=units + 1).result())


def kill_and_check(place: Place, times: int, seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(times):
        acknowledged = append_until_killed(str(place.url), chance.randint(1, 400))
        store = place.open()
        check_whole(store, acknowledged)
        store.close()


def test_ten_kills_lose_nothing(durable: Place) -> None:
    """Ten times kill -9 at a random moment, each time on what the last one left."""
    kill_and_check(durable, 10, seed=1)


@pytest.mark.soak
def test_hundred_kills_lose_nothing(durable: Place) -> None:
    """As above, for long."""
    kill_and_check(durable, 100, seed=2)
