"""The seam of a pool: mail that is sent to one agent and handled by another.

`Route` is what the ground asks of whoever knows the members.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from harmonium.actors.cell import NO_MAIL, Cell

if TYPE_CHECKING:
    from harmonium.actors.context import RawEnvelope
    from harmonium.protocols.lanes import Lane

__all__ = ["Route", "inside", "mail_in", "take_mail"]


class Route(Protocol):
    """Where the mail of a pool goes."""

    def take(self, envelope: RawEnvelope, lane: Lane | None) -> Any:
        """Bring an envelope to a member; gives what `tell` gives."""

    def arrive(self, envelope: RawEnvelope, lane: Lane | None) -> None:
        """Take one that was accepted when it was sent, and must not be refused any more."""

    def has_room(self, coming: int) -> bool:
        """Whether one more may be sent while `coming` are under way."""


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
