"""Dead letters in a store: written behind the office, in as few commits as the store allows."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import attrs
from loguru import logger

from harmonium.actors.dead_letter_forms import Stored
from harmonium.actors.dead_letter_values import DeadLetter
from harmonium.actors.promise import Promise
from harmonium.actors.store.items import DeleteItem
from harmonium.actors.store.logs import AppendRecords, DeleteRecords
from harmonium.actors.store.operations import Operation
from harmonium.actors.store.payload import encode
from harmonium.protocols.envelope import Envelope
from harmonium.protocols.errors import StoreError

if TYPE_CHECKING:
    from harmonium.actors.ground import Ground
    from harmonium.actors.store.ports import Store

__all__ = ["LETTERS", "LetterFile", "Saved", "load_letters"]

LETTERS = "dead-letters"
"""The log of the letters, and the namespace of the marks of those that were replayed."""

REMEMBERED = 30 * 86_400.0
"""Seconds for which the store knows that a letter was replayed."""

MOST = 1_000
"""Letters that are written in one commit."""


@attrs.frozen(slots=True)
class Saved:
    """A letter as the store has it.

    Args:
        id: Its id.
        record: Number of its record in the log.
        data: All of it, as a JSON value.
        age: How long ago it died, in seconds.
        replayed: Whether it was sent again.
    """

    id: str
    record: int
    data: dict[str, Any]
    age: float
    replayed: bool

    def letter(self, now: float) -> DeadLetter:
        """Make the letter, at this time of the ground's clock."""
        data = self.data
        about = data["envelope"]
        message = data["message"]
        envelope = Envelope(
            message=Stored(str(message.get("type", "?")), json.dumps(message)),
            sender=about["sender"],
            recipient=about["recipient"],
            id=data["id"],
            correlation_id=about["correlation_id"],
            causation_id=about["causation_id"],
            idempotency_key=about["idempotency_key"],
            traceparent=about["traceparent"],
        )
        return DeadLetter(
            envelope,
            data["reason"],
            now - self.age,
            data["detail"],
            data["attempts"],
            data["bundle"],
        )


def load_letters(store: Store, limit: int) -> list[Saved]:
    """Read the newest letters, oldest first; waits for the store, so only in a plain thread."""
    now = store.now().result()
    records = store.log(LETTERS).scan(newest_first=True, limit=limit).result()
    marks = {item.key for item in store.state(LETTERS).list(limit=1_000_000).result()}
    return [
        Saved(one.data["id"], one.id, one.data, max(0.0, now - one.at), one.data["id"] in marks)
        for one in reversed(records)
    ]


class LetterFile:
    """The letters of one office in the store.

    At most one commit is under way; what comes meanwhile goes into the next.
    So a storm of letters costs few commits, and one that the office has let go
    before it was written is never written.

    Args:
        ground: Whose office.
        store: Where.
        written: Makes the JSON value of a letter.
    """

    def __init__(
        self, ground: Ground, store: Store, written: Callable[[DeadLetter], dict[str, Any]]
    ) -> None:
        self._written = written
        self._ground = ground
        self._store = store
        self._new: dict[str, DeadLetter] = {}
        self._writing: dict[str, bool] = {}
        self._records: dict[str, int] = {}
        self._gone: list[int] = []
        self._marked: set[str] = set()
        self._unmark: list[str] = []
        self._busy = False
        self._closed = False
        self._waiting: list[Promise[None]] = []
        self.unsaved = 0

    def load(self, limit: int) -> list[Saved]:
        """Read what is there; older letters than the newest `limit` are deleted."""
        found = load_letters(self._store, limit)
        self._records = {one.id: one.record for one in found}
        self._marked = {one.id for one in found if one.replayed}
        if len(found) == limit:
            self._store.log(LETTERS).trim(keep=limit)
        return found

    def keep(self, id: str, letter: DeadLetter) -> None:
        """Write a letter, in place of an older one with this id."""
        self.drop(id)
        self._new[id] = letter
        self._write()

    def drop(self, id: str) -> None:
        """Delete a letter, and what is known of its replay."""
        self._new.pop(id, None)
        if id in self._writing:
            self._writing[id] = False
        if id in self._records:
            self._gone.append(self._records.pop(id))
        if id in self._marked:
            self._marked.discard(id)
            self._unmark.append(id)
        self._write()

    def claim(self, id: str, tell: Callable[[bool | None], object]) -> None:
        """Mark a letter as replayed: True for the one who did, None if it is not known."""
        marks = self._store.state(LETTERS)
        claimed = self._ground.stateful.do(
            lambda: marks.compare_and_set(id, {}, revision=None, ttl=REMEMBERED)
        )

        def over(promise: Promise[int | None]) -> None:
            error = promise.exception()
            if error is not None:
                logger.warning("dead letter {}: its replay was not noted: {!r}", id, error)
                tell(None)
                return
            self._marked.add(id)
            tell(promise.result() is not None)

        claimed.then(over)

    def unclaim(self, id: str) -> None:
        """Take the mark back."""
        self._marked.discard(id)
        self._unmark.append(id)
        self._write()

    def flushed(self) -> Promise[None]:
        """Wait until all that was handed over is in the store, or was refused."""
        promise: Promise[None] = Promise(self._ground)
        if self._closed:
            promise.settle(None)
            return promise
        self._waiting.append(promise)
        self._settle()
        return promise

    def close(self) -> None:
        """Hand all over that is left, without waiting: the store is about to be closed."""
        if not self._closed:
            self._closed = True
            while self._left():
                self._commit()

    def _left(self) -> bool:
        return bool(self._new or self._gone or self._unmark)

    def _write(self) -> None:
        if self._busy or self._closed or self._ground.loop is None or not self._left():
            return
        with contextlib.suppress(RuntimeError):  # the loop is closed: `close` writes the rest
            self._ground.call_soon(self._begin)  # what the same turn still brings goes along
            self._busy = True

    def _begin(self) -> None:
        if self._closed or not self._left():
            self._over([], None)
            return
        names, pending = self._commit()
        if pending is None:
            self._over(names, None)
        else:
            self._ground.stateful.promise(pending).then(lambda done: self._over(names, done))

    def _commit(self) -> tuple[list[str], Any]:
        names = list(self._new)[:MOST]
        letters = [_storable(self._written(self._new.pop(id))) for id in names]
        operations: list[Operation] = [AppendRecords(LETTERS, letters)] if letters else []
        gone, self._gone = self._gone[:MOST], self._gone[MOST:]
        if gone:
            operations.append(DeleteRecords(LETTERS, tuple(gone)))
        unmark, self._unmark = self._unmark, []
        operations += [DeleteItem(LETTERS, id) for id in dict.fromkeys(unmark)]
        self._writing = dict.fromkeys(names, True)
        try:
            return names, self._store.commit(*operations)
        except StoreError as error:  # closed, or overloaded
            self._failed(names, error)
            return [], None

    def _over(self, names: list[str], done: Promise[Any] | None) -> None:
        self._busy = False
        wanted, self._writing = self._writing, {}
        error = None if done is None else done.exception()
        if error is not None:
            self._failed(names, error)
        elif done is not None and names:
            for id, record in zip(names, done.result()[0], strict=True):
                if wanted[id]:
                    self._records[id] = record
                else:
                    self._gone.append(record)
        self._write()
        self._settle()

    def _failed(self, names: list[str], error: BaseException) -> None:
        self.unsaved += len(names)
        logger.error("{} dead letters are in memory only: {!r}", len(names), error)

    def _settle(self) -> None:
        if not self._busy and not self._left():
            waiting, self._waiting = self._waiting, []
            for promise in waiting:
                promise.settle(None)


def _storable(data: dict[str, Any]) -> dict[str, Any]:
    """The letter, or its text where JSON has no form for it (a number that is none)."""
    try:
        encode(data)
    except StoreError as error:
        message = data["message"]
        text = {"type": message.get("type", "?"), "repr": repr(message), "why": str(error)}
        return {**data, "message": text}
    return data
