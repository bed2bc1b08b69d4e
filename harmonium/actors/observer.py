"""What happens to agents, told to whoever listens, and one log line for each.

A listener gets frozen values; what it raises is logged and it is dropped, so
that watching a system can never break it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import attrs
from loguru import logger

from harmonium.protocols.lifecycle import Exit, Phase
from harmonium.protocols.quick import quick
from harmonium.protocols.thinning import Thinning

if TYPE_CHECKING:
    from harmonium.actors.cell import Cell
    from harmonium.actors.dead_letters import DeadLetter

__all__ = [
    "AgentCrashed",
    "AgentExited",
    "AgentStarted",
    "HandlerOverran",
    "LetterDied",
    "MailboxOverflowed",
    "Observers",
    "SupervisorGaveUp",
]


@quick
@attrs.frozen(slots=True)
class AgentStarted:
    """An incarnation is ready, the first one of its agent or one after a restart."""

    path: str
    incarnation: int
    restarted: bool = False


@quick
@attrs.frozen(slots=True)
class AgentCrashed:
    """An incarnation raised; its parent decides what follows."""

    path: str
    incarnation: int
    error: BaseException
    phase: Phase
    message: Any
    correlation_id: str | None


@quick
@attrs.frozen(slots=True)
class AgentExited:
    """An incarnation has ended."""

    path: str
    incarnation: int
    reason: Exit


@attrs.frozen(slots=True)
class HandlerOverran:
    """A handler is (or was, if `done`) at work for longer than its limit, and goes on."""

    path: str
    incarnation: int
    handler: str
    seconds: float
    done: bool


@attrs.frozen(slots=True)
class LetterDied:
    """A message became a dead letter."""

    letter: DeadLetter


@attrs.frozen(slots=True)
class MailboxOverflowed:
    """A message met a full mailbox."""

    path: str
    policy: str


@attrs.frozen(slots=True)
class SupervisorGaveUp:
    """A supervisor's restart budget is used up; it ends, or parks."""

    path: str
    error: BaseException
    parks: bool


class Observers:
    """The listeners of one ground, and its log.

    `watched` is False while nobody listens; events are then not even built.
    """

    def __init__(self) -> None:
        self._listeners: tuple[Callable[[Any], None], ...] = ()
        self._of_starts: tuple[Callable[[Any], None], ...] = ()
        """Those that are told of starts by an event."""
        self._on_start: Callable[[Cell, int], None] | None = None
        self.restarts = 0
        self.crashes = 0
        self.overflows = 0
        self._deaths = Thinning()

    def add(
        self,
        listener: Callable[[Any], None],
        *,
        on_start: Callable[[Cell, int], None] | None = None,
    ) -> Callable[[], None]:
        """Have `listener(event)` called in the ground's thread; returns how to end that.

        Args:
            listener: Told of everything.
            on_start: Told of starts in its place, by cell and incarnation; only one listener may
                have it. Most events of a short simulated run are starts, and to make one and
                tell it takes 0.6 us.
        """
        self._listeners = (*self._listeners, listener)
        if on_start is None:
            self._of_starts = (*self._of_starts, listener)
        else:
            self._on_start = on_start
        return lambda: self._forget(listener)

    def _forget(self, listener: Callable[[Any], None]) -> None:
        if listener in self._listeners and listener not in self._of_starts:
            self._on_start = None  # it was told of starts by that
        self._listeners = _without(self._listeners, listener)
        self._of_starts = _without(self._of_starts, listener)

    def emit(self, event: Any) -> None:
        """Tell every listener."""
        for listener in self._of_starts if event.__class__ is AgentStarted else self._listeners:
            try:
                listener(event)
            except Exception as error:  # listeners are the user's
                self._forget(listener)
                logger.opt(exception=error).error("a listener raised and was dropped")

    def started(self, cell: Cell) -> None:
        """Note that an incarnation is ready."""
        incarnation = cell.incarnation
        restarted = incarnation > (1 if cell.more_ is None else cell.more_.first)
        if restarted:
            self.restarts += 1
            path = cell.path
            logger.info("{path} restarted as #{incarnation}", path=path, incarnation=incarnation)
        if self._on_start is not None:
            self._on_start(cell, incarnation)
        if self._of_starts:
            self.emit(AgentStarted(cell.path, incarnation, restarted))

    def crashed(self, cell: Cell, error: BaseException, phase: Phase, envelope: Any) -> None:
        """Note that an incarnation raised. The traceback is formatted by a sink, if at all."""
        self.crashes += 1
        correlation = None if envelope is None else envelope[5].correlation_id
        message = None if envelope is None else envelope[0]
        path, incarnation = cell.path, cell.incarnation
        # Named arguments end up in `extra`, as with bind(), which costs 1 us more.
        logger.warning(
            "{path} #{incarnation} crashed{}: {!r}",
            "" if message is None else f" on {type(message).__name__}",
            error,
            path=path,
            incarnation=incarnation,
            correlation_id=correlation,
        )
        if self._listeners:
            self.emit(AgentCrashed(path, incarnation, error, phase, message, correlation))

    def overran(self, cell: Cell, handler: str, seconds: float, *, done: bool) -> None:
        """Note a handler that is over its limit and cannot be cancelled."""
        path, incarnation = cell.path, cell.incarnation
        logger.warning(
            "{path} #{incarnation}: handler {} {} at work for {:.3g} s, limit {:g} s",
            handler,
            "was" if done else "is",
            seconds,
            cell.birth.handler_limit,
            path=path,
            incarnation=incarnation,
        )
        if self._listeners:
            self.emit(HandlerOverran(path, incarnation, handler, seconds, done))

    def exited(self, cell: Cell, reason: Exit) -> None:
        """Note that an incarnation is gone."""
        path, incarnation = cell.path, cell.incarnation
        logger.trace("{path} #{incarnation} exited: {}", reason, path=path, incarnation=incarnation)
        if self._listeners:
            self.emit(AgentExited(path, incarnation, reason))

    def exhausted(self, cell: Cell, error: BaseException, *, parks: bool) -> None:
        """Note that a supervisor's budget is used up."""
        if self._listeners:
            self.emit(SupervisorGaveUp(cell.path, error, parks))

    def gave_up(self, cell: Cell, error: BaseException) -> None:
        """Note that a top-level agent failed and is not restarted."""
        _log(cell).error("{} failed and nobody restarts it: {!r}", cell.path, error)

    def died(self, letter: DeadLetter) -> None:
        """Note a dead letter; of many alike the first ten are logged, then each power of ten."""
        envelope = letter.envelope
        number = self._deaths.count((envelope.recipient, letter.reason), letter.at)
        if number:
            logger.warning(
                "dead letter: {} to {path}: {}{}",
                type(envelope.message).__name__,
                letter.reason,
                f" (the {number:,}th, most are not logged)" if number >= _MANY else "",
                path=envelope.recipient,
                correlation_id=envelope.correlation_id,
            )
        if self._listeners:
            self.emit(LetterDied(letter))

    def overflowed(self, cell: Cell, policy: Any) -> None:
        """Note a full mailbox; logged for the 1st, 10th, 100th, ... time."""
        self.overflows += 1
        if self.overflows in _POWERS:
            _log(cell).warning(
                "{}: mailbox full ({} messages), {}; {} times so far",
                cell.path,
                cell.birth.mailbox,
                policy.name,
                self.overflows,
            )
        if self._listeners:
            self.emit(MailboxOverflowed(cell.path, policy.name))


def _without(listeners: tuple[Callable[[Any], None], ...], one: Any) -> tuple[Any, ...]:
    left = list(listeners)
    if one in left:
        left.remove(one)
    return tuple(left)


_MANY = 10
_POWERS = frozenset(10**n for n in range(12))


def _log(cell: Cell, correlation_id: str | None = None) -> Any:
    return logger.bind(path=cell.path, incarnation=cell.incarnation, correlation_id=correlation_id)
