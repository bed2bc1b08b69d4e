"""One policy over an ask: what always holds, and each rule in its place."""

import heapq
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harmonium.protocols.backoff import Backoff
from harmonium.protocols.errors import AskTimeout, SpecError, Unavailable
from harmonium.protocols.reliability import policy_machine as machine
from harmonium.protocols.reliability.breaker import BreakerPolicy, Phase
from harmonium.protocols.reliability.bulkhead import BulkheadPolicy
from harmonium.protocols.reliability.hedge import HedgePolicy
from harmonium.protocols.reliability.policy import (
    BreakerChanged,
    Cancel,
    Finish,
    Policy,
    Retrying,
    Send,
    Wake,
)
from harmonium.protocols.reliability.policy_state import start
from harmonium.protocols.reliability.rate_limit import RateLimit
from harmonium.protocols.reliability.retry import Enough, RetryPolicy
from harmonium.protocols.reliability.retry_budget import RetryBudget

STEADY = Backoff(0.5, 0.5, jitter=0.0)


class World:
    """Carries out what a policy asks for, on a virtual clock."""

    def __init__(self, policy, answer):
        self.policy, self.answer = policy, answer
        self.state, self.now = start(policy), 0.0
        self.events, self.order = [], itertools.count()
        self.wakes, self.under_way = {}, {}
        self.sent, self.ended, self.breaker = [], {}, []
        self.most_under_way = 0

    def at(self, time, *event):
        heapq.heappush(self.events, (time, next(self.order), event))

    def begin(self, call, **options):
        self.take(machine.begin(self.policy, self.state, call, self.now, path="/a", **options))

    def cancel(self, call):
        self.take(machine.cancel(self.policy, self.state, call, self.now))
        self.wakes.pop(call, None)

    def take(self, outcome):
        self.state, effects = outcome
        for effect in effects:
            match effect:
                case Send(call, send):
                    self.sent.append((self.now, effect))
                    self.under_way[call, send] = effect
                    reply = self.answer(effect, self.now)
                    if reply is not None:
                        self.at(self.now + reply[0], "result", call, send, reply[1])
                case Wake(call, at):
                    assert at >= self.now - 1e-9
                    self.wakes[call] = at
                    self.at(at, "wake", call, at)
                case Cancel(call, send):
                    del self.under_way[call, send]
                case Finish(call):
                    assert call not in self.ended
                    self.ended[call] = (self.now, effect)
                    self.wakes.pop(call, None)
                case BreakerChanged(phase):
                    self.breaker.append((self.now, phase))
        self.most_under_way = max(self.most_under_way, len(self.under_way))

    def run(self, until=1e9):
        while self.events and self.events[0][0] <= until:
            self.now, _, event = heapq.heappop(self.events)
            match event:
                case ("begin", call, options):
                    self.begin(call, **options)
                case ("cancel", call):
                    self.cancel(call)
                case ("wake", call, at) if self.wakes.get(call) == at:
                    del self.wakes[call]
                    self.take(machine.wake(self.policy, self.state, call, self.now))
                case ("result", call, send, error):
                    self.under_way.pop((call, send), None)
                    found = machine.result(
                        self.policy, self.state, call, send, self.now, error=error
                    )
                    self.take(found)
        return self


def maybe(strategy):
    return st.none() | strategy


SECONDS = st.sampled_from([0.25, 0.5, 1.0, 2.0])
POLICIES = st.builds(
    Policy,
    timeout=maybe(st.sampled_from([1.0, 4.0])),
    attempt_timeout=SECONDS,
    retry=maybe(
        st.builds(
            RetryPolicy,
            st.integers(1, 4),
            backoff=maybe(st.builds(Backoff, SECONDS, st.just(4.0), jitter=st.just(0.0))),
        )
    ),
    retry_budget=maybe(st.just(RetryBudget(ratio=0.5, minimum=0.1))),
    breaker=maybe(
        st.builds(
            BreakerPolicy,
            minimum=st.integers(1, 3),
            calls=st.just(4),
            open_for=SECONDS,
            trial_timeout=SECONDS,
        )
    ),
    bulkhead=maybe(
        st.builds(
            BulkheadPolicy, st.integers(1, 2), waiting=st.integers(0, 3), max_wait=maybe(SECONDS)
        )
    ),
    rate=maybe(
        st.builds(
            RateLimit,
            st.sampled_from([1.0, 4.0]),
            burst=st.integers(1, 3),
            max_wait=st.sampled_from([0.0, 1.0]),
        )
    ),
    hedge=maybe(st.builds(HedgePolicy, SECONDS, copies=st.integers(1, 2))),
)
ANSWERS = st.lists(
    maybe(st.tuples(st.sampled_from([0.0, 0.1, 0.5, 1.5]), st.sampled_from([True, False]))),
    min_size=1,
    max_size=12,
)
STARTS = st.lists(
    st.tuples(st.sampled_from([0.0, 0.3, 1.0, 5.0]), maybe(SECONDS), st.booleans()),
    min_size=1,
    max_size=10,
)


@given(POLICIES, ANSWERS, STARTS)
def test_what_always_holds(policy, answers, starts):
    """Each call ends once, in time, within every limit, and nothing of it is left behind."""
    script = itertools.cycle(answers)

    def answer(_send, _now):
        found = next(script)
        return found and (found[0], None if found[1] else OSError("down"))

    world, when = World(policy, answer), 0.0
    for number, (wait, patience, gone) in enumerate(starts):
        when += wait
        deadline = None if patience is None else when + patience
        world.at(when, "begin", number, {"deadline": deadline})
        if gone:
            world.at(when + 0.4, "cancel", number)
    world.run()
    kept = {number for number, (_, _, gone) in enumerate(starts) if not gone}
    assert kept <= set(world.ended)
    assert not world.under_way
    assert not world.state.calls
    check_limits(world, policy, starts)


def check_limits(world, policy, starts):
    attempts = policy.retry.attempts if policy.retry else 1
    copies = policy.hedge.copies if policy.hedge else 0
    by_call = {}
    for _, effect in world.sent:
        by_call.setdefault(effect.call, []).append(effect)
    for sends in by_call.values():
        assert [each.send for each in sends] == sorted({each.send for each in sends})
        assert len(sends) <= attempts * (1 + copies)
        assert max(each.attempt for each in sends) <= attempts
    if policy.bulkhead:
        assert not world.state.guards.bulkhead.inside
        assert not world.state.guards.bulkhead.queue
        assert world.most_under_way <= policy.bulkhead.concurrent
    if policy.rate:
        times = [time for time, _ in world.sent]
        for first, last in itertools.combinations(range(len(times)), 2):
            span = times[last] - times[first]
            allowed = policy.rate.burst + policy.rate.per_second * span + 1e-6
            assert last - first + 1 <= allowed
    begun = itertools.accumulate(wait for wait, _, _ in starts)
    for number, (began, (_, patience, _)) in enumerate(zip(begun, starts, strict=True)):
        if number in world.ended:
            limits = [each for each in (policy.timeout, patience) if each is not None]
            ended = world.ended[number][0]
            assert not limits or ended <= began + min(limits) + 1e-6


def scripted(policy, *answers):
    """Make a world that gives these answers in turn: seconds and an error or None, or silence."""
    left = iter(answers)
    return World(policy, lambda _send, _now: next(left))


BAD = OSError("down")


def test_an_empty_policy_is_a_plain_ask():
    """Without parts one message goes, and its answer or its error is the end."""
    world = scripted(Policy(), (0.1, None), (0.1, BAD))
    world.begin("a")
    world.begin("b")
    world.run()
    assert world.ended["a"][1] == Finish("a", 1, None, 1)
    assert world.ended["b"][1] == Finish("b", 1, BAD, 1)


def test_attempts_follow_each_other_with_their_waits():
    """Three attempts, half a second apart, and the last error is the asker's."""
    policy = Policy(retry=RetryPolicy(3, backoff=STEADY))
    world = scripted(policy, (0.1, OSError("1")), (0.1, OSError("2")), (0.1, BAD))
    world.begin("a")
    world.run()
    assert [time for time, _ in world.sent] == pytest.approx([0.0, 0.6, 1.2])
    assert world.ended["a"][1] == Finish("a", 3, BAD, 3, Enough.ATTEMPTS)


def test_a_retry_is_announced():
    """The failure, the number and the wait of a retry are an effect, for the journal."""
    policy = Policy(retry=RetryPolicy(2, backoff=STEADY))
    state, _ = machine.begin(policy, start(policy), "a", 0.0)
    _, effects = machine.result(policy, state, "a", 1, 1.0, error=BAD)
    assert [(e.attempt, e.wait, e.failure.error) for e in effects if isinstance(e, Retrying)] == [
        (2, 0.5, "OSError")
    ]


def test_a_late_attempt_is_cancelled_and_made_again():
    """An attempt that takes too long is given up; its late answer changes nothing."""
    policy = Policy(attempt_timeout=1.0, retry=RetryPolicy(2, backoff=STEADY))
    world = scripted(policy, (1.2, None), (0.9, None))
    world.begin("a")
    world.run()
    assert world.ended["a"] == (pytest.approx(2.4), Finish("a", 2, None, 2))


def test_the_error_of_a_late_attempt_says_how_long():
    """Without a retry the asker of a late attempt gets its time limit as the error."""
    world = scripted(Policy(attempt_timeout=1.0), (1.2, None))
    world.begin("a")
    world.run()
    ended, finish = world.ended["a"]
    assert (ended, finish.error.timeout, finish.error.path) == (1.0, 1.0, "/a")


def test_the_whole_call_ends_at_its_timeout():
    """The timeout of the call cancels the attempt in flight."""
    policy = Policy(timeout=2.0, retry=RetryPolicy(9, backoff=STEADY), attempt_timeout=1.2)
    world = scripted(policy, *[None] * 9)
    world.begin("a")
    world.run()
    ended, finish = world.ended["a"]
    assert ended <= 2.0
    assert isinstance(finish.error, AskTimeout)
    assert finish.error.timeout == 2.0
    assert finish.reason is Enough.TIME


def test_an_expired_call_sends_nothing():
    """A call whose deadline is over when it begins fails without a message."""
    world = scripted(Policy())
    world.now = 5.0
    world.begin("a", deadline=5.0)
    assert not world.sent
    assert isinstance(world.ended["a"][1].error, AskTimeout)


def test_the_deadline_travels_with_the_message():
    """A message carries the earlier of the call's deadline and the attempt's end."""
    world = scripted(Policy(timeout=5.0, attempt_timeout=1.0), None, None)
    world.begin("a")
    world.begin("b", deadline=0.5)
    assert [effect.deadline for _, effect in world.sent] == [1.0, 0.5]


def test_an_open_breaker_refuses_without_a_message():
    """While it is open an attempt fails at once, and names the time of the trial."""
    policy = Policy(breaker=BreakerPolicy.consecutive(2, open_for=5.0))
    world = scripted(policy, (0.1, BAD), (0.1, BAD), (0.1, None))
    for call in ("a", "b"):
        world.begin(call)
        world.run()
    world.begin("c")
    error = world.ended["c"][1].error
    assert isinstance(error, Unavailable)
    assert error.until == pytest.approx(5.2)
    world.at(6.0, "begin", "d", {})
    world.run()
    assert world.ended["d"][1].error is None
    assert [phase for _, phase in world.breaker] == [Phase.OPEN, Phase.HALF_OPEN, Phase.CLOSED]


def test_a_retry_waits_for_the_breaker():
    """A call refused by the breaker is tried again when the breaker lets a trial through."""
    policy = Policy(
        retry=RetryPolicy(3, backoff=STEADY), breaker=BreakerPolicy.consecutive(1, open_for=5.0)
    )
    world = scripted(policy, (0.0, BAD), (0.1, None))
    world.begin("a")
    world.run()
    ended, finish = world.ended["a"]
    assert finish.error is None
    assert ended == pytest.approx(5.1)


def test_only_one_message_goes_through_a_half_open_breaker():
    """Ten calls wait for the breaker; one is the trial, the others go when it was good."""
    policy = Policy(
        retry=RetryPolicy(4, backoff=STEADY), breaker=BreakerPolicy.consecutive(1, open_for=5.0)
    )
    replies = iter([(0.1, BAD), *[(0.2, None)] * 10])
    world = World(policy, lambda _send, _now: next(replies))
    world.begin("first")
    world.run(until=0.2)
    for number in range(9):
        world.begin(number)
    world.run()
    trial = [time for time, _ in world.sent if 5.0 <= time < 5.3]
    assert len(trial) == 1
    assert all(finish.error is None for _, finish in world.ended.values())


def test_a_cancelled_trial_does_not_block_the_breaker():
    """When the asker of the trial goes away, the next call is the trial."""
    policy = Policy(breaker=BreakerPolicy.consecutive(1, open_for=5.0))
    world = scripted(policy, (0.0, BAD), None, (0.1, None))
    world.begin("a")
    world.at(5.0, "begin", "b", {})
    world.at(5.5, "cancel", "b")
    world.at(6.0, "begin", "c", {})
    world.run()
    assert world.ended["c"][1].error is None
    assert "b" not in world.ended


def test_a_full_bulkhead_makes_the_next_wait_and_refuses_the_rest():
    """One is inside, one waits until it is done, and the third is refused."""
    policy = Policy(bulkhead=BulkheadPolicy(1, waiting=1))
    world = scripted(policy, (1.0, None), (1.0, None))
    for call in "abc":
        world.begin(call)
    assert isinstance(world.ended["c"][1].error, Unavailable)
    world.run()
    assert [time for time, _ in world.sent] == [0.0, 1.0]
    assert world.ended["b"][0] == 2.0


def test_a_call_waits_for_its_place_no_longer_than_it_may():
    """A place that does not come free in time fails the attempt."""
    policy = Policy(bulkhead=BulkheadPolicy(1, waiting=5, max_wait=0.5))
    world = scripted(policy, (1.0, None))
    world.begin("a")
    world.begin("b")
    world.run()
    ended, finish = world.ended["b"]
    assert ended == 0.5
    assert "stayed full" in str(finish.error)


def test_a_resting_call_holds_no_place():
    """Between two attempts another call uses the place."""
    policy = Policy(bulkhead=BulkheadPolicy(1), retry=RetryPolicy(2, backoff=STEADY))
    world = scripted(policy, (0.1, BAD), (0.2, None), (0.1, None))
    world.begin("a")
    world.begin("b")
    world.run()
    assert [(time, e.call) for time, e in world.sent] == [
        (0.0, "a"),
        (0.1, "b"),
        (pytest.approx(0.6), "a"),
    ]


def test_messages_take_turns_under_the_rate_limit():
    """Two a second: the third waits half a second, the fifth would wait too long."""
    policy = Policy(rate=RateLimit(2.0, max_wait=1.0))
    world = scripted(policy, *[(0.1, None)] * 3)
    for call in "abcd":
        world.begin(call)
    world.run()
    assert [time for time, _ in world.sent] == [0.0, 0.5, 1.0]
    assert "rate limit" in str(world.ended["d"][1].error)


def test_a_slow_attempt_gets_a_copy_and_the_first_answer_counts():
    """The copy answers first; the original is cancelled."""
    world = scripted(Policy(hedge=HedgePolicy(0.5)), (2.0, None), (0.1, None))
    world.begin("a")
    world.run()
    assert world.ended["a"] == (0.6, Finish("a", 2, None, 1))
    assert [(time, e.send) for time, e in world.sent] == [(0.0, 1), (0.5, 2)]


def test_a_failed_copy_waits_for_the_other():
    """An attempt fails when its last message has failed."""
    world = scripted(Policy(hedge=HedgePolicy(0.5)), (2.0, None), (0.1, BAD))
    world.begin("a")
    world.run()
    assert world.ended["a"] == (2.0, Finish("a", 1, None, 1))


@pytest.mark.parametrize(
    "parts",
    [
        {"bulkhead": BulkheadPolicy(1)},
        {"rate": RateLimit(0.1)},
        {"retry_budget": RetryBudget(ratio=0.0, minimum=0.0)},
    ],
)
def test_a_copy_is_sent_only_where_there_is_room(parts):
    """A copy never waits and is never worth a refusal of something else."""
    world = scripted(Policy(hedge=HedgePolicy(0.5), **parts), (2.0, None))
    world.begin("a")
    world.run()
    assert len(world.sent) == 1
    assert world.ended["a"][1].error is None


def test_a_copy_takes_a_place_of_its_own():
    """A call with its copy fills a bulkhead of two; the next call waits until both are gone."""
    policy = Policy(hedge=HedgePolicy(0.5), bulkhead=BulkheadPolicy(2))
    world = scripted(policy, (1.0, None), (3.0, None), (0.1, None))
    world.begin("a")
    world.at(0.6, "begin", "b", {})
    world.run()
    assert [time for time, _ in world.sent] == [0.0, 0.5, 1.0]


def test_a_trial_gets_no_copy():
    """A half-open breaker sees one message, however late its answer is."""
    policy = Policy(hedge=HedgePolicy(0.5), breaker=BreakerPolicy.consecutive(1, open_for=5.0))
    world = scripted(policy, (0.0, BAD), (2.0, None))
    world.begin("a")
    world.at(6.0, "begin", "b", {})
    world.run()
    assert [time for time, _ in world.sent] == [0.0, 6.0]


def test_the_retry_budget_is_shared():
    """100 calls to a dead agent make 20 more attempts, and the rest give up after one."""
    policy = Policy(
        retry=RetryPolicy(3, backoff=None), retry_budget=RetryBudget(ratio=0.2, minimum=0.0)
    )
    world = World(policy, lambda _send, _now: (0.0, BAD))
    for call in range(100):
        world.begin(call)
    world.run()
    assert len(world.sent) == 120
    assert {finish.reason for _, finish in world.ended.values()} <= {Enough.BUDGET, Enough.ATTEMPTS}


def test_events_of_unknown_calls_change_nothing():
    """Late results, doubled results and stale wakes leave the state as it was."""
    policy = Policy(retry=RetryPolicy(2))
    state, _ = machine.begin(policy, start(policy), "a", 0.0)
    for outcome in (
        machine.result(policy, state, "a", 7, 1.0),
        machine.result(policy, state, "b", 1, 1.0),
        machine.wake(policy, state, "b", 1.0),
        machine.cancel(policy, state, "b", 1.0),
    ):
        assert outcome == (state, ())


@pytest.mark.parametrize("options", [{"timeout": 0.0}, {"retry": 3}, {"breaker": Policy()}])
def test_bounds(options):
    """A part of another kind and a time of nothing are refused where they are written."""
    with pytest.raises(SpecError, match="Policy"):
        Policy(**options)
