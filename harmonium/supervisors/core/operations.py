"""What an operator may order while the supervisor runs. Nothing of it costs budget."""

from __future__ import annotations

from typing import Any

import attrs

from harmonium.actors.birth import Birth
from harmonium.protocols.errors import SpecError
from harmonium.supervisors import validation
from harmonium.supervisors.core.answers import Heard, Outcome, Reply
from harmonium.supervisors.core.child import After, Child, Status, Why
from harmonium.supervisors.core.events import (
    Command,
    DeleteChild,
    Reconfigure,
    Resize,
    RestartChild,
    Scaled,
    StartChild,
    StopChild,
)
from harmonium.supervisors.core.instances import answer_starters, bury, halt, launch, respond
from harmonium.supervisors.core.state import Mode
from harmonium.supervisors.core.turn import Turn
from harmonium.supervisors.spec import ChildSpec
from harmonium.supervisors.words import TEMPORARY, Kind

__all__ = ["delete", "reconfigure", "resize", "resized", "restart", "scaled", "start", "stop"]


def _answer(
    turn: Turn, request: Any, outcome: Outcome, child: Child | str, cause: str = ""
) -> None:
    if isinstance(child, str):
        reply = Reply(outcome, child, 0, cause)
    else:
        reply = Reply(outcome, child.id, child.incarnation if child.live else 0, cause)
    respond(turn, request, reply)


def _closed(turn: Turn, event: Command, id: str) -> bool:
    """Refuse a command to a supervisor that does not keep its children up."""
    if turn.state.mode is Mode.UP:
        return False
    _answer(turn, event.request, Outcome.STOPPING, id)
    return True


def _put_off(turn: Turn, event: StartChild | RestartChild | Resize, child: str) -> bool:
    """Have a start wait until a pass through the children is over, to keep the order.

    The operator hears at once that it is accepted.
    """
    if turn.state.group is None:
        return False
    heard = _accept(turn, event, child)
    turn.state.deferred = (*turn.state.deferred, attrs.evolve(event, request=heard))
    turn.rule(child, "put_off", f"{heard.who} wants a start, which waits for the end of a pass.")
    return True


def _accept(turn: Turn, event: Command, child: str) -> Heard:
    """Answer that the command is accepted; gives what stands for its request from now on."""
    if isinstance(event.request, Heard):
        return event.request
    _answer(turn, event.request, Outcome.PENDING, child)
    return Heard(_who(event))


# --- start_child ---


def start(turn: Turn, event: StartChild) -> None:
    """Add a child behind the others and start it."""
    try:
        spec = _spec(turn, event)
    except SpecError as error:
        _answer(turn, event.request, Outcome.INVALID, event.id or "", str(error))
        return
    if _closed(turn, event, spec.id) or _refuse(turn, event, spec):
        return
    if turn.state.group is not None:
        _put_off(turn, attrs.evolve(event, id=spec.id), spec.id)
        return
    child = turn.add(spec, Why.ADDED, added=True)
    child.starters = (event.request if event.wait else _accept(turn, event, spec.id),)
    turn.rule(spec.id, "add", f"{_who(event)} added it.")
    launch(turn, child)


def _spec(turn: Turn, event: StartChild) -> ChildSpec:
    """Make the spec of the new child; raise SpecError if it cannot be."""
    owner = turn.state.spec
    spec = event.spec or owner.template
    if spec is None:
        raise SpecError(f"{owner.name}.template", "it has none", "give start_child a child spec")
    if owner.kind is Kind.PARTITION:
        raise SpecError(owner.name, "its children are its partitions", "resize it")
    made_up = event.spec is None and event.id is None
    id = f"{spec.id}-{turn.serial()}" if made_up else event.id or spec.id
    start = spec.start
    if isinstance(start, Birth) and (owner.extra_args or event.args):
        args = (*owner.extra_args, *start.args, *event.args)
        start = attrs.evolve(start, args=args)
    validation.check_member(owner, spec)
    if id == spec.id and start is spec.start:
        return spec
    return attrs.evolve(spec, id=id, start=start)


def _refuse(turn: Turn, event: StartChild, spec: ChildSpec) -> bool:
    present = turn.child(spec.id)
    limit = turn.state.spec.max_children
    if present is not None:
        fresh = present.status is Status.STARTING and present.why is not Why.RESTART
        up = present.status in (Status.RUNNING, Status.ESCALATED) or fresh
        outcome = Outcome.ALREADY_STARTED if up else Outcome.ALREADY_PRESENT
        _answer(turn, event.request, outcome, present)
    elif limit is not None and len(turn.state.table) >= limit:
        _answer(turn, event.request, Outcome.FULL, spec.id, f"it has {limit} children")
    else:
        return False
    return True


# --- stop_child ---


def stop(turn: Turn, event: StopChild) -> None:
    """Stop a child and hold it: only `restart_child` starts it again."""
    child = turn.child(event.child)
    if child is None:
        _answer(turn, event.request, Outcome.NOT_FOUND, event.child)
        return
    wait = event.wait or not child.live
    request = event.request if wait else _accept(turn, event, child.id)
    child.stoppers = (*child.stoppers, request)
    if turn.state.mode is Mode.DOWN and child.live:
        return
    turn.rule(child.id, "hold", f"{_who(event)} stopped it.")
    hold(turn, child)


def hold(turn: Turn, child: Child) -> None:
    """Bring a child down and keep it down, from whatever state it is in."""
    if child.status is Status.STOPPING:
        child.after = _instead(child.after)
        answer_starters(turn, child, Outcome.STOPPING)
    elif child.live:
        answer_starters(turn, child, Outcome.STOPPING)
        halt(turn, child, After.HOLD)
    else:
        forgotten = child.spec.restart is TEMPORARY or turn.state.spec.is_dynamic
        bury(turn, child, None if forgotten else Status.HELD, child.last_words)


def _instead(after: After) -> After:
    final = (After.NOTHING, After.RETIRE, After.DISCARD)
    return after if after in final else After.HOLD


# --- restart_child, delete_child ---


_WAY_BACK = frozenset({Status.PENDING, Status.STARTING, Status.LOST, Status.WAITING})


def restart(turn: Turn, event: RestartChild) -> None:
    """Start a child that is down, or that is quarantined, with a clean slate."""
    child = turn.child(event.child)
    if child is None:
        _answer(turn, event.request, Outcome.NOT_FOUND, event.child)
    elif _closed(turn, event, event.child):
        return
    elif child.status in _WAY_BACK:
        _answer(turn, event.request, Outcome.RESTARTING, child)
    elif child.status is Status.STOPPING:
        _answer(turn, event.request, Outcome.STOPPING, child)
    elif child.status in (Status.RUNNING, Status.ESCALATED):
        _answer(turn, event.request, Outcome.RUNNING, child)
    elif not _put_off(turn, event, child.id):
        _start_again(turn, child, event.request if event.wait else _accept(turn, event, child.id))


def _start_again(turn: Turn, child: Child, request: Any) -> None:
    child.starters = (request,)
    child.why, child.waited, child.failures, child.streak = Why.MANUAL, 0.0, 0, 0
    child.trials, child.window = 0, None
    turn.rule(child.id, "start", "An operator started it.")
    launch(turn, child)


def delete(turn: Turn, event: DeleteChild) -> None:
    """Forget the spec of a child that is down."""
    child = turn.child(event.child)
    if child is None:
        _answer(turn, event.request, Outcome.NOT_FOUND, event.child)
    elif child.down:
        _answer(turn, event.request, Outcome.OK, child)
        turn.rule(child.id, "delete", "An operator deleted it.")
        bury(turn, child, None, child.last_words)
    elif child.status in (Status.RUNNING, Status.ESCALATED):
        _answer(turn, event.request, Outcome.RUNNING, child)
    elif child.status is Status.STOPPING:
        _answer(turn, event.request, Outcome.STOPPING, child)
    else:
        _answer(turn, event.request, Outcome.RESTARTING, child)


# --- resize, reconfigure ---


def resize(turn: Turn, event: Resize) -> None:
    """Have the first `count` partitions run and the others stop; none is renumbered."""
    state = turn.state
    most = len(state.spec.children) if state.spec.kind is Kind.PARTITION else 0
    if not most or not 0 <= event.count <= most:
        text = f"it has 0 to {most} partitions" if most else "it has no partitions"
        _answer(turn, event.request, Outcome.INVALID, "", text)
        return
    if _closed(turn, event, "") or _put_off(turn, event, ""):
        return
    if state.resizing is not None:
        _answer(turn, event.request, Outcome.STOPPING, "", "another resize is under way")
        return
    state.resizing = (event.request, event.count)
    turn.rule("", "resize", f"An operator wants {event.count} of {most} partitions.")
    for known in list(turn.upward()):
        _fit(turn, known, wanted=int(known.id) < event.count)


def _fit(turn: Turn, known: Child, *, wanted: bool) -> None:
    child = turn.edit(known)
    if wanted and child.status is Status.HELD:
        child.why = Why.MANUAL
        launch(turn, child)
    elif not wanted and child.status is not Status.HELD:
        hold(turn, child)


def resized(turn: Turn, request: Any, count: int) -> None:
    """Answer the resize that is under way when every partition is where it was wanted."""
    moving = (Status.STARTING, Status.STOPPING)
    if any(one.status in moving for one in turn.upward()):
        return
    turn.state.resizing = None
    _answer(turn, request, Outcome.OK, "", f"{count} partitions")


def scaled(turn: Turn, event: Scaled) -> None:
    """Write down that a pool changes its size, and why."""
    turn.rule("", event.choice, event.why)


def _who(event: Command) -> str:
    return getattr(event.request, "who", "An operator")


def reconfigure(turn: Turn, event: Reconfigure) -> None:
    """Take over limits and policies. Children stay as they are.

    A child that the new spec also has takes its new spec at its next start. New
    ones are not started, missing ones are not stopped: that is for the operator.
    """
    spec = event.spec
    if spec.kind is not turn.state.spec.kind:
        text = f"a {turn.state.spec.kind} supervisor stays one; replace it"
        _answer(turn, event.request, Outcome.INVALID, "", text)
        return
    turn.state.spec = spec
    for one in spec.children:
        child = turn.child(one.id)
        if child is not None and child.spec != one:
            child.spec = one
    turn.rule("", "reconfigure", "An operator gave it a new spec.")
    _answer(turn, event.request, Outcome.OK, "")
