"""The sample that the demo runs touches every rule, and every line of it can be read."""

import itertools
from decimal import Decimal

import pytest

from examples.orders.domain import Kind, Reviewer, approves, classify, order_units, order_value
from examples.orders.reading import SAMPLE, read_orders
from tests.examples.orders.oracle import expect


@pytest.fixture(scope="module")
def orders():
    """Return the orders of the sample."""
    return read_orders(SAMPLE).orders


def test_every_line_can_be_read():
    """The demo ends with exit status 0: its input has no bad line."""
    assert read_orders(SAMPLE).unreadable == ()


def test_sample_has_the_figures_that_the_demo_shows():
    """With the default stock the sample gives these outcomes and sums."""
    expected = expect(SAMPLE)
    outcomes = {"fulfilled": 43, "refunded": 5, "rejected": 9, "backordered": 5}
    assert expected.outcomes == outcomes
    assert (expected.charged, expected.refunded) == (Decimal("38788.95"), Decimal("4081.625"))
    assert (expected.units_reserved, expected.safety_units) == (6994, 186)
    assert {order.reason for order in expected.orders} == {None, "invalid_line", "review"}


def test_every_combination_of_votes_occurs(orders):
    """Three reviewers can vote in eight ways; the sample has an order for each."""
    reviewed = [order for order in orders if classify(order) is Kind.REVIEW]
    votes = {tuple(approves(who, order) for who in Reviewer) for order in reviewed}
    assert len(votes) == 8


def test_votes_at_the_limits_occur(orders):
    """A total of exactly 500 and a size of exactly 1000 units are among the reviewed."""
    reviewed = [order for order in orders if classify(order) is Kind.REVIEW]
    assert 500 in map(order_value, reviewed)
    assert 1000 in map(order_units, reviewed)


def test_every_kind_of_invalid_line_occurs(orders):
    """A quantity and a price of 0, and one below 0 of each."""
    invalid = [order for order in orders if classify(order) is Kind.INVALID_LINE]
    lines = [line for order in invalid for line in order.lines]
    assert {(line.quantity > 0) - (line.quantity < 0) for line in lines} == {-1, 0, 1}
    assert {(line.unit_price > 0) - (line.unit_price < 0) for line in lines} == {-1, 0, 1}


def test_stock_runs_out_in_every_way():
    """Safety stock used in part and used up; backordered, and a smaller order after it."""
    orders = {order.order: order for order in expect(SAMPLE).orders}
    lanterns = [orders[number] for number in ("70109", "70135", "70140", "70145", "70146")]
    assert [order.outcome for order in lanterns] == [*["fulfilled"] * 3, "backordered", "fulfilled"]
    assert [order.safety_units for order in lanterns] == [0, 0, 40, 0, 20]


def test_lines_of_an_order_add_up_to_a_shortage(orders):
    """An order whose lines fit one by one but not together is backordered."""
    (order,) = [order for order in orders if order.order_id == "70181"]
    assert [line.quantity for line in order.lines] == [300, 320]
    assert expect(SAMPLE).outcomes["backordered"] == 5


def test_cancellations_occur_with_every_sign_and_without_customer(orders):
    """Refunds of negative and of positive quantities, with a price of 0 and with none named."""
    cancelled = [order for order in orders if classify(order) is Kind.CANCELLATION]
    assert any(line.quantity > 0 for order in cancelled for line in order.lines)
    assert any(line.unit_price == 0 for order in cancelled for line in order.lines)
    assert any(order.customer_id is None for order in cancelled)


def test_file_is_as_messy_as_real_ones():
    """Quotes, commas, a line end in a field, letters beyond ASCII, orders whose lines mix."""
    text = SAMPLE.read_text(encoding="utf-8")
    assert 'Salt pig\nsecond choice, ""as seen""' in text
    assert "Blåbär" in text
    names = [line.partition(",")[0] for line in text.splitlines()]
    blocks = sum(1 for here, there in itertools.pairwise(names) if here != there)
    assert blocks > len(set(names))
