"""`External`: one thread's access to a Thespian system from outside of its ground."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from itertools import count
from typing import TYPE_CHECKING, Any
from weakref import finalize

from loguru import logger
from thespian.actors import ActorSystemFailure, ActorSystemRequestTimeout
from thespian.system.timing import timePeriodSeconds

from harmonium.actors.birth import Birth
from harmonium.actors.thespian_delivery import check, question, send
from harmonium.actors.thespian_endpoint import Endpoint, NoAnswer
from harmonium.actors.thespian_wanted import Wanted
from harmonium.protocols.errors import DefinitionError

if TYPE_CHECKING:
    from harmonium.actors.cell import Cell
    from harmonium.actors.thespian_address import LocalAddress
    from harmonium.actors.thespian_calls import Calls
    from harmonium.actors.thespian_realm import Realm

__all__ = ["External"]

TELLS_PER_LOOK = 64
"""How many messages may be on their way before a teller looks whether there is room."""
TELL_LIMIT = 60.0
"""Seconds that a teller waits for room, as Thespian's own bases do."""
ROOM_POLL = 0.005
"""Seconds between two looks at a full mailbox."""


class External:
    """An endpoint outside: tell, ask and listen.

    Args:
        realm: The system.
        endpoint_id: Its name among the endpoints.
    """

    def __init__(self, realm: Realm, endpoint_id: str) -> None:
        self._realm = realm
        self._calls: Calls = realm.call
        self._cell: Cell = realm.call(
            lambda: realm.ground.spawn(realm.admin, Birth(Endpoint), endpoint_id)
        )
        self._endpoint: Endpoint = self._cell.agent
        self._told = count(1)
        # Thespian forgets exit_context() when the block of private() raises.
        self._finalizer = finalize(self, _retire, self._calls, self._cell)
        self._finalizer.atexit = False

    def newPrimaryActor(
        self,
        actorClass: Any,
        targetActorRequirements: Any,
        globalName: str | None,
        sourceHash: str | None = None,
    ) -> LocalAddress:
        """Create an actor or agent that has no parent but the system; see `Realm`."""
        wanted = Wanted(actorClass, targetActorRequirements, globalName, sourceHash)
        return self._calls(lambda: self._realm.create_primary(wanted))

    def tell(self, address: Any, message: Any) -> None:
        """Send; waits while the receiver's mailbox is more than half full.

        Raises:
            ContractError: If the receiver is an agent that does not take the message.
            ActorSystemRequestTimeout: If there is no room for 60 s.
        """
        target = self._realm.address(address)
        check(target.cell, message)
        self._post(lambda: send(self._cell, target, message))
        if next(self._told) % TELLS_PER_LOOK == 0 and not self._inside():
            self._wait_for_room(target.cell)

    def ask(self, address: Any, message: Any, timeout: Any) -> Any:
        """Send, and give the first message that reaches this endpoint, from anybody.

        Args:
            address: Of an actor or an agent.
            message: Any object for an actor; what its contract names for an agent.
            timeout: Seconds or a timedelta; None waits as long as it takes.

        Returns:
            The message; None when the time is up, nobody is there, or an
            agent has nothing to say.

        Raises:
            ContractError: If the receiver is an agent that does not take the message.
        """
        self._refuse_inside("ask")
        target = self._realm.address(address)
        check(target.cell, message)
        seconds, mark = _seconds(timeout), object()
        self._post(lambda: self._question(target, message, seconds, mark))
        return self._endpoint.listen(seconds, mark)

    def listen(self, timeout: Any) -> Any:
        """Give the next message that reaches this endpoint, or None when the time is up."""
        self._refuse_inside("listen")
        return self._endpoint.listen(_seconds(timeout))

    def exit_context(self) -> None:
        """Close this endpoint; what is sent to it from now on is a dead letter."""
        self._finalizer()

    def _question(
        self, target: LocalAddress, message: Any, timeout: float | None, mark: object
    ) -> None:
        if self._cell.alive:
            question(self._cell, target, message, timeout, mark)
        else:  # the system is about to be gone, and nobody will answer
            self._endpoint.take(NoAnswer(mark))

    def _post(self, function: Callable[[], None]) -> None:
        def guarded() -> None:
            try:
                function()
            except Exception as error:  # the sender has gone on, nobody can catch it
                logger.opt(exception=error).error("a message from outside was not sent")

        self._calls.post(guarded)

    def _wait_for_room(self, cell: Cell) -> None:
        limit = time.monotonic() + TELL_LIMIT

        def crowded() -> bool:
            return cell.alive and len(cell.mailbox) * 2 > cell.birth.mailbox

        while self._calls(crowded):
            if time.monotonic() > limit:
                raise ActorSystemRequestTimeout(f"No room at {cell.path} within {TELL_LIMIT} s.")
            time.sleep(ROOM_POLL)

    def _inside(self) -> bool:
        inside: bool = self._realm.ground.in_thread()
        return inside

    def _refuse_inside(self, what: str) -> None:
        if self._inside():
            raise DefinitionError(
                f"ActorSystem.{what}",
                "it would block the thread that has to answer",
                "inside an actor use send and receiveMessage",
            )


def _seconds(timeout: Any) -> float | None:
    return None if timeout is None else max(0.0, float(timePeriodSeconds(timeout)))


def _retire(calls: Calls, cell: Cell) -> None:
    # The collector may call this in the middle of anything, in the ground's thread too.
    with contextlib.suppress(ActorSystemFailure):  # the system is gone, and the endpoint with it
        calls.later(lambda: cell.ground.request_stop(cell))
