"""`drive`: run a coroutine of the runtime's own that waits for promises only.

A step is taken as soon as its promise is settled, in the ground's thread, with
no task of asyncio around it; so it runs in a simulation as it does elsewhere.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from harmonium.actors.promise import Promise

if TYPE_CHECKING:
    from harmonium.actors.ground import Ground

__all__ = ["drive"]

T = TypeVar("T")


def drive(ground: Ground, coroutine: Coroutine[Any, Any, T]) -> Promise[T]:
    """Run it until it waits, and on from there; gives what it returns or raises."""
    outcome: Promise[T] = Promise(ground)

    def step(_: Any = None) -> None:
        try:
            awaited = coroutine.send(None)
        except StopIteration as stop:
            outcome.settle(stop.value)
        except Exception as error:  # it belongs to whoever waits
            outcome.fail(error)
        else:
            awaited._asyncio_future_blocking = False
            awaited.then(step)

    step()
    return outcome
