"""What a coordinator does when it starts on a store: become the only one, read, go on.

Finished steps are in the events and do not run again. Steps that were in
flight are asked again, with the same idempotency key, once the whole tree is up:
agents that stand behind the coordinator are not there any sooner.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any

from harmonium.actors.cell import STARTING, Cell
from harmonium.actors.observer import AgentStarted
from harmonium.actors.store.ports import Store
from harmonium.actors.store.values import Lease, Recovered
from harmonium.protocols.errors import CodecError, ConfigError, StoreCorrupt
from harmonium.protocols.pipeline import events
from harmonium.protocols.pipeline.machine import replay
from harmonium.protocols.pipeline.state import RequestState
from harmonium.protocols.pipeline.wire import fingerprint
from harmonium.supervisors.decision_records import DecisionRecords, short
from harmonium.supervisors.durable import Durable
from harmonium.supervisors.durable_layout import COORDINATORS, Header, Keep, streams_of
from harmonium.supervisors.durable_lease import TTL, Ownership
from harmonium.supervisors.durable_messages import MessageBook
from harmonium.supervisors.durable_results import Results
from harmonium.supervisors.live_request import LiveRequest

if TYPE_CHECKING:
    from harmonium.supervisors.coordinator import Coordinator

__all__ = ["Recovery", "when_tree_is_up"]

_PAGE = 500


class Recovery:
    """The start of one incarnation of a coordinator.

    Args:
        coordinator: Whose start.
        store: Where its progress is kept.
        keep: How much of what is over stays there.
    """

    def __init__(self, coordinator: Coordinator, store: Store, keep: Keep) -> None:
        self._coordinator = coordinator
        self._cell = coordinator._cell
        self._store = store
        self._keep = keep
        self._latest = 0.0

    async def run(self) -> tuple[Durable, float, list[LiveRequest]]:
        """Read what is there.

        Returns:
            The durable side; the seconds from the ground's clock to the one
            that goes on over all processes; and the requests under way.

        Raises:
            ConfigError: If another process runs this coordinator, or a request
                was begun by a pipeline of another shape, or with a message
                that is not known any more.
            StoreError: If the store cannot be read.
        """
        own = Ownership(self._cell, self._store)
        lease = await own.acquire()
        try:
            return await self._read(own, lease)
        except BaseException:
            own.release()
            raise

    async def _read(self, own: Ownership, lease: Lease) -> tuple[Durable, float, list[LiveRequest]]:
        path = self._cell.path
        # The store's clock, because the ground's begins anew with each process.
        store_time, ground_time = lease.expires_at - TTL, self._cell.ground.clock()
        records = await DecisionRecords.open(self._store, path, self._keep.decisions)
        results = Results(path, self._keep)
        await results.load(self._store)
        book = MessageBook(self._cell, await self._places(path))
        live = [self._restore(stream, found, book) async for stream, found in self._streams(path)]
        durable = Durable(
            self._coordinator, self._store, own=own, book=book, records=records, results=results
        )
        # A clock that was set back must not bring a time before what has happened.
        offset = max(store_time, self._latest) - ground_time
        return durable, offset, live

    async def _places(self, path: str) -> dict[str, str]:
        item = await self._store.state(COORDINATORS).get(short(path))
        return {} if item is None else dict(item.data["classes"])

    async def _streams(self, path: str) -> AsyncIterator[tuple[str, Recovered]]:
        streams, prefix, after = self._store.streams, streams_of(path), ""
        while page := await streams.streams(prefix, after=after, limit=_PAGE):
            # All reads of a page are handed over before the first is waited for.
            for stream, reading in [(one.name, streams.recover(one.name)) for one in page]:
                yield stream, await reading
            after = page[-1].name

    def _restore(self, stream: str, found: Recovered, book: MessageBook) -> LiveRequest:
        """Make the state of a request of its events."""
        pipeline = self._coordinator.pipeline
        first, *rest = (event.data for event in found.events)
        if not isinstance(first, dict) or "events" not in first:
            raise StoreCorrupt(f"stream {stream}", 1, "it does not begin with a header")
        header = Header.of(first.get("header"), stream)
        if header.shape != fingerprint(pipeline):
            raise ConfigError(
                self._cell.path,
                f"request {header.id} was begun by another shape of pipeline {pipeline.name}",
                "let the version that began it finish, or use another store",
            )
        state = RequestState.new(
            pipeline,
            header.id,
            correlation_id=header.correlation_id,
            key_prefix=header.key_prefix(),
        )
        past = self._decode(stream, [first["events"], *rest], header, book)
        live = LiveRequest(replay(state, past), header.context())
        live.header, live.written = header, found.version
        live.is_answered = live.state.answered
        self._latest = max(self._latest, past[-1][1])
        return live

    def _decode(
        self, stream: str, entries: list[Any], header: Header, book: MessageBook
    ) -> list[tuple[events.Event, float]]:
        try:
            past = [book.decode(event) for entry in entries for event in entry]
        except CodecError as error:
            raise ConfigError(
                self._cell.path,
                f"request {header.id} cannot be read: {error}",
                "its message classes have to be where they were, or in a contract of the tree",
            ) from error
        if not past:
            raise StoreCorrupt(f"stream {stream}", 1, "it has no events")
        return past


def when_tree_is_up(cell: Cell, then: Callable[[], None]) -> None:
    """Call back once no supervisor above the cell is still starting its children."""
    starting = [one for one in _above(cell) if one.state is STARTING]
    if not starting:
        then()
        return
    top = starting[-1].path

    def listen(event: Any) -> None:
        if isinstance(event, AgentStarted) and event.path == top:
            forget()
            then()

    forget = cell.ground.observers.add(listen)


def _above(cell: Cell) -> list[Cell]:
    above = []
    while cell.parent is not None:
        cell = cell.parent
        above.append(cell)
    return above
