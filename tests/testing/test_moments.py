"""Where a failure needs an exact time, the reduction names the moment instead."""

from __future__ import annotations

import pytest

from benchmarks.bugs.catalogue import named
from harmonium.testing import Delay, Faults, Handled, Replay, run_once
from harmonium.testing.calm import quiet
from harmonium.testing.moments import is_exact, moments
from harmonium.testing.reduce import reduce_faults

NEEDLE = named("preempt 17 of 24")


@pytest.fixture(autouse=True)
def no_log():
    """Run without logs."""
    with quiet():
        yield


def test_an_exact_delay_becomes_a_moment():
    """A message that must come within one millisecond is held until something happens."""
    outcome = run_once(NEEDLE.scene(), Replay(NEEDLE.pin))
    assert NEEDLE.shows(outcome)
    reduced = reduce_faults(NEEDLE.scene(), outcome, NEEDLE.faults)
    (fault,) = reduced.faults
    assert isinstance(fault, Delay)
    assert isinstance(fault.until, Handled)
    assert NEEDLE.shown_by((fault,))


def test_a_lax_delay_stays_one():
    """Where longer does as well there is no moment to name."""
    bug = named("split brain")
    reduced = reduce_faults(bug.scene(), run_once(bug.scene(), Replay(bug.pin)), bug.faults)
    assert [fault.until for fault in reduced.faults] == [None]


@pytest.mark.parametrize(("secs", "exact"), [(4.0, False), (0.01, True)])
def test_exact_is_what_fails_at_no_longer_delay(secs, exact):
    """A third longer is the measure; faults without seconds do not count."""
    assert is_exact((Delay("a", 1, secs),), lambda faults: faults[0].secs > 1.0) is exact


def test_moments_keep_to_what_may_be_delayed():
    """Only messages that a search may delay are held."""
    outcome = run_once(NEEDLE.scene())
    held = list(moments(outcome, Faults(delay="watcher-*")))
    assert {fault.to for fault in held} == {"/plant/watcher-0"}
    assert list(moments(outcome, Faults(delay=False))) == []
