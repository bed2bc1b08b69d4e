"""The guardian: the parent of what has no other, at the root of the tree.

It lets nothing crash further: a top-level agent that fails is stopped, and
whoever runs the ground hears of each that ends.
"""

from __future__ import annotations

from harmonium.actors import burying, ending
from harmonium.actors.agent import Agent
from harmonium.actors.cell import Cell
from harmonium.protocols.lifecycle import Exit, Exited, ExitKind, Failed, Report

__all__ = ["Guardian"]


class Guardian(Agent):
    """Stops a top-level agent that fails."""

    supervises = True

    def _child_report(self, child: Cell, report: Report) -> None:
        ground = self._cell.ground
        if isinstance(report, Failed):
            ground.observers.gave_up(child, report.error)
            ending.end(child, Exit(ExitKind.CRASH, repr(report.error), report.error))
        elif isinstance(report, Exited):
            burying.bury(child)
            ground.on_top_exit(child, report.reason)
