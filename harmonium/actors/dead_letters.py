"""Dead letters: where a message ends that nobody will handle, and why.

Kept in memory, newest last, up to a limit; what falls out is counted, so the
numbers stay true.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator

import attrs

from harmonium.protocols.envelope import Envelope

__all__ = ["DeadLetter", "DeadLetters"]


@attrs.frozen(slots=True)
class DeadLetter:
    """One message that was not handled.

    Args:
        envelope: What was sent, by whom, to whom.
        reason: Why it died, in a few words.
        at: When, on the ground's clock, in seconds.
        detail: The error's text, where there was one.
    """

    envelope: Envelope
    reason: str
    at: float
    detail: str = ""


class DeadLetters:
    """The latest dead letters and the count of all.

    Args:
        capacity: How many are kept; older ones are dropped and counted in
            `forgotten`.
    """

    def __init__(self, capacity: int = 10_000) -> None:
        self._letters: deque[DeadLetter] = deque(maxlen=capacity)
        self.by_reason: Counter[str] = Counter()
        self.forgotten = 0

    def add(self, letter: DeadLetter) -> None:
        """Keep a letter; the oldest goes when the office is full."""
        if len(self._letters) == self._letters.maxlen:
            self.forgotten += 1
        self._letters.append(letter)
        self.by_reason[letter.reason] += 1

    def __iter__(self) -> Iterator[DeadLetter]:
        return iter(tuple(self._letters))

    def __len__(self) -> int:
        return len(self._letters)
