"""Cancelling a request that is under way: what is said to its coordinator.

That an asker gives up waiting cancels nothing: the work may be wanted all the
same, and with a store somebody else may ask for its result. Whoever wants a
request stopped and undone says so.
"""

from __future__ import annotations

from harmonium.protocols.envelope import Lane
from harmonium.protocols.message import message

__all__ = ["CancelRequest", "RequestsCancelled"]


@message(lane=Lane.CONTROL)
class CancelRequest:
    """Stop the requests of this correlation id.

    What is in flight is withdrawn, and what was done is undone. Their askers
    hear that they were cancelled, after the undos. The answer is
    `RequestsCancelled`, at once.

    Args:
        correlation_id: Of the request.
        reason: For the record.
    """

    correlation_id: str
    reason: str = ""


@message
class RequestsCancelled:
    """How many requests are being stopped; those whose outcome was known already go on."""

    count: int
