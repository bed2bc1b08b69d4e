"""Sessions stay with one owner at a time, through every resize."""

import random
from collections import Counter, deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harmonium.protocols.errors import SpecError
from harmonium.protocols.routing import BROADCAST, ROUND_ROBIN, STICKY, Members, Sticky


class Pool:
    """A pool of 60 lines: members with queues, and what a router needs of it."""

    def __init__(self, router, size, rng):
        self.router, self.rng = router, rng
        self.state = router.start()
        self.queues = {}
        self.draining = set()
        self.held = deque()
        self.handled = []
        self.sent = Counter()
        self.next_id = 0
        self.resize(size)

    @property
    def taking(self):
        return [name for name in self.queues if name not in self.draining]

    def resize(self, size):
        while len(self.taking) < size:
            self.queues[f"m{self.next_id}"] = deque()
            self.next_id += 1
        while len(self.taking) > size:
            self.draining.add(self.rng.choice(self.taking))
        self.settle()

    def settle(self):
        """Let drained members go, and try the held messages again in their order."""
        for name in [name for name in self.draining if not self.queues[name]]:
            self.draining.discard(name)
            del self.queues[name]
        self.members = Members(
            tuple(self.taking),
            loads=[len(self.queues[name]) for name in self.taking],
            draining=frozenset(self.draining),
        )
        waiting, self.held = self.held, deque()
        for message in waiting:
            self.route(message)

    def send(self, session):
        self.sent[session] += 1
        self.route((session, self.sent[session]))

    def route(self, message):
        self.state, chosen = self.router.route(
            self.state, message[0], self.members, self.rng.random()
        )
        if not chosen:
            self.held.append(message)
            return
        for name, queue in self.queues.items():
            at_work = any(each[0] == message[0] for each in queue)
            assert name == chosen[0] or not at_work, "a second owner"
        self.queues[chosen[0]].append(message)

    def work(self):
        busy = [name for name, queue in self.queues.items() if queue]
        if not busy:
            return False
        name = self.rng.choice(busy)
        message = self.queues[name].popleft()
        self.handled.append(message)
        self.state = self.router.finished(self.state, message[0], name)
        if name in self.draining or self.held:
            self.settle()
        return True

    def finish(self):
        while self.work():
            pass
        assert not self.held
        return self.handled


def test_a_session_stays():
    """All messages of a session go to one member, and different sessions are spread."""
    rng = random.Random(1)
    members, state = Members(("a", "b", "c"), loads=[0, 0, 0]), STICKY.start()
    found = {}
    for _ in range(300):
        session = f"s{rng.randrange(30)}"
        state, (chosen,) = STICKY.route(state, session, members, rng.random())
        assert found.setdefault(session, chosen) == chosen == state.owner(session)
    assert set(found.values()) == {"a", "b", "c"}


def test_growing_moves_nothing():
    """A new member gets new sessions only."""
    state, (owner,) = STICKY.route(STICKY.start(), "s", Members(("a",)), 0.0)
    assert STICKY.route(state, "s", Members(("a", "b")), 0.9)[1] == (owner,)


def test_a_draining_owner_keeps_a_session_until_it_rests():
    """The session moves with its first message that finds nothing in flight."""
    state, _ = STICKY.route(STICKY.start(), "s", Members(("a",)), 0.0)
    shrunk = Members(("b",), draining=frozenset({"a"}))
    state, chosen = STICKY.route(state, "s", shrunk, 0.0)
    assert chosen == ("a",)
    state = STICKY.finished(STICKY.finished(state, "s", "a"), "s", "a")
    state, chosen = STICKY.route(state, "s", shrunk, 0.0)
    assert chosen == ("b",) == (state.owner("s"),)


def test_a_busy_session_is_held_when_patience_ends():
    """A session without a pause cannot keep its owner from draining for ever."""
    router = Sticky(patience=2)
    state, _ = router.route(router.start(), "s", Members(("a",)), 0.0)
    shrunk = Members(("b",), draining=frozenset({"a"}))
    chosen = []
    for _ in range(4):
        state, found = router.route(state, "s", shrunk, 0.0)
        chosen.append(found)
    assert chosen == [("a",), ("a",), (), ()]
    for _ in range(3):
        state = router.finished(state, "s", "a")
    assert router.route(state, "s", shrunk, 0.0)[1] == ("b",)


def test_a_lost_member_has_no_sessions():
    """When an owner is gone its sessions move at once, and its late reports change nothing."""
    state, _ = STICKY.route(STICKY.start(), "s", Members(("a",)), 0.0)
    state, chosen = STICKY.route(state, "s", Members(("b",)), 0.0)
    assert chosen == ("b",)
    assert STICKY.finished(state, "s", "a").in_flight("s") == 1


def test_reports_of_unknown_sessions_change_nothing():
    """Finishing what nobody routed leaves the state as it was."""
    state, _ = STICKY.route(STICKY.start(), "s", Members(("a",)), 0.0)
    done = STICKY.finished(state, "s", "a")
    assert STICKY.finished(done, "s", "a") is done
    assert STICKY.finished(done, "other", "a") is done
    assert STICKY.finished(done, None, "a") is done


def test_a_message_without_a_key_is_placed_and_forgotten():
    """No key, no session: the placing router chooses."""
    router = Sticky(place=ROUND_ROBIN)
    members, state, found = Members(("a", "b")), router.start(), []
    for _ in range(4):
        state, chosen = router.route(state, None, members, 0.0)
        found.extend(chosen)
    assert found == ["a", "b", "a", "b"]
    assert len(state) == 0


def test_an_empty_pool_holds_the_message():
    """Without members nobody is chosen and no session is opened."""
    state, chosen = STICKY.route(STICKY.start(), "s", Members(()), 0.0)
    assert (len(state), chosen, state.in_flight("s"), state.owner("s")) == (0, (), 0, None)


@given(st.randoms(use_true_random=False), st.integers(0, 3))
def test_any_resizes_keep_the_order_and_lose_nothing(rng, patience):
    """Whatever grows and shrinks, a session is handled in order, once, by one owner at a time."""
    pool = Pool(Sticky(patience=patience, place=ROUND_ROBIN), 2, rng)
    for _ in range(60):
        step = rng.randrange(8)
        if step == 0:
            pool.resize(rng.randrange(1, 5))
        elif step < 5:
            pool.send(f"s{rng.randrange(3)}")
        else:
            pool.work()
    handled = pool.finish()
    for session, count in pool.sent.items():
        assert list(range(1, count + 1)) == [n for name, n in handled if name == session]


@pytest.mark.parametrize("router", [STICKY, Sticky(patience=5)])
def test_a_resize_storm(router):
    """200 random resizes under 10,000 messages of 50 sessions: none lost, doubled or reordered."""
    rng = random.Random(7)
    pool = Pool(router, 4, rng)
    for number in range(10_000):
        pool.send(f"s{rng.randrange(50)}")
        if number % 50 == 0:
            pool.resize(rng.randrange(1, 12))
        if rng.random() < 0.97:
            pool.work()
    handled = pool.finish()
    assert len(handled) == 10_000
    for session, count in pool.sent.items():
        assert list(range(1, count + 1)) == [n for name, n in handled if name == session]


def test_the_table_is_bounded():
    """The oldest sessions at rest are forgotten; one in flight or just used is not."""
    router = Sticky(max_sessions=10)
    members, state = Members(("a",)), router.start()
    state, _ = router.route(state, "busy", members, 0.0)
    for number in range(100):
        state, _ = router.route(state, f"s{number}", members, 0.0)
        state = router.finished(state, f"s{number}", "a")
        state, _ = router.route(state, "regular", members, 0.0)
        state = router.finished(state, "regular", "a")
    assert len(state) == 10
    assert {"busy", "regular", "s99"} <= set(state.table)
    assert "s0" not in state.table


def test_sessions_in_flight_are_never_forgotten():
    """The table grows above its bound rather than forget who owns a message in flight."""
    router = Sticky(max_sessions=2)
    state = router.start()
    for number in range(20):
        state, _ = router.route(state, f"s{number}", Members(("a",)), 0.0)
    assert len(state) == 20
    for number in range(20):
        state = router.finished(state, f"s{number}", "a")
    for number in range(20, 40):
        state, _ = router.route(state, f"s{number}", Members(("a",)), 0.0)
        state = router.finished(state, f"s{number}", "a")
    assert len(state) <= 3


@pytest.mark.parametrize(
    "options",
    [{"patience": -1}, {"max_sessions": 0}, {"place": STICKY}, {"place": BROADCAST}],
)
def test_a_sticky_router_that_makes_no_sense_is_refused(options):
    """Bounds are checked, and a session is placed with one member."""
    with pytest.raises(SpecError, match="Sticky"):
        Sticky(**options)
