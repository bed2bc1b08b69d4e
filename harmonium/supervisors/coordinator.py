"""`Coordinator`: the agent that takes requests through a pipeline.

It holds no policy: what happens next is decided by the pure machine of
`harmonium.protocols.pipeline`; the coordinator sends, listens, keeps timers
and answers the asker. Any number of requests are under way at once.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from harmonium.actors.agent import Agent
from harmonium.actors.context import Context
from harmonium.actors.handlers import single_handler
from harmonium.protocols import decision_log
from harmonium.protocols.pipeline import events
from harmonium.protocols.pipeline.machine import advance
from harmonium.protocols.pipeline.spec import Pipeline
from harmonium.protocols.pipeline.state import RequestState
from harmonium.supervisors.coordinator_effects import CARRY_OUT
from harmonium.supervisors.live_request import LiveRequest
from harmonium.supervisors.pipelines import refuse_unsupported
from harmonium.supervisors.spec import ChildSpec, child

__all__ = ["Coordinator", "coordinator"]

LOG = 10_000
"""How many records of the decision log are kept in memory."""


class Coordinator(Agent):
    """Answers one class of request by running a pipeline.

    If it crashes or ends, every asker hears that at once.

    Args:
        pipeline: What to run.

    Raises:
        SpecError: If a step gathers from a topic or asks a person, which it
            cannot carry out.
    """

    def __init__(self, pipeline: Pipeline[Any, Any]) -> None:
        refuse_unsupported(pipeline)
        self.pipeline = pipeline
        self.decisions: deque[decision_log.Entry] = deque(maxlen=LOG)
        self._requests: dict[str, LiveRequest] = {}
        self.__table__ = single_handler(  # type: ignore[misc]
            "coordinate", pipeline.request, (object,), Coordinator.coordinate
        )

    @property
    def under_way(self) -> int:
        """How many requests are being worked on."""
        return len(self._requests)

    def coordinate(self, request: Any) -> None:
        """Begin a request; its asker is answered when the pipeline has ended."""
        current = self._cell.current
        context: Context = current[5]
        key, self._cell.more.key = self._cell.more.key, None
        id = key or f"{context.correlation_id}:{current[3]}"
        if id in self._requests:  # asked again with the same key: both get the one answer
            self._requests[id].askers.append(self.defer())
            return
        state = RequestState.new(self.pipeline, id, correlation_id=context.correlation_id)
        live = LiveRequest(state, context.child(None))
        asker = self.defer()
        live.askers.append(asker)
        self._requests[id] = live
        self.happen(live, events.Begun(request, context.deadline, asker.streams))

    def clock(self) -> float:
        """Give the time that the requests go by, in seconds."""
        return self._cell.ground.clock()

    def happen(self, live: LiveRequest, event: events.Event) -> None:
        """Let an event happen to a request, and carry out what follows."""
        if self._cell.agent is not self:
            return  # an answer to an incarnation that is gone
        live.state, orders = advance(live.state, event, self.clock())
        for order in orders:
            CARRY_OUT[type(order)](self, live, order)
        if live.state.phase.is_over:
            self._close(live)

    def decided(self, live: LiveRequest, entry: decision_log.Entry) -> None:
        """Keep an entry of the decision log."""
        del live
        self.decisions.append(entry)

    def _close(self, live: LiveRequest) -> None:
        if self._requests.pop(live.state.id, None) is not None:
            live.close()


def coordinator(
    pipeline: Pipeline[Any, Any], *, id: str | None = None, **options: Any
) -> ChildSpec:
    """Declare a coordinator as a child.

    Args:
        pipeline: What it runs.
        id: Its id; the pipeline's name in lower case if not given.
        **options: As for `child`.

    Raises:
        SpecError: As `Coordinator`, when it is declared and not when it runs.
    """
    refuse_unsupported(pipeline)
    return child(Coordinator, pipeline, id=id or pipeline.name.lower(), **options)
