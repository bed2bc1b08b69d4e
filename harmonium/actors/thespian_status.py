"""The answers to Thespian's status request (`Thespian_StatusReq`)."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from thespian.system.messages.status import Thespian_ActorStatus
from thespian.system.timing import ExpirationTimer

from harmonium.actors.cell import STOPPING
from harmonium.actors.thespian_address import LocalAddress, system_address

if TYPE_CHECKING:
    from harmonium.actors.cell import Cell

__all__ = ["add_common", "status_of"]

MESSAGES_SHOWN = 100
"""How many of the waiting messages a status names."""


def status_of(
    cell: Cell,
    class_name: str | None = None,
    source_hash: str | None = None,
    wakeups: list[ExpirationTimer] | None = None,
) -> Any:
    """Describe one actor or agent.

    Args:
        cell: Whose status.
        class_name: What it is; the class of the agent if not given.
        source_hash: The loaded source it comes from, if any.
        wakeups: What it waits for.
    """
    status = Thespian_ActorStatus(
        LocalAddress(cell),
        class_name or type(cell.agent).__name__,
        system_address(cell.ground),
        None if cell.parent is None else LocalAddress(cell.parent),
        source_hash,
        cell.state is STOPPING or None,
    )
    status.addWakeups([(status.actorAddress, timer) for timer in wakeups or ()])
    add_common(status, cell)
    return status


def add_common(status: Any, cell: Cell) -> None:
    """Add children and waiting mail; messages by their class, as `str` may be anything."""
    for child in (cell.children or {}).values():
        status.addChild(LocalAddress(child))
    me = LocalAddress(cell)
    for envelope in islice(cell.mailbox, MESSAGES_SHOWN):
        sender = None if envelope[1] is None else LocalAddress(envelope[1])
        status.addReceivedMessage(sender, me, type(envelope[0]).__name__)
