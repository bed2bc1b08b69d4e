"""`Durable`: a coordinator's progress in a store: written first, carried out then.

An event changes the state of its request at once, in memory. What follows from
it (a message, a timer, an answer) waits until the event and the records of the
decision log are durable, in one commit. All events that happen while a commit
is under way go into the next one, so a thousand requests share a sync.

Whatever goes wrong with a commit ends this incarnation: the next one reads what
is durable and goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import attrs

from harmonium.actors.context import Context
from harmonium.actors.deferred import Deferred
from harmonium.actors.store.items import PutItem
from harmonium.actors.store.operations import Operation
from harmonium.actors.store.pending import Pending
from harmonium.actors.store.ports import Store
from harmonium.actors.store.streams import AppendEvents, DeleteStream
from harmonium.protocols.decision_log import Entry
from harmonium.protocols.errors import CodecError, HarmoniumError, StoreError
from harmonium.protocols.failure import describe
from harmonium.protocols.pipeline import effects, events
from harmonium.protocols.pipeline.machine import advance
from harmonium.protocols.pipeline.wire import fingerprint
from harmonium.supervisors.coordinator_effects import CARRY_OUT
from harmonium.supervisors.decision_records import DecisionRecords, short
from harmonium.supervisors.durable_layout import COORDINATORS, Header, stream_of
from harmonium.supervisors.durable_lease import Ownership
from harmonium.supervisors.durable_messages import MessageBook
from harmonium.supervisors.durable_results import Results
from harmonium.supervisors.live_request import LiveRequest

if TYPE_CHECKING:
    from harmonium.supervisors.coordinator import Coordinator

__all__ = ["Durable"]

IN_FLIGHT = 2
"""How many commits of one coordinator may be under way: while one is synced the next is made."""


@attrs.define(slots=True, eq=False)
class _Change:
    """What happened to one request since the last commit."""

    events: list[dict[str, Any]] = attrs.field(factory=list)
    orders: list[effects.Effect] = attrs.field(factory=list)
    is_last: bool = False


@attrs.define(slots=True, eq=False)
class _Batch:
    """What goes into the next commit, and what waits for it."""

    changes: dict[LiveRequest, _Change] = attrs.field(factory=dict)
    notes: list[Entry] = attrs.field(factory=list)
    waiting: list[Callable[[], object]] = attrs.field(factory=list)

    def __bool__(self) -> bool:
        return bool(self.changes or self.notes or self.waiting)


class Durable:
    """The durable side of one incarnation of a coordinator.

    Args:
        coordinator: Whose progress.
        store: Where it is kept.
        keep: How much of what is over stays there.
        own: The right to write, acquired.
        book: The codec of its messages.
        records: Its decision log.
        results: The results of finished requests.
    """

    def __init__(
        self,
        coordinator: Coordinator,
        store: Store,
        *,
        own: Ownership,
        book: MessageBook,
        records: DecisionRecords,
        results: Results,
    ) -> None:
        self._coordinator = coordinator
        self._cell = coordinator._cell
        self._store = store
        self._path = self._cell.path
        self._shape = fingerprint(coordinator.pipeline)
        self.own = own
        self.book = book
        self.records = records
        self.results = results
        self._batch = _Batch()
        self._in_flight = 0
        self._is_due = False
        self._is_over = False

    # -- a request

    def answer(self, id: str, asker: Deferred) -> bool:
        """Answer who asks again for what has finished; False when it has to be begun."""
        kept = self.results.find(id, self._coordinator.clock())
        if kept is None or kept.value is None:
            return False
        try:
            asker.reply(self._result_of(id, kept.value))
        except HarmoniumError as error:
            asker.fail(error)
        return True

    def _result_of(self, id: str, value: Any) -> Any:
        if "lost" in value:
            raise StoreError(f"the result of request {id} could not be kept: {value['lost']}")
        return self.book.decode_value(value["result"])

    def header(self, id: str, context: Context, *, is_keyed: bool) -> Header:
        """Give what is kept of a new request beside its events."""
        failed = self.results.find(id, self._coordinator.clock())
        run = 1 if failed is None else failed.runs + 1
        return Header(id, context.correlation_id, is_keyed, run, context.traceparent, self._shape)

    # -- an event

    def happen(self, live: LiveRequest, event: events.Event) -> None:
        """Let an event happen to a request; what follows waits for the commit."""
        if live.state.is_over:
            return  # a late answer, while its end is being written
        at = self._coordinator.clock()
        event, data = self._encode(event, at)
        changes = self._batch.changes
        change = changes.get(live)
        if change is None:
            change = changes[live] = _Change()
        change.events.append(data)
        live.state, orders = advance(live.state, event, at)
        change.orders += orders
        self._hurry()

    def note(self, entry: Entry) -> None:
        """Have something in the decision log that is no event of a request."""
        self._batch.notes.append(entry)
        self._hurry()

    def after(self, call: Callable[[], object]) -> None:
        """Call once all that has happened so far is durable."""
        self._batch.waiting.append(call)
        self._hurry()

    def _hurry(self) -> None:
        if not self._is_due and self._in_flight < IN_FLIGHT:
            self._is_due = True
            self._cell.ground.signal(self._cell, self._flush)

    def _encode(self, event: events.Event, at: float) -> tuple[events.Event, dict[str, Any]]:
        """Bring an event to what can be kept: an answer that cannot is a failure of its step."""
        try:
            return event, self.book.encode(event, at)
        except CodecError as error:
            instead = _in_place_of(event, error)
            if instead is None:
                raise
            return instead, self.book.encode(instead, at)

    # -- a commit

    def _flush(self) -> None:
        self._is_due = False
        if self._is_over or not self._batch or self._coordinator is not self._cell.agent:
            return
        batch, self._batch = self._batch, _Batch()
        self._in_flight += 1
        pending = self._store.commit(*self._operations(batch), fence=self.own.fence)
        ground = self._cell.ground
        written = partial(ground.signal, self._cell, self._written, pending, batch)
        pending.then(written, ground.call_threadsafe)

    def _operations(self, batch: _Batch) -> list[Operation]:
        operations: list[Operation] = []
        for live, change in batch.changes.items():
            operations += self._keeping(live, change)
        for entry in batch.notes:
            operations += self.records.append(entry.correlation_id, [entry])
        if operations:
            operations += self.records.ends()
        if self.book.is_changed:
            self.book.is_changed = False
            data = {"path": self._path, "classes": self.book.places}
            operations.append(PutItem(COORDINATORS, short(self._path), data))
        return operations

    def _keeping(self, live: LiveRequest, change: _Change) -> list[Operation]:
        """Give what makes the events of one request durable: at its end they are not needed."""
        entries = [one.entry for one in change.orders if type(one) is effects.Record]
        kept: list[Operation] = []
        stream = stream_of(self._path, live.state.id)
        if live.state.is_over:
            change.is_last = True
            if live.written:
                kept.append(DeleteStream(stream, expected_version=live.written))
            kept += self._result(live)
        else:
            kept.append(AppendEvents(stream, [_entry(live, change)], expected_version=live.written))
            live.written += 1
        return kept + self.records.append(live.state.correlation_id, entries)

    def _result(self, live: LiveRequest) -> list[Operation]:
        header, state = live.header, live.state
        if header is None or not header.is_keyed:
            return []  # nobody can ask for it again
        value = None
        if state.answered and state.failure is None:
            value = self._plain(state.result)
        now = self._coordinator.clock()
        return list(self.results.add(header.id, value, header.run, now))

    def _plain(self, result: Any) -> Any:
        try:
            return {"result": self.book.encode_value(result)}
        except CodecError as error:
            return {"lost": str(error)}

    # -- after a commit

    def _written(self, pending: Pending[Any], batch: _Batch) -> None:
        """Carry out what waited for the commit.

        Raises:
            StoreError: If it failed: the supervisor starts the next incarnation.
        """
        if self._is_over or self._coordinator is not self._cell.agent:
            return
        self._in_flight -= 1
        try:
            pending.result()
            for live, change in batch.changes.items():
                self._carry_out(live, change)
        except BaseException:
            self._is_over = True  # what came after it must not be written either
            raise
        for call in batch.waiting:
            call()
        if self._batch and not self._is_due:
            self._flush()

    def _carry_out(self, live: LiveRequest, change: _Change) -> None:
        coordinator = self._coordinator
        for order in change.orders:
            if type(order) is effects.Record:  # it is in the log already
                coordinator.decisions.append(order.entry)
            else:
                CARRY_OUT[type(order)](coordinator, live, order)
        if change.is_last:
            coordinator.forget(live)

    def close(self) -> None:
        """Write nothing more, and let another process take over."""
        self._is_over = True
        self.own.release()


def _entry(live: LiveRequest, change: _Change) -> Any:
    if live.written or live.header is None:
        return change.events
    return {"header": live.header.to_plain(), "events": change.events}


def _in_place_of(event: events.Event, error: CodecError) -> events.Event | None:
    """Give the failure that stands for an answer which cannot be kept."""
    failure = describe(error)
    match event:
        case events.Replied(step, attempt) | events.Answered(step, attempt):
            return events.Failed(step, attempt, failure)
        case events.BallotCast(step, attempt, voter):
            return events.VoterGone(step, attempt, voter, failure)
        case events.UndoReplied(step, attempt):
            return events.UndoReplied(step, attempt)
    return None
