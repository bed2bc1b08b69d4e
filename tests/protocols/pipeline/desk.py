"""A desk: feeds a machine by hand and shows what it wants done."""

from __future__ import annotations

from typing import Any

from harmonium.protocols.decision_log import Entry, Kind
from harmonium.protocols.failure import Failure
from harmonium.protocols.pipeline import effects as ef
from harmonium.protocols.pipeline import events as ev
from harmonium.protocols.pipeline.machine import advance
from harmonium.protocols.pipeline.spec import Pipeline, Step
from harmonium.protocols.pipeline.state import RequestState
from tests.protocols.pipeline.world import Done, Order

TIMEOUT = Failure("AskTimeout", "no reply", ("AskTimeout", "TimeoutError"))
FULL = Failure("MailboxFull", "full", ("MailboxFull",), in_doubt=False)


class Desk:
    """One request, and the effects of the event before."""

    def __init__(
        self,
        *steps: Step[Any],
        request: Any = None,
        deadline: float | None = None,
        stream: bool = False,
        **options: Any,
    ) -> None:
        self.pipeline = Pipeline(Order, steps, **options)
        self.state = RequestState.new(self.pipeline, "r1", correlation_id="corr")
        self.now = 0.0
        self.last: tuple[ef.Effect, ...] = ()
        self.all: list[ef.Effect] = []
        self(ev.Begun(Order() if request is None else request, deadline, stream))

    def __call__(self, event: ev.Event, *, at: float | None = None) -> Desk:
        self.now = self.now if at is None else at
        self.state, self.last = advance(self.state, event, self.now)
        self.all += self.last
        return self

    # --- Short forms of events --------------------------------------------

    def reply(self, step: str, value: Any = None, *, attempt: int = 1, at: Any = None) -> Desk:
        reply = Done(step) if value is None else value
        return self(ev.Replied(step, attempt, reply), at=at)

    def fail(
        self, step: str, failure: Failure = TIMEOUT, *, attempt: int = 1, at: Any = None
    ) -> Desk:
        return self(ev.Failed(step, attempt, failure), at=at)

    def fire(self, kind: str = "", *, at: float | None = None) -> Desk:
        """Let the timer fire that was set last and has this in its name."""
        (timer,) = [t for t in self.sent(ef.SetTimer) if kind in t.token][-1:]
        return self(ev.TimerFired(timer.token), at=timer.at if at is None else at)

    def undone(self, step: str, *, attempt: int = 1) -> Desk:
        return self(ev.UndoReplied(step, attempt))

    # --- What it wants ----------------------------------------------------

    def sent(self, kind: type) -> list[Any]:
        """Give all effects of a class since the beginning."""
        return [effect for effect in self.all if isinstance(effect, kind)]

    def just(self, *kinds: type) -> list[Any]:
        """Give the effects of these classes that the last event caused; records never."""
        wanted = kinds or tuple({type(effect) for effect in self.last} - {ef.Record})
        return [effect for effect in self.last if isinstance(effect, wanted)]

    def steps(self, kind: type = ef.Send) -> list[str]:
        """Give the steps of the effects of a class that the last event caused."""
        return [effect.step for effect in self.just(kind)]

    def said(self, kind: Kind) -> list[Entry]:
        entries = [effect.entry for effect in self.sent(ef.Record)]
        return [entry for entry in entries if entry.kind == kind]

    @property
    def result(self) -> Any:
        (finish,) = self.sent(ef.Finish)
        return finish.result

    @property
    def failure(self) -> ef.FailRequest:
        (failed,) = self.sent(ef.FailRequest)
        return failed
