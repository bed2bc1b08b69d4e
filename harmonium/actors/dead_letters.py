"""Dead letters: where a message ends that nobody will handle, why, and how it gets another chance.

One office for each ground. It keeps the newest letters up to its limits, in
memory, and in the system's store where it has one; what it lets go it announces.
"""

from __future__ import annotations

import enum
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import attrs
from loguru import logger

from harmonium.actors.dead_letter_forms import Forms, Stored
from harmonium.actors.dead_letters_store import LetterFile, Saved
from harmonium.actors.promise import Promise
from harmonium.protocols.envelope import Envelope
from harmonium.protocols.errors import CodecError, ConfigError, MailboxFull
from harmonium.protocols.message_info import info_of
from harmonium.protocols.reliability.dead_letter_filter import DeadLetterFilter, Letter
from harmonium.protocols.reliability.dead_letter_office import (
    DeadLetterOffice,
    Dropped,
    OfficeState,
    Replay,
)

if TYPE_CHECKING:
    from harmonium.actors.ground import Ground
    from harmonium.actors.store.ports import Store

__all__ = ["DeadLetter", "DeadLetters", "LettersDropped", "Replayed"]

T = TypeVar("T")


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
        self.limits = limits
        self._state = OfficeState()
        self._letters: dict[str, DeadLetter] = {}
        self._fresh: dict[str, DeadLetter] = {}
        self._left: list[str] = []
        self._forms = Forms(ground)
        self._file: LetterFile | None = None
        self._ids: dict[int, str] = {}
        self.by_reason: Counter[str] = Counter()
        self.dropped: Counter[str] = Counter()

    @property
    def forgotten(self) -> int:
        """How many letters the limits let go."""
        return self.dropped.total()

    def __iter__(self) -> Iterator[DeadLetter]:
        return iter(tuple(self._letters.values()))

    def __len__(self) -> int:
        return len(self._letters)

    # -- coming and going

    def add(self, letter: DeadLetter) -> None:
        """Keep a letter; the oldest goes when a limit is reached."""
        self.by_reason[letter.reason] += 1
        self._keep(letter)
        if self._file is not None:
            self._file.keep(letter.id, letter)

    def _keep(self, letter: DeadLetter) -> None:
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
            state, dropped = self.limits.add(state, self._known(letter), now)
            self._let_go(dropped)
        self._state = state
        return state

    def _known(self, letter: DeadLetter) -> Letter:
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
            if self._file is not None:
                self._file.drop(id)
        before = self.dropped[reason]
        self.dropped[reason] = now = before + len(ids)
        # A full office drops one for each that comes: a line for the 1st, 10th, 100th.
        if len(str(before)) < len(str(now)) or not before:
            logger.warning("dead letters dropped: {} ({} so far)", reason, now)
        self._ground.observers.emit(LettersDropped(ids, reason))

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
            and only.matches(self._known(letter), now)
        )

    def show(self, id: str) -> dict[str, Any] | None:
        """Tell all of one letter as a JSON value; None if it is not here."""
        letter = self._letters.get(id)
        if letter is None:
            return None
        return {
            **self._forms.written(letter),
            "at": letter.at,
            "age": self._ground.clock() - letter.at,
            "replayed": id in self._state.replayed,
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
        letter = self._letters.get(id)
        if letter is None:
            raise ConfigError(f"dead letter {id}", "there is no such letter")
        message = self._forms.changed(letter, fields)
        envelope: Any = letter.envelope
        edited = attrs.evolve(letter, envelope=attrs.evolve(envelope, message=message))
        self._keep(edited)
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
        state, answer = self.limits.replay(self._settle(), id)
        letter = self._letters.get(id)
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
        self._state = state
        if self._file is None:
            tell(self._send(cell, letter, message))
            return

        def claimed(mine: bool | None) -> None:  # noqa: FBT001 - what the store says
            if mine is None:
                self._take_back(id)
                tell(Replayed.REFUSED)
            else:
                tell(self._send(cell, letter, message) if mine else Replayed.ALREADY)

        self._file.claim(id, claimed)

    def _take_back(self, id: str) -> None:
        self._state = self._state._replace(replayed=self._state.replayed.discard(id))

    def _send(self, cell: Any, letter: DeadLetter, message: Any) -> Replayed:
        number, earlier = self._forms.number(letter)
        if earlier is not None:
            self._ids[number] = earlier
        try:
            self._forms.resend(cell, letter, message, number)
        except MailboxFull:
            self._take_back(letter.id)
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
        self._state = self.limits.forget(self._settle(), id)
        found = self._letters.pop(id, None) is not None
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
        file = self._file = LetterFile(self._ground, store, self._forms.written)
        now = self._ground.clock()
        for saved in file.load(self.limits.letters):
            self._keep(_letter_of(saved, now))
            if saved.replayed:
                self._state = self.limits.replay(self._settle(), saved.id)[0]

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


def _type_of(message: Any) -> str:
    if isinstance(message, Stored):
        return message.name.partition("/")[0]
    info = info_of(type(message))
    return type(message).__qualname__ if info is None else info.name


def _letter_of(saved: Saved, now: float) -> DeadLetter:
    data = saved.data
    about = data["envelope"]
    message = data["message"]
    envelope = Envelope(
        message=Stored(str(message.get("type", "?")), json.dumps(message)),
        sender=about["sender"],
        recipient=about["recipient"],
        id=data["id"],
        correlation_id=about["correlation_id"],
        causation_id=about["causation_id"],
        idempotency_key=about["idempotency_key"],
        traceparent=about["traceparent"],
    )
    return DeadLetter(
        envelope, data["reason"], now - saved.age, data["detail"], data["attempts"], data["bundle"]
    )
