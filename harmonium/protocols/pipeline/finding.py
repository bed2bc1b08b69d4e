"""Find the piece of work that a path names."""

from __future__ import annotations

import re

from harmonium.protocols.pipeline.events import Event, TimerFired
from harmonium.protocols.pipeline.nesting import child_of
from harmonium.protocols.pipeline.state import RequestState, Spread, Work
from harmonium.protocols.pipeline.turn import Turn
from harmonium.protocols.pipeline.unit import UNDO, Unit

__all__ = ["find", "path_of"]

_HEAD = re.compile(r"(?P<name>[^\[~!/]+)(?:\[(?P<item>[0-9]{1,9})\])?(?:~(?P<run>[0-9]{1,9}))?\Z")


def path_of(event: Event) -> str:
    """Give the path that an event is addressed to."""
    if isinstance(event, TimerFired):
        return event.token.rpartition("#")[0] or event.token
    return getattr(event, "step", "")


def find(turn: Turn, path: str) -> Unit | None:
    """Find the work of this turn's request that a path leads to or through.

    Of a path into a sub-pipeline it gives the step that runs it. None means
    that there is no such step, that it has not begun, or that the path belongs
    to an earlier run.
    """
    rest = path[len(turn.state.prefix) :] if turn.state.prefix else path
    index = turn.graph.index.get(rest)
    if index is not None:
        state = turn.nodes[index]
        return Unit(turn, turn.graph.nodes[index], None, state) if isinstance(state, Work) else None
    if rest.endswith("]") and "/" not in rest:  # an item: the usual case of a mapped step
        name, _, number = rest[:-1].partition("[")
        index = turn.graph.index.get(name)
        if index is None or not _is_place(number):
            return None
        return _unit_at(turn, index, int(number))
    return _parse(turn, rest)


def _is_place(number: str) -> bool:
    return number.isascii() and number.isdigit() and len(number) < _DIGITS


_DIGITS = 10
"""More items than have so many digits fit in no memory; and int() of a long text is slow."""


def _parse(turn: Turn, rest: str) -> Unit | None:
    head, slash, _ = rest.partition("/")
    undo = not slash and head.endswith(UNDO)
    match = _HEAD.match(head.removesuffix(UNDO) if undo else head)
    index = None if match is None else turn.graph.index.get(match["name"])
    if match is None or index is None:
        return None
    item = None if match["item"] is None else int(match["item"])
    if undo:
        return _undo_at(turn, index, item)
    unit = _unit_at(turn, index, item)
    if unit is None or not slash:
        return unit if match["run"] is None else None
    return unit if _is_run(child_of(unit.work), turn.state.prefix + head + "/") else None


def _is_run(child: RequestState | None, prefix: str) -> bool:
    return child is not None and child.prefix == prefix


def _unit_at(turn: Turn, index: int, item: int | None) -> Unit | None:
    node, state = turn.graph.nodes[index], turn.nodes[index]
    if isinstance(state, Spread):
        work = None if item is None else state.works.get(item)
        return None if work is None else Unit(turn, node, item, work)
    return Unit(turn, node, None, state) if item is None and state is not None else None


def _undo_at(turn: Turn, index: int, item: int | None) -> Unit | None:
    saga, node = turn.saga, turn.graph.nodes[index]
    if saga is None or saga.work is None or node.undo is None:
        return None
    unit = Unit(turn, node, item, saga.work, undo=True)
    return unit if unit.path == saga.path + UNDO else None
