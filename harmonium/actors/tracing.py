"""`Tracer`: when each message was taken, by whom, what caused it, how it ended.

Off, it costs nothing: the scheduler's tables are as they were. On, each handler
stands in its table behind a function that reads the clock twice and appends one
tuple (0.25 us on a message of 0.5 us); what a span says is put together when
somebody reads it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import attrs

from harmonium.actors.account import every_cell
from harmonium.actors.handlers import Looked
from harmonium.protocols.message_info import name_of

if TYPE_CHECKING:
    from harmonium.actors.cell import Cell
    from harmonium.actors.context import RawEnvelope
    from harmonium.actors.ground import Ground
    from harmonium.actors.handlers import HandlerTable

__all__ = ["Span", "Tracer", "chrome_trace"]

_Taken = tuple["Cell", "RawEnvelope", float, float | None, BaseException | None]


@attrs.frozen(slots=True)
class Span:
    """The handling of one message.

    Args:
        id: The message's number on its ground.
        cause: The number of the message whose handler sent it; 0 from outside.
        correlation_id: The request it belongs to.
        path: Who handled it.
        sender: Who sent it; None from outside.
        message: Its name on the wire.
        began: When its handler began, in seconds of the ground's clock.
        ended: When it ended; None while it is in work, or if its agent was ended first.
        error: What it raised, or None.
    """

    id: int
    cause: int
    correlation_id: str
    path: str
    sender: str | None
    message: str
    began: float
    ended: float | None
    error: str | None


class Tracer:
    """Records the handling of every message of a ground, while it is attached.

    The newest `last` records are kept, with their messages; older ones are
    forgotten.

    Args:
        ground: Whose agents.
        last: How many records to keep, at least 1.
    """

    def __init__(self, ground: Ground, *, last: int = 100_000) -> None:
        self._ground = ground
        self._taken: deque[_Taken] = deque(maxlen=last)
        self._open: dict[int, tuple[Cell, RawEnvelope, float]] = {}
        self._tables: dict[HandlerTable, dict[type, Callable[[Any, Any], Any]]] = {}

    def attach(self) -> None:
        """Begin; only in the ground's thread, and before chaos or a recorder."""
        self._ground.tracer = self
        self._renew_tables()

    def detach(self) -> None:
        """End; what was recorded can still be read."""
        self._ground.tracer = None
        self._renew_tables()

    def _renew_tables(self) -> None:
        for cell in every_cell(self._ground.root):
            if cell.agent is not None:
                cell.fast = self._ground.fast_table(cell, cell.agent.__table__)

    # -- recording

    def table(self, table: HandlerTable) -> dict[type, Callable[[Any, Any], Any]]:
        """What the scheduler dispatches by instead of `table.fast`."""
        traced = self._tables.get(table)
        if traced is None:
            traced = Looked(
                (kind, self._traced(handler))
                for kind, handler in table.fast.items()
                if kind not in table.coroutines  # of these, `began` and `ended` hear
            )
            self._tables[table] = traced
        return traced

    def _traced(self, handler: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        clock, record = self._ground.clock, self._taken.append

        def traced(agent: Any, message: Any) -> Any:
            cell = agent._cell
            envelope = cell.current
            began = clock()
            try:
                answer = handler(agent, message)
            except BaseException as error:
                record((cell, envelope, began, clock(), error))
                raise
            record((cell, envelope, began, clock(), None))
            return answer

        return traced

    def began(self, cell: Cell, envelope: RawEnvelope) -> None:
        """Note that a message which does not go through the table is taken."""
        self._open[envelope[3]] = (cell, envelope, self._ground.clock())

    def ended(self, envelope: RawEnvelope, error: BaseException | None) -> None:
        """Note the end of what `began`."""
        begun = self._open.pop(envelope[3], None)
        if begun is not None:
            self._taken.append((*begun, self._ground.clock(), error))

    # -- reading

    def spans(self, correlation_id: str | None = None) -> tuple[Span, ...]:
        """The spans of one request, or all, in the order they began.

        Args:
            correlation_id: Whose; None for all that are kept.
        """
        taken: list[_Taken] = [
            *self._taken,
            *((*begun, None, None) for begun in self._open.values()),
        ]
        taken.sort(key=lambda one: (one[2], one[1][3]))
        return tuple(
            _span(one)
            for one in taken
            if correlation_id is None or one[1][5].correlation_id == correlation_id
        )


def _span(taken: _Taken) -> Span:
    cell, envelope, began, ended, error = taken
    message, sender, _, number, cause, context = envelope
    return Span(
        number,
        cause,
        context.correlation_id,
        cell.path,
        None if sender is None else sender.path,
        name_of(type(message)),
        began,
        ended,
        None if error is None else repr(error),
    )


def chrome_trace(spans: Iterable[Span]) -> dict[str, Any]:
    """Give the spans in the trace event format that Perfetto and chrome://tracing read.

    Each agent is a row; an arrow leads from a handler to what it sent.

    Source: "Trace Event Format", the Chromium project.
    """
    spans = list(spans)
    rows = {path: number for number, path in enumerate(dict.fromkeys(one.path for one in spans), 1)}
    by_id = {one.id: one for one in spans}
    events: list[dict[str, Any]] = [
        {"ph": "M", "pid": 1, "tid": row, "name": "thread_name", "args": {"name": path}}
        for path, row in rows.items()
    ]
    for one in spans:
        events.extend(_events(one, rows, by_id.get(one.cause)))
    return {"traceEvents": events, "displayTimeUnit": "ms"}


def _events(span: Span, rows: dict[str, int], cause: Span | None) -> Iterator[dict[str, Any]]:
    ended = span.began if span.ended is None else span.ended
    place = {"pid": 1, "tid": rows[span.path], "cat": "message"}
    facts = {"correlation_id": span.correlation_id, "sender": span.sender, "error": span.error}
    yield {
        **place,
        "ph": "X",
        "name": span.message,
        "ts": span.began * 1e6,
        "dur": (ended - span.began) * 1e6,
        "args": {name: value for name, value in facts.items() if value is not None},
    }
    if cause is not None:
        arrow = {"cat": "sent", "name": span.message, "id": span.id, "pid": 1}
        yield {**arrow, "ph": "s", "tid": rows[cause.path], "ts": cause.began * 1e6}
        yield {**arrow, "ph": "f", "bp": "e", "tid": rows[span.path], "ts": span.began * 1e6}
