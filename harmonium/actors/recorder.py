"""`FlightRecorder`: what an agent was and had seen, just before each message.

While one is attached every message is looked at (the slow path), and the last
envelopes of each agent are kept. A crash bundle is made from it.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

import attrs

from harmonium.actors.account import every_cell

if TYPE_CHECKING:
    from harmonium.actors.cell import Cell
    from harmonium.actors.context import RawEnvelope
    from harmonium.actors.ground import Ground

__all__ = ["Flight", "FlightRecorder"]


@attrs.define(slots=True)
class Flight:
    """What is kept of one agent.

    Args:
        recent: The last envelopes, newest last.
        fields: The agent's fields before the message in work: type names only,
            unless values were asked for.
        state: What its `snapshot` gave before the message in work, or None.
    """

    recent: deque[RawEnvelope]
    fields: dict[str, str] = attrs.field(factory=dict)
    state: Any = None


class FlightRecorder:
    """Keeps the last moments of every agent of a ground.

    Args:
        ground: Whose agents.
        last: How many envelopes to keep for each agent, at least 1.
        values: Keep the values of fields, not only their types. Off by
            default: what agents hold is often nobody's business.
    """

    def __init__(self, ground: Ground, *, last: int = 10, values: bool = False) -> None:
        self._ground = ground
        self._last = last
        self._values = values
        self._flights: dict[str, Flight] = {}

    def attach(self) -> None:
        """Begin; every message is looked at from now on."""
        self._ground.recorder = self
        self._ground.slow_down(every_cell(self._ground.root))

    def before(self, cell: Cell, envelope: RawEnvelope) -> None:
        """Note what the agent is before it handles a message."""
        flight = self._flights.get(cell.path)
        if flight is None:
            flight = self._flights[cell.path] = Flight(deque(maxlen=self._last))
        flight.recent.append(envelope)
        flight.fields = self._describe(cell.agent)
        flight.state = cell.agent.snapshot()

    def of(self, cell: Cell) -> Flight:
        """What is kept of an agent."""
        return self._flights.get(cell.path) or Flight(deque())

    def _describe(self, agent: Any) -> dict[str, str]:
        fields = getattr(agent, "__dict__", {})
        return {
            name: self._show(value)
            for name, value in fields.items()
            if not name.startswith("_cell")
        }

    def _show(self, value: Any) -> str:
        if not self._values:
            return type(value).__name__
        try:
            return repr(value)[:1_000]
        except Exception as error:  # a broken repr must not break the recorder
            return f"<{type(value).__name__}: its repr raised {error!r}>"
