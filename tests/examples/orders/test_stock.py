"""Stock is reserved whole or not at all, and no unit appears or vanishes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples.orders.stock import (
    Ledger,
    Refusal,
    Reservation,
    Shortage,
    Take,
    Voided,
    decide_reservation,
)


@pytest.fixture
def ledger():
    """A ledger with 5 units of each StockCode and 2 of safety stock."""
    return Ledger(stock=5, safety=2)


def test_plain_reservation_takes_stock_only(ledger):
    """Without safety stock an order takes what it asks from stock."""
    expected = Reservation("1", (Take("A", 5, 0), Take("B", 1, 0)))
    assert ledger.reserve("1", {"A": 5, "B": 1}) == expected
    assert (ledger.available("A"), ledger.available("B")) == ((0, 2), (4, 2))
    assert (ledger.units_reserved, ledger.safety_units) == (6, 0)


def test_refused_order_takes_nothing(ledger):
    """One StockCode that is short refuses the whole order, and names what is short."""
    result = ledger.reserve("1", {"A": 1, "B": 6, "C": 7})
    assert result == Refusal("1", (Shortage("B", 6, 5), Shortage("C", 7, 5)))
    assert ledger == Ledger(stock=5, safety=2)


def test_safety_stock_is_taken_after_stock(ledger):
    """Each StockCode takes from its stock first and only the rest from its safety stock."""
    ledger.reserve("1", {"A": 3})
    result = ledger.reserve("2", {"A": 3, "B": 5, "C": 7}, use_safety=True)
    assert result == Reservation("2", (Take("A", 2, 1), Take("B", 5, 0), Take("C", 5, 2)))
    assert (result.units, result.safety_units) == (15, 3)
    assert ledger.available("A") == (0, 1)


def test_too_little_even_with_safety_takes_nothing(ledger):
    """Safety stock is used for a whole order or not at all."""
    assert ledger.reserve("1", {"A": 7, "B": 8}, use_safety=True) == Refusal(
        "1", (Shortage("B", 8, 7),)
    )
    assert ledger == Ledger(stock=5, safety=2)


def test_second_reserve_of_an_order_returns_the_first_result(ledger):
    """The order id is the idempotency key: a repeated request takes nothing more."""
    first = ledger.reserve("1", {"A": 6}, use_safety=True)
    assert ledger.reserve("1", {"A": 6}, use_safety=True) == first
    assert ledger.reserve("1", {"A": 1}) == first
    assert ledger.units_reserved == 6


def test_refusal_is_not_remembered(ledger):
    """An order that was refused may ask again and succeed once there is stock."""
    ledger.reserve("1", {"A": 5})
    assert isinstance(ledger.reserve("2", {"A": 1}), Refusal)
    ledger.release("1")
    assert isinstance(ledger.reserve("2", {"A": 1}), Reservation)


def test_release_gives_everything_back_once(ledger):
    """A release restores stock and safety stock; a second one changes nothing."""
    ledger.reserve("1", {"A": 7}, use_safety=True)
    ledger.release("1")
    ledger.release("1")
    assert ledger.available("A") == (5, 2)
    assert (ledger.units_reserved, ledger.safety_units) == (0, 0)


def test_released_order_stays_refused(ledger):
    """A duplicate request that comes after the release takes nothing."""
    ledger.reserve("1", {"A": 1})
    ledger.release("1")
    assert ledger.reserve("1", {"A": 1}) == Refusal("1", ())
    assert ledger.units_reserved == 0


def test_release_before_the_reservation_holds(ledger):
    """A release that overtakes its reservation is not lost."""
    ledger.release("1")
    assert ledger.reserve("1", {"A": 1}, use_safety=True) == Refusal("1", ())


def test_replayed_release_holds_against_a_later_reservation(ledger):
    """Records that arrive twice or late, as after a crash, never take a released order's units."""
    taken = ledger.reserve("1", {"A": 7}, use_safety=True)
    rebuilt = Ledger.replay([taken, Voided("1"), taken], stock=5, safety=2)
    assert (rebuilt.units_reserved, rebuilt.available("A")) == (0, (5, 2))


@pytest.mark.parametrize("units", [0, -1])
def test_asking_for_nothing_or_less_is_refused(ledger, units):
    """A reservation of -1 units would make stock out of nothing."""
    with pytest.raises(ValueError, match=r"order 1 asks for .* of B; ask for 1 or more"):
        ledger.reserve("1", {"A": 1, "B": units})
    assert ledger == Ledger(stock=5, safety=2)


@pytest.mark.parametrize("levels", [{"stock": -1, "safety": 0}, {"stock": 0, "safety": -1}])
def test_stock_below_zero_is_refused(levels):
    """A ledger cannot start with less than nothing."""
    with pytest.raises(ValueError, match=">= 0"):
        Ledger(**levels)


def test_deciding_changes_nothing(ledger):
    """The decision is pure: only recording it counts."""
    decided = decide_reservation(ledger, "1", {"A": 6}, use_safety=True)
    assert ledger == Ledger(stock=5, safety=2)
    ledger.record(decided)
    assert ledger.held("1") == decided


CODES = st.sampled_from("ABC")
ORDERS = st.sampled_from(["1", "2", "3", "4", "5", "6"])
WANTED = st.dictionaries(CODES, st.integers(1, 8), min_size=1)
RESERVES = st.tuples(ORDERS, WANTED, st.booleans())
STEPS = st.lists(st.one_of(RESERVES, RESERVES, ORDERS), max_size=30)
LEVELS = st.tuples(st.integers(0, 10), st.integers(0, 5))


@given(STEPS, LEVELS)
def test_no_unit_appears_or_vanishes(steps, levels):
    """After any steps: what is left and what orders hold is what there was, code by code."""
    stock, safety = levels
    ledger = Ledger(stock=stock, safety=safety)
    held: dict[str, Reservation] = {}
    released = set()
    for step in steps:
        if isinstance(step, str):
            ledger.release(step)
            held.pop(step, None)
            released.add(step)
        else:
            reserve_as_the_model_says(ledger, held, released, *step)
        assert_conserved(ledger, held)


def reserve_as_the_model_says(ledger, held, released, order_id, wanted, use_safety):
    left = {code: ledger.available(code) for code in wanted}
    fits = all(
        units <= left[code][0] + (left[code][1] if use_safety else 0)
        for code, units in wanted.items()
    )
    result = ledger.reserve(order_id, wanted, use_safety=use_safety)
    if order_id in held:
        assert result == held[order_id]
    elif order_id in released or not fits:
        assert isinstance(result, Refusal)
        assert {code: ledger.available(code) for code in wanted} == left
    else:
        held[order_id] = result
        taken = {take.stock_code: take for take in result.takes}
        assert {c: t.from_stock + t.from_safety for c, t in taken.items()} == wanted
        assert all(
            take.from_stock == left[code][0] for code, take in taken.items() if take.from_safety
        )


def assert_conserved(ledger: Ledger, held: dict[str, Reservation]) -> None:
    for code in "ABC":
        takes = [t for r in held.values() for t in r.takes if t.stock_code == code]
        stock, safety = ledger.available(code)
        assert min(stock, safety) >= 0
        assert stock + sum(take.from_stock for take in takes) == ledger.stock
        assert safety + sum(take.from_safety for take in takes) == ledger.safety
    assert ledger.units_reserved == sum(r.units for r in held.values())
    assert ledger.safety_units == sum(r.safety_units for r in held.values())


@given(STEPS, LEVELS)
def test_records_rebuild_the_ledger(steps, levels):
    """Replaying what was recorded gives the same ledger, even if each record comes twice."""
    stock, safety = levels
    ledger = Ledger(stock=stock, safety=safety)
    journal: list[Reservation | Voided] = []
    for step in steps:
        if isinstance(step, str):
            ledger.release(step)
            journal += [Voided(step)] * 2
        else:
            order_id, wanted, use_safety = step
            result = ledger.reserve(order_id, wanted, use_safety=use_safety)
            journal += [result] * 2 if isinstance(result, Reservation) else []
    rebuilt = Ledger.replay(journal, stock=stock, safety=safety)
    assert [rebuilt.available(code) for code in "ABC"] == [ledger.available(c) for c in "ABC"]
    assert [rebuilt.held(order) for order in "123456"] == [ledger.held(o) for o in "123456"]
    assert [rebuilt.is_released(o) for o in "123456"] == [ledger.is_released(o) for o in "123456"]
