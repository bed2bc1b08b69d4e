"""The fast ways choose as the pure routers do that they stand for."""

from __future__ import annotations

from collections import deque
from random import Random

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harmonium.protocols.routing import (
    CONSISTENT_HASH,
    LEAST_LOADED,
    POWER_OF_TWO,
    RANDOM,
    ROUND_ROBIN,
    ConsistentHash,
    Members,
    Sticky,
)
from harmonium.supervisors.pool_member import Member
from harmonium.supervisors.pool_sessions import StickyWay, way_of
from harmonium.supervisors.pool_spec import PoolSettings
from harmonium.supervisors.pool_ways import unkeyed_way

RING = ConsistentHash(load_bound=None, points=8)


class Birth:
    mailbox = 30


class Cell:
    """As much of a cell as routing looks at."""

    birth = Birth()
    scheduled = True

    def __init__(self, id):
        self.id, self.mailbox, self.busy = id, [], 0
        self.current = self.executing = self.urgent = self.more_ = None

    @property
    def more(self):
        return More()


class More:
    stash = aside = deferred = parked = executions = ()
    undecided = retrying = blocking = None


class Ground:
    """The counters and the chance of a ground."""

    def __init__(self, seed=0):
        self.random = Random(seed)
        self.handled = self.dead = self.failed = 0


def options(router, **fields):
    return PoolSettings(router=router, key="n", agent=object, **fields)


def members(count):
    found = [Member(n, Cell(str(n)), in_turn=True) for n in range(count)]
    for one in found:
        one.taking = True
    return found


class SameDraws:
    """Gives two users the same chance."""

    def __init__(self, seed):
        self.rng, self.last = Random(seed), 0.0

    def random(self):
        self.last = self.rng.random()
        return self.last


@pytest.mark.parametrize("router", [ROUND_ROBIN, RANDOM, POWER_OF_TWO], ids=repr)
@given(st.integers(1, 9), st.integers(0, 99), st.lists(st.integers(0, 5), max_size=60))
def test_it_chooses_what_the_pure_router_chooses(router, count, seed, loads):
    """With the same chance and loads both give the message to the same member."""
    ground = Ground()
    ground.random = draws = SameDraws(seed)
    way, everybody = unkeyed_way(ground, router, options(router)), members(count)
    way.adopt(everybody, everybody)
    state = router.start()
    for place, load in enumerate(loads):
        everybody[place % count].cell.busy = load
        chosen = way.seek(None)
        now = Members(tuple(one.id for one in everybody), loads=[one.load for one in everybody])
        state, (id,) = router.route(state, None, now, draws.last)
        assert chosen.id == id


@given(st.integers(1, 9), st.integers(0, 99), st.lists(st.tuples(st.integers(0, 8), st.booleans())))
def test_the_least_loaded_way_takes_one_of_the_least(count, seed, steps):
    """Whatever was sent and handled since, nobody else has less to do than whom it takes."""
    ground = Ground(seed)
    way, everybody = unkeyed_way(ground, LEAST_LOADED, options(LEAST_LOADED)), members(count)
    way.adopt(everybody, everybody)
    for who, handled in steps:
        member = everybody[who % count]
        if handled and member.cell.mailbox:
            member.cell.mailbox.pop()
            ground.handled += 1
        elif not handled:
            member.cell.mailbox.append(None)
        chosen = way.seek(None)
        loads = [one.load for one in everybody]
        _, (id,) = LEAST_LOADED.route(
            None, None, Members(tuple(one.id for one in everybody), loads=loads), 0.0
        )
        assert chosen.load == min(loads) == everybody[int(id)].load
        chosen.cell.mailbox.append(None)


def test_the_least_loaded_way_uses_an_idle_pool_evenly():
    """Among equals chance decides: in a pool that is idle each time all members get work."""
    ground, everybody = Ground(3), members(8)
    way = unkeyed_way(ground, LEAST_LOADED, options(LEAST_LOADED))
    way.adopt(everybody, everybody)
    got = [0] * 8
    for _ in range(8_000):
        got[way.seek(None).number] += 1
        ground.handled += 1
    assert min(got) > 800


@settings(max_examples=100)
@given(
    st.integers(0, 3),
    st.sampled_from([1, 2, 100]),
    st.lists(
        st.one_of(
            st.tuples(st.just("send"), st.integers(0, 5)),
            st.tuples(st.just("done"), st.integers(0, 3)),
            st.tuples(st.just("drain"), st.integers(0, 3)),
            st.tuples(st.just("back"), st.integers(0, 3)),
        ),
        max_size=120,
    ),
)
def test_the_sticky_way_owns_what_the_pure_router_owns(patience, most, steps):
    """Sending, finishing, draining and coming back: both give or hold each message alike."""
    router = Sticky(patience=patience, max_sessions=most, place=RING)
    ground, everybody = Ground(), members(4)
    way, state = StickyWay(ground, router, options(router)), router.start()

    def shown():
        taking = [one for one in everybody if one.taking]
        way.adopt(taking, everybody)
        gone = frozenset(one.id for one in everybody if one.draining)
        return Members(tuple(one.id for one in taking), draining=gone)

    now = shown()
    for what, which in steps:
        member = everybody[which % 4]
        if what == "send":
            chosen = way.seek(which)
            state, ids = router.route(state, which, now, 0.0)
            assert (chosen.id,) == ids if chosen is not None else not ids
            if chosen is not None:
                chosen.cell.mailbox.append(which)
                way.note(which, chosen)
        elif what == "done" and member.cell.mailbox:
            state = router.finished(state, member.cell.mailbox.pop(0), member.id)
        elif what in ("drain", "back"):
            staying = [one for one in everybody if one.taking]
            if what == "back" or len(staying) > 1:
                member.taking, member.draining = what == "back", what == "drain"
                now = shown()


@pytest.mark.parametrize("router", [CONSISTENT_HASH, ConsistentHash(load_bound=None)], ids=repr)
def test_a_key_has_the_owner_that_the_pure_ring_gives(router):
    """The remembered owner of a key is that of the ring, before and after a change."""
    ground, everybody = Ground(), members(5)
    way = way_of(ground, router, options(router), lambda key: key)
    for count in (5, 3, 4):
        staying = everybody[:count]
        way.adopt(staying, everybody)
        ids = tuple(one.id for one in staying)
        state = router.start()
        for key in list(range(200)) * 2:
            state, (id,) = router.route(state, key, Members(ids), 0.0)
            assert way.seek(key).id == id


@attrs.frozen
class Note:
    """A message with a key."""

    n: int


def one_by_one(way, mail):
    """What `deal` stands for; gives what could not be dealt."""
    left = list(mail)
    while left:
        key = left[0][0].n
        member = way.seek(key)
        if member is None or not member.has_room():
            break
        member.cell.mailbox.append(left.pop(0))
        way.note(key, member)
    return left


@pytest.mark.parametrize(
    "router", [ROUND_ROBIN, ConsistentHash(load_bound=None), Sticky(place=ROUND_ROBIN)], ids=repr
)
@given(
    st.integers(1, 9),
    st.lists(st.integers(0, 30), min_size=9, max_size=9),
    st.lists(st.lists(st.integers(0, 12), max_size=60), max_size=5),
)
def test_what_is_dealt_out_goes_where_it_would_one_by_one(router, count, loads, bursts):
    """All at once or each by itself: the same mail at the same members, in the same order."""
    dealt, single = members(count), members(count)
    ways = [way_of(Ground(), router, options(router), lambda note: note.n) for _ in range(2)]
    for way, everybody in zip(ways, (dealt, single), strict=True):
        way.adopt(everybody, everybody)
        for member, load in zip(everybody, loads, strict=False):
            member.cell.mailbox.extend([None] * load)
    for burst in bursts:
        mail = [(Note(n), number) for number, n in enumerate(burst)]
        hall = deque(mail)
        while ways[0].deal(hall) is None and hall:
            member = ways[0].seek(hall[0][0].n)  # a new key, perhaps
            if not member.has_room():
                break
            ways[0].note(hall[0][0].n, member)
            member.cell.mailbox.append(hall.popleft())
        assert list(hall) == one_by_one(ways[1], mail)
        assert [m.cell.mailbox for m in dealt] == [m.cell.mailbox for m in single]
        if hall:
            break  # who is chosen for what finds no room is left to the traffic


@given(
    st.integers(1, 9),
    st.integers(0, 99),
    st.lists(st.integers(0, 25), min_size=9, max_size=9),
    st.integers(0, 200),
)
def test_the_least_loaded_are_filled_up_first(count, seed, loads, burst):
    """After a burst nobody who got some has more than one above those who have least."""
    way, everybody = unkeyed_way(Ground(seed), LEAST_LOADED, options(LEAST_LOADED)), members(count)
    way.adopt(everybody, everybody)
    for member, load in zip(everybody, loads, strict=False):
        member.cell.mailbox.extend([None] * load)
    before = [one.load for one in everybody]
    hall = deque(range(burst))
    full = way.deal(hall)
    after = [one.load for one in everybody]
    assert sum(after) - sum(before) == burst - len(hall)
    assert max(after) <= 30
    if hall:
        assert full is not None
        assert min(after) == 30
    for was, now, member in zip(before, after, everybody, strict=True):
        if now > was:
            assert now <= min(after) + 1
        got = member.cell.mailbox[was:]
        assert got == sorted(got)


@pytest.mark.parametrize("router", [ROUND_ROBIN, LEAST_LOADED, RANDOM, POWER_OF_TWO], ids=repr)
@given(st.integers(0, 99), st.lists(st.integers(0, 30), min_size=4, max_size=4))
def test_as_many_find_room_as_is_said(router, seed, loads):
    """So many messages as `room` tells find room, whoever has how much to do."""
    way, everybody = unkeyed_way(Ground(seed), router, options(router)), members(4)
    way.adopt(everybody, everybody)
    for member, load in zip(everybody, loads, strict=True):
        member.cell.mailbox.extend([None] * load)
    hall = deque(range(way.room([30 - load for load in loads])))
    assert way.deal(hall) is None
    assert not hall


def test_weights_are_minded():
    """A member of weight 3 gets three times the messages, by chance and by the ring."""
    ground, everybody = Ground(1), members(2)
    for router in (RANDOM, ConsistentHash(load_bound=None)):
        way = way_of(ground, router, options(router, weights=(1.0, 3.0)), lambda key: key)
        way.adopt(everybody, everybody)
        got = [0, 0]
        for key in range(4_000):
            got[way.seek(key).number] += 1
        assert 2.3 < got[1] / got[0] < 3.9


def test_settings_are_values():
    """Two pools with the same settings are equal, so that a plan finds what changed."""
    assert options(RANDOM) == options(RANDOM)
    assert attrs.evolve(options(RANDOM), size=2) != options(RANDOM)
