"""`KeptLetters`: the dead letters that an office has in memory, up to its limits."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from loguru import logger

from harmonium.actors.dead_letter_forms import Forms, Stored
from harmonium.actors.dead_letter_values import DeadLetter, LettersDropped
from harmonium.protocols.message_info import info_of
from harmonium.protocols.reliability.dead_letter_filter import Letter
from harmonium.protocols.reliability.dead_letter_office import (
    DeadLetterOffice,
    Dropped,
    OfficeState,
    Replay,
)

if TYPE_CHECKING:
    from harmonium.actors.ground import Ground

__all__ = ["KeptLetters"]


class KeptLetters:
    """The letters, newest last; what the limits let go is announced.

    Args:
        ground: Whose letters.
        limits: How many are kept, and for how long.
        forms: Knows how large a letter is.
        gone: Called with the id of each letter that the limits let go.
    """

    def __init__(
        self, ground: Ground, limits: DeadLetterOffice, forms: Forms, gone: Callable[[str], None]
    ) -> None:
        self._ground = ground
        self.limits = limits
        self._forms = forms
        self._gone = gone
        self._state = OfficeState()
        # The first one of a dict is found by passing all that were deleted before it.
        self._letters: OrderedDict[str, DeadLetter] = OrderedDict()
        self._fresh: dict[str, DeadLetter] = {}
        self._left: list[str] = []
        self.dropped: Counter[str] = Counter()

    def __iter__(self) -> Iterator[DeadLetter]:
        return iter(tuple(self._letters.values()))

    def __len__(self) -> int:
        return len(self._letters)

    def get(self, id: str) -> DeadLetter | None:
        """Find a letter."""
        return self._letters.get(id)

    def keep(self, letter: DeadLetter) -> None:
        """Take a letter in.

        A storm of letters that no other limit touches only counts them: the
        office decides about each for 20 us, counting takes 2.
        """
        id = letter.id
        if self._letters.pop(id, None) is not None:
            self._forget(id)
        self._letters[id] = self._fresh[id] = letter
        if self.limits.size is not None or self.limits.keep_for is not None:
            self.trim()
        elif len(self._letters) > self.limits.letters:
            oldest = next(iter(self._letters))
            self._forget(oldest)
            self._announce((oldest,), f"more than {self.limits.letters} letters")

    def _forget(self, id: str) -> None:
        if self._fresh.pop(id, None) is None:
            self._left.append(id)

    def _settle(self) -> OfficeState:
        """Have the office decide about what has come and gone since it was asked last."""
        state, now = self._state, self._ground.clock()
        left, self._left = self._left, []
        for id in left:
            state = self.limits.forget(state, id)
        fresh, self._fresh = self._fresh, {}
        for letter in fresh.values():
            state, dropped = self.limits.add(state, self.known(letter), now)
            self._let_go(dropped)
        self._state = state
        return state

    def known(self, letter: DeadLetter) -> Letter:
        """Give what filters and limits look at."""
        sized = self.limits.size is not None
        return Letter(
            letter.id,
            letter.reason,
            letter.envelope.recipient,
            _type_of(letter.envelope.message),
            letter.at,
            letter.envelope.correlation_id,
            letter.attempts,
            self._forms.size(letter.envelope.message) if sized else 0,
        )

    def trim(self) -> None:
        """Let go what is too old; also done whenever somebody looks."""
        self._state, dropped = self.limits.trim(self._settle(), self._ground.clock())
        self._let_go(dropped)

    def _let_go(self, dropped: tuple[Dropped, ...]) -> None:
        for each in dropped:
            self._announce(tuple(letter.id for letter in each.letters), each.reason)

    def _announce(self, ids: tuple[str, ...], reason: str) -> None:
        for id in ids:
            self._letters.pop(id, None)
            self._gone(id)
        before = self.dropped[reason]
        self.dropped[reason] = now = before + len(ids)
        # A full office drops one for each that comes: a line for the 1st, 10th, 100th.
        if len(str(before)) < len(str(now)) or not before:
            logger.warning("dead letters dropped: {} ({} so far)", reason, now)
        self._ground.observers.emit(LettersDropped(ids, reason))

    def drop(self, id: str) -> bool:
        """Throw a letter away; False if it is not here."""
        self._state = self.limits.forget(self._settle(), id)
        return self._letters.pop(id, None) is not None

    # -- which of them were sent again

    def may_replay(self, id: str) -> Replay:
        """Say whether a letter is to be sent again: once, however often it is asked for."""
        return self.limits.replay(self._settle(), id)[1]

    def note_replay(self, id: str) -> None:
        """Note that it is sent again."""
        self._state = self.limits.replay(self._settle(), id)[0]

    def take_back(self, id: str) -> None:
        """Note that it was not sent again after all."""
        self._state = self._state._replace(replayed=self._state.replayed.discard(id))

    def is_replayed(self, id: str) -> bool:
        """Whether it was sent again."""
        return id in self._state.replayed


def _type_of(message: Any) -> str:
    if isinstance(message, Stored):
        return message.name.partition("/")[0]
    info = info_of(type(message))
    return type(message).__qualname__ if info is None else info.name
