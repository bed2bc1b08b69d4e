"""A whole system file: its tree, and its table `system`, which says what the tree is run with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harmonium.protocols.errors import SpecError
from harmonium.supervisors.mapping import TREE, from_mapping
from harmonium.supervisors.mapping_fields import SYSTEM
from harmonium.supervisors.mapping_values import fields_of, table_of
from harmonium.supervisors.spec import SupervisorSpec
from harmonium.supervisors.system_options import SystemOptions

__all__ = ["system_from_mapping"]


def system_from_mapping(data: Mapping[str, Any]) -> tuple[SupervisorSpec, SystemOptions]:
    """Read a system file: a tree as `from_mapping` reads it, and the options of its system.

    Args:
        data: The keys of a tree, and `system`: a table with the arguments of
            `SystemOptions`. It may be left out.

    Raises:
        SpecError: If anything is wrong; it names the path in the tree, or the
            place in the table, such as ``system.topics.entries``.

    Example:
        >>> tree, options = system_from_mapping({"name": "shop", "system": {"store": "shop.db"}})
        >>> tree.name, options.store
        ('shop', 'shop.db')
        >>> system_from_mapping({"name": "shop", "system": {"dead_leters": {"letters": 10}}})
        Traceback (most recent call last):
        harmonium.protocols.errors.SpecError: system.dead_leters: no such key;
        did you mean 'dead_letters'?
    """
    tree = dict(table_of("tree", data))
    options = _options(tree.pop("system", {}))
    return from_mapping(tree), options


def _options(data: Any) -> SystemOptions:
    for key in table_of("system", data):
        if key in TREE:  # in TOML, whatever stands below a table's name is a key of that table
            raise SpecError(f"system.{key}", "it is of the tree", "write it above [system]")
    return SystemOptions(**fields_of("system", data, SYSTEM))
