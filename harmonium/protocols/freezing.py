"""Copies what is mutable into what is not, when a message is made.

A tuple field takes a list, a frozenset field a set, a `Mapping` field a dict,
a bytes field a bytearray, at any depth; the message keeps its own copy.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from harmonium.protocols.immutable import FrozenMap
from harmonium.protocols.shapes import (
    MappingShape,
    RowShape,
    ScalarShape,
    SetShape,
    TupleShape,
    UnionShape,
    shape_of,
)

__all__ = ["Freeze", "Freezer", "freezer"]

Freeze = Callable[[Any], Any]


def freezer(annotation: Any, place: str) -> Freeze | None:
    """Make the converter of a field, or None where the type needs none.

    Values without parts are taken at the annotation's word; the codec checks them.

    Args:
        annotation: The field's type.
        place: What to name in errors, as in ``orders.Order.lines``.
    """
    match shape_of(annotation, place):
        case TupleShape(item):
            return _tuple_freezer(freezer(item, place), place)
        case RowShape(items):
            return _row_freezer([freezer(item, place) for item in items], place)
        case SetShape(item):
            return _set_freezer(freezer(item, place), place)
        case MappingShape(key, value):
            return _mapping_freezer(freezer(key, place), freezer(value, place), place)
        case UnionShape(options):
            return _union_freezer(options, place)
        case ScalarShape(kind) if kind is bytes:
            return _freeze_bytes
    return None


def _refuse(place: str, wanted: str, value: Any) -> TypeError:
    return TypeError(f"{place} takes a {wanted}, not {type(value).__name__}")


def _freeze_bytes(value: Any) -> Any:
    return bytes(value) if isinstance(value, bytearray | memoryview) else value


def _items(value: Any, place: str) -> Iterable[Any]:
    """Give the items of anything ordered; a text is one value, not many."""
    if isinstance(value, str | bytes | bytearray | Mapping | AbstractSet):
        raise _refuse(place, "tuple", value)
    if not isinstance(value, Iterable):
        raise _refuse(place, "tuple", value)
    return value


def _tuple_freezer(inner: Freeze | None, place: str) -> Freeze:
    if inner is None:
        return lambda value: value if type(value) is tuple else tuple(_items(value, place))
    return lambda value: tuple([inner(item) for item in _items(value, place)])


def _row_freezer(inner: list[Freeze | None], place: str) -> Freeze:
    plain = all(freeze is None for freeze in inner)

    def freeze_row(value: Any) -> tuple[Any, ...]:
        row = value if type(value) is tuple else tuple(_items(value, place))
        if len(row) != len(inner):
            raise TypeError(f"{place} takes {len(inner)} items, not {len(row)}")
        if plain:
            return row
        return tuple(
            [
                item if freeze is None else freeze(item)
                for item, freeze in zip(row, inner, strict=True)
            ]
        )

    return freeze_row


def _set_freezer(inner: Freeze | None, place: str) -> Freeze:
    def freeze_set(value: Any) -> frozenset[Any]:
        if type(value) is frozenset and inner is None:
            return value
        if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
            raise _refuse(place, "frozenset", value)
        return frozenset(value if inner is None else map(inner, value))

    return freeze_set


def _mapping_freezer(key: Freeze | None, inner: Freeze | None, place: str) -> Freeze:
    plain = key is None and inner is None

    def freeze_mapping(value: Any) -> FrozenMap[Any, Any]:
        if type(value) is FrozenMap and plain:
            return value
        if not isinstance(value, Mapping):
            raise _refuse(place, "mapping", value)
        if plain:
            return FrozenMap(value)
        return FrozenMap(
            {
                k if key is None else key(k): v if inner is None else inner(v)
                for k, v in value.items()
            }
        )

    return freeze_mapping


_KINDS: tuple[tuple[Any, tuple[type, ...]], ...] = (
    (list | tuple, (TupleShape, RowShape)),
    (AbstractSet, (SetShape,)),
    (Mapping, (MappingShape,)),
    (bytearray | memoryview, (ScalarShape,)),
)
"""Values that a union may have to freeze, and the shapes of the options that can take them."""


def _union_freezer(options: tuple[Any, ...], place: str) -> Freeze | None:
    """Let an option of the value's kind freeze it."""
    found = [
        (type(shape_of(option, place)), freeze)
        for option in _flat(options, place)
        if (freeze := freezer(option, place)) is not None
    ]
    if not found:
        return None
    table = [
        (kinds, _first_fit([freeze for shape, freeze in found if shape in shapes], place))
        for kinds, shapes in _KINDS
    ]

    def freeze_option(value: Any) -> Any:
        for kinds, freeze in table:
            if isinstance(value, kinds):
                return freeze(value)
        return value

    return freeze_option


def _first_fit(freezers: list[Freeze], place: str) -> Freeze:
    """Take the option that need not change the value, else the first that can take it."""
    if len(freezers) == 1:
        return freezers[0]

    def freeze_fitting(value: Any) -> Any:
        frozen = []
        for freeze in freezers:
            with contextlib.suppress(TypeError):
                frozen.append(freeze(value))
        if not frozen:
            raise TypeError(f"{place} takes no such {type(value).__name__}")
        return next((each for each in frozen if each == value), frozen[0])

    return freeze_fitting


def _flat(options: tuple[Any, ...], place: str) -> list[Any]:
    flat: list[Any] = []
    for option in options:
        shape = shape_of(option, place)
        flat += _flat(shape.options, place) if isinstance(shape, UnionShape) else [option]
    return flat


class Freezer:
    """The converter of a field, made before the type of the field is known.

    Args:
        first: The author's own converter, which goes before.
        settle: Called at the first value if the type is not known even then;
            it has to bind, or to raise.
    """

    __slots__ = ("first", "freeze", "settle")

    def __init__(self, first: Freeze | None, settle: Callable[[], None]) -> None:
        self.first = first
        self.freeze: Freeze | None = None
        self.settle: Callable[[], None] | None = settle

    def bind(self, annotation: Any, place: str) -> None:
        """Tell the type."""
        self.freeze = freezer(annotation, place)
        self.settle = None

    @property
    def steps(self) -> tuple[Freeze, ...]:
        """What a value goes through; without parts that do nothing."""
        if self.settle is not None:
            return (self,)
        return tuple(step for step in (self.first, self.freeze) if step is not None)

    def __call__(self, value: Any) -> Any:
        """Convert one value."""
        if self.settle is not None:
            self.settle()
        for step in self.steps:
            value = step(value)
        return value
