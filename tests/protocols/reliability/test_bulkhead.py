"""So many at once, so many waiting."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harmonium.protocols.errors import SpecError
from harmonium.protocols.reliability.bulkhead import BulkheadPolicy, Entry

STEPS = st.lists(
    st.tuples(st.sampled_from(["enter", "leave"]), st.integers(0, 15), st.floats(0, 5)),
    max_size=60,
)


@given(st.integers(1, 4), st.integers(0, 4), STEPS)
def test_it_is_a_queue_with_places(concurrent, waiting, steps):
    """Never more inside or waiting than allowed, first come first, and nobody is lost."""
    policy = BulkheadPolicy(concurrent, waiting=waiting)
    state, inside, queue, now, next_token = policy.start(), [], [], 0.0, 0
    for step, pick, wait in steps:
        now += 0.5
        if step == "enter":
            next_token += 1
            full = len(inside) == concurrent
            state, entry = policy.enter(state, next_token, now + wait)
            expected = Entry.ENTERED if not full else Entry.WAITING
            expected = Entry.FULL if full and len(queue) == waiting else expected
            assert expected is entry
            if entry is Entry.ENTERED:
                inside.append(next_token)
            elif entry is Entry.WAITING:
                queue.append((next_token, now + wait))
        elif pick % 2 and queue:
            state, entered = policy.leave(state, queue.pop(pick % len(queue))[0], now)
            assert entered == ()
        elif inside:
            state, entered = policy.leave(state, inside.pop(pick % len(inside)), now)
            expected = []
            while queue and not expected:
                token, until = queue.pop(0)
                expected += [token] * (now < until)
            assert expected == list(entered)
            inside += expected
        assert set(inside) == set(state.inside)
        assert queue == list(state.queue)


def test_leaving_twice_frees_one_place():
    """A second report of the same request changes nothing."""
    policy = BulkheadPolicy(1, waiting=2)
    state, _ = policy.enter(policy.start(), "a")
    state, _ = policy.enter(state, "b")
    state, _ = policy.enter(state, "c")
    state, entered = policy.leave(state, "a", 0.0)
    again, nobody = policy.leave(state, "a", 0.0)
    assert (entered, nobody) == (("b",), ())
    assert again == state


@pytest.mark.parametrize("options", [{"concurrent": 0}, {"waiting": -1}, {"max_wait": 0.0}])
def test_bounds(options):
    """A bulkhead without a place is refused."""
    with pytest.raises(SpecError, match="BulkheadPolicy"):
        BulkheadPolicy(**options)
