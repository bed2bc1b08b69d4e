"""One piece of work inside a turn: a step, an item of a mapped step, or an undo."""

from __future__ import annotations

from typing import Any

import attrs

from harmonium.protocols.decision_log import Kind
from harmonium.protocols.errors import DefinitionError
from harmonium.protocols.failure import Failure, describe
from harmonium.protocols.pipeline.context import Context, build
from harmonium.protocols.pipeline.effects import CancelStep, CancelTimer, SetTimer
from harmonium.protocols.pipeline.events import Event
from harmonium.protocols.pipeline.graph import Body, Node, Task
from harmonium.protocols.pipeline.state import Spread, Status, Work
from harmonium.protocols.pipeline.turn import Turn
from harmonium.protocols.quick import quick

__all__ = ["UNDO", "Got", "LeftOut", "Lost", "Outcome", "Unit", "failure_of", "fresh", "set_"]

UNDO = "!undo"
"""What stands after a step's path where its undo is meant."""


@quick
@attrs.frozen(slots=True)
class Got:
    """A result: what an agent, a person or a rule gave.

    Args:
        value: The result.
        accepted: The attempt that gave it; 0 when no attempt did, but a rule.
        who: Who gave it; empty when only the attempt says so.
        is_recorded: Whether the log has an entry of it already.
    """

    value: Any
    accepted: int = 0
    who: str = ""
    is_recorded: bool = False


@attrs.frozen(slots=True)
class LeftOut:
    """The work is skipped."""


@attrs.frozen(slots=True)
class Lost:
    """The work has failed for good."""

    failure: Failure


Outcome = Got | LeftOut | Lost | Failure | None
"""What came of an event: an end, a failure for the fallback rules, or nothing yet."""


def failure_of(error: Exception) -> Outcome:
    """Give what follows when a callable of the pipeline raised.

    No rule mends a definition: it ends the work at once.
    """
    described = describe(error)
    failure = attrs.evolve(described, in_doubt=False)
    return Lost(failure) if isinstance(error, DefinitionError) else failure


class Unit:
    """A piece of work with all that belongs to it.

    Attributes:
        work: Its state as it stands now; `store` puts it back.
        item: The place of the item in a mapped step, else None.
        is_undo: Whether it undoes the step.
        path: Its path, with `UNDO` behind it for an undo.
    """

    __slots__ = ("_is_own", "is_undo", "item", "node", "path", "task", "turn", "work")

    def __init__(
        self, turn: Turn, node: Node, item: int | None, work: Work | None, *, undo: bool = False
    ) -> None:
        self.turn = turn
        self.node = node
        self.item = item
        task = node.undo if undo else node.task
        assert task is not None  # noqa: S101 - an undo is begun only where there is one
        self.task: Task = task
        path = turn.state.prefix + node.name
        if item is not None:
            path = f"{path}[{item}]"
        self.path = path + UNDO if undo else path
        self.is_undo = undo
        self._is_own = work is None
        self.work: Work = work or fresh(task)

    @property
    def key(self) -> str:
        """The idempotency key: the same for all attempts of one logical send."""
        key = self.turn.state.key_prefix + self.node.name
        if self.item is not None:
            key = f"{key}[{self.item}]"
        if self.is_undo:
            key = f"{key}:undo"
        return key if self.work.run == 1 else f"{key}~{self.work.run}"

    @property
    def seed(self) -> Any:
        """What a message class is built of."""
        if self.is_undo:
            return self.done_value()
        return self.turn.request if self.item is None else self.spread().items[self.item]

    def remaining(self) -> float | None:
        """Give the seconds up to the request's deadline; None without one, and for an undo."""
        turn = self.turn
        if turn.deadline is None or turn.answered or self.is_undo:
            return None
        return turn.deadline - turn.now

    def within(self, timeout: float) -> float:
        """Shorten a timeout to what the request has left."""
        remaining = self.remaining()
        return timeout if remaining is None else min(timeout, remaining)

    @property
    def is_late(self) -> bool:
        """Whether no time is left for it."""
        return self.turn.is_late and not self.is_undo

    def spread(self) -> Spread:
        """Give the mapped step that it is an item of."""
        spread = self.turn.nodes[self.node.index]
        assert isinstance(spread, Spread)  # noqa: S101 - an item has one
        return spread

    def done_value(self) -> Any:
        """Give the result of the step that is undone."""
        state = self.turn.nodes[self.node.index]
        if isinstance(state, Spread) and self.item is not None:
            state = state.works[self.item]
        return None if state is None else state.value

    def context(self) -> Context[Any]:
        """Give what its callables may see."""
        context = self.turn.context(self.node.index)
        if self.item is not None:
            context.item = self.spread().items[self.item]
            context.index = self.item
        context.failure = self.work.failure
        context.source = self
        if self.is_undo:
            context.result = self.done_value()
        return context

    def make(self, source: Any) -> Any:
        """Make a message: None stands for the seed itself."""
        return self.seed if source is None else build(source, self.context(), self.seed)

    def change(self, **changes: Any) -> None:
        """Change its state; `store` makes it part of the request's.

        The state is copied before the first change, and is nobody else's until
        it is stored, so it may be set in place: `attrs.evolve` for each change
        took half of the time of an event.
        """
        work = self.own()
        for name, value in changes.items():
            set_(work, name, value)

    def own(self) -> Work:
        """Give its state as a copy that may be set in place until it is stored."""
        if not self._is_own:
            self.work = _copy(self.work)
            self._is_own = True
        return self.work

    def store(self) -> None:
        """Put its state back into the turn."""
        turn, index = self.turn, self.node.index
        self._is_own = False
        if self.is_undo:
            assert turn.saga is not None  # noqa: S101 - an undo runs in one
            turn.saga = attrs.evolve(turn.saga, work=self.work)
        elif self.item is None:
            turn.nodes[index] = self.work
        else:
            turn.nodes[index] = self.spread().having(self.item, self.work)

    # --- What every body does alike ---------------------------------------

    def flight(self, attempt: int) -> str | None:
        """Give whom an attempt in flight asks; None when it is not in flight."""
        for number, to in self.work.flights:
            if number == attempt:
                return to
        return None

    def token(self) -> str:
        """Name its timer; there is one at a time."""
        return f"{self.path}#{self.work.attempt}:{self._timer()}"

    def _timer(self) -> str:
        if self.work.status is Status.PAUSED:
            return "retry"
        if self.work.climb is not None:
            return "rung"
        return "hedge" if self.task.body in _ASKING else "close"

    def set_timer(self, at: float) -> None:
        """Ask for its timer."""
        self.change(until=at)
        self.turn.effects.append(SetTimer(self.token(), at))

    def clear_timer(self) -> None:
        """Withdraw its timer, if there is one."""
        if self.work.until is not None:
            self.turn.effects.append(CancelTimer(self.token()))
            self.change(until=None)

    def withdraw(self, *, but: int = 0) -> None:
        """Withdraw its timer and what is in flight, except one attempt."""
        self.clear_timer()
        for attempt, _ in self.work.flights:
            if attempt != but:
                self.turn.effects.append(CancelStep(self.path, attempt))
        if self.work.flights:
            self.change(flights=())

    def refuse(self, event: Event, why: str) -> None:
        """Record that something came that is not taken."""
        who = getattr(event, "who", "") or getattr(event, "voter", "")
        said = next((getattr(event, n) for n in _SAID if hasattr(event, n)), None)
        self.turn.record(Kind.REFUSED, self.path, who=who, what=said, why=why)

    def refuse_late(self, event: Event) -> None:
        """Record an answer to an attempt that is not in flight."""
        attempt = getattr(event, "attempt", 0)
        work = self.work
        if attempt > work.attempt or attempt < 1:
            self.refuse(event, f"attempt {attempt} was never made")
        elif attempt == work.accepted:
            self.refuse(event, f"a second answer to attempt {attempt}")
        else:
            self.refuse(event, f"late: attempt {attempt} is over")


set_ = object.__setattr__


def _copy(work: Work) -> Work:
    return Work(
        work.status,
        work.attempt,
        work.run,
        work.to,
        work.message,
        work.flights,
        work.used,
        work.until,
        work.failure,
        work.in_doubt,
        work.detail,
        work.climb,
        work.accepted,
        work.value,
    )


_ASKING = (Body.SEND, Body.UNDO)
_SAID = ("reply", "answer", "ballot", "failure")


def fresh(task: Task) -> Work:
    """Give the state of work that has not sent anything yet."""
    return Work(
        Status.RUNNING, 0, 1, task.target, None, (), (), None, None, False, None, None, 0, None
    )
