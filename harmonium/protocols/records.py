"""How classes with fields travel, and messages with their names and versions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs

from harmonium.protocols.catalog import Catalog
from harmonium.protocols.containers import Parts, inside, key_piece
from harmonium.protocols.errors import CodecError, MalformedMessage, UnknownMessage
from harmonium.protocols.fields import wire_fields
from harmonium.protocols.message_info import Upcast, info_of, name_of
from harmonium.protocols.nearest import nearest
from harmonium.protocols.scalars import Hooks, Read, Write, misfit

__all__ = ["message_hooks", "record_hooks"]


@attrs.frozen
class _Field:
    name: str
    alias: str
    type: Any
    read: Read
    write: Write
    required: bool


def record_hooks(cls: type, parts: Parts) -> Hooks:
    """Give the hooks of a class with fields: an object with one entry for each.

    A field with a default may be missing. The hooks of the fields are looked
    up at the first value, because a class may contain itself.
    """
    found: list[_Field] = []

    def fields() -> list[_Field]:
        if not found:
            found[:] = [
                _Field(a.name, a.alias or "", a.type, *parts(a.type), a.default is attrs.NOTHING)
                for a in wire_fields(cls)
            ]
        return found

    def read(value: Any, _: Any) -> Any:
        if type(value) is not dict:
            raise misfit("object", value)
        arguments = _arguments(value, fields())
        if len(arguments) != len(value):
            _refuse_extra(cls, value, {field.name for field in found})
        return _built(cls, arguments)

    def write(value: Any) -> dict[str, Any]:
        if type(value) is not cls:
            raise misfit(name_of(cls), value)
        return _primitive(value, fields())

    return read, write


def _primitive(value: Any, fields: list[_Field]) -> dict[str, Any]:
    primitive = {}
    for field in fields:
        try:
            primitive[field.name] = field.write(getattr(value, field.name))
        except CodecError as error:
            raise inside(error, f".{field.name}") from error.__cause__
    return primitive


def _arguments(value: dict[Any, Any], fields: list[_Field]) -> dict[str, Any]:
    arguments = {}
    for field in fields:
        if field.name in value:
            try:
                arguments[field.alias] = field.read(value[field.name], field.type)
            except CodecError as error:
                raise inside(error, f".{field.name}") from error.__cause__
        elif field.required:
            raise MalformedMessage(f".{field.name}", "the field is missing")
    return arguments


def _refuse_extra(cls: type, value: dict[Any, Any], known: set[str]) -> None:
    extra = next(key for key in value if key not in known)
    plain = isinstance(extra, str) and extra.isidentifier() and len(extra) <= 60
    place = f".{extra}" if plain else key_piece(extra)
    raise MalformedMessage(place, f"{name_of(cls)} has no such field")


def _built(cls: type, arguments: dict[str, Any]) -> Any:
    try:
        return cls(**arguments)
    except Exception as error:
        raise MalformedMessage("", f"{name_of(cls)} refuses it: {error}") from error


def message_hooks(
    allowed: frozenset[type] | None, catalog: Catalog, record_of: Callable[[type], Hooks]
) -> Hooks:
    """Give the hooks of messages: an object with ``type`` and ``data``.

    Args:
        allowed: The classes that may stand here; None for all that are known.
        catalog: Finds the class of a name.
        record_of: Gives the hooks for the fields of a message class.
    """

    def read(value: Any, _: Any) -> Any:
        _check_frame(value)
        try:
            cls, steps = catalog.find(value["type"])
            _check_allowed(cls, allowed)
        except CodecError as error:
            raise inside(error, ".type") from None
        data = value["data"]
        for version, upcast in steps:
            data = _upcasted(cls, version, upcast, data)
        return record_of(cls)[0](data, cls)

    def write(value: Any) -> dict[str, Any]:
        cls = type(value)
        info = info_of(cls)
        if info is None:
            raise misfit("a message", value)
        if not catalog.knows(cls):
            raise UnknownMessage(
                "", f"the codec does not know {info.wire_name}", nearest(info.name, catalog.names)
            )
        _check_allowed(cls, allowed)
        return {"type": info.wire_name, "data": record_of(cls)[1](value)}

    return read, write


def _check_frame(value: Any) -> None:
    if type(value) is not dict:
        raise misfit("object with 'type' and 'data'", value)
    for key in ("type", "data"):
        if key not in value:
            raise MalformedMessage(f".{key}", "the field is missing")
    if len(value) > 2:
        raise MalformedMessage("", "nothing but 'type' and 'data' expected")


def _check_allowed(cls: type, allowed: frozenset[type] | None) -> None:
    if allowed is not None and cls not in allowed:
        wanted = " or ".join(sorted(name_of(each) for each in allowed))
        raise MalformedMessage("", f"{wanted} expected, not {name_of(cls)}")


def _upcasted(cls: type, version: int, upcast: Upcast, data: Any) -> Any:
    """Take the fields one version further, on a copy: an upcast may change what it gets."""
    if type(data) is not dict:
        raise misfit("object", data)
    try:
        newer = upcast(dict(data))
    except Exception as error:
        problem = f"the upcast of {name_of(cls)} from version {version} failed: {error!r}"
        raise MalformedMessage("", problem) from error
    return newer
