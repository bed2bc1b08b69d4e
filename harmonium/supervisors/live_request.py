"""`LiveRequest`: a request that a coordinator has under way."""

from __future__ import annotations

from typing import Any

from harmonium.actors.ask import Ask
from harmonium.actors.context import Context
from harmonium.actors.deferred import Deferred
from harmonium.actors.timers import Timer
from harmonium.protocols.pipeline.state import RequestState
from harmonium.supervisors.durable_layout import Header

__all__ = ["LiveRequest"]


class LiveRequest:
    """One request under way: its state and what is open for it.

    Attributes:
        state: Where it stands.
        askers: Who waits for the answer: more than one when it was asked
            again with the same idempotency key.
        context: What its messages carry on: correlation id and trace.
        asks: The asks in flight by step and attempt.
        timers: The timers that run, by token.
        is_answered: Whether the askers were told the result, while undoing still goes on.
        header: What is kept of it beside its events; None without a store.
        written: How many entries its stream in the store has.
    """

    __slots__ = (
        "askers",
        "asks",
        "context",
        "header",
        "is_answered",
        "state",
        "timers",
        "written",
    )

    def __init__(self, state: RequestState, context: Context) -> None:
        self.state = state
        self.context = context
        self.askers: list[Deferred] = []
        self.asks: dict[tuple[str, int], list[Ask[Any]]] = {}
        self.timers: dict[str, Timer] = {}
        self.is_answered = False
        self.header: Header | None = None
        self.written = 0

    def close(self) -> None:
        """Withdraw all that is still open: what comes later is a late reply."""
        for timer in self.timers.values():
            timer.cancel()
        for asks in self.asks.values():
            for ask in asks:
                ask.cancel()
        self.timers.clear()
        self.asks.clear()
