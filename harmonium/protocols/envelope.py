"""The envelope: a message and all that the runtime knows of its journey.

The runtime carries plain tuples; this view of one is what dead letters, crash
reports, errors and the wire between processes hold.
"""

from __future__ import annotations

from harmonium.protocols.lanes import Lane
from harmonium.protocols.message import AnyMessage, message

__all__ = ["Envelope", "Lane"]


@message(name="harmonium.Envelope")
class Envelope:
    """One message on its way.

    It is a message class itself, so the codec, schemas and versions work for it.

    Args:
        message: What was sent.
        sender: Path of the sender, or None for code outside of all agents.
        recipient: Path of the receiver.
        id: Unique for each sending, also of the same message.
        correlation_id: The request that all of this belongs to.
        causation_id: Id of the envelope whose handler sent this one.
        deadline: When its work is no longer wanted, in seconds of the
            system's clock; None for never.
        idempotency_key: Equal for repeats of the same request.
        traceparent: The W3C trace context, as text.
        lane: The lane of the mailbox it takes.
    """

    message: AnyMessage
    sender: str | None
    recipient: str
    id: str
    correlation_id: str
    causation_id: str | None = None
    deadline: float | None = None
    idempotency_key: str | None = None
    traceparent: str | None = None
    lane: Lane = Lane.USER
