"""A package whose names are loaded from their homes when they are first used (PEP 562).

A name of a package needs one module, the package has twenty: who imports that
one should not pay for the others. Types are read from the same imports below
`TYPE_CHECKING`, so that editors and mypy see what they saw.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Any

__all__ = ["lazy_names"]


def lazy_names(
    package: str, homes: Mapping[str, Iterable[str]]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Make the `__getattr__` and the `__dir__` of a package.

    Args:
        package: Its `__name__`.
        homes: For each module, by its name below the package, the names that live there.

    Returns:
        What loads a name, and leaves it in the package: it is asked once for each.
        And what lists all names, for who looks around in a shell.
    """
    home_of = {name: f"{package}.{home}" for home, names in homes.items() for name in names}

    def load(name: str) -> Any:
        if name not in home_of:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(import_module(home_of[name]), name)
        setattr(sys.modules[package], name, value)
        return value

    def names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *home_of})

    return load, names
