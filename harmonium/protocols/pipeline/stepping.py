"""Begin steps and their items, and note how they ended."""

from __future__ import annotations

from typing import Any

import attrs

from harmonium.protocols.decision_log import Kind
from harmonium.protocols.failure import Failure
from harmonium.protocols.partial import Partial
from harmonium.protocols.pipeline import work as works
from harmonium.protocols.pipeline.graph import Node
from harmonium.protocols.pipeline.nesting import child_of
from harmonium.protocols.pipeline.state import Phase, Spread, Status
from harmonium.protocols.pipeline.turn import Turn
from harmonium.protocols.pipeline.unit import (
    Got,
    LeftOut,
    Lost,
    Outcome,
    Unit,
    failure_of,
    fresh,
    set_,
)

__all__ = ["conclude", "visit"]


def visit(turn: Turn, index: int) -> None:
    """Begin a node whose needs are done, or the next items of a mapped one."""
    node, state = turn.graph.nodes[index], turn.nodes[index]
    if state is None:
        _begin(turn, node)
    elif isinstance(state, Spread):
        _begin_items(turn, node)


def _begin(turn: Turn, node: Node) -> None:
    try:
        wanted = node.when is None or node.when(turn.context(node.index))
        items = None
        if wanted and node.each is not None:
            items = tuple(node.each(turn.context(node.index)))
    except Exception as error:  # noqa: BLE001 - whatever the pipeline's callable raised
        _ends_before_it_began(turn, node, error)
        return
    if not wanted:
        _skip(turn, node)
    elif items is None:
        unit = Unit(turn, node, None, None)
        conclude(unit, works.start(unit))
    else:
        turn.nodes[node.index] = Spread(Status.RUNNING, items)
        _begin_items(turn, node)


def _skip(turn: Turn, node: Node) -> None:
    turn.nodes[node.index] = attrs.evolve(fresh(node.task), status=Status.SKIPPED)
    path = turn.state.prefix + node.name
    turn.record(Kind.SKIPPED, path, rule="when", why="its condition does not hold")
    turn.complete(node.index, None)


def _ends_before_it_began(turn: Turn, node: Node, error: Exception) -> None:
    outcome = failure_of(error)
    failure = outcome.failure if isinstance(outcome, Lost) else outcome
    assert isinstance(failure, Failure)  # noqa: S101 - an error gives no result
    conclude(Unit(turn, node, None, None), Lost(failure))


# --- Items of a mapped step -----------------------------------------------


def _begin_items(turn: Turn, node: Node) -> None:
    while turn.failure is None:
        spread = turn.nodes[node.index]
        assert isinstance(spread, Spread)  # noqa: S101 - visit looked
        if spread.status is not Status.RUNNING:
            return
        if spread.begun == len(spread.items):
            if not spread.busy:
                _gather(turn, node, spread)
            return
        if spread.busy >= node.concurrency:
            return
        place = spread.begun
        turn.nodes[node.index] = spread.counting(begun=place + 1, busy=spread.busy + 1)
        unit = Unit(turn, node, place, None)
        conclude(unit, works.start(unit))


def _gather(turn: Turn, node: Node, spread: Spread) -> None:
    value = tuple(spread.works[place].value for place in range(spread.begun))
    turn.nodes[node.index] = attrs.evolve(spread, status=Status.DONE, value=value)
    turn.complete(node.index, value)


# --- Ends -----------------------------------------------------------------


def conclude(unit: Unit, outcome: Outcome) -> None:
    """Store the work, and let its step and its request know when it has ended."""
    if outcome is None:
        unit.store()
    elif isinstance(outcome, Got):
        _done(unit, outcome)
    elif isinstance(outcome, LeftOut):
        unit.turn.record(Kind.SKIPPED, unit.path, why=str(unit.work.failure or ""))
        _end(unit, Status.SKIPPED, None)
    elif isinstance(outcome, Lost):
        _fail(unit, outcome.failure)


def _done(unit: Unit, got: Got) -> None:
    attempt, before = got.accepted, unit.work
    if before.until is not None or len(before.flights) > 1:
        unit.withdraw(but=attempt)
    if attempt and not got.is_recorded:
        unit.turn.record(
            Kind.ANSWERED, unit.path, who=got.who or unit.work.to or "", what=got.value
        )
    _end(unit, Status.DONE, got.value, attempt)
    if attempt and _is_undoable(unit):
        unit.turn.finished = (*unit.turn.finished, unit.path)


def _is_undoable(unit: Unit) -> bool:
    """Whether somebody did the work, and can undo it."""
    undo = unit.node.undo
    if undo is not None:
        return (undo.target or unit.work.to) is not None
    child = child_of(unit.work)
    return child is not None and bool(child.finished)


def _fail(unit: Unit, failure: Failure) -> None:
    if unit.work.until is not None or unit.work.flights:
        unit.withdraw()
    unit.change(failure=failure)
    unit.turn.fail(unit.path, failure)
    _end(unit, Status.FAILED, None)


def _end(unit: Unit, status: Status, value: Any, accepted: int = 0) -> None:
    work = unit.own()
    set_(work, "status", status)
    set_(work, "value", value)
    set_(work, "accepted", accepted)
    set_(work, "flights", ())
    unit.store()
    turn, index = unit.turn, unit.node.index
    if unit.node.undo_in_doubt and unit.work.in_doubt and not accepted:
        turn.finished = (*turn.finished, unit.path)
    if unit.item is not None:
        _end_item(unit, value)
    elif status.is_done and turn.phase is Phase.RUNNING:
        turn.complete(index, value)


def _end_item(unit: Unit, value: Any) -> None:
    turn, index = unit.turn, unit.node.index
    spread = unit.spread()
    turn.nodes[index] = spread.counting(begun=spread.begun, busy=spread.busy - 1)
    if turn.stream and unit.work.status.is_done and turn.phase is Phase.RUNNING:
        turn.effects.append(Partial(unit.path, value))
    turn.ready.append(index)
