"""Pools as a system file holds them: ``pool = {size = [2, 16], router = "least_loaded"}``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs

from harmonium.protocols.autoscale import Autoscale
from harmonium.protocols.errors import SpecError
from harmonium.protocols.nearest import did_you_mean
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
from harmonium.supervisors.pool import MAX_RESTARTS, WITHIN
from harmonium.supervisors.pool_spec import DEFAULT_DRAIN, KEEP, MemberCrash, PoolSettings
from harmonium.supervisors.spec import SupervisorSpec

__all__ = ["POOL_KEYS", "pool_fields", "pool_mapping"]

Seconds = Callable[[str, Any], Any]

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

_TIMES = ("period", "cooldown", "shrink_after", "wait")

POOL_KEYS = (
    "size",
    "router",
    "key",
    "autoscale",
    "on_member_crash",
    "weights",
    "drain",
    "max_restarts",
    "within",
)


def pool_fields(
    place: str, data: Any, seconds: Seconds, imported: Callable[[str, Any], Any]
) -> dict[str, Any]:
    """Read the table of a pool.

    Args:
        place: Where it stands, for errors.
        data: The table.
        seconds: Reads a duration.
        imported: Imports what a text names.

    Raises:
        SpecError: If a key or a word in it is unknown.
    """
    if not isinstance(data, Mapping):
        raise SpecError(place, f"{data!r} is no table", "write a table of keys and values")
    readers: Mapping[str, Callable[[str, Any], Any]] = {
        **dict.fromkeys(POOL_KEYS, lambda _, value: value),
        "size": lambda _, value: tuple(value) if isinstance(value, list) else value,
        "router": _router,
        "key": lambda at, value: imported(at, value) if ":" in str(value) else value,
        "autoscale": lambda at, value: _autoscale(at, value, seconds),
        "on_member_crash": _crash,
        "drain": lambda at, value: None if value == "never" else seconds(at, value),
        "within": seconds,
    }
    for key in data:
        if key not in readers:
            raise SpecError(f"{place}.{key}", "no such key", did_you_mean(str(key), POOL_KEYS))
    return {key: readers[key](f"{place}.{key}", value) for key, value in data.items()}


def _router(place: str, value: Any) -> Router[Any]:
    if isinstance(value, Mapping) and len(value) == 1:
        (name, options), *_ = value.items()
        router: Any = _named(place, name)
        fields = {one.name for one in attrs.fields(type(router))}
        for key in options:
            if key not in fields:
                raise SpecError(f"{place}.{key}", "no such key", did_you_mean(key, sorted(fields)))
        read = {
            key: _router(f"{place}.place", option)
            if key == "place"
            else None
            if option == "never"
            else option
            for key, option in options.items()
        }
        made: Router[Any] = attrs.evolve(router, **read)
        return made
    return _named(place, value)


def _named(place: str, value: Any) -> Router[Any]:
    if not isinstance(value, str) or value not in _ROUTERS:
        raise SpecError(place, f"{value!r} is unknown", did_you_mean(str(value), _ROUTERS))
    return _ROUTERS[value]


def _crash(place: str, value: Any) -> MemberCrash:
    known = {one.value: one for one in MemberCrash}
    if value not in known:
        raise SpecError(place, f"{value!r} is unknown", did_you_mean(str(value), known))
    return known[value]


def _autoscale(place: str, value: Any, seconds: Seconds) -> Autoscale:
    if not isinstance(value, Mapping):
        raise SpecError(place, f"{value!r} is no table", "write a table of keys and values")
    known = [one.name for one in attrs.fields(Autoscale)]
    fields: dict[str, Any] = {}
    for key, one in value.items():
        if key not in known:
            raise SpecError(f"{place}.{key}", "no such key", did_you_mean(str(key), known))
        read = seconds(f"{place}.{key}", one) if key in _TIMES and one != "never" else one
        fields[key] = None if read == "never" else read
    return Autoscale(**fields)


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
    return {**_size(settings), "router": _router_mapping(settings.router), **changed}


_DEFAULTS: Mapping[str, Any] = {
    "key": None,
    "on_member_crash": KEEP.value,
    "weights": None,
    "drain": DEFAULT_DRAIN,
    "max_restarts": MAX_RESTARTS,
    "within": WITHIN,
}


def _size(settings: PoolSettings) -> dict[str, Any]:
    scale = settings.autoscale
    if scale is None:
        return {"size": settings.size}
    changed = _changed(scale, Autoscale(scale.minimum, scale.maximum))
    size = {"size": [scale.minimum, scale.maximum]}
    return {**size, "autoscale": changed} if changed else size


def _router_mapping(router: Router[Any]) -> Any:
    for word, known in _ROUTERS.items():
        if known == router:
            return word
    word = next(
        (word for word, known in _ROUTERS.items() if type(known) is type(router)),
        repr(router),
    )
    if word not in _ROUTERS or isinstance(router, LeastLoaded):
        return word
    return {word: _changed(router, _ROUTERS[word])}


def _changed(value: Any, plain: Any) -> dict[str, Any]:
    """Give the fields in which two values of a class differ."""
    found = {}
    for field in attrs.fields(type(value)):
        now = getattr(value, field.name)
        if now != getattr(plain, field.name):
            plainly = _router_mapping(now) if isinstance(now, Router) else now
            found[field.name] = "never" if now is None else plainly
    return found
