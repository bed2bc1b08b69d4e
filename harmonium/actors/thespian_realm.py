"""`Realm`: the inside of a Thespian system on a ground, in the ground's thread.

It knows its actors' names, its capabilities and who handles dead letters.
Its administrator is the parent of all primary actors, so that nothing of it
mixes with a tree of agents that stands on the same ground.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from loguru import logger
from thespian.actors import (
    ActorAddress,
    ActorExitRequest,
    ActorSystemFailure,
    ChildActorExited,
    DeadEnvelope,
    InvalidActorAddress,
    ThespianGeneration,
)
from thespian.system.messages.status import Thespian_SystemStatus

from harmonium.actors.account import every_cell
from harmonium.actors.birth import Birth
from harmonium.actors.cell import STOPPING, Cell
from harmonium.actors.promise import Promise
from harmonium.actors.thespian_actor import PlainActor
from harmonium.actors.thespian_address import SYSTEM_ID, LocalAddress
from harmonium.actors.thespian_admin import Admin
from harmonium.actors.thespian_creation import Creation
from harmonium.actors.thespian_delivery import deliver
from harmonium.actors.thespian_endpoint import Endpoint
from harmonium.actors.thespian_port import Port
from harmonium.actors.thespian_sources import Sources
from harmonium.actors.thespian_status import add_common
from harmonium.actors.thespian_wakeup import wake_after
from harmonium.protocols.lifecycle import SHUTDOWN

if TYPE_CHECKING:
    from harmonium.actors.context import RawEnvelope
    from harmonium.actors.ground import Ground
    from harmonium.actors.thespian_calls import Calls
    from harmonium.actors.thespian_wanted import Wanted

__all__ = ["Realm"]


class Realm:
    """One Thespian system on a ground.

    Args:
        ground: Where it stands.
        calls: The way into the ground's thread.
        capabilities: What the system can do, for actors that ask.
        mailbox: How many messages may wait for one plain actor.
        closed: Called when the system has shut down.
    """

    def __init__(
        self,
        ground: Ground,
        calls: Calls,
        capabilities: Mapping[str, Any],
        mailbox: int,
        closed: Callable[[], None],
    ) -> None:
        self.ground = ground
        self.call = calls
        self.capabilities = {**_standard_capabilities(ground), **capabilities}
        self._creation = Creation(self, mailbox)
        self._closed = closed
        self._names: set[str] = set()
        self._dead_letter_handler: Cell | None = None
        self.admin = ground.spawn(ground.root, Birth(Admin, (self,)), SYSTEM_ID)
        self.sources = Sources(self.admin)
        gone: Promise[None] = Promise(ground)
        gone.then(lambda _: self._end())
        self.admin.more.gone = [
            *self.admin.more.gone,
            gone,
        ]  # however it ends: the ground may be stopped under it
        ground.engine_port = self.port
        ground.on_dead_letter = self._dead_letter

    def port(self, cell: Cell) -> Port:
        """Give an agent its way into the system."""
        return Port(self, cell, LocalAddress(cell))

    def address(self, address: Any) -> LocalAddress:
        """Give the address of ours behind any that Thespian lets through.

        Raises:
            InvalidActorAddress: If it is none of ours.
        """
        if isinstance(address, LocalAddress):
            return address
        if isinstance(address, ActorAddress) and address.addressDetails == "/ActorSys":
            return LocalAddress(self.admin)
        raise InvalidActorAddress(address, "not an address of this actor system")

    # -- creating actors

    def create_primary(self, wanted: Wanted) -> LocalAddress:
        """Create an actor or agent below the administrator, or find the one of that name.

        Raises:
            Exception: What its import or its constructor raised, or Thespian's
                error for a capability or a source that is not there.
        """
        cell, error = self._find_or_create(self.admin, wanted)
        if isinstance(error, Exception):
            raise error
        if error is not None:
            text = f"{wanted.actor_class} raised {error!r} when it was created"
            raise ActorSystemFailure(text) from error
        return LocalAddress(cell)

    def create_child(self, parent: Cell, wanted: Wanted) -> LocalAddress:
        """Create a child, or find the actor of that name.

        An actor always gets an address; if the child could not start, or the
        parent is about to exit, nobody is behind it, and a parent that goes on
        hears `ChildActorExited`. An agent hears the error at once.
        """
        cell, error = self._find_or_create(parent, wanted)
        if error is not None:
            if not isinstance(parent.agent, PlainActor):
                raise error
            logger.bind(path=parent.path).warning(
                "{}: child {} did not start: {!r}", parent.path, cell.id, error
            )
            deliver(cell, parent, ChildActorExited(LocalAddress(cell)))
        return LocalAddress(cell)

    def _find_or_create(self, parent: Cell, wanted: Wanted) -> tuple[Cell, BaseException | None]:
        named = self._named(wanted.global_name)
        if named is not None:
            return named, None
        cell, error = self._creation.create(parent, wanted)
        if error is None:
            if wanted.source_hash:
                self.sources.use(wanted.source_hash, cell)
            if wanted.global_name:
                self._register(wanted.global_name, cell)
        return cell, error

    # -- names

    def _named(self, name: str | None) -> Cell | None:
        if not name:
            return None
        cell = self.ground.registry.find(name)
        registered = cell is not None and cell.more_ is not None and name in cell.more_.names
        return cell if registered else None

    def _register(self, name: str, cell: Cell) -> None:
        self.ground.registry.register(name, cell)
        self._names.add(name)

    # -- what actors ask for

    def wakeup(self, cell: Cell, period: Any, payload: Any) -> None:
        """Send a `WakeupMessage` later; an agent needs a handler for `object` to take it."""
        pending = cell.agent.wakeups if isinstance(cell.agent, PlainActor) else {}
        wake_after(cell, period, payload, pending)

    def handle_dead_letters(self, cell: Cell, *, enable: bool) -> None:
        """Let an actor get the dead letters, in place of whoever did, or nobody any more."""
        if enable:
            self._dead_letter_handler = cell
        elif self._dead_letter_handler is cell:
            self._dead_letter_handler = None

    def _dead_letter(self, cell: Cell | str, envelope: RawEnvelope) -> None:
        message, sender = envelope[0], envelope[1]
        if sender is not None and isinstance(sender.agent, Endpoint):
            sender.agent.not_delivered(message)
        handler = self._dead_letter_handler
        if handler is None or not handler.alive:
            return
        if not isinstance(message, DeadEnvelope | ChildActorExited):
            address = LocalAddress(cell) if isinstance(cell, Cell) else ActorAddress(cell)
            deliver(self.admin, handler, DeadEnvelope(address, message))

    def update_capability(self, name: str, value: Any) -> None:
        """Change a capability, or take it away with None; actors that need it exit."""
        if value is None:
            self.capabilities.pop(name, None)
        else:
            self.capabilities[name] = value
        for cell in every_cell(self.ground.root):
            if isinstance(cell.agent, PlainActor) and not cell.agent.fits(self.capabilities):
                deliver(self.admin, cell, ActorExitRequest())

    def status(self) -> Any:
        """Describe the system."""
        status = Thespian_SystemStatus(
            LocalAddress(self.admin),
            capabilities=dict(self.capabilities),
            inShutdown=self.admin.state is STOPPING,
        )
        add_common(status, self.admin)
        if self._dead_letter_handler is not None:
            status.setDeadLetterHandler(LocalAddress(self._dead_letter_handler))
        authority = self.sources.authority
        status.sourceAuthority = None if authority is None else LocalAddress(authority)
        status.loadedSources = self.sources.loaded
        for name in self._names:
            cell = self._named(name)
            if cell is not None:
                status.addGlobalActor(name, LocalAddress(cell))
        return status

    # -- ends

    def adopt(self, child: Cell) -> None:
        """Keep an actor running whose parent exits without its children."""
        paths = [(cell, cell.path) for cell in every_cell(child)]
        siblings = child.parent.children if child.parent is not None else None
        if siblings is not None:
            del siblings[child.id]
        child.parent = self.admin
        child.id = f"{child.id}-{self.ground.next_id(self.admin)}"
        self.admin.children = self.admin.children or {}
        self.admin.children[child.id] = child
        for cell, path in paths:
            for watcher in cell.more.watchers:
                watcher.more.watching[cell.path] = watcher.more.watching.pop(path)

    def forget(self, cell: Cell) -> None:
        """Note that an actor is gone."""
        self.sources.forget(cell)

    def shutdown(self) -> None:
        """End every actor, then the endpoints; `closed` is called when they are gone."""
        self.ground.request_stop(self.admin, SHUTDOWN)

    def _end(self) -> None:
        self.sources.close()
        self.ground.on_dead_letter = None
        self._closed()


def _standard_capabilities(ground: Ground) -> dict[str, Any]:
    return {
        "Python Version": tuple(sys.version_info),
        "Thespian Generation": ThespianGeneration,
        "Thespian Version": str(int(time.time() * 1000)),
        "Thespian ActorSystem Name": "harmoniumLocal",
        "Thespian ActorSystem Version": 1,
        "Thespian Watch Supported": hasattr(ground.loop, "add_reader"),
        "AllowRemoteActorSources": "No",
    }
