"""`Admin`: the administrator of a Thespian system, parent of its primary actors."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from thespian.actors import PoisonMessage, ValidatedSource
from thespian.system.messages.status import Thespian_StatusReq

from harmonium.actors import ending
from harmonium.actors.cell import Cell
from harmonium.actors.thespian_address import LocalAddress
from harmonium.actors.thespian_delivery import deliver
from harmonium.actors.thespian_endpoint import Endpoint
from harmonium.actors.thespian_exit import exit_all
from harmonium.actors.thespian_resident import Resident

if TYPE_CHECKING:
    from harmonium.actors.context import RawEnvelope
    from harmonium.actors.thespian_realm import Realm

__all__ = ["Admin"]


class Admin(Resident):
    """Answers for the system, and ends its actors before its endpoints.

    Args:
        realm: The system.
    """

    def __init__(self, realm: Realm) -> None:
        self.address = LocalAddress(self._cell)
        self._realm = realm

    def take(self, message: Any) -> None:
        """Take a status request or what the source authority says; the rest is a dead letter."""
        envelope = cast("RawEnvelope", self._cell.current)
        if isinstance(message, Thespian_StatusReq) and envelope[1] is not None:
            deliver(self._cell, envelope[1], self._realm.status())
        elif isinstance(message, ValidatedSource | PoisonMessage):
            self._realm.sources.take(message)
        else:
            ground = self._cell.ground
            ground.handled -= 1  # take is about to return, which counts as handled
            ground.dead_letter(self._cell, envelope, "nothing for the administrator")

    def child_exited(self, child: Cell) -> None:
        """Primary actors are not replaced; nobody is told."""
        self._realm.forget(child)

    def _stop_children(self, then: Callable[[], None]) -> None:
        cell = self._cell
        actors = [c for c in (cell.children or {}).values() if not isinstance(c.agent, Endpoint)]
        exit_all(cell, actors, lambda: ending.stop_children(cell, then))
