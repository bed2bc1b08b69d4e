"""`Coordinator`: the agent that takes requests through a pipeline.

It holds no policy: what happens next is decided by the pure machine of
`harmonium.protocols.pipeline`; the coordinator sends, listens, keeps timers
and answers the asker. Any number of requests are under way at once.

On a system with a store it is durable: see `harmonium.supervisors.durable`.
"""

from __future__ import annotations

from collections import deque
from functools import partial
from typing import Any, TypeVar

from harmonium.actors.agent import Agent
from harmonium.actors.context import Context
from harmonium.actors.deferred import Deferred
from harmonium.actors.handlers import HandlerTable, plain_handler
from harmonium.actors.store.ports import Store
from harmonium.protocols import decision_log
from harmonium.protocols.errors import CodecError
from harmonium.protocols.pipeline import events
from harmonium.protocols.pipeline.machine import advance
from harmonium.protocols.pipeline.spec import Pipeline
from harmonium.protocols.pipeline.state import Phase, RequestState
from harmonium.supervisors.cancelling import CancelRequest, RequestsCancelled
from harmonium.supervisors.coordinator_effects import CARRY_OUT
from harmonium.supervisors.durable import Durable
from harmonium.supervisors.durable_layout import Keep
from harmonium.supervisors.durable_recovery import Recovery, when_tree_is_up
from harmonium.supervisors.gate import Gate, checked
from harmonium.supervisors.inbox_messages import AnswerTaken, TakeAnswer
from harmonium.supervisors.live_request import LiveRequest
from harmonium.supervisors.people import People
from harmonium.supervisors.spec import ChildSpec, child

__all__ = ["Coordinator", "coordinator"]

T = TypeVar("T")

LOG = 10_000
"""How many records of the decision log are kept in memory."""
LIMIT = 1000
"""How many requests may be under way, if nobody says."""


_KEEP = Keep()


class Coordinator(Agent):
    """Answers one class of request by running a pipeline.

    If it crashes or ends, every asker hears that at once. On a system with a
    store the requests themselves go on: with the next incarnation, or in the
    next process. Asked again under the same idempotency key, one that is under
    way is joined, and one that has finished gives its result again.

    Args:
        pipeline: What to run.
        keep: On a system with a store: how much of what is over stays there.
        limit: How many requests may be under way, at least 1; the others wait
            in the mailbox.

    Raises:
        SpecError: If the limit is below 1.
    """

    def __init__(
        self, pipeline: Pipeline[Any, Any], *, keep: Keep = _KEEP, limit: int = LIMIT
    ) -> None:
        self.pipeline = pipeline
        self._gate = Gate(self, limit)
        self.people = People(self)
        self.decisions: deque[decision_log.Entry] = deque(maxlen=LOG)
        self._requests: dict[str, LiveRequest] = {}
        self._keep = keep
        self._durable: Durable | None = None
        self._offset = 0.0
        self.__table__ = _table(pipeline.request)  # type: ignore[misc]

    @property
    def under_way(self) -> int:
        """How many requests are being worked on."""
        return len(self._requests)

    def started(self) -> Any:
        """Go on where the store says that the requests stand; without a store there are none."""
        store = self._cell.ground.store
        return None if store is None else self._recover(store)

    async def _recover(self, store: Store) -> None:
        recovery = Recovery(self, store, self._keep)
        self._durable, self._offset, requests = await recovery.run()
        self._requests = {live.state.id: live for live in requests}
        when_tree_is_up(self._cell, self._resume)

    def _resume(self) -> None:
        self._gate.entered(len(self._requests))
        for live in tuple(self._requests.values()):
            if live.written and live.state.phase is not Phase.NEW:
                self.happen(live, events.RestoredFromLog())

    def stopped(self) -> None:
        """Let another process take over; what is under way stays in the store."""
        if self._durable is not None:
            self._durable.close()

    def coordinate(self, request: Any) -> None:
        """Begin a request; its asker is answered when the pipeline has ended."""
        current = self._cell.current
        context: Context = current[5]
        more = self._cell.more
        key = more.key if more.keyed == current[3] else None
        id = key or f"{context.correlation_id}:{current[3]}"
        asker = self.defer()
        live = self._requests.get(id)
        if live is not None:  # asked again with the same key: both get the one answer
            self._join(live, asker)
        elif self._durable is None:
            self._begin(id, request, context, asker)
        elif not self._durable.answer(id, asker):
            self._begin_durably(self._durable, id, request, context, asker, is_keyed=bool(key))

    def _join(self, live: LiveRequest, asker: Deferred) -> None:
        if live.is_answered:  # only undoing goes on
            asker.reply(live.state.result)
        else:
            live.askers.append(asker)

    def _begin(self, id: str, request: Any, context: Context, asker: Deferred) -> None:
        state = RequestState.new(self.pipeline, id, correlation_id=context.correlation_id)
        # Without the deadline: the machine shortens each timeout to what is left of it, and
        # an undo has to reach its agent after it, too.
        messages = Context(context.correlation_id, None, None, context.traceparent)
        self._take(LiveRequest(state, messages), request, context, asker)

    def _begin_durably(
        self,
        durable: Durable,
        id: str,
        request: Any,
        context: Context,
        asker: Deferred,
        *,
        is_keyed: bool,
    ) -> None:
        header = durable.header(id, context, is_keyed=is_keyed)
        state = RequestState.new(
            self.pipeline,
            id,
            correlation_id=context.correlation_id,
            key_prefix=header.key_prefix(),
        )
        live = LiveRequest(state, header.context())
        live.header = header
        self._take(live, request, context, asker)

    def _take(self, live: LiveRequest, request: Any, context: Context, asker: Deferred) -> None:
        deadline = context.deadline
        if deadline is not None:
            deadline += self._offset
        live.askers.append(asker)
        begun = events.Begun(request, deadline, asker.streams)
        try:
            self._requests[live.state.id] = live
            self._gate.entered(len(self._requests))
            self.happen(live, begun)
        except CodecError as error:  # the request itself cannot be kept
            del self._requests[live.state.id]
            self._gate.left(len(self._requests))
            asker.fail(error)

    def clock(self) -> float:
        """Give the time that the requests go by, in seconds."""
        return self._cell.ground.clock() + self._offset

    def happen(self, live: LiveRequest, event: events.Event) -> None:
        """Let an event happen to a request, and carry out what follows."""
        if self._cell.agent is not self:
            return  # an answer to an incarnation that is gone
        if self._durable is not None:
            self._durable.happen(live, event)
            return
        live.state, orders = advance(live.state, event, self.clock())
        for order in orders:
            CARRY_OUT[type(order)](self, live, order)
        if live.state.phase.is_over:
            self.forget(live)

    def take_answer(self, said: TakeAnswer) -> AnswerTaken:
        """Take what a person said, from an inbox; it hears so once that is durable."""
        return self._once_durable(self.people.take(said))

    def cancel(self, order: CancelRequest) -> RequestsCancelled:
        """Stop the requests of a correlation id, and undo what they did."""
        wanted = [
            live
            for live in self._requests.values()
            if live.state.correlation_id == order.correlation_id
            and live.state.phase is Phase.RUNNING
        ]
        for live in wanted:
            self.happen(live, events.Cancelled(order.reason))
        return self._once_durable(RequestsCancelled(len(wanted)))

    def _once_durable(self, answer: T) -> T:
        """Have an answer of a handler sent when all that has happened is durable."""
        if self._durable is not None:
            self._durable.after(partial(self.defer().reply, answer))
        return answer

    def decided(self, live: LiveRequest | None, entry: decision_log.Entry) -> None:
        """Keep an entry of the decision log."""
        del live
        self.decisions.append(entry)
        if self._durable is not None:
            self._durable.note(entry)

    def forget(self, live: LiveRequest) -> None:
        """Let go of a request that is over."""
        if self._requests.pop(live.state.id, None) is not None:
            self._gate.left(len(self._requests))
            live.close()
            if self.people:
                self.people.close(live)


def _table(request: type) -> HandlerTable:
    """The contract: the pipeline's request, and what the runtime itself says to a coordinator."""
    begin = plain_handler("coordinate", Coordinator.coordinate, object)
    # Re-entrant: these are taken also while the coordinator is at its limit.
    take = plain_handler("take_answer", Coordinator.take_answer, AnswerTaken, reentrant=True)
    cancel = plain_handler("cancel", Coordinator.cancel, RequestsCancelled, reentrant=True)
    return HandlerTable({request: begin, TakeAnswer: take, CancelRequest: cancel}, None, ())


def coordinator(
    pipeline: Pipeline[Any, Any],
    *,
    id: str | None = None,
    keep: Keep | None = None,
    limit: int = LIMIT,
    **options: Any,
) -> ChildSpec:
    """Declare a coordinator as a child.

    Args:
        pipeline: What it runs.
        id: Its id; the pipeline's name in lower case if not given.
        keep: On a system with a store: how much of what is over stays there.
        limit: How many requests may be under way, at least 1. One more waits
            in the mailbox, which is bounded and has an overflow policy; what
            people answer still comes through.
        **options: As for `child`.

    Raises:
        SpecError: If the limit is below 1.
    """
    kwargs: dict[str, Any] = {} if keep is None else {"keep": keep}
    if checked(id or pipeline.name.lower(), limit) != LIMIT:
        kwargs["limit"] = limit
    if kwargs:
        options["kwargs"] = kwargs
    return child(Coordinator, pipeline, id=id or pipeline.name.lower(), **options)
