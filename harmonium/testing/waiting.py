"""Who waits for whom: the wait-for graph of a ground, its circles, and handlers that hang."""

from __future__ import annotations

from typing import Any

from harmonium.actors.account import every_cell
from harmonium.actors.ask import Ask
from harmonium.actors.cell import Cell

__all__ = ["circle", "waits", "waits_text"]


def waits(root: Cell, *, arrived: bool = False) -> dict[Cell, list[Any]]:
    """Give, for each agent with a suspended handler, what it waits for: cells, or None.

    Args:
        root: Where to look.
        arrived: Leave out waits for somebody whom the request has not reached
            yet: it may still take it, if its handler is reentrant.
    """
    found: dict[Cell, list[Any]] = {}
    for cell in every_cell(root):
        if cell.more_ is None or not cell.busy:
            continue
        for execution in cell.more_.executions:
            waiter = execution._fut_waiter
            if arrived and isinstance(waiter, Ask) and not _has_arrived(waiter):
                continue
            if execution.envelope is not None:
                found.setdefault(cell, []).append(_awaited(waiter))
    return found


def _awaited(waiter: Any) -> Cell | None:
    return waiter.target if isinstance(waiter, Ask) and isinstance(waiter.target, Cell) else None


def _has_arrived(ask: Ask[Any]) -> bool:
    """Whether the target has the request, in its mailbox or in work."""
    cell = ask.target
    if not isinstance(cell, Cell):
        return False
    in_work = [] if cell.more_ is None else [one.envelope for one in cell.more_.executions]
    return any(one is not None and one[2] is ask for one in (*cell.mailbox, *in_work))


def circle(graph: dict[Cell, list[Any]]) -> list[Cell]:
    """Give agents that wait for each other in a circle, or nothing."""
    for start in graph:
        path, seen = [start], {start}
        while path:
            onward = next((c for c in graph.get(path[-1], ()) if c in graph), None)
            if onward is None:
                break
            if onward in seen:
                return path[path.index(onward) :]
            seen.add(onward)
            path.append(onward)
    return []


def waits_text(graph: dict[Cell, list[Any]]) -> str:
    """Show who waits for whom, in one line."""
    parts = [
        f"{cell.path} waits for {'something of its own' if to is None else to.path}"
        for cell, targets in graph.items()
        for to in targets
    ]
    return "; ".join(parts)
