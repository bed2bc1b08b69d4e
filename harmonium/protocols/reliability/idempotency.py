"""The inbox that makes a repeated request one request.

Each request has a key. The first one with a key runs; those that come meanwhile
wait with it; those that come later get the stored answer. Every decision is one
pure step, so nothing can come between looking a key up and taking it, however
the handler awaits. (The rules of Stripe's idempotency keys, and of the draft
"The Idempotency-Key HTTP Header Field", IETF.)

The inbox stores an answer when the run reports it. A run that dies after its
effect and before that report has an effect without an answer: have it done
again only if the effect itself is idempotent, or stored together with the answer.
"""

from __future__ import annotations

import enum
from collections.abc import Hashable
from typing import Any, NamedTuple

import attrs

from harmonium.protocols.checks import check_count, check_flag, check_seconds
from harmonium.protocols.persistent_map import PersistentMap

__all__ = [
    "Evicted",
    "Fail",
    "Inbox",
    "InboxEffect",
    "InboxPolicy",
    "InboxState",
    "Reason",
    "Refuse",
    "Reply",
    "Run",
]

Key = Hashable
Waiter = Any
"""Who wants the answer: an envelope, a reply address; only handed back."""


class Reason(enum.Enum):
    """Why a request was refused, or an entry forgotten."""

    OTHER_REQUEST = "the key belongs to another request"
    FULL = "all entries of the inbox are in work"
    CROWDED = "too many duplicates wait for the same answer"
    AGE = "the entry is older than entries are kept"
    SIZE = "the inbox holds as many entries as it may"


@attrs.frozen
class Run:
    """Handle the request of this waiter; report the end with the key and the run."""

    key: Key
    run: int
    waiter: Waiter


@attrs.frozen
class Reply:
    """Give all of these the same answer."""

    waiters: tuple[Waiter, ...]
    reply: Any


@attrs.frozen
class Fail:
    """Give all of these the same failure."""

    waiters: tuple[Waiter, ...]
    failure: Any


@attrs.frozen
class Refuse:
    """Tell this one that its request is not taken."""

    waiter: Waiter
    reason: Reason


@attrs.frozen
class Evicted:
    """Announces that a settled entry was forgotten: a duplicate would run again."""

    key: Key
    reason: Reason


InboxEffect = Run | Reply | Fail | Refuse | Evicted


# Named tuples: a request changes them three times, and to replace a field of one
# costs 1 us, where `attrs.evolve` costs 5.


class Entry(NamedTuple):
    """One key: in work while `settled_at` is None, then its answer or its failure."""

    run: int
    runs: int
    incarnation: int
    fingerprint: Hashable = None
    waiters: tuple[Waiter, ...] = ()
    settled_at: float | None = None
    failed: bool = False
    answer: Any = None


class InboxState(NamedTuple):
    """All keys.

    Args:
        entries: What is known of each key.
        working: The keys in work and their runs.
        settled: The settled keys, by the order in which they settled.
        first: Number of the oldest in `settled`.
        next: Number of the next one.
        runs: How many runs there were.
    """

    entries: PersistentMap[Key, Entry] = PersistentMap()
    working: PersistentMap[Key, int] = PersistentMap()
    settled: PersistentMap[int, Key] = PersistentMap()
    first: int = 0
    next: int = 0
    runs: int = 0


@attrs.frozen
class InboxPolicy:
    """How an agent remembers what it has handled.

    Args:
        keep_for: How long an answer is kept, in seconds above 0.
        max_entries: How many keys are kept. At least 1. The one that settled
            first goes first; one in work never does.
        runs: How often a request is run in all when its run fails or its
            incarnation ends. With 1 it is not run again: the failure is the
            answer, and what an older incarnation left in work is refused.
        max_waiters: How many may wait for one answer. At least 1.
        keep_failures: Whether a failure is an answer that is kept. With False the
            key is free again: a later request with it is run as a new one.
        claim_for: Where keys are kept in a store: seconds until the claim of a
            process that died in a run is void, above 0. Longer than any run.

    Raises:
        SpecError: If a bound above does not hold.
    """

    keep_for: float = attrs.field(default=3600.0, kw_only=True)
    max_entries: int = attrs.field(default=10_000, kw_only=True)
    runs: int = attrs.field(default=1, kw_only=True)
    max_waiters: int = attrs.field(default=1000, kw_only=True)
    keep_failures: bool = attrs.field(default=True, kw_only=True)
    claim_for: float = attrs.field(default=60.0, kw_only=True)

    def __attrs_post_init__(self) -> None:
        check_seconds("InboxPolicy.keep_for", self.keep_for, above=0.0)
        check_seconds("InboxPolicy.claim_for", self.claim_for, above=0.0)
        check_flag("InboxPolicy.keep_failures", self.keep_failures)
        for name in ("max_entries", "runs", "max_waiters"):
            check_count(f"InboxPolicy.{name}", getattr(self, name), least=1)


Outcome = tuple[InboxState, tuple[InboxEffect, ...]]


@attrs.frozen
class Inbox:
    """The rule: each method takes the state and an event, and gives the new state and effects."""

    policy: InboxPolicy = attrs.field(factory=InboxPolicy)

    def request(
        self,
        state: InboxState,
        key: Key,
        waiter: Waiter,
        now: float,
        *,
        incarnation: int = 1,
        fingerprint: Hashable = None,
    ) -> Outcome:
        """Take a request: run it, let it wait, answer it from memory, or refuse it.

        Args:
            state: What is known.
            key: Its idempotency key.
            waiter: Who wants the answer.
            now: Monotonic time, in seconds.
            incarnation: Which incarnation of the agent would run it.
            fingerprint: What the request asks for, as a hash; None to trust
                the key alone.
        """
        state, evicted = self._forget_old(state, now)
        entry = state.entries.get(key)
        if entry is None:
            state, effects = self._first(state, key, waiter, incarnation, fingerprint)
        elif fingerprint != entry.fingerprint and None not in (fingerprint, entry.fingerprint):
            effects = (Refuse(waiter, Reason.OTHER_REQUEST),)
        elif entry.settled_at is not None:
            effects = (_answer(entry, (waiter,)),)
        elif len(entry.waiters) >= self.policy.max_waiters:
            effects = (Refuse(waiter, Reason.CROWDED),)
        else:
            joined = entry._replace(waiters=(*entry.waiters, waiter))
            state = state._replace(entries=state.entries.set(key, joined))
            effects = ()
            if entry.incarnation < incarnation:
                state, effects = self._broken(state, key, joined, _LOST, now, incarnation)
        return state, (*evicted, *effects)

    def done(self, state: InboxState, key: Key, run: int, reply: Any, now: float) -> Outcome:
        """Take the answer of a run; a run that was given up changes nothing."""
        if state.working.get(key) != run:
            return state, ()
        return self._settle(state, key, state.entries[key], now, reply, failed=False)

    def failed(self, state: InboxState, key: Key, run: int, failure: Any, now: float) -> Outcome:
        """Take the failure of a run: it is made again, or is the answer."""
        if state.working.get(key) != run:
            return state, ()
        entry = state.entries[key]
        return self._broken(state, key, entry, failure, now, entry.incarnation)

    def restarted(
        self, state: InboxState, incarnation: int, now: float, failure: Any = "interrupted"
    ) -> Outcome:
        """Give up what older incarnations left in work: it is run again, or fails."""
        effects: list[InboxEffect] = []
        for key, _ in sorted(state.working.items(), key=lambda item: item[1]):
            entry = state.entries[key]
            if entry.incarnation < incarnation:
                state, more = self._broken(state, key, entry, failure, now, incarnation)
                effects.extend(more)
        return state, tuple(effects)

    def restore(
        self,
        state: InboxState,
        key: Key,
        reply: Any,
        settled_at: float,
        *,
        fingerprint: Hashable = None,
    ) -> Outcome:
        """Put back an answer that was kept in a store; call it with the oldest first."""
        evicted: tuple[InboxEffect, ...] = ()
        if len(state.entries) >= self.policy.max_entries:
            if not state.settled:
                return state, (Evicted(key, Reason.FULL),)
            state, evicted = _forget_first(state, Reason.SIZE)
        entry = Entry(0, 0, 0, fingerprint, settled_at=settled_at, answer=reply)
        return _settled(state, key, entry), evicted

    def expire(self, state: InboxState, now: float) -> Outcome:
        """Forget what is older than entries are kept."""
        return self._forget_old(state, now)

    def _first(
        self, state: InboxState, key: Key, waiter: Waiter, incarnation: int, fingerprint: Hashable
    ) -> Outcome:
        evicted: tuple[InboxEffect, ...] = ()
        if len(state.entries) >= self.policy.max_entries:
            if not state.settled:
                return state, (Refuse(waiter, Reason.FULL),)
            state, evicted = _forget_first(state, Reason.SIZE)
        run = state.runs + 1
        entry = Entry(run, 1, incarnation, fingerprint, (waiter,))
        state = state._replace(
            entries=state.entries.set(key, entry),
            working=state.working.set(key, run),
            runs=run,
        )
        return state, (*evicted, Run(key, run, waiter))

    def _broken(
        self, state: InboxState, key: Key, entry: Entry, failure: Any, now: float, incarnation: int
    ) -> Outcome:
        if entry.runs >= self.policy.runs:
            return self._settle(state, key, entry, now, failure, failed=True)
        run = state.runs + 1
        again = entry._replace(run=run, runs=entry.runs + 1, incarnation=incarnation)
        state = state._replace(
            entries=state.entries.set(key, again),
            working=state.working.set(key, run),
            runs=run,
        )
        return state, (Run(key, run, entry.waiters[0]),)

    def _settle(
        self, state: InboxState, key: Key, entry: Entry, now: float, answer: Any, *, failed: bool
    ) -> Outcome:
        if failed and not self.policy.keep_failures:
            freed = state._replace(
                entries=state.entries.discard(key), working=state.working.discard(key)
            )
            return freed, (Fail(entry.waiters, answer),)
        settled = entry._replace(waiters=(), settled_at=now, failed=failed, answer=answer)
        state = state._replace(working=state.working.discard(key))
        return _settled(state, key, settled), (_answer(settled, entry.waiters),)

    def _forget_old(self, state: InboxState, now: float) -> Outcome:
        effects: list[InboxEffect] = []
        while state.settled:
            oldest = state.entries[state.settled[state.first]]
            if oldest.settled_at is None or now - oldest.settled_at < self.policy.keep_for:
                break
            state, evicted = _forget_first(state, Reason.AGE)
            effects.extend(evicted)
        return state, tuple(effects)


_LOST = "interrupted"


def _answer(entry: Entry, waiters: tuple[Waiter, ...]) -> InboxEffect:
    return Fail(waiters, entry.answer) if entry.failed else Reply(waiters, entry.answer)


def _settled(state: InboxState, key: Key, entry: Entry) -> InboxState:
    return state._replace(
        entries=state.entries.set(key, entry),
        settled=state.settled.set(state.next, key),
        next=state.next + 1,
    )


def _forget_first(state: InboxState, reason: Reason) -> Outcome:
    key = state.settled[state.first]
    state = state._replace(
        entries=state.entries.discard(key),
        settled=state.settled.discard(state.first),
        first=state.first + 1,
    )
    return state, (Evicted(key, reason),)
