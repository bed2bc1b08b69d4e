"""The JSON Schema of messages; that JSON keeps it is tested with the codec's properties."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import attrs
import jsonschema
import pytest

from harmonium.protocols.codec import Codec
from harmonium.protocols.errors import CodecError, MessageDefinitionError
from harmonium.protocols.message import field, message, non_negative
from harmonium.protocols.schema import schema


@attrs.frozen
class Place:
    """Where somebody lives.

    And more.
    """

    street: str


@message(name="shop.Customer", version=2)
class Customer:
    name: str
    age: int = field(validator=non_negative)
    places: tuple[Place, ...] = ()
    friends: frozenset[str] = frozenset()
    scores: Mapping[int, float] = field(factory=dict)
    parent: Customer | None = None
    number: int | str | float = 0


CODEC = Codec([Customer])
VALID = CODEC.to_primitive(Customer("Ann", 3, [Place("High St")], {"Bob"}, {1: 2.0}))


def is_valid(primitive: Any) -> bool:
    return bool(jsonschema.Draft202012Validator(schema(Customer)).is_valid(primitive))


def test_it_says_name_version_and_fields() -> None:
    """The schema has the frame, one definition for each class, and the first line of its doc."""
    made = schema(Customer)
    assert made["$ref"] == "#/$defs/shop.Customer.2"
    assert made["$defs"].keys() == {"shop.Customer.2", f"{__name__}.Place"}
    frame = made["$defs"]["shop.Customer.2"]
    assert frame["properties"]["type"] == {"const": "shop.Customer/2"}
    assert frame["properties"]["data"]["required"] == ["name", "age"]
    assert made["$defs"][f"{__name__}.Place"]["description"] == "Where somebody lives."
    assert json.loads(json.dumps(made)) == made


@pytest.mark.parametrize(
    "change",
    [
        {"name": 1},
        {"age": -1},
        {"age": "3"},
        {"age": True},
        {"places": [{"street": 1}]},
        {"places": [{}]},
        {"friends": ["a", "a"]},
        {"scores": [[1, 2.0, 3]]},
        {"scores": [["1", 2.0]]},
        {"parent": {"type": "shop.Customer/1", "data": VALID["data"]}},
        {"number": None},
        {"more": 1},
    ],
)
def test_what_the_codec_refuses_is_invalid(change: dict[str, Any]) -> None:
    """Wrong types, missing, extra and doubled things are invalid for the schema too."""
    wrong = {**VALID, "data": {**VALID["data"], **change}}
    assert is_valid(VALID)
    assert not is_valid(wrong)
    with pytest.raises(CodecError):
        CODEC.from_primitive(wrong)


def test_only_messages_have_one() -> None:
    """A record alone has no schema, for it has no name on the wire."""
    with pytest.raises(MessageDefinitionError, match="it is no message class"):
        schema(Place)
