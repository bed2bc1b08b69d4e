"""`Port`: what an actor's `_myRef` is, through which Thespian's `Actor` methods act.

Plain actors have one for life; an `Agent` on a ground with a `LocalBase` gets
one when it calls `send`, `createActor`, `wakeupAfter` or `myAddress`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harmonium.actors.thespian_address import LocalAddress
from harmonium.actors.thespian_delivery import is_near, post, send
from harmonium.actors.thespian_wanted import Wanted

if TYPE_CHECKING:
    from harmonium.actors.cell import Cell
    from harmonium.actors.thespian_realm import Realm

__all__ = ["Port"]


class Port:
    """One actor's way into its system; safe to use from the actor's own threads too.

    Args:
        realm: The system.
        cell: The actor's place.
        address: Its address.
        global_name: The name it was created under, or None.
        source_hash: The loaded source it comes from; its children come from there too.
    """

    def __init__(
        self,
        realm: Realm,
        cell: Cell,
        address: LocalAddress,
        *,
        global_name: str | None = None,
        source_hash: str | None = None,
    ) -> None:
        self._realm = realm
        self._cell = cell
        self.address = address
        self.globalName = global_name
        self._source_hash = source_hash

    def actor_send(self, address: Any, message: Any) -> None:
        """Send a message; it is on its way when this returns."""
        cell = self._cell
        if address.__class__ is LocalAddress and is_near(cell, address.cell, message):
            post(cell, address.cell, message)
            return
        target = self._realm.address(address)
        if cell.ground.in_thread():
            send(cell, target, message)
        else:
            cell.ground.call_threadsafe(lambda: send(cell, target, message))

    def createActor(
        self, actor_class: Any, requirements: Any, global_name: str | None, source_hash: str | None
    ) -> LocalAddress:
        """Create a child; one that cannot start is a `ChildActorExited` away."""
        source_hash = source_hash or self._source_hash
        wanted = Wanted(actor_class, requirements, global_name, source_hash)
        return self._realm.call(lambda: self._realm.create_child(self._cell, wanted))

    def wakeupAfter(self, period: Any, payload: Any) -> None:
        """Have a `WakeupMessage` sent after a time, unless the actor ends first."""
        self._realm.call(lambda: self._realm.wakeup(self._cell, period, payload))

    def handleDeadLetters(self, address: LocalAddress, enable: bool) -> None:  # noqa: FBT001 - Thespian's
        """Get the dead letters of the system, in place of whoever did."""
        self._realm.call(lambda: self._realm.handle_dead_letters(address.cell, enable=enable))

    def registerSourceAuthority(self, address: LocalAddress) -> None:
        """Be the one who accepts sources."""
        self._realm.call(lambda: self._realm.sources.set_authority(address.cell))

    def notifyOnSourceAvailability(self, address: LocalAddress, enable: bool) -> None:  # noqa: FBT001 - Thespian's
        """Hear of sources that are loaded and unloaded."""
        self._realm.call(lambda: self._realm.sources.notify(address.cell, enable=enable))

    def loadActorSource(self, source: Any) -> str:
        """Offer a source to the authority; gives its hash at once."""
        return self._realm.call(lambda: self._realm.sources.load(source)[0])

    def unloadActorSource(self, source_hash: str) -> None:
        """Have no more actors created from a source."""
        self._realm.call(lambda: self._realm.sources.unload(source_hash))

    def updateCapability(self, name: str, value: Any) -> None:
        """Change a capability of the system; None takes it away."""
        self._realm.call(lambda: self._realm.update_capability(name, value))

    def actorSystemShutdown(self) -> None:
        """End the whole system; the actor itself is ended with it."""
        self._realm.call(self._realm.shutdown)

    # A system in one process has no convention that other systems could join.

    def notifyOnSystemRegistrationChanges(self, address: LocalAddress, enable: bool) -> None:  # noqa: FBT001 - Thespian's
        """Accept the wish: nothing ever registers with a system in one process."""

    def preRegisterRemoteSystem(self, address: Any, capabilities: Any) -> None:
        """Accept the wish: a system in one process joins no other."""

    def deRegisterRemoteSystem(self, address: Any) -> None:
        """Accept the wish: a system in one process has joined no other."""
