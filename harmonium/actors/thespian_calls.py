"""`Calls`: how threads outside have something done in a ground's thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from thespian.actors import ActorSystemFailure, ActorSystemRequestTimeout

from harmonium.actors.promise import Promise

if TYPE_CHECKING:
    from harmonium.actors.ground import Ground

__all__ = ["Calls"]

T = TypeVar("T")

CALL_LIMIT = 50.0
"""Seconds to wait for a call's end, as long as Thespian waits for a new actor."""


class Calls:
    """Calls into one ground, until it is closed.

    Args:
        ground: Whose thread runs them.
    """

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._open = True
        self._waiting: set[Promise[Any]] = set()

    def __call__(self, function: Callable[[], T]) -> T:
        """Run it in the ground's thread, and give what it returns or raises.

        Raises:
            ActorSystemFailure: If the system is shut down.
            ActorSystemRequestTimeout: If the ground is busy for too long, as it
                is while an actor blocks its thread.
        """
        if self._ground.in_thread():
            return function()
        promise: Promise[T] = Promise(self._ground)
        self._waiting.add(promise)  # before the look at `_open`, so that `close` sees it
        try:
            self.post(lambda: _settle(promise, function))
            return promise.result(CALL_LIMIT)
        except TimeoutError:
            raise ActorSystemRequestTimeout(f"No answer within {CALL_LIMIT} s.") from None
        finally:
            self._waiting.discard(promise)

    def post(self, function: Callable[[], Any]) -> None:
        """Have it run in the ground's thread, after all that was posted before; at once there.

        Raises:
            ActorSystemFailure: If the system is shut down.
        """
        if self._open and self._ground.in_thread():
            function()
        else:
            self.later(function)

    def later(self, function: Callable[[], Any]) -> None:
        """Have it run in the ground's thread, and never at once.

        Raises:
            ActorSystemFailure: If the system is shut down.
        """
        if not self._open:
            raise ActorSystemFailure("The actor system is shut down.")
        try:
            self._ground.call_threadsafe(function)
        except RuntimeError as closed:  # the loop, since we looked
            raise ActorSystemFailure("The actor system is shut down.") from closed

    def close(self) -> None:
        """Take no more calls, and fail those that wait; in the ground's thread."""
        self._open = False
        for promise in tuple(self._waiting):
            promise.fail(ActorSystemFailure("The actor system is shut down."))


def _settle(promise: Promise[T], function: Callable[[], T]) -> None:
    try:
        promise.settle(function())
    except Exception as error:  # it belongs to the caller's thread
        promise.fail(error)
