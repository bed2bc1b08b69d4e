"""`MemoryStore`: a store in the memory of this process, for tests, simulation and runs without one.

It starts no thread and has no clock of its own: the same calls at the same
times give the same results. Without a disk, a write is done when the method
returns. On a disk, it is done when the disk has synced it; writes that come
meanwhile wait and form the next group, as in the other stores.
"""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar

import attrs

from harmonium.actors.store.core import Reader
from harmonium.actors.store.disk import Disk, pack, unpack
from harmonium.actors.store.draft import Draft, Keys
from harmonium.actors.store.items import REVISIONS
from harmonium.actors.store.operations import Unit, decide_group, groups_of
from harmonium.actors.store.parts import Parts
from harmonium.actors.store.pending import Outcome, Pending, settle
from harmonium.actors.store.sweeping import Sweeps
from harmonium.actors.store.tables import Changes, Tables, changes_of
from harmonium.actors.store.values import Statistics
from harmonium.actors.store.watching import StateChange, Watch, Watchers
from harmonium.protocols.errors import StoreError

__all__ = ["MemoryStore"]

T = TypeVar("T")


@attrs.frozen
class _Group:
    """A decided group that waits for its sync."""

    units: list[Unit]
    outcomes: list[Outcome]
    changes: Changes
    reports: list[StateChange]
    numbers: range


class MemoryStore(Parts):
    """A store in memory; see the module.

    Args:
        now: The clock, in seconds.
        disk: Where groups are synced, and what the store begins with; None
            keeps nothing beyond the life of this object.
        sweep_every: At least how many seconds lie between two sweeps of expired
            values; a sweep goes with a write.

    Raises:
        StoreCorrupt: If a record on the disk, but the last, is damaged.
    """

    def __init__(
        self,
        now: Callable[[], float],
        *,
        disk: Disk | None = None,
        sweep_every: float = 60.0,
    ) -> None:
        super().__init__()
        self._tables = Tables(now)
        self._disk = disk
        self._sweeps = Sweeps(sweep_every)
        self._lock = threading.RLock()
        self._waiting: deque[Unit] = deque()
        self._syncing: _Group | None = None
        self._problem = ""
        self._watchers = Watchers()
        self._statistics = Statistics()
        if disk is not None:
            self._read(disk)

    def _read(self, disk: Disk) -> None:
        records = list(disk.records())
        count = 0
        for changes in unpack(records):
            self._tables.apply(changes)
            count += 1
        if count < len(records):
            disk.truncate(count)

    # -- writing

    def submit(self, unit: Unit) -> None:
        """Commit the unit now, or with the group after the one that is being synced."""
        with self._lock:
            self._check_open()
            self._waiting.append(unit)
            if self._sweeps.is_due(self._tables.now()):
                self._waiting.append(self._sweeps.unit())
            self._next_groups()

    def _check_open(self) -> None:
        if self._problem:
            raise StoreError(self._problem)

    def _next_groups(self) -> None:
        while self._waiting and self._syncing is None:
            units, keys = next(groups_of(self._waiting))
            for _ in units:
                self._waiting.popleft()
            self._begin(self._decide(units, keys))

    def _decide(self, units: list[Unit], keys: Keys) -> _Group:
        now = self._tables.now()
        draft = Draft(self._tables.load(keys, now))
        outcomes = decide_group(units, draft, now)
        numbers = draft.numbers(REVISIONS)
        return _Group(units, outcomes, changes_of(draft), draft.state_changes(), numbers)

    def _begin(self, group: _Group) -> None:
        self._syncing = group
        if self._disk is None or not group.changes:
            self._synced(None)
            return
        try:
            self._disk.append(pack(group.changes))
        except OSError as error:
            self._refuse(group, f"the disk took no record: {error}")
            return
        self._disk.sync(self._synced)

    def _refuse(self, group: _Group, problem: str) -> None:
        self._syncing = None
        self._count(group, failures=1)
        settle([(unit.pending, (None, StoreError(problem))) for unit in group.units])

    def _synced(self, error: OSError | None) -> None:
        """Finish the group that the disk has synced; it calls this once for each sync."""
        with self._lock:
            group = self._syncing
            if group is None:
                return
            if error is not None:
                self._fail(group, f"the disk did not sync: {error}; open the store again")
                return
            self._tables.apply(group.changes)
            self._syncing = None
            self._count(group, commits=1)
            settle(zip((unit.pending for unit in group.units), group.outcomes, strict=True))
            self._watchers.notify(group.reports, group.numbers)
            self._next_groups()

    def _fail(self, group: _Group, problem: str) -> None:
        self._problem = problem
        self._refuse(group, problem)
        waiting, self._waiting = self._waiting, deque()
        settle([(unit.pending, (None, StoreError(problem))) for unit in waiting])
        self._watchers.close()

    def _count(self, group: _Group, *, commits: int = 0, failures: int = 0) -> None:
        self._statistics = self._statistics.plus(len(group.units), commits, failures)

    # -- reading

    def read(
        self, query: Callable[[Reader], Any], convert: Callable[[Any], T] | None = None
    ) -> Pending[T]:
        """Run the query now."""
        pending: Pending[T] = Pending(convert)
        with self._lock:
            self._check_open()
            try:
                outcome: Outcome = (query(self._tables), None)
            except StoreError as error:
                outcome = (None, error.with_traceback(None))
        settle([(pending, outcome)])
        return pending

    def watch(self, watch: Watch) -> Pending[Watch]:
        """Begin to report changes to a watch."""
        pending: Pending[Watch] = Pending()
        with self._lock:
            self._check_open()
            self._watchers.add(watch, lambda w: self._tables.items(w.namespace, w.prefix, "", None))
        settle([(pending, (watch, None))])
        return pending

    def statistics(self) -> Statistics:
        """What the store has done since it was opened."""
        with self._lock:
            waiting = len(self._waiting) + (len(self._syncing.units) if self._syncing else 0)
            return attrs.evolve(self._statistics, waiting=waiting)

    # -- the end

    def close(self) -> None:
        """Take no more; what waits for the disk is settled when the disk has synced."""
        with self._lock:
            self._problem = self._problem or "the store is closed"
        self._watchers.close()

    async def aclose(self) -> None:
        """Take no more, and wait until the disk has synced what was handed over."""
        if not self._problem:
            last = self.commit()
            self.close()
            with contextlib.suppress(StoreError):
                await last
