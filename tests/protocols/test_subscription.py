"""Slow subscribers, and durable ones."""

import heapq
import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harmonium.protocols.backoff import Backoff
from harmonium.protocols.errors import SpecError
from harmonium.protocols.subscription import (
    Commit,
    Cursor,
    Deliver,
    Durable,
    GiveToOffice,
    LookAgain,
    Slow,
    SlowPolicy,
)

STEADY = Backoff(1.0, 1.0, jitter=0.0)


@pytest.mark.parametrize("then", list(Slow))
def test_a_slow_subscriber_meets_its_policy_at_the_limit(then):
    """Below the limit everything is delivered; at it the declared answer comes."""
    policy = SlowPolicy(3, then)
    assert [policy.decide(waiting) for waiting in range(5)] == [None, None, None, then, then]


def sent(effects):
    return [(each.offset, each.attempt) for each in effects if isinstance(each, Deliver)]


def test_messages_are_delivered_in_order_up_to_the_limit():
    """As many as may be in flight go out; each settled one makes room for the next."""
    durable = Durable(max_in_flight=2)
    cursor, effects = durable.advance(Cursor(), 5, 0.0)
    assert sent(effects) == [(0, 1), (1, 1)]
    cursor, effects = durable.acknowledged(cursor, 1)
    assert effects == ()
    cursor, effects = durable.advance(cursor, 5, 0.0)
    assert sent(effects) == [(2, 1)]
    _, effects = durable.acknowledged(cursor, 0)
    assert effects == (Commit(2),)


def test_a_failed_message_rests_and_is_delivered_again():
    """Its rest grows by the backoff, and the others go on meanwhile."""
    durable = Durable(backoff=STEADY)
    cursor, _ = durable.advance(Cursor(), 2, 0.0)
    cursor, effects = durable.failed(cursor, 0, 1, 0.5, "bad")
    assert effects == (LookAgain(1.5),)
    cursor, effects = durable.advance(cursor, 2, 1.4)
    assert sent(effects) == []
    cursor, effects = durable.advance(cursor, 2, 1.5)
    assert sent(effects) == [(0, 2)]


def test_a_delivery_that_is_not_acknowledged_has_failed():
    """Silence counts as a failure, and the late acknowledgement still settles the message."""
    durable = Durable(ack_within=10.0, backoff=STEADY)
    cursor, effects = durable.advance(Cursor(), 1, 0.0)
    assert LookAgain(10.0) in effects
    cursor, _ = durable.advance(cursor, 1, 10.0)
    cursor, effects = durable.advance(cursor, 1, 11.0)
    assert sent(effects) == [(0, 2)]
    assert durable.acknowledged(cursor, 0)[1] == (Commit(1),)


def test_a_failure_of_an_older_delivery_is_inert():
    """Two reports of one delivery are one failure."""
    durable = Durable(backoff=STEADY)
    cursor, _ = durable.advance(Cursor(), 1, 0.0)
    cursor, _ = durable.failed(cursor, 0, 1, 0.0, "bad")
    assert durable.failed(cursor, 0, 1, 0.0, "bad") == (cursor, ())
    cursor, _ = durable.advance(cursor, 1, 1.0)
    assert durable.failed(cursor, 0, 1, 1.0, "bad") == (cursor, ())


def test_a_message_that_always_fails_becomes_a_dead_letter():
    """At its n-th failure it is given up with the last reason, and what follows is committed."""
    durable = Durable(max_failures=3, backoff=STEADY)
    cursor, now, effects = Cursor.at(7), 0.0, ()
    for attempt in (1, 2, 3):
        cursor, found = durable.advance(cursor, 8, now)
        assert sent(found) == [(7, attempt)]
        cursor, effects = durable.failed(cursor, 7, attempt, now, f"bad {attempt}")
        now += 1.0
    assert effects == (GiveToOffice(7, 3, "bad 3"), Commit(8))
    assert sent(durable.advance(cursor, 8, now)[1]) == []


def test_one_in_flight_keeps_the_order_of_all_deliveries():
    """With one in flight a failing message holds up the others until it is settled."""
    durable = Durable(max_in_flight=1, max_failures=2, backoff=STEADY)
    cursor, now, order = Cursor(), 0.0, []
    for _ in range(8):
        cursor, effects = durable.advance(cursor, 3, now)
        for offset, attempt in sent(effects):
            order.append((offset, attempt))
            if offset == 1:
                cursor, _ = durable.failed(cursor, offset, attempt, now, "bad")
            else:
                cursor, _ = durable.acknowledged(cursor, offset)
        now += 1.0
    assert order == [(0, 1), (1, 1), (1, 2), (2, 1)]


def test_a_restart_goes_on_from_the_committed_offset():
    """What was not committed is delivered again: at least once."""
    durable = Durable()
    cursor, _ = durable.advance(Cursor(), 4, 0.0)
    for offset in (0, 1, 3):
        cursor, _ = durable.acknowledged(cursor, offset)
    again, effects = durable.advance(Cursor.at(cursor.committed), 4, 0.0)
    assert sent(effects) == [(2, 1), (3, 1)]
    assert again.committed == 2


class Consumer:
    """A subscriber that handles half of what it gets, and fails or ignores the rest."""

    def __init__(self, durable, count, rng):
        self.durable, self.count, self.rng = durable, count, rng
        self.cursor, self.order = Cursor(), itertools.count()
        self.events = [(0.0, -1, None)]
        self.handled, self.given_up, self.commits = set(), [], []

    def at(self, time, event=None):
        heapq.heappush(self.events, (time, next(self.order), event))

    def run(self):
        while self.events:
            now, _, event = heapq.heappop(self.events)
            for effect in self.step(now, event):
                self.carry_out(effect, now)
            assert len(self.cursor.open) <= self.durable.max_in_flight

    def step(self, now, event):
        if event is None:
            self.cursor, effects = self.durable.advance(self.cursor, self.count, now)
        elif event[2]:
            self.handled.add(event[0])
            self.cursor, effects = self.durable.acknowledged(self.cursor, event[0])
        else:
            self.cursor, effects = self.durable.failed(self.cursor, *event[:2], now, "bad")
        return effects

    def carry_out(self, effect, now):
        match effect:
            case Deliver(offset, attempt):
                assert attempt <= self.durable.max_failures
                if self.rng.random() < 0.8:
                    good = self.rng.random() < 0.5
                    self.at(now + self.rng.random() * 8, (offset, attempt, good))
            case LookAgain(at):
                self.at(max(at, now))
            case GiveToOffice(offset):
                self.given_up.append(offset)
            case Commit(offset):
                self.commits.append(offset)
                self.at(now)


@given(st.integers(), st.integers(1, 5), st.integers(1, 4), st.integers(0, 30))
def test_every_message_is_settled_once(seed, in_flight, max_failures, count):
    """Under any failures and silences a message is handled or given up, and all is committed."""
    durable = Durable(
        max_in_flight=in_flight, max_failures=max_failures, ack_within=5.0, backoff=STEADY
    )
    consumer = Consumer(durable, count, random.Random(seed))
    consumer.run()
    assert consumer.cursor == Cursor.at(count)
    assert consumer.commits == sorted(set(consumer.commits))
    assert consumer.handled | set(consumer.given_up) == set(range(count))
    assert len(consumer.given_up) == len(set(consumer.given_up))


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (SlowPolicy, {"limit": 0}),
        (Durable, {"max_in_flight": 0}),
        (Durable, {"max_failures": 0}),
        (Durable, {"ack_within": 0.0}),
    ],
)
def test_bounds(kind, options):
    """Limits of nothing are refused."""
    with pytest.raises(SpecError, match=kind.__name__):
        kind(**options)
