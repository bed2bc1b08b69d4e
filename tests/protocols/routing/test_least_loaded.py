"""The shortest mailbox, and the shorter of two."""

import random
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from harmonium.protocols.routing import LEAST_LOADED, POWER_OF_TWO, Members

LOADS = st.lists(st.integers(0, 5), min_size=1, max_size=12)
DRAWS = st.floats(0, 1, exclude_max=True)


def pool(loads, weights=None):
    return Members(tuple(f"m{i}" for i in range(len(loads))), loads=loads, weights=weights)


def chosen_by(router, members, draw):
    (name,) = router.route(router.start(), None, members, draw)[1]
    return members.ids.index(name)


@given(LOADS, DRAWS)
def test_the_shortest_mailbox_is_chosen(loads, draw):
    """No member has less waiting than the chosen one."""
    assert loads[chosen_by(LEAST_LOADED, pool(loads), draw)] == min(loads)


@given(st.integers(1, 12))
def test_equals_are_used_evenly(size):
    """In an idle pool each member has the same share of chance."""
    places = [chosen_by(LEAST_LOADED, pool([0] * size), (n + 0.5) / size) for n in range(size)]
    assert sorted(places) == list(range(size))


@given(
    LOADS.flatmap(
        lambda loads: st.tuples(
            st.just(loads),
            st.lists(st.sampled_from([0.5, 1.0, 4.0]), min_size=len(loads), max_size=len(loads)),
        )
    ),
    DRAWS,
)
def test_weights_divide_the_load(case, draw):
    """With one more message no other member would be less full for its weight."""
    loads, weights = case
    place = chosen_by(LEAST_LOADED, pool(loads, tuple(weights)), draw)
    full = [(load + 1) / weight for load, weight in zip(loads, weights, strict=True)]
    assert full[place] == min(full)


@given(LOADS.filter(lambda loads: len(loads) > 1), DRAWS)
def test_two_choices_never_take_the_longest(loads, draw):
    """The chosen one of two is not longer than the other, so never the single longest."""
    place = chosen_by(POWER_OF_TWO, pool(loads), draw)
    assert max(loads) > loads[place] or loads.count(loads[place]) > 1


@given(st.integers(2, 12))
def test_two_choices_try_every_pair(size):
    """Each ordered pair of members has the same share of chance."""
    pairs = size * (size - 1)
    counts = Counter(
        chosen_by(POWER_OF_TWO, pool(list(range(size))), (n + 0.5) / pairs) for n in range(pairs)
    )
    assert counts == {place: 2 * (size - 1 - place) for place in range(size - 1)}


def test_two_choices_balance():
    """10,000 messages to 100 members: the longest mailbox stays within 6 of the mean."""
    rng, loads = random.Random(1), [0] * 100
    for _ in range(10_000):
        loads[chosen_by(POWER_OF_TWO, pool(loads), rng.random())] += 1
    assert max(loads) <= 106


def test_a_single_member_and_none():
    """One member gets everything, an empty pool nothing."""
    assert chosen_by(POWER_OF_TWO, pool([7]), 0.9) == 0
    assert LEAST_LOADED.route(None, None, Members(()), 0.5) == (None, ())


@given(DRAWS)
def test_without_loads_chance_decides(draw):
    """Where nobody counts, each member has its share of chance."""
    assert int(draw * 4) == chosen_by(LEAST_LOADED, Members(("m0", "m1", "m2", "m3")), draw)
