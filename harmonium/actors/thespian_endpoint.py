"""The endpoint: where a thread outside of the ground sends from and listens.

Its resident puts what arrives into a queue that any thread may read. Thespian's
`ask` takes the first message that reaches the endpoint, from whomever; so give
each thread an endpoint of its own (``with asys.private()``), and know that the
late answer to an ask that ran out of time is what the next one gets.
"""

from __future__ import annotations

from queue import Empty, SimpleQueue
from time import monotonic
from typing import Any

import attrs
from thespian.system import isInternalActorSystemMessage

from harmonium.actors.thespian_address import LocalAddress
from harmonium.actors.thespian_resident import Resident

__all__ = ["Endpoint", "NoAnswer"]


@attrs.frozen(slots=True, eq=False)
class NoAnswer:
    """Tells whoever waits that nothing will come of an ask.

    Args:
        ask: The mark of the ask; None when the system has stopped.
    """

    ask: object | None


class Endpoint(Resident):
    """Queues what is sent to a thread outside."""

    def __init__(self) -> None:
        self.address = LocalAddress(self._cell)
        self._inbox: SimpleQueue[Any] = SimpleQueue()
        self._asked: tuple[Any, object] = (None, None)

    def take(self, message: Any) -> None:
        """Queue a message for whoever listens."""
        self._inbox.put(message)

    def stopped(self) -> None:
        """Let whoever listens go."""
        self._inbox.put(NoAnswer(None))

    def expect(self, message: Any, ask: object) -> None:
        """Remember what was asked last."""
        self._asked = (message, ask)

    def not_delivered(self, message: Any) -> None:
        """Hear that something sent from here is a dead letter."""
        asked, ask = self._asked
        if asked is message:
            self._inbox.put(NoAnswer(ask))

    def listen(self, timeout: float | None, ask: object = None) -> Any:
        """Wait, in a thread outside, for a message that is meant for people.

        Args:
            timeout: Longest wait, in seconds; None waits as long as it takes.
            ask: The mark of the ask whose answer is awaited, if any; the wait
                is over when nothing can come of it.

        Returns:
            The message, or None when there is none.
        """
        until = None if timeout is None else monotonic() + timeout
        while True:
            left = None if until is None else max(0.0, until - monotonic())
            try:
                message = self._inbox.get(timeout=left)
            except Empty:
                return None
            if isinstance(message, NoAnswer):
                if message.ask is None or message.ask is ask:
                    return None
            elif not isInternalActorSystemMessage(message):
                return message
