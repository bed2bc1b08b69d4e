"""Which types a field may have, and what the refusal of another says."""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
import pathlib
import types
import typing
from collections import abc
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Generic, Literal, NamedTuple, NewType, TypedDict, TypeVar

import attrs
import pytest
from hypothesis import given

from harmonium.protocols.errors import MessageDefinitionError
from harmonium.protocols.immutable import FrozenMap
from harmonium.protocols.message import message
from harmonium.protocols.shapes import (
    MappingShape,
    RefShape,
    RowShape,
    ScalarShape,
    TupleShape,
    UnionShape,
    describe,
    shape_of,
)
from tests.protocols.message_strategies import make_class
from tests.protocols.message_strategies import types as field_types

T = TypeVar("T")


class Row(NamedTuple):
    x: int


class Settings(TypedDict):
    x: int


class Plain:
    """A class of which nothing is known."""


class Page(Generic[T]):
    """A generic class."""


@attrs.define
class Mutable:
    x: int


@attrs.frozen
class Leaky:
    xs: list[int]


@dataclasses.dataclass(frozen=True)
class Data:
    x: int


class Ref:
    __harmonium_ref__ = True


@given(field_types)
def test_every_listed_type_is_allowed(annotation: Any) -> None:
    """What the strategies offer can be a field, and its class is made at once."""
    made = make_class({"it": annotation})
    assert not hasattr(made, "__message_draft__")


REFUSED: list[tuple[Any, str, str]] = [
    (list[str], "list[str] is mutable", "use tuple[str, ...]"),
    (list, "list is mutable", "use tuple[X, ...]"),
    (typing.List[int], "mutable", "use tuple[int, ...]"),  # noqa: UP006
    (typing.Sequence[int], "Sequence[int] is mutable", "use tuple[int, ...]"),
    (abc.Iterable[int], "mutable", "use tuple[int, ...]"),
    (collections.deque[int], "mutable", "use tuple[int, ...]"),
    (set[int], "set[int] is mutable", "use frozenset[int]"),
    (abc.Set[int], "mutable", "use frozenset[int]"),
    (dict[str, int], "dict[str, int] is mutable", "use Mapping[str, int]"),
    (collections.defaultdict[str, int], "mutable", "use Mapping[str, int]"),
    (abc.MutableMapping[str, int], "mutable", "use Mapping[str, int]"),
    (types.MappingProxyType, "mutable", "use Mapping[K, V]"),
    (bytearray, "bytearray is mutable", "use bytes"),
    (memoryview, "memoryview is mutable", "use bytes"),
    (tuple, "tuple does not say of what", "write tuple[X, ...]"),
    (frozenset, "frozenset does not say of what", "write frozenset[X]"),
    (Mapping, "Mapping does not say of what", "write Mapping[K, V]"),
    (Any, "Any may be mutable", "name the type"),
    (object, "object may be mutable", "name the type"),
    (Plain, "Plain may be mutable", "@attrs.frozen or @message"),
    (Mutable, "Mutable may be mutable", "@attrs.frozen or @message"),
    (Data, "Data may be mutable", "@attrs.frozen or @message"),
    (Row, "Row may be mutable", "@attrs.frozen or @message"),
    (Settings, "Settings may be mutable", "@attrs.frozen or @message"),
    (Page[int], "Page[int] cannot be sent", "use a value type"),
    (T, "T is a type variable", "write the type itself"),
    (abc.Callable[[int], int], "cannot be sent", "use a value type"),
    (type[int], "cannot be sent", "use a value type"),
    (pathlib.PurePosixPath, "one host only", "use str"),
    (complex, "complex may be mutable", "value type"),
]


@pytest.mark.parametrize(("annotation", "problem", "remedy"), REFUSED)
@pytest.mark.parametrize(
    "inside",
    [
        lambda each: each,
        lambda each: tuple[each, ...],
        lambda each: tuple[int, each],
        lambda each: frozenset[each],
        lambda each: Mapping[str, each],
        lambda each: Mapping[each, str],
        lambda each: typing.Optional[each],  # noqa: UP045 - works for all that is no class too
        lambda each: typing.Union[int, tuple[each, ...]],  # noqa: UP007
        lambda each: Annotated[each, "note"],
    ],
)
def test_mutable_and_unknown_types_are_refused(
    annotation: Any, problem: str, remedy: str, inside: Any
) -> None:
    """The refusal names class and field, the type and what to use, at any depth."""
    if annotation is Any and typing.get_origin(inside(int)) is typing.Union:
        annotation = object
        problem = problem.replace("Any", "object")
    with pytest.raises(MessageDefinitionError) as caught:
        message(name="shop.Order")(
            type("Order", (), {"__annotations__": {"lines": inside(annotation)}})
        )
    assert caught.value.path.endswith("Order.lines")
    assert problem in caught.value.problem
    assert remedy in caught.value.remedy


def test_a_mutable_field_of_a_record_is_refused() -> None:
    """The path goes into the attrs class where the mutable type stands."""
    with pytest.raises(MessageDefinitionError, match=r"Order\.it\.xs: list\[int\] is mutable"):
        message(type("Order", (), {"__annotations__": {"it": Leaky}}))


def test_wrappers_say_nothing_about_the_value() -> None:
    """Annotated, NewType and both in each other are taken off."""
    named = NewType("named", Annotated[NewType("inner", int), "note"])  # type: ignore[valid-newtype]
    assert ScalarShape(int) == shape_of(named, "here")


@pytest.mark.parametrize(
    ("annotation", "shape"),
    [
        (None, ScalarShape(type(None))),
        (tuple[int, ...], TupleShape(int)),
        (tuple[int, str], RowShape((int, str))),
        (tuple[()], RowShape(())),
        (FrozenMap[str, int], MappingShape(str, int)),
        (typing.Mapping[str, int], MappingShape(str, int)),
        (typing.Optional[int], UnionShape((int, type(None)))),  # noqa: UP045
        (Ref, RefShape(Ref)),
    ],
)
def test_shapes(annotation: Any, shape: Any) -> None:
    """One level of the annotation is read; both spellings of typing are known."""
    assert shape == shape_of(annotation, "here")


@pytest.mark.parametrize(
    ("annotation", "text"),
    [
        (tuple[Decimal | None, ...], "tuple[Decimal | None, ...]"),
        (Mapping[str, frozenset[dt.date]], "Mapping[str, frozenset[date]]"),
        (Literal["a", 1], "Literal['a', 1]"),
    ],
)
def test_types_are_described_as_written(annotation: Any, text: str) -> None:
    """Errors and tags show a type as source code does."""
    assert text == describe(annotation)


def test_records_of_one_name_are_told_apart_or_refused() -> None:
    """Two records that would look the same inside a union are refused."""
    one, two = (attrs.make_class("Point", ["x"], frozen=True) for _ in range(2))
    for cls in (one, two):
        attrs.fields(cls).x  # noqa: B018 - it has the field
        object.__setattr__(attrs.fields(cls).x, "type", int)
    with pytest.raises(MessageDefinitionError, match=r"two of these types are called '.*\.Point'"):
        message(type("Order", (), {"__annotations__": {"it": one | two}}))
