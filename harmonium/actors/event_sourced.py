"""`EventSourced`: an agent whose state is what its events come to.

A handler decides and persists events; `apply` alone changes the state. After a
crash of the agent, of the process or of the machine the events are applied
again before the first message, so the state is the one that was acknowledged.
"""

from __future__ import annotations

import inspect
from typing import Any, ClassVar

import attrs
from loguru import logger

from harmonium.actors.agent import Agent
from harmonium.actors.promise import Promise
from harmonium.actors.stateful import Stateful, tenure_of
from harmonium.actors.store.values import Fence, Recovered
from harmonium.protocols.errors import ContractError, HandlerError, StoreError
from harmonium.protocols.message import is_message_class

__all__ = ["EventSourced"]

REST_EVERY = 1000
"""Events applied in a row by a recovery before other agents get their turn."""

_JOURNAL = "_harmonium_journal"


@attrs.define
class _Journal:
    """How far one incarnation is in its stream.

    Args:
        stream: Name of the stream.
        fence: What its writes carry.
        version: The last event that was applied.
        handed: The last event that was handed over to the store.
        covered: The last event that a snapshot covers.
        applied: Settled at the next `apply`, for events that were stored before their turn.
        broken: Why nothing can be persisted any more.
    """

    stream: str
    fence: Fence
    version: int = 0
    handed: int = 0
    covered: int = 0
    applied: Promise[None] | None = None
    broken: BaseException | None = None


class EventSourced(Agent):
    """An agent that keeps its state as a stream of events in the system's store.

    ``await self.persist(event)`` stores the event and then calls ``apply(event)``,
    which changes the state. In a handler nothing else may change what `apply`
    changes. Every `snapshot_every` events the state is stored too, so a recovery
    reads one snapshot and a few events; give it in `snapshot` and take it in
    `restore`, with `snapshot_class` saying its class.

    Before its first message each incarnation recovers: mail waits, `started` and
    `after_restart` run afterwards. A recovery that fails is a failed start.

    When `persist` raises, nothing more can be persisted by this incarnation: let
    it crash, and the next one reads what is true. So a handler that is caught
    between store and memory cannot go on. With a store on disk what `persist`
    acknowledged survives everything; without one, the crash of the agent.

    Two incarnations never interleave, nor do two processes with the same stream:
    who began last writes, and the other gets `StaleToken` from its next
    `persist` and crashes. (To have one at a time, see `Singleton`.)

    Class attributes:
        events: The event classes it persists, each a message class.
        snapshot_class: The message class that `snapshot` gives; None takes no snapshots.
        snapshot_every: After how many events a snapshot is stored. At least 1.
        keeps_history: Whether events stay when a snapshot covers them.
    """

    events: ClassVar[tuple[type, ...]] = ()
    snapshot_class: ClassVar[type | None] = None
    snapshot_every: ClassVar[int] = 100
    keeps_history: ClassVar[bool] = False
    __prepares__: ClassVar[bool] = True

    def apply(self, event: Any) -> None:
        """Change the state as this event says; also called to recover.

        It must not raise, send, or look at anything but the event and the state.
        """
        raise HandlerError(
            type(self).__qualname__, "it has no apply", "write: def apply(self, event) -> None"
        )

    @property
    def event_stream(self) -> str:
        """Name of its stream in the store; the path unless a subclass says another."""
        return self.path

    @property
    def event_version(self) -> int:
        """How many events the state stands on."""
        journal: _Journal | None = self.__dict__.get(_JOURNAL)
        return 0 if journal is None else journal.version

    async def persist(self, *events: Any) -> int:
        """Store events, all or none, then apply them; gives the new version.

        Other handlers of the agent wait meanwhile (unless they are re-entrant:
        their events then follow, in order).

        Args:
            events: Instances of the classes in `events`, in order.

        Raises:
            ContractError: If one is of another class; nothing is stored.
            VersionConflict: If somebody else wrote to the stream; nothing is stored.
            StaleToken: If another incarnation has begun; nothing is stored.
            StoreError: If it is not known whether they are stored, or an
                earlier `persist` of this incarnation had failed.
        """
        tenure_of(self).check()
        journal: _Journal = self.__dict__[_JOURNAL]
        _check_whole(journal)
        data = [self._packed(event) for event in events]
        start, journal.handed = journal.handed, journal.handed + len(events)
        store = self._stateful.store
        stored = self._stateful.do(
            lambda: store.streams.append(
                journal.stream, data, expected_version=start, fence=journal.fence
            )
        )
        try:
            await stored
            while journal.version < start:
                await self._turn(journal)
        except BaseException as error:
            journal.broken = error
            raise
        self._apply_all(journal, events)
        return journal.version

    def _packed(self, event: Any) -> Any:
        if type(event) not in self.events:
            raise ContractError(
                type(self).__qualname__,
                f"it persists {type(event).__name__}, which its events do not name",
                f"add it: events = ({type(event).__name__},)",
            )
        return self._stateful.pack(event)

    def _turn(self, journal: _Journal) -> Promise[None]:
        """Wait until events that were handed over before have been applied."""
        _check_whole(journal)
        if journal.applied is None:
            journal.applied = Promise(self._cell.ground)
        return journal.applied

    def _apply_all(self, journal: _Journal, events: tuple[Any, ...]) -> None:
        for event in events:
            self.apply(event)
        journal.version += len(events)
        waiting, journal.applied = journal.applied, None
        if waiting is not None:
            waiting.settle(None)
        if journal.version - journal.covered >= self.snapshot_every:
            self._save_snapshot(journal)

    def _save_snapshot(self, journal: _Journal) -> None:
        """Hand a snapshot over; nobody waits for it, since the events are there without it."""
        state = None if self.snapshot_class is None else self.snapshot()
        if state is None:
            return
        version = journal.covered = journal.version
        data, streams = self._stateful.pack(state), self._stateful.store.streams
        compact, fence = not self.keeps_history, journal.fence
        saved = self._stateful.do(
            lambda: streams.save_snapshot(
                journal.stream, version, data, compact=compact, fence=fence
            )
        )
        saved.then(self._snapshot_over)

    def _snapshot_over(self, saved: Promise[bool]) -> None:
        error = saved.exception()
        if error is not None:
            logger.bind(path=self.path).warning(
                "{}: its snapshot was not stored: {!r}", self.path, error
            )

    # -- recovery

    async def _prepared(self, cause: BaseException | None) -> None:
        """Recover, then run the hook; the first message comes after both."""
        await self._recover()
        hook = self.started() if cause is None else self.after_restart(cause)
        if inspect.isawaitable(hook):
            await hook

    async def _recover(self) -> None:
        self._check_definition()
        fence = await tenure_of(self).begin()
        journal = _Journal(self.event_stream, fence)
        stateful = self._stateful
        recovered = await stateful.promise(stateful.store.streams.recover(journal.stream))
        await self._replay(recovered)
        journal.version = journal.handed = recovered.version
        journal.covered = recovered.snapshot.version if recovered.snapshot else 0
        self.__dict__[_JOURNAL] = journal

    async def _replay(self, recovered: Recovered) -> None:
        if recovered.snapshot is not None:
            self.restore(self._unpacked((self.snapshot_class,), recovered.snapshot))
        for count, event in enumerate(recovered.events, 1):
            self.apply(self._unpacked(self.events, event))
            if count % REST_EVERY == 0:
                await self.sleep(0)
        if recovered.events:
            logger.bind(path=self.path).debug(
                "{} recovered {} events", self.path, len(recovered.events)
            )

    def _unpacked(self, classes: tuple[Any, ...], stored: Any) -> Any:
        try:
            return self._stateful.unpack([cls for cls in classes if cls is not None], stored.data)
        except Exception as error:
            error.add_note(f"in stream {stored.stream}, version {stored.version}")
            raise

    def _check_definition(self) -> None:
        place = type(self).__qualname__
        wrong = [cls for cls in self.events if not is_message_class(cls)]
        if not self.events or wrong:
            problem = f"{wrong[0]!r} is no message class" if wrong else "it names no events"
            raise HandlerError(place, problem, "name them: events = (Deposited,)")
        if self.snapshot_class is not None and not is_message_class(self.snapshot_class):
            raise HandlerError(place, f"snapshot_class {self.snapshot_class!r} is no message class")
        if type(self.snapshot_every) is not int or self.snapshot_every < 1:
            raise HandlerError(place, f"snapshot_every is {self.snapshot_every!r}, not 1 or more")

    @property
    def _stateful(self) -> Stateful:
        return self._cell.ground.stateful


def _check_whole(journal: _Journal) -> None:
    if journal.broken is not None:
        raise StoreError(
            f"{journal.stream}: an earlier persist failed ({journal.broken}); "
            "let this incarnation crash"
        )
