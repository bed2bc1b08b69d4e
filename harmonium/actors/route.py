"""The seam of a pool: mail that is sent to one agent and handled by another.

A pool costs no hop. Its cell has no mail of its own: what is posted to it is
put into a member's mailbox at the moment of posting, in the sender's turn.
`Route` is what the ground asks of whoever knows the members; `Funnel` is the
short way for mail that any member may take.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from harmonium.actors.cell import NO_MAIL, Cell

if TYPE_CHECKING:
    from harmonium.actors.context import RawEnvelope
    from harmonium.protocols.lanes import Lane

__all__ = ["Funnel", "Route", "inside", "mail_in", "take_mail"]


class Route(Protocol):
    """Where the mail of a pool goes."""

    def take(self, envelope: RawEnvelope, lane: Lane | None) -> Any:
        """Bring an envelope to a member; gives what `tell` gives."""

    def arrive(self, envelope: RawEnvelope, lane: Lane | None) -> None:
        """Take one that was accepted when it was sent, and must not be refused any more."""

    def has_room(self, coming: int) -> bool:
        """Whether one more may be sent while `coming` are under way."""


class Funnel(deque["RawEnvelope"]):
    """The mailbox of a pool: it is always empty, what is put in comes out at a member.

    So senders take the same short way as to any agent: 0.2 us more than to a
    mailbox, where the long way costs 0.6.

    Args:
        pick: Gives whoever gets the next message; it has a `cell`.
        late: Called where that one's mailbox does not take the short way.
    """

    __slots__ = ("_late", "pick")

    def __init__(self, pick: Callable[[], Any], late: Callable[[Cell, RawEnvelope], None]) -> None:
        super().__init__()
        self.pick = pick
        self._late = late

    def append(self, envelope: RawEnvelope) -> None:
        """Put an envelope into the mailbox of a member."""
        cell: Cell = self.pick().cell
        mailbox = cell.mailbox
        if len(mailbox) < cell.limit:
            mailbox.append(envelope)
            if not cell.scheduled:
                cell.ground.schedule(cell)
        else:
            self._late(cell, envelope)


def inside(cell: Cell) -> int:
    """Count the messages that an agent has and is not done with."""
    count = len(cell.mailbox) + cell.busy + (cell.current is not None and cell.executing is None)
    if cell.urgent:
        count += len(cell.urgent)
    more = cell.more_
    if more is not None:
        count += len(more.parked) + len(more.stash) + len(more.aside)
        count += (more.retrying is not None) + (more.undecided is not None)
    return count


def mail_in(cell: Cell) -> list[RawEnvelope]:
    """List the messages that `inside` counts and that are known, the oldest first."""
    more = cell.more
    found = [one for one in (more.undecided, more.retrying, more.blocking) if one is not None]
    if cell.current is not None and cell.executing is None:
        found.append(cell.current)
    found += [one.envelope for one in more.executions if one.envelope is not None]
    found += [*more.stash, *more.aside.values(), *(cell.urgent or ()), *cell.mailbox]
    return [*found, *(envelope for envelope, _ in more.parked)]


def take_mail(cell: Cell) -> list[RawEnvelope]:
    """Take the mail away that an agent has not begun, the oldest first."""
    more = cell.more
    parked = list(more.parked)
    found = [*(cell.urgent or ()), *cell.mailbox, *(envelope for envelope, _ in parked)]
    if cell.urgent:
        cell.urgent.clear()
    if cell.mailbox is not NO_MAIL:
        cell.mailbox.clear()
    if parked:
        more.parked.clear()
    for _, room in parked:
        room.settle(None)
    return found
