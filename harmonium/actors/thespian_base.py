"""`LocalBase`: Thespian's system base in one process, on one of our grounds.

``ActorSystem(systemBase=LocalBase(), transientUnique=True)`` runs plain
Thespian actors unchanged, on the scheduler, mailboxes, timers and accounts of
agents, and agents beside them. What differs from Thespian's bases:

- Messages are handed over without a copy, as in its in-process base.
- An actor that blocks holds up all others: they share one thread.
- A mailbox is bounded. `send` cannot wait: what finds no room is a dead
  letter. `tell` from outside waits.
- There is one system: no conventions, and no actors elsewhere.

Always pass `transientUnique=True`: otherwise Thespian may use the base of an
earlier `ActorSystem` in place of this one, without a word.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from threading import Event, Lock
from typing import TYPE_CHECKING, Any

from loguru import logger
from thespian.actors import ActorSystemFailure

from harmonium.actors.local import LocalGround
from harmonium.actors.thespian_calls import Calls
from harmonium.actors.thespian_exit import EXIT_LIMIT
from harmonium.actors.thespian_external import External
from harmonium.actors.thespian_realm import Realm

if TYPE_CHECKING:
    from harmonium.actors.thespian_address import LocalAddress

__all__ = ["LocalBase"]

SOURCE_LIMIT = 10.0
"""Seconds to wait for the source authority."""


class LocalBase:
    """A system base to be handed to Thespian's `ActorSystem`.

    It starts with the first use, and ends with `ActorSystem.shutdown`.

    Args:
        capabilities: What the system can do, for actors that require it.
            `ActorSystem` does not pass its own on to a base object.
        ground: A ground that runs already, to stand beside the agents there;
            it is left running at the end. A new one if not given.
        name: Shown in logs, for a new ground.
        mailbox: How many messages may wait for one plain actor.

    Example:
        >>> from thespian.actors import Actor, ActorSystem
        >>> class Echo(Actor):
        ...     def receiveMessage(self, message, sender):
        ...         if isinstance(message, str):
        ...             self.send(sender, message)
        >>> system = ActorSystem(systemBase=LocalBase(), transientUnique=True)
        >>> system.ask(system.createActor(Echo), "hello", 5)
        'hello'
        >>> system.shutdown()
    """

    def __init__(
        self,
        *,
        capabilities: Mapping[str, Any] | None = None,
        ground: LocalGround | None = None,
        name: str = "thespian",
        mailbox: int = 100_000,
    ) -> None:
        self.ground = ground if ground is not None else LocalGround(name)
        self._owns_ground = ground is None
        self._given = dict(capabilities or {})
        self._mailbox = mailbox
        self._calls = Calls(self.ground)
        self._lock = Lock()
        self._inside: tuple[Realm, External] | None = None
        self._endpoints = count(1)
        self._closing_outside = False
        self._gone = Event()

    # -- what Thespian's ActorSystem calls

    def newPrimaryActor(
        self,
        actorClass: Any,
        targetActorRequirements: Any,
        globalName: str | None,
        sourceHash: str | None = None,
    ) -> LocalAddress:
        """Create a primary actor, or an agent.

        Raises:
            InvalidActorSpecification: If it is no class.
            ImportError: If the class is given by a name that cannot be imported.
            InvalidActorSourceHash: If the source is not loaded.
            NoCompatibleSystemForActor: If it requires what the system has not.
            Exception: What its constructor raised.
        """
        return self._external().newPrimaryActor(
            actorClass, targetActorRequirements, globalName, sourceHash
        )

    def tell(self, anActor: Any, msg: Any) -> None:
        """Send; see `External.tell`."""
        self._external().tell(anActor, msg)

    def ask(self, anActor: Any, msg: Any, timeout: Any = None) -> Any:
        """Send and wait for the first message that comes; see `External.ask`."""
        return self._external().ask(anActor, msg, timeout)

    def listen(self, timeout: Any = None) -> Any:
        """Wait for the next message; see `External.listen`."""
        if self._inside is not None and self._gone.is_set():
            return self._inside[1].listen(0)  # what had come before the end
        return self._external().listen(timeout)

    def external_clone(self) -> External:
        """Give an endpoint of its own to one thread, for `ActorSystem.private`."""
        realm = self._realm()
        return External(realm, f"private-{next(self._endpoints)}")

    def updateCapability(self, capabilityName: str, capabilityValue: Any = None) -> None:
        """Change a capability; None takes it away. Actors that required it exit."""
        realm = self._realm()
        self._calls(lambda: realm.update_capability(capabilityName, capabilityValue))

    def loadActorSource(self, fname: Any) -> str:
        """Offer a source to the source authority, and wait for what it says.

        Args:
            fname: A path or an open file.

        Returns:
            The hash to create actors with, whether it was accepted or not.

        Raises:
            OSError: If the file cannot be read.
        """
        realm = self._realm()
        source_hash, decided = self._calls(lambda: realm.sources.load(fname))
        try:
            if not self.ground.in_thread():
                decided.result(SOURCE_LIMIT)
        except TimeoutError:
            logger.warning("the source authority has not decided on {}", source_hash)
        return source_hash

    def unloadActorSource(self, sourceHash: str) -> None:
        """Have no more actors created from a source; those that live go on."""
        realm = self._realm()
        self._calls(lambda: realm.sources.unload(sourceHash))

    def shutdown(self) -> None:
        """End all actors, then the thread; blocks until that is done.

        Actors get an `ActorExitRequest` behind their mail, and are killed
        after 10 s. An actor that blocks the ground's thread for longer cannot
        be killed: that is logged, and the thread is left behind.
        """
        with self._lock:
            inside = self._inside
            self._closing_outside = not self.ground.in_thread()
        if inside is None or self._gone.is_set():
            self._gone.set()
            return
        self._calls.post(inside[0].shutdown)
        if not self._closing_outside:
            return
        if not self._gone.wait(EXIT_LIMIT + 2.0):
            logger.error("{}: an actor blocks the thread; it is left behind", self.ground.name)
        elif self._owns_ground:
            self.ground.close()

    # -- inside

    @property
    def capabilities(self) -> dict[str, Any]:
        """What the system can do."""
        return self._realm().capabilities

    def _handleDeadLetters(self, address: LocalAddress, enable: bool) -> None:  # noqa: FBT001 - Thespian's
        realm = self._realm()
        self._calls(lambda: realm.handle_dead_letters(address.cell, enable=enable))

    def _external(self) -> External:
        return self._started()[1]

    def _realm(self) -> Realm:
        return self._started()[0]

    def _started(self) -> tuple[Realm, External]:
        """Give the inside of the system and the endpoint of the main thread; start them first."""
        if self._gone.is_set():
            raise ActorSystemFailure("The actor system is shut down.")
        inside = self._inside
        if inside is None:
            with self._lock:
                inside = self._inside = self._inside or self._start()
        return inside

    def _start(self) -> tuple[Realm, External]:
        if self._owns_ground:
            self.ground.run_in_thread()
        realm = self._calls(
            lambda: Realm(self.ground, self._calls, self._given, self._mailbox, self._closed)
        )
        return realm, External(realm, "outside")

    def _closed(self) -> None:
        """Close the rest, in the ground's thread: all actors are gone."""
        self._calls.close()
        self._gone.set()
        if self._owns_ground and not self._closing_outside:
            self.ground.close()
