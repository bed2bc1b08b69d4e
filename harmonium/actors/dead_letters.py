"""Dead letters: where a message ends that nobody will handle, why, and how it gets another chance.

One office for each ground. It keeps the newest letters up to its limits, in
memory, and in the system's store where it has one; what it lets go it announces.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import attrs

from harmonium.actors.dead_letter_forms import Forms
from harmonium.actors.dead_letter_values import DeadLetter, LettersDropped, Replayed
from harmonium.actors.dead_letters_kept import KeptLetters
from harmonium.actors.promise import Promise
from harmonium.protocols.errors import CodecError, ConfigError, MailboxFull
from harmonium.protocols.reliability.dead_letter_filter import DeadLetterFilter
from harmonium.protocols.reliability.dead_letter_office import DeadLetterOffice, Replay

if TYPE_CHECKING:
    from harmonium.actors.dead_letters_store import LetterFile
    from harmonium.actors.ground import Ground
    from harmonium.actors.store.ports import Store

__all__ = ["DeadLetter", "DeadLetters", "LettersDropped", "Replayed"]

T = TypeVar("T")


class DeadLetters:
    """The dead letters of one ground, newest last, and the count of all.

    Iterating, `list` and `show` may be used in any thread. What changes something
    is done in the ground's thread and gives a promise: ``await`` it, or call its
    ``result()`` in a plain thread.

    Args:
        ground: Whose letters.
        limits: How many are kept, and for how long.
    """

    def __init__(self, ground: Ground, limits: DeadLetterOffice) -> None:
        self._ground = ground
        self._forms = Forms(ground)
        self._kept = KeptLetters(ground, limits, self._forms, self._gone)
        self._file: LetterFile | None = None
        self._ids: dict[int, str] = {}
        self.by_reason: Counter[str] = Counter()

    @property
    def limits(self) -> DeadLetterOffice:
        """How many are kept, and for how long."""
        return self._kept.limits

    @limits.setter
    def limits(self, limits: DeadLetterOffice) -> None:
        self._kept.limits = limits

    @property
    def dropped(self) -> Counter[str]:
        """How many letters each limit let go."""
        return self._kept.dropped

    @property
    def forgotten(self) -> int:
        """How many letters the limits let go."""
        return self.dropped.total()

    def __iter__(self) -> Iterator[DeadLetter]:
        return iter(self._kept)

    def __len__(self) -> int:
        return len(self._kept)

    # -- coming and going

    def add(self, letter: DeadLetter) -> None:
        """Keep a letter; the oldest goes when a limit is reached."""
        self.by_reason[letter.reason] += 1
        self._kept.keep(letter)
        if self._file is not None:
            self._file.keep(letter.id, letter)

    def _gone(self, id: str) -> None:
        """Hear of a letter that the limits let go."""
        if self._file is not None:
            self._file.drop(id)

    def trim(self) -> None:
        """Let go what is too old; also done whenever somebody looks."""
        self._kept.trim()

    # -- looking

    def list(self, wanted: DeadLetterFilter | str = "") -> tuple[DeadLetter, ...]:
        """List the letters that a filter means, oldest first.

        Args:
            wanted: A filter, or its text as in ``reason=*full* path=/shop/*``.

        Raises:
            ConfigError: If the text is no filter.
        """
        only = DeadLetterFilter.parse(wanted) if isinstance(wanted, str) else wanted
        now, keep_for = self._ground.clock(), self.limits.keep_for
        if keep_for is not None:
            self._do(self.trim)
        return tuple(
            letter
            for letter in self
            if (keep_for is None or now - letter.at < keep_for)
            and only.matches(self._kept.known(letter), now)
        )

    def show(self, id: str) -> dict[str, Any] | None:
        """Tell all of one letter as a JSON value; None if it is not here."""
        letter = self._kept.get(id)
        if letter is None:
            return None
        return {
            **self._forms.written(letter),
            "at": letter.at,
            "age": self._ground.clock() - letter.at,
            "replayed": self._kept.is_replayed(id),
        }

    # -- changing

    def edit(self, id: str, fields: Mapping[str, Any]) -> Promise[DeadLetter]:
        """Change fields of a letter's message, so that its replay may do better.

        An edited letter may be replayed again.

        Args:
            id: Whose.
            fields: New values by name, as JSON values.

        Raises (when awaited):
            ConfigError: If there is no such letter, or its class is not known
                because nobody stands at its path.
            CodecError: If the message would not be what its class says; it stays.
        """
        return self._do(lambda: self._edit(id, fields))

    def _edit(self, id: str, fields: Mapping[str, Any]) -> DeadLetter:
        letter = self._kept.get(id)
        if letter is None:
            raise ConfigError(f"dead letter {id}", "there is no such letter")
        message = self._forms.changed(letter, fields)
        envelope: Any = letter.envelope
        edited = attrs.evolve(letter, envelope=attrs.evolve(envelope, message=message))
        self._kept.keep(edited)
        if self._file is not None:
            self._file.keep(id, edited)
        return edited

    def replay(self, id: str) -> Promise[Replayed]:
        """Send a letter again: to the same path, with the same ids, without its deadline.

        Once: a second replay says `ALREADY`, also after a restart of the process
        and for several systems that share a store. If the message dies again it
        is a new letter with the same id.
        """
        outcome: Promise[Replayed] = Promise(self._ground)
        self._do(lambda: self._replay(id, outcome.settle))
        return outcome

    def replay_all(self, wanted: DeadLetterFilter | str) -> Promise[dict[str, Replayed]]:
        """Send all letters again that a filter means, oldest first; gives what became of each."""
        letters = self.list(wanted)
        outcomes: dict[str, Replayed] = {}
        promise: Promise[dict[str, Replayed]] = Promise(self._ground)

        def over(id: str, outcome: Replayed) -> None:
            outcomes[id] = outcome
            if len(outcomes) == len(letters):
                promise.settle(outcomes)

        def begin() -> None:
            for letter in letters:
                self._replay(letter.id, partial(over, letter.id))
            if not letters:
                promise.settle({})

        self._do(begin)
        return promise

    def _replay(self, id: str, tell: Callable[[Replayed], object]) -> None:
        answer = self._kept.may_replay(id)
        letter = self._kept.get(id)
        if answer is not Replay.SEND or letter is None:
            tell(Replayed.ALREADY if answer is Replay.ALREADY else Replayed.UNKNOWN)
            return
        cell = self._forms.cell_of(letter)
        if cell is None:
            tell(Replayed.NO_AGENT)
            return
        try:
            message = self._forms.message(letter)
        except CodecError:
            tell(Replayed.REFUSED)
            return
        self._kept.note_replay(id)
        if self._file is None:
            tell(self._send(cell, letter, message))
            return

        def claimed(mine: bool | None) -> None:  # noqa: FBT001 - what the store says
            if mine is None:
                self._kept.take_back(id)
                tell(Replayed.REFUSED)
            else:
                tell(self._send(cell, letter, message) if mine else Replayed.ALREADY)

        self._file.claim(id, claimed)

    def _send(self, cell: Any, letter: DeadLetter, message: Any) -> Replayed:
        number, earlier = self._forms.number(letter)
        if earlier is not None:
            self._ids[number] = earlier
        try:
            self._forms.resend(cell, letter, message, number)
        except MailboxFull:
            self._kept.take_back(letter.id)
            if self._file is not None:
                self._file.unclaim(letter.id)
            return Replayed.REFUSED
        return Replayed.SENT

    def drop(self, id: str) -> Promise[bool]:
        """Throw a letter away; False if it is not here."""
        return self._do(lambda: self._drop(id))

    def drop_all(self, wanted: DeadLetterFilter | str) -> Promise[int]:
        """Throw all letters away that a filter means; gives how many."""
        letters = self.list(wanted)
        return self._do(lambda: sum(self._drop(letter.id) for letter in letters))

    def _drop(self, id: str) -> bool:
        found = self._kept.drop(id)
        if found and self._file is not None:
            self._file.drop(id)
        return found

    def id_of(self, number: int) -> str:
        """Give the id of a message that was first sent in another process, else nothing."""
        return self._ids.get(number, "") if self._ids else ""

    def _do(self, work: Callable[[], T]) -> Promise[T]:
        promise: Promise[T] = Promise(self._ground)

        def run() -> None:
            try:
                promise.settle(work())
            except Exception as error:  # it belongs to the caller
                promise.fail(error)

        if self._ground.in_thread():
            run()
        else:
            self._ground.call_threadsafe(run)
        return promise

    # -- the store

    def open(self, store: Store) -> None:
        """Take over what the store has, and write there from now on.

        Called before the system starts; it waits for the store.
        """
        from harmonium.actors.dead_letters_store import LetterFile  # noqa: PLC0415 - an extra

        file = self._file = LetterFile(self._ground, store, self._forms.written)
        now = self._ground.clock()
        for saved in file.load(self.limits.letters):
            self._kept.keep(saved.letter(now))
            if saved.replayed:
                self._kept.note_replay(saved.id)

    def close(self) -> None:
        """Hand over what is not in the store yet; called before the store is closed."""
        if self._file is not None:
            self._file.close()

    def saved(self) -> Promise[None]:
        """Wait until all letters of now are in the store; at once without one."""
        if self._file is None:
            promise: Promise[None] = Promise(self._ground)
            promise.settle(None)
            return promise
        return self._file.flushed()
