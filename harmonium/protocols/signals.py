"""Messages that the runtime itself sends to agents."""

from __future__ import annotations

from harmonium.protocols.message import message

__all__ = ["Terminated"]


@message(name="harmonium.Terminated")
class Terminated:
    """A watched agent is gone for good; a restart does not send it.

    Args:
        path: The agent that was watched.
        incarnation: Its last incarnation.
        kind: The class of the reason, a value of `ExitKind`.
        detail: What was said of it.
    """

    path: str
    incarnation: int
    kind: str
    detail: str = ""
