"""Chaos tests that are themselves tested keep nothing, whatever the command line says."""

from __future__ import annotations

import importlib.metadata

import pytest

from harmonium.testing.options import OPTIONS, Options


@pytest.fixture(autouse=True)
def _no_options():
    token = OPTIONS.set(Options())
    yield
    OPTIONS.reset(token)


@pytest.fixture
def with_plugin():
    """Arguments that load the plugin, unless the installed package does so itself."""
    installed = importlib.metadata.entry_points(group="pytest11").names
    return [] if "harmonium" in installed else ["-p", "harmonium.testing.plugin"]
