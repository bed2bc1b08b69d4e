"""`Record`: one decision with everything it was made from."""

from __future__ import annotations

from typing import Any

import attrs

from harmonium.protocols.quick import quick

__all__ = ["Record", "Verdict"]


@quick
@attrs.frozen(slots=True)
class Verdict:
    """One thing that was decided, and why.

    Args:
        child: Whom it is about; empty for the supervisor itself.
        choice: What was decided, in one word (restart, hold, give_up, ignore).
        why: One sentence with the figures that it rests on.
    """

    child: str
    choice: str
    why: str


@quick
@attrs.frozen(slots=True)
class Record:
    """One decision with its inputs, complete enough to be made again.

    Args:
        number: Counts the decisions of one supervisor, from 1.
        now: Monotonic time of the decision, in seconds.
        event: What happened (`harmonium.supervisors.core.events`).
        draw: What chance gave to the decision, in [0, 1).
        verdicts: What was decided.
        effects: What was ordered, without this record itself.
        before: How many restarts the supervisor's window held before.
        after: How many it held after.
    """

    number: int
    now: float
    event: Any
    draw: float
    verdicts: tuple[Verdict, ...]
    effects: tuple[Any, ...]
    before: int
    after: int
