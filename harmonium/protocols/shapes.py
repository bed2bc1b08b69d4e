"""What a field of a message may be: an annotation read as one of twelve shapes.

Everything that goes over the annotations (the check at definition, the
converters, the codec, the JSON Schema) works on shapes, one level at a time, so
that a message may name itself.
"""

from __future__ import annotations

import builtins
import collections
import datetime as dt
import decimal
import enum
import types
import typing
import uuid
from collections import abc
from typing import Annotated, Any, Literal, NewType, TypeAlias, Union, get_args, get_origin

import attrs

from harmonium.protocols.errors import MessageDefinitionError
from harmonium.protocols.immutable import FrozenMap
from harmonium.protocols.message_info import is_message_class

__all__ = [
    "SCALARS",
    "AnyMessage",
    "AnyMessageShape",
    "EnumShape",
    "LiteralShape",
    "MappingShape",
    "MessageShape",
    "RecordShape",
    "RefShape",
    "RowShape",
    "ScalarShape",
    "SetShape",
    "Shape",
    "TupleShape",
    "UnionShape",
    "describe",
    "shape_of",
    "stripped",
]

NoneType = type(None)

SCALARS: tuple[type, ...] = (
    NoneType,
    bool,
    int,
    float,
    str,
    bytes,
    dt.datetime,
    dt.date,
    dt.time,
    dt.timedelta,
    decimal.Decimal,
    uuid.UUID,
)
"""The immutable values without parts."""


class _AnyMessageMark:
    """Marks `AnyMessage`."""


AnyMessage: TypeAlias = Annotated[Any, _AnyMessageMark]
"""Annotates a field that holds a message of any class that the codec knows."""


@attrs.frozen
class ScalarShape:
    """One of `SCALARS`."""

    type: type


@attrs.frozen
class LiteralShape:
    """One of the listed values."""

    values: tuple[Any, ...]


@attrs.frozen
class EnumShape:
    """A member of an enum; it travels by its name."""

    type: type[enum.Enum]


@attrs.frozen
class TupleShape:
    """A tuple of any length, all items alike."""

    item: Any


@attrs.frozen
class RowShape:
    """A tuple of fixed length, each place with its own type."""

    items: tuple[Any, ...]


@attrs.frozen
class SetShape:
    """A frozenset."""

    item: Any


@attrs.frozen
class MappingShape:
    """An immutable mapping."""

    key: Any
    value: Any


@attrs.frozen
class UnionShape:
    """One of several types."""

    options: tuple[Any, ...]


@attrs.frozen
class MessageShape:
    """Another message."""

    type: type


@attrs.frozen
class RecordShape:
    """A frozen attrs class that is no message: a value with fields, without name and version."""

    type: type


@attrs.frozen
class RefShape:
    """A handle to an agent; it travels as its path."""

    type: Any


@attrs.frozen
class AnyMessageShape:
    """A message of any class."""


Shape = (
    ScalarShape
    | LiteralShape
    | EnumShape
    | TupleShape
    | RowShape
    | SetShape
    | MappingShape
    | UnionShape
    | MessageShape
    | RecordShape
    | RefShape
    | AnyMessageShape
)

_MAPPINGS = (abc.Mapping, FrozenMap)
_INSTEAD_TUPLE = (
    list,
    collections.deque,
    abc.Sequence,
    abc.MutableSequence,
    abc.Collection,
    abc.Iterable,
    abc.Iterator,
    abc.Generator,
)
_INSTEAD_FROZENSET = (set, abc.Set, abc.MutableSet)
_INSTEAD_MAPPING = (
    dict,
    collections.OrderedDict,
    collections.defaultdict,
    collections.Counter,
    collections.ChainMap,
    abc.MutableMapping,
    types.MappingProxyType,
)
_INSTEAD_BYTES = (bytearray, memoryview)


def shape_of(annotation: Any, place: str) -> Shape:
    """Read one level of an annotation.

    Args:
        annotation: A type as `typing` knows it; no text that is still to be resolved.
        place: What to name in the error, as in ``orders.Line.sku``.

    Raises:
        MessageDefinitionError: If values of the type could be shared and
            changed, or could not be sent. The remedy is the type to use.
    """
    annotation = stripped(annotation)
    if annotation is None:
        return ScalarShape(NoneType)
    if isinstance(annotation, types.UnionType) or get_origin(annotation) is Union:
        return UnionShape(get_args(annotation))
    if get_origin(annotation) is Literal:
        return LiteralShape(get_args(annotation))
    if get_origin(annotation) is Annotated:
        return AnyMessageShape()
    if getattr(get_origin(annotation) or annotation, "__harmonium_ref__", False):
        return RefShape(annotation)
    shape = _container(annotation) or _single(annotation)
    if shape is None:
        raise MessageDefinitionError(place, *_refusal(annotation))
    return shape


def stripped(annotation: Any) -> Any:
    """Take off what says nothing about the value: Annotated, NewType, a type alias."""
    while True:
        if get_origin(annotation) is Annotated and _AnyMessageMark not in annotation.__metadata__:
            annotation = annotation.__origin__
        elif isinstance(annotation, NewType):
            annotation = annotation.__supertype__
        elif hasattr(annotation, "__value__") and type(annotation).__name__ == "TypeAliasType":
            annotation = annotation.__value__
        else:
            return annotation


def _container(annotation: Any) -> Shape | None:
    arguments = get_args(annotation)
    match get_origin(annotation):
        case builtins.tuple if len(arguments) == 2 and arguments[1] is Ellipsis:
            return TupleShape(arguments[0])
        case builtins.tuple:
            return RowShape(arguments)
        case builtins.frozenset:
            return SetShape(*arguments)
        case origin if origin in _MAPPINGS:
            return MappingShape(*arguments)
    return None


def _single(annotation: Any) -> Shape | None:
    if not isinstance(annotation, type) or get_origin(annotation) is not None:
        return None
    if annotation in SCALARS:
        return ScalarShape(annotation)
    if issubclass(annotation, enum.Enum):
        return EnumShape(annotation)
    if is_message_class(annotation):
        return MessageShape(annotation)
    if attrs.has(annotation) and _is_frozen(annotation):
        return RecordShape(annotation)
    return None


def _is_frozen(cls: type) -> bool:
    """Try it: attrs has told it in different ways over the years."""
    try:
        object.__new__(cls).__setattr__("_", None)
    except attrs.exceptions.FrozenInstanceError:
        return True
    except (AttributeError, TypeError):
        return False
    return False


def _refusal(annotation: Any) -> tuple[str, str]:
    """Say what is wrong with an annotation, and what to write instead."""
    name = describe(annotation)
    origin = get_origin(annotation) or annotation
    inside = ", ".join(describe(item) for item in get_args(annotation))
    if origin in (tuple, frozenset, abc.Mapping, FrozenMap):
        return f"{name} does not say of what", f"write {_full(origin)}"
    for mutable, instead in (
        (_INSTEAD_TUPLE, f"tuple[{inside or 'X'}, ...]"),
        (_INSTEAD_FROZENSET, f"frozenset[{inside or 'X'}]"),
        (_INSTEAD_MAPPING, f"Mapping[{inside or 'K, V'}]"),
        (_INSTEAD_BYTES, "bytes"),
    ):
        if origin in mutable:
            return f"{name} is mutable", f"use {instead}"
    return _refusal_of_other(annotation, name)


def _full(origin: Any) -> str:
    return {tuple: "tuple[X, ...]", frozenset: "frozenset[X]"}.get(origin, "Mapping[K, V]")


def _refusal_of_other(annotation: Any, name: str) -> tuple[str, str]:
    if annotation is Any or annotation is object:
        return f"{name} may be mutable", "name the type, or a union of the types, that it holds"
    if isinstance(annotation, typing.TypeVar):
        return f"{name} is a type variable", "write the type itself"
    if not isinstance(annotation, type):
        return f"{name} cannot be sent", "use a value type, a frozen attrs class or a message"
    if annotation.__module__.partition(".")[0] == "pathlib":
        return f"{name} means something on one host only", "use str"
    return (
        f"{name} may be mutable",
        f"decorate {annotation.__name__} with @attrs.frozen or @message, or use a value type",
    )


def describe(annotation: Any) -> str:
    """Write a type as in source code, without its modules.

    Example:
        >>> describe(tuple[decimal.Decimal | None, ...])
        'tuple[Decimal | None, ...]'
    """
    if annotation is None or annotation is NoneType:
        return "None"
    if annotation is Ellipsis:
        return "..."
    if annotation == AnyMessage:
        return "any message"
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        return " | ".join(describe(option) for option in arguments)
    if origin is Literal:
        return f"Literal[{', '.join(repr(value) for value in arguments)}]"
    if origin is not None and arguments:
        return f"{describe(origin)}[{', '.join(describe(item) for item in arguments)}]"
    return getattr(annotation, "__name__", None) or str(annotation)
