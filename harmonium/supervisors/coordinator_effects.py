"""How a coordinator carries out what the request machine orders: one function for each effect.

Each takes the coordinator, the request and the effect. What comes of it, a
reply, a failure, a timer, goes back to the coordinator as an event.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Protocol

import attrs
from loguru import logger

from harmonium.actors.cell import Cell
from harmonium.protocols.decision_log import Entry
from harmonium.protocols.errors import CompensationFailed, HarmoniumError
from harmonium.protocols.failure import Failure, describe
from harmonium.protocols.pipeline import effects, events
from harmonium.protocols.pipeline.events import Event
from harmonium.protocols.reliability.policy import Policy
from harmonium.supervisors.live_request import LiveRequest
from harmonium.supervisors.people import People
from harmonium.supervisors.voters import voters_of

__all__ = ["CARRY_OUT", "Carrier", "StillStanding"]


class Carrier(Protocol):
    """What is asked of the coordinator here."""

    _cell: Cell
    people: People

    def clock(self) -> float:
        """Give the time that the request machine goes by: with a store, one that goes on."""

    def happen(self, live: LiveRequest, event: Event) -> None:
        """Take an event of a request."""

    def decided(self, live: LiveRequest | None, entry: Entry) -> None:
        """Keep an entry of the decision log."""


@attrs.frozen(slots=True)
class StillStanding:
    """A finished step could not be undone for good; `System.listen` gives it.

    Args:
        path: The coordinator.
        correlation_id: The request.
        step: Path of the step that still stands.
        error: Why.
    """

    path: str
    correlation_id: str
    step: str
    error: CompensationFailed


_Asking = tuple[str | Cell, Any, float, str]
"""Whom, what, for how many seconds, and with which idempotency key."""


class _Listener:
    """Makes the answer or the failure of an ask an event of its request.

    One small object for each ask: closures for the same were a dozen objects,
    and with a thousand requests in flight the collector took 20 us a step.
    """

    __slots__ = ("attempt", "carrier", "live", "step", "who")

    def __init__(
        self, carrier: Carrier, live: LiveRequest, step: str, attempt: int, who: str
    ) -> None:
        self.carrier = carrier
        self.live = live
        self.step = step
        self.attempt = attempt
        self.who = who

    def __call__(self, ask: Any) -> None:
        """Take the outcome of the ask."""
        if ask.cancelled():
            return
        place = (self.step, self.attempt)
        if len(self.live.asks.get(place, ())) == 1:
            del self.live.asks[place]  # nothing is open there any more
        error = ask.exception()
        event = self.heard(ask.result()) if error is None else self.missed(describe(error))
        if event is not None:
            self.carrier.happen(self.live, event)

    def heard(self, reply: Any) -> Event | None:
        """Give the event of an answer, or None where it tells nothing."""
        return events.Replied(self.step, self.attempt, reply, self.who)

    def missed(self, failure: Failure) -> Event:
        """Give the event of a failure."""
        return events.Failed(self.step, self.attempt, failure)


class _UndoListener(_Listener):
    __slots__ = ()

    def heard(self, reply: Any) -> Event:
        return events.UndoReplied(self.step, self.attempt, reply)

    def missed(self, failure: Failure) -> Event:
        return events.UndoFailed(self.step, self.attempt, failure)


class _SubscriberListener(_Listener):
    __slots__ = ()

    def missed(self, failure: Failure) -> Event:
        return events.VoterGone(self.step, self.attempt, self.who, failure)


class _VoterListener(_SubscriberListener):
    __slots__ = ()

    def heard(self, reply: Any) -> Event:
        return events.BallotCast(self.step, self.attempt, self.who, reply)


class _InboxListener(_Listener):
    __slots__ = ()

    def heard(self, reply: Any) -> None:
        """The question is there; the answer comes from a person, in its own time."""

    def missed(self, failure: Failure) -> Event:
        self.carrier.people.withdraw(self.live, self.step, self.attempt, str(failure))
        return super().missed(failure)


def _ask(listener: _Listener, asking: _Asking, policy: Policy | None = None) -> None:
    """Ask an agent; the ask is withdrawn with its step and attempt.

    What cannot be sent at all (it is no message, say) is a failure of this
    step, not of the coordinator.
    """
    to, message, timeout, key = asking
    live, cell = listener.live, listener.carrier._cell
    try:
        begin: Any = cell.ground.ask
        if policy is not None:
            begin = partial(cell.ground.ask_under, policy)
        ask = begin(cell, to, message, timeout=timeout, idempotency_key=key, context=live.context)
    except HarmoniumError as error:
        failure = attrs.evolve(describe(error), in_doubt=False)
        _report(listener.carrier, live, listener.missed(failure))
        return
    live.asks.setdefault((listener.step, listener.attempt), []).append(ask)
    if ask.done():  # a full mailbox that refuses; this turn's other orders come first
        cell.ground.signal(cell, listener, ask)
    else:
        ask.then(listener)


def _report(carrier: Carrier, live: LiveRequest, event: Event) -> None:
    """Have an event happen after all that is ordered in this turn."""
    cell = carrier._cell
    cell.ground.signal(cell, carrier.happen, live, event)


def _send(carrier: Carrier, live: LiveRequest, order: effects.Send) -> None:
    listener = _Listener(carrier, live, order.step, order.attempt, order.to)
    asking = (order.to, order.message, order.timeout, order.idempotency_key)
    _ask(listener, asking, order.policy)


def _undo(carrier: Carrier, live: LiveRequest, order: effects.Undo) -> None:
    listener = _UndoListener(carrier, live, order.step, order.attempt, order.to)
    asking = (order.to, order.message, order.timeout, order.idempotency_key)
    _ask(listener, asking, order.policy)


def _publish(carrier: Carrier, live: LiveRequest, order: effects.Publish) -> None:
    """Ask each subscriber that the topic has now; one that comes later is not waited for."""
    subscribers = carrier._cell.ground.topics.subscribers(order.topic)
    _report(carrier, live, events.Reached(order.step, order.attempt, len(subscribers)))
    for cell in subscribers:
        who = cell.path
        listener = _SubscriberListener(carrier, live, order.step, order.attempt, who)
        _ask(listener, (cell, order.message, order.timeout, f"{order.idempotency_key}:{who}"))


def _ask_ballots(carrier: Carrier, live: LiveRequest, order: effects.AskBallots) -> None:
    """Ask every configured voter; a group is named first, so that a quorum is fixed."""
    if isinstance(order.among, str):
        voters = voters_of(carrier._cell, order.among)
        _report(carrier, live, events.Polled(order.step, order.attempt, tuple(voters)))
    else:
        voters = {name: name for name in order.among}
    timeout = max(order.deadline - carrier.clock(), 0.0)
    for voter, address in voters.items():
        listener = _VoterListener(carrier, live, order.step, order.attempt, voter)
        _ask(listener, (address, order.message, timeout, f"{order.idempotency_key}:{voter}"))


def _ask_person(carrier: Carrier, live: LiveRequest, order: effects.AskPerson) -> None:
    """Put the question in the person's inbox; who has none is a failure of this rung."""
    put = carrier.people.ask(live, order)
    listener = _InboxListener(carrier, live, order.step, order.attempt, order.who)
    _ask(listener, (order.who, put, put.within, f"{order.idempotency_key}:put"))


def _cancel_step(carrier: Carrier, live: LiveRequest, order: effects.CancelStep) -> None:
    if carrier.people:
        carrier.people.withdraw(live, order.step, order.attempt, "its time is over")
    for ask in live.asks.pop((order.step, order.attempt), ()):
        ask.cancel()


def _set_timer(carrier: Carrier, live: LiveRequest, order: effects.SetTimer) -> None:
    cell = carrier._cell
    ground = cell.ground
    live.timers[order.token] = ground.after(
        max(order.at - carrier.clock(), 0.0),
        ground.signal,
        cell,
        carrier.happen,
        live,
        events.TimerFired(order.token),
    )


def _cancel_timer(carrier: Carrier, live: LiveRequest, order: effects.CancelTimer) -> None:
    del carrier
    timer = live.timers.pop(order.token, None)
    if timer is not None:
        timer.cancel()


def _alarm(carrier: Carrier, live: LiveRequest, order: effects.Alarm) -> None:
    """Tell operators: one log line, and an event for who listens to the system."""
    path, correlation = carrier._cell.path, live.context.correlation_id
    error = order.error()
    logger.bind(path=path, correlation_id=correlation).error("{}", error)
    carrier._cell.ground.observers.emit(StillStanding(path, correlation, order.step, error))


def _record(carrier: Carrier, live: LiveRequest, order: effects.Record) -> None:
    carrier.decided(live, order.entry)


def _partial(carrier: Carrier, live: LiveRequest, order: effects.Partial) -> None:
    del carrier
    for asker in live.askers:
        asker.part(order)


def _finish(carrier: Carrier, live: LiveRequest, order: effects.Finish) -> None:
    del carrier
    live.is_answered = True
    for asker in live.askers:
        asker.reply(order.result)


def _fail(carrier: Carrier, live: LiveRequest, order: effects.FailRequest) -> None:
    del carrier
    for asker in live.askers:
        asker.fail(order.error())


CARRY_OUT: Mapping[type, Callable[[Any, LiveRequest, Any], None]] = {
    effects.Send: _send,
    effects.Undo: _undo,
    effects.Publish: _publish,
    effects.AskBallots: _ask_ballots,
    effects.AskPerson: _ask_person,
    effects.CancelStep: _cancel_step,
    effects.SetTimer: _set_timer,
    effects.CancelTimer: _cancel_timer,
    effects.Alarm: _alarm,
    effects.Record: _record,
    effects.Partial: _partial,
    effects.Finish: _finish,
    effects.FailRequest: _fail,
}
"""What carries out an effect, by its class."""
