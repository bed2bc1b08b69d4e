"""What every test has: the leak guard and a Hypothesis profile that does not depend on speed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import hypothesis
import pytest

from tests import leaks

if TYPE_CHECKING:
    from tests.actors.store.postgres import Server

collect_ignore = ["typing"]  # read by mypy, never run

hypothesis.settings.register_profile(
    "local",
    deadline=None,  # a busy machine is no failure
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.register_profile(
    "ci",
    parent=hypothesis.settings.get_profile("local"),
    derandomize=True,  # a red run can be had again from the same commit
    database=None,
    print_blob=True,
)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "local")


@pytest.hookimpl(trylast=True)  # after pytest-randomly has chosen its seed
def pytest_configure(config: pytest.Config) -> None:
    """Guard the doctests too, which lie outside this folder, and let xdist's workers agree."""
    config.pluginmanager.register(leaks, "leaks")
    # Workers that hash differently print a set in a test's name differently, and xdist gives up.
    # Taken from the seed of the order, so that one number brings back both.
    seed = config.getoption("randomly_seed", default=0)
    os.environ.setdefault("PYTHONHASHSEED", str(seed if isinstance(seed, int) else 0))


# For the session, so that the server starts before a test's leak guard looks.
@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A PostgreSQL server that nobody has started yet."""
    from tests.actors.store.postgres import Server

    server = Server()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def postgres(server: Server) -> Server:
    """A PostgreSQL server that runs; the test is skipped when there can be none."""
    from tests.actors.store.postgres import NO_SERVER

    if not server.start():
        pytest.skip(NO_SERVER)
    return server
