"""`Ground`: what agents stand on. It carries envelopes and decides nothing.

The sending side is here: contract check, mailbox bounds, asks, replies, dead
letters, names. Running agents is the scheduler's; `starting`, `failing`, `ending` and
`burying` change their state. `local.LocalGround` adds a real event loop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import count
from random import Random
from threading import get_ident
from typing import TYPE_CHECKING, Any

from loguru import logger

from harmonium.actors import ending, failing, starting
from harmonium.actors.account import Account, take_account
from harmonium.actors.ask import Ask
from harmonium.actors.asking import Asking
from harmonium.actors.birth import Birth
from harmonium.actors.cell import STOPPING, Cell
from harmonium.actors.context import RawEnvelope
from harmonium.actors.dead_letters import DeadLetter, DeadLetters
from harmonium.actors.execution import Execution
from harmonium.actors.guardian import Guardian
from harmonium.actors.handlers import HandlerTable
from harmonium.actors.observer import Observers
from harmonium.actors.registry import Registry
from harmonium.actors.scheduler import _SLOW, ReadyQueue
from harmonium.actors.stateful import Stateful
from harmonium.actors.streaming import Stream, open_stream
from harmonium.actors.topics import Topics
from harmonium.protocols.envelope import Envelope
from harmonium.protocols.errors import (
    AgentDead,
    AskFailed,
    DefinitionError,
    SystemStopped,
)
from harmonium.protocols.lifecycle import Exit, Phase
from harmonium.protocols.reliability.dead_letter_office import DeadLetterOffice

if TYPE_CHECKING:
    from harmonium.actors.store.ports import Store

__all__ = ["Ground"]


_REFUSED: Any = object()
_GUARDIAN = Birth(Guardian)


def _no_engine(cell: Cell) -> Any:
    """Stand for the engine's own port until a `LocalBase` is put on the ground."""
    raise DefinitionError(
        cell.path,
        "Thespian's own methods (send, createActor, wakeupAfter) need a LocalBase on the ground",
        "use tell, spawn and schedule, or put one there: LocalBase(ground=...)",
    )


def _unheard(cell: Cell, reason: Exit) -> None:
    """Stand for whoever runs the ground until somebody does."""


class Ground(Asking):
    """One isolated set of agents: its tree, names, topics, clock and chance.

    Args:
        name: Shown in logs and in message ids.
        clock: The time in float seconds; never goes back.
        random: The one source of chance.
        ready: The ready queue; None for first in, first out.
        dead_letter_capacity: How many dead letters are kept in memory.
        number: What its message ids begin with after the name; drawn if not given.
    """

    # As in `Scheduler`. An object whose dict is as large as theirs has each of its
    # methods looked for in the dict first: a simulated run of 15 messages took 1.07 times as long.
    __slots__ = (
        "_correlations",
        "_dead_letter_capacity",
        "_dead_letters",
        "_topics",
        "bundles",
        "engine_port",
        "in_transit",
        "journals",
        "name",
        "observers",
        "on_dead_letter",
        "on_top_exit",
        "open",
        "prefix",
        "registry",
        "root",
        "stateful",
        "stopping",
        "store",
        "thread_id",
    )

    def __init__(
        self,
        *,
        name: str,
        clock: Callable[[], float],
        random: Random,
        ready: ReadyQueue | None = None,
        dead_letter_capacity: int = 10_000,
        number: int | None = None,
    ) -> None:
        super().__init__(clock=clock, random=random, ready=ready)
        self.name = name
        self.prefix = f"{name}-{random.getrandbits(32) if number is None else number:08x}-"
        self.thread_id = get_ident()
        self.in_transit = 0
        self._correlations = count(1)
        self.stopping: Any = None
        self.open = True
        self._dead_letter_capacity = dead_letter_capacity
        self._dead_letters: DeadLetters | None = None
        self._topics: Topics | None = None
        self.observers = Observers()
        self.stateful = Stateful(self)
        self.on_top_exit: Callable[[Cell, Exit], None] = _unheard
        self.on_dead_letter: Callable[[Cell | str, RawEnvelope], None] | None = None
        self.engine_port: Callable[[Cell], Any] = _no_engine
        self.root = starting.stand(self, _GUARDIAN)
        self.registry = Registry(self.root)
        self.bundles: Any = None
        self.journals: Any = None
        self.store: Store | None = None

    # Made on first use: a search makes thousands of grounds, and most use none of these.

    @property
    def dead_letters(self) -> DeadLetters:
        """The dead letters, newest last."""
        if self._dead_letters is None:
            limits = DeadLetterOffice(letters=self._dead_letter_capacity)
            self._dead_letters = DeadLetters(self, limits)
        return self._dead_letters

    @property
    def topics(self) -> Topics:
        """Who subscribed to what."""
        if self._topics is None:
            self._topics = Topics(self)
        return self._topics

    def let_go(self, cell: Cell) -> None:
        """End what belongs to an incarnation: its watches and its subscriptions."""
        self.stateful.forget(cell)
        if self._topics is not None:
            self._topics.forget(cell)

    def stream(
        self,
        sender: Cell | None,
        target: Cell | str,
        message: Any,
        *,
        timeout: float | None,
        idempotency_key: str | None,
    ) -> Stream[Any]:
        """Ask, and get the parts of the answer too."""
        return open_stream(
            self, sender, target, message, timeout=timeout, idempotency_key=idempotency_key
        )

    # -- fates

    def dead_letter(
        self,
        cell: Cell | str,
        envelope: RawEnvelope,
        reason: str,
        error: BaseException | None = None,
        *,
        detail: str = "",
        attempts: int = 1,
        bundle: str = "",
    ) -> None:
        """Give an envelope the fate "dead"; whoever asked hears the error."""
        self.dead += 1
        detail = detail or ("" if error is None else str(error))
        view = self.view(cell, envelope)
        letter = DeadLetter(view, reason, self.clock(), detail, attempts, bundle)
        if not envelope[5].is_stored:  # else the journal delivers it again
            self.dead_letters.add(letter)
        self.observers.died(letter)
        if self.on_dead_letter is not None:
            self.on_dead_letter(cell, envelope)
        if envelope[2] is not None:
            path = cell if isinstance(cell, str) else cell.path
            self.reply_error(envelope, error or AgentDead(path, reason))

    def crashed(
        self, cell: Cell, error: BaseException, phase: Phase, envelope: RawEnvelope | None
    ) -> None:
        """Count the message as failed, answer its asker, hand the agent to its parent."""
        failing.fail(cell, error, phase, envelope)

    def fail_message(self, cell: Cell, envelope: RawEnvelope, error: BaseException) -> None:
        """Give an envelope the fate "failed"."""
        self.failed += 1
        if envelope[2] is not None:
            dead = isinstance(error, AgentDead)
            self.reply_error(envelope, error if dead else AskFailed.of(cell.path, error))

    def blocking(self, call: Callable[..., Any], args: tuple[Any, ...], cost: float) -> Any:
        """Run a function that blocks, elsewhere; gives a promise of its result."""
        raise NotImplementedError

    def overran(self, cell: Cell, execution: Execution, limit: float) -> None:
        """End a handler that is longer at work than it may be: a crash."""
        self.signal(cell, failing.overrun, cell, execution, limit)

    def view(self, cell: Cell | str, envelope: RawEnvelope) -> Envelope:
        """The envelope for people: ids as text, agents as paths."""
        message, sender, _, number, cause, context = envelope
        return Envelope(
            message=message,
            sender=None if sender is None else sender.path,
            recipient=cell if isinstance(cell, str) else cell.path,
            id=(number < 0 and self.dead_letters.id_of(number)) or f"{self.prefix}{number}",
            correlation_id=context.correlation_id,
            causation_id=f"{self.prefix}{cause}" if cause else None,
            deadline=context.deadline,
            idempotency_key=context.idempotency_key,
            traceparent=context.traceparent,
        )

    def account(self) -> Account:
        """Where every message is; counted in the ground's thread."""
        return take_account(self)

    def next_id(self, cell: Cell) -> str:
        """A number that no child of this agent has had."""
        cell.more.numbered += 1
        return str(cell.more.numbered)

    def spawn(
        self, parent: Cell, birth: Birth, id: str, *, incarnation: int = 1, start: bool = True
    ) -> Cell:
        """Give an agent a place under its parent, and start it unless told otherwise.

        Raises:
            SystemStopped: If the system is stopping and takes no new work.
            AgentDead: If the parent is being ended.
            SpecError: If the id is taken.
        """
        if not self.open and parent is self.root:
            raise SystemStopped(self.name)
        if parent.state >= STOPPING:
            raise AgentDead(parent.path, "it is being ended and takes no more children")
        cell = starting.place(parent, birth, id)
        if start:
            starting.start(cell, incarnation)
        return cell

    def request_stop(self, cell: Cell, reason: Exit | None = None) -> Ask[None]:
        """Stop an agent gracefully; the promise is settled when it is gone."""
        ask: Ask[None] = Ask(self, None, cell, None)
        if self.in_thread():
            ending.request_stop(cell, ask, reason)
        else:
            self.call_threadsafe(lambda: ending.request_stop(cell, ask, reason))
        return ask

    def fast_table(self, cell: Cell, table: HandlerTable) -> Any:
        """What the scheduler dispatches by; nothing when every message is to be looked at."""
        if self.is_watched(cell) or self.chaos is not None:
            return _SLOW
        return table.dispatch if self.tracer is None else self.tracer.table(table)

    def is_watched(self, cell: Cell) -> bool:
        """Whether something of an agent's own asks for every message to be looked at."""
        counted = self.budgets is not None or cell.birth.work_budget is not None
        counted = counted and self._count_work(cell)
        watched = counted or self.recorder is not None or cell.birth.handler_limit is not None
        return watched or (cell.more_ is not None and cell.more_.hold_failed)

    def _count_work(self, cell: Cell) -> bool:
        """Have the messages of an agent counted, where it or anybody above it has a budget."""
        parent = cell.parent.more_ if cell.parent is not None else None
        if cell.birth.work_budget is None and (parent is None or not parent.budgets):
            return False
        if self.budgets is None:
            from harmonium.actors.budgets import Budgets  # noqa: PLC0415 - an extra

            self.budgets = Budgets(self)
        self.budgets.watch(cell)
        return True

    def slow_down(self, cells: Iterable[Cell]) -> None:
        """Have every message of these agents looked at (chaos, traces)."""
        for cell in cells:
            cell.fast = _SLOW

    def log_error(self, cell: Cell, what: str, error: BaseException) -> None:
        """One log line that names the agent, its incarnation and the request."""
        current = cell.current
        logger.bind(
            path=cell.path,
            incarnation=cell.incarnation,
            correlation_id=None if current is None else current[5].correlation_id,
        ).error("{} #{}: {}: {!r}", cell.path, cell.incarnation, what, error)
