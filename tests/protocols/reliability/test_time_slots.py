"""Counts over the last seconds."""

from hypothesis import given
from hypothesis import strategies as st

from harmonium.protocols.reliability.time_slots import TimeSlots

STEPS = st.lists(st.tuples(st.floats(0, 3), st.integers(0, 5)), max_size=50)


@given(STEPS)
def test_the_window_is_right_but_for_one_slot(steps):
    """What is younger than the window by a slot counts, what is older does not."""
    window, now, seen = TimeSlots(1.0, 5), 0.0, []
    for wait, amount in steps:
        now += wait
        window = window.add(now, amount)
        seen.append((now, amount))
        (total,) = window.sums(now)
        assert sum(a for t, a in seen if t > now - 4.0) <= total
        assert total <= sum(a for t, a in seen if t >= now - 5.0)


@given(STEPS)
def test_it_stays_small(steps):
    """However much is counted, there are no more slots than the window has."""
    window, now = TimeSlots(1.0, 5), 0.0
    for wait, amount in steps:
        now += wait
        window = window.add(now, amount)
    assert len(window.slots) <= 5


def test_a_clock_that_goes_back_counts_into_the_latest_slot():
    """A jump back loses nothing and forgets nothing early."""
    window = TimeSlots(1.0, 5).add(100.0, 1).add(3.0, 1)
    assert window.sums(3.0) == window.sums(100.0) == (2,)
    assert window.sums(105.0) == ()
