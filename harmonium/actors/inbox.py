"""`AgentInbox`: gives an idempotent handler each request once, and repeats the same answer.

What happens to a request is decided by the pure `Inbox`; it lives in the agent's
cell, so it outlives restarts. Every decision is one step of the ground's thread,
and a run reports its end on every way out (answer, crash, kill, overrun, expiry),
so a key is never left in work, however the handler awaits or dies.

A run is a message of its own: the requests for it wait aside, are in flight until
there is an answer, and then are handled or failed all at once. If the agent ends
for good they are dead letters, and whoever asked hears `AgentDead`.

`self.reply(answer)` ends a run at once. An effect that is followed by it without an
`await` in between is never repeated, also when the handler crashes afterwards;
with a store, `await self.commit_reply(answer, *operations)` makes effect and
answer durable together.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from loguru import logger

from harmonium.actors.ask import Ask
from harmonium.actors.budgets import continued
from harmonium.actors.cell import DEAD, NO_MAIL, RUNNING, Cell
from harmonium.actors.claims import Claims
from harmonium.actors.context import Context, RawEnvelope
from harmonium.protocols.errors import AskFailed, ContractError, Unavailable
from harmonium.protocols.reliability.idempotency import (
    Evicted,
    Fail,
    Inbox,
    InboxState,
    Reason,
    Refuse,
    Reply,
    Run,
)

if TYPE_CHECKING:
    from harmonium.actors.handlers import Handler
    from harmonium.actors.store.operations import Operation
    from harmonium.actors.store.values import Claim

__all__ = ["AgentInbox", "RunAsk", "finishing", "once"]


class RunAsk(Ask[Any]):
    """The promise of a run: what the handler answers comes here, and goes to all who wait.

    Args:
        cell: The agent that runs it.
        key: Which request, and which run of it.
    """

    __slots__ = ("claim", "claims", "key", "number", "stored")

    inward = True
    """Its answer does not leave the agent: no network carries it."""

    def __init__(
        self, cell: Cell, key: tuple[Any, int], claim: Claim | None, claims: Claims | None
    ) -> None:
        super().__init__(cell.ground, None, cell, None)
        self.key = key
        self.claim = claim
        self.claims = claims
        self.number = 0
        self.stored = False


def once(cell: Cell, handler: Handler, envelope: RawEnvelope) -> bool:
    """Take a message for an idempotent handler; False when it is to be handled now."""
    promise = envelope[2]
    if promise.__class__ is RunAsk:
        if promise.number == envelope[3]:
            return False
        cell.ground.handled += 1  # a second copy of the run itself, made by a fault
        return True
    more = cell.more
    key, message = _key(cell, handler, envelope), envelope[0]
    if key is None:
        return False
    if more.inboxes is None:
        more.inboxes = {}
    inbox = more.inboxes.get(handler.name)
    if inbox is None:
        inbox = more.inboxes[handler.name] = AgentInbox(cell, handler)
    envelope_key = handler.idempotent is not None and handler.idempotent.field is None
    fingerprint = _fingerprint(message) if envelope_key else None
    inbox.request((type(message), key), envelope, fingerprint)
    return True


def finishing(promise: Any, answer: Any) -> tuple[Operation, ...]:
    """What keeps the answer of a run in the store, to be committed with its effects."""
    if not isinstance(promise, RunAsk) or promise.claim is None or promise.claims is None:
        return ()
    return (promise.claims.finishing(promise.claim, answer),)


def _key(cell: Cell, handler: Handler, envelope: RawEnvelope) -> str | None:
    more, rule = cell.more, handler.idempotent
    if rule is not None and rule.field is not None:
        value = getattr(envelope[0], rule.field)
        return None if value is None else str(value)
    return more.key if more.keyed == envelope[3] else None


def _fingerprint(message: Any) -> int | None:
    try:
        return hash(message)
    except TypeError:  # a field that cannot be hashed: the key alone is trusted
        return None


class AgentInbox:
    """What one idempotent handler of one agent has in work and has answered.

    Args:
        cell: The agent.
        handler: The handler.
    """

    def __init__(self, cell: Cell, handler: Handler) -> None:
        if handler.idempotent is None:
            raise AssertionError(f"{handler.name} is not idempotent")
        self._cell = cell
        self._handler = handler
        self._rule = Inbox(handler.idempotent.policy)
        self._state = InboxState()
        self._claims: Claims | None = None

    def __len__(self) -> int:
        """How many keys are known, in work or answered."""
        return len(self._state.entries)

    # -- events

    def request(self, key: Any, envelope: RawEnvelope, fingerprint: int | None) -> None:
        """Take a request with a key."""
        cell = self._cell
        waiter = f"inbox:{envelope[3]}"
        context: Context = envelope[5]
        keyed = continued(context, context.deadline, key[1])
        cell.more.aside[waiter] = (*envelope[:5], keyed)
        self._take(
            self._rule.request(
                self._state, key, waiter, cell.ground.clock(), fingerprint=fingerprint
            )
        )

    def _ended(self, promise: Any) -> None:
        """Hear the end of a run; with a store, the answer is kept there first."""
        key, run = promise.key
        if self._cell.state is DEAD:
            return
        error = promise.exception()
        if error is not None:
            self._failed(key, run, error, promise.claim)
        elif promise.claim is None or promise.stored:
            self._done(key, run, promise.result())
        else:
            answer = promise.result()
            self._the_claims().finish(promise.claim, answer, lambda: self._done(key, run, answer))

    def _done(self, key: Any, run: int, answer: Any) -> None:
        now = self._cell.ground.clock()
        self._take(self._rule.done(self._state, key, run, answer, now))

    def _failed(self, key: Any, run: int, error: BaseException, claim: Claim | None) -> None:
        now = self._cell.ground.clock()
        self._take(self._rule.failed(self._state, key, run, error, now))
        if claim is not None and key not in self._state.working:
            self._the_claims().abandon(claim)

    # -- effects

    def _take(self, outcome: tuple[InboxState, tuple[Any, ...]]) -> None:
        self._state, effects = outcome
        for effect in effects:
            _METHODS[type(effect)](self, effect)

    def _reply(self, effect: Reply) -> None:
        for waiter in effect.waiters:
            self._answer(waiter, effect.reply)

    def _refail(self, effect: Fail) -> None:
        for waiter in effect.waiters:
            self._fail(waiter, effect.failure)

    def _begin(self, effect: Run) -> None:
        """Run a request at once; with a store, after its key is ours there.

        It is claimed for each run: the run before may have stored its answer and
        then have crashed.
        """
        if self._cell.ground.store is None:
            self._run(effect, None)
        else:
            self._the_claims().claim(effect.key, partial(self._claimed, effect))

    def _run(self, effect: Run, claim: Claim | None) -> None:
        envelope = self._envelope(effect, claim)
        if envelope is None:
            return
        cell, again = self._cell, claim is not None or self._state.entries[effect.key].runs > 1
        if again or cell.state is not RUNNING:
            self._put_first(envelope)
        else:
            cell.ground.handle(cell, self._handler, envelope)

    def _claimed(self, effect: Run, status: str, value: Any) -> None:
        """Hear what the store knows of a key: run it, give the answer it has, or fail."""
        dead = self._cell.state is DEAD
        if status == "answered" and not dead:
            self._done(effect.key, effect.run, value)
        elif status == "failed" and not dead:
            failure = AskFailed.of(self._cell.path, value)
            self._failed(effect.key, effect.run, failure, None)
        elif status == "new":
            if dead:
                self._the_claims().abandon(value)
            else:
                self._run(effect, value)

    def _envelope(self, effect: Run, claim: Claim | None) -> RawEnvelope | None:
        """The run as a message: that of who asked first, good for as long as anybody waits."""
        cell, ground = self._cell, self._cell.ground
        first = cell.more.aside.get(effect.waiter)
        if first is None:
            return None
        waiters = self._state.entries[effect.key].waiters
        ends = [cell.more.aside[w][5].deadline for w in waiters if w in cell.more.aside]
        deadline = None if None in ends else max(end for end in ends if end is not None)
        context = continued(first[5], deadline, None)
        promise = RunAsk(cell, (effect.key, effect.run), claim, self._claims)
        ground.sent = promise.number = number = ground.sent + 1
        promise.then(self._ended)
        return (first[0], first[1], promise, number, first[4], context)

    def _put_first(self, envelope: RawEnvelope) -> None:
        cell = self._cell
        if cell.mailbox is NO_MAIL:
            cell.ground.put(cell, envelope, None)
        else:
            cell.mailbox.appendleft(envelope)
            cell.ground.schedule(cell)

    def _answer(self, waiter: str, answer: Any) -> None:
        ground, envelope = self._cell.ground, self._cell.more.aside.pop(waiter, None)
        if envelope is None:
            return
        ground.handled += 1
        promise = envelope[2]
        if promise is not None and not promise.answered and not promise.done():
            ground.reply(envelope, answer)

    def _fail(self, waiter: str, error: Any) -> None:
        ground, envelope = self._cell.ground, self._cell.more.aside.pop(waiter, None)
        if envelope is not None:
            ground.failed += 1
            ground.reply_error(envelope, _of_its_own(error))

    def _refuse(self, effect: Refuse) -> None:
        cell = self._cell
        envelope = cell.more.aside.pop(effect.waiter, None)
        if envelope is None:
            return
        error: Exception = Unavailable(cell.path, cell.ground.clock(), effect.reason.value)
        if effect.reason is Reason.OTHER_REQUEST:
            error = ContractError(
                cell.path,
                f"the key {envelope[5].idempotency_key!r} belongs to another request",
                "give each request a key of its own",
            )
        cell.ground.dead_letter(cell, envelope, effect.reason.value, error)

    # -- the store

    def _the_claims(self) -> Claims:
        if self._claims is None:
            rule = self._rule.policy
            self._claims = Claims(self._cell, self._handler.answers, rule)
        return self._claims

    def _forgot(self, effect: Evicted) -> None:
        path, key = self._cell.path, effect.key[1]  # type: ignore[index]
        logger.bind(path=path).debug("{}: forgot key {!r}: {}", path, key, effect.reason.value)


def _of_its_own(error: BaseException) -> BaseException:
    """The same failure for one more asker, who may add notes and a traceback to it."""
    if not isinstance(error, AskFailed):
        return error
    copy = AskFailed(error.path, error.error_type, error.text, error.traceback_text)
    copy.__cause__ = error.__cause__
    return copy


_METHODS: dict[type, Any] = {
    Run: AgentInbox._begin,
    Reply: AgentInbox._reply,
    Fail: AgentInbox._refail,
    Refuse: AgentInbox._refuse,
    Evicted: AgentInbox._forgot,
}
