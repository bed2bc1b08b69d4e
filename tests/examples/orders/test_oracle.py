"""The oracle reaches the known figures of the real files, and the rules reach the oracle."""

import csv
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples.orders.reading import COLUMNS, SAMPLE, read_orders
from examples.orders.stock import Ledger
from tests.examples.orders.oracle import expect
from tests.examples.orders.sequential import settle

DAYS = [
    pytest.param(
        "2010-12-01",
        {"stock": 500, "safety": 100},
        {"fulfilled": 125, "refunded": 6, "rejected": 12},
        ("46524.00", "325.23", 24_233, 283),
        id="01-500-100",
    ),
    pytest.param(
        "2010-12-01",
        {"stock": 100, "safety": 50},
        {"fulfilled": 98, "backordered": 27, "refunded": 6, "rejected": 12},
        ("23486.76", "325.23", 10_504, 399),
        id="01-100-50",
    ),
    pytest.param(
        "2010-12-02",
        {"stock": 100, "safety": 20},
        {"fulfilled": 110, "backordered": 32, "refunded": 23, "rejected": 2},
        ("24391.99", "1541.10", 12_145, 177),
        id="02-100-20",
    ),
]


@pytest.mark.parametrize(("day", "settings", "outcomes", "sums"), DAYS)
def test_oracle_reaches_the_known_figures(retail, day, settings, outcomes, sums):
    """The straight line gives the outcomes and sums that are known for the real days."""
    expected = expect(retail(day), **settings)
    charged, refunded, units, safety = sums
    assert expected.outcomes == outcomes
    assert (expected.charged, expected.refunded) == (Decimal(charged), Decimal(refunded))
    assert (expected.units_reserved, expected.safety_units) == (units, safety)
    assert expected.unreadable_lines == 0


@pytest.mark.parametrize("settings", [(500, 100), (100, 50), (100, 20), (0, 30), (7, 0)])
@pytest.mark.parametrize("day", ["2010-12-01", "2010-12-02", "2010-12-03"])
def test_rules_in_a_loop_give_what_the_oracle_gives(retail, day, settings):
    """Every order of a real day ends alike in the example's rules and in the oracle."""
    assert_alike(retail(day), *settings)


@pytest.mark.parametrize("settings", [(500, 100), (100, 50), (3, 2)])
def test_rules_and_oracle_agree_on_the_sample(settings):
    """Every order of the sample ends alike in the example's rules and in the oracle."""
    assert_alike(SAMPLE, *settings)


IDS = st.sampled_from(["1", "2", "3", "4", "C5", "C6", "c7", "CX", " 1", ""])
CODES = st.sampled_from(["A", "B", "C", "C\t", "a", ""])
QUANTITIES = st.one_of(
    st.integers(-3, 15).map(str),
    st.sampled_from(["0", "-0", "007", " 4", "500", "1001", "x", "", "1e1", "2.0", "1_0", "+3"]),
)
PRICES = st.sampled_from(
    [
        "0.85",
        "2.5",
        "1",
        "40.00",
        "0.001",
        "499.999",
        "0",
        "-0.0",
        "-1.5",
        " 3",
        "nan",
        "",
        ".5",
        "5.",
    ]
)
CUSTOMERS = st.sampled_from(["", " ", "17850.0"])
COUNTRIES = st.sampled_from(["United Kingdom", "United Kingdom ", "united kingdom", "France", ""])
DESCRIPTIONS = st.sampled_from(["MUG", "MUG, RED", 'THE "MUG"', "TWO\nLINES", "", "Ü"])
ROWS = st.tuples(IDS, CODES, DESCRIPTIONS, QUANTITIES, st.just("now"), PRICES, CUSTOMERS, COUNTRIES)
GOOD_ROWS = st.tuples(
    st.sampled_from(["1", "2", "3", "4", "C5"]),
    st.sampled_from(["A", "B"]),
    DESCRIPTIONS,
    st.integers(1, 15).map(str),
    st.just("now"),
    st.sampled_from(["0.85", "40.00", "0.001"]),
    CUSTOMERS,
    COUNTRIES,
)
TABLES = st.lists(
    st.one_of(GOOD_ROWS, GOOD_ROWS, ROWS, st.lists(st.sampled_from(["1", "x", ""]), max_size=9)),
    max_size=25,
)


@given(TABLES, st.integers(0, 30), st.integers(0, 10))
def test_rules_and_oracle_agree_on_any_table(tmp_path_factory, table, stock, safety):
    """Whatever a well-formed CSV holds, the example's rules end each order as the oracle does."""
    path = tmp_path_factory.getbasetemp() / "orders-table.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows(table)
    assert_alike(path, stock, safety)


def assert_alike(path: Path, stock: int, safety: int) -> None:
    expected = expect(path, stock=stock, safety=safety)
    ledger = Ledger(stock=stock, safety=safety)
    file = read_orders(path)
    assert list(settle(file.orders, ledger)) == expected.orders
    assert ledger.units_reserved == expected.units_reserved
    assert ledger.safety_units == expected.safety_units
    assert len(file.unreadable) == expected.unreadable_lines
