"""`SqlStore`: group commit in one thread, queries in another."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from typing import Any, TypeVar

import attrs
from loguru import logger
from sqlalchemy import Connection

from harmonium.actors.store.batches import BatchThread
from harmonium.actors.store.core import Reader
from harmonium.actors.store.draft import Draft, Keys
from harmonium.actors.store.items import REVISIONS
from harmonium.actors.store.operations import Unit, decide_group, groups_of
from harmonium.actors.store.parts import Parts
from harmonium.actors.store.pending import Outcome, Pending, settle
from harmonium.actors.store.sql.engines import Engines
from harmonium.actors.store.sql.failures import explain
from harmonium.actors.store.sql.reading import SqlReader
from harmonium.actors.store.sql.schema import prepare
from harmonium.actors.store.sql.statements import Statements
from harmonium.actors.store.sql.writing import Writing
from harmonium.actors.store.sweeping import Sweeps
from harmonium.actors.store.values import Statistics
from harmonium.actors.store.watching import Watch, Watchers
from harmonium.protocols.errors import StoreError

__all__ = ["SqlStore"]

T = TypeVar("T")


@attrs.frozen(slots=True, eq=False)
class _Read:
    """A query that waits for its turn."""

    query: Callable[[Reader], Any]
    pending: Pending[Any]


class SqlStore(Parts):
    """A store on SQL; `harmonium.actors.store.open_store` makes one.

    Two threads, each with one connection. All units that wait when a commit ends
    form the next group: one transaction, one sync. Queries do not wait for
    commits. A group that fails gives each of its units a `StoreError`, and the
    next group is tried afresh.

    Args:
        engines: The database.
        now: The clock, in seconds; None takes the database's.
        poll_every: How often to look for changes of other processes, in seconds,
            while there is a watch.
        sweep_every: At least how many seconds lie between two sweeps of expired
            values; a sweep goes with a write.
        backlog: Most units that may wait; more are refused with `StoreError`.

    Raises:
        StoreError: If the database cannot be opened or has another schema.
        StoreCorrupt: If it is damaged.
    """

    def __init__(
        self,
        engines: Engines,
        *,
        now: Callable[[], float] | None = None,
        poll_every: float = 0.5,
        sweep_every: float = 60.0,
        backlog: int = 100_000,
    ) -> None:
        super().__init__()
        self._engines = engines
        self._now = _clock(engines, now)
        self._poll_every = poll_every
        self._next_poll = 0.0
        self._sweeps = Sweeps(sweep_every)
        self._time = 0.0
        self._statements = Statements(engines.writer.dialect.name)
        self._watchers = Watchers()
        self._statistics = Statistics()
        self._prepare()
        self._writer = BatchThread(
            "harmonium-store-writer", self._commit, largest=5_000, backlog=backlog
        )
        self._reader = BatchThread(
            "harmonium-store-reader",
            self._answer,
            largest=100,
            backlog=backlog,
            patience=lambda: poll_every if self._watchers else None,
            end=self._release,
        )

    def _prepare(self) -> None:
        try:
            with self._engines.writer.begin() as connection:
                prepare(connection, self._engines.place)
        except Exception as error:
            self._engines.dispose()
            raise explain(error, self._engines.place) from None

    # -- writing

    def submit(self, unit: Unit) -> None:
        """Let the unit be committed with the next group."""
        self._writer.submit(unit)

    def _commit(self, units: list[Unit]) -> None:
        """Commit what waits: in the writer's thread."""
        for group, keys in groups_of(units):
            self._commit_group(group, keys)
        if self._sweeps.is_due(self._time):
            for group, keys in groups_of([self._sweeps.unit()]):
                self._commit_group(group, keys)

    def _commit_group(self, units: list[Unit], keys: Keys) -> None:
        try:
            outcomes, draft = self._transact(units, keys)
        except BaseException as error:
            problem = explain(error, self._engines.place)
            logger.error("a group of {} writes was not committed: {}", len(units), problem)
            self._count(units, failures=1)
            settle([(unit.pending, (None, copy.copy(problem))) for unit in units])
            return
        self._count(units, commits=1)
        settle(zip((unit.pending for unit in units), outcomes, strict=True))
        self._watchers.notify(draft.state_changes(), draft.numbers(REVISIONS))

    def _transact(self, units: list[Unit], keys: Keys) -> tuple[list[Outcome], Draft]:
        with self._engines.writer.begin() as connection:
            now = self._time = self._now(connection)
            writing = Writing(connection, self._statements)
            draft = Draft(writing.load(keys, now))
            outcomes = decide_group(units, draft, now)
            writing.write(draft)
        return outcomes, draft

    def _count(self, units: list[Unit], *, commits: int = 0, failures: int = 0) -> None:
        self._statistics = self._statistics.plus(len(units), commits, failures)

    # -- reading

    def read(
        self, query: Callable[[Reader], Any], convert: Callable[[Any], T] | None = None
    ) -> Pending[T]:
        """Let the query be answered in the reader's thread."""
        pending: Pending[T] = Pending(convert)
        self._reader.submit(_Read(query, pending))
        return pending

    def _answer(self, reads: list[_Read]) -> None:
        """Answer queries in one transaction: in the reader's thread."""
        outcomes: list[Outcome] = []
        while len(outcomes) < len(reads):
            self._answer_some(reads, outcomes)
        settle(zip((read.pending for read in reads), outcomes, strict=True))
        if self._watchers and time.monotonic() >= self._next_poll:
            self._poll()

    def _answer_some(self, reads: list[_Read], outcomes: list[Outcome]) -> None:
        """Answer queries until one breaks the transaction."""
        begun = False
        try:
            with self._engines.reader.begin() as connection:
                begun = True
                reader = SqlReader(connection, self._now)
                outcomes.extend(_ask(reader, read) for read in reads[len(outcomes) :])
        except BaseException as error:
            problem = explain(error, self._engines.place)
            failed = 1 if begun else len(reads)
            rest = reads[len(outcomes) :][:failed]
            outcomes.extend((None, copy.copy(problem)) for _ in rest)

    # -- watching

    def watch(self, watch: Watch) -> Pending[Watch]:
        """Begin to report changes to a watch."""

        def begin(reader: Reader) -> Watch:
            self._watchers.add(watch, lambda w: reader.items(w.namespace, w.prefix, "", None))
            return watch

        return self.read(begin)

    def _poll(self) -> None:
        """Look for what other processes have changed: in the reader's thread."""
        self._next_poll = time.monotonic() + self._poll_every
        try:
            with self._engines.reader.begin() as connection:
                reader = SqlReader(connection, self._now)
                counter = reader.counter(REVISIONS)
                self._watchers.compare(
                    counter[0] if counter else 0,
                    lambda watch: reader.items(watch.namespace, watch.prefix, "", None),
                )
        except Exception as error:
            problem = explain(error, self._engines.place)
            logger.warning("changes of other processes are not seen: {}", problem)

    # -- the end

    def statistics(self) -> Statistics:
        """What the store has done since it was opened."""
        return attrs.evolve(self._statistics, waiting=self._writer.waiting())

    def close(self) -> None:
        """Commit what was handed over, then close; see `Store.close`."""
        self._writer.close()
        self._reader.close()
        self._reader.join()

    async def aclose(self) -> None:
        """`close` without blocking the event loop."""
        self._writer.close()
        self._reader.close()
        await self._reader.ended
        self._reader.join()

    def _release(self) -> None:
        """Close what is left: in the reader's thread, which ends last."""
        self._writer.join()
        self._watchers.close()
        self._engines.dispose()


def _ask(reader: SqlReader, read: _Read) -> Outcome:
    try:
        return read.query(reader), None
    except StoreError as error:
        return None, error.with_traceback(None)


def _clock(engines: Engines, now: Callable[[], float] | None) -> Callable[[Connection], float]:
    if now is not None:
        return lambda _: now()
    return engines.now or (lambda _: time.time())
