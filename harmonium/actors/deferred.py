"""`Deferred`: an answer that an agent owes and gives later than its handler returns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harmonium.actors.cell import NONE_YET
from harmonium.actors.streaming import StreamAsk
from harmonium.protocols.errors import AskFailed

if TYPE_CHECKING:
    from harmonium.actors.cell import Cell
    from harmonium.actors.context import RawEnvelope
    from harmonium.protocols.partial import Partial

__all__ = ["Deferred"]


class Deferred:
    """The right and the duty to answer one asker, once.

    If the agent crashes or ends first, the asker hears that at once.
    """

    __slots__ = ("_cell", "_envelope")

    def __init__(self, cell: Cell, envelope: RawEnvelope) -> None:
        self._cell: Cell | None = cell
        self._envelope = envelope
        if envelope[2] is not None:
            envelope[2].answered = True
            more = cell.more
            if more.deferred is NONE_YET:
                more.deferred = {}
            more.deferred[self] = None

    def reply(self, value: Any) -> None:
        """Answer; later answers are ignored."""
        self._respond(value, failed=False)

    @property
    def streams(self) -> bool:
        """Whether the asker wants parts of the answer, and is still there."""
        promise = self._envelope[2]
        return isinstance(promise, StreamAsk) and not promise.done()

    def part(self, part: Partial) -> None:
        """Send a part of the answer ahead; dropped when the asker does not stream or is gone."""
        if self._cell is not None and self.streams:
            self._cell.ground.respond(self._envelope, part, failed=False)

    def fail(self, error: BaseException) -> None:
        """Answer with an error."""
        cell = self._cell
        if cell is not None and not isinstance(error, AskFailed | AssertionError):
            error = error if hasattr(error, "envelope") else AskFailed.of(cell.path, error)
        self._respond(error, failed=True)

    def _respond(self, value: Any, *, failed: bool) -> None:
        cell, self._cell = self._cell, None
        if cell is None:
            return
        if self._envelope[2] is not None:
            cell.more.deferred.pop(self, None)
            cell.ground.respond(self._envelope, value, failed=failed)
