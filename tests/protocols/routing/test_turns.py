"""Round robin and random."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from harmonium.protocols.routing import RANDOM, ROUND_ROBIN, Members

IDS = st.integers(1, 20).map(lambda n: tuple(f"m{i}" for i in range(n)))
DRAWS = st.floats(0, 1, exclude_max=True)


@given(IDS, st.integers(1, 5), DRAWS)
def test_round_robin_gives_each_the_same(ids, rounds, draw):
    """After whole rounds each member had the same number of messages, whatever chance says."""
    state, counts = ROUND_ROBIN.start(), Counter()
    for _ in range(rounds * len(ids)):
        state, chosen = ROUND_ROBIN.route(state, None, Members(ids), draw)
        counts.update(chosen)
    assert counts == dict.fromkeys(ids, rounds)


@given(st.lists(IDS, min_size=1, max_size=10), DRAWS)
def test_round_robin_survives_a_resize(pools, draw):
    """Whatever the pool becomes between two messages, one of its members is chosen."""
    state = ROUND_ROBIN.start()
    for ids in pools:
        state, chosen = ROUND_ROBIN.route(state, None, Members(ids), draw)
        assert len(chosen) == 1
        assert set(chosen) <= set(ids)


@given(IDS, DRAWS)
def test_random_divides_chance_evenly(ids, draw):
    """The i-th of n members has the draws from i/n to (i+1)/n."""
    _, (chosen,) = RANDOM.route(None, None, Members(ids), draw)
    place = ids.index(chosen)
    assert place <= draw * len(ids) + 1e-9
    assert draw * len(ids) <= place + 1 + 1e-9


@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=10).map(tuple), DRAWS)
def test_random_respects_weights(weights, draw):
    """A member has the share of the draws that its weight is of all."""
    ids = tuple(f"m{i}" for i in range(len(weights)))
    _, (chosen,) = RANDOM.route(None, None, Members(ids, weights=weights), draw)
    place = ids.index(chosen)
    total = sum(weights)
    assert sum(weights[:place]) <= draw * total * (1 + 1e-9)
    assert draw * total <= sum(weights[: place + 1]) * (1 + 1e-9)


def test_an_empty_pool_gets_nothing():
    """Without members nobody is chosen, and the turn is not lost."""
    assert ROUND_ROBIN.route(3, None, Members(()), 0.5) == (3, ())
    assert RANDOM.route(None, None, Members(()), 0.5) == (None, ())
