"""The restart budget against a direct reading of its rule."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harmonium.protocols.budget import Budget, Window
from harmonium.protocols.errors import SpecError

NANO = 10**9


def by_the_rule(kept: list[int], limit: int, period: int, now: int) -> tuple[bool, list[int]]:
    """R := { r in R : r >= now - P } + { now }; allowed iff |R| <= I."""
    kept = [*(entry for entry in kept if entry >= now - period), now]
    return len(kept) <= limit, kept


def test_ten_thousand_random_sequences_are_decided_as_the_rule_says():
    """Every decision of every sequence, and the entries that are left."""
    chance = random.Random(20)
    for _ in range(10_000):
        limit, period = chance.randrange(6), chance.randrange(1, 20)
        now, window, kept = chance.randrange(100), Window(), []
        for _ in range(chance.randrange(1, 20)):
            now += chance.choice([0, 0, 1, 1, 2, 3, period - 1, period, period + 1, 40])
            allowed, window = window.spend(Budget(limit, period / NANO), now / NANO)
            expected, kept = by_the_rule(kept, limit, period, now)
            assert allowed is expected
            assert [round(entry * NANO) for entry in window.entries()] == kept


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 10**6)), max_size=40))
def test_versions_do_not_disturb_one_another(steps):
    """Any window that was ever handed out stays as it was, whatever is spent from it."""
    budget = Budget(10**6, 10 / NANO)
    versions = [(Window(), [], 0)]
    for step, pick in steps:
        window, kept, now = versions[pick % len(versions)]
        now += step
        _, window = window.spend(budget, now / NANO)
        _, kept = by_the_rule(kept, 10**6, 10, now)
        versions.append((window, kept, now))
    for window, kept, now in versions:
        assert [round(entry * NANO) for entry in window.entries()] == kept
        assert window.used(budget, now / NANO) == len(kept)
        assert len(window) == len(kept)


def test_used_forgets_what_is_too_old_without_changing_the_window():
    """Asking is free."""
    budget = Budget(5, 10.0)
    _, window = Window().spend(budget, 0.0)
    _, window = window.spend(budget, 5.0)
    assert [window.used(budget, now) for now in (5.0, 10.0, 10.5, 15.0, 15.5)] == [2, 2, 1, 1, 0]
    assert window.entries() == (0.0, 5.0)


def test_windows_are_equal_by_value():
    """Two windows with the same entries are the same value."""
    budget = Budget(5, 1.0)
    one, other = (Window().spend(budget, 0.0)[1].spend(budget, now)[1] for now in (9.0, 9.0))
    third = Window().spend(budget, 9.0)[1]
    assert one == other == third
    assert hash(one) == hash(third)
    assert one != Window()
    assert one != (9.0,)
    assert repr(one) == "Window(9.0,)"


def test_a_long_life_keeps_the_list_short():
    """The list never holds more than twice what is in the window, plus one."""
    budget, window = Budget(3, 10.0), Window()
    for second in range(1000):
        _, window = window.spend(budget, float(second))
        assert len(window._stamps) <= 2 * len(window) + 1


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"max_restarts": -1}, "Budget.max_restarts"),
        ({"max_restarts": True}, "Budget.max_restarts"),
        ({"within": 0}, "Budget.within"),
        ({"within": -1.0}, "Budget.within"),
        ({"within": "5 s"}, "Budget.within"),
    ],
)
def test_bounds_are_checked(fields, place):
    """The error names the field."""
    with pytest.raises(SpecError, match=f"^{place}"):
        Budget(**fields)


def test_a_budget_reads_well():
    """It stands in errors and logs."""
    assert str(Budget()) == "1 restart within 5 s"
    assert str(Budget(0, 0.5)) == "0 restarts within 0.5 s"


def test_the_spacing_of_affordable_failures():
    """Failures that come closer for ever cannot be afforded; with no restarts none can."""
    assert Budget(4, 10.0).spacing == 2.5
    assert Budget(0, 10.0).spacing == float("inf")


def test_the_length_is_that_of_what_still_counts():
    """With the oldest of five forgotten, which still stands in the list."""
    budget, window = Budget(9, 10.0), Window()
    for now in (0.0, 7.0, 8.0, 9.0, 10.5):
        _, window = window.spend(budget, now)
    assert window.entries() == (7.0, 8.0, 9.0, 10.5)
    assert len(window) == 4
