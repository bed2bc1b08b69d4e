"""How Thespian's actors end: each is asked, has its children end first, and is reported."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from thespian.actors import ActorExitRequest

from harmonium.actors import burying, ending
from harmonium.actors.thespian_delivery import deliver, is_agent
from harmonium.protocols.lifecycle import SHUTDOWN, Exit, ExitKind

if TYPE_CHECKING:
    from harmonium.actors.cell import Cell

__all__ = ["EXIT_LIMIT", "exit_all"]

EXIT_LIMIT = 10.0
"""Seconds that children get to end; then they are killed. Thespian waits as long for a system."""


def exit_all(
    parent: Cell, children: Iterable[Cell], then: Callable[[], None], limit: float = EXIT_LIMIT
) -> None:
    """Ask children to end, all at once, and call back when they are gone.

    An actor gets an `ActorExitRequest` behind the mail it has; an agent stops
    gracefully. Who is not gone after the limit is killed.

    Args:
        parent: Whose children.
        children: Which of them.
        then: Called once, at once when there are none.
        limit: In seconds.
    """
    children = tuple(children)
    waited = list(children)

    def gone() -> None:
        while waited and not waited[-1].alive:
            waited.pop()
        if not waited:
            parent.more.child_gone = None
            timer.cancel()
            then()

    def kill() -> None:
        for child in waited:
            burying.kill(child, Exit(ExitKind.KILLED, f"it did not end within {limit} s"))

    timer = parent.ground.after(limit, kill)
    parent.more.child_gone = gone
    for child in children:
        if is_agent(child):
            parent.ground.signal(child, ending.stop, child, SHUTDOWN)
        else:
            deliver(parent, child, ActorExitRequest(recursive=True))
    gone()
