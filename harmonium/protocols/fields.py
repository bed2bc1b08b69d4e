"""The fields of messages and records: their types resolved and checked."""

from __future__ import annotations

import sys
import types
import typing
from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from harmonium.protocols.errors import MessageDefinitionError
from harmonium.protocols.kinds import plan_union
from harmonium.protocols.message_info import default_name
from harmonium.protocols.shapes import (
    MappingShape,
    RecordShape,
    RowShape,
    SetShape,
    Shape,
    TupleShape,
    UnionShape,
    shape_of,
)

__all__ = ["check_fields", "parts_of", "resolve_fields", "wire_fields"]


def wire_fields(cls: type) -> tuple[attrs.Attribute[Any], ...]:
    """Give the fields that travel: those that the constructor takes."""
    return tuple(a for a in attrs.fields(cls) if a.init)


def resolve_fields(cls: type, scope: Mapping[str, Any]) -> None:
    """Replace the texts among the fields' types by what they name, as attrs' own function does.

    Args:
        cls: An attrs class.
        scope: Names that are known besides those of the class's module.

    Raises:
        NameError: If one is not defined yet.
        MessageDefinitionError: If one makes no sense.
    """
    for field in attrs.fields(cls):
        source = _source(cls, field)
        if source is None:
            _set_type(field, _evaluated(cls, field, scope))
        else:
            owner, original = source
            resolve_fields(owner, {})
            _set_type(field, original.type)


def _set_type(field: attrs.Attribute[Any], resolved: Any) -> None:
    # Attributes are frozen; attrs.resolve_types sets them in the same way.
    object.__setattr__(field, "type", resolved)


def _source(cls: type, field: Any) -> tuple[type, attrs.Attribute[Any]] | None:
    """Find the base in whose module the type of an inherited field was written."""
    if not field.inherited:
        return None
    for base in cls.__mro__[1:]:
        for original in vars(base).get("__attrs_attrs__", ()):
            if original.name == field.name and not original.inherited:
                return base, original
    return None


def _evaluated(cls: type, field: attrs.Attribute[Any], scope: Mapping[str, Any]) -> Any:
    module = sys.modules.get(cls.__module__)
    holder = types.SimpleNamespace(__annotations__={"it": field.type})
    try:
        hints = typing.get_type_hints(
            holder,
            globalns=vars(module) if module else {},
            localns={cls.__name__: cls, **scope},
            include_extras=True,
        )
    except NameError:
        raise
    except Exception as error:  # an annotation is code: it may raise whatever it likes
        problem = f"its annotation {field.type!r} cannot be read: {error}"
        raise MessageDefinitionError(f"{default_name(cls)}.{field.name}", problem) from error
    return hints["it"]


def check_fields(cls: type) -> None:
    """Refuse a class with a field whose values could be shared and changed, or not sent.

    Goes into containers and records; other messages were checked themselves.

    Raises:
        NameError: If a record in it names something that is not defined yet.
        MessageDefinitionError: With the field, the type and the type to use.
    """
    _check(cls, default_name(cls), set())


def _check(cls: type, place: str, seen: set[type]) -> None:
    seen.add(cls)
    for field in wire_fields(cls):
        _check_type(field.type, f"{place}.{field.name}", seen)


def _check_type(annotation: Any, place: str, seen: set[type]) -> None:
    shape = shape_of(annotation, place)
    if isinstance(shape, RecordShape) and shape.type not in seen:
        resolve_fields(shape.type, {})
        _check(shape.type, place, seen)
    for part in parts_of(shape):
        _check_type(part, place, seen)
    if isinstance(shape, UnionShape):
        plan_union(shape.options)


def parts_of(shape: Shape) -> Iterator[Any]:
    """Give the annotations inside a container or union."""
    match shape:
        case TupleShape(item) | SetShape(item):
            yield item
        case RowShape(items):
            yield from items
        case MappingShape(key, value):
            yield key
            yield value
        case UnionShape(options):
            yield from options
