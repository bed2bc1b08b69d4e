"""`Gate`: an agent takes no more mail while it has as much under way as it may.

The mailbox is held as by an async handler at work, so that its bound and its
overflow policy count for those who wait. Signals, replies and re-entrant
handlers go on.
"""

from __future__ import annotations

from typing import Any

from harmonium.actors.agent import Agent
from harmonium.actors.execution import Execution
from harmonium.actors.promise import Promise
from harmonium.protocols.errors import SpecError

__all__ = ["Gate", "checked"]


class Gate:
    """Counts what is under way, and holds the mailbox at the limit.

    Args:
        agent: Whose mailbox.
        limit: How many may be under way, at least 1.

    Raises:
        SpecError: If the limit is below 1.
    """

    def __init__(self, agent: Agent, limit: int) -> None:
        self._agent = agent
        self.limit = checked(type(agent).__name__, limit)
        self._room: Promise[None] | None = None

    def entered(self, count: int) -> None:
        """Note that so many are under way, one more than before."""
        if count >= self.limit and self._room is None:
            cell = self._agent._cell
            self._room = Promise(cell.ground)
            cell.ground.signal(cell, self._hold)

    def left(self, count: int) -> None:
        """Note that so many are under way, one less than before."""
        room = self._room
        if room is not None and count < self.limit:
            self._room = None
            room.settle(None)

    def _hold(self) -> None:
        cell = self._agent._cell
        if self._room is not None and cell.agent is self._agent:
            execution = Execution(cell, None, _wait(self._room), _over)
            cell.ground.begin(cell, execution, reentrant=False)


def checked(place: str, limit: int) -> int:
    """Give the limit.

    Raises:
        SpecError: If it is below 1, or no whole number.
    """
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
        raise SpecError(place, f"its limit is {limit!r}", "give at least 1")
    return limit


async def _wait(room: Promise[None]) -> None:
    await room


def _over(execution: Execution, _: Any, error: BaseException | None) -> None:
    del error
    execution.cell.ground.end(execution.cell, execution)
