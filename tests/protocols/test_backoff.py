"""`Backoff`: the wait before one more attempt."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harmonium.protocols.backoff import Backoff
from harmonium.protocols.errors import SpecError

draws = st.floats(0, 1, exclude_max=True)
seconds = st.floats(1e-3, 1e4)


@st.composite
def backoffs(draw):
    low, high = sorted((draw(seconds), draw(seconds)))
    return Backoff(low, high, factor=draw(st.floats(1, 100)), jitter=draw(st.floats(0, 1)))


def test_s67_the_wait_doubles_up_to_its_maximum():
    """3, 6, 12, 24, 30, 30 without jitter, and no overflow far out."""
    backoff = Backoff(3, 30, jitter=0)
    assert [backoff.delay(n) for n in range(1, 7)] == [3, 6, 12, 24, 30, 30]
    assert backoff.delay(10**6) == 30
    assert Backoff(3, 30, jitter=0, factor=1).delay(10**6) == 3
    assert Backoff(1, 100, jitter=0, factor=3).delay(4) == 27


def test_s68_the_same_seed_gives_the_same_waits():
    """Chance comes in as an argument; two children draw different numbers."""
    backoff = Backoff(3, 30, jitter=0.5)

    def waits(seed: int) -> list[float]:
        chance = random.Random(seed)
        return [backoff.delay(n % 6 + 1, chance.random()) for n in range(20)]

    assert waits(1) == waits(1)
    assert waits(1) != waits(2)


def test_s68_a_hundred_thousand_waits_lie_between_the_bounds():
    """Never above the maximum, where Pekko's are; and they are spread, at the maximum too."""
    backoff, chance = Backoff(3, 30, jitter=0.5), random.Random(7)
    samples = [backoff.delay(n % 8 + 1, chance.random()) for n in range(100_000)]
    assert min(samples) >= 3
    assert max(samples) <= 30
    late = [wait for n, wait in enumerate(samples) if n % 8 == 7]
    assert min(late) < 20.1
    assert max(late) > 29.9
    first = [wait for n, wait in enumerate(samples) if n % 8 == 0]
    assert max(first) > 4.4


@given(backoffs(), st.integers(1, 10**7), draws)
def test_a_wait_lies_between_the_bounds(backoff, failures, draw):
    """Whatever the numbers are."""
    wait = backoff.delay(failures, draw)
    assert backoff.initial <= wait <= backoff.maximum


@given(backoffs(), st.integers(1, 1000), draws)
def test_a_wait_never_shrinks_with_more_failures(backoff, failures, draw):
    """For the same draw."""
    assert backoff.delay(failures, draw) <= backoff.delay(failures + 1, draw) * (1 + 1e-12)


@given(backoffs(), st.integers(1, 1000), draws, draws)
def test_jitter_only_lengthens(backoff, failures, one, other):
    """A larger draw never gives a shorter wait, and none of them more than the share."""
    low, high = sorted((one, other))
    assert backoff.delay(failures, low) <= backoff.delay(failures, high)
    share = backoff.delay(failures, 0.0) * (1 + backoff.jitter)
    assert backoff.delay(failures, high) <= share or math.isclose(
        backoff.delay(failures, high), share
    )


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"initial": 0}, "Backoff.initial"),
        ({"initial": True}, "Backoff.initial"),
        ({"initial": 2, "maximum": 1}, "Backoff.maximum"),
        ({"maximum": math.inf}, "Backoff.maximum"),
        ({"factor": 0.5}, "Backoff.factor"),
        ({"factor": math.inf}, "Backoff.factor"),
        ({"factor": math.nan}, "Backoff.factor"),
        ({"factor": True}, "Backoff.factor"),
        ({"jitter": 1.1}, "Backoff.jitter"),
        ({"jitter": -0.1}, "Backoff.jitter"),
        ({"jitter": "much"}, "Backoff.jitter"),
        ({"stable_for": -1}, "Backoff.stable_for"),
        ({"max_retries": -1}, "Backoff.max_retries"),
        ({"max_retries": 1.5}, "Backoff.max_retries"),
    ],
)
def test_bounds_are_checked(fields, place):
    """The error names the field."""
    with pytest.raises(SpecError, match=f"^{place}"):
        Backoff(**fields)


def test_a_share_that_is_out_of_bounds_names_its_bounds():
    """One with two bounds, and one with a lower bound only."""
    with pytest.raises(SpecError, match="give a number from 0 to 1$"):
        Backoff(jitter=2)
    with pytest.raises(SpecError, match="give a number of at least 1$"):
        Backoff(factor=0)


def test_the_edges_of_the_bounds_are_allowed():
    """A maximum equal to the first wait, a factor of 1, a jitter of 0 and of 1."""
    for jitter in (0, 1):
        backoff = Backoff(2, 2, factor=1, jitter=jitter, stable_for=0, max_retries=0)
        assert backoff.delay(5, 0.5) == 2


def test_jitter_in_figures():
    """Half as much again at most, and the base stops where that reaches the maximum."""
    backoff = Backoff(1, 30, jitter=0.5)
    assert [backoff.delay(1, draw) for draw in (0.0, 0.5)] == [1.0, 1.25]
    assert [backoff.delay(99, draw) for draw in (0.0, 0.5)] == [20.0, 25.0]
