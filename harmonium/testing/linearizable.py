"""`linearizable`: whether a history of calls looks as if each happened at one moment.

The search is that of Wing and Gong ("Testing and Verifying Concurrent Objects",
1993) with Lowe's memory of states seen ("Testing for linearizability", 2017).
Histories of one key are searched by themselves; about 60 calls a key are fine.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import Any

import attrs

from harmonium.testing.properties import Verdict

__all__ = ["Call", "linearizable"]

UNKNOWN = object()
"""The result of a call whose answer was never heard; it may or may not have happened."""


@attrs.frozen
class Call:
    """One call and its answer.

    Args:
        begin: When it was sent.
        end: When the answer came; None if it never did.
        what: The request.
        result: The answer.
        key: What it is about; calls about different keys do not touch each other.
    """

    begin: float
    end: float | None
    what: Any
    result: Any = UNKNOWN
    key: Hashable = None


def linearizable(
    calls: Iterable[Call],
    step: Callable[[Any, Any], tuple[Any, Any]],
    initial: Any = None,
) -> Verdict:
    """Say whether there is an order of the calls that explains all answers.

    Args:
        calls: The history.
        step: ``step(state, request)`` gives the next state, which must be
            hashable, and the answer: what the object does one call at a time.
        initial: The state it begins with.

    Example:
        >>> def register(state, request):
        ...     return (state, state) if request == "read" else (request, None)
        >>> history = [Call(0, 3, 1, None), Call(1, 2, "read", 1), Call(2.5, 3.5, "read", None)]
        >>> bool(linearizable(history[:2], register)), bool(linearizable(history, register))
        (True, False)
    """
    by_key: dict[Hashable, list[Call]] = {}
    for call in calls:
        by_key.setdefault(call.key, []).append(call)
    for key, group in by_key.items():
        if not _explained(sorted(group, key=lambda call: call.begin), step, initial):
            return Verdict(holds=False, why=f"no order of its {len(group)} calls explains {key!r}")
    return Verdict(holds=True)


def _explained(calls: list[Call], step: Callable[[Any, Any], tuple[Any, Any]], state: Any) -> bool:
    """Search depth first; a set of calls done and a state are looked at once."""
    seen: set[tuple[int, Any]] = set()
    todo: list[tuple[int, Any]] = [(0, state)]
    needed = sum(1 << n for n, call in enumerate(calls) if call.end is not None)
    while todo:
        done, state = todo.pop()
        if done & needed == needed:
            return True
        if (done, state) in seen:
            continue
        seen.add((done, state))
        for number in _next(calls, done):
            after, answer = step(state, calls[number].what)
            if calls[number].result is UNKNOWN or calls[number].result == answer:
                todo.append((done | 1 << number, after))
    return False


def _next(calls: list[Call], done: int) -> list[int]:
    """Give the calls that may come next: no other one ended before they began."""
    left = [n for n in range(len(calls)) if not done & 1 << n]
    ends = [end for n in left if (end := calls[n].end) is not None]
    first_end = min(ends, default=float("inf"))
    return [n for n in left if calls[n].begin <= first_end]
