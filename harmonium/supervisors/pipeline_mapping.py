"""A coordinator in a system file: its pipeline as a table, or by the name it is imported by."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from harmonium.protocols.errors import ConfigError, SpecError
from harmonium.protocols.message import is_message_class
from harmonium.protocols.pipeline.spec import Pipeline
from harmonium.protocols.pipeline.table import pipeline_from_table
from harmonium.supervisors.coordinator import coordinator
from harmonium.supervisors.spec import ChildSpec

__all__ = ["coordinator_from_mapping"]

_Import = Callable[[str, Any], Any]


def coordinator_from_mapping(
    place: str, own: dict[str, Any], fields: dict[str, Any], imported: _Import
) -> ChildSpec:
    """Make the spec of a coordinator.

    Args:
        place: Its path in the tree, for errors.
        own: `pipeline`, a table as `pipeline_from_table` reads it or the name
            of one (``package.module:name``); `messages`, the modules or
            classes that the table's names are looked up in; `limit`; and
            `keep`, a `Keep`.
        fields: The other fields of the child, ready.
        imported: Imports what a text names.

    Raises:
        SpecError: If anything is unknown, missing or wrong, with its place.
    """
    for key in ("args", "kwargs"):
        if key in fields:
            problem = "a coordinator has no other arguments than its own keys"
            raise SpecError(f"{place}.{key}", problem, "give pipeline, limit and keep")
    pipeline = own["pipeline"]
    if isinstance(pipeline, str):
        found = imported(f"{place}.pipeline", pipeline)
        if not isinstance(found, Pipeline):
            raise SpecError(f"{place}.pipeline", f"{pipeline} is no pipeline", "name a Pipeline")
    else:
        found = _read(place, pipeline, own.get("messages", ()), imported)
    given = {key: own[key] for key in ("limit", "keep") if own.get(key) is not None}
    return coordinator(found, **given, **fields)


def _read(place: str, table: Any, names: Any, imported: _Import) -> Pipeline[Any, Any]:
    messages = dict(_classes(f"{place}.messages", names, imported))
    try:
        return pipeline_from_table(table, messages, place=f"{place}.pipeline")
    except ConfigError as error:
        raise SpecError(error.path, error.problem, error.remedy) from None


def _classes(place: str, names: Any, imported: _Import) -> Iterator[tuple[str, type]]:
    if not isinstance(names, list | tuple):
        raise SpecError(place, f"{names!r} is no list", "write a list of modules")
    for name in names:
        if isinstance(name, str) and ":" in name:
            yield name.rpartition(":")[2].rpartition(".")[2], imported(place, name)
        else:
            yield from _of_module(place, name)


def _of_module(place: str, name: Any) -> Iterator[tuple[str, type]]:
    try:
        module = importlib.import_module(name)
    except Exception as error:
        problem = f"{name!r} cannot be imported ({error})"
        raise SpecError(place, problem, "name a module with messages") from error
    found: Mapping[str, Any] = vars(module)
    yield from ((key, value) for key, value in found.items() if is_message_class(value))
