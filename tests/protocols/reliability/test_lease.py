"""One leader, and writes of old leaders refused."""

import heapq
import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harmonium.protocols.errors import SpecError
from harmonium.protocols.reliability.lease import Fence, Grant, Held, LeasePolicy, LeaseState

POLICY = LeasePolicy(10.0)


def test_one_holder_at_a_time():
    """While a lease runs others are told how long; when it is over the next one gets it."""
    state, first = POLICY.acquire(LeaseState(), "a", 100.0)
    state, second = POLICY.acquire(state, "b", 104.0)
    state, third = POLICY.acquire(state, "b", 110.0)
    assert first == Grant("a", 1, 10.0)
    assert second == Held("a", 6.0)
    assert third == Grant("b", 2, 10.0)


def test_renewing_keeps_the_token():
    """A renewed lease lasts longer from then; one that is over, or another's, is not renewed."""
    state, _ = POLICY.acquire(LeaseState(), "a", 0.0)
    state, renewed = POLICY.renew(state, "a", 1, 9.0)
    assert renewed == Grant("a", 1, 10.0)
    assert state.until == 19.0
    assert POLICY.renew(state, "a", 1, 19.0)[1] is None
    assert POLICY.renew(state, "b", 1, 10.0)[1] is None
    assert POLICY.renew(state, "a", 2, 10.0)[1] is None


def test_giving_back_frees_it_at_once():
    """A released lease goes to the next one with a greater token; a late release does nothing."""
    state, _ = POLICY.acquire(LeaseState(), "a", 0.0)
    state, grant = POLICY.acquire(POLICY.release(state, "a", 1), "b", 1.0)
    assert grant == Grant("b", 2, 10.0)
    assert POLICY.release(state, "a", 1) is state
    assert POLICY.renew(POLICY.release(state, "b", 2), "b", 2, 2.0)[1] is None


def test_a_holder_that_asks_again_gets_a_new_token():
    """A repeated request is a new grant: the writes of the older one are refused."""
    state, _ = POLICY.acquire(LeaseState(), "a", 0.0)
    state, again = POLICY.acquire(state, "a", 1.0)
    assert again.token == 2
    assert POLICY.renew(state, "a", 1, 2.0)[1] is None


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["acquire", "renew", "release"]),
            st.sampled_from("abc"),
            st.floats(-3600, 3600),
        ),
        max_size=60,
    )
)
def test_tokens_only_grow_and_time_only_passes(steps):
    """However it is asked and the clock jumps, tokens rise and no running lease is given away."""
    state, now, latest, tokens = LeaseState(), 0.0, float("-inf"), {}
    for step, who, jump in steps:
        now += jump
        before = state
        if step == "release":
            state = POLICY.release(state, who, tokens.get(who, 0))
            continue
        latest = max(latest, now)
        running = before.holder is not None and latest < before.until
        if step == "acquire":
            state, found = POLICY.acquire(state, who, now)
            assert isinstance(found, Held) is (running and before.holder != who)
            if isinstance(found, Grant):
                assert found.token == before.token + 1
                tokens[who] = found.token
        else:
            state, found = POLICY.renew(state, who, tokens.get(who, 0), now)
            assert (found is not None) is (running and tokens.get(who) == before.token)


@given(st.lists(st.integers(1, 9), max_size=30))
def test_a_fence_lets_no_older_token_through(tokens):
    """The tokens of the admitted writes never fall."""
    fence, admitted = Fence(), []
    assert fence.admits(0)[1]
    for token in tokens:
        fence, allowed = fence.admits(token)
        assert allowed is (token >= max(admitted, default=0))
        admitted += [token] * allowed
    assert admitted == sorted(admitted)


@given(st.integers(), st.floats(0.9, 1.1))
def test_no_split_brain(seed, drift):
    """With pauses, delays and clocks that run apart, writes count in the order of their tokens."""
    rng, order = random.Random(seed), itertools.count()
    policy, state, fence = LeasePolicy(10.0, margin=0.25), LeaseState(), Fence()
    events, written, leading = [], [], []

    def at(time, *event):
        heapq.heappush(events, (time, next(order), event))

    for name in "abc":
        at(rng.random(), "ask", name)
    while events and events[0][0] < 200.0:
        now, _, event = heapq.heappop(events)
        if event[0] == "write":
            fence, allowed = fence.admits(event[1])
            written += [event[1]] * allowed
            continue
        state, found = policy.acquire(state, f"{event[1]}{next(order)}", now)
        at(now + found.seconds * rng.uniform(0.5, 1.5), "ask", event[1])
        if isinstance(found, Grant):
            # The holder counts from its request, on a clock that runs at another speed.
            leading.append((now, now + policy.safe_until(0.0) / drift))
            for _ in range(3):
                at(now + rng.uniform(0, 30), "write", found.token)
    assert written == sorted(written)
    assert all(end <= start for (_, end), (start, _) in itertools.pairwise(leading))


def test_a_holder_is_careful():
    """It stops acting before the store may give the lease away, and renews in good time."""
    policy = LeasePolicy(9.0, margin=0.1)
    assert policy.safe_until(100.0) == pytest.approx(108.1)
    assert policy.renew_at(100.0) == 103.0


@pytest.mark.parametrize("options", [{"seconds": 0.0}, {"margin": 1.0}, {"margin": -0.1}])
def test_bounds(options):
    """A lease of no time is refused."""
    with pytest.raises(SpecError, match="LeasePolicy"):
        LeasePolicy(**options)
