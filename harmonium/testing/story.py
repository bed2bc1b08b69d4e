"""The story of a failing run: what led to the violation, in at most 25 lines.

Of a long run only the causal past is told: the messages that led to the last
one before the violation, and what befell the agents on that way.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from harmonium.testing.faults import Fault
from harmonium.testing.trace import Entry, Trace

__all__ = ["LINES", "line_of", "story", "told"]

LINES = 25
"""How long a story may be."""

_MESSAGES = ("handled", "answered")


def told(trace: Trace, at: float | None = None) -> list[Entry]:
    """Choose the entries that belong to the story.

    Args:
        trace: What happened.
        at: When something was violated: by the last message, if that was then;
            else by something that never came, and the faults are the story.
    """
    entries = [entry for entry in trace.entries() if not _is_dull(entry)]
    return entries if len(entries) <= LINES else _slice(entries, at)


def _is_dull(entry: Entry) -> bool:
    return (entry.kind == "started" and entry.what == 1) or entry.kind == "exited"


def _slice(entries: Sequence[Entry], at: float | None) -> list[Entry]:
    """Go back from the end, and from each fault, along the causes."""
    numbered = {entry.number: place for place, entry in enumerate(entries) if entry.number}
    chosen: set[int] = set()
    last = max((n for n, e in enumerate(entries) if e.kind in _MESSAGES), default=0)
    has_faults = any(entry.kind == "fault" for entry in entries)
    todo = [last] if at is None or entries[last].at == at or not has_faults else []
    for place, entry in enumerate(entries):
        if entry.kind == "fault":
            chosen.add(place)
            todo += _around(entries, place)
    while todo:
        place = todo.pop()
        if place in chosen and entries[place].kind != "fault":
            continue
        chosen.add(place)
        cause = numbered.get(entries[place].cause)
        if cause is not None:
            todo.append(cause)
    actors = {entries[place].actor for place in chosen}
    for place, entry in enumerate(entries):
        if entry.kind in ("crashed", "started", "dead") and entry.actor in actors:
            chosen.add(place)
    return [entries[place] for place in sorted(chosen)]


def _around(entries: Sequence[Entry], place: int) -> Iterator[int]:
    """Give the messages of the same agent next to a fault: the one it befell and the next."""
    actor = entries[place].actor
    for steps in (range(place - 1, -1, -1), range(place + 1, len(entries))):
        for near in steps:
            if entries[near].kind in _MESSAGES and actor in (
                entries[near].actor,
                entries[near].sender,
            ):
                yield near
                break


def story(trace: Trace, at: float | None = None) -> list[str]:
    """Tell it, one line for each thing; what repeats is told once.

    Args:
        trace: What happened.
        at: As for `told`.
    """
    lines = list(_folded(told(trace, at)))
    if len(lines) > LINES:
        half = (LINES - 1) // 2
        left_out = len(lines) - 2 * half
        lines = [*lines[:half], f"{'...':>10}  {left_out} more", *lines[-half:]]
    return lines


def _folded(entries: Iterable[Entry]) -> Iterator[str]:
    last, times, text = "", 0, ""
    for entry in entries:
        line = line_of(entry)
        if line == last:
            times += 1
            continue
        if text:
            yield text + (f"   (and {times} more)" if times else "")
        last, times, text = line, 0, f"{entry.at:10.3f}  {line}"
    if text:
        yield text + (f"   (and {times} more)" if times else "")


def line_of(entry: Entry) -> str:
    """Tell one thing, without its time."""
    match entry.kind:
        case "handled":
            return f"{entry.sender} -> {entry.actor}   {entry.what!r}"
        case "answered":
            return f"{entry.sender} => {entry.actor}   {_answer(entry.what)}"
        case "fault":
            return f"{entry.actor}   !! {entry.what!r}" if entry.actor else f"!! {entry.what!r}"
        case "crashed" if type(entry.what).__name__ == "InjectedCrash":
            return f"{entry.actor}   crashed"
        case "crashed":
            return f"{entry.actor}   crashed: {entry.what!r}"
        case "started":
            return f"{entry.actor}   restarted as #{entry.what}"
        case "dead":
            message = entry.what.envelope.message
            return f"{entry.sender} -> {entry.actor}   {message!r} died: {entry.what.reason}"
    return f"{entry.actor}   {entry.what}"


def _answer(what: object) -> str:
    if isinstance(what, BaseException):
        return f"{type(what).__name__}: {what}"[:80]
    return "done" if what is None else repr(what)


def faults_of(entries: Iterable[Entry]) -> list[Fault]:
    """Give the faults of a story."""
    return [entry.what for entry in entries if isinstance(entry.what, Fault)]
