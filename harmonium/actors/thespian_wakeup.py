"""Thespian's `wakeupAfter` on the ground's own timers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from thespian.actors import WakeupMessage
from thespian.system.timing import ExpirationTimer, toTimeDeltaOrNone

from harmonium.actors.thespian_delivery import deliver

if TYPE_CHECKING:
    from harmonium.actors.cell import Cell
    from harmonium.actors.timers import Timer

__all__ = ["Wakeups", "wake_after"]

Wakeups = dict["Timer", ExpirationTimer]


def wake_after(cell: Cell, period: Any, payload: Any, pending: Wakeups) -> None:
    """Send an actor a `WakeupMessage` later; they come in the order of their times.

    It ends with the actor. Thespian has no way to take one back.

    Args:
        cell: Who is woken.
        period: Seconds, or a timedelta.
        payload: What the message carries.
        pending: Where it is noted while it is to come.
    """
    delay = toTimeDeltaOrNone(period)
    timers = cell.more.own_timers()

    def fire() -> None:
        timers.discard(timer)
        pending.pop(timer, None)
        deliver(cell, cell, WakeupMessage(delay, payload))

    timer: Timer = cell.ground.after(delay.total_seconds(), fire)
    timers.add(timer)
    pending[timer] = ExpirationTimer(delay)
