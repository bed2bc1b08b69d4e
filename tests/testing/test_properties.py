"""Properties that systems share: each holds where it should, and says why where not."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harmonium.testing import (
    Call,
    Crash,
    Replay,
    at_most_once,
    bounded,
    conserved,
    exactly_once,
    linearizable,
    monotonic,
    no_orphans,
    nothing_lost,
    one_leader,
    restarts_within,
    run_once,
)
from tests.testing.shop import SHOP, Charge


@given(st.lists(st.integers(0, 5)))
def test_once_is_counted(items):
    """`at_most_once` and `exactly_once` agree with counting."""
    assert bool(at_most_once(items)) == (len(set(items)) == len(items))
    wanted = {0, 1, 2}
    assert bool(exactly_once(items, wanted)) == (sorted(items) == sorted(wanted))


def test_once_goes_by_a_key():
    """A key is a field's name or a function."""
    charges = [Charge(1), Charge(2), Charge(1)]
    assert at_most_once(charges, "order").why == "1 occurs 2 times"
    assert at_most_once(charges[:2], lambda one: one.order)
    assert exactly_once([Charge(1)], {1, 2}, "order").why == "missing 2"
    assert exactly_once([1, 3], {1}).why == "not wanted 3"


@given(st.lists(st.integers()))
def test_monotonic_is_sorted(items):
    """It holds for what is sorted, strictly if asked."""
    assert bool(monotonic(items)) == (items == sorted(items))
    assert bool(monotonic(items, strictly=True)) == all(a < b for a, b in itertools.pairwise(items))


def test_sums_and_leaders():
    """The parts add up; an epoch has one leader."""
    assert conserved(10, 3, 7)
    assert not conserved(10, 3, 6)
    assert conserved(0)
    assert one_leader([(1, "a"), (1, "a"), (2, "b")])
    assert not one_leader([(1, "a"), (1, "b")])


def test_a_world_is_looked_at():
    """Orphans, full mailboxes, lost messages and restarts of a run."""
    world = run_once(SHOP, Replay([Crash("payments", on=n, where="before") for n in (1, 2)])).world
    assert no_orphans(world)
    assert nothing_lost(world)
    assert bounded(world, 0)
    assert restarts_within(world, 2, 60.0, "/shop/payments")
    assert not restarts_within(world, 1, 60.0, "/shop/payments")


def register(state, request):
    """A register: what was written last is read."""
    return (state, state) if request == "read" else (request, None)


@given(st.permutations(range(5)), st.lists(st.integers(0, 3), min_size=5, max_size=5))
def test_what_happened_one_by_one_is_linearizable(order, lengths):
    """Calls that each took effect at a moment within them are explained."""
    state, calls = None, []
    for at, number in enumerate(order):
        request = "read" if number % 2 else number
        state, answer = register(state, request)
        calls.append(Call(at - lengths[number], at + lengths[number] + 0.5, request, answer))
    assert linearizable(calls, register)


@pytest.mark.parametrize(
    ("calls", "holds"),
    [
        ([Call(0, 1, 1, None), Call(2, 3, "read", None)], False),
        ([Call(0, 1, 1, None), Call(0.5, 3, "read", None)], True),
        ([Call(0, None, 1), Call(2, 3, "read", None), Call(4, 5, "read", 1)], True),
        ([Call(0, None, 1), Call(2, 3, "read", 1), Call(4, 5, "read", None)], False),
        ([Call(0, 1, 1, None, key="a"), Call(2, 3, "read", None, key="b")], True),
    ],
)
def test_stale_reads_are_found(calls, holds):
    """A read must see what was written before it began; unheard answers may count or not."""
    assert bool(linearizable(calls, register)) is holds
