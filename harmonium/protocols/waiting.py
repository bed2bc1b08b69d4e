"""What becomes of mail that arrives while its agent waits for a restart.

Each policy is a value; `admit` is the rule. Mail that was in the mailbox before
stays there in order, whatever the policy says; only `Refuse` clears it.
"""

from __future__ import annotations

import enum
from typing import Any

import attrs

from harmonium.protocols.checks import check_count

__all__ = [
    "DROP",
    "HOLD",
    "Drop",
    "Fate",
    "Forward",
    "Hold",
    "Mail",
    "Refuse",
    "Reply",
    "Stash",
    "admit",
]


@attrs.frozen(slots=True)
class Hold:
    """Let it wait in the mailbox, within the mailbox's own capacity and overflow."""


@attrs.frozen(slots=True)
class Drop:
    """Make it a dead letter; an asker hears `Unavailable` at once."""


@attrs.frozen(slots=True)
class Reply:
    """Answer it with a constant message.

    Args:
        message: The answer; a `@message` instance.
    """

    message: Any


@attrs.frozen(slots=True)
class Forward:
    """Pass it on, in order, with its sender.

    Args:
        to: Path, name or ref of the agent that stands in.
    """

    to: Any


@attrs.frozen(slots=True)
class Stash:
    """Let the first ones wait, and make a dead letter of each one more.

    What waits is handled first and in order when the agent is back; it stays
    where it is if the agent fails again.

    Args:
        capacity: How many may wait. At least 0.

    Raises:
        SpecError: If the capacity is no such number.
    """

    capacity: int = attrs.field(default=1000)

    def __attrs_post_init__(self) -> None:
        check_count("Stash.capacity", self.capacity)


@attrs.frozen(slots=True)
class Refuse:
    """Answer each asker with `Unavailable(until, cause)` at once, waiting mail included.

    Args:
        until: When the agent is tried again, in seconds of the system's clock;
            None when a person has to release it.
        cause: Why it is away, as text.
    """

    until: float | None
    cause: str = ""


Mail = Hold | Drop | Reply | Forward | Stash | Refuse

HOLD = Hold()
DROP = Drop()


class Fate(enum.Enum):
    """What to do with one arriving message."""

    KEEP = "keep"
    """Put it into the mailbox."""
    DEAD = "dead"
    """Make it a dead letter and publish it."""
    REPLY = "reply"
    """Send the constant answer."""
    FORWARD = "forward"
    """Pass it on."""
    REFUSE = "refuse"
    """Answer `Unavailable`; without an asker it becomes a dead letter."""


_FATES = {
    Hold: Fate.KEEP,
    Drop: Fate.DEAD,
    Reply: Fate.REPLY,
    Forward: Fate.FORWARD,
    Refuse: Fate.REFUSE,
}


def admit(policy: Mail, arrived: int) -> Fate:
    """Decide about one message that arrives while the agent waits.

    Args:
        policy: The declared policy.
        arrived: How many messages that arrived since the agent waits are kept.

    Example:
        >>> [admit(Stash(3), n).value for n in range(5)]
        ['keep', 'keep', 'keep', 'dead', 'dead']
    """
    if isinstance(policy, Stash):
        return Fate.KEEP if arrived < policy.capacity else Fate.DEAD
    return _FATES[type(policy)]
