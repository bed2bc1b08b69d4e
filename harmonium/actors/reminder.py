"""`Reminder`: a message that an agent sends itself later, once or again and again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harmonium.actors.context import TimerContext

if TYPE_CHECKING:
    from harmonium.actors.cell import Cell
    from harmonium.actors.mail import Mail
    from harmonium.actors.timers import Timer
    from harmonium.protocols.lanes import Lane

__all__ = ["Reminder"]


class Reminder:
    """What its timer calls.

    An object and not a function inside another one, which would refer to itself and
    be left to the garbage collector each time.

    Args:
        ground: Carries the message.
        cell: Whose it is; only for as long as its present incarnation lives.
        message: What is sent.
        lane: In which lane; None for the ordinary one.
        every: Seconds until it is sent again, and so on; None for once.
    """

    __slots__ = ("_cell", "_every", "_ground", "_incarnation", "_lane", "_message", "timer")

    timer: Timer

    def __init__(
        self, ground: Mail, cell: Cell, message: Any, lane: Lane | None, every: float | None
    ) -> None:
        self._ground = ground
        self._cell = cell
        self._incarnation = cell.incarnation
        self._message = message
        self._lane = lane
        self._every = every

    def __call__(self) -> None:
        """Send the message, and see to the next time."""
        ground, cell, timer = self._ground, self._cell, self.timer
        timers = (cell.more_ or cell.more).own_timers()
        timers.discard(timer)
        context = TimerContext(ground.new_correlation_id(), self._incarnation)
        ground.post_or_bounce(None, cell, self._message, self._lane, context)
        if self._every is not None and not timer.cancelled:
            ground.timers.rearm(timer, ground.clock() + self._every, self)
            timers.add(timer)
