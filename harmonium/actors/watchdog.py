"""The watchdog on handlers: one that is at work for longer than its limit is told about.

An async handler is cancelled at its limit, as a crash (`failing.overrun`). A
blocking one runs in a thread that nobody can end, and any other handler holds the
ground's own thread: of these the observers and the supervisor hear, and its
journal keeps it. A blocking handler is told about at its limit and each time that
the time has doubled; one that holds the ground's thread when it has come back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from harmonium.actors.burying import report_to_parent
from harmonium.protocols.lifecycle import Overran

if TYPE_CHECKING:
    from harmonium.actors.cell import Cell
    from harmonium.actors.context import RawEnvelope
    from harmonium.actors.handlers import Handler

__all__ = ["watched"]


def watched(cell: Cell, handler: Handler, envelope: RawEnvelope) -> Handler:
    """Have an eye on one run of a handler; gives what is to be called in its place.

    Args:
        cell: Whose handler; it has a limit.
        handler: The one that is about to run.
        envelope: What it is to handle.
    """
    if handler.is_async:
        return handler  # its execution has a timer of its own
    if not handler.blocking:
        return _timed(cell, handler)
    limit = cell.birth.handler_limit or 0.0
    _look_again(cell, cell.incarnation, handler.name, envelope, limit, limit)
    return handler


def _timed(cell: Cell, handler: Handler) -> Handler:
    clock, limit, function = cell.ground.clock, cell.birth.handler_limit or 0.0, handler.function

    def run(agent: Any, message: Any) -> Any:
        began = clock()
        try:
            return function(agent, message)
        finally:
            taken = clock() - began
            if taken > limit:
                _tell(cell, handler.name, taken, done=True)

    return attrs.evolve(handler, function=run)


def _look_again(
    cell: Cell, incarnation: int, name: str, envelope: RawEnvelope, delay: float, seconds: float
) -> None:
    cell.ground.after(delay, _look, cell, incarnation, name, envelope, seconds)


def _look(cell: Cell, incarnation: int, name: str, envelope: RawEnvelope, seconds: float) -> None:
    if cell.incarnation == incarnation and cell.offloop and cell.more.blocking is envelope:
        _tell(cell, name, seconds, done=False)
        _look_again(cell, incarnation, name, envelope, seconds, 2 * seconds)


def _tell(cell: Cell, name: str, seconds: float, *, done: bool) -> None:
    cell.ground.observers.overran(cell, name, seconds, done=done)
    if cell.parent is not None and cell.parent.agent is not None and cell.parent.agent.supervises:
        report_to_parent(cell, Overran(cell.id, cell.incarnation, seconds, name, done))
