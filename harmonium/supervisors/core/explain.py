"""Why a child is in its state, in sentences."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from harmonium.supervisors.core.child import Child, Status
from harmonium.supervisors.core.record import Record
from harmonium.supervisors.core.state import Mode, State

__all__ = ["explain", "present"]

_TOLD = 10
"""How many decisions are told, the newest ones."""


def explain(
    records: Iterable[Record], child: str, *, state: State | None = None, most: int = _TOLD
) -> list[str]:
    """Tell why a child is in its state.

    Args:
        records: The journal of its supervisor; a part of it will do.
        child: Its id; empty for the supervisor itself.
        state: The supervisor's present state, if it is at hand; then the first
            sentence says where the child is now.
        most: How many decisions to tell, the newest ones.

    Returns:
        Sentences, the oldest decision first.
    """
    told = [sentence for one in records for sentence in _tell(one, child)][-most:]
    if state is not None:
        return [present(state, child), *told]
    return told or [f"Nothing was decided about {child or 'the supervisor'}."]


def _tell(record: Record, child: str) -> Iterator[str]:
    for verdict in record.verdicts:
        if verdict.child in (child, ""):
            choice = verdict.choice.replace("_", " ")
            yield f"At {record.now:.3f} s: {choice}. {verdict.why}"


def present(state: State, child: str) -> str:
    """Say in one sentence where a child, or the supervisor itself, is now."""
    if not child:
        return f"{state.path} {_MODES[state.mode]}."
    known = state.table.get(child)
    name = f"{state.path.rstrip('/')}/{child}"
    return f"{name} {_describe(known)}." if known else f"{name} is no child (any more)."


def _describe(child: Child) -> str:
    text = _STATUSES[child.status].format(incarnation=child.incarnation)
    if child.until is not None:
        text += f", it is tried again at {child.until:.3f} s"
    if child.reason is not None:
        text += f"; its last instance ended: {child.reason}"
    times = "once" if child.restarts == 1 else f"{child.restarts} times"
    return f"{text}; it was restarted {times}" if child.restarts else text


_STATUSES = {
    Status.PENDING: "waits for its turn to start",
    Status.STARTING: "is starting as incarnation {incarnation}",
    Status.RUNNING: "is running as incarnation {incarnation}",
    Status.STOPPING: "is being stopped",
    Status.LOST: "is gone, and a better reason is waited for",
    Status.WAITING: "waits for the end of its backoff",
    Status.BROKEN: "is quarantined, because its own budget is used up",
    Status.ESCALATED: "failed, and its supervisor's parent has to decide",
    Status.HELD: "is held: an operator has to start it",
    Status.FINISHED: "has finished and is not to be restarted",
}

_MODES = {
    Mode.NEW: "was not started yet",
    Mode.UP: "keeps its children running",
    Mode.DOWN: "is going down",
    Mode.OVER: "has ended",
}
