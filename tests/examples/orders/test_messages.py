"""The messages of the orders example: complete, immutable, named, safe to send."""

import pickle
from decimal import Decimal

import pytest

from examples.orders import messages as m
from examples.orders.domain import Kind, Order, OrderLine, Outcome, Reason, Reviewer
from examples.orders.reading import SAMPLE, read_orders
from examples.orders.stock import Ledger, Reservation, Shortage
from harmonium.protocols.message import info_of

ORDER = Order("17", None, "Norway", (OrderLine("LAMP", 2, Decimal("7.50")),), is_malformed=True)
OUTCOME = m.OrderOutcome("17", Outcome.REJECTED, Reason.REVIEW)
EXAMPLES = [
    m.Charge("17", Decimal("15.00")),
    m.Charged("17", Decimal("15.00")),
    m.CheckOrder(ORDER),
    m.OrderChecked("17", Kind.REVIEW),
    m.OrderClosed(OUTCOME),
    OUTCOME,
    m.OutOfStock("17", (Shortage("LAMP", 2, 1),)),
    m.PaymentRefused("17"),
    m.PlaceOrder(ORDER),
    m.Refund("17", Decimal(0)),
    m.Refunded("17", Decimal("-0.50")),
    m.Release("17"),
    m.Released("17"),
    m.Reserve("17", {"LAMP": 2}, use_safety=True),
    m.Reserved("17", 2, 1),
    m.ReviewBallot("17", Reviewer.SIZE, approves=False),
    m.ReviewOrder(ORDER),
    m.VoidCharge("17"),
    m.Voided("17"),
]


def test_every_message_has_an_example_here():
    """The list above leaves no message of the module out."""
    assert [type(example).__name__ for example in EXAMPLES] == m.__all__


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: type(example).__name__)
def test_message_is_a_value_with_a_name(example):
    """Each message has its name on the wire, is hashable, and survives a process border."""
    info = info_of(type(example))
    assert info is not None
    assert info.wire_name == f"orders.{type(example).__name__}/1"
    assert pickle.loads(pickle.dumps(example)) == example
    assert hash(pickle.loads(pickle.dumps(example))) == hash(example)


@pytest.mark.parametrize(
    "make",
    [
        lambda: m.Charge("17", Decimal(0)),
        lambda: m.Reserve("17", {}),
        lambda: m.Reserved("17", 0, 0),
        lambda: m.Reserved("17", 1, -1),
        lambda: m.OrderOutcome("17", Outcome.FULFILLED, safety_units=-1),
    ],
)
def test_message_that_makes_no_sense_cannot_be_made(make):
    """A charge of nothing and a reservation of nothing are refused where they are made."""
    with pytest.raises(ValueError, match="must"):
        make()


def test_units_of_a_request_do_not_change_with_the_dict_they_came_from():
    """Isolation: who keeps the dict cannot change the message, and the ledger can read it."""
    units = {"LAMP": 2}
    request = m.Reserve("17", units)
    units["LAMP"] = 3
    result = Ledger(stock=5, safety=0).reserve(request.order_id, request.units)
    assert isinstance(result, Reservation)
    assert result.units == 2


def test_every_order_of_the_sample_can_be_placed():
    """Any order that is read fits into a message as it is."""
    orders = read_orders(SAMPLE).orders
    assert tuple(m.PlaceOrder(order).order for order in orders) == orders
