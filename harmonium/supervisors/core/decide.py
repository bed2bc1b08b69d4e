"""`decide`: what a supervisor does about one event."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from harmonium.protocols.lifecycle import Declined, Exited, Started
from harmonium.supervisors.core import (
    alarms,
    events,
    group,
    operations,
    queries,
    reports,
    shutdown,
)
from harmonium.supervisors.core.child import Child, Status, Why
from harmonium.supervisors.core.effects import Effect, Resume, Start
from harmonium.supervisors.core.instances import launch, make_start
from harmonium.supervisors.core.journal import record
from harmonium.supervisors.core.state import Mode, State
from harmonium.supervisors.core.table import Table
from harmonium.supervisors.core.turn import Turn
from harmonium.supervisors.spec import ChildSpec, SupervisorSpec

__all__ = ["AT_ONCE", "decide", "first_starts", "initial", "survivors"]

NEW, UP, DOWN = Mode.NEW, Mode.UP, Mode.DOWN

AT_ONCE = 32
"""How many children may be built in one turn; each takes some 20 us besides its own start."""


def initial(
    spec: SupervisorSpec,
    *,
    path: str = "/",
    root: bool = False,
    reports: bool = False,
    added: Iterable[ChildSpec] = (),
) -> State:
    """Make the state of a supervisor that has not been booted.

    Args:
        spec: What it is.
        path: Its path, for errors.
        root: Whether no supervisor is above it.
        reports: As in the `Start` effect that led to it.
        added: Children to start behind the declared ones (`survivors`).
    """
    children = [Child(one, one.id) for one in spec.booted]
    children += [Child(one, one.id, why=Why.ADDED, added=True) for one in added]
    state = State(spec, path, root, reports, table=Table.of(children))
    for child in children:
        child.settle()
    state.settle()
    return state


def first_starts(state: State) -> Iterator[Start]:
    """Order the first starts of a boot one by one, for as long as each is ready at once.

    Whoever carries them out tells with `Boot` how far it came: one decision in place of
    one for each child. A supervisor below takes its time, and what stands behind the
    first `AT_ONCE` waits, so that a boot holds nobody else up for long.
    """
    for child in state.table.upward() if state.mode is NEW else ():
        if child.place >= AT_ONCE or child.spec.is_supervisor:
            return
        yield make_start(child.id, child.incarnation + 1, child.spec)


def survivors(state: State) -> tuple[ChildSpec, ...]:
    """Tell which children added at run time are to be there after a restart of it."""
    if not state.spec.keep_added:
        return ()
    return tuple(one.spec for one in state.table if one.added)


def decide(
    state: State, event: events.Event, now: float, draw: float = 0.0
) -> tuple[State, tuple[Effect, ...]]:
    """Decide about one event.

    The same arguments give the same result, and `state` stays as it is. It never
    waits: what takes time is ordered and comes back as an event. Events that do
    not fit the state (late, double, about an older instance) change nothing but
    the number of decisions.

    Args:
        state: What is known.
        event: What happened.
        now: Monotonic time, in seconds; never less than in the call before.
        draw: A number from chance in [0, 1), for the jitter of a backoff.

    Returns:
        The next state, and what is to be done, in order.
    """
    turn = Turn(state, now, draw)
    draft = turn.state
    _HANDLERS[event.__class__](turn, event)
    _go_on(turn)
    while draft.deferred and draft.group is None:
        _take_up(turn)
    if event.__class__ not in _QUESTIONS:
        draft.number += 1
        turn.effects.append(record(turn, state, event))
    return turn.close(), tuple(turn.effects)


def _go_on(turn: Turn) -> None:
    """Take what is under way as far as it goes."""
    state = turn.state
    if state.group is not None:
        group.advance(turn)
    if state.mode is DOWN:
        shutdown.advance(turn)
    if state.resizing is not None:
        operations.resized(turn, *state.resizing)


def _take_up(turn: Turn) -> None:
    """Carry out an event that had to wait for the end of a pass."""
    event, *others = turn.state.deferred
    turn.state.deferred = tuple(others)
    _HANDLERS[type(event)](turn, event)
    _go_on(turn)


def _boot(turn: Turn, event: events.Boot) -> None:
    if turn.state.mode is NEW:
        turn.state.mode = UP
        group.boot(turn, event.ready, event.begun)


def _stop_all(turn: Turn, event: events.StopAll) -> None:
    if event.request is not None:
        turn.state.requests = (*turn.state.requests, event.request)
    turn.rule("", "shutdown", f"It was told to stop: {event.reason}.")
    shutdown.begin(turn, event.reason)
    if turn.state.mode is Mode.OVER:
        shutdown.answer_requests(turn)


def _kill_all(turn: Turn, event: events.KillAll) -> None:
    turn.rule("", "kill", f"It was told to end at once: {event.reason}.")
    shutdown.kill_all(turn, event.reason)


def _resumed(turn: Turn, _: events.Resumed) -> None:
    """Let children go on about which the parent has decided."""
    ids, turn.state.escalated = turn.state.escalated, ()
    for id in ids if turn.state.mode is UP else ():
        child = turn.child(id)
        if child is None or child.status is not Status.ESCALATED:
            continue
        turn.rule(id, "resume", "The parent decided to resume.")
        if child.suspended:
            child.status, child.suspended, child.cause = Status.RUNNING, False, None
            turn.emit(Resume(id, child.incarnation))
        else:
            child.why = Why.RESTART
            launch(turn, child)


_HANDLERS: Mapping[type, Callable[[Turn, Any], None]] = {
    Started: reports.started,
    Declined: reports.declined,
    Exited: reports.exited,
    events.Ended: reports.exited,
    events.Failed: reports.failed,
    events.Overran: reports.overran,
    events.Spent: reports.spent,
    events.TimerFired: alarms.fired,
    events.Boot: _boot,
    events.StopAll: _stop_all,
    events.KillAll: _kill_all,
    events.Resumed: _resumed,
    events.StartChild: operations.start,
    events.StopChild: operations.stop,
    events.RestartChild: operations.restart,
    events.DeleteChild: operations.delete,
    events.Resize: operations.resize,
    events.Reconfigure: operations.reconfigure,
    events.Scaled: operations.scaled,
    events.WhichChildren: queries.which,
    events.WhichChild: queries.which_one,
    events.CountChildren: queries.count,
    events.GetSpec: queries.spec,
}

_QUESTIONS = frozenset(
    {events.WhichChildren, events.WhichChild, events.CountChildren, events.GetSpec}
)
"""What leaves the state as it is, and so is not written down."""
