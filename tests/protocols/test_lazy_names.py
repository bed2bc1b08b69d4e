"""The names of a package are loaded when they are first used."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

PACKAGES = [
    "harmonium.actors.store",
    "harmonium.protocols.reliability",
    "harmonium.protocols.routing",
]


@pytest.mark.parametrize("package", PACKAGES)
def test_every_name_has_a_home(package: str) -> None:
    """Each name that a package offers is there, and is seen by who looks around."""
    module = importlib.import_module(package)
    assert set(module.__all__) <= set(dir(module))
    for name in module.__all__:
        assert getattr(module, name) is not None
        assert name in vars(module)


def test_an_unknown_name_is_an_attribute_error() -> None:
    """A package says like any other module that it has no such name."""
    module = importlib.import_module("harmonium.protocols.routing")
    with pytest.raises(AttributeError, match="'harmonium.protocols.routing' has no attribute 'No'"):
        _ = module.No


def test_a_name_loads_its_home_alone() -> None:
    """Who takes one name does not pay for the modules of the others."""
    program = (
        "import sys; from harmonium.protocols.routing import ROUND_ROBIN; "
        "print(*[m for m in sys.modules if m.startswith('harmonium.protocols.routing.')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split())
    assert "harmonium.protocols.routing.turns" in loaded
    assert "harmonium.protocols.routing.sticky" not in loaded
