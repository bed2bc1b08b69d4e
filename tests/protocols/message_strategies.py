"""Hypothesis strategies for field types, message classes of them, and their instances."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import uuid
from collections.abc import Mapping
from typing import Any, Literal, NewType

import attrs
from hypothesis import strategies as st

from harmonium.protocols.immutable import FrozenMap
from harmonium.protocols.message import AnyMessage, message
from harmonium.protocols.shapes import (
    AnyMessageShape,
    EnumShape,
    LiteralShape,
    MappingShape,
    MessageShape,
    RecordShape,
    RowShape,
    ScalarShape,
    SetShape,
    TupleShape,
    UnionShape,
    shape_of,
)


class Color(enum.Enum):
    RED = (255, 0, 0)
    BLUE = (0, 0, 255)
    AZURE = BLUE


class Size(enum.IntEnum):
    SMALL = 1
    LARGE = 2


class Mood(enum.StrEnum):
    GOOD = "g"
    BAD = "b"


class Right(enum.Flag):
    READ = 1
    WRITE = 2


CustomerId = NewType("CustomerId", str)


@attrs.frozen
class Point:
    x: int
    y: float = 0.0


@attrs.frozen
class Polygon:
    corners: tuple[Point, ...]


@message
class Line:
    sku: str
    price: decimal.Decimal


@message
class Tree:
    value: int
    children: tuple[Tree, ...] = ()
    parent: Tree | None = None


LEAVES: tuple[Any, ...] = (
    None,
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
    Color,
    Size,
    Mood,
    Right,
    CustomerId,
    Literal[1, True, "one", None, b"1", Color.RED],  # noqa: PYI061 - None in it is the test
    Literal["a", "b"],
    Point,
    Polygon,
    Line,
    Tree,
    AnyMessage,
)


def _wider(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(
        inner.map(lambda item: tuple[item, ...]),
        st.lists(inner, max_size=3).map(lambda items: tuple[tuple(items)]),
        inner.map(lambda item: frozenset[item]),
        st.tuples(inner, inner).map(lambda pair: Mapping[pair]),
        st.lists(inner, min_size=2, max_size=4).map(_union),
        inner.map(lambda item: item | None if item is not None else None),
    )


def _union(options: list[Any]) -> Any:
    union = options[0]
    for option in options[1:]:
        union = union | option if union is not None or option is not None else None
    return union


types = st.recursive(st.sampled_from(LEAVES), _wider, max_leaves=6)
"""Any annotation that a field of a message may have."""

zones = st.none() | st.integers(-1439, 1439).map(
    lambda minutes: dt.timezone(dt.timedelta(minutes=minutes))
)

SCALARS: dict[type, st.SearchStrategy[Any]] = {
    type(None): st.none(),
    bool: st.booleans(),
    int: st.integers(),
    float: st.floats(allow_nan=False),
    str: st.text(),
    bytes: st.binary(),
    dt.datetime: st.datetimes(timezones=zones),
    dt.date: st.dates(),
    dt.time: st.times(timezones=zones),
    dt.timedelta: st.timedeltas(),
    decimal.Decimal: st.decimals(allow_nan=False),
    uuid.UUID: st.uuids(),
}


def values(annotation: Any) -> st.SearchStrategy[Any]:  # noqa: C901, PLR0911 - one line a shape
    """Values of a field's type, in the immutable form that a message keeps."""
    match shape_of(annotation, "test"):
        case ScalarShape(kind):
            return SCALARS[kind]
        case LiteralShape(choices):
            return st.sampled_from(choices)
        case EnumShape(kind):
            return st.sampled_from(kind) if kind is not Right else st.integers(0, 3).map(Right)
        case TupleShape(item):
            return st.lists(values(item), max_size=3).map(tuple)
        case RowShape(items):
            return st.tuples(*map(values, items))
        case SetShape(item):
            return st.frozensets(values(item), max_size=3)
        case MappingShape(key, value):
            return st.dictionaries(values(key), values(value), max_size=3).map(FrozenMap)
        case UnionShape(options):
            return st.one_of(*map(values, options))
        case MessageShape(kind) if kind is Tree:
            return st.recursive(
                st.builds(Tree, st.integers()),
                lambda inner: st.builds(
                    Tree, st.integers(), st.lists(inner, max_size=2), st.none() | inner
                ),
                max_leaves=4,
            )
        case MessageShape(kind) | RecordShape(kind):
            return instances(kind)
        case AnyMessageShape():
            return instances(Line)
    raise AssertionError(annotation)


def instances(cls: type) -> st.SearchStrategy[Any]:
    """Instances of a message or record class, from its annotations."""
    return st.builds(cls, **{a.name: values(a.type) for a in attrs.fields(cls)})


def make_class(annotations: dict[str, Any]) -> type:
    """A message class with these fields."""
    namespace = {"__annotations__": annotations, "__module__": __name__}
    return message(name="test.Made")(type("Made", (), namespace))


@st.composite
def messages(draw: st.DrawFn) -> Any:
    """A message of a class that was never seen before."""
    fields = draw(st.lists(types, max_size=4))
    cls = make_class({f"field_{number}": each for number, each in enumerate(fields)})
    return draw(instances(cls))
