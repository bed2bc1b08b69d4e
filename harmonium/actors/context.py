"""What travels with a message: the raw envelope and the context of a request.

On the way an envelope is a plain tuple, because building one takes 53 to 60 ns
where a slotted object takes 233. `harmonium.protocols.envelope.Envelope` is
the same for people: dead letters, crash bundles, the wire.

``(message, sender, promise, id, cause, context)``: `sender` is the sending
cell or None (from outside), `promise` is where the answer goes or None, `id`
and `cause` are numbers within the ground. The context is shared by all
messages of one request, so that passing it on costs nothing.
"""

from __future__ import annotations

from threading import get_ident
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from harmonium.actors.cell import Cell
    from harmonium.actors.ground import Ground
    from harmonium.actors.promise import Promise

__all__ = [
    "CAUSE",
    "CONTEXT",
    "DEADLINE",
    "ID",
    "MESSAGE",
    "PROMISE",
    "SENDER",
    "Context",
    "RawEnvelope",
    "TimerContext",
    "caller",
    "plain_context",
]

MESSAGE, SENDER, PROMISE, ID, CAUSE, CONTEXT = range(6)

DEADLINE = 1
"""`Context.special` where nothing but a deadline is to be looked at."""

RawEnvelope: TypeAlias = "tuple[Any, Cell | None, Promise[Any] | None, int, int, Context]"


class Context:
    """The request that a message belongs to.

    Args:
        correlation_id: Follows every message that is sent while one is handled.
        deadline: When the work is worthless, on the ground's clock; or None.
        idempotency_key: Of this one message; not passed on.
        traceparent: W3C trace context, passed on; or None.
    """

    __slots__ = ("correlation_id", "deadline", "idempotency_key", "special", "traceparent")

    is_stored = False
    """Whether the message is in a journal, which delivers it again if this delivery dies."""

    def __init__(
        self,
        correlation_id: str,
        deadline: float | None = None,
        idempotency_key: str | None = None,
        traceparent: str | None = None,
    ) -> None:
        self.correlation_id = correlation_id
        self.deadline = deadline
        self.idempotency_key = idempotency_key
        self.traceparent = traceparent
        # One test on the hot path instead of two: 0 for nothing to look at, `DEADLINE`, or more.
        self.special = 0
        if deadline is not None or idempotency_key is not None:
            self.special = (deadline is not None) + (idempotency_key is not None) * 2

    def expire(self, deadline: float) -> None:
        """Set the deadline of a context that nobody has seen yet."""
        self.deadline = deadline
        self.special |= DEADLINE

    def child(self, deadline: float | None, idempotency_key: str | None = None) -> Context:
        """The context of a message sent on with a deadline that can only shrink."""
        if self.deadline is not None and (deadline is None or deadline > self.deadline):
            deadline = self.deadline
        if idempotency_key is None and self.idempotency_key is None and deadline == self.deadline:
            return self
        return Context(self.correlation_id, deadline, idempotency_key, self.traceparent)

    def __repr__(self) -> str:
        return f"<Context {self.correlation_id} deadline={self.deadline}>"


class TimerContext(Context):
    """The context of a message that a timer sent to its own agent.

    It is void once the incarnation that set the timer has ended, also when it
    waits in the mailbox by then.

    Args:
        correlation_id: As for every context.
        incarnation: Who set the timer.
    """

    __slots__ = ("incarnation",)

    def __init__(self, correlation_id: str, incarnation: int) -> None:
        # Without `super().__init__`, which takes as long as the rest.
        self.correlation_id = correlation_id
        self.deadline = self.idempotency_key = self.traceparent = None
        self.special = 4
        self.incarnation = incarnation

    def child(self, deadline: float | None, idempotency_key: str | None = None) -> Context:
        """The context of a message sent on: an ordinary one."""
        if deadline is None and idempotency_key is None and self.traceparent is None:
            return plain_context(self.correlation_id)
        return Context(self.correlation_id, deadline, idempotency_key, self.traceparent)


def plain_context(correlation_id: str) -> Context:
    """Make a context with nothing but an id, as most are; in half the time."""
    context = _new(Context)
    context.correlation_id = correlation_id
    context.deadline = context.idempotency_key = context.traceparent = None
    context.special = 0
    return context


_new = object.__new__


def caller(ground: Ground) -> Cell | None:
    """The cell whose code is running here, or None outside of the ground."""
    return ground.active if get_ident() == ground.thread_id else None
