"""What a type looks like in JSON, and how the options of a union are told apart."""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Iterator
from typing import Any

import attrs

from harmonium.protocols.errors import MessageDefinitionError
from harmonium.protocols.message_info import default_name
from harmonium.protocols.scalars import wire_literal
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
    stripped,
)

__all__ = ["Option", "is_text", "kind_of", "kinds_of", "plan_union"]

_KIND_OF: dict[type, str] = {
    type(None): "null",
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
}


def kind_of(value: Any) -> str:
    """Name the JSON type of a primitive value; anything else has none of the names."""
    return _KIND_OF.get(type(value), "other")


def kinds_of(annotation: Any) -> frozenset[str]:  # noqa: C901 - one line for each shape
    """Name the JSON types that values of a type usually have on the wire.

    A float that is not finite travels as text all the same, and an integer is
    read as a float too: those are spare forms, see `plan_union`.
    """
    match shape_of(annotation, describe(annotation)):
        case ScalarShape(kind):
            return frozenset({_KIND_OF.get(kind, "string")})
        case LiteralShape(values):
            return frozenset(kind_of(wire_literal(value)) for value in values)
        case EnumShape(kind):
            return frozenset({"integer" if issubclass(kind, enum.Flag) else "string"})
        case RefShape():
            return frozenset({"string"})
        case TupleShape() | RowShape() | SetShape():
            return frozenset({"array"})
        case MappingShape(key, _):
            return frozenset({"object" if is_text(key) else "array"})
        case UnionShape(options):
            return frozenset().union(*map(kinds_of, options))
        case MessageShape() | RecordShape() | AnyMessageShape():
            return frozenset({"object"})


def is_text(annotation: Any) -> bool:
    """Tell whether values of a type are always text on the wire, as keys of an object are.

    Example:
        >>> is_text(str), is_text(int)
        (True, False)
    """
    shape = shape_of(annotation, describe(annotation))
    if isinstance(shape, UnionShape):
        return all(option.plain == {"string"} for option in plan_union(shape.options))
    return kinds_of(annotation) == {"string"}


@attrs.frozen
class Option:
    """One option of a union.

    A message is told by its name. Another option travels as it is where its
    JSON type belongs to it alone, and as ``{"type": tag, "data": value}`` else.

    Args:
        type: Its type.
        message: Whether it is a message.
        plain: The JSON types by which a value alone tells the option.
        tag: Its tag, where not every value of it tells it alone.
    """

    type: Any
    message: bool
    plain: frozenset[str]
    tag: str | None


def plan_union(options: tuple[Any, ...]) -> tuple[Option, ...]:
    """Find out how to tell the options of a union apart; unions inside it are laid open.

    Raises:
        MessageDefinitionError: If two options need a tag and have the same name.

    Example:
        >>> [(option.tag, sorted(option.plain)) for option in plan_union((int, str, None))]
        [(None, ['integer']), (None, ['string']), (None, ['null'])]
        >>> [(option.tag, sorted(option.plain)) for option in plan_union((bytes, str))]
        [('bytes', []), ('str', [])]
    """
    flat = list(_flat(options))
    count = Counter(kind for option in flat for kind in kinds_of(option))
    alone = frozenset(kind for kind, times in count.items() if times == 1)
    # The spare forms of a float count where no other option has them.
    spare = frozenset({"integer", "string"}) - count.keys()
    plain = {
        option: (kinds_of(option) & alone) | (spare if option is float else frozenset())
        for option in flat
    }
    if any(_is_message(option) or _needs_tag(option, plain[option]) for option in flat):
        # Objects with a type and data occur: a plain object could be taken for one.
        plain = {option: kinds - {"object"} for option, kinds in plain.items()}
    made = tuple(_option(option, plain[option]) for option in flat)
    _check_tags(made)
    return made


def _check_tags(options: tuple[Option, ...]) -> None:
    tags = [option.tag for option in options if option.tag is not None]
    for tag in tags:
        if tags.count(tag) > 1:
            raise MessageDefinitionError(
                " | ".join(describe(option.type) for option in options),
                f"two of these types are called {tag!r}",
                "rename one of them, or make them messages",
            )


def _option(option: Any, plain: frozenset[str]) -> Option:
    message = _is_message(option)
    tag = None if message or not _needs_tag(option, plain) else _tag(option)
    return Option(option, message, plain, tag)


def _is_message(option: Any) -> bool:
    return isinstance(shape_of(option, describe(option)), MessageShape | AnyMessageShape)


def _needs_tag(option: Any, plain: frozenset[str]) -> bool:
    return not kinds_of(option) <= plain or (option is float and "string" not in plain)


def _tag(option: Any) -> str:
    shape = shape_of(option, describe(option))
    return default_name(shape.type) if isinstance(shape, RecordShape) else describe(option)


def _flat(options: tuple[Any, ...]) -> Iterator[Any]:
    seen: set[Any] = set()
    for option in map(stripped, options):
        shape = shape_of(option, describe(option))
        inner = _flat(shape.options) if isinstance(shape, UnionShape) else iter((option,))
        for one in inner:
            if one not in seen:
                seen.add(one)
                yield one
