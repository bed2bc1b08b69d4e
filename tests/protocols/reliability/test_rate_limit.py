"""The rate limit beside a token bucket that ticks."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harmonium.protocols.errors import SpecError
from harmonium.protocols.reliability.rate_limit import RateLimit

# Powers of two: exact in floats, so that the model and the rule never round apart.
RATES = st.sampled_from([0.5, 1.0, 4.0, 64.0])
STEPS = st.lists(st.integers(0, 64).map(lambda n: n / 32), max_size=80)


@given(RATES, st.integers(1, 5), STEPS)
def test_it_is_a_token_bucket(rate, burst, steps):
    """It lets through what a bucket of `burst` tokens that fills with `rate` lets through."""
    limit = RateLimit(rate, burst=burst)
    state, now, tokens, filled = limit.start(), 0.0, Fraction(burst), 0.0
    for wait in steps:
        now += wait
        tokens = min(Fraction(burst), tokens + Fraction(now - filled) * Fraction(rate))
        filled = now
        state, found = limit.take(state, now)
        assert (tokens >= 1) is (found == 0.0)
        tokens -= tokens >= 1


@given(st.floats(0.1, 100), st.integers(1, 5), st.lists(st.floats(0, 2), max_size=80))
def test_no_window_has_more_than_it_may(rate, burst, steps):
    """In any span of time at most burst + rate * span requests go, the waiting ones included."""
    limit = RateLimit(rate, burst=burst, max_wait=3.0)
    state, now, gone = limit.start(), 0.0, []
    for wait in steps:
        now += wait
        state, found = limit.take(state, now)
        if found is not None:
            assert found <= 3.0
            gone.append(now + found)
    assert gone == sorted(gone)
    for start, first in enumerate(gone):
        for end in range(start, len(gone)):
            span = gone[end] - first
            assert end - start + 1 <= burst + rate * span + 1e-6


@given(st.lists(st.floats(-7200, 7200), min_size=1, max_size=40))
def test_a_clock_that_jumps_wins_no_token(jumps):
    """Whatever the clock does, no more go than the time that passed at most allows."""
    limit, now, latest, gone = RateLimit(1.0, burst=2), 0.0, 0.0, 0
    state, _ = limit.take(limit.start(), 0.0)
    for jump in jumps:
        now += jump
        latest = max(latest, now)
        for _ in range(5):
            state, found = limit.take(state, now)
            gone += found == 0.0
    assert gone <= 1 + latest + 1e-6


def test_a_refusal_takes_no_token():
    """Who is refused makes nobody behind it wait longer, and hears when to come again."""
    limit = RateLimit(1.0)
    state, _ = limit.take(limit.start(), 0.0)
    for _ in range(10):
        state, refused = limit.take(state, 0.5)
        assert refused is None
    assert limit.free_at(state) == 1.0
    assert limit.take(state, 1.0)[1] == 0.0
    bursts = RateLimit(1.0, burst=3)
    state, _ = bursts.take(bursts.start(), 0.0, cost=3.0)
    assert bursts.free_at(state) == 1.0
    assert bursts.take(state, 0.99)[1] is None
    assert bursts.take(state, 1.0)[1] == 0.0


def test_a_request_may_cost_more_and_wait_less():
    """A cost of three takes three turns, and a request's own patience is the shorter limit."""
    limit = RateLimit(1.0, burst=3, max_wait=10.0)
    state, first = limit.take(limit.start(), 0.0, cost=3.0)
    assert first == 0.0
    assert limit.take(state, 0.0, max_wait=0.5)[1] is None
    assert limit.take(state, 0.0, max_wait=1.0)[1] == 1.0


@pytest.mark.parametrize(
    "options",
    [{"per_second": 0}, {"per_second": float("nan")}, {"burst": 0}, {"max_wait": -1.0}],
)
def test_bounds(options):
    """A limit that lets nothing through is refused."""
    with pytest.raises(SpecError, match="RateLimit"):
        RateLimit(**({"per_second": 1.0} | options))
