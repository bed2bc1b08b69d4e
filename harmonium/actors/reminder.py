"""`Reminder`: a message that an agent sends itself later, once or again and again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harmonium.actors.context import TimerContext
from harmonium.actors.handlers import lane_of

if TYPE_CHECKING:
    from harmonium.actors.cell import Cell
    from harmonium.actors.mail import Mail
    from harmonium.actors.timers import Timer

__all__ = ["Reminder"]


class Reminder:
    """What its timer calls.

    An object and not a function inside another one, which would refer to itself and
    be left to the garbage collector each time.

    Args:
        ground: Carries the message.
        cell: Whose it is; only for as long as its present incarnation lives.
        message: What is sent.
        every: Seconds until it is sent again, and so on; None for once.
    """

    __slots__ = ("_cell", "_every", "_ground", "_incarnation", "_message", "timer")

    timer: Timer

    def __init__(self, ground: Mail, cell: Cell, message: Any, every: float | None) -> None:
        self._ground = ground
        self._cell = cell
        self._incarnation = cell.incarnation
        self._message = message
        self._every = every

    def __call__(self) -> None:
        """Send the message, and see to the next time."""
        ground, cell, timer = self._ground, self._cell, self.timer
        timers = cell.more.own_timers()
        timers.discard(timer)
        message = self._message
        context = TimerContext(ground.new_correlation_id(), self._incarnation)
        ground.post_or_bounce(None, cell, message, lane_of(type(message)), context)
        if self._every is not None and not timer.cancelled:
            ground.timers.rearm(timer, ground.clock() + self._every, self)
            timers.add(timer)
