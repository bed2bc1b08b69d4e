"""Who is told what happens in a ground, and until when."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from harmonium.actors.observer import AgentStarted, Observers

CELL: Any = SimpleNamespace(path="/a", incarnation=1, more_=None)


def test_who_is_told_of_starts_by_cell_gets_no_event_of_them():
    """Others get theirs all the same."""
    observers, events, cells, others = Observers(), [], [], []
    observers.add(events.append, on_start=lambda cell, incarnation: cells.append(cell))
    observers.add(others.append)
    observers.started(CELL)
    assert (events, cells, others) == ([], [CELL], [AgentStarted("/a", 1, False)])


def test_nothing_is_told_after_the_end_of_it():
    """Neither by an event nor by cell."""
    observers, told = Observers(), []
    ends = [
        observers.add(told.append, on_start=lambda cell, incarnation: told.append(cell)),
        observers.add(told.append),
    ]
    for end in ends:
        end()
        end()
    observers.started(CELL)
    assert told == []
