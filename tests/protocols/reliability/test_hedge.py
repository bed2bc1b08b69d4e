"""When a copy of a slow request is sent."""

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harmonium.protocols.errors import SpecError
from harmonium.protocols.reliability.hedge import HedgePolicy


@given(st.lists(st.floats(0, 10), max_size=60), st.floats(0.05, 0.95))
def test_the_learnt_time_is_a_percentile(times, percentile):
    """At least that share of the last answers came no later, and not many came sooner."""
    policy = HedgePolicy(percentile=percentile, learn_from=5, window=20)
    seen = policy.start()
    for seconds in times:
        seen = policy.answered(seen, seconds)
    delay, last = policy.delay(seen), times[-20:]
    assert (delay is None) is (len(times) < 5)
    if delay is not None:
        assert sum(each <= delay for each in last) > percentile * len(last)
        assert sum(each < delay for each in last) <= percentile * len(last)


def test_a_shift_is_learnt():
    """When answers become slower, so does the time of the copy."""
    policy = HedgePolicy(window=100)
    seen = policy.start()
    for seconds in [0.01] * 100 + [0.5] * 100:
        seen = policy.answered(seen, seconds)
    assert policy.delay(seen) == 0.5
    assert len(seen.latest) == len(seen.ordered) == 100
    assert statistics.mean(seen.ordered) == 0.5


def test_a_fixed_time_learns_nothing():
    """With `after` the copy is sent after that time from the first request on."""
    policy = HedgePolicy(0.2)
    assert policy.delay(policy.start()) == 0.2
    assert policy.answered(policy.start(), 5.0) == policy.start()


@pytest.mark.parametrize(
    "options", [{"after": 0.0}, {"percentile": 1.0}, {"copies": 0}, {"window": 5}]
)
def test_bounds(options):
    """A hedge that makes no sense is refused."""
    with pytest.raises(SpecError, match="HedgePolicy"):
        HedgePolicy(**options)
