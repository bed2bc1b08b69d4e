"""How a coordinator carries out what the request machine orders: one function for each effect.

Each takes the coordinator, the request and the effect. What comes of it, a
reply, a failure, a timer, goes back to the coordinator as an event.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import attrs
from loguru import logger

from harmonium.actors.cell import Cell
from harmonium.protocols.decision_log import Entry
from harmonium.protocols.errors import HarmoniumError
from harmonium.protocols.failure import Failure, describe
from harmonium.protocols.pipeline import effects, events
from harmonium.protocols.pipeline.events import Event
from harmonium.supervisors.live_request import LiveRequest
from harmonium.supervisors.people import People
from harmonium.supervisors.voters import voters_of

__all__ = ["CARRY_OUT", "Carrier"]


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


_Heard = Callable[[Any], Event | None]
_Missed = Callable[[Failure], Event]
_Asking = tuple[str | Cell, Any, float, str]
"""Whom, what, for how many seconds, and with which idempotency key."""


def _ask(
    carrier: Carrier,
    live: LiveRequest,
    place: tuple[str, int],
    asking: _Asking,
    heard: _Heard,
    missed: _Missed,
) -> None:
    """Ask an agent; its answer or its failure becomes an event of the request.

    The ask is withdrawn with its step and attempt. What cannot be sent at all
    (it is no message, say) is a failure of this step, not of the coordinator.
    """
    to, message, timeout, key = asking
    cell = carrier._cell
    try:
        ask = cell.ground.ask(
            cell, to, message, timeout=timeout, idempotency_key=key, context=live.context
        )
    except HarmoniumError as error:
        _report(carrier, live, missed(attrs.evolve(describe(error), in_doubt=False)))
        return
    live.asks.setdefault(place, []).append(ask)

    def settled(ask: Any) -> None:
        if ask.cancelled():
            return
        error = ask.exception()
        event = heard(ask.result()) if error is None else missed(describe(error))
        if event is not None:
            carrier.happen(live, event)

    if ask.done():  # a full mailbox that refuses; this turn's other orders come first
        cell.ground.signal(cell, settled, ask)
    else:
        ask.then(settled)


def _report(carrier: Carrier, live: LiveRequest, event: Event) -> None:
    """Have an event happen after all that is ordered in this turn."""
    cell = carrier._cell
    cell.ground.signal(cell, carrier.happen, live, event)


def _send(carrier: Carrier, live: LiveRequest, order: effects.Send) -> None:
    step, attempt, to = order.step, order.attempt, order.to
    _ask(
        carrier,
        live,
        (step, attempt),
        (to, order.message, order.timeout, order.idempotency_key),
        lambda reply: events.Replied(step, attempt, reply, to),
        lambda failure: events.Failed(step, attempt, failure),
    )


def _undo(carrier: Carrier, live: LiveRequest, order: effects.Undo) -> None:
    step, attempt = order.step, order.attempt
    _ask(
        carrier,
        live,
        (step, attempt),
        (order.to, order.message, order.timeout, order.idempotency_key),
        lambda reply: events.UndoReplied(step, attempt, reply),
        lambda failure: events.UndoFailed(step, attempt, failure),
    )


def _publish(carrier: Carrier, live: LiveRequest, order: effects.Publish) -> None:
    """Ask each subscriber that the topic has now; one that comes later is not waited for."""
    subscribers = carrier._cell.ground.topics.subscribers(order.topic)
    _report(carrier, live, events.Reached(order.step, order.attempt, len(subscribers)))
    for cell in subscribers:
        _ask_subscriber(carrier, live, order, cell)


def _ask_subscriber(
    carrier: Carrier, live: LiveRequest, order: effects.Publish, cell: Cell
) -> None:
    step, attempt, who = order.step, order.attempt, cell.path
    _ask(
        carrier,
        live,
        (step, attempt),
        (cell, order.message, order.timeout, f"{order.idempotency_key}:{who}"),
        lambda reply: events.Replied(step, attempt, reply, who),
        lambda failure: events.VoterGone(step, attempt, who, failure),
    )


def _ask_ballots(carrier: Carrier, live: LiveRequest, order: effects.AskBallots) -> None:
    """Ask every configured voter; a group is named first, so that a quorum is fixed."""
    if isinstance(order.among, str):
        voters = voters_of(carrier._cell, order.among)
        _report(carrier, live, events.Polled(order.step, order.attempt, tuple(voters)))
    else:
        voters = {name: name for name in order.among}
    for voter, address in voters.items():
        _ask_voter(carrier, live, order, voter, address)


def _ask_voter(
    carrier: Carrier, live: LiveRequest, order: effects.AskBallots, voter: str, address: str
) -> None:
    step, attempt, key = order.step, order.attempt, f"{order.idempotency_key}:{voter}"
    timeout = max(order.deadline - carrier.clock(), 0.0)
    _ask(
        carrier,
        live,
        (step, attempt),
        (address, order.message, timeout, key),
        lambda ballot: events.BallotCast(step, attempt, voter, ballot),
        lambda failure: events.VoterGone(step, attempt, voter, failure),
    )


def _ask_person(carrier: Carrier, live: LiveRequest, order: effects.AskPerson) -> None:
    """Put the question in the person's inbox; who has none is a failure of this rung."""
    step, attempt, key = order.step, order.attempt, f"{order.idempotency_key}:put"
    put = carrier.people.ask(live, order)

    def missed(failure: Failure) -> Event:
        carrier.people.withdraw(live, step, attempt, str(failure))
        return events.Failed(step, attempt, failure)

    asking = (order.who, put, put.within, key)
    _ask(carrier, live, (step, attempt), asking, lambda _: None, missed)


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
    bound = logger.bind(path=carrier._cell.path, correlation_id=live.context.correlation_id)
    bound.error("{}", order.error())


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
