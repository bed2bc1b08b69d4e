"""A repeated request is one request."""

import random
from collections import Counter, deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harmonium.protocols.errors import SpecError
from harmonium.protocols.reliability.idempotency import (
    Evicted,
    Fail,
    Inbox,
    InboxPolicy,
    InboxState,
    Reason,
    Refuse,
    Reply,
    Run,
)

START = InboxState()


def ask(inbox, state, waiter, now=0.0, key="k", **options):
    return inbox.request(state, key, waiter, now, **options)


def test_the_first_runs_and_the_others_wait():
    """While a request is in work its duplicates wait, and one answer goes to all in order."""
    inbox = Inbox()
    state, first = ask(inbox, START, "a")
    state, second = ask(inbox, state, "b")
    assert (first, second) == ((Run("k", 1, "a"),), ())
    assert inbox.done(state, "k", 1, "ok", 0.0)[1] == (Reply(("a", "b"), "ok"),)


def test_a_later_duplicate_gets_the_stored_answer():
    """What is done is not run again."""
    inbox = Inbox()
    state, _ = ask(inbox, START, "a")
    state, _ = inbox.done(state, "k", 1, "ok", 0.0)
    same, effects = ask(inbox, state, "b", now=10.0)
    assert effects == (Reply(("b",), "ok"),)
    assert same == state


def test_a_failure_is_the_answer_where_it_is_not_run_again():
    """With one run the failure goes to all who wait, and to those who come later."""
    inbox = Inbox()
    state, _ = ask(inbox, START, "a")
    state, _ = ask(inbox, state, "b")
    state, effects = inbox.failed(state, "k", 1, "bad", 0.0)
    assert effects == (Fail(("a", "b"), "bad"),)
    assert ask(inbox, state, "c")[1] == (Fail(("c",), "bad"),)


def test_a_failed_run_is_made_again_as_declared():
    """With more runs nobody hears of a failure until the last one failed."""
    inbox = Inbox(InboxPolicy(runs=2))
    state, _ = ask(inbox, START, "a")
    state, again = inbox.failed(state, "k", 1, "bad", 0.0)
    assert again == (Run("k", 2, "a"),)
    state, late = inbox.done(state, "k", 1, "too late", 0.0)
    assert late == ()
    assert inbox.failed(state, "k", 2, "worse", 0.0)[1] == (Fail(("a",), "worse"),)
    assert inbox.done(state, "k", 2, "ok", 0.0)[1] == (Reply(("a",), "ok"),)


@pytest.mark.parametrize(
    ("runs", "expected"),
    [(1, (Fail(("a", "b"), "interrupted"),)), (2, (Run("k", 2, "a"),))],
)
def test_work_of_an_older_incarnation(runs, expected):
    """What a dead incarnation left in work is refused or run again, as declared, when asked for."""
    inbox = Inbox(InboxPolicy(runs=runs))
    state, _ = ask(inbox, START, "a", incarnation=1)
    state, effects = ask(inbox, state, "b", incarnation=2)
    assert expected == effects
    assert inbox.done(state, "k", 1, "from the dead", 0.0) == (state, ())


def test_a_restart_leaves_nobody_waiting():
    """After a restart all work of older incarnations goes on at once, oldest first."""
    inbox = Inbox(InboxPolicy(runs=2))
    state = START
    for key in ("x", "y", "z"):
        state, _ = ask(inbox, state, key.upper(), key=key, incarnation=1)
    state, _ = ask(inbox, state, "new", key="n", incarnation=2)
    state, effects = inbox.restarted(state, 2, 0.0)
    assert effects == (Run("x", 5, "X"), Run("y", 6, "Y"), Run("z", 7, "Z"))
    assert inbox.restarted(state, 2, 0.0) == (state, ())
    _, ended = inbox.restarted(state, 3, 0.0, "gave up")
    assert Fail(("X",), "gave up") in ended
    assert Run("n", 8, "new") in ended


def test_a_key_belongs_to_one_request():
    """The same key with other contents is refused, in work and later; without one it is trusted."""
    inbox = Inbox()
    state, _ = ask(inbox, START, "a", fingerprint=1)
    refused = (Refuse("b", Reason.OTHER_REQUEST),)
    assert ask(inbox, state, "b", fingerprint=2)[1] == refused
    state, _ = inbox.done(state, "k", 1, "ok", 0.0)
    assert ask(inbox, state, "b", fingerprint=2)[1] == refused
    assert ask(inbox, state, "b", fingerprint=1)[1] == (Reply(("b",), "ok"),)
    assert ask(inbox, state, "b")[1] == (Reply(("b",), "ok"),)


def test_answers_are_kept_for_a_time():
    """An old answer is forgotten, which is announced, and the request runs again."""
    inbox = Inbox(InboxPolicy(keep_for=10.0))
    state, _ = ask(inbox, START, "a")
    state, _ = inbox.done(state, "k", 1, "ok", 5.0)
    assert ask(inbox, state, "b", now=14.9)[1] == (Reply(("b",), "ok"),)
    assert inbox.expire(state, 14.9) == (state, ())
    _, effects = ask(inbox, state, "b", now=15.0)
    assert effects == (Evicted("k", Reason.AGE), Run("k", 2, "b"))
    assert inbox.expire(state, 15.0)[1] == (Evicted("k", Reason.AGE),)


def test_the_oldest_answer_makes_room():
    """A full inbox forgets what settled first, and says so."""
    inbox = Inbox(InboxPolicy(max_entries=2))
    state = START
    for key in ("b", "a"):
        state, _ = ask(inbox, state, key, key=key)
    for run, key in ((2, "a"), (1, "b")):
        state, _ = inbox.done(state, key, run, "ok", 0.0)
    _, effects = ask(inbox, state, "c", key="c")
    assert effects == (Evicted("a", Reason.SIZE), Run("c", 3, "c"))


def test_work_is_never_forgotten():
    """An inbox full of work refuses new requests and takes duplicates."""
    inbox = Inbox(InboxPolicy(max_entries=1, max_waiters=2))
    state, _ = ask(inbox, START, "a")
    assert ask(inbox, state, "b", key="other")[1] == (Refuse("b", Reason.FULL),)
    state, effects = ask(inbox, state, "c")
    assert effects == ()
    assert ask(inbox, state, "d")[1] == (Refuse("d", Reason.CROWDED),)


def test_stored_answers_are_put_back():
    """After the end of a process the answers that a store kept count as before."""
    inbox = Inbox(InboxPolicy(keep_for=10.0, max_entries=2))
    state = START
    for number in range(3):
        state, effects = inbox.restore(state, number, f"reply {number}", 5.0, fingerprint="f")
    assert effects == (Evicted(0, Reason.SIZE),)
    assert ask(inbox, state, "a", key=2, now=6.0)[1] == (Reply(("a",), "reply 2"),)
    assert ask(inbox, state, "a", key=2, now=6.0, fingerprint="g")[1][0].reason.name == (
        "OTHER_REQUEST"
    )
    assert len(inbox.expire(state, 15.0)[0].entries) == 0
    full, _ = ask(Inbox(InboxPolicy(max_entries=1)), START, "a")
    refused = Inbox(InboxPolicy(max_entries=1)).restore(full, "old", "reply", 0.0)
    assert refused == (full, (Evicted("old", Reason.FULL),))


def test_reports_of_unknown_runs_change_nothing():
    """A run that was given up, or never was, settles nothing."""
    inbox = Inbox()
    state, _ = ask(inbox, START, "a")
    for outcome in (
        inbox.done(state, "k", 7, "ok", 0.0),
        inbox.done(state, "other", 1, "ok", 0.0),
        inbox.failed(state, "k", 7, "bad", 0.0),
    ):
        assert outcome == (state, ())


class Log:
    """What came out of an inbox: the run of each key, and who was answered how."""

    def __init__(self):
        self.state, self.incarnation = START, 1
        self.working, self.answers, self.answered = {}, {}, Counter()

    def take(self, outcome):
        self.state, effects = outcome
        for effect in effects:
            match effect:
                case Run(key, run, _):
                    self.working[key] = run
                case Reply(waiters, answer) | Fail(waiters, answer):
                    self.answered.update(waiters)
                    for key, _ in waiters:
                        assert self.answers.setdefault(key, answer) == answer


@given(
    st.integers(1, 3),
    st.lists(
        st.tuples(st.sampled_from("rrrdfc"), st.integers(0, 2), st.integers(0, 5)), max_size=60
    ),
)
def test_what_always_holds(runs, steps):
    """One run of a key at a time, one answer for each waiter, and the same one for all of a key."""
    inbox, log = Inbox(InboxPolicy(runs=runs, keep_for=1e9)), Log()
    for number, (step, key, pick) in enumerate(steps):
        if step == "r":
            waiter = (key, number)
            log.take(ask(inbox, log.state, waiter, key=key, incarnation=log.incarnation))
        elif step == "c":
            log.incarnation += 1
            log.take(inbox.restarted(log.state, log.incarnation, 0.0))
        elif key in log.working:
            run = log.working[key] - (pick == 0)
            event = inbox.done if step == "d" else inbox.failed
            log.take(event(log.state, key, run, f"answer {run}", 0.0))
        assert all(log.working[key] == run for key, run in log.state.working.items())
    for key, run in sorted(log.state.working.items()):
        log.take(inbox.done(log.state, key, run, "at last", 0.0))
    asked = {(key, number) for number, (step, key, _) in enumerate(steps) if step == "r"}
    assert log.answered == dict.fromkeys(asked, 1)


def test_50_duplicates_of_1000_requests_with_crashes():
    """However often the agent crashes inside a run, each request has one effect and one answer."""
    rng, inbox = random.Random(3), Inbox(InboxPolicy(runs=10**6, max_entries=2000))
    mail = [(key, n) for key in range(1000) for n in range(50)]
    rng.shuffle(mail)
    state, incarnation, effects, answers = START, 1, Counter(), {}
    runs = deque()

    def take(outcome):
        nonlocal state
        state, found = outcome
        for effect in found:
            if isinstance(effect, Run):
                runs.append(effect)
            elif isinstance(effect, Reply):
                answers.update(dict.fromkeys(effect.waiters, effect.reply))

    while mail or runs:
        if runs and (not mail or rng.random() < 0.05):
            run = runs.popleft()
            if rng.random() < 0.2:
                incarnation += 1
                runs.clear()
                take(inbox.restarted(state, incarnation, 0.0))
                continue
            effects[run.key] += 1
            take(inbox.done(state, run.key, run.run, f"reply {run.key}", 0.0))
        else:
            key, number = mail.pop()
            take(inbox.request(state, key, (key, number), 0.0, incarnation=incarnation))
    assert effects == dict.fromkeys(range(1000), 1)
    assert answers == {(key, n): f"reply {key}" for key in range(1000) for n in range(50)}


@pytest.mark.parametrize(
    "options", [{"keep_for": 0.0}, {"max_entries": 0}, {"runs": 0}, {"max_waiters": 0}]
)
def test_bounds(options):
    """An inbox without room, time or a run is refused."""
    with pytest.raises(SpecError, match="InboxPolicy"):
        InboxPolicy(**options)
