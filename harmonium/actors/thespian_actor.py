"""`PlainActor`: a Thespian actor in a cell of ours, with Thespian's semantics.

What `receiveMessage` raises never leaves the cell. An exception has the
message handled a second time at once, as a deep copy, because the first run
may have changed it: side effects may happen twice. After a second exception
the sender gets a `PoisonMessage` and the actor goes on with the state it has.
`SystemExit`, `KeyboardInterrupt` and `CancelledError` end the actor, and its
parent hears `ChildActorExited`, as when the process of an actor ends.
"""

from __future__ import annotations

import copy
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from thespian.actors import (
    ActorExitRequest,
    ActorSystemMessage,
    ChildActorExited,
    PoisonMessage,
    ThespianWatch,
)
from thespian.system.messages.status import Thespian_StatusReq
from thespian.system.utilis import checkActorCapabilities

from harmonium.actors import ending
from harmonium.actors.cell import RUNNING, Cell
from harmonium.actors.context import RawEnvelope
from harmonium.actors.deferred import Deferred
from harmonium.actors.thespian_address import LocalAddress, ReplyAddress, system_address
from harmonium.actors.thespian_delivery import deliver, is_agent, send
from harmonium.actors.thespian_exit import exit_all
from harmonium.actors.thespian_port import Port
from harmonium.actors.thespian_resident import Resident
from harmonium.actors.thespian_status import status_of
from harmonium.actors.thespian_wakeup import Wakeups
from harmonium.actors.thespian_watch import Watch
from harmonium.protocols.lifecycle import Exit, ExitKind

if TYPE_CHECKING:
    from harmonium.actors.thespian_realm import Realm
    from harmonium.actors.thespian_wanted import Wanted
    from harmonium.actors.timers import Timer

__all__ = ["PlainActor"]


class PlainActor(Resident):
    """Runs one Thespian actor.

    Args:
        realm: The system it belongs to.
        make: Makes the actor.
        wanted: What it was created with.
    """

    def __init__(self, realm: Realm, make: Callable[[], Any], wanted: Wanted) -> None:
        self.realm = realm
        self.address = LocalAddress(self._cell)
        self.wakeups: Wakeups = {}
        self._actor: Any = None
        self._wanted = wanted
        self._told_to_exit = False
        self._recursive = True
        self._watch: Watch | None = None
        actor = make()
        actor._myRef = Port(
            realm,
            self._cell,
            self.address,
            global_name=wanted.global_name,
            source_hash=wanted.source_hash,
        )
        self._actor = actor

    @property
    def class_name(self) -> str:
        """The name of the actor's class."""
        return type(self._actor).__name__

    def fits(self, capabilities: dict[str, Any]) -> bool:
        """Whether a system with these capabilities may run the actor."""
        requirements = self._wanted.requirements
        fits: bool = checkActorCapabilities(type(self._actor), capabilities, requirements)
        return fits

    # -- messages

    def take(self, message: Any) -> None:
        """Give the actor one message, and do what Thespian's own messages ask for besides."""
        envelope = cast("RawEnvelope", self._cell.current)
        if isinstance(message, ActorSystemMessage):
            self._take_system_message(envelope, message)
        else:
            self._give(envelope, self._sender(envelope))

    def _take_system_message(self, envelope: RawEnvelope, message: ActorSystemMessage) -> None:
        sender = self._sender(envelope)
        if isinstance(message, Thespian_StatusReq):
            send(self._cell, sender, self._status())
        elif isinstance(message, ActorExitRequest):
            self._told_to_exit = True
            self._notice(message, sender)
            self._recursive = message.isRecursive
            ending.request_stop(self._cell, None, Exit(ExitKind.SHUTDOWN, "ActorExitRequest"))
        else:
            self._give(envelope, sender)

    def _give(self, envelope: RawEnvelope, sender: LocalAddress) -> None:
        # receiveMessage is looked up each time: Thespian's decorators replace it on the instance.
        message = envelope[0]
        try:
            result = self._actor.receiveMessage(message, sender)
        except Exception as error:  # an actor may raise anything
            self._cell.ground.log_error(self._cell, "raised, gets a copy of the message", error)
            try:
                result = self._actor.receiveMessage(copy.deepcopy(message), sender)
            except Exception as again:  # as above
                self._poison(envelope, sender, again)
                result = None
        if self._watch is not None or isinstance(result, ThespianWatch):
            self._look_at(result)

    def _poison(self, envelope: RawEnvelope, sender: LocalAddress, error: Exception) -> None:
        """Count the message as failed, and tell whoever sent it."""
        cell, ground, message = self._cell, self._cell.ground, envelope[0]
        ground.log_error(cell, f"raised twice on {type(message).__name__}", error)
        ground.handled -= 1  # take is about to return, which counts as handled
        ground.fail_message(cell, envelope, error)
        if isinstance(sender, ReplyAddress):
            sender.fail(error)
        elif envelope[1] is not None and not isinstance(message, PoisonMessage):
            poison = PoisonMessage(message, traceback.format_exc())
            if envelope[1].alive and not is_agent(envelope[1]):
                deliver(cell, envelope[1], poison)

    def _sender(self, envelope: RawEnvelope) -> LocalAddress:
        sender, promise = envelope[1], envelope[2]
        if promise is not None:
            cell = self._cell.ground.root if sender is None else sender
            return ReplyAddress(cell, Deferred(self._cell, envelope))
        if sender is None:
            return system_address(self._cell.ground)
        agent = sender.agent
        return agent.address if isinstance(agent, Resident) else LocalAddress(sender)

    def _notice(self, message: ActorSystemMessage, sender: LocalAddress) -> None:
        """Tell the actor something that is not tried again whatever it raises."""
        try:
            self._actor.receiveMessage(message, sender)
        except Exception as error:  # an actor may raise anything
            self._cell.ground.log_error(self._cell, f"raised on {type(message).__name__}", error)

    # -- files and status

    def _look_at(self, result: Any) -> None:
        """Watch what the actor has returned; watch nothing if it has returned no watch."""
        cell = self._cell
        if self._watch is None:
            if not hasattr(cell.ground.loop, "add_reader"):
                cell.ground.log_error(cell, "ThespianWatch", NotImplementedError("no event loop"))
                return
            self._watch = Watch(cell.ground.loop, lambda message: deliver(cell, cell, message))
            # It goes with the incarnation, as the timers do.
            cell.more.own_timers().add(cast("Timer", self._watch))
        self._watch.renew(result.filenos if isinstance(result, ThespianWatch) else ())

    def _status(self) -> Any:
        wakeups = list(self.wakeups.values())
        return status_of(self._cell, self.class_name, self._wanted.source_hash, wakeups)

    # -- children, and the end

    def child_exited(self, child: Cell) -> None:
        """Send `ChildActorExited`; while the actor ends, it hears that at once."""
        self.realm.forget(child)
        address = LocalAddress(child)
        if self._cell.state is RUNNING:
            deliver(child, self._cell, ChildActorExited(address))
        elif self._hears():
            self._notice(ChildActorExited(address), address)

    def stopped(self) -> None:
        """See to it that the actor has heard of its end."""
        self._tell_to_exit()

    def _stop_children(self, then: Callable[[], None]) -> None:
        self._tell_to_exit()
        cell = self._cell
        if self._recursive:
            exit_all(cell, tuple((cell.children or {}).values()), then)
            return
        for child in tuple((cell.children or {}).values()):
            self.realm.adopt(child)
        then()

    def _tell_to_exit(self) -> None:
        """Give the `ActorExitRequest` that nobody has sent: the stop came from us."""
        if self._told_to_exit or not self._hears():
            return
        self._told_to_exit = True
        self._notice(ActorExitRequest(), system_address(self._cell.ground))

    def _hears(self) -> bool:
        """Whether there is an actor, and it has not ended by an exception."""
        failure = self._cell.more.failure
        return self._actor is not None and failure is None
