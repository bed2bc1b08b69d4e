"""The topic journal: one log for all durable topics, and cursors in the state."""
# ruff: noqa: D102 - the port has the docstrings

from __future__ import annotations

from harmonium.actors.store.core import Core, Reader, Span
from harmonium.actors.store.items import DeleteItem, PutItem
from harmonium.actors.store.journal_ports import TopicJournal
from harmonium.actors.store.logs import AppendRecords, TrimLog, counter_of, id_before
from harmonium.actors.store.operations import Operation
from harmonium.actors.store.payload import Payload
from harmonium.actors.store.pending import Pending
from harmonium.actors.store.rows import NumberedRow, entry_of, item_of
from harmonium.actors.store.taken import CURSORS, JOURNAL, TrimTaken
from harmonium.actors.store.values import Fence, Page

__all__ = ["CURSORS", "JOURNAL", "PublishEntries", "Topics"]


def PublishEntries(topic: str, *data: Payload) -> AppendRecords:  # noqa: N802 - an operation
    """Publish to a topic; the result is the offsets. See `TopicJournal.publish`."""
    return AppendRecords(JOURNAL, data, key=topic)


class Topics(TopicJournal):
    """The topic journal of a store."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def publish(
        self, topic: str, *data: Payload, fence: Fence | None = None
    ) -> Pending[tuple[int, ...]]:
        return self._core.write(PublishEntries(topic, *data), fence)

    def read(self, after: int = 0, *, prefix: str = "", limit: int = 1000) -> Pending[Page]:
        def query(reader: Reader) -> tuple[list[NumberedRow], int]:
            rows = reader.records(Span(JOURNAL, after=after, prefix=prefix, limit=limit))
            if len(rows) >= limit:
                return rows, rows[-1][0] if rows else after
            end = reader.counter(counter_of(JOURNAL))
            return rows, max(after, end[0] if end else 0)

        return self._core.read(
            query, lambda found: Page(tuple(entry_of(row) for row in found[0]), found[1])
        )

    def end(self) -> Pending[int]:
        return self._core.read(
            lambda reader: reader.counter(counter_of(JOURNAL)), lambda row: row[0] if row else 0
        )

    def offset_at(self, time: float) -> Pending[int]:
        return self._core.read(lambda reader: id_before(reader, JOURNAL, time))

    def cursor(self, subscription: str) -> Pending[int]:
        return self._core.read(
            lambda reader: reader.item(CURSORS, subscription),
            lambda row: 0 if row is None else int(item_of(CURSORS, subscription, row).data),
        )

    def cursors(self) -> Pending[dict[str, int]]:
        return self._core.read(
            lambda reader: reader.items(CURSORS, "", "", None),
            lambda rows: {key: int(item_of(CURSORS, key, row).data) for key, row in rows},
        )

    def move(self, subscription: str, offset: int, *, fence: Fence | None = None) -> Pending[int]:
        return self._core.write(self.moving(subscription, offset), fence)

    def moving(self, subscription: str, offset: int) -> Operation:
        return PutItem(CURSORS, subscription, offset)

    def forget(self, subscription: str, *, fence: Fence | None = None) -> Pending[bool]:
        return self._core.write(DeleteItem(CURSORS, subscription), fence)

    def trim(
        self,
        *,
        up_to: int | None = None,
        before: float | None = None,
        keep: int | None = None,
        limit: int = 10_000,
    ) -> Pending[int]:
        operation = TrimLog(JOURNAL, up_to=up_to, before=before, keep=keep, limit=limit)
        return self._core.write(operation)

    def trim_taken(
        self,
        *,
        before: float | None = None,
        older: float | None = None,
        keep: int | None = None,
        limit: int = 10_000,
    ) -> Pending[int]:
        return self._core.write(TrimTaken(before=before, older=older, keep=keep, limit=limit))
