"""The pytest plugin: options of chaos tests, and the fixtures `world` and `probe`.

It is registered by the package, so that ``pip install`` is all there is to do.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from harmonium.testing.options import OPTIONS, Options
from harmonium.testing.probe import Probe
from harmonium.testing.world import World

__all__: list[str] = []


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("harmonium", "chaos tests of Harmonium agents")
    group.addoption("--chaos-seed", type=int, metavar="N", help="where searches begin")
    group.addoption(
        "--chaos-replay", metavar="FAULTS", help="run a known failure, or these faults, only"
    )
    group.addoption(
        "--chaos-budget", type=float, metavar="SECONDS", help="longest search for each test"
    )
    group.addoption(
        "--chaos-folder", default=".chaos", help="where known failures are kept; '' for nowhere"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line(
        "markers", "system(tree=...): the tree, or its builder, that the fixture 'world' runs"
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Tell chaos tests the options, and their own name."""
    option = item.config.option
    folder = item.config.rootpath / option.chaos_folder if option.chaos_folder else None
    token = OPTIONS.set(
        Options(option.chaos_seed, option.chaos_replay, option.chaos_budget, folder, item.nodeid)
    )
    try:
        return (yield)
    finally:
        OPTIONS.reset(token)


@pytest.fixture
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    """Give a world with the system of the marker, or of a fixture named ``system``.

    At the end of a test that passed it runs on until all is settled, and what
    the test stated is checked.
    """
    made = World(_system_of(request))
    made.start()
    yield made
    try:
        if not getattr(request.node, "harmonium_failed", False):
            made.finish()
    finally:
        made.close()


@pytest.fixture
def probe(world: World) -> Probe:
    """Give a probe in the world."""
    return world.probe("probe")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[Any]) -> Any:
    """Remember a test that failed, so that its world checks no more."""
    report = yield
    if call.when == "call" and report.failed:
        item.harmonium_failed = True  # type: ignore[attr-defined]
    return report


def _system_of(request: pytest.FixtureRequest) -> Any:
    marker = request.node.get_closest_marker("system")
    if marker is not None:
        return marker.kwargs["tree"]
    return request.getfixturevalue("system")
