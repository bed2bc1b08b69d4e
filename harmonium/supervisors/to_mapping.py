"""Specs as mappings: what `from_mapping` reads, with nothing that is a default."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs

from harmonium.actors.birth import Birth
from harmonium.protocols.waiting import Drop, Forward, Hold, Reply, Stash
from harmonium.supervisors.directives import Directives
from harmonium.supervisors.pool_mapping import pool_mapping
from harmonium.supervisors.singleton import led_by
from harmonium.supervisors.spec import ChildSpec, SupervisorSpec
from harmonium.supervisors.system_options import SystemOptions
from harmonium.supervisors.words import ESCALATE, NEVER_GIVE_UP

__all__ = ["to_mapping"]


def to_mapping(
    spec: SupervisorSpec | ChildSpec, options: SystemOptions | None = None
) -> dict[str, Any]:
    """Describe a spec as a system file does; `from_mapping` makes the same spec of it.

    With the options of a system, `system_from_mapping` makes the same tree and
    the same options of it.

    Factories and constant replies are given by the name they can be imported by;
    a lambda has none and is given by the name that Python shows.

    Example:
        >>> from harmonium.supervisors.spec import child, supervisor
        >>> to_mapping(supervisor("shop", children=[child(dict, id="stock", shutdown=1)]))
        {'name': 'shop', 'children': [{'id': 'stock', 'agent': 'builtins:dict', 'shutdown': 1}]}
    """
    data = _child(spec) if isinstance(spec, ChildSpec) else _supervisor(spec)
    system = {} if options is None else _plain(options.arguments())
    return {**data, "system": system} if system else data


def _supervisor(spec: SupervisorSpec) -> dict[str, Any]:
    data = _changed(spec)
    if spec.is_dynamic:  # whose default for this one is the other way round
        data.pop("per_child", None)
        if not spec.per_child:
            data["per_child"] = False
    return data


def _child(spec: ChildSpec) -> dict[str, Any]:
    data = _changed(spec)
    del data["start"]
    if isinstance(spec.start, Birth):
        birth = spec.start
        if (led := led_by(birth)) is not None:
            birth, lease, policy = led
            data["singleton"] = {**({"lease": lease} if lease else {}), **_changed(policy)}
        start = _changed(birth)
        return {"id": spec.id, "agent": _name(start.pop("factory"))} | start | data
    if spec.start.pool is not None and spec.start.template is not None:
        members = {**_child(spec.start.template), "pool": pool_mapping(spec.start, _name)}
        return {**members, "significant": True} if spec.significant else members
    tree = _supervisor(spec.start)
    for key, default in (("shutdown", NEVER_GIVE_UP), ("start_timeout", None)):
        data.pop(key, None)  # a supervisor has other defaults than an agent
        if getattr(spec, key) != default:
            data[key] = _plain(getattr(spec, key))
    if tree["name"] == spec.id:
        del tree["name"]
    return {"id": spec.id, "supervisor": tree} | data


def _changed(value: Any) -> dict[str, Any]:
    """Give the fields that are not at their default."""
    fields = [field for field in attrs.fields(type(value)) if field.init]
    now = {field.name: getattr(value, field.name) for field in fields}
    return {
        field.name: _plain(now[field.name])
        for field in fields
        if field.default is attrs.NOTHING or now[field.name] != _default(field)
    }


def _default(field: attrs.Attribute[Any]) -> Any:
    factory = getattr(field.default, "factory", None)
    return field.default if factory is None else factory()


def _plain(value: Any) -> Any:
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, ChildSpec | SupervisorSpec):
        return to_mapping(value)
    if isinstance(value, Directives):
        rows: dict[str, Any] = {name: one.value for name, one in value.table.items()}
        return rows if value.otherwise is ESCALATE else {**rows, "*": value.otherwise.value}
    if isinstance(value, Hold | Drop | Reply | Forward | Stash | Decimal | Path):
        return str(value) if isinstance(value, Decimal | Path) else _mail(value)
    if attrs.has(type(value)):
        return _changed(value)
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    return "never" if value is None else value


def _mail(value: Hold | Drop | Reply | Forward | Stash) -> Any:
    if isinstance(value, Stash):
        return {"stash": value.capacity}
    if isinstance(value, Forward):
        return {"forward": value.to}
    if isinstance(value, Reply):
        return {"reply": _name(value.message)}
    return "drop" if isinstance(value, Drop) else "hold"


def _name(value: Any) -> str:
    module, name = getattr(value, "__module__", ""), getattr(value, "__qualname__", "")
    return f"{module}:{name}" if name else repr(value)
