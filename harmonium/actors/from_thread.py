"""Agent methods called by a blocking handler, which runs in a thread of the pool.

Nothing of a ground may be touched from another thread than its own. A method
marked with `in_ground` is handed over to it and waited for; the message in
work is that of the blocking handler, so that correlation and cause stay.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, cast

from harmonium.actors.promise import Promise
from harmonium.protocols.errors import AgentDead

if TYPE_CHECKING:
    from harmonium.actors.agent import Agent

__all__ = ["Severed", "hand_over", "in_ground"]

F = TypeVar("F", bound=Callable[..., Any])

LONGEST = 60.0
"""Seconds that a thread waits for the ground before it gives up: the ground is gone."""


class Severed:
    """Stands for the cell of an incarnation that has ended while its thread runs on."""

    def __init__(self, path: str) -> None:
        self.__dict__["path"] = path

    def __getattr__(self, name: str) -> Any:
        raise AgentDead(self.__dict__["path"], "this incarnation has ended")


def in_ground(method: F) -> F:
    """Have a method of an agent run in its ground's thread, wherever it is called."""

    @functools.wraps(method)
    def run(self: Agent, *args: Any, **kwargs: Any) -> Any:
        if self._cell.offloop:
            return hand_over(self, lambda: method(self, *args, **kwargs)).result(LONGEST)
        return method(self, *args, **kwargs)

    return cast("F", run)


def hand_over(agent: Agent, call: Callable[[], Any]) -> Promise[Any]:
    """Have `call()` run in the ground's thread, as part of the blocking handler's work.

    The promise has what it returns or raises. Where the caller is in that
    thread already (a simulation), it is called at once.
    """
    cell = agent._cell
    ground = cell.ground
    promise: Promise[Any] = Promise(ground)

    def run() -> None:
        before = cell.current
        if cell.more.blocking is not None:
            cell.current = cell.more.blocking
        try:
            value = call()
        except Exception as error:  # it belongs to the handler's thread
            promise.fail(error)
            return
        finally:
            cell.current = before
        promise.settle(value)

    if ground.in_thread():
        run()
    else:
        ground.call_threadsafe(run)
    return promise
