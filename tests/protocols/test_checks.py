"""The checks of definitions: what is let through, and the words for what is not."""

from __future__ import annotations

import math

import pytest

from harmonium import Autoscale, BreakerPolicy
from harmonium.protocols.checks import check_count, check_number, check_seconds, check_share
from harmonium.protocols.errors import ConfigError, SpecError
from harmonium.protocols.reliability.hedge import HedgePolicy
from harmonium.protocols.reliability.lease import LeasePolicy
from harmonium.protocols.reliability.rate_limit import RateLimit
from harmonium.protocols.reliability.retry_budget import RetryBudget
from harmonium.protocols.reliability.work_budget import WorkBudget
from harmonium.protocols.table_keys import check_keys

SHARES = [
    ({}, (0.001, 0.999), "between 0 and 1"),
    ({"zero": True}, (0, 0.0, 0.999), "from 0, below 1"),
    ({"one": True}, (0.001, 1, 1.0), "above 0, up to 1"),
    ({"zero": True, "one": True}, (0, 0.5, 1), "from 0 to 1"),
]
NO_NUMBERS = (True, "0.5", None, math.nan, math.inf, -math.inf, 10**400)


@pytest.mark.parametrize(("bounds", "good", "words"), SHARES, ids=[words for *_, words in SHARES])
def test_a_share_is_held_against_its_bounds(bounds, good, words):
    """Given back as it is, or refused with the bounds in words."""
    for value in good:
        assert check_share("p", value, **bounds) is value
    for value in {0, 1} - set(good):
        with pytest.raises(SpecError, match=f"^p: {value} is no share; give a number {words}$"):
            check_share("p", value, **bounds)
    for value in (-0.001, 1.001, *NO_NUMBERS):
        with pytest.raises(SpecError, match="is no share"):
            check_share("p", value, **bounds)


@pytest.mark.parametrize(
    ("check", "text"),
    [
        (lambda: check_number("p", "x"), "p: 'x' is no number; give a number of at least 0"),
        (lambda: check_number("p", True), "p: True is no number; give a number of at least 0"),
        (lambda: check_number("p", 0, above=0), "p: 0 is out of bounds; give a number above 0"),
        (lambda: check_number("p", 0.5, least=1), "p: 0.5 is out of bounds; give a number of at"),
        (lambda: check_number("p", math.nan), "p: nan is out of bounds"),
        (lambda: check_number("p", 10**400), "p: so large a number is out of bounds"),
        (lambda: check_seconds("p", 10**400), "p: so large a number is out of bounds; give sec"),
        (lambda: check_seconds("p", 0, above=0), "p: 0 s is out of bounds; give seconds above 0"),
        (lambda: check_seconds("p", "1s"), "p: '1s' is no number of seconds; give seconds of at"),
        (lambda: check_count("p", 0, least=1), "p: 0 is too small; give an int of at least 1"),
    ],
)
def test_a_number_that_is_refused_is_named_with_its_bound(check, text):
    """With its unit where it has one."""
    with pytest.raises(SpecError) as caught:
        check()
    assert str(caught.value).startswith(text)


def test_a_number_in_its_bounds_is_given_back():
    """An int stays one; seconds are floats."""
    assert [type(check("p", 3)) for check in (check_number, check_seconds)] == [int, float]


@pytest.mark.parametrize(
    ("make", "place", "words"),
    [
        (lambda: Autoscale(utilisation=0), "Autoscale.utilisation", "above 0, up to 1"),
        (lambda: Autoscale(tolerance=1), "Autoscale.tolerance", "from 0, below 1"),
        (lambda: Autoscale(depth=0), "Autoscale.depth", "above 0"),
        (lambda: BreakerPolicy(failure_rate=2), "BreakerPolicy.failure_rate", "up to 1"),
        (lambda: BreakerPolicy(slow_rate=0), "BreakerPolicy.slow_rate", "above 0, up to 1"),
        (lambda: HedgePolicy(percentile=1), "HedgePolicy.percentile", "between 0 and 1"),
        (lambda: LeasePolicy(margin=1), "LeasePolicy.margin", "from 0, below 1"),
        (lambda: RateLimit(0), "RateLimit.per_second", "above 0"),
        (lambda: RetryBudget(ratio=-1), "RetryBudget.ratio", "of at least 0"),
        (lambda: RetryBudget(minimum="x"), "RetryBudget.minimum", "of at least 0"),
        (lambda: WorkBudget(warn_at=(0.5, 2)), "WorkBudget.warn_at", "above 0, up to 1"),
    ],
)
def test_the_bounds_of_each_definition(make, place, words):
    """What is refused, where, and what to write instead."""
    with pytest.raises(SpecError) as caught:
        make()
    assert caught.value.path == place
    assert caught.value.remedy.startswith("give a number")
    assert caught.value.remedy.endswith(words)


def test_the_keys_of_a_table():
    """A wrong one is told before a missing one; the kind of error is the caller's."""
    assert check_keys("p", {"a": 1}, ["a", "b"], needs=["a"]) == {"a": 1}
    for data, text in (
        (3, "p: 3 is no table; write a table of keys and values"),
        ({"bb": 1}, "p.bb: no such key; did you mean 'b'?"),
        ({"pool": 1}, "p.pool: no such key; did you mean 'pool'?"),
        ({"b": 1}, "p: it has no a; give a = ..."),
    ):
        for kind in (ConfigError, SpecError):
            with pytest.raises(kind) as caught:
                check_keys("p", data, ["a", "b"], needs=["a"], hints=["pool"], error=kind)
            assert str(caught.value) == text
