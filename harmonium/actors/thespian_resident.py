"""`Resident`: what stands in a cell for something that is Thespian's.

A plain actor, an endpoint of the outside and the administrator each have a
resident. For the ground it is an agent like any other, with the same mailbox
and the same accounting; it takes objects of any class and hears, like a
supervisor, how its children end.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from harmonium.actors import burying, ending
from harmonium.actors.agent import Agent
from harmonium.actors.cell import Cell
from harmonium.actors.handlers import Handler, HandlerTable
from harmonium.actors.thespian_address import LocalAddress
from harmonium.protocols.lifecycle import Declined, Exit, Exited, ExitKind, Failed, Report

__all__ = ["Resident"]


class Resident(Agent):
    """Takes every object in `take`, restarts nobody, and buries its dead children."""

    supervises = True

    address: LocalAddress

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.__table__ = _AnyTable(cls.take)

    def take(self, message: Any) -> None:
        """Handle one message; its envelope is the cell's current one."""
        raise NotImplementedError

    def child_exited(self, child: Cell) -> None:
        """Hear that a child is gone for good, just before it is buried."""

    def _child_report(self, child: Cell, report: Report) -> None:
        if isinstance(report, Failed):
            child.ground.observers.gave_up(child, report.error)
            ending.end(child, Exit(ExitKind.CRASH, repr(report.error), report.error))
        elif isinstance(report, Exited | Declined) and child.alive:
            # First the news: the last burial lets an ending parent end.
            self.child_exited(child)
            burying.bury(child)


class _AnyTable(HandlerTable):
    """One handler for objects of every class.

    Agents may send messages only, as everywhere; Thespian's actors reach the
    mailbox without the test of the contract.
    """

    def __init__(self, take: Callable[[Any, Any], Any]) -> None:
        handler = Handler(
            name="take",
            function=take,
            answers=frozenset({object}),
            is_async=False,
            blocking=False,
            reentrant=False,
        )
        super().__init__({}, handler, ())
        self.fast = _Always(take)


class _Always(dict[type, Callable[[Any, Any], Any]]):
    """What the scheduler dispatches by, with the same answer for every class."""

    def __init__(self, function: Callable[[Any, Any], Any]) -> None:
        super().__init__()
        self._function = function

    def __missing__(self, _: type) -> Callable[[Any, Any], Any]:
        return self._function
