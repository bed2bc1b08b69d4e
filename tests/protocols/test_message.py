"""Messages: named, frozen, isolated, and attrs classes in all else."""

from __future__ import annotations

import copy
import datetime as dt
import inspect
import pickle
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar, Literal

import attrs
import pytest

from harmonium.protocols.errors import MessageDefinitionError
from harmonium.protocols.lanes import Lane
from harmonium.protocols.message import (
    FrozenMap,
    evolve,
    field,
    info_of,
    is_message,
    is_message_class,
    message,
    non_empty,
    positive,
)


@message
class Line:
    sku: str = field(validator=non_empty)
    quantity: int = field(validator=positive)


@message
class Order:
    number: str
    lines: tuple[Line, ...] = ()
    prices: Mapping[str, Decimal] = field(factory=dict)
    kind: Literal["web", "phone"] = field(default="web", kw_only=True)
    limit: ClassVar[int] = 3


@message
class Node:
    value: int
    next: Node | None = None
    other: Later | None = None


@message
class Later:
    nodes: tuple[Node, ...]


@message
class Sale(Order):
    discount: int = 0


class Undecorated(Line):
    """A subclass that is no message."""


ORDER = Order("1", (Line("a", 2),), {"a": Decimal("1.50")}, kind="phone")


# --- Identity ---------------------------------------------------------------


def test_name_and_version_come_from_module_and_class() -> None:
    """The wire name is the module's last telling part, the class and the version."""
    info = info_of(Line)
    assert info is not None
    assert ("test_message.Line", 1, "test_message.Line/1") == (
        info.name,
        info.version,
        info.wire_name,
    )
    assert Lane.USER is info.lane


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("examples.orders.messages", "orders.Pay"),
        ("examples.orders.protocol", "orders.Pay"),
        ("examples.orders.protocol.messages", "orders.Pay"),
        ("examples.orders.messages.stock", "stock.Pay"),
        ("messages", "messages.Pay"),
        ("__main__", "main.Pay"),
        ("shop", "shop.Pay"),
    ],
)
def test_plumbing_is_left_out_of_the_name(module: str, name: str) -> None:
    """`messages` and `protocol` say nothing, `__main__` is `main`."""
    made = message(type("Pay", (), {"__module__": module, "__annotations__": {}}))
    assert name == info_of(made).name


def test_options_are_kept() -> None:
    """Name, version, upcast and lane can be given."""

    def upcast(data: dict[str, Any]) -> dict[str, Any]:
        return data

    @message(name="shop.Pay", version=3, upcast={1: upcast, 2: upcast}, lane=Lane.CONTROL)
    class Pay:
        amount: Decimal

    @message(version=2, upcast=upcast)
    class Refund:
        amount: Decimal

    info = info_of(Pay)
    assert ("shop.Pay/3", Lane.CONTROL) == (info.wire_name, info.lane)
    assert {1: upcast, 2: upcast} == info.upcast
    assert {1: upcast} == info_of(Refund).upcast
    assert info_of(Refund).name == "test_message.Refund"


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"name": "a b"}, "name"),
        ({"name": "a/1"}, "name"),
        ({"version": 0}, "version"),
        ({"version": True}, "version"),
        ({"version": 2, "upcast": {2: dict}}, "version 2"),
        ({"upcast": dict}, "version 0"),
        ({"version": 2, "upcast": {1: "text"}}, "no function"),
    ],
)
def test_options_are_checked(options: dict[str, Any], word: str) -> None:
    """An option that makes no sense is refused at definition."""
    with pytest.raises(MessageDefinitionError, match=word):
        message(**options)(type("Pay", (), {"__annotations__": {}}))


def test_only_a_decorated_class_is_a_message() -> None:
    """Instances of a subclass that is not decorated, and of anything else, are refused."""
    assert is_message(ORDER)
    assert is_message(Sale("1"))
    assert is_message_class(Sale)
    assert info_of(Sale).name == "test_message.Sale"
    undecorated = Undecorated("a", 1)
    assert (type(undecorated), undecorated.sku) == (Undecorated, "a")
    for other in (undecorated, Line, "text", None, {"sku": "a"}, attrs.make_class("Plain", [])()):
        assert not is_message(other)
    assert not is_message_class(Undecorated)
    assert not is_message_class(ORDER)


# --- As attrs does it ---------------------------------------------------------


def test_it_is_frozen_and_slotted() -> None:
    """No field can be set, deleted or added, also right after construction."""
    for name, change in (("number", "2"), ("new", 1), ("__class__", Line)):
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            setattr(ORDER, name, change)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        del ORDER.number
    assert not hasattr(ORDER, "__dict__")
    assert type(ORDER) is Order


@pytest.mark.parametrize("instance", [ORDER, Sale("2", discount=3), Node(1, Node(2)), Later([])])
def test_it_survives_pickle_and_copy(instance: Any) -> None:
    """Pickle and copy give an equal message of the same class."""
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        again = pickle.loads(pickle.dumps(instance, protocol))
        assert (type(instance), instance) == (type(again), again)
    for again in (copy.copy(instance), copy.deepcopy(instance)):
        assert (type(instance), instance) == (type(again), again)


def test_equality_and_hash_go_by_the_fields() -> None:
    """Equal fields make equal messages of one class, with equal hashes."""
    twin = Order("1", [Line("a", 2)], {"a": Decimal("1.50")}, kind="phone")
    assert twin == ORDER
    assert hash(twin) == hash(ORDER)
    assert evolve(twin, number="2") != ORDER
    assert Order("1") != Sale("1")


def test_evolve_runs_converters_and_validators() -> None:
    """A changed copy is made like a new message; attrs' own function works too."""
    assert evolve(ORDER, lines=[]).lines == ()
    assert attrs.evolve(Line("a", 1), quantity=2) == Line("a", 2)
    with pytest.raises(ValueError, match="quantity must be above 0, not 0"):
        evolve(Line("a", 1), quantity=0)


def test_match_and_signature() -> None:
    """Patterns and signatures see the fields in their order."""
    match ORDER:
        case Order(number, (Line(sku, quantity),)):
            assert ("1", "a", 2) == (number, sku, quantity)
        case _:
            pytest.fail("no match")
    assert ["number", "lines", "prices", "kind"] == list(inspect.signature(Order).parameters)
    assert inspect.signature(Order).parameters["kind"].kind is inspect.Parameter.KEYWORD_ONLY
    assert inspect.signature(Line).parameters["quantity"].annotation is int


def test_wrong_arguments_are_type_errors() -> None:
    """Too few, too many, unknown and positional for keyword-only: as for any function."""
    for arguments, named in (((), {}), (("1", (), {}, "web"), {}), (("1",), {"colour": 1})):
        with pytest.raises(TypeError, match="__init__"):
            Order(*arguments, **named)


def test_everything_of_attrs_at_once() -> None:
    """Pre- and post-init, defaults by method, converters with self, aliases: all as in attrs."""
    calls: list[str] = []

    def double(value: int, instance: Any, field: Any) -> int:
        calls.append(f"convert {field.name}")
        return value * instance.factor

    @message
    class All:
        factor: int
        scaled: int = field(converter=attrs.Converter(double, takes_self=True, takes_field=True))
        _hidden: str = field(alias="shown")
        size: int = field()
        row: tuple[int, ...] = field(init=False, factory=lambda: [1, 2])

        @size.default
        def _size(self) -> int:
            return self.factor + 1

        @size.validator
        def _check(self, attribute: Any, value: int) -> None:
            calls.append(f"check {attribute.name} {value}")

        def __attrs_post_init__(self) -> None:
            calls.append("post")

    made = All(2, 3, shown="x")
    assert (6, "x", 3, (1, 2)) == (made.scaled, made._hidden, made.size, made.row)
    assert calls == ["convert scaled", "check size 3", "post"]


def test_an_own_constructor_is_kept() -> None:
    """A class with its own `__init__` keeps it, and attrs' one under `__attrs_init__`."""

    @message
    class Amount:
        value: Decimal

        def __init__(self, text: str) -> None:
            self.__attrs_init__(Decimal(text))

    assert Amount("1.5").value == Decimal("1.5")


def test_a_subclass_may_extend_the_constructor() -> None:
    """`super().__init__` fills an instance of the subclass and leaves it one."""

    @message
    class Base:
        a: int
        b: int
        c: int
        d: int
        row: tuple[int, ...] = ()

    @message
    class Extended(Base):
        def __init__(self, a: int) -> None:
            super().__init__(a, a, a, a, [a])

    made = Extended(1)
    assert type(made) is Extended
    assert (1, 1, (1,)) == (made.a, made.d, made.row)


# --- Isolation ----------------------------------------------------------------


def test_mutable_arguments_are_copied() -> None:
    """What the sender keeps a hold of is not what the message holds, at any depth."""

    @message
    class Basket:
        rows: tuple[tuple[int, ...], ...]
        names: frozenset[str]
        stock: Mapping[str, tuple[int, ...]]
        raw: bytes
        maybe: tuple[frozenset[int], ...] | Mapping[str, frozenset[int]] | bytes | None = None

    rows, names, stock, raw = [[1], [2]], {"a"}, {"a": [1]}, bytearray(b"x")
    made = Basket(rows, names, stock, raw)
    rows[0].append(3)
    rows.append([4])
    names.add("b")
    stock["a"].append(2)
    stock["b"] = []
    raw.append(0)
    assert Basket(((1,), (2,)), frozenset({"a"}), FrozenMap({"a": (1,)}), b"x") == made
    assert type(made.stock) is FrozenMap
    assert type(made.raw) is bytes
    assert hash(made)
    for given, kept in (
        ([{1}], (frozenset({1}),)),
        ({"a": {1}}, FrozenMap({"a": frozenset({1})})),
        (bytearray(b"y"), b"y"),
        (None, None),
    ):
        assert kept == evolve(made, maybe=given).maybe


def test_the_default_is_copied() -> None:
    """A mutable default or factory becomes immutable too."""
    shared: dict[str, int] = {}

    @message
    class Settings:
        values: Mapping[str, int] = shared
        tags: tuple[str, ...] = field(factory=list)

    made = Settings()
    shared["a"] = 1
    assert Settings({}, ()) == made


def test_the_authors_converter_goes_first() -> None:
    """A converter of the author's own runs before the copy that makes it immutable."""

    @message
    class Csv:
        cells: tuple[str, ...] = field(converter=lambda text: text.split(","))

    assert Csv("a,b").cells == ("a", "b")


@pytest.mark.parametrize("given", ["text", b"bytes", 5, {"a": 1}, {1, 2}, None])
def test_what_is_no_sequence_is_refused_for_a_tuple(given: Any) -> None:
    """A text is not taken for the tuple of its letters, and so on; the error names the field."""
    with pytest.raises(TypeError, match=r"test_message\.Later\.nodes takes a tuple, not "):
        Later(given)


def test_a_value_that_fits_an_option_is_left_alone() -> None:
    """Among several containers in a union the one that the value already is wins."""

    @message
    class Mixed:
        value: tuple[frozenset[int], ...] | tuple[tuple[int, ...], ...] | tuple[int, int]

    for value in ((frozenset({1}),), ((1,),), (1, 2)):
        assert value == Mixed(value).value
    with pytest.raises(TypeError, match=r"Mixed\.value"):
        Mixed((1, 2, 3))


def test_a_wrong_container_is_refused_by_a_union() -> None:
    """A union without a frozenset takes no set: it could be changed later."""

    @message
    class Maybe:
        value: tuple[int, ...] | None

    with pytest.raises(TypeError, match=r"Maybe\.value takes no such set"):
        Maybe({1})


# --- Definition -----------------------------------------------------------------


def test_later_and_own_names_are_resolved() -> None:
    """A class may name itself and classes defined after it."""
    chain = Node(1, Node(2), Later([Node(3)]))
    assert (Node(3),) == chain.other.nodes
    assert attrs.fields(Node).next.type == Node | None


def test_a_name_that_never_comes_is_refused_at_the_first_instance() -> None:
    """The error says which name is missing."""

    @message
    class Broken:
        value: Nowhere  # noqa: F821

    with pytest.raises(MessageDefinitionError, match="names 'Nowhere', which is not defined"):
        Broken(1)


def test_local_types_are_resolved() -> None:
    """Names of the function around the class are known to its annotations."""

    @attrs.frozen
    class Point:
        x: int

    @message
    class Move:
        to: Point

    assert attrs.fields(Move).to.type is Point


def test_inherited_types_are_resolved_where_they_were_written() -> None:
    """A base's annotations mean what they mean in the base's module."""
    assert attrs.fields(Sale).lines.type == tuple[Line, ...]
    assert Sale("1", [Line("a", 1)]).lines == (Line("a", 1),)


def test_a_late_mutable_type_is_refused_too() -> None:
    """What could not be checked at definition is checked at the first instance."""
    holder: dict[str, Any] = {"__name__": "late_module"}

    @message
    class Late:
        value: Afterwards  # noqa: F821

    holder["Afterwards"] = list[int]
    globals()["Afterwards"] = list[int]
    try:
        with pytest.raises(MessageDefinitionError, match=r"Late\.value: list\[int\] is mutable"):
            Late(1)
    finally:
        del globals()["Afterwards"]


@pytest.mark.parametrize(
    "make",
    [
        lambda: message(attrs.frozen(type("A", (), {"__annotations__": {}}))),
        lambda: message(type("A", (dict,), {"__annotations__": {}})),
        lambda: message(type("A", (Exception,), {"__annotations__": {}})),
        lambda: message(type("A", (), {"__annotations__": {}, "x": attrs.field()})),
        lambda: message(lambda: None),
        lambda: message(
            type("A", (), {"__annotations__": {"a": int, "b": int}, "a": 1})  # no default after one
        ),
        lambda: message(type("A", (), {"__annotations__": {"a": "1 +"}})),
    ],
)
def test_what_cannot_be_a_message_is_refused(make: Any) -> None:
    """Decorated twice, a mutable base, no annotation, no class: refused at definition."""
    with pytest.raises(MessageDefinitionError):
        make()


def test_fields_named_like_python_words() -> None:
    """Fields may have the names that the constructor itself might want to use."""

    @message
    class Odd:
        type: str
        cls: int
        object: dt.date
        setattr: tuple[int, ...]
        len: int = field(default=1, validator=positive)

    day = dt.date(2020, 1, 2)
    made = Odd("t", 1, day, [1], 2)
    assert ("t", 1, day, (1,), 2) == attrs.astuple(made, recurse=False)
