"""The scheduler: which agent runs next, and how a message is handled.

Cells with work stand in one ready queue. A turn takes cells from it, lets each
handle a bounded number of messages, and ends after a bounded time, so that no
agent starves another and the event loop gets to its sockets.

Time, randomness and the order of the ready queue come from outside. A ground
in real time and a simulated one differ in nothing else.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from heapq import heappop
from random import Random
from types import CoroutineType
from typing import TYPE_CHECKING, Any, Protocol

from loguru import logger

from harmonium.actors.cell import BLOCKED, IDLE, QUEUED, RUNNING, Cell
from harmonium.actors.context import DEADLINE, TimerContext
from harmonium.actors.execution import Execution
from harmonium.actors.handlers import Looked
from harmonium.actors.timers import Timers
from harmonium.actors.watchdog import watched
from harmonium.protocols.errors import ContractError, EnvelopeExpired
from harmonium.protocols.lifecycle import Phase
from harmonium.protocols.signals import Terminated

if TYPE_CHECKING:
    from harmonium.actors.context import RawEnvelope
    from harmonium.actors.handlers import Handler

__all__ = ["ReadyQueue", "Scheduler"]

HANDLER = Phase.HANDLER

MESSAGES_PER_VISIT = 64
"""How many messages one agent may handle before others get their turn."""
VISITS_PER_CLOCK_READ = 32
"""Reading the clock costs 60 ns; once in so many visits makes it 2."""
SECONDS_PER_TURN = 0.005
"""After so long, the event loop gets to see its sockets and timers."""
TIMERS_AT_ONCE = 8
"""How many timers fire before those whom they woke have run, and whoever waits on the loop has
been answered. All that are due at once: 2,000 agents that wait 50 ms each take 1.24 to 1.34 of
the ideal time; so many: 1.13 to 1.17, as each has the next 50 ms begin sooner."""
TOO_LATE = 0.02
"""Seconds; timers that wait for longer all fire, for we are behind."""


SUSPENDED: Any = object()
"""In place of an answer: the handler goes on later."""


class ReadyQueue(Protocol):
    """The cells that have work: a deque, or something that picks another order."""

    def append(self, cell: Cell, /) -> None:
        """Add a cell."""

    def popleft(self) -> Cell:
        """Take the cell that runs next."""

    def __len__(self) -> int: ...


class Scheduler:
    """The moving part of a ground.

    Args:
        clock: Gives the time in float seconds; never goes back.
        random: The one source of chance.
        ready: The ready queue; a deque unless a simulation chooses the order.
    """

    # A ground has more than thirty attributes, and the dict of such an object is slower.
    __slots__ = (
        "active",
        "awake",
        "budgets",
        "chaos",
        "clock",
        "dead",
        "failed",
        "handled",
        "random",
        "ready",
        "recorder",
        "sent",
        "timers",
        "tracer",
    )

    def __init__(
        self, *, clock: Callable[[], float], random: Random, ready: ReadyQueue | None = None
    ) -> None:
        self.clock = clock
        self.random = random
        self.ready: ReadyQueue = deque() if ready is None else ready
        self.timers = Timers()
        self.active: Cell | None = None
        self.chaos: Any = None
        self.recorder: Any = None
        self.budgets: Any = None
        self.tracer: Any = None
        self.awake: bool = False
        self.sent = 0
        self.handled = 0
        self.failed = 0
        self.dead = 0

    # -- what a ground adds

    def wake(self) -> None:
        """Have `turn` called soon, from the ground's thread."""
        raise NotImplementedError

    def reply(self, envelope: RawEnvelope, value: Any) -> None:
        """Send the answer to an envelope."""
        raise NotImplementedError

    def reply_error(self, envelope: RawEnvelope, error: BaseException) -> None:
        """Send an error to whoever asked."""
        raise NotImplementedError

    def dead_letter(
        self,
        cell: Cell | str,
        envelope: RawEnvelope,
        reason: str,
        error: BaseException | None = None,
        *,
        detail: str = "",
    ) -> None:
        """Give an envelope the fate "dead"."""
        raise NotImplementedError

    def crashed(
        self, cell: Cell, error: BaseException, phase: Phase, envelope: RawEnvelope | None
    ) -> None:
        """Suspend the agent and tell its parent."""
        raise NotImplementedError

    def refill(self, cell: Cell) -> None:
        """Move parked messages into a mailbox that has room again."""
        raise NotImplementedError

    def run_blocking(self, cell: Cell, handler: Handler, envelope: RawEnvelope) -> None:
        """Run a blocking handler elsewhere and call `blocking_done`."""
        raise NotImplementedError

    # -- getting cells to run

    def signal(self, cell: Cell, call: Callable[..., Any], *args: Any) -> None:
        """Have `call(*args)` run in the agent's turn, before its mail."""
        if cell.signals is None:
            cell.signals = deque()
        cell.signals.append((call, args))
        if cell.scheduled != QUEUED:  # `schedule`, without its call
            cell.scheduled = QUEUED
            self.ready.append(cell)
        if not self.awake:
            self.wake()

    def schedule(self, cell: Cell) -> None:
        """Put the cell in the ready queue unless it stands there."""
        if cell.scheduled != QUEUED:
            cell.scheduled = QUEUED
            self.ready.append(cell)
        if not self.awake:
            self.wake()

    # -- one turn

    def turn(self) -> bool:
        """Run ready agents for a bounded time; True when some are left, or timers.

        An agent runs to the end of its visit; what it raises is its own
        failure and never leaves this method.
        """
        self.awake = True
        ready = self.ready
        clock = self.clock
        now = clock()
        ends = now + SECONDS_PER_TURN
        timers = self.timers
        if timers.heap and timers.heap[0][0] <= now:
            self.fire_timers(now)
        while ready:
            for _ in range(VISITS_PER_CLOCK_READ):
                self.visit(ready.popleft())
                if not ready:
                    break
            now = clock()
            if not ready or now >= ends:
                break
            if timers.heap and timers.heap[0][0] <= now:
                self.active = None
                self.fire_timers(now)
        self.active = None
        return bool(ready) or bool(timers.heap and timers.heap[0][0] <= now)

    def fire_timers(self, now: float) -> None:
        """Call what is due, the earliest first and a few at once; something has to be."""
        timers, heap = self.timers, self.timers.heap
        left = TIMERS_AT_ONCE if heap[0][0] > now - TOO_LATE else len(heap)
        while heap and heap[0][0] <= now:  # `guard`, without its call
            timer = heappop(heap)[2]
            call, timer.call = timer.call, None
            if call is None:
                timers.cancelled -= 1
                continue
            try:
                call(*timer.args)
            except Exception as error:  # a callback of the user's
                self.log_callback(error)
            heap = timers.heap  # a sweep makes a new one
            left -= 1
            if not left:
                break

    def guard(self, call: Callable[..., Any], *args: Any) -> None:
        """Call what belongs to no agent; what it raises is logged and stops nobody else."""
        try:
            call(*args)
        except Exception as error:  # a callback of the user's
            self.log_callback(error)

    def log_callback(self, error: Exception) -> None:
        """Log what a callback raised that belongs to no agent."""
        logger.opt(exception=error).error("a callback raised outside of any agent")

    def visit(self, cell: Cell, left: int = MESSAGES_PER_VISIT) -> None:  # noqa: C901, PLR0912, PLR0915
        """Let one agent handle its signals and up to `left` of its mail.

        The hot path is all here on purpose: dispatch by a dict of types, call, answer,
        next. In three methods it takes a message 1.15 times as long (W1).
        """
        self.active = cell
        mailbox = cell.mailbox
        if cell.signals or cell.busy or cell.urgent or cell.state is not RUNNING or not mailbox:
            self._visit_otherwise(cell, left)
            return
        fast = cell.fast
        agent = cell.agent
        try:
            while left:
                envelope = mailbox.popleft()
                message, _, promise, _, _, context = envelope
                try:
                    handler = fast[message.__class__]  # `get` takes 1.6 % of W3 longer
                except KeyError:
                    handler = None
                if handler is None or (
                    context.special
                    and (context.special != DEADLINE or (context.deadline or 0.0) <= self.clock())
                ):
                    self.take(cell, envelope)
                    if cell.busy or cell.state is not RUNNING:
                        break
                else:
                    cell.current = envelope
                    answer = handler(agent, message)
                    if answer is not None and answer.__class__ is CoroutineType:
                        answer = self._first_step(cell, envelope, answer)
                        if answer is SUSPENDED:
                            break
                    if promise is not None:
                        self._answer(cell, envelope, answer)
                    self.handled += 1
                if cell.signals or cell.urgent:
                    break
                if not mailbox:
                    more = cell.more_
                    if cell.state is RUNNING and (
                        more is None or (more.after_visit is None and not more.parked)
                    ):
                        cell.current = None
                        cell.scheduled = IDLE
                        return
                    break
                left -= 1
        except BaseException as error:  # a crash is the agent's, whatever it raised
            self._raised(cell, error)
        cell.current = None
        self._leave(cell)

    def _visit_otherwise(self, cell: Cell, left: int) -> None:
        """Visit an agent that has signals, is at work or away, or is looked at."""
        signals = cell.signals
        while signals:
            call, args = signals.popleft()
            try:
                call(*args)
            except BaseException as error:  # a hook's crash is the agent's
                self.crashed(cell, error, HANDLER, cell.current)
        if (cell.state is not RUNNING or cell.busy) and not self._reentrant_next(cell):
            cell.scheduled = QUEUED if cell.signals else _held(cell)
            if cell.signals:
                self.ready.append(cell)
            return
        if cell.urgent or cell.fast is _SLOW or cell.signals or cell.busy:
            self._visit_slowly(cell, left)
        elif cell.mailbox:
            self.visit(cell, left)
            return
        self._leave(cell)

    def _first_step(self, cell: Cell, envelope: RawEnvelope, coroutine: Any) -> Any:
        """Step an async handler that nobody watches; gives its answer, or `SUSPENDED`.

        Up to its first suspension it is in its agent's visit like a handler that is not
        async, and may well end there; only then does its cell have to know of it.
        """
        if envelope[0].__class__ not in cell.agent.__table__.coroutines:
            raise _unawaited(cell, envelope, coroutine)
        execution = Execution(cell, envelope, coroutine, self.execution_done)
        cell.executing = execution
        try:
            awaited = execution.advance()
        except StopIteration as stop:
            execution.finished = True
            return stop.value
        except BaseException:
            execution.finished = True
            raise
        finally:
            cell.executing = None
        cell.busy += 1
        (cell.more_ or cell.more).hold(execution)
        execution.wait_for(awaited)
        return SUSPENDED

    def _visit_slowly(self, cell: Cell, left: int) -> None:
        """The same with urgent mail first, and every message looked at."""
        while left and cell.state is RUNNING and not cell.signals:
            if cell.busy and not self._reentrant_next(cell):
                return
            left -= 1
            if cell.urgent:
                envelope = cell.urgent.popleft()
            elif cell.mailbox:
                envelope = cell.mailbox.popleft()
            else:
                return
            self.take(cell, envelope)

    def _leave(self, cell: Cell) -> None:
        more = cell.more_
        if more is not None:
            if more.parked:
                self.refill(cell)
            if more.after_visit is not None:
                more.after_visit(cell)
        if cell.signals:
            cell.scheduled = QUEUED
            self.ready.append(cell)
        elif not (cell.mailbox or cell.urgent or cell.busy) and cell.state is RUNNING:
            cell.scheduled = IDLE
        elif cell.state is RUNNING and (
            self._reentrant_next(cell) if cell.busy else cell.mailbox or cell.urgent
        ):
            cell.scheduled = QUEUED
            self.ready.append(cell)
        else:
            cell.scheduled = _held(cell)

    # -- one message

    def take(self, cell: Cell, envelope: RawEnvelope) -> None:
        """Handle one envelope with every check; never raises."""
        more = cell.more_
        if more is not None and more.spread is not None:
            more.spread(envelope)
            return
        message = envelope[0]
        context: Any = envelope[5]
        if message.__class__ is Terminated and not _awaited(cell, message.path):
            self.dead_letter(cell, envelope, "unwatched")
            return
        if context.special:
            if context.deadline is not None and context.deadline <= self.clock():
                self._expired(cell, envelope)
                return
            if context.__class__ is TimerContext and context.incarnation != cell.incarnation:
                self.dead_letter(cell, envelope, "timer of an earlier incarnation")
                return
            if context.idempotency_key is not None or context.__class__ is TimerContext:
                more = more or cell.more
                more.key = context.idempotency_key  # of this message, not of those it sends
                more.keyed = envelope[3]
                envelope = (*envelope[:5], context.child(None))
        handler = cell.agent.__table__.find(message.__class__)
        if handler is None:
            error = ContractError(
                cell.path,
                f"{type(cell.agent).__name__} has no handler for {type(message).__name__}",
            )
            self.dead_letter(cell, envelope, "not in the contract", error)
            return
        self.handle(cell, handler, envelope)

    def handle(self, cell: Cell, handler: Handler, envelope: RawEnvelope) -> None:
        """Call the handler in the way it asks for, unless a fault befalls the message."""
        repeats = handler.idempotent
        if repeats is not None and repeats.once(cell, handler, envelope):
            return
        if self.budgets is not None:
            admitted = self.budgets.admit(cell, handler, envelope)
            if admitted is None:
                return
            handler = admitted
        if self.recorder is not None:
            self.recorder.before(cell, envelope)
        if self.tracer is not None:
            self.tracer.began(cell, envelope)
        if self.chaos is not None and self.chaos.intercept(cell, handler, envelope):
            return
        self._call(cell, handler, envelope)

    def _call(self, cell: Cell, handler: Handler, envelope: RawEnvelope) -> None:
        if cell.birth.handler_limit is not None:
            handler = watched(cell, handler, envelope)
        if handler.blocking:
            self.begin_blocking(cell, handler, envelope)
            return
        cell.current = envelope
        try:
            answer = handler.function(cell.agent, envelope[0])
            if not handler.is_async:
                if answer.__class__ is CoroutineType:
                    raise _unawaited(cell, envelope, answer)
                self._finished(cell, envelope, answer)
                return
        except BaseException as error:  # a crash is the agent's
            self._raised(cell, error)
            return
        finally:
            cell.current = None
        execution = Execution(cell, envelope, answer, self.execution_done)
        self.begin(cell, execution, reentrant=handler.reentrant)

    def begin_blocking(self, cell: Cell, handler: Handler, envelope: RawEnvelope) -> None:
        """Hand a blocking handler to the thread pool and hold the mailbox until it is done."""
        cell.busy += 1
        cell.offloop = True
        cell.more.blocking = envelope
        self.run_blocking(cell, handler, envelope)

    def begin(self, cell: Cell, execution: Execution, *, reentrant: bool) -> None:
        """Start an execution and hold the mailbox until it is done."""
        cell.busy += 1
        execution.reentrant = reentrant
        (cell.more_ or cell.more).hold(execution)
        limit = cell.birth.handler_limit
        if limit is not None and execution.envelope is not None:
            execution.since = self.clock()
            execution.limit = self.timers.add(
                execution.since + limit, self.overran, cell, execution, limit
            )
        execution.step()

    def overran(self, cell: Cell, execution: Execution, limit: float) -> None:
        """A handler is longer at work than its limit: end it as a crash."""
        raise NotImplementedError

    def end(self, cell: Cell, execution: Execution) -> None:
        """Take a finished or ended execution off its cell, and see what the cell does next."""
        self._take_off(cell, execution)
        self.rest(cell)

    def _take_off(self, cell: Cell, execution: Execution) -> None:
        cell.busy -= 1
        if execution.limit is not None:
            execution.limit.cancel()
        more = cell.more_ or cell.more
        if more.executions:
            more.executions.pop(execution, None)

    def rest(self, cell: Cell) -> None:
        """See what a cell does after a handler that had suspended it."""
        more = cell.more_ or cell.more
        if more.after_visit is not None:
            more.after_visit(cell)
        if not cell.busy and more.when_idle is not None:
            when_idle, more.when_idle = more.when_idle, None
            when_idle()
            return
        if cell.state is RUNNING and (cell.mailbox or cell.urgent or more.parked):
            self.schedule(cell)
        elif cell.scheduled == BLOCKED and cell.state is RUNNING and not cell.busy:
            cell.scheduled = IDLE

    def execution_done(
        self, execution: Execution, answer: Any, error: BaseException | None
    ) -> None:
        """Take the outcome of an async handler."""
        cell = execution.cell
        cell.current = envelope = execution.envelope
        self._take_off(cell, execution)
        if error is None:
            try:
                self._finished(cell, envelope, answer)
            except BaseException as raised:  # what it answered is not in its contract
                error = raised
        if error is not None:  # a crash is the agent's
            self._raised(cell, error)
        # Last: an agent that is being stopped may end here, and could not answer any more.
        self.rest(cell)

    def blocking_done(
        self, cell: Cell, incarnation: int, envelope: RawEnvelope, outcome: Callable[[], Any]
    ) -> None:
        """Take the outcome of a blocking handler, in the agent's turn."""
        if cell.incarnation != incarnation or not cell.offloop:
            return
        cell.offloop = False
        cell.more.blocking = None
        cell.busy -= 1
        cell.current = envelope
        try:
            self._finished(cell, envelope, outcome())
        except BaseException as error:  # a crash is the agent's
            self._raised(cell, error)
        finally:
            cell.current = None
            self.rest(cell)

    # -- outcomes

    def _finished(self, cell: Cell, envelope: Any, answer: Any) -> None:
        if envelope[2] is not None:
            self._answer(cell, envelope, answer)
        self.handled += 1
        if self.tracer is not None:
            self.tracer.ended(envelope, None)
        if cell.more_ is not None:
            cell.more_.handled += 1

    def _answer(self, cell: Cell, envelope: Any, answer: Any) -> None:
        more = cell.more_
        if envelope[2].answered or (more is not None and more.stash and _stashed(cell, envelope)):
            return
        table = cell.agent.__table__
        handler = table.by_class.get(envelope[0].__class__, table.fallback)
        if answer.__class__ not in handler.answers and object not in handler.answers:
            raise ContractError(
                f"{type(cell.agent).__name__}.{handler.name}",
                f"answered {type(answer).__name__}, which its annotation does not name",
            )
        self.reply(envelope, answer)

    def _raised(self, cell: Cell, error: BaseException) -> None:
        envelope = cell.current
        cell.current = None
        if self.tracer is not None and envelope is not None:
            self.tracer.ended(envelope, error)
        self.crashed(cell, error, HANDLER, envelope)

    def _expired(self, cell: Cell, envelope: RawEnvelope) -> None:
        error = EnvelopeExpired(cell.path, envelope[5].deadline or 0.0, None)
        self.dead_letter(cell, envelope, "expired", error)

    def _reentrant_next(self, cell: Cell) -> bool:
        """Whether a busy agent may start its next message all the same."""
        mail = cell.urgent or cell.mailbox
        if not mail or cell.state is not RUNNING or cell.offloop:
            return False
        handler = cell.agent.__table__.find(mail[0][0].__class__)
        return handler is not None and handler.reentrant


def _held(cell: Cell) -> int:
    """How a cell stands that takes no mail now: idle where the next mail may be re-entrant."""
    if cell.mailbox or cell.urgent or not cell.busy or cell.state is not RUNNING:
        return BLOCKED
    return IDLE if cell.agent.__table__.reentrant else BLOCKED


def _unawaited(cell: Cell, envelope: RawEnvelope, coroutine: Any) -> ContractError:
    """Make the error of a handler that is not async and gave a coroutine: it would never run."""
    coroutine.close()
    handler: Any = cell.agent.__table__.find(envelope[0].__class__)
    return ContractError(
        f"{type(cell.agent).__name__}.{handler.name}",
        "returned a coroutine, which nobody awaits",
        "make the handler async, and await the call",
    )


def _awaited(cell: Cell, path: str) -> bool:
    """Whether a notice is still wanted; it ends the watch, unless a successor is watched."""
    subject = cell.more.watching.get(path)
    if subject is not None and not subject.alive:
        del cell.more.watching[path]
    return subject is not None


def _stashed(cell: Cell, envelope: RawEnvelope) -> bool:
    more = cell.more_
    if more is None or not more.stash:
        return False
    return any(one is envelope for one in reversed(more.stash))


_SLOW: Any = Looked()
"""Put in place of `Cell.fast` to have every message looked at (chaos, traces)."""
