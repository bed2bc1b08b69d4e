"""Who is told what happens in a ground, and until when."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from harmonium.actors.observer import AgentStarted, Observers

CELL: Any = SimpleNamespace(path="/a", incarnation=1, more_=None)


def test_who_is_told_of_starts_by_path_gets_no_event_of_them():
    """Others get theirs all the same."""
    observers, events, paths, others = Observers(), [], [], []
    observers.add(events.append, on_start=lambda path, incarnation: paths.append(path))
    observers.add(others.append)
    observers.started(CELL)
    assert (events, paths, others) == ([], ["/a"], [AgentStarted("/a", 1, False)])


def test_nothing_is_told_after_the_end_of_it():
    """Neither by an event nor by path."""
    observers, told = Observers(), []
    ends = [
        observers.add(told.append, on_start=lambda path, incarnation: told.append(path)),
        observers.add(told.append),
    ]
    for end in ends:
        end()
        end()
    observers.started(CELL)
    assert told == []
