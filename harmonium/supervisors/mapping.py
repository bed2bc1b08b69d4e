"""Specs from mappings and back, as a system file (TOML) holds them.

Unknown keys are refused, and the nearest known one is named. Every error names
the path in the tree. Durations may be numbers of seconds or texts such as
``250ms``, ``10s`` and ``5m``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from harmonium.protocols.checks import inside
from harmonium.protocols.errors import SpecError
from harmonium.protocols.reliability.lease import LeasePolicy
from harmonium.supervisors import words
from harmonium.supervisors.mapping_fields import (
    AGENT,
    CHILD,
    COORDINATOR,
    KINDS,
    LEASE,
    ONLY,
    PHASE,
    STARTS,
    SUPERVISOR,
    SYSTEM,
)
from harmonium.supervisors.mapping_values import (
    as_is,
    fields_of,
    imported,
    list_of,
    table_of,
)
from harmonium.supervisors.pipeline_mapping import coordinator_from_mapping
from harmonium.supervisors.pool import pool
from harmonium.supervisors.pool_mapping import pool_fields
from harmonium.supervisors.singleton import singleton
from harmonium.supervisors.spec import (
    ChildSpec,
    SupervisorSpec,
    child,
    partition_supervisor,
    supervisor,
)

__all__ = ["TREE", "child_from_mapping", "from_mapping"]

Made = TypeVar("Made")
_NESTED = ("children", "template", "stop_phases")
TREE = (*SUPERVISOR, *_NESTED)
"""The keys of a tree."""


def from_mapping(data: Mapping[str, Any], *, path: str = "") -> SupervisorSpec:
    """Make the spec of a supervisor, and of the tree below it, from a mapping.

    A file that has a table `system` besides is read by `system_from_mapping`.

    Args:
        data: Keys are the fields of `SupervisorSpec`; `children` and
            `stop_phases` are lists of mappings, ``kind = "partition"`` takes
            `partitions` and a `template`.
        path: The path above it, for errors.

    Raises:
        SpecError: If anything is unknown, missing, out of bounds or cannot be
            imported; it names the path in the tree.

    Example:
        >>> from_mapping({"name": "shop", "strategy": "one_for_al"})
        Traceback (most recent call last):
        harmonium.protocols.errors.SpecError: /shop.strategy: 'one_for_al' is unknown;
        did you mean 'one_for_all'?
    """
    plain = table_of(path or "tree", data)
    place = f"{path}/{plain.get('name', '')}"
    _refuse_options(place, plain, path)
    readers = {**SUPERVISOR, **dict.fromkeys(_NESTED, as_is)}
    fields = fields_of(place, plain, readers, () if path else ("system",))
    if "children" in fields:
        fields["children"] = _children(place, fields["children"])
    if "stop_phases" in fields:
        phases = list_of(f"{place}.stop_phases", fields["stop_phases"])
        fields["stop_phases"] = tuple(_one_phase(f"{place}.stop_phases", one) for one in phases)
    if fields.get("template") is not None:
        fields["template"] = child_from_mapping(fields["template"], path=place)
    return _below(path, lambda: _supervisor(place, fields))


def _refuse_options(place: str, plain: Mapping[str, Any], path: str) -> None:
    """Say where the options of a system stand to who looks for them in a tree."""
    if "system" in plain:
        remedy = "write it at the top of the file" if path else "read it by system_from_mapping"
        raise SpecError(f"{place}.system", "a tree has no options of a system", remedy)
    for key in SYSTEM:
        if key in plain:
            raise SpecError(f"{place}.{key}", "no such key", "write it in the table `system`")


def _supervisor(place: str, fields: dict[str, Any]) -> SupervisorSpec:
    if fields.get("kind") is words.Kind.PARTITION and "children" not in fields:
        for key in ("partitions", "template"):
            if key not in fields:
                raise SpecError(f"{place}.{key}", "it is missing", "a partition supervisor has it")
        del fields["kind"]
        return partition_supervisor(fields.pop("name", None), fields.pop("template"), **fields)
    if "partitions" in fields:
        raise SpecError(f"{place}.partitions", "it has no partitions", 'give kind = "partition"')
    if fields.get("kind") is words.Kind.DYNAMIC:
        fields.setdefault("per_child", True)
    return supervisor(fields.pop("name", None), **fields)


def child_from_mapping(data: Mapping[str, Any], *, path: str = "") -> ChildSpec:
    """Make the spec of one child from a mapping.

    Args:
        data: `agent` (``package.module:Class``) with `args`, `kwargs` and other
            options of `child`; or `supervisor` with the mapping of a tree; or
            `pipeline`, which makes it a coordinator
            (`harmonium.supervisors.pipeline_mapping`); and the fields of
            `ChildSpec`. An agent with a table `pool` is one:
            ``pool = {size = [2, 16], router = "sticky", key = "customer"}``;
            with a table `singleton` it runs in one system at a time:
            ``singleton = {lease = "cron", seconds = "10s", margin = 0.1}``.
        path: The path of its supervisor, for errors.

    Raises:
        SpecError: As `from_mapping`.
    """
    plain = dict(table_of(f"{path}.children", data))
    place = f"{path}/{plain.get('id') or '?'}"
    popped = {key: plain.pop(key, None) for key in KINDS}
    kinds = {key: value for key, value in popped.items() if value is not None}
    if sum(key in kinds for key in STARTS) != 1:
        problem = "it needs either `agent` or `supervisor`, or `pipeline`"
        raise SpecError(place, problem, "give one of them")
    for key, (start, who) in ONLY.items():
        if key in kinds and start not in kinds:
            raise SpecError(f"{place}.{key}", f"only {who} has it", f"give `{start}`")
    readers = CHILD if "supervisor" in kinds else {**CHILD, **AGENT}
    fields = fields_of(place, plain, readers, KINDS)
    make = _tree if "supervisor" in kinds else _agent if "agent" in kinds else _coordinator
    return _below(path, lambda: make(place, path, kinds, fields))


_Kinds = Mapping[str, Any]


def _tree(place: str, path: str, kinds: _Kinds, fields: dict[str, Any]) -> ChildSpec:
    named = {"name": fields.get("id"), **table_of(place, kinds["supervisor"])}
    return child(from_mapping(named, path=path), **fields)


def _coordinator(place: str, _: str, kinds: _Kinds, fields: dict[str, Any]) -> ChildSpec:
    own = {key: COORDINATOR[key](f"{place}.{key}", value) for key, value in kinds.items()}
    return coordinator_from_mapping(place, own, fields, imported)


def _agent(place: str, _: str, kinds: _Kinds, fields: dict[str, Any]) -> ChildSpec:
    start = imported(f"{place}.agent", kinds["agent"])
    args = list_of(f"{place}.args", fields.pop("args", ()))
    if "pool" in kinds and "singleton" in kinds:
        raise SpecError(f"{place}.singleton", "a pool has many agents", "leave one of them out")
    if "singleton" in kinds:
        fields |= _singleton(f"{place}.singleton", kinds["singleton"])
        return singleton(start, *args, **fields)
    if "pool" in kinds:
        fields |= pool_fields(f"{place}.pool", kinds["pool"])
        return pool(start, *args, **fields)
    return child(start, *args, **fields)


def _singleton(place: str, value: Any) -> dict[str, Any]:
    """Read the table of a singleton: its lease, and how long that lasts."""
    fields = fields_of(place, value, {"lease": as_is, **LEASE})
    lease = {"lease": fields.pop("lease")} if "lease" in fields else {}
    return {**lease, "policy": inside(place, lambda: LeasePolicy(**fields))}


def _children(place: str, value: Any) -> tuple[ChildSpec, ...]:
    found = []
    for number, one in enumerate(list_of(f"{place}.children", value)):
        if isinstance(one, Mapping) and "id" not in one:
            raise SpecError(f"{place}.children[{number}].id", "it is missing", "give a name")
        found.append(child_from_mapping(one, path=place))
    return tuple(found)


def _one_phase(place: str, value: Any) -> Any:
    if isinstance(value, Mapping) and "name" not in value:
        raise SpecError(f"{place}.name", "it is missing", "give a name")
    return PHASE(place, value)


def _below(path: str, make: Callable[[], Made]) -> Made:
    """Run `make`; put the path of the tree before the place of its error."""
    try:
        return make()
    except SpecError as error:
        place = error.path if error.path.startswith("/") else f"{path}/{error.path}"
        raise SpecError(place, error.problem, error.remedy) from None
