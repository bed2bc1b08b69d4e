"""What type checkers see of messages, contracts, the codec and the errors; read, never run.

An ignored error that does not occur fails the check: each stands for a mistake
that has to be found.
"""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, assert_type

from harmonium.protocols.codec import Codec
from harmonium.protocols.contract import Contract
from harmonium.protocols.envelope import Envelope, Lane
from harmonium.protocols.errors import (
    AgentDead,
    AskTimeout,
    CodecError,
    HarmoniumError,
    MailboxFull,
    MalformedMessage,
)
from harmonium.protocols.immutable import FrozenMap
from harmonium.protocols.message import (
    AnyMessage,
    MessageInfo,
    evolve,
    field,
    info_of,
    is_message,
    message,
    positive,
)
from harmonium.protocols.schema import schema
from harmonium.protocols.traceparent import TraceParent


@message
class Line:
    sku: str
    quantity: int = field(validator=positive)


@message(name="shop.Order", version=2, upcast=lambda data: data, lane=Lane.CONTROL)
class Order:
    number: str
    lines: tuple[Line, ...] = ()
    prices: Mapping[str, Decimal] = field(factory=dict)
    note: AnyMessage = None


# The constructor is known: names, order, types, defaults.
order = Order("1", (Line("a", 2),), note=Line("b", quantity=1))
assert_type(order, Order)
assert_type(order.lines, tuple[Line, ...])
Line("a")  # type: ignore[call-arg]
Line("a", "2")  # type: ignore[arg-type]
Line("a", 2, colour="red")  # type: ignore[call-arg]

# A message is frozen.
order.number = "2"  # type: ignore[misc]

assert_type(evolve(order, number="2"), Order)
assert_type(info_of(Order), MessageInfo | None)
assert_type(is_message(order), bool)

match order:
    case Order(number, lines):
        assert_type(number, str)
        assert_type(lines, tuple[Line, ...])


@message(upcast="text")  # type: ignore[call-overload]
class Wrong:
    number: int


contract = Contract({Line: [Order, type(None)]}, publishes=[Order], anything=True)
assert_type(contract.accepts, Mapping[type, tuple[type, ...]])
contract.check(order, "/shop")

codec = Codec([Order], ref_to_str=str)
assert_type(codec.to_json(order), str)
assert_type(codec.to_msgpack(order), bytes)
assert_type(schema(Order), dict[str, Any])

envelope = Envelope(order, None, "/shop", "1", "c1", deadline=1.5)
assert_type(envelope.deadline, float | None)
assert_type(TraceParent.parse(""), TraceParent | None)
assert_type(FrozenMap({"a": 1})["a"], int)
assert_type(FrozenMap({"a": 1}).get("b", "none"), int | str)


def round_trip(error: HarmoniumError) -> tuple[HarmoniumError, ...]:
    """Errors keep their class and fields in copies, and in pickle."""
    again: HarmoniumError = pickle.loads(pickle.dumps(error))
    return again, copy.copy(error), copy.deepcopy(error)


assert_type(copy.copy(AgentDead("/a", "killed")).path, str)
assert_type(MailboxFull("/a", 10, envelope).envelope, Any)
assert_type(AskTimeout("/a", 0.5).timeout, float)
assert_type(CodecError("$", "bad").problem, str)
timeout: TimeoutError = AskTimeout("/a", 0.5)
codec_error: CodecError = MalformedMessage("$", "bad")
make: Callable[[str, str], CodecError] = MalformedMessage
AskTimeout("/a")  # type: ignore[call-arg]
AskTimeout("/a", "soon")  # type: ignore[arg-type]
