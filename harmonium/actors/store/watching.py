"""`Watch`: who wants to hear of changes to the state, and what was reported already."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from typing import TypeAlias

from loguru import logger

from harmonium.actors.store.rows import ItemRow, item_of
from harmonium.actors.store.values import Change

__all__ = ["StateChange", "Watch", "Watchers"]

StateChange: TypeAlias = tuple[int, str, str, ItemRow | None]
"""number, namespace, key, the new row or None; numbers rise with every change in the store"""

Rows: TypeAlias = Iterable[tuple[str, ItemRow]]
"""keys and rows"""


class Watch:
    """A callback for the keys of one namespace that begin with a prefix.

    Args:
        namespace: The namespace.
        prefix: What the keys begin with.
        callback: Called with each `Change`.
        ended: Called once, when the watch or its store is closed.
    """

    def __init__(
        self,
        namespace: str,
        prefix: str,
        callback: Callable[[Change], object],
        ended: Callable[[], object] | None = None,
    ) -> None:
        self.namespace = namespace
        self.prefix = prefix
        self.is_open = True
        self._callback = callback
        self._ended = ended
        self._known: dict[str, int] = {}

    def close(self) -> None:
        """Stop reporting. A callback that runs in another thread still ends."""
        if self.is_open:
            self.is_open = False
            if self._ended is not None:
                self._ended()

    def begin(self, rows: Rows) -> None:
        """Take what is there now as known."""
        self._known = {key: row[0] for key, row in rows}

    def offer(self, change: StateChange) -> None:
        """Report a change, unless it is another's or was reported."""
        number, namespace, key, row = change
        if namespace != self.namespace or not key.startswith(self.prefix):
            return
        if row is None:
            if self._known.get(key, number) < number:
                del self._known[key]
                self._report(key, None)
        elif self._known.get(key, 0) < number:
            self._known[key] = number
            self._report(key, row)

    def compare(self, rows: dict[str, ItemRow], mark: int) -> None:
        """Report how all rows, as they were at number `mark`, differ from what is known."""
        for key in [key for key, number in self._known.items() if number <= mark]:
            if key not in rows:
                self.offer((mark + 1, self.namespace, key, None))
        for key, row in sorted(rows.items(), key=lambda pair: pair[1][0]):
            self.offer((row[0], self.namespace, key, row))

    def _report(self, key: str, row: ItemRow | None) -> None:
        if not self.is_open:
            return
        try:
            item = None if row is None else item_of(self.namespace, key, row)
            self._callback(Change(self.namespace, key, item))
        except Exception as error:
            logger.opt(exception=error).error(
                "the watch on {}/{} raised", self.namespace, self.prefix
            )


class Watchers:
    """All watches of a store, and which changes of the state were its own.

    Changes are numbered by the store, over all processes: what lies between two
    looks and was not our own, another process did.
    """

    def __init__(self) -> None:
        # Callbacks run under it, so that they see changes in order.
        self._lock = threading.RLock()
        self._watches: list[Watch] = []
        self._news: deque[StateChange] = deque()
        self._reporting = False
        self._own: list[range] = []
        self._seen = 0

    def __bool__(self) -> bool:
        return bool(self._watches)

    def add(self, watch: Watch, look: Callable[[Watch], Rows]) -> None:
        """Begin a watch with the rows that `look` sees.

        `look` runs under the lock: a change that it does not see is notified later.
        """
        with self._lock:
            watch.begin(look(watch))
            self._watches.append(watch)

    def close(self) -> None:
        """End all watches."""
        with self._lock:
            watches, self._watches = self._watches, []
        for watch in watches:
            watch.close()

    def notify(self, changes: list[StateChange], numbers: range) -> None:
        """Report what this store has just made durable.

        Args:
            changes: The changes, in order.
            numbers: All numbers that the commit used up.
        """
        if not self._watches or not numbers:
            return
        with self._lock:
            self._remember(numbers)
            self._news.extend(changes)
            if self._reporting:
                return  # a callback has written: its change comes after what is reported now
            self._reporting = True
            try:
                self._report_news()
            finally:
                self._reporting = False

    def _remember(self, numbers: range) -> None:
        if self._own and self._own[-1].stop == numbers.start:
            numbers = range(self._own.pop().start, numbers.stop)
        self._own.append(numbers)

    def _report_news(self) -> None:
        while self._news:
            change = self._news.popleft()
            for watch in list(self._watches):
                watch.offer(change)

    def compare(self, mark: int, look: Callable[[Watch], Rows]) -> None:
        """Report what other processes have changed up to number `mark`."""
        with self._lock:
            self._watches = [watch for watch in self._watches if watch.is_open]
            newest = max((numbers.stop - 1 for numbers in self._own), default=0)
            if mark < newest:
                return  # an old look: what it lacks was reported already
            if not self._all_own(mark):
                for watch in list(self._watches):
                    watch.compare(dict(look(watch)), mark)
            self._own = self._own[-1:]
            self._seen = mark

    def _all_own(self, mark: int) -> bool:
        seen = self._seen + 1
        own = sum(max(0, numbers.stop - max(numbers.start, seen)) for numbers in self._own)
        return own >= mark - self._seen
