"""What a running system knows of a request: its store's decision logs, or its memory's."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from harmonium.actors.cell import Cell
from harmonium.protocols.decision_log import Entry, Head, Record, append
from harmonium.supervisors.coordinator import Coordinator
from harmonium.supervisors.decision_records import records_about
from harmonium.supervisors.system import System

__all__ = ["story_of"]


async def story_of(system: System, correlation_id: str) -> list[Record]:
    """Give the records of a request, in the order of their times; on the system's loop.

    With a store these are all records that it keeps. Without one each
    coordinator has its newest 10,000 in memory, up to its next crash.
    """
    if system.store is not None:
        # Reading waits for the store, so not on the loop that has to go on.
        return await asyncio.to_thread(records_about, system.store, correlation_id)
    entries = [one for one in _entries(system.ground.root) if one.correlation_id == correlation_id]
    return list(append(Head(), sorted(entries, key=lambda entry: entry.time))[1])


def _entries(cell: Cell) -> Iterator[Entry]:
    if isinstance(cell.agent, Coordinator):
        yield from cell.agent.decisions
    for child in (cell.children or {}).values():
        yield from _entries(child)
