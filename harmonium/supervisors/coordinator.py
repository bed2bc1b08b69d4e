"""`Coordinator`: the agent that takes requests through a pipeline.

It holds no policy: what happens next is decided by the pure machine of
`harmonium.protocols.pipeline`; the coordinator sends, listens, keeps timers
and answers the asker. Any number of requests are under way at once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from loguru import logger

from harmonium.actors.agent import Agent
from harmonium.actors.ask import Ask
from harmonium.actors.context import Context
from harmonium.actors.deferred import Deferred
from harmonium.actors.handlers import single_handler
from harmonium.actors.timers import Timer
from harmonium.protocols import decision_log
from harmonium.protocols.failure import describe
from harmonium.protocols.pipeline import effects, events
from harmonium.protocols.pipeline.machine import advance
from harmonium.protocols.pipeline.spec import Pipeline
from harmonium.protocols.pipeline.state import RequestState
from harmonium.supervisors.pipelines import refuse_unsupported
from harmonium.supervisors.spec import ChildSpec, child
from harmonium.supervisors.voters import voters_of

__all__ = ["Coordinator", "coordinator"]

LOG = 10_000
"""How many records of the decision log are kept in memory."""


class _Request:
    """One request under way: its state and what is open for it."""

    __slots__ = ("askers", "asks", "context", "state", "timers")

    def __init__(self, state: RequestState, deferred: Deferred, context: Context) -> None:
        self.state = state
        self.askers = [deferred]
        self.context = context
        self.asks: dict[tuple[str, int], list[Ask[Any]]] = {}
        self.timers: dict[str, Timer] = {}


class Coordinator(Agent):
    """Answers one class of request by running a pipeline.

    If it crashes or ends, every asker hears that at once.

    Args:
        pipeline: What to run.

    Raises:
        SpecError: If a step gathers from a topic or asks a person, which it
            cannot carry out.
    """

    def __init__(self, pipeline: Pipeline[Any, Any]) -> None:
        refuse_unsupported(pipeline)
        self.pipeline = pipeline
        self.decisions: deque[decision_log.Entry] = deque(maxlen=LOG)
        self._requests: dict[str, _Request] = {}
        self.__table__ = single_handler(  # type: ignore[misc]
            "coordinate", pipeline.request, (object,), Coordinator.coordinate
        )

    @property
    def under_way(self) -> int:
        """How many requests are being worked on."""
        return len(self._requests)

    def coordinate(self, request: Any) -> None:
        """Begin a request; its asker is answered when the pipeline has ended."""
        current = self._cell.current
        context: Context = current[5]
        key, self._cell.more.key = self._cell.more.key, None
        id = key or f"{context.correlation_id}:{current[3]}"
        if id in self._requests:  # asked again with the same key: both get the one answer
            self._requests[id].askers.append(self.defer())
            return
        state = RequestState.new(self.pipeline, id, correlation_id=context.correlation_id)
        live = _Request(state, self.defer(), context.child(None))
        self._requests[id] = live
        self._happen(live, events.Begun(request, context.deadline))

    def _happen(self, live: _Request, event: Any) -> None:
        if self._cell.agent is not self:
            return  # an answer to an incarnation that is gone
        live.state, orders = advance(live.state, event, self.now())
        for order in orders:
            _METHODS[type(order)](self, live, order)
        if live.state.phase.is_over:
            self._close(live)

    def _close(self, live: _Request) -> None:
        if self._requests.pop(live.state.id, None) is None:
            return
        for timer in live.timers.values():
            timer.cancel()
        for asks in live.asks.values():
            for ask in asks:
                ask.cancel()

    # -- effects

    def _send(self, live: _Request, order: effects.Send) -> None:
        def answered(ask: Any) -> None:
            error = ask.exception() if not ask.cancelled() else None
            if ask.cancelled():
                return
            if error is None:
                reply = events.Replied(order.step, order.attempt, ask.result(), order.to)
                self._happen(live, reply)
            else:
                self._happen(live, events.Failed(order.step, order.attempt, describe(error)))

        self._ask(live, order, order.to, answered)

    def _undo(self, live: _Request, order: effects.Undo) -> None:
        def answered(ask: Any) -> None:
            if ask.cancelled():
                return
            error = ask.exception()
            if error is None:
                self._happen(live, events.UndoReplied(order.step, order.attempt, ask.result()))
            else:
                self._happen(live, events.UndoFailed(order.step, order.attempt, describe(error)))

        self._ask(live, order, order.to, answered)

    def _ask(
        self,
        live: _Request,
        order: effects.Send | effects.Undo,
        to: str,
        answered: Callable[[Any], None],
    ) -> None:
        ask = self._cell.ground.ask(
            self._cell,
            to,
            order.message,
            timeout=order.timeout,
            idempotency_key=order.idempotency_key,
            context=live.context,
        )
        live.asks.setdefault((order.step, order.attempt), []).append(ask)
        ask.then(answered)

    def _ask_ballots(self, live: _Request, order: effects.AskBallots) -> None:
        """Ask every configured voter; a group is named first, so that a quorum is fixed."""
        step, attempt = order.step, order.attempt
        among = order.among
        if isinstance(among, str):
            voters = voters_of(self._cell, among)
            self._happen(live, events.Polled(step, attempt, tuple(voters)))
        else:
            voters = {name: name for name in among}
        for voter, address in voters.items():
            self._ask_voter(live, order, voter, address)

    def _ask_voter(
        self, live: _Request, order: effects.AskBallots, voter: str, address: str
    ) -> None:
        step, attempt = order.step, order.attempt

        def answered(ask: Any) -> None:
            if ask.cancelled():
                return
            error = ask.exception()
            if error is None:
                self._happen(live, events.BallotCast(step, attempt, voter, ask.result()))
            else:
                self._happen(live, events.VoterGone(step, attempt, voter, describe(error)))

        ask = self._cell.ground.ask(
            self._cell,
            address,
            order.message,
            timeout=max(order.deadline - self.now(), 0.0),
            idempotency_key=f"{order.idempotency_key}:{voter}",
            context=live.context,
        )
        live.asks.setdefault((step, attempt), []).append(ask)
        ask.then(answered)

    def _cancel_step(self, live: _Request, order: effects.CancelStep) -> None:
        for ask in live.asks.pop((order.step, order.attempt), ()):
            ask.cancel()

    def _set_timer(self, live: _Request, order: effects.SetTimer) -> None:
        ground = self._cell.ground
        live.timers[order.token] = ground.after(
            max(order.at - self.now(), 0.0),
            ground.signal,
            self._cell,
            self._happen,
            live,
            events.TimerFired(order.token),
        )

    def _cancel_timer(self, live: _Request, order: effects.CancelTimer) -> None:
        timer = live.timers.pop(order.token, None)
        if timer is not None:
            timer.cancel()

    def _alarm(self, live: _Request, order: effects.Alarm) -> None:
        error = order.error()
        logger.bind(path=self.path, correlation_id=live.context.correlation_id).error("{}", error)

    def _record(self, live: _Request, order: effects.Record) -> None:
        self.decisions.append(order.entry)

    def _finish(self, live: _Request, order: effects.Finish) -> None:
        for asker in live.askers:
            asker.reply(order.result)

    def _fail(self, live: _Request, order: effects.FailRequest) -> None:
        for asker in live.askers:
            asker.fail(order.error())


_METHODS: dict[type, Any] = {
    effects.Send: Coordinator._send,
    effects.Undo: Coordinator._undo,
    effects.AskBallots: Coordinator._ask_ballots,
    effects.CancelStep: Coordinator._cancel_step,
    effects.SetTimer: Coordinator._set_timer,
    effects.CancelTimer: Coordinator._cancel_timer,
    effects.Alarm: Coordinator._alarm,
    effects.Record: Coordinator._record,
    effects.Finish: Coordinator._finish,
    effects.FailRequest: Coordinator._fail,
}


def coordinator(
    pipeline: Pipeline[Any, Any], *, id: str | None = None, **options: Any
) -> ChildSpec:
    """Declare a coordinator as a child.

    Args:
        pipeline: What it runs.
        id: Its id; the pipeline's name in lower case if not given.
        **options: As for `child`.

    Raises:
        SpecError: As `Coordinator`, when it is declared and not when it runs.
    """
    refuse_unsupported(pipeline)
    return child(Coordinator, pipeline, id=id or pipeline.name.lower(), **options)
