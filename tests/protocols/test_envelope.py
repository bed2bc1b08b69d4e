"""The envelope as people and other processes see it."""

from __future__ import annotations

import pickle

from harmonium.protocols.codec import Codec
from harmonium.protocols.envelope import Envelope, Lane
from harmonium.protocols.message import info_of, message


@message(name="shop.Pay")
class Pay:
    cents: int


FULL = Envelope(
    Pay(100),
    "/shop/orders",
    "/shop/payments",
    "m7",
    "c1",
    causation_id="m6",
    deadline=12.5,
    idempotency_key="order-1",
    traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    lane=Lane.CONTROL,
)


def test_it_travels_with_its_message() -> None:
    """JSON and msgpack carry every part; the codec of the message is enough."""
    codec = Codec([Pay])
    assert FULL == codec.from_json(codec.to_json(FULL))
    assert FULL == codec.from_msgpack(codec.to_msgpack(FULL))
    assert codec.to_primitive(FULL)["data"]["message"] == {
        "type": "shop.Pay/1",
        "data": {"cents": 100},
    }
    assert FULL == pickle.loads(pickle.dumps(FULL))


def test_what_is_not_known_has_a_default() -> None:
    """Code outside of all agents sends without sender, cause, deadline and key."""
    sparse = Envelope(Pay(1), None, "/shop", "m1", "c1")
    assert (None, None, None, None, Lane.USER) == (
        sparse.sender,
        sparse.deadline,
        sparse.idempotency_key,
        sparse.traceparent,
        sparse.lane,
    )


def test_lanes_are_ordered_by_urgency() -> None:
    """Signals go before control, control before user messages."""
    assert sorted(Lane) == [Lane.SIGNAL, Lane.CONTROL, Lane.USER]
    assert info_of(Envelope).wire_name == "harmonium.Envelope/1"
