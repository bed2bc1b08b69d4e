"""The rules of an order, one by one and at their edges."""

from decimal import Decimal, Inexact
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples.orders.domain import (
    Kind,
    Order,
    OrderLine,
    Reviewer,
    add_up,
    approves,
    classify,
    is_approved,
    money_text,
    order_units,
    order_value,
    refund_value,
    units_by_stock_code,
)

GOOD = ("LAMP", 2, "7.50")


def order(*lines, order_id="17", customer_id="K1", country="France", is_malformed=False):
    made = tuple(OrderLine(code, quantity, Decimal(price)) for code, quantity, price in lines)
    return Order(order_id, customer_id, country, made, is_malformed=is_malformed)


@pytest.mark.parametrize(
    ("given_order", "kind"),
    [
        (order(GOOD), Kind.NORMAL),
        (order(GOOD, customer_id=None), Kind.REVIEW),
        (order(GOOD, order_id="C17"), Kind.CANCELLATION),
        (order(GOOD, order_id="c17"), Kind.NORMAL),
        (order(GOOD, order_id="17C"), Kind.NORMAL),
        (order(GOOD, ("MUG", 0, "1")), Kind.INVALID_LINE),
        (order(GOOD, ("MUG", -1, "1")), Kind.INVALID_LINE),
        (order(GOOD, ("MUG", 1, "0.00")), Kind.INVALID_LINE),
        (order(GOOD, ("MUG", 1, "-0")), Kind.INVALID_LINE),
        (order(GOOD, ("MUG", 1, "-0.01")), Kind.INVALID_LINE),
        (order(GOOD, is_malformed=True), Kind.MALFORMED),
        (order(is_malformed=True), Kind.MALFORMED),
        (order(("MUG", -1, "1"), order_id="C17", is_malformed=True), Kind.MALFORMED),
        (order(("MUG", -1, "1"), order_id="C17", customer_id=None), Kind.CANCELLATION),
        (order(("MUG", -1, "1"), customer_id=None), Kind.INVALID_LINE),
    ],
)
def test_first_rule_that_fits_wins(given_order, kind):
    """Malformed before cancellation before invalid line before review."""
    assert classify(given_order) is kind


@pytest.mark.parametrize(
    ("reviewer", "given_order", "vote"),
    [
        (Reviewer.VALUE, order(("A", 1, "499.99")), True),
        (Reviewer.VALUE, order(("A", 1, "499.999999999999")), True),
        (Reviewer.VALUE, order(("A", 1, "500")), False),
        (Reviewer.VALUE, order(("A", 50, "5"), ("B", 50, "5.00")), False),
        (Reviewer.HOME, order(GOOD, country="United Kingdom"), True),
        (Reviewer.HOME, order(GOOD, country="united kingdom"), False),
        (Reviewer.HOME, order(GOOD, country=""), False),
        (Reviewer.SIZE, order(("A", 600, "1"), ("A", 400, "1")), True),
        (Reviewer.SIZE, order(("A", 600, "1"), ("B", 401, "1")), False),
    ],
)
def test_reviewers_vote_by_their_own_limit(reviewer, given_order, vote):
    """Value below 500, home in the United Kingdom, size at most 1000 units."""
    assert approves(reviewer, given_order) is vote


@pytest.mark.parametrize("approving", range(4))
def test_two_of_three_approve(approving):
    """A majority of three is two; a reviewer who did not vote counts against."""
    ballots = {who: place < approving for place, who in enumerate(Reviewer)}
    assert is_approved(ballots) is (approving >= 2)
    cast = {who: vote for who, vote in ballots.items() if vote}
    assert is_approved(cast) is (approving >= 2)


def test_refund_drops_the_sign_of_quantities_only():
    """A cancellation pays back what its units cost, however they are signed."""
    assert refund_value(order(("A", -2, "1.5"), ("B", 3, "0.1"), ("C", -1, "-1"))) == Decimal("2.3")


def test_amounts_keep_the_digits_of_the_file():
    """Money is never rounded and no digit is dropped or added: 2 × 7.50 is 15.00."""
    assert str(order_value(order(GOOD))) == "15.00"
    assert str(order_value(order())) == "0"
    huge = order(("A", 10**12 - 1, "999999999999.999999999999"), ("B", 1, "0.000000000001"))
    assert str(order_value(huge)) == "999999999998999999999999.000000000002"


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("139.12", "139.12"),
        ("0", "0"),
        ("0E-9", "0.000000000"),
        ("1E+3", "1000"),
        ("-2.50", "-2.50"),
    ],
)
def test_money_is_written_without_exponent(amount, text):
    """Outputs hold plain decimal digits: all that the amount has, and no more."""
    assert money_text(Decimal(amount)) == text


LINES = st.lists(
    st.tuples(
        st.sampled_from("ABC"),
        st.integers(-(10**12), 10**12),
        st.decimals(-(10**12), 10**12, places=12).map(str),
    )
)


@given(LINES)
def test_sums_are_exact(lines):
    """Totals equal those of exact fractions."""
    made = order(*lines)
    fractions = [(quantity, Fraction(price)) for _, quantity, price in lines]
    assert Fraction(order_value(made)) == sum(q * price for q, price in fractions)
    assert Fraction(refund_value(made)) == sum(abs(q) * price for q, price in fractions)


@given(LINES)
def test_units_by_stock_code_add_up(lines):
    """Units of the same StockCode add up, and all together are the units of the order."""
    made = order(*lines)
    units = units_by_stock_code(made)
    assert sum(units.values()) == order_units(made)
    assert list(units) == list(dict.fromkeys(code for code, _, _ in lines))
    for code in units:
        alone = order(*(line for line in lines if line[0] == code))
        assert units[code] == order_units(alone)


def test_adding_up_raises_rather_than_rounds():
    """A sum beyond 200 digits is refused: it would have to be rounded."""
    with pytest.raises(Inexact):
        add_up([Decimal("1e300"), Decimal(1)])


def test_adding_up_leaves_the_callers_decimal_context_alone():
    """Other arithmetic of the program keeps its own precision and traps."""
    add_up([Decimal(1)])
    assert Decimal(1) / Decimal(3) == Decimal("0.3333333333333333333333333333")
