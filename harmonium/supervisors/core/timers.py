"""`Token`: which timer it was, so that an outdated one does nothing."""

from __future__ import annotations

import enum

import attrs

from harmonium.protocols.quick import quick

__all__ = ["Due", "Token"]


class Due(enum.Enum):
    """What is due when a timer fires."""

    START = "start"
    """The child's time to become ready is over."""
    STOP = "stop"
    """The child's time to stop is over."""
    BACKOFF = "backoff"
    """The wait before a restart is over."""
    TRIAL = "trial"
    """A quarantined child may be tried."""
    LOST = "lost"
    """No better reason came for a child that is gone."""
    GROUP = "group"
    """The wait before a group restart is over."""
    ASIDE = "aside"
    """A message that was set aside may be tried again."""


@quick
@attrs.frozen(slots=True)
class Token:
    """Names one timer.

    Args:
        child: Whose timer; empty for the supervisor's own.
        due: What for.
        serial: Given out once in the life of a supervisor; a timer whose serial
            nobody waits for any more is inert, even if the child's id was used
            again.
    """

    child: str
    due: Due
    serial: int
