"""What a dead letter is, and what becomes of it."""

from __future__ import annotations

import enum

import attrs

from harmonium.protocols.envelope import Envelope

__all__ = ["DeadLetter", "LettersDropped", "Replayed"]


@attrs.frozen(slots=True)
class DeadLetter:
    """One message that was not handled.

    Args:
        envelope: What was sent, by whom, to whom. The message of a letter that
            an earlier process left in the store is `Stored`: its name and JSON.
        reason: Why it died, in a few words.
        at: When, on the ground's clock, in seconds.
        detail: The error's text, where there was one.
        attempts: How often it was tried. At least 1.
        bundle: The file of the crash bundle, where there is one.
    """

    envelope: Envelope
    reason: str
    at: float
    detail: str = ""
    attempts: int = 1
    bundle: str = ""

    @property
    def id(self) -> str:
        """The id of its envelope, by which the office finds it."""
        return self.envelope.id


@attrs.frozen(slots=True)
class LettersDropped:
    """The office let letters go: they were too many, too large or too old.

    Args:
        ids: Whose, oldest first.
        reason: Which limit it was.
    """

    ids: tuple[str, ...]
    reason: str


class Replayed(enum.Enum):
    """What became of the wish to send a letter again."""

    SENT = "sent"
    """It is on its way, with the ids that it had."""
    ALREADY = "replayed already"
    """It was sent before; nothing was done."""
    UNKNOWN = "no such letter"
    """The office does not have it (any more)."""
    NO_AGENT = "no such agent"
    """Nobody stands at its path; it may be tried again later."""
    REFUSED = "refused"
    """The mailbox is full, or the message cannot be read; it may be tried again later."""
