"""`People`: the questions that a coordinator has with people, and what becomes of the answers.

Whether an answer is valid is seen here, before it becomes an event, so that
the person hears it at once. The event is made all the same: the request
machine has the last word, and puts it on record.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from harmonium.actors.cell import Cell
from harmonium.protocols.decision_log import Entry, Kind
from harmonium.protocols.failure import Failure
from harmonium.protocols.pipeline import effects, events
from harmonium.protocols.question import Question, about_text, expected, read_answer
from harmonium.supervisors.inbox_messages import (
    AnswerTaken,
    PutQuestion,
    TakeAnswer,
    WithdrawQuestion,
)
from harmonium.supervisors.live_request import LiveRequest

__all__ = ["Asker", "People"]

_Place = tuple[str, str, int]
"""A request's id, a step and an attempt."""


class Asker(Protocol):
    """What is asked of the coordinator here."""

    _cell: Cell

    def clock(self) -> float:
        """Give the time that the requests go by, in seconds."""

    def happen(self, live: LiveRequest, event: events.Event) -> None:
        """Take an event of a request."""

    def decided(self, live: LiveRequest | None, entry: Entry) -> None:
        """Keep an entry of the decision log."""


class People:
    """The open questions of one coordinator.

    Args:
        asker: The coordinator.
    """

    def __init__(self, asker: Asker) -> None:
        self._asker = asker
        self._open: dict[str, tuple[LiveRequest, effects.AskPerson]] = {}
        self._keys: dict[_Place, str] = {}

    def __len__(self) -> int:
        return len(self._open)

    def ask(self, live: LiveRequest, order: effects.AskPerson) -> PutQuestion:
        """Note a question; gives what is to be sent to the inbox."""
        key = order.idempotency_key
        self._open[key] = (live, order)
        self._keys[live.state.id, order.step, order.attempt] = key
        question = Question(
            key=key,
            person=order.who,
            text=order.question,
            correlation_id=live.state.correlation_id,
            step=order.step,
            asker=self._asker._cell.path,
            options=order.options,
            expects=expected(order.expect),
            about="" if order.about is None else about_text(order.about),
        )
        return PutQuestion(question, max(order.deadline - self._asker.clock(), 0.0))

    def withdraw(self, live: LiveRequest, step: str, attempt: int, why: str) -> None:
        """Take a question back; a no-op where none is open."""
        key = self._keys.pop((live.state.id, step, attempt), None)
        if key is None:
            return
        order = self._open.pop(key)[1]
        cell = self._asker._cell
        to = cell.ground.registry.find(order.who, cell)
        if to is not None:
            message = WithdrawQuestion(key, why)
            cell.ground.post_or_bounce(cell, to, message, None, live.context)

    def close(self, live: LiveRequest) -> None:
        """Take back all questions of a request that is over."""
        for _, step, attempt in [place for place in self._keys if place[0] == live.state.id]:
            self.withdraw(live, step, attempt, "the request is over")

    def take(self, said: TakeAnswer) -> AnswerTaken:
        """Let the request have the answer, if it is valid and in time."""
        found = self._open.get(said.key)
        if found is None:
            return self._late(said)
        live, order = found
        if said.declined:
            self._forget(live, order)
            failure = Failure("Declined", said.answer or f"{said.by} declines", in_doubt=False)
            self._asker.happen(live, events.Failed(order.step, order.attempt, failure))
            return AnswerTaken()
        try:
            value = read_answer(said.answer, order.options, order.expect)
            problem = _try(order.read, value)
        except ValueError as error:
            self._refuse(live, said, str(error))
            return AnswerTaken(str(error))
        if not problem:
            self._forget(live, order)
        self._asker.happen(live, events.Answered(order.step, order.attempt, value, said.by))
        return AnswerTaken(problem)

    def _forget(self, live: LiveRequest, order: effects.AskPerson) -> None:
        del self._open[order.idempotency_key]
        del self._keys[live.state.id, order.step, order.attempt]

    def _late(self, said: TakeAnswer) -> AnswerTaken:
        why = "late: nobody waits for this answer any more"
        self._refuse(None, said, why)
        return AnswerTaken(why, is_late=True)

    def _refuse(self, live: LiveRequest | None, said: TakeAnswer, why: str) -> None:
        entry = Entry(
            self._asker.clock(),
            said.correlation_id,
            Kind.REFUSED,
            said.step,
            who=said.by,
            what=said.answer,
            why=why,
        )
        self._asker.decided(live, entry)


def _try(read: Callable[[Any], Any] | None, value: Any) -> str:
    """Say why the pipeline's own reader refuses a value; empty if it does not."""
    try:
        if read is not None:
            read(value)
    except Exception as error:
        return str(error) or type(error).__name__
    return ""
