"""Keys stay where they are, and loads stay bounded."""

import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harmonium.protocols.errors import SpecError
from harmonium.protocols.routing import CONSISTENT_HASH, ConsistentHash, Members, Ring

KEYS = [f"key-{n}" for n in range(10_000)]
PLAIN = ConsistentHash(load_bound=None)


def names(count):
    return tuple(f"/pool/{n}" for n in range(count))


def owners(router, members, keys=KEYS, loads=None):
    """Route each key, and count it as a load where loads are given."""
    state, found = router.start(), {}
    for key in keys:
        state, (found[key],) = router.route(state, key, members, 0.0)
        if loads is not None:
            loads[members.ids.index(found[key])] += 1
    return found


@pytest.mark.parametrize("count", [*range(1, 11), 16, 32])
def test_growing_by_one_moves_few_keys(count):
    """From N to N+1 members at most 1.3/(N+1) of the keys move, and all to the new one."""
    before = owners(PLAIN, Members(names(count)))
    after = owners(PLAIN, Members(names(count + 1)))
    moved = [key for key in KEYS if before[key] != after[key]]
    assert 0.5 / (count + 1) < len(moved) / len(KEYS) <= 1.3 / (count + 1)
    assert {after[key] for key in moved} == {f"/pool/{count}"}


@pytest.mark.parametrize("count", [1, 2, 4, 8, 16])
def test_growing_moves_few_keys_with_a_bound_too(count):
    """With the default bound, and each key a load, at most 1.3/(N+1) of the keys move."""
    found = []
    for size in (count, count + 1):
        loads = [0] * size
        found.append(owners(CONSISTENT_HASH, Members(names(size), loads=loads), loads=loads))
    moved = sum(found[0][key] != found[1][key] for key in KEYS)
    assert moved / len(KEYS) <= 1.3 / (count + 1)


@pytest.mark.parametrize("count", [2, 5, 16, 50])
def test_no_member_has_more_than_its_bound(count):
    """At every moment no member has more than ceil(1.25 times the mean load)."""
    loads, router = [0] * count, CONSISTENT_HASH
    members, state = Members(names(count), loads=loads), router.start()
    for total, key in enumerate(KEYS[:3000], start=1):
        state, (chosen,) = router.route(state, key, members, 0.0)
        loads[members.ids.index(chosen)] += 1
        assert max(loads) <= math.ceil(1.25 * total / count)


def test_a_hot_key_spreads():
    """A key that is everybody's favourite is shared, because its owner is full."""
    loads = [0] * 4
    found = Counter()
    members, state = Members(names(4), loads=loads), CONSISTENT_HASH.start()
    for _ in range(1000):
        state, (chosen,) = CONSISTENT_HASH.route(state, "hot", members, 0.0)
        loads[members.ids.index(chosen)] += 1
        found[chosen] += 1
    assert max(found.values()) <= 313
    assert len(found) == 4


def test_an_idle_pool_keeps_keys_at_home():
    """With a bound but nothing in flight a key goes where it goes without a bound."""
    members = Members(names(8), loads=[0] * 8)
    assert owners(PLAIN, members) == owners(CONSISTENT_HASH, members)


def test_weights_share_the_keys_and_the_load():
    """A member of weight 2 has about twice the keys, and twice the bound."""
    weights = (1.0, 2.0, 1.0)
    counts = Counter(owners(PLAIN, Members(names(3), weights=weights)).values())
    assert 0.42 < counts["/pool/1"] / len(KEYS) < 0.58
    loads = [0, 0, 0]
    owners(CONSISTENT_HASH, Members(names(3), weights=weights, loads=loads), loads=loads)
    assert loads[1] <= math.ceil(1.25 * len(KEYS) * 0.5)
    assert max(loads[0], loads[2]) <= math.ceil(1.25 * len(KEYS) * 0.25)


@given(st.permutations(names(6)))
def test_the_order_of_members_does_not_matter(ids):
    """Who owns a key depends on who is there, not on the order in which they came."""
    keys = KEYS[:200]
    assert owners(PLAIN, Members(names(6)), keys) == owners(PLAIN, Members(tuple(ids)), keys)


@given(st.lists(st.integers(1, 12), min_size=1, max_size=6))
def test_the_ring_depends_on_the_members_only(sizes):
    """A ring that went through resizes is the ring that is built at once."""
    state = PLAIN.start()
    for size in sizes:
        state, _ = PLAIN.route(state, "key", Members(names(size)), 0.0)
    built, _ = PLAIN.route(PLAIN.start(), "key", Members(names(sizes[-1])), 0.0)
    assert (built.points, built.owners) == (state.points, state.owners)


def test_where_keys_are_is_fixed():
    """Another process, machine or year finds a key at the same member."""
    assert ["/pool/1", "/pool/0", "/pool/2", "/pool/4", "/pool/4"] == [
        PLAIN.route(PLAIN.start(), key, Members(names(5)), 0.0)[1][0] for key in KEYS[:5]
    ]


def test_without_a_key_chance_decides():
    """Messages without a key are spread over all members."""
    found = {PLAIN.route(PLAIN.start(), None, Members(names(4)), n / 100)[1][0] for n in range(100)}
    assert found == set(names(4))


def test_an_empty_pool_gets_nothing():
    """Without members nobody is chosen."""
    assert PLAIN.route(PLAIN.start(), "key", Members(()), 0.5)[1] == ()


def test_a_member_has_a_place_however_small_its_weight():
    """One point is the least, and enough to be chosen."""
    members = Members(("a", "b"), weights=(1.0, 1e-9))
    assert ConsistentHash(points=1).route(Ring(), "key", members, 0.0)[0].owners.count(1) == 1


@pytest.mark.parametrize("options", [{"load_bound": 1.0}, {"points": 0}, {"load_bound": math.nan}])
def test_bounds(options):
    """A bound of 1 leaves no room to choose, and no points no place."""
    with pytest.raises(SpecError, match="ConsistentHash"):
        ConsistentHash(**options)
