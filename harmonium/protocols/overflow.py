"""What a full mailbox does with one more message."""

from __future__ import annotations

import enum

__all__ = [
    "DEAD_LETTER",
    "DEFAULT_CAPACITY",
    "DROP_OLDEST",
    "FAIL",
    "WAIT",
    "Overflow",
]

DEFAULT_CAPACITY = 10_000
"""How many user messages a mailbox holds where nothing else is declared."""


class Overflow(enum.Enum):
    """The declared answer of a full mailbox to one more user message.

    Signals and control messages have their own lanes and are never refused.
    Whatever is given up here becomes a dead letter with the reason, so that the
    account still adds up. The value is the word that a system file uses.
    """

    WAIT = "wait"
    """`await tell` waits for room. A `tell` that cannot wait raises `MailboxFull`."""
    FAIL = "fail"
    """The sender gets `MailboxFull` at once."""
    DROP_OLDEST = "drop_oldest"
    """The oldest waiting message becomes a dead letter, the new one takes its room."""
    DEAD_LETTER = "dead_letter"
    """The new message becomes a dead letter; the sender is not told, an asker is."""

    def __repr__(self) -> str:
        return self.name

    @property
    def tells_sender(self) -> bool:
        """Whether a `tell` that cannot wait raises `MailboxFull`."""
        return self is Overflow.WAIT or self is Overflow.FAIL

    @property
    def keeps_newest(self) -> bool:
        """Whether the new message gets in at the cost of the oldest one."""
        return self is Overflow.DROP_OLDEST


WAIT = Overflow.WAIT
FAIL = Overflow.FAIL
DROP_OLDEST = Overflow.DROP_OLDEST
DEAD_LETTER = Overflow.DEAD_LETTER
