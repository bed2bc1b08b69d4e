"""How deadlines pass on."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from harmonium.protocols.deadline import from_wire, is_expired, remaining, shrink

TIME = st.floats(0, 1e6)
MAYBE = st.none() | TIME


@given(MAYBE, TIME, MAYBE, st.floats(0, 1))
def test_no_hop_gets_more_than_its_asker(deadline, now, timeout, reserve):
    """The new deadline is never after the old one, nor after the timeout."""
    found = shrink(deadline, now, timeout=timeout, reserve=reserve)
    if deadline is None and timeout is None:
        assert found is None
    assert deadline is None or found <= deadline
    assert timeout is None or found <= now + timeout


@given(st.lists(st.floats(0, 0.01), min_size=1, max_size=20), st.floats(0.5, 10))
def test_each_hop_shrinks_it(steps, deadline):
    """Down a chain each hop has its reserve less than the one above, while time is left."""
    now, reserve, limits = 0.0, 0.005, [deadline]
    for wait in steps:
        now += wait
        limits.append(shrink(limits[-1], now, reserve=reserve))
    assert all(above - below > 0.0049 for above, below in itertools.pairwise(limits))


@given(TIME, TIME)
def test_the_reserve_does_not_expire_what_has_time_left(deadline, now):
    """Near its end a deadline shrinks to now, not to the past; a past one stays as it was."""
    found = shrink(deadline, now, reserve=1e9)
    assert found == min(deadline, now)


def test_expiry_is_inclusive():
    """At its deadline work is not begun any more; without one it never expires."""
    assert is_expired(1.0, 1.0)
    assert not is_expired(1.0, 0.999)
    assert not is_expired(None, 1e9)


@given(MAYBE, TIME, TIME)
def test_the_wire_carries_what_is_left(deadline, here, there):
    """Another clock gives the same seconds, and an expired deadline stays expired."""
    landed = from_wire(remaining(deadline, here), there)
    if deadline is None:
        assert landed is None
    else:
        assert abs(remaining(landed, there) - max(0.0, deadline - here)) < 1e-6
        assert is_expired(landed, there) or not is_expired(deadline, here)
