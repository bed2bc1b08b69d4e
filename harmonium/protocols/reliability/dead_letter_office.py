"""How long the office keeps dead letters, and which of them may be replayed."""

from __future__ import annotations

import enum
from typing import NamedTuple

import attrs

from harmonium.protocols.checks import check_count, check_seconds
from harmonium.protocols.persistent_map import PersistentMap
from harmonium.protocols.reliability.dead_letter_filter import DeadLetterFilter, Letter

__all__ = ["DeadLetterOffice", "Dropped", "OfficeState", "Replay"]


class Replay(enum.Enum):
    """What a wish to replay a letter gets."""

    SEND = "send"
    """Send it, with the ids that it had."""
    ALREADY = "already"
    """It was sent before: do nothing."""
    UNKNOWN = "unknown"
    """The office has no such letter (any more)."""


@attrs.frozen
class Dropped:
    """Announces letters that had to go, and why."""

    letters: tuple[Letter, ...]
    reason: str


class OfficeState(NamedTuple):
    """The letters in the order in which they came.

    `numbers` finds a letter's place by its id; `replayed` are those that were
    sent again and are still kept.
    """

    letters: PersistentMap[int, Letter] = PersistentMap()
    numbers: PersistentMap[str, int] = PersistentMap()
    replayed: PersistentMap[str, None] = PersistentMap()
    first: int = 0
    next: int = 0
    size: int = 0

    def oldest_first(self) -> tuple[Letter, ...]:
        """List the letters in the order in which they came."""
        return tuple(letter for _, letter in sorted(self.letters.items()))


Outcome = tuple[OfficeState, tuple[Dropped, ...]]


@attrs.frozen
class DeadLetterOffice:
    """How many dead letters are kept, and for how long.

    What has to go is announced, oldest first: nothing vanishes without a word.

    Args:
        letters: How many are kept. At least 1.
        size: How many bytes they may have together. At least 1; None for no limit.
        keep_for: How long one is kept, in seconds above 0; None for no limit.

    Raises:
        SpecError: If a bound above does not hold.
    """

    letters: int = attrs.field(default=10_000, kw_only=True)
    size: int | None = attrs.field(default=None, kw_only=True)
    keep_for: float | None = attrs.field(default=None, kw_only=True)

    def __attrs_post_init__(self) -> None:
        check_count("DeadLetterOffice.letters", self.letters, least=1)
        if self.size is not None:
            check_count("DeadLetterOffice.size", self.size, least=1)
        if self.keep_for is not None:
            check_seconds("DeadLetterOffice.keep_for", self.keep_for, above=0.0)

    def add(self, state: OfficeState, letter: Letter, now: float) -> Outcome:
        """Keep a letter. One with an id that is here takes its place, and may be replayed again."""
        state = self.forget(state, letter.id)
        state = state._replace(
            letters=state.letters.set(state.next, letter),
            numbers=state.numbers.set(letter.id, state.next),
            next=state.next + 1,
            size=state.size + letter.size,
        )
        return self.trim(state, now)

    def trim(self, state: OfficeState, now: float) -> Outcome:
        """Let go what is too old or too much."""
        gone: dict[str, list[Letter]] = {}
        while state.letters:
            oldest = state.letters.get(state.first)
            if oldest is None:
                state = state._replace(first=state.first + 1)
                continue
            reason = self._too_much(state, oldest, now)
            if reason is None:
                break
            gone.setdefault(reason, []).append(oldest)
            state = self.forget(state, oldest.id)
        return state, tuple(Dropped(tuple(letters), reason) for reason, letters in gone.items())

    def forget(self, state: OfficeState, letter_id: str) -> OfficeState:
        """Take out a letter, as an operator wants it; one that is not here changes nothing."""
        number = state.numbers.get(letter_id)
        if number is None:
            return state
        return state._replace(
            letters=state.letters.discard(number),
            numbers=state.numbers.discard(letter_id),
            replayed=state.replayed.discard(letter_id),
            size=state.size - state.letters[number].size,
        )

    def replay(self, state: OfficeState, letter_id: str) -> tuple[OfficeState, Replay]:
        """Decide whether a letter is to be sent again: once, however often it is asked for."""
        if letter_id not in state.numbers:
            return state, Replay.UNKNOWN
        if letter_id in state.replayed:
            return state, Replay.ALREADY
        return state._replace(replayed=state.replayed.set(letter_id, None)), Replay.SEND

    def find(self, state: OfficeState, wanted: DeadLetterFilter, now: float) -> tuple[Letter, ...]:
        """List the letters that a filter means, oldest first."""
        return tuple(each for each in state.oldest_first() if wanted.matches(each, now))

    def _too_much(self, state: OfficeState, oldest: Letter, now: float) -> str | None:
        if self.keep_for is not None and now - oldest.at >= self.keep_for:
            return f"older than {self.keep_for:g} s"
        if len(state.letters) > self.letters:
            return f"more than {self.letters} letters"
        if self.size is not None and state.size > self.size:
            return f"more than {self.size} bytes"
        return None
