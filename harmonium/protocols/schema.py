"""The JSON Schema of a message: what the codec writes is valid, and says so to other programs.

Dialect 2020-12. A schema cannot say all that the codec checks (that a text is
a real date, what a validator of the author's own demands), so what it accepts
may still be refused.
"""

from __future__ import annotations

import enum
from typing import Any

import attrs

from harmonium.protocols.catalog import reachable
from harmonium.protocols.errors import MessageDefinitionError
from harmonium.protocols.fields import wire_fields
from harmonium.protocols.kinds import is_text, plan_union
from harmonium.protocols.message_info import info_of, name_of
from harmonium.protocols.scalars import NOT_FINITE, TEXTS, wire_literal
from harmonium.protocols.shapes import (
    AnyMessageShape,
    EnumShape,
    LiteralShape,
    MappingShape,
    MessageShape,
    RecordShape,
    RefShape,
    RowShape,
    ScalarShape,
    SetShape,
    TupleShape,
    UnionShape,
    describe,
    shape_of,
)
from harmonium.protocols.validators import Rule

__all__ = ["schema"]

Schema = dict[str, Any]

_FRAME: Schema = {"type": "object", "required": ["type", "data"], "additionalProperties": False}

_SIMPLE: dict[type, Schema] = {
    type(None): {"type": "null"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"anyOf": [{"type": "number"}, {"enum": list(NOT_FINITE)}]},
    str: {"type": "string"},
}


def schema(cls: type) -> Schema:
    """Make the JSON Schema of a message class, with all that it consists of.

    Raises:
        MessageDefinitionError: If it is no message class, or a field's type is
            not defined.

    Example:
        >>> from harmonium.protocols.signals import Terminated
        >>> made = schema(Terminated)
        >>> made["$ref"]
        '#/$defs/harmonium.Terminated.1'
        >>> made["$defs"]["harmonium.Terminated.1"]["properties"]["data"]["required"]
        ['path', 'incarnation', 'kind']
    """
    if info_of(cls) is None:
        raise MessageDefinitionError(
            name_of(cls), "it is no message class", "decorate it with @message"
        )
    shapes = [shape for _, shape in reachable(cls)]
    parts = [s.type for s in shapes if isinstance(s, MessageShape | RecordShape)]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **_reference(cls),
        "$defs": {_key(part): _definition(part) for part in parts},
    }


def _key(cls: type) -> str:
    info = info_of(cls)
    if info is not None:
        return f"{info.name}.{info.version}"
    return f"{cls.__module__}.{cls.__qualname__}".replace("<locals>.", "")


def _reference(cls: type) -> Schema:
    return {"$ref": f"#/$defs/{_key(cls)}"}


def _definition(cls: type) -> Schema:
    """Describe a class: a record by its fields, a message with its name around them."""
    info = info_of(cls)
    if info is None:
        return _fields(cls)
    return {**_FRAME, "properties": {"type": {"const": info.wire_name}, "data": _fields(cls)}}


def _fields(cls: type) -> Schema:
    fields = wire_fields(cls)
    made: Schema = {
        "type": "object",
        "properties": {field.name: _field(field) for field in fields},
        "required": [field.name for field in fields if field.default is attrs.NOTHING],
        "additionalProperties": False,
    }
    text = (cls.__doc__ or "").strip().partition("\n")[0]
    return {"description": text, **made} if text else made


def _field(field: attrs.Attribute[Any]) -> Schema:
    made = _type(field.type)
    if isinstance(field.validator, Rule):
        return {"allOf": [made, dict(field.validator.schema)]}
    return made


def _type(annotation: Any) -> Schema:  # noqa: C901, PLR0911 - one line for each shape
    match shape_of(annotation, describe(annotation)):
        case ScalarShape(kind):
            return _scalar(kind)
        case LiteralShape(values):
            return {"enum": [wire_literal(value) for value in values]}
        case EnumShape(kind):
            return _enum(kind)
        case TupleShape(item):
            return {"type": "array", "items": _type(item)}
        case SetShape(item):
            return {"type": "array", "items": _type(item), "uniqueItems": True}
        case RowShape(items):
            return _row(items)
        case MappingShape(key, value):
            return _mapping(key, value)
        case UnionShape(options):
            return _union(options)
        case MessageShape(kind) | RecordShape(kind):
            return _reference(kind)
        case RefShape():
            return {"type": "string", "description": "the path of an agent"}
        case AnyMessageShape():
            return {**_FRAME, "properties": {"type": {"type": "string"}, "data": {}}}


def _scalar(kind: type) -> Schema:
    form = TEXTS.get(kind)
    if form is None:
        return dict(_SIMPLE[kind])
    return {"type": "string", "pattern": f"^({form.pattern})$", **dict(form.keywords)}


def _enum(kind: Any) -> Schema:
    if issubclass(kind, enum.Flag):
        return {"type": "integer"}
    return {"enum": list(kind.__members__)}


def _row(items: tuple[Any, ...]) -> Schema:
    made: Schema = {"type": "array", "minItems": len(items), "maxItems": len(items)}
    return {**made, "prefixItems": [_type(item) for item in items]} if items else made


def _mapping(key: Any, value: Any) -> Schema:
    if is_text(key):
        return {
            "type": "object",
            "propertyNames": _type(key),
            "additionalProperties": _type(value),
        }
    return {"type": "array", "items": _row((key, value))}


def _union(options: tuple[Any, ...]) -> Schema:
    forms = []
    for option in plan_union(options):
        made = _type(option.type)
        if option.message or option.plain:
            forms.append(made)
        if option.tag is not None:
            forms.append({**_FRAME, "properties": {"type": {"const": option.tag}, "data": made}})
    return {"anyOf": forms}
