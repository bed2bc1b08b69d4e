"""`Deferred`: an answer that an agent owes and gives later than its handler returns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harmonium.protocols.errors import AskFailed

if TYPE_CHECKING:
    from harmonium.actors.cell import Cell
    from harmonium.actors.context import RawEnvelope

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
            cell.more.deferred.add(self)

    def reply(self, value: Any) -> None:
        """Answer; later answers are ignored."""
        self._respond(value, failed=False)

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
        cell.more.deferred.discard(self)
        if self._envelope[2] is not None:
            cell.ground.respond(self._envelope, value, failed=failed)
