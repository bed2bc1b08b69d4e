"""What holds of the codec for messages of any class, and for input of any shape."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harmonium.protocols.codec import Codec
from harmonium.protocols.envelope import Envelope
from harmonium.protocols.errors import CodecError
from harmonium.protocols.message import is_message
from harmonium.protocols.schema import schema
from tests.protocols.message_strategies import Line, instances, messages

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=8)
    | st.sampled_from(["test.Made/1", "test.Made/2", "int", "float", "inf", "RED", "P0DT0S"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=4), inner, max_size=4)
        | st.fixed_dictionaries({"type": inner, "data": inner})
    ),
    max_leaves=8,
)


def codec_for(message: Any) -> Codec:
    return Codec([type(message), Line])


@given(messages())
def test_round_trip(message: Any) -> None:
    """Every message comes back equal, from JSON, from msgpack and in an envelope."""
    codec = codec_for(message)
    assert message == codec.from_json(codec.to_json(message))
    assert message == codec.from_json(codec.to_json(message).encode())
    assert message == codec.from_msgpack(codec.to_msgpack(message))

    envelope = Envelope(message, None, "/shop", "1", "c1", deadline=2.5)
    assert envelope == codec.from_json(codec.to_json(envelope))
    assert envelope == codec.from_msgpack(codec.to_msgpack(envelope))


@given(messages())
def test_equal_values_of_equal_types(message: Any) -> None:
    """What comes back is not only equal, it has the same types: True stays True, 1.0 a float."""
    codec = codec_for(message)
    again = codec.from_json(codec.to_json(message))
    assert repr(message) == repr(again) or not shown_in_full(message)


def shown_in_full(message: Any) -> bool:
    """Whether repr tells all: sets have no order, and the fold of a time is not kept."""
    return not any(word in repr(message) for word in ("frozenset", "FrozenMap", "fold=1"))


@given(messages())
def test_writing_is_a_function_of_the_value(message: Any) -> None:
    """What was read is written again as the same bytes."""
    codec = codec_for(message)
    text = codec.to_json(message)
    assert text == codec.to_json(codec.from_json(text))


@given(messages())
def test_json_keeps_the_schema(message: Any) -> None:
    """The JSON of a message is valid against the schema of its class."""
    described = schema(type(message))
    jsonschema.Draft202012Validator.check_schema(described)
    validator = jsonschema.Draft202012Validator(
        described, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    )
    validator.validate(json.loads(codec_for(message).to_json(message)))


def read_or_refuse(read: Any, data: Any) -> None:
    """Read what may be anything: it is a message, or it is refused with a path."""
    try:
        message = read(data)
    except CodecError as error:
        refusal = error
    else:
        assert is_message(message)
        return
    assert refusal.path.startswith("$")
    assert refusal.problem
    assert str(refusal).startswith(refusal.path)


def places_of(primitive: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a tree of dicts and lists."""
    children: Any = ()
    if isinstance(primitive, dict):
        children = primitive.items()
    elif isinstance(primitive, list):
        children = enumerate(primitive)
    return [path, *(place for key, one in children for place in places_of(one, (*path, key)))]


def changed(primitive: Any, path: tuple[Any, ...], change: Any) -> Any:
    """A copy with one place changed."""
    if not path:
        return change(primitive)
    copy = dict(primitive) if isinstance(primitive, dict) else list(primitive)
    copy[path[0]] = changed(copy[path[0]], path[1:], change)
    return copy


@st.composite
def damaged(draw: st.DrawFn) -> tuple[Codec, Any]:
    """A codec, and a message that it wrote, with one to three places damaged."""
    message = draw(messages())
    codec = codec_for(message)
    primitive = codec.to_primitive(message)
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.sampled_from(places_of(primitive)))
        change = draw(st.sampled_from([replace, drop_one, add_one, double]))
        other = draw(json_values)
        primitive = changed(primitive, place, lambda old, c=change, o=other: c(old, o))
    return codec, primitive


def replace(old: Any, other: Any) -> Any:
    del old
    return other


def drop_one(old: Any, other: Any) -> Any:
    if isinstance(old, dict) and old:
        return dict(list(old.items())[1:])
    return old[1:] if isinstance(old, list | str) else other


def add_one(old: Any, other: Any) -> Any:
    if isinstance(old, dict):
        return {**old, "extra": other}
    return [*old, other] if isinstance(old, list) else [old]


def double(old: Any, other: Any) -> Any:
    return old * 2 if isinstance(old, list | str) else other


@given(damaged())
def test_damaged_messages_are_refused_with_a_path(case: tuple[Codec, Any]) -> None:
    """A message with parts replaced, dropped or added is read, or refused with a path."""
    codec, primitive = case
    read_or_refuse(codec.from_primitive, primitive)
    read_or_refuse(codec.from_json, json.dumps(primitive))
    read_or_refuse(
        codec.from_msgpack, msgpack.packb(primitive, default=str, unicode_errors="surrogatepass")
    )


@given(messages(), st.data())
def test_damaged_bytes_are_refused_with_a_path(message: Any, data: st.DataObject) -> None:
    """Bytes that were cut or changed are read, or refused with a path."""
    codec = codec_for(message)
    for read, written in (
        (codec.from_json, codec.to_json(message).encode()),
        (codec.from_msgpack, codec.to_msgpack(message)),
    ):
        start = data.draw(st.integers(0, len(written)))
        end = data.draw(st.integers(start, len(written)))
        read_or_refuse(read, written[:start] + data.draw(st.binary(max_size=4)) + written[end:])


@given(instances(Line), json_values, st.binary(max_size=200), st.text(max_size=50))
def test_noise_is_refused_with_a_path(line: Line, value: Any, noise: bytes, text: str) -> None:
    """Random JSON, random bytes and random text are refused with a path."""
    codec = codec_for(line)
    read_or_refuse(codec.from_primitive, value)
    read_or_refuse(codec.from_json, noise)
    read_or_refuse(codec.from_json, text)
    read_or_refuse(codec.from_msgpack, noise)


@pytest.mark.parametrize("depth", [10, 400, 990, 5_000, 200_000])
@pytest.mark.parametrize("shape", ["[{}", '{{"a":{}', '{{"type":"test.Line/1","data":{}'])
def test_depth_is_refused_with_a_path(shape: str, depth: int) -> None:
    """Nesting of any depth, closed or not, is refused and never overflows the stack."""
    codec = Codec([Line])
    opening = shape.removesuffix("{}").replace("{{", "{")
    closing = "]" if opening == "[" else "}"
    read_or_refuse(codec.from_json, opening * depth)
    read_or_refuse(codec.from_json, opening * depth + "1" + closing * depth)
    read_or_refuse(codec.from_msgpack, b"\x91" * depth + b"\x01")
    read_or_refuse(codec.from_msgpack, b"\x81\xa1a" * depth + b"\x01")
