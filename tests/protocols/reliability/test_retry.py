"""Retries: the policy beside tenacity's, and the budget."""

from types import SimpleNamespace

import pytest
import tenacity
from hypothesis import example, given
from hypothesis import strategies as st

from harmonium.protocols.backoff import Backoff
from harmonium.protocols.errors import (
    AgentDead,
    AskFailed,
    AskTimeout,
    MailboxFull,
    SpecError,
    Unavailable,
)
from harmonium.protocols.failure import Failure, describe
from harmonium.protocols.reliability.retry import Again, Enough, GiveUp, RetryPolicy
from harmonium.protocols.reliability.retry_budget import RetryBudget

FAILURES = {None: None, "os": OSError("down"), "value": ValueError("bad"), "key": KeyError("k")}
SCRIPT = st.lists(
    st.tuples(st.sampled_from(list(FAILURES)), st.floats(0, 3).map(lambda s: round(s, 3))),
    min_size=1,
    max_size=8,
)
SETTINGS = st.fixed_dictionaries(
    {
        "attempts": st.integers(1, 6),
        "timeout": st.none() | st.floats(0.1, 10).map(lambda s: round(s, 3)),
        "initial": st.floats(0.01, 1).map(lambda s: round(s, 3)),
        "maximum": st.floats(1, 8).map(lambda s: round(s, 3)),
        "factor": st.sampled_from([1.5, 2.0, 3.0]),
    }
)


def by_tenacity(settings, script):
    """Run a script of (outcome, seconds) through tenacity: the waits, and how it ended."""
    clock, waits, left = [0.0], [], iter(script)

    def sleep(seconds):
        waits.append(seconds)
        clock[0] += seconds

    def attempt():
        outcome, seconds = next(left)
        clock[0] += seconds
        if FAILURES[outcome]:
            raise FAILURES[outcome]
        return "done"

    stop = tenacity.stop_after_attempt(settings["attempts"])
    if settings["timeout"]:
        stop |= tenacity.stop_before_delay(settings["timeout"])
    retrying = tenacity.Retrying(
        sleep=sleep,
        stop=stop,
        wait=tenacity.wait_exponential(
            settings["initial"], max=settings["maximum"], exp_base=settings["factor"]
        ),
        retry=tenacity.retry_if_exception_type((OSError, LookupError)),
        reraise=True,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tenacity, "time", SimpleNamespace(monotonic=lambda: clock[0]))
        try:
            return waits, retrying(attempt)
        except StopIteration:
            return waits, "script over"
        except Exception as error:
            return waits, type(error).__name__


def by_harmonium(settings, script):
    """Run the same script through our policy."""
    policy = RetryPolicy(
        attempts=settings["attempts"],
        timeout=settings["timeout"],
        backoff=Backoff(
            settings["initial"], settings["maximum"], factor=settings["factor"], jitter=0.0
        ),
        on=(OSError, LookupError),
    )
    now, waits = 0.0, []
    for made, (outcome, seconds) in enumerate(script, start=1):
        now += seconds
        if not FAILURES[outcome]:
            return waits, "done"
        failure = describe(FAILURES[outcome])
        verdict = policy.after(failure, made=made, started=0.0, now=now)
        if isinstance(verdict, GiveUp):
            return waits, failure.error
        waits.append(verdict.wait)
        now += verdict.wait
    return waits, "script over"


@given(SETTINGS, SCRIPT)
def test_the_policy_decides_as_tenacity(settings, script):
    """Same waits and same end as tenacity with the same rules, over any script of outcomes."""
    expected, end = by_tenacity(settings, script)
    found, our_end = by_harmonium(settings, script)
    assert expected == pytest.approx(found)
    assert end == our_end


def verdict(policy, error, **options):
    return policy.after(
        describe(error), **{"made": 1, "started": 0.0, "now": 0.0, "draw": 0.0} | options
    )


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (OSError("x"), True),
        (AskTimeout("/a", 1.0), True),
        (AskFailed("/a", "ValueError", "bad"), True),
        (MailboxFull("/a", 10), True),
        (AgentDead("/a"), False),
        (SpecError("a", "b"), False),
    ],
)
def test_what_no_repetition_mends_is_not_retried(error, again):
    """By default everything is retried but the author's mistakes and the dead."""
    assert again is isinstance(verdict(RetryPolicy(), error), Again)


def test_remote_errors_are_named_as_local_ones():
    """An error raised by the agent goes by its own name."""
    policy = RetryPolicy(on=(ConnectionError, "PaymentDeclined"))
    assert isinstance(verdict(policy, AskFailed("/a", "PaymentDeclined", "")), Again)
    assert verdict(policy, AskFailed("/a", "KeyError", "")) == GiveUp(Enough.ERROR)
    assert isinstance(verdict(policy, ConnectionResetError()), Again)


def test_without_idempotency_doubtful_failures_are_not_retried():
    """With in_doubt=False only work that was certainly not done is done again."""
    policy = RetryPolicy(in_doubt=False)
    assert verdict(policy, AskTimeout("/a", 1.0)) == GiveUp(Enough.ERROR)
    assert isinstance(verdict(policy, MailboxFull("/a", 10)), Again)


def test_an_agent_that_says_when_is_not_asked_before():
    """The wait reaches to the time that the failure named."""
    policy = RetryPolicy(backoff=Backoff(0.5, 1.0, jitter=0.0))
    held = Unavailable("/a", 10.0)
    assert verdict(policy, held, now=4.0, not_before=10.0) == Again(6.0)
    assert verdict(policy, held, now=9.9, not_before=10.0) == Again(0.5)


def test_no_attempt_begins_after_the_deadline():
    """An attempt that would begin when nobody waits any more is not made."""
    policy = RetryPolicy(backoff=Backoff(1.0, 1.0, jitter=0.0))
    assert verdict(policy, OSError(), deadline=1.0) == GiveUp(Enough.TIME)
    assert verdict(policy, OSError(), deadline=1.1) == Again(1.0)
    assert verdict(RetryPolicy(backoff=None), OSError()) == Again(0.0)


@pytest.mark.parametrize(
    "options", [{"attempts": 0}, {"timeout": 0}, {"backoff": 1.0}, {"in_doubt": 1}]
)
def test_bounds(options):
    """A policy that makes no sense is refused where it is written."""
    with pytest.raises(SpecError, match="RetryPolicy"):
        RetryPolicy(**options)


CALLS = st.lists(st.tuples(st.floats(0, 2), st.integers(0, 5), st.integers(0, 5)), max_size=40)


@given(CALLS, st.sampled_from([0.0, 0.2, 0.5]), st.sampled_from([0.0, 0.5]))
@example([(0.0, 100, 100)], 0.2, 0.0)
def test_a_budget_bounds_the_retries(calls, ratio, minimum):
    """When a retry is made, the last ones are within the share of the requests of that time."""
    budget = RetryBudget(ratio=ratio, minimum=minimum, window=10.0)
    level, now, requests, retries = budget.start(), 0.0, [], []
    for wait, asked, failed in calls:
        now += wait
        for _ in range(asked):
            level = budget.requested(level, now)
            requests.append(now)
        for _ in range(failed):
            level, allowed = budget.retry(level, now)
            retries += [now] * allowed
            recent = sum(time >= now - 10.0 for time in requests)
            share = ratio * recent + minimum * 10.0
            # A slot is forgotten whole: what is a tenth of the window younger surely counts.
            assert not allowed or sum(time > now - 9.0 for time in retries) <= share + 1e-9


def test_a_dead_agent_gets_a_fifth_more_and_no_storm():
    """1,000 requests that all fail with 3 attempts each: 200 retries and the allowance."""
    budget = RetryBudget(ratio=0.2, minimum=1.0)
    level, retries = budget.start(), 0
    for number in range(1000):
        level = budget.requested(level, number * 0.001)
        for _ in range(2):
            level, allowed = budget.retry(level, number * 0.001)
            retries += allowed
    assert retries == 210


def test_a_used_budget_fills_again():
    """Retries are forgotten with the window."""
    budget = RetryBudget(ratio=0.0, minimum=0.1, window=10.0)
    level, first = budget.retry(budget.start(), 0.0)
    level, second = budget.retry(level, 5.0)
    level, third = budget.retry(level, 10.0)
    assert (first, second, third) == (True, False, True)


@pytest.mark.parametrize("options", [{"ratio": -1}, {"minimum": -1}, {"window": 0}])
def test_budget_bounds(options):
    """A budget of less than nothing is refused."""
    with pytest.raises(SpecError, match="RetryBudget"):
        RetryBudget(**options)


def test_failures_may_be_made_by_hand():
    """A failure that came from a log is judged like a fresh one."""
    assert RetryPolicy(on=OSError).covers(Failure("TimeoutError", kinds=("OSError",)))
