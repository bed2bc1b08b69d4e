"""Specs from mappings and back, as a system file (TOML) holds them.

Unknown keys are refused, and the nearest known one is named. Every error names
the path in the tree. Durations may be numbers of seconds or texts such as
``250ms``, ``10s`` and ``5m``.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

from harmonium.protocols.backoff import Backoff
from harmonium.protocols.budget import Budget
from harmonium.protocols.durations import parse_duration
from harmonium.protocols.errors import ConfigError, SpecError
from harmonium.protocols.nearest import did_you_mean
from harmonium.protocols.overflow import Overflow
from harmonium.protocols.reliability.work_budget import WorkBudget
from harmonium.protocols.waiting import DROP, HOLD, Forward, Mail, Reply, Stash
from harmonium.supervisors import words
from harmonium.supervisors.directives import Directives, directives
from harmonium.supervisors.phase_spec import StopPhase
from harmonium.supervisors.pipeline_mapping import coordinator_from_mapping
from harmonium.supervisors.poison import Poison
from harmonium.supervisors.pool import pool
from harmonium.supervisors.pool_mapping import pool_fields
from harmonium.supervisors.spec import (
    ChildSpec,
    SupervisorSpec,
    child,
    partition_supervisor,
    supervisor,
)

__all__ = ["child_from_mapping", "from_mapping"]

Made = TypeVar("Made")
Reader = Callable[[str, Any], Any]


# --- readers of single values: (place, value in the file) -> value in the spec ---


def _as_is(_: str, value: Any) -> Any:
    return value


def _seconds(place: str, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return parse_duration(value)
    except ConfigError as error:
        raise SpecError(place, f"{value!r} {error.problem}", error.remedy) from None


def _seconds_or_never(place: str, value: Any) -> Any:
    return None if value == "never" else _seconds(place, value)


def _shutdown(place: str, value: Any) -> Any:
    known = {one.value: one for one in words.Shutdown}
    if not isinstance(value, str) or value[:1].isdigit():
        return _seconds(place, value)
    if value not in known:
        raise SpecError(place, f"{value!r} is unknown", did_you_mean(value, known))
    return known[value]


def _word(kind: type[words.Word | Overflow]) -> Reader:
    def read(place: str, value: Any) -> Any:
        known = {str(one.value): one for one in kind}
        if not isinstance(value, str) or value not in known:
            raise SpecError(place, f"{value!r} is unknown", did_you_mean(str(value), known))
        return known[value]

    return read


def _money(place: str, value: Any) -> Decimal:
    """Read an amount; a float would have lost cents before it came here."""
    try:
        if isinstance(value, str | int | Decimal) and not isinstance(value, bool):
            return Decimal(value)
    except InvalidOperation:
        pass
    raise SpecError(place, f"{value!r} is no amount of money", 'write it as a text: "12.50"')


def _record(cls: Callable[..., Any], readers: Mapping[str, Reader]) -> Reader:
    def read(place: str, value: Any) -> Any:
        fields = _fields(place, value, readers)
        return _inside(place, lambda: cls(**fields))

    return read


def _table(place: str, value: Any) -> Directives:
    rows: dict[Any, Any] = dict(_mapping(place, value))
    otherwise = rows.pop("*", words.ESCALATE)
    return directives(rows, otherwise=otherwise, place=place)


def _mail(place: str, value: Any) -> Mail:
    if value == "hold":
        return HOLD
    if value == "drop":
        return DROP
    kinds: Mapping[str, Reader] = {
        "stash": lambda place, number: _inside(place, lambda: Stash(number)),
        "reply": lambda place, text: Reply(_imported(place, text)),
        "forward": lambda _, to: Forward(to),
    }
    if isinstance(value, Mapping) and len(value) == 1:
        (name,) = value
        if name in kinds:
            mail: Mail = kinds[name](place, value[name])
            return mail
    raise SpecError(
        place,
        f"{value!r} is no policy",
        'write "hold", "drop", {stash=3}, {reply=…} or {forward=…}',
    )


def _imported(place: str, name: Any) -> Any:
    """Import what a text like ``package.module:name`` names."""
    if not isinstance(name, str) or ":" not in name:
        raise SpecError(place, f"{name!r} names nothing", "write package.module:name")
    try:
        return pkgutil.resolve_name(name)
    except Exception as error:
        raise SpecError(place, f"{name!r} cannot be imported ({error})", "check it") from error


_BACKOFF: Mapping[str, Reader] = {
    "initial": _seconds,
    "maximum": _seconds,
    "factor": _as_is,
    "jitter": _as_is,
    "stable_for": _seconds,
    "max_retries": _as_is,
}
_backoff = _record(Backoff, _BACKOFF)
_budget = _record(Budget, {"max_restarts": _as_is, "within": _seconds})
_work_budget = _record(
    WorkBudget,
    {
        "messages": _as_is,
        "seconds": _seconds,
        "concurrency": _as_is,
        "money": _money,
        "tokens": _as_is,
        "warn_at": lambda place, value: tuple(_list(place, value)),
        "stops": _as_is,
    },
)
_poison = _record(Poison, {"attempts": _as_is, "age": _seconds, "others": _as_is})
_phase = _record(
    StopPhase,
    {"name": _as_is, "after": _as_is, "timeout": _seconds, "recover": _as_is, "enabled": _as_is},
)

_AGENT: Mapping[str, Reader] = {
    "args": _as_is,
    "kwargs": _as_is,
    "mailbox": _as_is,
    "overflow": _word(Overflow),
    "handler_limit": _seconds_or_never,
    "keep_children": _as_is,
    "stash": _as_is,
    "retries": _as_is,
    "work_budget": _work_budget,
}
_CHILD: Mapping[str, Reader] = {
    "id": _as_is,
    "restart": _word(words.RestartType),
    "shutdown": _shutdown,
    "significant": _as_is,
    "start_timeout": _seconds_or_never,
    "backoff": _backoff,
    "mail": _mail,
    "directives": _table,
    "budget": _budget,
    "quarantine": _backoff,
    "poison": _poison,
    "forced": _as_is,
    "options": _as_is,
}
_SUPERVISOR: Mapping[str, Reader] = {
    "name": _as_is,
    "strategy": _word(words.Strategy),
    "max_restarts": _as_is,
    "within": _seconds,
    "per_child": _as_is,
    "subtree": _budget,
    "work_budget": _work_budget,
    "auto_shutdown": _word(words.AutoShutdown),
    "completed": _word(words.Bystander),
    "held": _word(words.Bystander),
    "directives": _table,
    "exhausted": _word(words.Exhausted),
    "on_root_exhausted": _word(words.RootExhausted),
    "lost_grace": _seconds,
    "keep_added": _as_is,
    "kind": _word(words.Kind),
    "max_children": _as_is,
    "extra_args": lambda _, value: tuple(value),
    "partitions": _as_is,
}
_NESTED = ("children", "template", "stop_phases")
_COORDINATOR = ("pipeline", "messages", "limit")


# --- whole specs ---


def from_mapping(data: Mapping[str, Any], *, path: str = "") -> SupervisorSpec:
    """Make the spec of a supervisor, and of the tree below it, from a mapping.

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
    plain = _mapping(path or "tree", data)
    place = f"{path}/{plain.get('name', '')}"
    readers = {**_SUPERVISOR, **dict.fromkeys(_NESTED, _as_is)}
    fields = _fields(place, plain, readers)
    if "children" in fields:
        fields["children"] = _children(place, fields["children"])
    if "stop_phases" in fields:
        phases = _list(f"{place}.stop_phases", fields["stop_phases"])
        fields["stop_phases"] = tuple(_one_phase(f"{place}.stop_phases", one) for one in phases)
    if fields.get("template") is not None:
        fields["template"] = child_from_mapping(fields["template"], path=place)
    return _below(path, lambda: _supervisor(place, fields))


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
            ``pool = {size = [2, 16], router = "sticky", key = "customer"}``.
        path: The path of its supervisor, for errors.

    Raises:
        SpecError: As `from_mapping`.
    """
    plain = dict(_mapping(f"{path}.children", data))
    tree, agent = plain.pop("supervisor", None), plain.pop("agent", None)
    many = plain.pop("pool", None)
    id = plain.get("id")
    place = f"{path}/{id or '?'}"
    own: dict[str, Any] = {key: plain.pop(key) for key in _COORDINATOR if key in plain}
    if [tree, agent, own.get("pipeline")].count(None) != 2:
        problem = "it needs either `agent` or `supervisor`, or `pipeline`"
        raise SpecError(place, problem, "give one of them")
    if own.get("pipeline") is not None:
        fields = _fields(place, plain, {**_CHILD, **_AGENT})
        return _below(path, lambda: coordinator_from_mapping(place, own, fields, _imported))
    if own:
        raise SpecError(f"{place}.{min(own)}", "only a coordinator has it", "give `pipeline`")
    if tree is not None:
        named = {"name": id, **_mapping(place, tree)}
        start: Any = from_mapping(named, path=path)
        fields = _fields(place, plain, _CHILD)
    else:
        start = _imported(f"{place}.agent", agent)
        fields = _fields(place, plain, {**_CHILD, **_AGENT})
    args = _list(f"{place}.args", fields.pop("args", ()))
    if many is None:
        return _below(path, lambda: child(start, *args, **fields))
    if tree is not None:
        raise SpecError(f"{place}.pool", "a pool has copies of one agent", "give `agent`")
    fields |= pool_fields(f"{place}.pool", many, _seconds, _imported)
    return _below(path, lambda: pool(start, *args, **fields))


def _children(place: str, value: Any) -> tuple[ChildSpec, ...]:
    found = []
    for number, one in enumerate(_list(f"{place}.children", value)):
        if isinstance(one, Mapping) and "id" not in one:
            raise SpecError(f"{place}.children[{number}].id", "it is missing", "give a name")
        found.append(child_from_mapping(one, path=place))
    return tuple(found)


def _one_phase(place: str, value: Any) -> Any:
    if isinstance(value, Mapping) and "name" not in value:
        raise SpecError(f"{place}.name", "it is missing", "give a name")
    return _phase(place, value)


def _fields(place: str, data: Any, readers: Mapping[str, Reader]) -> dict[str, Any]:
    found = {}
    for key, value in _mapping(place, data).items():
        if key not in readers:
            known = [
                *readers,
                *(("agent", "supervisor", "pool", "pipeline") if "restart" in readers else ()),
            ]
            raise SpecError(f"{place}.{key}", "no such key", did_you_mean(str(key), known))
        found[key] = readers[key](f"{place}.{key}", value)
    return found


def _mapping(place: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise SpecError(place, f"{value!r} is no table", "write a table of keys and values")
    return value


def _list(place: str, value: Any) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise SpecError(place, f"{value!r} is no list", "write a list")
    return tuple(value)


def _inside(place: str, make: Callable[[], Made]) -> Made:
    """Run `make`; put `place` where its error names only the class."""
    try:
        return make()
    except SpecError as error:
        _, dot, field = error.path.partition(".")
        raise SpecError(place + dot + field, error.problem, error.remedy) from None


def _below(path: str, make: Callable[[], Made]) -> Made:
    """Run `make`; put the path of the tree before the place of its error."""
    try:
        return make()
    except SpecError as error:
        place = error.path if error.path.startswith("/") else f"{path}/{error.path}"
        raise SpecError(place, error.problem, error.remedy) from None
