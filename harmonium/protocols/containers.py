"""How containers travel: tuples, frozensets and mappings.

Each function makes the hooks of one shape from those of its parts. An error
collects the path on its way out: each level puts its own piece before it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from harmonium.protocols.errors import CodecError, MalformedMessage
from harmonium.protocols.immutable import FrozenMap
from harmonium.protocols.kinds import is_text
from harmonium.protocols.scalars import Hooks, Read, Write, misfit

__all__ = ["Parts", "inside", "key_piece", "mapping_hooks", "row_hooks", "set_hooks", "tuple_hooks"]

Parts = Callable[[Any], Hooks]
"""Gives the hooks of a part's type."""


def inside(error: CodecError, piece: str) -> CodecError:
    """Put a piece before the path of an error that comes from within."""
    error.path = f"{piece}{error.path}"
    return error


def key_piece(key: Any) -> str:
    """Write a key as a piece of a path: ``["apple"]``."""
    return f"[{json.dumps(key[:60]) if isinstance(key, str) else type(key).__name__}]"


def _read_all(value: Any, read: Read, annotation: Any) -> list[Any]:
    if type(value) is not list:
        raise misfit("array", value)
    items: list[Any] = []
    try:
        for item in value:
            items.append(read(item, annotation))  # noqa: PERF401 - its length is the path
    except CodecError as error:
        raise inside(error, f"[{len(items)}]") from error.__cause__
    return items


def _write_all(value: Any, write: Write) -> list[Any]:
    items: list[Any] = []
    try:
        for item in value:
            items.append(write(item))  # noqa: PERF401 - its length is the path
    except CodecError as error:
        raise inside(error, f"[{len(items)}]") from error.__cause__
    return items


def tuple_hooks(item: Any, parts: Parts) -> Hooks:
    """Give the hooks of a tuple of any length: an array."""
    read_item, write_item = parts(item)

    def write(value: Any) -> list[Any]:
        if not isinstance(value, tuple):
            raise misfit("tuple", value)
        return _write_all(value, write_item)

    return (lambda value, _: tuple(_read_all(value, read_item, item))), write


def row_hooks(items: tuple[Any, ...], parts: Parts) -> Hooks:
    """Give the hooks of a tuple of fixed length: an array of that length."""
    hooks = [parts(item) for item in items]

    def read(value: Any, _: Any) -> tuple[Any, ...]:
        if type(value) is not list:
            raise misfit("array", value)
        _check_length(value, items)
        places = iter(zip(hooks, items, strict=True))

        def read_next(item: Any, _: Any) -> Any:
            (read_place, _write), annotation = next(places)
            return read_place(item, annotation)

        return tuple(_read_all(value, read_next, None))

    def write(value: Any) -> list[Any]:
        if not isinstance(value, tuple):
            raise misfit("tuple", value)
        _check_length(value, items)
        writers = iter(hooks)

        def write_next(item: Any) -> Any:
            return next(writers)[1](item)

        return _write_all(value, write_next)

    return read, write


def _check_length(value: Any, items: tuple[Any, ...]) -> None:
    if len(value) != len(items):
        raise MalformedMessage("", f"{len(items)} items expected, not {len(value)}")


def set_hooks(item: Any, parts: Parts) -> Hooks:
    """Give the hooks of a frozenset: an array without repeats, in a fixed order."""
    read_item, write_item = parts(item)

    def read(value: Any, _: Any) -> frozenset[Any]:
        items = _read_all(value, read_item, item)
        whole = frozenset(items)
        if len(whole) != len(items):
            raise MalformedMessage("", "an item stands twice")
        return whole

    def write(value: Any) -> list[Any]:
        if not isinstance(value, frozenset):
            raise misfit("frozenset", value)
        # The order of a set differs between processes; what is hashed or compared must not.
        return sorted(_write_all(value, write_item), key=json.dumps)

    return read, write


def mapping_hooks(key: Any, value: Any, parts: Parts) -> Hooks:
    """Give the hooks of a mapping: an object where keys are text, pairs otherwise."""
    if not is_text(key):
        return _pair_hooks(key, value, parts)
    read_key, write_key = parts(key)
    read_value, write_value = parts(value)

    def read(primitive: Any, _: Any) -> FrozenMap[Any, Any]:
        if type(primitive) is not dict:
            raise misfit("object", primitive)
        items = _convert(primitive, lambda k: read_key(k, key), lambda v: read_value(v, value))
        return FrozenMap(_unique(items, len(primitive)))

    def write(mapping: Any) -> dict[str, Any]:
        if not isinstance(mapping, Mapping):
            raise misfit("mapping", mapping)
        return _convert(mapping, write_key, write_value)

    return read, write


def _convert(items: Mapping[Any, Any], on_key: Write, on_value: Write) -> dict[Any, Any]:
    converted = {}
    for key, value in items.items():
        try:
            converted[on_key(key)] = on_value(value)
        except CodecError as error:
            raise inside(error, key_piece(key)) from error.__cause__
    return converted


def _pair_hooks(key: Any, value: Any, parts: Parts) -> Hooks:
    pair = (key, value)
    read_pair, write_pair = row_hooks(pair, parts)

    def read(primitive: Any, _: Any) -> FrozenMap[Any, Any]:
        pairs = _read_all(primitive, read_pair, pair)
        return FrozenMap(_unique(dict(pairs), len(pairs)))

    def write(mapping: Any) -> list[Any]:
        if not isinstance(mapping, Mapping):
            raise misfit("mapping", mapping)
        return _write_all(mapping.items(), write_pair)

    return read, write


def _unique(items: dict[Any, Any], expected: int) -> dict[Any, Any]:
    if len(items) != expected:
        raise MalformedMessage("", "a key stands twice")
    return items
