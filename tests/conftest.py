"""What every test has: the leak guard and a Hypothesis profile that does not depend on speed."""

from __future__ import annotations

import os

import hypothesis
import pytest

from tests import leaks

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


def pytest_configure(config: pytest.Config) -> None:
    """Guard the doctests too, which lie outside this folder."""
    config.pluginmanager.register(leaks, "leaks")
