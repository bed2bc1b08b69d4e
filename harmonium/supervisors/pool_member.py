"""`Member`: what a pool knows of one member, and when it is done with a message.

A pool counts what it gave to a member. A mailbox is a queue, so of the messages
that were given, those are done that are not inside any more: the oldest ones.
That costs nothing while a member works, where a call for each message that is
finished would cost 0.2 us.
"""

from __future__ import annotations

import math

from harmonium.actors.cell import NO_MAIL, Cell
from harmonium.actors.route import inside

__all__ = ["Member"]


class Member:
    """One member of a pool.

    Args:
        number: Its number; its id is the same as text.
        cell: Where its mail goes.
        in_turn: Whether its handlers end in the order they began.
    """

    __slots__ = (
        "busy_for",
        "busy_since",
        "cell",
        "draining",
        "given",
        "gone",
        "in_turn",
        "late",
        "number",
        "taking",
        "told",
    )

    def __init__(self, number: int, cell: Cell, *, in_turn: bool) -> None:
        self.number = number
        self.cell = cell
        self.in_turn = in_turn
        self.given = 0
        self.taking = False
        self.draining = False
        self.gone = False
        self.told = False
        """Whether its supervisor was told to stop it."""
        self.late = 0.0
        """When its time to drain is over."""
        self.busy_for = 0.0
        self.busy_since: float | None = None

    @property
    def id(self) -> str:
        """Its id under the pool."""
        return str(self.number)

    @property
    def load(self) -> int:
        """How many messages wait or are in work."""
        return len(self.cell.mailbox) + self.cell.busy

    def has_room(self, count: int = 1) -> bool:
        """Whether so many more messages can go straight into its mailbox."""
        cell = self.cell
        more, mailbox = cell.more_, cell.mailbox
        if mailbox is NO_MAIL or (more is not None and (more.parked or more.park is not None)):
            return False
        return len(mailbox) + count <= cell.birth.mailbox

    def measure(self, now: float) -> None:
        """Take note of whether it is at work, from now on."""
        if self.cell.busy or self.cell.mailbox:
            if self.busy_since is None:
                self.busy_since = now
        elif self.busy_since is not None:
            self.busy_for += now - self.busy_since
            self.busy_since = None

    def take_busy(self, now: float) -> float:
        """Tell for how many seconds it was at work since the last call."""
        self.measure(now)
        if self.busy_since is not None:
            self.busy_for += now - self.busy_since
            self.busy_since = now
        spent, self.busy_for = self.busy_for, 0.0
        return spent

    def is_idle(self) -> bool:
        """Whether it has nothing to do and owes nobody an answer."""
        more = self.cell.more_
        return not inside(self.cell) and not (more is not None and more.deferred)

    def done_with(self, last: float) -> bool:
        """Whether all messages up to this number of those it was given are done."""
        left = inside(self.cell)
        if not left:
            return True
        more = self.cell.more
        in_order = self.in_turn and not more.stash and not more.aside and not self.cell.urgent
        return in_order and last <= self.given - left

    def numbers(self, count: int) -> list[float]:
        """Number the messages that are inside, the oldest first, as `done_with` takes them."""
        more = self.cell.more
        if not self.in_turn or more.stash or more.aside or self.cell.urgent:
            return [math.inf] * count
        return [self.given - count + place for place in range(1, count + 1)]
