"""Pools as a system file holds them: ``pool = {size = [2, 16], router = "least_loaded"}``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs

from harmonium.protocols.autoscale import Autoscale
from harmonium.protocols.checks import inside
from harmonium.protocols.routing import (
    BROADCAST,
    CONSISTENT_HASH,
    LEAST_LOADED,
    POWER_OF_TWO,
    RANDOM,
    ROUND_ROBIN,
    SCATTER_FIRST,
    STICKY,
    LeastLoaded,
)
from harmonium.protocols.routing.members import Router
from harmonium.supervisors.mapping_values import (
    Reader,
    as_is,
    fields_of,
    imported,
    list_of,
    record,
    seconds,
    seconds_or_never,
    word,
)
from harmonium.supervisors.pool import MAX_RESTARTS, WITHIN
from harmonium.supervisors.pool_spec import DEFAULT_DRAIN, KEEP, MemberCrash, PoolSettings
from harmonium.supervisors.spec import SupervisorSpec

__all__ = ["pool_fields", "pool_mapping"]

_ROUTERS: Mapping[str, Router[Any]] = {
    "round_robin": ROUND_ROBIN,
    "random": RANDOM,
    "least_loaded": LEAST_LOADED,
    "power_of_two": POWER_OF_TWO,
    "consistent_hash": CONSISTENT_HASH,
    "sticky": STICKY,
    "broadcast": BROADCAST,
    "scatter_first": SCATTER_FIRST,
}


def pool_fields(place: str, data: Any) -> dict[str, Any]:
    """Read the table of a pool.

    Args:
        place: Where it stands, for errors.
        data: The table; its keys are the arguments of `pool`. A router is a
            word, or a table of one word with the router's own arguments.

    Raises:
        SpecError: If a key, a word or a value in it is wrong, with its place.
    """
    return fields_of(place, data, _POOL)


def _size(_: str, value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _key(place: str, value: Any) -> Any:
    return imported(place, value) if isinstance(value, str) and ":" in value else value


def _or_never(_: str, value: Any) -> Any:
    return None if value == "never" else value


def _router(place: str, value: Any) -> Router[Any]:
    if isinstance(value, Mapping) and len(value) == 1:
        ((name, options),) = value.items()
        router: Any = word(_ROUTERS)(place, name)
        names = [field.name for field in attrs.fields(type(router))]
        readers = {name: _router if name == "place" else _or_never for name in names}
        read = fields_of(f"{place}.{name}", options, readers)
        made: Router[Any] = inside(f"{place}.{name}", lambda: attrs.evolve(router, **read))
        return made
    plain: Router[Any] = word(_ROUTERS)(place, value)
    return plain


_SCALE: Mapping[str, Reader] = {
    "minimum": as_is,
    "maximum": as_is,
    "utilisation": as_is,
    "depth": _or_never,
    "wait": seconds_or_never,
    "period": seconds,
    "tolerance": as_is,
    "cooldown": seconds,
    "shrink_after": seconds,
}
_POOL: Mapping[str, Reader] = {
    "size": _size,
    "router": _router,
    "key": _key,
    "autoscale": record(Autoscale, _SCALE),
    "on_member_crash": word(MemberCrash),
    "weights": list_of,
    "drain": seconds_or_never,
    "max_restarts": as_is,
    "within": seconds,
}


# -- the other way


def pool_mapping(spec: SupervisorSpec, name: Callable[[Any], str]) -> dict[str, Any]:
    """Describe what makes a supervisor a pool, with nothing that is a default."""
    settings = spec.pool
    if settings is None:
        return {}
    key = settings.key
    said = {
        "key": key if key is None or isinstance(key, str) else name(key),
        "on_member_crash": settings.on_member_crash.value,
        "weights": None if settings.weights is None else list(settings.weights),
        "drain": "never" if settings.drain is None else settings.drain,
        "max_restarts": spec.max_restarts,
        "within": spec.within,
    }
    changed = {key: value for key, value in said.items() if value != _DEFAULTS[key]}
    return {**_size_of(settings), "router": _router_mapping(settings.router), **changed}


_DEFAULTS: Mapping[str, Any] = {
    "key": None,
    "on_member_crash": KEEP.value,
    "weights": None,
    "drain": DEFAULT_DRAIN,
    "max_restarts": MAX_RESTARTS,
    "within": WITHIN,
}


def _size_of(settings: PoolSettings) -> dict[str, Any]:
    scale = settings.autoscale
    if scale is None:
        return {"size": settings.size}
    changed = _changed(scale, Autoscale(scale.minimum, scale.maximum))
    size = {"size": [scale.minimum, scale.maximum]}
    return {**size, "autoscale": changed} if changed else size


def _router_mapping(router: Router[Any]) -> Any:
    for name, known in _ROUTERS.items():
        if known == router:
            return name
    alike = (name for name, known in _ROUTERS.items() if type(known) is type(router))
    name = next(alike, repr(router))
    if name not in _ROUTERS or isinstance(router, LeastLoaded):
        return name
    return {name: _changed(router, _ROUTERS[name])}


def _changed(value: Any, plain: Any) -> dict[str, Any]:
    """Give the fields in which two values of a class differ."""
    found = {}
    for field in attrs.fields(type(value)):
        now = getattr(value, field.name)
        if now != getattr(plain, field.name):
            plainly = _router_mapping(now) if isinstance(now, Router) else now
            found[field.name] = "never" if now is None else plainly
    return found
