"""`Agent`: what users write. State, handlers and hooks of one actor.

An agent is a Thespian actor; it reaches the world only through the methods
here, so it never knows on which ground it stands.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any, ClassVar, Literal, overload

from loguru import logger
from thespian.actors import Actor

from harmonium.actors import burying, ending, failing
from harmonium.actors.accepted import ACCEPTED
from harmonium.actors.ask import Ask
from harmonium.actors.birth import Birth
from harmonium.actors.cell import Cell
from harmonium.actors.deferred import Deferred
from harmonium.actors.from_thread import LONGEST, hand_over, in_ground
from harmonium.actors.handlers import HandlerTable, build_table
from harmonium.actors.keep_access import KeepAccess
from harmonium.actors.mail import follow
from harmonium.actors.promise import Promise
from harmonium.actors.ref import Ref
from harmonium.actors.streaming import Stream, open_stream
from harmonium.protocols.contract import Contract
from harmonium.protocols.errors import (
    ContractError,
    DefinitionError,
    HandlerError,
    MailboxFull,
    StartFailed,
)
from harmonium.protocols.lifecycle import NORMAL, Exit, Exited, ExitKind, Failed, Phase, Report
from harmonium.protocols.message import is_message
from harmonium.protocols.signals import Terminated

if TYPE_CHECKING:
    from harmonium.actors.context import RawEnvelope
    from harmonium.actors.durable_topics_values import Subscription
    from harmonium.actors.store.operations import Operation
    from harmonium.actors.store.ports import Store
    from harmonium.actors.timers import Timer
    from harmonium.protocols.envelope import Lane
    from harmonium.protocols.reliability.policy import Policy
    from harmonium.protocols.reliability.work_budget import Unit, WorkBudget

__all__ = ["Agent"]


class _Table:
    """Builds the handler table on first use where annotations were not ready at definition."""

    def __get__(self, instance: object, owner: type[Agent]) -> HandlerTable:
        try:
            table = build_table(owner)
        except NameError as error:
            raise HandlerError(
                owner.__qualname__, f"an annotation is not defined: {error}"
            ) from None
        owner.__table__ = table
        return table


class Agent(Actor):  # type: ignore[misc]
    """One actor: private state, one message at a time, a contract.

    Write handlers as methods with `@handles`; override the hooks you need.
    An agent is made by `spawn` or by its supervisor, never by calling the
    class. After a crash its supervisor makes a new one: `__init__` rebuilds
    the state, while ref, path, mailbox and watchers stay.

    Class attributes:
        publishes: The event classes it may publish.
    """

    publishes: ClassVar[tuple[type, ...]] = ()
    supervises: ClassVar[bool] = False
    keep = KeepAccess()
    """Values that outlive the agent; see `Keep`."""
    __table__: ClassVar[HandlerTable] = _Table()  # type: ignore[assignment]
    __has_started__: ClassVar[bool] = False
    __has_after_restart__: ClassVar[bool] = False
    __ends_plainly__: ClassVar[bool] = True
    """Which hooks do anything; a restart that runs none of them is 4 us shorter."""
    __prepares__: ClassVar[bool] = False
    """Whether it does something before `started`, in `_prepared`."""
    __plain__: ClassVar[Birth]
    """How it is made without arguments; one for all, which saves a spawn 1 us and 120 bytes."""

    _cell: Cell

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.__has_started__ = cls.__prepares__ or cls.started is not Agent.started
        own_after = cls.after_restart is not Agent.after_restart
        cls.__has_after_restart__ = cls.__has_started__ or own_after
        own_before = cls.before_restart is not Agent.before_restart
        cls.__ends_plainly__ = not (own_before or cls.stopped is not Agent.stopped)
        cls.__plain__ = Birth(cls)
        # The names around a class that is defined in a function, for its annotations.
        frame = sys._getframe(1)
        scope = {} if frame.f_locals is frame.f_globals else dict(frame.f_locals)
        try:
            cls.__table__ = build_table(cls, scope)
        except NameError:  # a name that is defined further down; built at the first spawn
            cls.__table__ = _Table()  # type: ignore[assignment]

    # -- hooks

    def started(self) -> Any:
        """Run before the first message; may be async. Raising fails the start."""

    def stopped(self) -> Any:
        """Run after the last message when the agent ends gracefully; may be async."""

    def before_restart(self, cause: BaseException, message: Any) -> Any:
        """Run on the failed incarnation before it is replaced; may be async.

        Args:
            cause: What ends this incarnation.
            message: The message in work when it failed, or None if the cause
                lies with a sibling or a parent.
        """
        return self.stopped()

    def after_restart(self, cause: BaseException) -> Any:
        """Run on the new incarnation before its first message; may be async.

        Raising is a new failure.
        """
        return self.started()

    def snapshot(self) -> Any:
        """Give the state as a message, for crash bundles; None if it is nobody's business."""
        return None

    def restore(self, state: Any) -> None:
        """Take over a state that `snapshot` gave, when a crash is run again in a test."""

    # -- who and when

    @property
    def ref(self) -> Ref:
        """This agent's own handle."""
        return self._cell.ref

    @property
    def path(self) -> str:
        """This agent's place in the tree."""
        return self._cell.path

    @property
    def incarnation(self) -> int:
        """1 at first, one more after each restart."""
        return self._cell.incarnation

    @property
    def parent(self) -> Ref | None:
        """The parent's handle."""
        parent = self._cell.parent
        return None if parent is None else parent.ref

    def now(self) -> float:
        """The ground's time, in seconds; virtual in simulation, never goes back."""
        return self._cell.ground.clock()

    @property
    def random(self) -> Random:
        """The ground's source of chance; seeded in simulation."""
        return self._cell.ground.random

    @property
    def store(self) -> Store | None:
        """The system's store, for what must outlive the agent; None if it has none."""
        return self._cell.ground.store

    @property
    def sender(self) -> Ref | None:
        """Who sent the message in work; None from outside."""
        current = self._work
        return None if current is None or current[1] is None else current[1].ref

    @property
    def correlation_id(self) -> str | None:
        """The id of the request in work; it follows every message sent meanwhile."""
        current = self._work
        return None if current is None else current[5].correlation_id

    @property
    def deadline(self) -> float | None:
        """When the work in hand is worthless, on the ground's clock; or None."""
        current = self._work
        return None if current is None else current[5].deadline

    @property
    def _work(self) -> RawEnvelope | None:
        """The message in work, also seen from a blocking handler's thread."""
        cell = self._cell
        return cell.more.blocking if cell.offloop and cell.current is None else cell.current

    @property
    def log(self) -> Any:
        """Loguru's logger, bound to path, incarnation and correlation id."""
        return logger.bind(
            path=self.path, incarnation=self.incarnation, correlation_id=self.correlation_id
        )

    # -- sending

    # `lane` is not keyword-only as elsewhere: that takes a call through a dict, 2 % of W3.
    def tell(self, to: Ref | str, message: Any, lane: Lane | None = None) -> Any:
        """Send a message and want no answer; await the result to wait for room.

        Args:
            to: A ref, a path, or a name (see `harmonium.actors.registry`).
            message: An instance of a `@message` class.
            lane: `Lane.CONTROL` passes the user messages that wait already.

        Raises:
            ContractError: If it is no message, or not in a ref's contract.
            MailboxFull: If the mailbox is full and its policy is `FAIL`, or
                `WAIT` while this handler is not async.
        """
        me = self._cell
        ground = me.ground
        current = me.current
        if to.__class__ is Ref and current is not None and lane is None:
            # The short way: three calls in one is 0.36 against 0.28 of a bare loop's speed.
            cell = to._cell
            mailbox = cell.mailbox
            try:  # to ask with `get` takes twice the time
                ordinary = (
                    cell.accepts[message.__class__] is None
                    and len(mailbox) < cell.limit
                    and cell.ground is ground
                )
            except KeyError:
                ordinary = False
            if ordinary:
                ground.sent = number = ground.sent + 1
                mailbox.append((message, me, None, number, current[3], current[5]))
                if not cell.scheduled:
                    cell.scheduled = 1
                    ground.ready.append(cell)
                    if not ground.awake:
                        ground.wake()
                return ACCEPTED
        if me.offloop:
            return self._tell_from_thread(to, message, lane)
        if isinstance(to, str):
            return ground.tell_name(me, to, message, lane)
        return ground.tell_any(me, to, message, lane)

    def ask(
        self,
        to: Ref | str,
        message: Any,
        *,
        timeout: float | None = 5.0,
        idempotency_key: str | None = None,
        policy: Policy | None = None,
        work_budget: WorkBudget | None = None,
    ) -> Ask[Any]:
        """Send a message; await the result for the answer.

        In a handler that is not async, use `then(callback)` on the result.
        Two agents that await each other wait until the deadline.

        Args:
            to: A ref, a path, or a name.
            message: An instance of a `@message` class.
            timeout: Seconds until `AskTimeout`; the deadline of the work in
                hand may shorten it. None waits for that deadline only.
            idempotency_key: Makes repeats of the same request recognisable.
            policy: What holds for it: retries, breaker and the like. Its own
                timeout, where it has one, takes the place of `timeout`.
            work_budget: How much work the answer may cost, all that it causes
                included; None sets no limit beside those that hold already.
        """
        me = self._cell
        target = to._cell if isinstance(to, Ref) else to
        if policy is not None or work_budget is not None:
            return self._ask_under(policy, work_budget, target, message, timeout, idempotency_key)
        if me.offloop:
            ask: Ask[Any] = Ask(me.ground, None, target, timeout)
            context = None if self._work is None else self._work[5]
            me.ground.call_threadsafe(
                lambda: me.ground.ask_now(ask, None, target, message, context, idempotency_key)
            )
            return ask
        if isinstance(to, Ref) and to._cell.ground is not me.ground:
            return self._ask_abroad(to._cell, message, timeout, idempotency_key)
        return me.ground.ask(me, target, message, timeout=timeout, idempotency_key=idempotency_key)

    def _ask_under(
        self,
        policy: Policy | None,
        budget: WorkBudget | None,
        target: Cell | str,
        message: Any,
        timeout: float | None,
        key: str | None,
    ) -> Ask[Any]:
        me = self._cell
        if isinstance(target, Cell) and target.ground is not me.ground:
            return self._ask_abroad(target, message, timeout, key, policy, budget)
        context = None if self._work is None else self._work[5]
        return me.ground.ask_under(
            policy,
            None if me.offloop else me,
            target,
            message,
            timeout=timeout,
            idempotency_key=key,
            context=context,
            work_budget=budget,
        )

    def _ask_abroad(
        self,
        target: Cell,
        message: Any,
        timeout: float | None,
        key: str | None,
        policy: Policy | None = None,
        budget: WorkBudget | None = None,
    ) -> Ask[Any]:
        """Ask an agent of another system, as somebody from outside; id and time left go along."""
        ground, id = target.ground, self.correlation_id
        if self.deadline is not None:
            left = max(self.deadline - self.now(), 0.0)
            timeout = left if timeout is None else min(timeout, left)
        context = None if id is None else ground.new_context(id)
        ask = ground.ask
        if policy is not None or budget is not None:
            ask = partial(ground.ask_under, policy, work_budget=budget)
        answer: Ask[Any] = ask(
            None, target, message, timeout=timeout, idempotency_key=key, context=context
        )
        return answer

    @in_ground
    def stream(
        self,
        to: Ref | str,
        message: Any,
        *,
        timeout: float | None = 5.0,
        idempotency_key: str | None = None,
    ) -> Stream[Any]:
        """Ask a coordinator, and get the result of each step as it ends; see `Stream`.

        Args:
            to: A ref, a path, or a name.
            message: Its request.
            timeout: Seconds until `AskTimeout`; as for `ask`.
            idempotency_key: Makes repeats of the same request recognisable.
        """
        me = self._cell
        if isinstance(to, Ref) and to._cell.ground is not me.ground:
            return to.stream(message, timeout=timeout or 5.0, idempotency_key=idempotency_key)
        target = to._cell if isinstance(to, Ref) else to
        context = None if self._work is None else self._work[5]
        return open_stream(
            me.ground,
            None if me.offloop else me,
            target,
            message,
            timeout=timeout,
            idempotency_key=idempotency_key,
            context=context,
        )

    @overload
    def publish(self, event: Any, *, topic: str | None = None) -> int: ...
    @overload
    def publish(
        self, event: Any, *, topic: str | None = None, durable: Literal[True]
    ) -> Promise[int]: ...
    @in_ground
    def publish(self, event: Any, *, topic: str | None = None, durable: bool = False) -> Any:
        """Send an event to everybody who subscribed to its class or to `topic`.

        Args:
            event: An instance of a class in `publishes`.
            topic: A name like ``orders.eu.created``; None for the class alone.
            durable: Put it into the store first, for durable subscribers too.

        Returns:
            How many subscribers there were; of a durable one a promise of its
            offset in the journal, which is there once it is stored.

        Raises:
            ContractError: If the class is not in `publishes`.
            SpecError: If the topic is no name.
        """
        if type(event) not in self.publishes:
            self._cell.ground.refuse(self.path, event)
            raise ContractError(
                type(self).__qualname__,
                f"it publishes {type(event).__name__}, which its contract does not name",
                f"add it: publishes = ({type(event).__name__},)",
            )
        topics = self._cell.ground.topics
        if not durable:
            return topics.publish(self._cell, event, topic)
        context = self._cell.ground.new_context() if self._work is None else self._work[5]
        return topics.durable.publish(self._cell, event, topic, context.child(None))

    @in_ground
    def subscribe(self, to: type | str, *, durable: str | Subscription | None = None) -> None:
        """Get events of this class, under this topic or a pattern of topics, from now on.

        The subscription ends with the incarnation: subscribe in `started`.

        Args:
            to: A message class, a topic like ``orders.eu``, or a pattern: ``*``
                stands for one word, ``>`` at the end for one or more.
            durable: Its name, or all about it, to get what was published
                durably, at least once, over restarts of agent and process.

        Raises:
            HandlerError: If no handler takes the event class.
            SpecError: If it is no pattern, or the durable one is another agent's.
        """
        if isinstance(to, type) and self.__table__.find(to) is None:
            raise HandlerError(
                type(self).__qualname__,
                f"it subscribes to {to.__name__} but has no handler for it",
            )
        topics = self._cell.ground.topics
        if durable is None:
            topics.subscribe(self._cell, to)
            return
        if not self.__table__.by_class:
            raise HandlerError(
                type(self).__qualname__,
                "a durable subscription needs handlers that name their message classes",
            )
        from harmonium.actors.durable_topics_values import (  # noqa: PLC0415 - an extra
            Subscription,
        )

        wanted = Subscription(durable) if isinstance(durable, str) else durable
        topics.durable.subscribe(self._cell, to, wanted)

    @in_ground
    def unsubscribe(self, to: type | str) -> None:
        """End a subscription."""
        self._cell.ground.topics.unsubscribe(self._cell, to)

    @in_ground
    def unsubscribe_durable(self, name: str) -> Promise[bool]:
        """End a durable subscription for good; its place in the journal is forgotten."""
        return self._cell.ground.topics.durable.unsubscribe(self._cell, name)

    @in_ground
    def reply(self, answer: Any) -> None:
        """Answer the message in work now, before the handler returns.

        What the handler returns is then not sent. A no-op when nobody asked.
        """
        current = self._cell.current
        if current is not None and current[2] is not None and not current[2].answered:
            self._cell.ground.reply(current, answer)

    async def commit_reply(self, answer: Any, *operations: Operation) -> None:
        """Write to the system's store and answer the message in work, together or not at all.

        In an idempotent handler the answer is kept under the request's key in the
        same commit as the operations: however often the request comes, also after a
        crash of the process, they are done once.

        Args:
            answer: As for `reply`; what the handler returns is then not sent.
            operations: What to write: `PutItem`, `AppendEvents` and the like.

        Raises:
            DefinitionError: If the system has no store.
            VersionConflict: If the claim of the key has run out and somebody else
                has it; nothing was written.
        """
        store, current = self._cell.ground.store, self._cell.current
        if store is None:
            raise DefinitionError(
                self.path, "commit_reply() needs a store", "start the system with store="
            )
        from harmonium.actors.inbox import finishing  # noqa: PLC0415 - an extra

        promise: Any = None if current is None else current[2]
        keeps = finishing(promise, answer)
        await store.commit(*operations, *keeps)
        if keeps:
            promise.stored = True
        self.reply(answer)

    @in_ground
    def defer(self) -> Deferred:
        """Take over the duty to answer later; the handler's return value is not sent.

        If the agent crashes or ends before it answers, the asker hears that.
        """
        current = self._cell.current
        if current is None:
            raise DefinitionError(self.path, "defer() is for use inside a handler")
        return Deferred(self._cell, current)

    @in_ground
    def stash(self) -> None:
        """Put the message in work aside; `unstash` brings it back in order.

        Raises:
            MailboxFull: If the stash is full.
        """
        cell = self._cell
        current = cell.current
        if current is None:
            raise DefinitionError(self.path, "stash() is for use inside a handler")
        if any(one is current for one in cell.more.stash):
            return
        if len(cell.more.stash) >= cell.birth.stash:
            raise MailboxFull(f"{self.path} (stash)", cell.birth.stash)
        cell.ground.stash(cell, current)

    @in_ground
    def unstash(self) -> None:
        """Put what was stashed at the head of the mailbox, oldest first."""
        self._cell.ground.unstash(self._cell)

    @in_ground
    def spend(self, cost: int | Decimal, unit: str | Unit = "tokens") -> None:
        """Charge what the message in work has cost to all budgets that it counts for.

        A budget warns at its shares (`WorkBudget.warn_at`); one with ``stops=False``
        never raises. Without any budget nothing happens.

        Args:
            cost: How much; a `Decimal` of money, a number of tokens.
            unit: ``"tokens"`` or ``"money"``.

        Raises:
            BudgetExceeded: If a budget is overspent by it. What was spent is
                charged all the same.
            SpecError: If it is no unit that can be spent, or no amount of it.
        """
        from harmonium.actors.budgets import unit_of  # noqa: PLC0415 - an extra

        which, amount = unit_of(unit, cost)
        cell = self._cell
        if cell.ground.budgets is not None:
            cell.ground.budgets.spend(cell, cell.current, amount, which)

    # -- other agents

    @in_ground
    def spawn(
        self,
        agent: type[Agent] | Callable[..., Agent],
        *args: Any,
        id: str | None = None,
        name: str | None = None,
        mailbox: int = 10_000,
        overflow: Any = None,
        handler_limit: float | None = None,
        **kwargs: Any,
    ) -> Ref:
        """Start a child of this agent.

        A child that crashes fails its parent too, unless the parent is a
        supervisor; children stop before their parent does.

        Args:
            agent: The class, or a function that makes the agent.
            args: For its constructor.
            id: Its id under this agent; a number if not given.
            name: A name that is known everywhere on this ground.
            mailbox: How many messages may wait for it.
            overflow: What happens to one more; `WAIT` if not given.
            handler_limit: Longest run of one async handler, in seconds.
            kwargs: For its constructor.

        Raises:
            StartFailed: If its constructor or a `started` that is not async raised.
            SpecError: If the id or the name is taken.
        """
        cell = self._cell
        if name is not None:
            cell.ground.registry.check_free(name, cell.path)
        if args or kwargs or overflow is not None or handler_limit is not None or mailbox != 10_000:
            options = {} if overflow is None else {"overflow": overflow}
            birth = Birth(
                agent, args, kwargs, mailbox=mailbox, handler_limit=handler_limit, **options
            )
        else:
            birth = getattr(agent, "__plain__", None) or Birth(agent)
        child = cell.ground.spawn(cell, birth, id if id is not None else cell.ground.next_id(cell))
        return _started_child(cell, child, name)

    @in_ground
    def watch(self, ref: Ref) -> None:
        """Get a `Terminated` when this agent is gone for good; at once if it is.

        Raises:
            HandlerError: If this agent has no handler for `Terminated`.
        """
        if self.__table__.find(Terminated) is None:
            raise HandlerError(
                type(self).__qualname__,
                "it watches another agent but has no handler for Terminated",
                "add: @handles def gone(self, event: Terminated) -> None",
            )
        me, subject = self._cell, ref._cell
        if subject.ground is not me.ground:
            raise DefinitionError(
                self.path,
                f"{ref.path} stands on another ground, whose agents cannot be watched from here",
                "ask it with a timeout, or have an agent over there tell you",
            )
        if me.more.watching.get(ref.path) is subject:
            return
        me.more.watching[ref.path] = subject
        if subject.alive:
            subject.more.watchers[me] = None
        else:
            burying.notify(me, subject)

    @in_ground
    def unwatch(self, ref: Ref) -> None:
        """Stop watching; a notice that waits in the mailbox is not handled any more."""
        self._cell.more.watching.pop(ref.path, None)
        ref._cell.more.watchers.pop(self._cell, None)

    @in_ground
    def stop(self, ref: Ref | None = None, *, reason: str = "") -> None:
        """End this agent after the message in work, or ask another one to stop.

        Args:
            ref: Whom to stop; None for oneself.
            reason: For reports and watchers.
        """
        cell = self._cell if ref is None else ref._cell
        if cell.ground is not self._cell.ground:
            cell.ground.request_stop(cell)
            return
        kind = ExitKind.NORMAL if ref is None else ExitKind.SHUTDOWN
        exit_ = Exit(kind, reason) if reason or ref is not None else NORMAL
        ending.request_stop(cell, None, exit_)

    def decline(self, why: str = "") -> None:
        """Choose, in `started`, not to run at all; that is no failure."""
        self._cell.more.declined = why

    # -- time

    @in_ground
    def schedule(self, delay: float, message: Any, *, every: float | None = None) -> Timer:
        """Send oneself a message later; it ends with the incarnation.

        Args:
            delay: Seconds until the first.
            message: An instance of a `@message` class of one's own contract.
            every: Seconds between repeats; None for once.

        Returns:
            A timer with `cancel()`.
        """
        return self._cell.ground.schedule_message(self._cell, delay, message, every)

    def sleep(self, delay: float) -> Promise[None]:
        """Await to suspend this handler for `delay` seconds of the ground's time."""
        ground = self._cell.ground
        if self._cell.offloop:
            promise: Promise[None] = hand_over(self, lambda: ground.sleep(delay)).result(LONGEST)
            return promise
        return ground.sleep(delay)

    def blocking(self, call: Callable[..., Any], *args: Any, cost: float = 0.0) -> Promise[Any]:
        """Await to run a function that blocks, in a thread; the handler is suspended meanwhile.

        Args:
            call: The function; it must not touch the agent.
            args: For it.
            cost: Virtual seconds that it takes in a simulation, where it is
                called at once and without a thread.
        """
        promise: Promise[Any] = self._cell.ground.blocking(call, args, cost)
        return promise

    # -- what the runtime calls

    @property
    def _myRef(self) -> Any:  # noqa: N802 - Thespian's name
        """What Thespian's own methods act through, made when one is called."""
        cell = self._cell
        return cell.ground.engine_port(cell)

    def __str__(self) -> str:
        return f"<{type(self).__name__} {self.path}>"

    @classmethod
    def contract(cls) -> Contract:
        """What this class accepts, answers and publishes."""
        return cls.__table__.contract

    def _child_ready(self, child: Cell) -> bool:
        """Hear at once that a child is ready; whoever wants it in its own turn says False."""
        return True

    def _child_report(self, child: Cell, report: Report) -> None:
        """Hear of a child. Whoever is no supervisor shares its child's failure."""
        if isinstance(report, Failed):
            failing.fail(self._cell, report.error, Phase.CHILD, None)
        elif isinstance(report, Exited) and child.alive and child.parent is self._cell:
            burying.bury(child)

    def _stop_children(self, then: Callable[[], None]) -> None:
        ending.stop_children(self._cell, then)

    def _tell_from_thread(self, to: Ref | str, message: Any, lane: Lane | None) -> Promise[None]:
        """Send from a blocking handler's thread; refused here, sent in the ground's own thread."""
        me, ground = self._cell, self._cell.ground
        if isinstance(to, Ref):
            lane = ground.lane(to._cell, message, lane)
        elif not is_message(message):
            ground.refuse(to, message)
        room: Promise[None] = Promise(ground)
        hand_over(self, lambda: follow(room, lambda: ground.tell_any(me, to, message, lane)))
        return room

    def receiveMessage(self, msg: Any, sender: Any) -> None:  # noqa: N802 - Thespian's name
        """Thespian's entry point; a ground of ours never uses it.

        Raises:
            DefinitionError: Always: run agents on a Harmonium ground.
        """
        raise DefinitionError(
            type(self).__qualname__,
            "an Agent needs a Harmonium ground",
            "use harmonium.System, or ActorSystem(systemBase=LocalBase(), transientUnique=True)",
        )


def _started_child(parent: Cell, child: Cell, name: str | None) -> Ref:
    """Give the ref, or clean up after a start that failed at once, and raise."""
    if name is not None:
        parent.ground.registry.register(name, child)
    failure = child.more_.failure if child.more_ is not None else None
    if failure is not None:
        error = failure[0]
        burying.abandon(child)
        raise StartFailed(child.path, repr(error)) from error
    return child.ref
