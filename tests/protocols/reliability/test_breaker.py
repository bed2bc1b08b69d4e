"""The circuit breaker: beside pybreaker's, and on its own."""

import contextlib
import datetime as dt

import pybreaker
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harmonium.protocols.backoff import Backoff
from harmonium.protocols.errors import SpecError
from harmonium.protocols.failure import Failure
from harmonium.protocols.reliability.breaker import BreakerPolicy, Phase

START = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
CALLS = st.lists(
    st.tuples(st.integers(0, 4), st.sampled_from(["good", "bad", "ignored"])), max_size=60
)


class Clock(dt.datetime):
    """The datetime that pybreaker sees."""

    seconds = 0.0

    @classmethod
    def now(cls, tz=None):
        return START + dt.timedelta(seconds=cls.seconds)


def by_pybreaker(failures, open_for, calls):
    """Make calls through pybreaker: whether each was let through, and the state after it."""
    guard = pybreaker.CircuitBreaker(
        fail_max=failures, reset_timeout=open_for, exclude=[KeyError], throw_new_error_on_trip=False
    )
    errors = {"bad": OSError, "ignored": KeyError}
    found, now = [], 0.0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pybreaker, "datetime", Clock)
        for wait, outcome in calls:
            now += wait
            patch.setattr(Clock, "seconds", now)
            ran = []

            def call(outcome=outcome, ran=ran):
                ran.append(True)
                if outcome in errors:
                    raise errors[outcome]

            with contextlib.suppress(OSError, KeyError, pybreaker.CircuitBreakerError):
                guard.call(call)
            found.append((bool(ran), guard.current_state))
    return found


def by_harmonium(failures, open_for, calls):
    """Make the same calls through our breaker."""
    policy = BreakerPolicy.consecutive(failures, open_for=open_for)
    state, now, found = policy.start(), 0.0, []
    for wait, outcome in calls:
        now += wait
        state, ticket = policy.admit(state, now)
        if ticket is not None:
            state = policy.report(state, ticket, now, failed=outcome == "bad")
        found.append((ticket is not None, state.phase.value))
    return found


@given(st.integers(1, 4), st.integers(1, 6), CALLS)
def test_consecutive_failures_decide_as_pybreaker(failures, open_for, calls):
    """One call after the other, both let the same through and are in the same state."""
    assert by_pybreaker(failures, open_for, calls) == by_harmonium(failures, open_for, calls)


def results(policy, state, text, now=0.0, seconds=0.0):
    """Report one result for each letter: g good, b bad."""
    for letter in text:
        state, ticket = policy.admit(state, now)
        state = policy.report(state, ticket, now, failed=letter == "b", seconds=seconds)
    return state


@pytest.mark.parametrize(
    ("text", "phase"),
    [
        ("bbb", Phase.CLOSED),
        ("bbbb", Phase.OPEN),
        ("gbgb", Phase.OPEN),
        ("gggbggg", Phase.CLOSED),
        ("bgggggbb", Phase.CLOSED),
        ("ggggggbgbb", Phase.OPEN),
    ],
)
def test_it_opens_by_rate_over_a_window_of_calls(text, phase):
    """Half of the last 6 results, and at least 4 of them."""
    policy = BreakerPolicy(failure_rate=0.5, minimum=4, calls=6)
    assert phase is results(policy, policy.start(), text).phase


def test_it_opens_by_rate_over_a_window_of_time():
    """Results older than the window do not count."""
    policy = BreakerPolicy(failure_rate=0.5, minimum=4, seconds=10.0)
    state = results(policy, policy.start(), "bb", now=0.0)
    assert results(policy, state, "bb", now=20.0).phase is Phase.CLOSED
    assert results(policy, state, "bb", now=5.0).phase is Phase.OPEN


def test_slow_calls_open_it():
    """Calls that are good but slow count as slow."""
    policy = BreakerPolicy(minimum=4, calls=4, slow_after=1.0, slow_rate=0.5)
    state = results(policy, policy.start(), "ggg", seconds=0.9)
    assert results(policy, state, "g", seconds=1.0).phase is Phase.CLOSED
    assert results(policy, state, "gg", seconds=1.0).phase is Phase.OPEN


def test_a_slow_trial_opens_it_again():
    """A trial must be good and quick."""
    policy = BreakerPolicy(minimum=1, calls=1, slow_after=1.0, open_for=5.0)
    state = results(policy, policy.start(), "b")
    assert results(policy, state, "g", now=5.0, seconds=2.0).phase is Phase.OPEN
    assert results(policy, state, "g", now=5.0, seconds=0.5).phase is Phase.CLOSED


def test_a_half_open_breaker_lets_one_through():
    """However many ask at once, one of them is the trial (no stampede)."""
    policy = BreakerPolicy.consecutive(1, open_for=5.0)
    state = results(policy, policy.start(), "b")
    tickets = []
    for _ in range(100):
        state, ticket = policy.admit(state, 5.0)
        tickets.append(ticket)
    assert [ticket for ticket in tickets if ticket is not None] == tickets[:1]
    assert policy.would_refuse(state, 5.0)


def test_results_of_an_earlier_state_are_inert():
    """A late failure opens no breaker that closed since, a late success closes no open one."""
    policy = BreakerPolicy.consecutive(1, open_for=5.0)
    state, early = policy.admit(policy.start(), 0.0)
    state, other = policy.admit(state, 0.0)
    state = policy.report(state, other, 0.0, failed=True)
    assert policy.report(state, early, 1.0, failed=False) is state
    state, trial = policy.admit(state, 5.0)
    assert policy.report(state, early, 5.0, failed=False) is state
    state = policy.report(state, trial, 5.0, failed=False)
    assert state.phase is Phase.CLOSED
    assert policy.report(state, early, 6.0, failed=True) is state


def test_a_trial_that_never_reports_is_replaced():
    """After its time another trial is let through, and the lost one counts for nothing."""
    policy = BreakerPolicy(minimum=1, calls=1, open_for=5.0, trial_timeout=10.0)
    state = results(policy, policy.start(), "b")
    state, lost = policy.admit(state, 5.0)
    state, refused = policy.admit(state, 14.9)
    state, second = policy.admit(state, 15.0)
    assert refused is None
    assert policy.report(state, lost, 15.0, failed=True) is state
    assert policy.report(state, second, 15.0, failed=False).phase is Phase.CLOSED


def test_a_cancelled_trial_makes_room_for_another():
    """An abandoned trial says nothing; the next request is the trial at once."""
    policy = BreakerPolicy.consecutive(1, open_for=5.0)
    state = results(policy, policy.start(), "b")
    state, trial = policy.admit(state, 5.0)
    state = policy.abandon(state, trial, 5.0)
    state, second = policy.admit(state, 5.0)
    assert second is not None
    assert policy.report(state, trial, 5.0, failed=True) is state
    closed = policy.start()
    assert policy.abandon(closed, 0, 5.0) is closed


def test_each_opening_in_a_row_may_be_longer():
    """A backoff makes a breaker that does not recover rest longer, until it closed once."""
    policy = BreakerPolicy.consecutive(1, open_for=Backoff(1.0, 8.0, jitter=0.0))
    state, lengths, now = policy.start(), [], 0.0
    for _ in range(5):
        state = results(policy, state, "b", now=now)
        lengths.append(state.until - now)
        now = state.until
    assert lengths == [1.0, 2.0, 4.0, 8.0, 8.0]
    state = results(policy, results(policy, state, "g", now=now), "b", now=now)
    assert state.until - now == 1.0


def test_ignored_failures_say_nothing():
    """A failure that the policy ignores is not held against the agent."""
    policy = BreakerPolicy(ignore=(LookupError,))
    assert not policy.counts(Failure("KeyError", kinds=("KeyError", "LookupError")))
    assert policy.counts(Failure("OSError"))


@given(
    st.sampled_from([{"calls": 8}, {"seconds": 5.0}]),
    st.lists(
        st.tuples(st.integers(0, 3), st.sampled_from("aagbx"), st.integers(0, 5)), max_size=80
    ),
)
def test_what_always_holds(window, steps):
    """Generations only grow, one trial runs at a time, and an open breaker lets nothing through."""
    policy = BreakerPolicy(minimum=2, failure_rate=0.5, open_for=2.0, trial_timeout=4.0, **window)
    state, now, tickets = policy.start(), 0.0, []
    for wait, step, pick in steps:
        now += wait
        before = state
        if step == "a":
            state, ticket = policy.admit(state, now)
            assert (ticket is None) is policy.would_refuse(before, now)
            tickets += [] if ticket is None else [ticket]
            assert state.phase is not Phase.OPEN or ticket is None
        elif tickets:
            ticket = tickets.pop(pick % len(tickets))
            if step == "x":
                state = policy.abandon(state, ticket, now)
            else:
                state = policy.report(state, ticket, now, failed=step == "b")
            assert ticket == before.generation or state is before
        assert state.generation >= before.generation
        if state.phase is Phase.HALF_OPEN:
            assert sum(ticket == state.generation for ticket in tickets) == 1


@pytest.mark.parametrize(
    "options",
    [
        {"failure_rate": 0.0},
        {"slow_rate": 1.5},
        {"calls": 0},
        {"minimum": 0},
        {"minimum": 101},
        {"seconds": 0.0},
        {"slow_after": -1.0},
        {"open_for": 0.0},
        {"trial_timeout": 0.0},
    ],
)
def test_bounds(options):
    """A policy that can never open, or never close, is refused where it is written."""
    with pytest.raises(SpecError, match="BreakerPolicy"):
        BreakerPolicy(**options)
