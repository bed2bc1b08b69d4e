"""The tree of a running system, as data: who runs, in which state, with how much mail."""

from __future__ import annotations

from typing import Any

from harmonium.actors.cell import Cell, CellState
from harmonium.supervisors.core.queries import row
from harmonium.supervisors.pool_agent import Pool
from harmonium.supervisors.supervisor import Supervisor
from harmonium.supervisors.system import System

__all__ = ["live_tree"]


def live_tree(system: System) -> list[dict[str, Any]]:
    """Describe every agent below the root, parents before their children.

    To be called in the system's thread; costs O(agents).
    """
    return [_describe(cell) for cell in (system.ground.root.children or {}).values()]


def _describe(cell: Cell) -> dict[str, Any]:
    about = {
        "id": cell.id,
        "path": cell.path,
        "class": type(cell.agent).__name__ if cell.agent is not None else "",
        "state": CellState(cell.state).name.lower(),
        "incarnation": cell.incarnation,
        "queued": cell.queued(),
    }
    children = {child.id: _describe(child) for child in (cell.children or {}).values()}
    if isinstance(cell.agent, Supervisor):
        about["strategy"] = str(cell.agent.state.spec.strategy)
        if isinstance(cell.agent, Pool):
            about["pool"] = cell.agent.about()
        for known in cell.agent.state.table:
            at = row(known)
            down = {"id": at.id, "path": f"{cell.path}/{at.id}", "class": "", "queued": 0}
            one = children.setdefault(at.id, {**down, "incarnation": at.incarnation})
            one |= {"state": at.state, "restarts": at.restarts, "reason": at.reason}
    about["children"] = list(children.values())
    return about
