"""The three lanes of a mailbox."""

from __future__ import annotations

import enum

__all__ = ["Lane"]


class Lane(enum.IntEnum):
    """Which mail an agent takes first; within a lane the order is that of sending."""

    SIGNAL = 0
    """The runtime's own: stop, kill, a child's report."""
    CONTROL = 1
    """Messages that pass the backlog: health questions, configuration, cancellation."""
    USER = 2
    """All others."""
