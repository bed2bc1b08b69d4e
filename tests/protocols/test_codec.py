"""The codec: the forms on the wire, versions, refs, and what each error says."""

from __future__ import annotations

import copy
import datetime as dt
import enum
import json
import math
import pickle
import subprocess
import sys
import uuid
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Literal

import attrs
import cattrs
import msgpack
import pytest

from harmonium.protocols.codec import Codec
from harmonium.protocols.errors import (
    CodecError,
    ConfigError,
    MalformedMessage,
    MessageDefinitionError,
    UnknownMessage,
)
from harmonium.protocols.message import AnyMessage, field, message, non_empty
from tests.protocols.message_strategies import Line as OtherLine
from tests.protocols.message_strategies import Right


class Color(enum.Enum):
    RED = (255, 0, 0)
    BLUE = 2


@attrs.frozen
class Place:
    street: str
    number: int = 1


@message(name="shop.Line")
class Line:
    sku: str = field(validator=non_empty)
    price: Decimal = Decimal(0)


@message(name="shop.Order")
class Order:
    number: int
    lines: tuple[Line, ...]
    to: Place | None = None
    colours: Mapping[Color, str] = field(factory=dict)
    weights: Mapping[int, float] = field(factory=dict)
    tags: frozenset[str] = frozenset()
    either: Line | Place | tuple[int, ...] | None = None


ORDER = Order(
    7,
    [Line("a", Decimal("1.50")), Line("b")],
    Place("High St"),
    {Color.RED: "red"},
    {1: 0.5},
    {"x", "b", "a"},
    Place("Low St", 2),
)
PRIMITIVE = {
    "type": "shop.Order/1",
    "data": {
        "number": 7,
        "lines": [
            {"type": "shop.Line/1", "data": {"sku": "a", "price": "1.50"}},
            {"type": "shop.Line/1", "data": {"sku": "b", "price": "0"}},
        ],
        "to": {"street": "High St", "number": 1},
        "colours": {"RED": "red"},
        "weights": [[1, 0.5]],
        "tags": ["a", "b", "x"],
        "either": {"type": "test_codec.Place", "data": {"street": "Low St", "number": 2}},
    },
}
CODEC = Codec([Order])


def of_type(annotation: Any) -> tuple[type, Codec]:
    """A message class with one field `value` of a type, and its codec."""
    cls = message(name="test.One")(type("One", (), {"__annotations__": {"value": annotation}}))
    return cls, Codec([cls, Line])


def written(annotation: Any, value: Any) -> Any:
    """What a field's value travels as."""
    cls, codec = of_type(annotation)
    return codec.to_primitive(cls(value))["data"]["value"]


def read(annotation: Any, wire: Any) -> Any:
    """What a field's value becomes again."""
    _, codec = of_type(annotation)
    return codec.from_primitive({"type": "test.One/1", "data": {"value": wire}}).value


# --- Forms ----------------------------------------------------------------------


def test_the_form_on_the_wire() -> None:
    """A message is its name, its version and its fields; both forms hold the same."""
    assert PRIMITIVE == CODEC.to_primitive(ORDER)
    assert ORDER == CODEC.from_primitive(PRIMITIVE)
    assert json.loads(CODEC.to_json(ORDER)) == PRIMITIVE
    assert msgpack.unpackb(CODEC.to_msgpack(ORDER)) == PRIMITIVE
    assert len(CODEC.to_msgpack(ORDER)) < len(CODEC.to_json(ORDER))
    assert "\n" not in CODEC.to_json(ORDER)


UTC = dt.UTC


@pytest.mark.parametrize(
    ("annotation", "value", "wire"),
    [
        (None, None, None),
        (bool, True, True),
        (int, 2**80, 2**80),
        (float, 1.5, 1.5),
        (float, 2, 2.0),
        (float, math.inf, "inf"),
        (float, -math.inf, "-inf"),
        (str, "£ \u2028 \x00", "£ \u2028 \x00"),
        (bytes, b"\x00\xff", "AP8="),
        (dt.datetime, dt.datetime(2020, 1, 2, 3, 4, 5), "2020-01-02T03:04:05"),  # noqa: DTZ001
        (dt.datetime, dt.datetime(2020, 1, 2, tzinfo=UTC), "2020-01-02T00:00:00+00:00"),
        (dt.date, dt.date(2020, 1, 2), "2020-01-02"),
        (dt.time, dt.time(1, 2, 3, 4), "01:02:03.000004"),
        (dt.timedelta, dt.timedelta(days=1, seconds=2, microseconds=3), "P1DT2.000003S"),
        (dt.timedelta, -dt.timedelta(seconds=90), "-P0DT90S"),
        (dt.timedelta, dt.timedelta.min, "-P999999999DT0S"),
        (Decimal, Decimal("1.10"), "1.10"),
        (Decimal, Decimal("1E+5"), "1E+5"),
        (uuid.UUID, uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (Color, Color.RED, "RED"),
        (Right, Right.READ | Right.WRITE, 3),
        (Literal["a", 1, True, b"x"], True, True),
        (Literal["a", 1, True, b"x"], b"x", "eA=="),
        (tuple[int, str], (1, "a"), [1, "a"]),
        (tuple[()], (), []),
        (frozenset[int], frozenset({3, 1}), [1, 3]),
        (Mapping[str, int], {"a": 1}, {"a": 1}),
        (Mapping[uuid.UUID, int], {uuid.UUID(int=1): 1}, {str(uuid.UUID(int=1)): 1}),
        (Mapping[int | str, int], {1: 2, "a": 3}, [[1, 2], ["a", 3]]),
        (int | str | None, "1", "1"),
        (int | float, 1, 1),
        (int | float, 1.0, 1.0),
        (float | str, math.inf, {"type": "float", "data": "inf"}),
        (float | None, math.inf, "inf"),
        (bytes | str, "a", {"type": "str", "data": "a"}),
        (dt.date | dt.datetime, dt.date(2020, 1, 2), {"type": "date", "data": "2020-01-02"}),
        (tuple[int, ...] | frozenset[int], (1,), {"type": "tuple[int, ...]", "data": [1]}),
        (Line | OtherLine, Line("a"), {"type": "shop.Line/1", "data": {"sku": "a", "price": "0"}}),
        (AnyMessage, Line("a"), {"type": "shop.Line/1", "data": {"sku": "a", "price": "0"}}),
        (AnyMessage | None, Line("a"), {"type": "shop.Line/1", "data": {"sku": "a", "price": "0"}}),
        (Place | None, Place("a"), {"street": "a", "number": 1}),
        (
            Place | Mapping[str, int],
            Place("a"),
            {"type": "test_codec.Place", "data": {"street": "a", "number": 1}},
        ),
    ],
)
def test_types_on_the_wire(annotation: Any, value: Any, wire: Any) -> None:
    """Each type has one form, and comes back from it with its type."""
    assert (wire, type(wire)) == (written(annotation, value), type(written(annotation, value)))
    assert value == read(annotation, wire)


def test_subclasses_of_values_travel_as_the_value() -> None:
    """An IntEnum in an int field is the number, a StrEnum in a str field the text."""

    class Size(enum.IntEnum):
        BIG = 3

    class Mood(str, enum.Enum):  # noqa: UP042 - its str() is not its value
        GOOD = "g"

    assert (3, int) == (written(int, Size.BIG), type(written(int, Size.BIG)))
    assert ("g", str) == (written(str, Mood.GOOD), type(written(str, Mood.GOOD)))
    assert written(Size, Size.BIG) == "BIG"
    assert written(Mood, Mood.GOOD) == "GOOD"


# --- Refusals -------------------------------------------------------------------


def edited(change: Callable[[Any], Any]) -> Any:
    primitive = copy.deepcopy(PRIMITIVE)
    change(primitive["data"])
    return primitive


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda d: d.update(number="7"), "$.number: int expected, not str"),
        (lambda d: d.update(number=True), "$.number: int expected, not bool"),
        (lambda d: d.update(number=7.0), "$.number: int expected, not float"),
        (lambda d: d.pop("number"), "$.number: the field is missing"),
        (lambda d: d.update(colour=1), "$.colour: shop.Order has no such field"),
        (lambda d: d.update({"a b": 1}), '$["a b"]: shop.Order has no such field'),
        (lambda d: d.update(lines={}), "$.lines: array expected, not dict"),
        (
            lambda d: d["lines"][1]["data"].update(price=3),
            "$.lines[1].price: Decimal as text expected, not int",
        ),
        (
            lambda d: d["lines"][1]["data"].update(price="3,0"),
            "$.lines[1].price: the text is no Decimal",
        ),
        (
            lambda d: d["lines"][0]["data"].update(sku=""),
            "$.lines[0]: shop.Line refuses it: sku must not be empty, not ''",
        ),
        (
            lambda d: d["lines"][0].update(type="shop.Order/1"),
            "$.lines[0].type: shop.Line expected, not shop.Order",
        ),
        (lambda d: d["lines"][0].pop("data"), "$.lines[0].data: the field is missing"),
        (
            lambda d: d["lines"][0].update(more=1),
            "$.lines[0]: nothing but 'type' and 'data' expected",
        ),
        (lambda d: d["to"].pop("street"), "$.to.street: the field is missing"),
        (
            lambda d: d.update(colours={"GREEN": "x"}),
            '$.colours["GREEN"]: one of RED, BLUE expected',
        ),
        (lambda d: d.update(colours={"RED": 1}), '$.colours["RED"]: str expected, not int'),
        (lambda d: d.update(weights=[[1]]), "$.weights[0]: 2 items expected, not 1"),
        (lambda d: d.update(weights=[[1, "x"]]), "$.weights[0][1]: float expected, not str"),
        (lambda d: d.update(weights=[[1, 1], [1, 2]]), "$.weights: a key stands twice"),
        (lambda d: d.update(tags=["a", "a"]), "$.tags: an item stands twice"),
        (lambda d: d.update(tags=["\ud800"]), "$.tags[0]: the text holds a lone surrogate"),
        (
            lambda d: d.update(either="x"),
            "$.either: Line or Place or tuple[int, ...] or None expected, not str",
        ),
        (lambda d: d.update(either=[1, "x"]), "$.either[1]: int expected, not str"),
        (
            lambda d: d["either"]["data"].update(number="x"),
            "$.either.number: int expected, not str",
        ),
        (lambda d: d["either"].update(type="shop.Nothing/1"), "$.either.type: no message is named"),
    ],
)
def test_refusals_name_the_place(change: Callable[[Any], Any], error: str) -> None:
    """The path leads through fields, places and keys to what is wrong; nothing is coerced."""
    with pytest.raises(CodecError) as caught:
        CODEC.from_primitive(edited(change))
    assert str(caught.value).startswith(error)


@pytest.mark.parametrize(
    ("annotation", "wire"),
    [
        (float, True),
        (float, "1.5"),
        (float, 10**400),
        (float, math.nan),
        (float, math.inf),
        (str, 1),
        (bytes, "a"),
        (bytes, "ä==="),
        (bytes, [1]),
        (dt.datetime, "2020-01-02"),
        (dt.datetime, "2020-13-02T00:00:00"),
        (dt.datetime, 0),
        (dt.date, "2020-01-02T00:00:00"),
        (dt.date, "20200102"),
        (dt.date, "२०२०-01-02"),
        (dt.time, "25:00:00"),
        (dt.timedelta, "P9999999999DT0S"),
        (dt.timedelta, 5),
        (Decimal, "1_000"),
        (Decimal, " 1"),
        (Decimal, "1\n"),
        (Decimal, 1.5),
        (uuid.UUID, "{00000000-0000-0000-0000-000000000001}"),
        (uuid.UUID, "00000000000000000000000000000001"),
        (Color, 2),
        (Color, "red"),
        (Right, 64),
        (Right, "READ"),
        (Literal[1, "a"], True),
        (Literal[1, "a"], 1.0),
        (Literal[1, "a"], [1]),
        (None, 0),
        (bool, 1),
        (tuple[int, str], [1, "a", 2]),
        (tuple[int, ...], "12"),
        (Mapping[str, int], [["a", 1]]),
        (int | None, "1"),
        (bytes | str, "YQ=="),
        (Place | None, {"type": "None", "data": None}),
    ],
)
def test_nothing_is_coerced(annotation: Any, wire: Any) -> None:
    """A value that only resembles the type is refused, at the field."""
    with pytest.raises(MalformedMessage) as caught:
        read(annotation, wire)
    assert caught.value.path.startswith("$.value")


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (int, "1"),
        (int, True),
        (int, None),
        (float, True),
        (str, 1),
        (str, "\ud83d\ude00"),
        (bytes, "text"),
        (dt.date, dt.datetime(2020, 1, 2)),  # noqa: DTZ001
        (Decimal, 1.5),
        (Color, "RED"),
        (Right, 1),
        (Literal["a"], "b"),
        (Literal["a"], ["a"]),
        (Line, Place("a")),
        (Place, Line("a")),
        (AnyMessage, 5),
        (int | str, 1.5),
    ],
)
def test_a_field_that_belies_its_annotation_is_not_written(annotation: Any, value: Any) -> None:
    """A wrong value is found before it leaves, with its path."""
    with pytest.raises(CodecError) as caught:
        written(tuple[annotation, ...], (value,))
    assert caught.value.path == "$.value[0]"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "Expecting value"),
        ("{", "Expecting property name"),
        ("[]", "object with 'type' and 'data' expected, not list"),
        ("null", "object with 'type' and 'data' expected, not NoneType"),
        ('{"type":"shop.Line/1","data":{"sku":"a","price":NaN}}', "NaN is no JSON"),
        ('{"type":"shop.Line/1","data":{"sku":"a","sku":"b"}}', "a key stands twice"),
        ("9" * 5000, "Exceeds the limit"),
        ("[" * 100_000, "it is nested too deeply"),
        (b"\xff", "'utf-8' codec can't decode"),
        ('{"type":"shop.Line/1","data":{}} 1', "Extra data"),
        (None, "expected string"),
    ],
)
def test_what_is_no_json_is_refused_at_the_top(text: Any, problem: str) -> None:
    """Broken JSON, and JSON that is no message, is a `MalformedMessage` at ``$``."""
    with pytest.raises(MalformedMessage) as caught:
        CODEC.from_json(text)
    assert caught.value.path == "$"
    assert problem in caught.value.problem


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xc1",
        b"\x81",
        b"\x93\x01",
        b"\x91" * 3000,
        b"\xdd\xff\xff\xff\xff",
        b"\xd9\x02\xff\xff",
        b"\xc7\x01\x05\x00",
        b"\xd6\xff\x00\x00\x00\x00",
        b"\x82\xa1a\x01\xa1a\x02",
        b"\x81\x01\x02",
        b"\x81\x90\x02",
        b"\x01\x02",
        "text",
        None,
    ],
)
def test_what_is_no_msgpack_is_refused_at_the_top(data: Any) -> None:
    """Truncated, too deep, unknown extensions, bad UTF-8, odd keys: all refused at ``$``."""
    with pytest.raises(MalformedMessage) as caught:
        CODEC.from_msgpack(data)
    assert caught.value.path == "$"
    assert caught.value.problem


@pytest.mark.parametrize("number", [2**63 - 1, -(2**63), 2**64, -(2**64), 2**2000, -(2**2000)])
def test_integers_of_any_size_travel_in_msgpack(number: int) -> None:
    """What msgpack has no form for goes as an extension."""
    cls, codec = of_type(int | str)
    assert number == codec.from_msgpack(codec.to_msgpack(cls(number))).value


@pytest.mark.parametrize("form", ["json", "msgpack"])
def test_what_is_too_deep_is_not_written(form: str) -> None:
    """A message nested beyond what Python can follow is a `CodecError`, not a crash."""

    @message(name="test.Chain")
    class Chain:
        next: Chain | None

    codec = Codec([Chain])
    chain = None
    for _ in range(5000):
        chain = Chain(chain)
    with pytest.raises(MalformedMessage, match="too deeply"):
        getattr(codec, f"to_{form}")(chain)


def test_errors_survive_pickle() -> None:
    """The path is kept when the error crosses a process."""
    with pytest.raises(CodecError) as caught:
        CODEC.from_primitive(edited(lambda d: d.update(number="7")))
    again = pickle.loads(pickle.dumps(caught.value))
    assert ("$.number", str(caught.value)) == (again.path, str(again))


# --- Names and versions -----------------------------------------------------------


def test_unknown_names_come_with_the_nearest() -> None:
    """A name that nothing has is an `UnknownMessage` that guesses."""
    with pytest.raises(UnknownMessage) as caught:
        CODEC.from_primitive({"type": "shop.Ordr/1", "data": {}})
    assert (caught.value.path, caught.value.nearest) == ("$.type", "shop.Order")
    with pytest.raises(UnknownMessage, match=r"does not know message_strategies\.Line/1"):
        CODEC.to_json(OtherLine("a", Decimal(1)))
    assert CODEC.names == ("harmonium.Envelope/1", "shop.Line/1", "shop.Order/1")


@pytest.mark.parametrize("name", [1, None, "", "shop.Order", "shop.Order/0", "shop.Order/x", "/1"])
def test_what_is_no_name_is_malformed(name: Any) -> None:
    """The type has to be a name, a slash and a version from 1."""
    with pytest.raises(MalformedMessage, match=r"\$\.type: a name like 'orders\.Pay/1' expected"):
        CODEC.from_primitive({"type": name, "data": {}})


def versioned(version: int, upcast: Any, **fields: Any) -> Codec:
    namespace = {"__annotations__": fields}
    cls = message(name="shop.Pay", version=version, upcast=upcast)(type("Pay", (), namespace))
    return Codec([cls])


def rename(old: str, new: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    def upcast(data: dict[str, Any]) -> dict[str, Any]:
        data[new] = data.pop(old)
        return data

    return upcast


def test_old_versions_are_upcast_step_by_step() -> None:
    """Version 1 goes through 2 to 3; the sender's data is not changed by it."""
    codec = versioned(3, {1: rename("a", "b"), 2: rename("b", "c")}, c=int)
    old = {"type": "shop.Pay/1", "data": {"a": 5}}
    assert codec.from_primitive(old).c == 5
    assert old["data"] == {"a": 5}
    assert codec.from_primitive({"type": "shop.Pay/2", "data": {"b": 6}}).c == 6
    assert codec.from_primitive({"type": "shop.Pay/3", "data": {"c": 7}}).c == 7


def test_nested_messages_are_upcast_too() -> None:
    """Each message inside another has a version of its own."""

    @message(name="shop.Item", version=2, upcast=rename("code", "sku"))
    class Item:
        sku: str

    @message(name="shop.Cart")
    class Cart:
        items: tuple[Item, ...]

    wire = {
        "type": "shop.Cart/1",
        "data": {"items": [{"type": "shop.Item/1", "data": {"code": "a"}}]},
    }
    assert Codec([Cart]).from_primitive(wire) == Cart([Item("a")])


@pytest.mark.parametrize(
    ("codec", "wire", "error"),
    [
        (
            versioned(2, rename("a", "b"), b=int),
            {"type": "shop.Pay/3", "data": {"b": 1}},
            "$.type: version 3 of shop.Pay is newer than 2, the last known",
        ),
        (
            versioned(3, {2: rename("a", "b")}, b=int),
            {"type": "shop.Pay/1", "data": {"b": 1}},
            "$.type: no upcast leads from version 1 of shop.Pay to the next",
        ),
        (
            versioned(2, rename("a", "b"), b=int),
            {"type": "shop.Pay/1", "data": {}},
            "$: the upcast of shop.Pay from version 1 failed: KeyError('a')",
        ),
        (
            versioned(2, lambda _: None, b=int),
            {"type": "shop.Pay/1", "data": {}},
            "$: object expected, not NoneType",
        ),
        (
            versioned(2, rename("a", "b"), b=int),
            {"type": "shop.Pay/1", "data": []},
            "$: object expected, not list",
        ),
        (
            versioned(2, rename("a", "b"), b=int),
            {"type": "shop.Pay/1", "data": {"a": "x"}},
            "$.b: int expected, not str",
        ),
    ],
)
def test_versions_that_cannot_be_read(codec: Codec, wire: Any, error: str) -> None:
    """Newer versions, missing steps and failing upcasts are `CodecError`s that say so."""
    with pytest.raises(CodecError) as caught:
        codec.from_primitive(wire)
    assert error == str(caught.value)


def test_an_old_class_that_is_still_known_reads_its_own_version() -> None:
    """Two versions of a name may be known side by side."""
    old = message(name="shop.Pay")(type("Old", (), {"__annotations__": {"a": int}}))
    new = message(name="shop.Pay", version=2)(type("New", (), {"__annotations__": {"b": int}}))
    codec = Codec([old, new])
    assert codec.from_json(codec.to_json(old(1))) == old(1)
    assert codec.from_json(codec.to_json(new(1))) == new(1)


def test_two_classes_of_one_name_are_refused() -> None:
    """A name and version means one class."""
    one, two = (message(name="shop.Pay")(type(n, (), {"__annotations__": {}})) for n in "AB")
    with pytest.raises(MessageDefinitionError, match=r"is shop\.Pay/1 too"):
        Codec([one, two])
    assert Codec([one, one]).names == ("harmonium.Envelope/1", "shop.Pay/1")


@pytest.mark.parametrize("thing", [int, Place, "Order", ORDER])
def test_only_message_classes_can_be_told(thing: Any) -> None:
    """A codec of something else cannot be made."""
    with pytest.raises(MessageDefinitionError, match="it is no message class"):
        Codec([thing])


# --- Refs, cattrs, msgpack ----------------------------------------------------------


class Ref:
    __harmonium_ref__ = True

    def __init__(self, path: str) -> None:
        self.path = path


@message(name="test.Watch")
class Watch:
    target: Ref
    others: tuple[Ref | None, ...] = ()


def find(path: str) -> Ref:
    if path == "/nobody":
        raise KeyError(path)
    return Ref(path)


def test_refs_travel_as_paths() -> None:
    """The codec is told how to write and find refs; who is not found has a path in the error."""
    codec = Codec([Watch], ref_to_str=lambda ref: ref.path, str_to_ref=find)
    primitive = codec.to_primitive(Watch(Ref("/a"), [None, Ref("/b")]))
    assert primitive["data"] == {"target": "/a", "others": [None, "/b"]}
    again = codec.from_primitive(primitive)
    assert ("/a", "/b") == (again.target.path, again.others[1].path)
    primitive["data"]["others"][1] = "/nobody"
    with pytest.raises(MalformedMessage, match=r"\$\.others\[1\]: no ref for this path"):
        codec.from_primitive(primitive)


def test_refs_need_to_be_told() -> None:
    """Without the two functions a ref is a `CodecError`."""
    codec = Codec([Watch])
    with pytest.raises(CodecError, match=r"\$\.target: this codec was not told how to write refs"):
        codec.to_json(Watch(Ref("/a")))
    with pytest.raises(CodecError, match=r"\$\.target: this codec was not told how to read refs"):
        codec.from_primitive({"type": "test.Watch/1", "data": {"target": "/a"}})
    with pytest.raises(CodecError, match=r"\$\.target: a ref expected, not str"):
        Codec([Watch], ref_to_str=str).to_json(Watch("/a"))


def test_its_cattrs_converter_can_be_used() -> None:
    """Values that are no messages go through the same hooks with cattrs."""
    converter = CODEC.converter
    assert isinstance(converter, cattrs.Converter)
    wire = converter.unstructure((Line("a"), None), tuple[Line | None, ...])
    assert wire == [{"type": "shop.Line/1", "data": {"sku": "a", "price": "0"}}, None]
    assert converter.structure(wire, tuple[Line | None, ...]) == (Line("a"), None)
    assert converter.structure(converter.unstructure(ORDER), Order) == ORDER


def test_msgpack_is_loaded_only_where_it_is_used() -> None:
    """Importing and using the JSON form does not import msgpack."""
    program = (
        "import sys, harmonium.protocols.codec as c, harmonium.protocols.signals as s;"
        "c.Codec([s.Terminated]).to_json(s.Terminated('/a', 1, 'crash'));"
        "sys.exit('msgpack' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_a_missing_msgpack_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without msgpack the error says what to install."""
    monkeypatch.setitem(sys.modules, "msgpack", None)
    for call in (lambda: CODEC.to_msgpack(ORDER), lambda: CODEC.from_msgpack(b"")):
        with pytest.raises(ConfigError, match=r"pip install 'harmonium\[wire\]'"):
            call()
