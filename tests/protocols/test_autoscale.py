"""Autoscaling: what it wants, and how a pool under load lives with it."""

import itertools
import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harmonium.protocols.autoscale import Autoscale, Sample
from harmonium.protocols.errors import SpecError


class Pool:
    """A pool as a queue: messages flow in, members work them off, sizes count one period later."""

    def __init__(self, policy, service, size=1, rng=None):
        self.policy, self.service, self.rng = policy, service, rng
        self.state = policy.start(size, 0.0)
        self.now, self.queue, self.sizes = 0.0, 0.0, [size]
        self.part = 0.0

    def step(self, load):
        """Let one period pass at a load in messages a second."""
        seconds, members = self.policy.period, self.sizes[-1]
        self.now += seconds
        if self.rng:
            arrived = sum(self.rng.random() < load * seconds / 1000 for _ in range(1000))
        else:
            self.part += load * seconds
            arrived = math.floor(self.part)
            self.part -= arrived
        able = members * seconds / self.service
        finished = min(self.queue + arrived, able)
        self.queue += arrived - finished
        sample = Sample(
            self.now,
            seconds,
            members=members,
            queued=int(self.queue),
            arrived=arrived,
            finished=round(finished),
            busy=finished / able,
            wait=self.queue * self.service / members,
        )
        self.state, decision = self.policy.decide(self.state, sample, self.now)
        self.sizes.append(decision.size)
        return decision

    def run(self, loads):
        for load in loads:
            self.step(load)
        return self


def turns(sizes):
    """Count how often a row of sizes changes its direction, the first change included."""
    moves = [b - a for a, b in itertools.pairwise(sizes) if a != b]
    return sum(a * b < 0 for a, b in itertools.pairwise(moves)) + bool(moves)


def needed(policy, load, service):
    return min(policy.maximum, max(policy.minimum, math.ceil(load * service / policy.utilisation)))


def most(policy, load, service):
    """Give the largest size that fits: messages are whole, so a load is known up to one of them."""
    return math.ceil((load + 1) * service / policy.utilisation / (1 - policy.tolerance)) + 1


LOADS = st.floats(2, 50)
SERVICES = st.floats(0.02, 0.5)
TARGETS = st.sampled_from([0.5, 0.7, 0.9])
POLICIES = st.builds(
    Autoscale,
    st.just(1),
    st.just(400),
    utilisation=TARGETS,
    depth=st.sampled_from([None, 1.0, 10.0]),
    wait=st.sampled_from([None, 0.5]),
)


@given(POLICIES, LOADS, SERVICES)
def test_a_step_up_is_followed_within_three_periods(policy, load, service):
    """When the load becomes tenfold the pool has the size it needs within three evaluations."""
    pool = Pool(policy, service).run([load] * 60)
    before = len(pool.sizes)
    pool.run([10 * load] * 60)
    after = pool.sizes[before - 1 :]
    fits = needed(policy, 10 * load, service) / (1 + policy.tolerance)
    assert after[3] >= fits - 1
    assert min(after[3:]) >= fits - 1
    assert after[-1] <= most(policy, 10 * load, service)
    assert turns(after) <= 2


@given(POLICIES, LOADS, SERVICES)
def test_a_step_down_is_followed_once(policy, load, service):
    """When the load falls to a tenth the pool shrinks after its time, and does not swing."""
    pool = Pool(policy, service, needed(policy, 10 * load, service)).run([10 * load] * 60)
    before = len(pool.sizes)
    pool.run([load] * 100)
    after = pool.sizes[before - 1 :]
    assert after[-1] <= most(policy, load, service)
    assert turns(after) <= 2


@given(POLICIES, LOADS, SERVICES, st.integers(1, 5))
def test_a_spike_is_answered_once(policy, load, service, length):
    """A short spike makes the pool grow once and shrink once."""
    pool = Pool(policy, service).run([load] * 60)
    before = len(pool.sizes)
    pool.run([10 * load] * length + [load] * 120)
    assert turns(pool.sizes[before - 1 :]) <= 2


@given(POLICIES, LOADS, SERVICES, st.integers(4, 30))
def test_a_sawtooth_turns_the_pool_at_most_twice_a_tooth(policy, load, service, length):
    """A load that climbs and falls again and again does not shake the pool."""
    tooth = [load * (1 + 9 * n / length) for n in range(length)]
    pool = Pool(policy, service).run(tooth * 6)
    assert turns(pool.sizes) <= 2 * 6
    # Where a pool remembers two teeth, it stays at the size of their tips.
    if 2 * length <= policy.shrink_after:
        assert turns(pool.sizes[2 * length :]) <= 2


@pytest.mark.parametrize("seed", range(5))
def test_chance_does_not_shake_it(seed):
    """Under a steady random load of 20 a second the size changes seldom and stays near its need."""
    policy = Autoscale(1, 100)
    pool = Pool(policy, 0.5, size=15, rng=random.Random(seed)).run([20.0] * 600)
    changes = sum(a != b for a, b in itertools.pairwise(pool.sizes))
    assert changes <= 40
    assert 14 <= min(pool.sizes[60:])
    assert max(pool.sizes) <= 30


@given(POLICIES, st.lists(st.floats(0, 500), max_size=60), SERVICES)
def test_the_size_stays_in_its_bounds(policy, loads, service):
    """Whatever the load, the size is from minimum to maximum, and decisions add up."""
    policy = Autoscale(2, 9, utilisation=policy.utilisation, depth=policy.depth)
    pool = Pool(policy, service, 2)
    for load in loads:
        size = pool.sizes[-1]
        decision = pool.step(load)
        assert 2 <= decision.size <= 9
        assert decision.size == size + decision.change


def decide(policy, state, now=100.0, **options):
    values = {"at": now, "seconds": 1.0, "members": 4, "queued": 0, "arrived": 0, "finished": 0}
    return policy.decide(state, Sample(**(values | {"busy": 0.0} | options)), now)


def test_a_stale_sample_decides_nothing():
    """A sample that was used, or that is older than three periods, does not thrash the pool."""
    policy = Autoscale(1, 16)
    state, first = decide(policy, policy.start(4), arrived=100, finished=40, busy=1.0)
    assert first.size > 4
    again = Sample(100.0, 1.0, 4, 0, 0, 0, 0.0)
    for now, sample in ((101.0, again), (110.0, Sample(102.0, 1.0, 4, 0, 0, 0, 0.0))):
        same, decision = policy.decide(state, sample, now)
        assert same is state
        assert (decision.change, decision.reason) == (0, "the sample is stale")


@pytest.mark.parametrize(
    ("options", "sample", "reason"),
    [
        ({}, {"arrived": 60, "finished": 20, "busy": 1.0}, "utilisation asks for 17.1"),
        (
            {},
            {"queued": 60, "arrived": 20, "finished": 20, "busy": 0.5},
            "queue depth asks for 6.0",
        ),
        ({}, {"queued": 900, "arrived": 9, "finished": 9, "busy": 0.5}, "queue depth asks for 8.0"),
        (
            {"wait": 0.5},
            {"wait": 0.75, "arrived": 9, "finished": 9, "busy": 0.5},
            "wait asks for 6.0",
        ),
        (
            {"depth": None},
            {"queued": 900, "arrived": 9, "finished": 9, "busy": 0.7},
            "the size fits",
        ),
        ({}, {"arrived": 20, "finished": 20, "busy": 0.75}, "the size fits"),
        ({}, {"busy": 1.0}, "utilisation asks for 5.7"),
    ],
)
def test_each_measure_says_why(options, sample, reason):
    """The measure that asks for most decides and is named, at most doubling for queue and wait."""
    policy = Autoscale(1, 32, **options)
    assert reason in decide(policy, policy.start(4), **sample)[1].reason


def test_chance_counts_little_and_a_new_load_at_once():
    """Of 100 expected messages 110 are chance, and 111 are a new load."""
    policy, found = Autoscale(1, 1000, utilisation=1.0), []
    for arrived in (110, 111):
        state, _ = decide(policy, policy.start(), 100.0, arrived=100, finished=4, busy=1.0)
        state, decision = decide(policy, state, 101.0, arrived=arrived, finished=4, busy=1.0)
        found.append(decision.wanted)
    assert found == pytest.approx([101.5, 111.0])


def test_queue_and_wait_rest_after_growth():
    """The queue of before does not make the pool grow twice."""
    policy = Autoscale(1, 32, depth=1.0, cooldown=3.0)
    load = {"queued": 100, "arrived": 9, "finished": 9, "busy": 0.5}
    state, first = decide(policy, policy.start(4), now=100.0, **load)
    state, second = decide(policy, state, now=102.0, **load)
    state, third = decide(policy, state, now=103.0, **load)
    assert [each.size for each in (first, second, third)] == [8, 8, 16]


def test_it_shrinks_only_after_its_time():
    """Fewer members must have sufficed for the whole of `shrink_after`."""
    policy = Autoscale(1, 16, shrink_after=10.0)
    state, sizes = policy.start(8, 0.0), []
    for now in range(1, 13):
        state, decision = decide(policy, state, now=float(now), arrived=7, finished=7, busy=0.35)
        sizes.append(decision.size)
    assert sizes == [8] * 9 + [2] * 3


def test_bounds_that_changed_are_kept_at_once():
    """A pool outside of its bounds is brought back without waiting."""
    state = Autoscale(1, 16).start(12)
    assert decide(Autoscale(1, 6), state)[1].size == 6


@pytest.mark.parametrize(
    "options",
    [
        {"minimum": 0},
        {"minimum": 5, "maximum": 4},
        {"utilisation": 0.0},
        {"tolerance": 1.0},
        {"depth": 0.0},
        {"wait": 0.0},
        {"period": 0.0},
        {"cooldown": -1.0},
        {"shrink_after": -1.0},
    ],
)
def test_bounds(options):
    """A policy that makes no sense is refused where it is written."""
    with pytest.raises(SpecError, match="Autoscale"):
        Autoscale(**options)
