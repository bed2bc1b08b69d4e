"""A few timers fire at once, so that those whom they woke run before the next ones."""

from __future__ import annotations

from random import Random

import pytest

from harmonium.actors.scheduler import TIMERS_AT_ONCE, TOO_LATE, Scheduler


class Still(Scheduler):
    """A scheduler whose time is set by hand, and that nobody has to wake."""

    def __init__(self):
        super().__init__(clock=lambda: self.now, random=Random(1))
        self.now = 0.0
        self.fired = []

    def wake(self):
        """Turns are called by the test."""

    def set(self, *times):
        """Set timers that note when they were due."""
        return [self.timers.add(when, self.fired.append, when) for when in times]


@pytest.fixture
def still():
    return Still()


def due(number):
    """So many moments, each a little later than the one before."""
    return [1.0 + i * 1e-6 for i in range(number)]


def test_a_turn_fires_a_few_and_says_that_more_are_due(still):
    times = due(2 * TIMERS_AT_ONCE + 3)
    still.set(*reversed(times))
    still.now = 1.001
    turns = [still.turn(), still.turn(), still.turn()]
    assert turns == [True, True, False]
    assert still.fired == times


def test_those_who_wait_for_too_long_all_fire(still):
    """We are behind, and taking a few only would have us stay behind."""
    times = due(1_000)
    still.set(*times)
    still.now = 1.0 + 2 * TOO_LATE
    assert not still.turn()
    assert still.fired == times


def test_what_was_taken_back_does_not_count(still):
    times = due(3 * TIMERS_AT_ONCE)
    timers = still.set(*times)
    for timer in timers[: 2 * TIMERS_AT_ONCE]:
        timer.cancel()
    still.now = 1.001
    assert not still.turn()
    assert still.fired == times[2 * TIMERS_AT_ONCE :]


def test_a_timer_that_raises_stops_no_other(still):
    still.timers.add(1.0, lambda: 1 // 0)
    still.set(1.0)
    still.now = 1.001
    still.turn()
    assert still.fired == [1.0]
