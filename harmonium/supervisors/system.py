"""`System`: one declared tree, running. The only place where parts are put together.

``with System(tree) as system`` runs it on a loop in a thread of its own, for
scripts; ``async with System(tree) as system`` on the caller's running loop,
for services. Several systems in one process share nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import cached_property, partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from harmonium.actors import starting
from harmonium.actors.account import Account
from harmonium.actors.agent import Agent
from harmonium.actors.ask import Ask
from harmonium.actors.cell import RUNNING, Cell
from harmonium.actors.context import caller
from harmonium.actors.dead_letters import DeadLetters
from harmonium.actors.ground import Ground
from harmonium.actors.local import LocalGround
from harmonium.actors.observer import AgentStarted
from harmonium.actors.promise import Promise
from harmonium.actors.ref import Ref
from harmonium.actors.streaming import BUFFER, Stream, open_stream
from harmonium.protocols.errors import (
    DefinitionError,
    SpecError,
    StartFailed,
    SystemStopped,
    UnknownAgent,
)
from harmonium.protocols.lifecycle import Exit
from harmonium.protocols.message import is_message
from harmonium.supervisors.shutdown import StopLimits, StopReport, stop_ground
from harmonium.supervisors.spec import ChildSpec, SupervisorSpec, child, supervisor
from harmonium.supervisors.supervisor import birth_of

if TYPE_CHECKING:
    from harmonium.actors.durable_topics import DurableTopics
    from harmonium.actors.simulated import SimulatedGround
    from harmonium.actors.store.ports import Store
    from harmonium.protocols.reliability.dead_letter_office import DeadLetterOffice
    from harmonium.protocols.reliability.policy import Policy
    from harmonium.protocols.reliability.work_budget import Usage, WorkBudget
    from harmonium.protocols.retention import Retention
    from harmonium.supervisors.inbox import InboxCalls
    from harmonium.supervisors.phases import PhaseOver
    from harmonium.supervisors.stop_phases import StopPhases, StopTask

__all__ = ["System"]

T = TypeVar("T")

Tree = SupervisorSpec | ChildSpec | type[Agent]

_LIMITS = StopLimits()


class System:
    """A tree of agents, from its start to its stop.

    Args:
        tree: A supervisor spec; a single child spec or agent class gets a
            supervisor named ``system`` above it, and a class its own name in lower
            case as its id.
        name: Shown in logs and message ids; the tree's name if not given.
        seed: Seeds all randomness of the system; None takes it from the
            operating system.
        limits: How long each phase of the stop may take.
        ground: Another ground to stand on; a new `LocalGround` if not given.
        store: Where agents, coordinators, topics and dead letters keep what must
            outlive the process: a path or URL as for `open_store`, which the system
            opens when it starts and closes after its last agent has stopped, or a
            store that the caller opens and closes. None keeps everything in memory.
        dead_letters: How many dead letters are kept, and for how long; the newest
            10,000 if not given.
        topics: What is deleted by itself of the journal of durable topics, once all
            durable subscriptions have taken it; nothing if not given.

    Raises (on entering):
        ConfigError: If the store's place is none, or its driver is not installed.
        StoreError: If the store cannot be opened.
        SpecError: If the tree or the retention is not well formed; nothing was started.
        StartFailed: If a child did not start; what had started is stopped.
    """

    def __init__(
        self,
        tree: Tree,
        *,
        name: str | None = None,
        seed: int | None = None,
        limits: StopLimits | None = None,
        ground: LocalGround | SimulatedGround | None = None,
        store: Store | str | Path | None = None,
        dead_letters: DeadLetterOffice | None = None,
        topics: Retention | None = None,
    ) -> None:
        self.tree = _as_tree(tree)
        self.limits = limits or _LIMITS
        self.ground = ground or LocalGround(name or self.tree.name, seed=seed)
        if self.tree.stop_phases:
            _ = self._phases  # a circle is refused here
        self.phases_over: dict[str, PhaseOver] = {}
        self.report: StopReport | None = None
        self.failure: Exit | None = None
        self._root: Cell | None = None
        self._place = store if isinstance(store, (str, Path)) else None
        self.ground.store = None if isinstance(store, (str, Path)) else store
        if dead_letters is not None:
            self.ground.dead_letters.limits = dead_letters
        self._retention = None if topics is None else _checked(topics)
        self._gave_up: list[Callable[[Exit], None]] = []

    # -- starting and stopping

    def __enter__(self) -> Self:
        if not isinstance(self.ground, LocalGround):
            raise DefinitionError(
                "System",
                "a simulated ground has no thread",
                "use ground.play(...) and 'async with'",
            )
        self._open_store()
        self.ground.run_in_thread()
        try:
            self._call(self._start).result().result()
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        self._open_store()
        self.ground.attach(asyncio.get_running_loop())
        try:
            await self._start()
        except BaseException:
            self._close()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.astop()

    def stop(self) -> StopReport:
        """Stop in phases, from a plain thread; returns what was not finished.

        Idempotent: a second call returns the first one's report.
        """
        if self.report is None:
            if self.tree.stop_phases:
                over = self._call(lambda: self._phases.run(self.ground, "stop")).result()
                self.phases_over = dict(over.result().over)
            stopped = self._call(lambda: stop_ground(self.ground, self.limits)).result()
            self.report = stopped.result()
            self._close()
        return self.report

    async def astop(self) -> StopReport:
        """Stop in phases, from the loop the system runs on."""
        if self.report is None:
            if self.tree.stop_phases:
                progress = await self._phases.run(self.ground, "stop")
                self.phases_over = dict(progress.over)
            self.report = await stop_ground(self.ground, self.limits)
            self.ground.stateful.close()
            if self._place is not None and self.store is not None:
                await self.store.aclose()
            self._close()
        return self.report

    def at_stop(self, phase: str, name: str, task: StopTask) -> None:
        """Have a task run in one of the tree's `stop_phases`, before the agents are stopped.

        Args:
            phase: The phase's name.
            name: The task's name, for the log.
            task: A function, or a coroutine function, without arguments.

        Raises:
            SpecError: If the tree declares no such phase.
        """
        self._phases.add(phase, name, task)

    @cached_property
    def _phases(self) -> StopPhases:
        """Made on first use: most trees have none."""
        from harmonium.supervisors.stop_phases import StopPhases  # noqa: PLC0415 - as it says

        return StopPhases(self.tree.stop_phases)

    @property
    def store(self) -> Store | None:
        """The store, from its opening on; None if the system has none."""
        return self.ground.store

    def _open_store(self) -> None:
        if self._place is not None:
            from harmonium.actors.store.opening import open_store  # noqa: PLC0415 - an extra

            simulated = not isinstance(self.ground, LocalGround)
            self.ground.store = open_store(
                self._place, now=self.ground.clock if simulated else None
            )
        if self.ground.store is not None:
            self.ground.dead_letters.open(self.ground.store)

    def _close(self) -> None:
        """Take no more agents; then close the store, which has their last words."""
        self.ground.close()
        self.ground.stateful.close()
        if self._place is not None and self.store is not None:
            self.store.close()

    def _start(self) -> Promise[None]:
        ground = self.ground
        started: Promise[None] = Promise(ground)
        root = self._root = ground.spawn(
            ground.root, birth_of(self.tree), self.tree.name, start=False
        )

        ground.on_top_exit = lambda cell, reason: self._ended(cell, reason, started)
        starting.start(root, 1)
        if root.state is RUNNING:
            self._is_up(started)
        else:
            self._await_start(root.path, started)
        return started

    def _await_start(self, path: str, started: Promise[None]) -> None:
        """Wait for the top of the tree, whose agents take their time."""

        def listen(event: Any) -> None:
            if event.__class__ is AgentStarted and event.path == path:
                self._is_up(started)

        forget = self.ground.observers.add(listen)
        started.then(lambda _: forget())

    def _is_up(self, started: Promise[None]) -> None:
        started.settle(None)
        if self._retention is not None:
            self.ground.topics.durable.keep(self._retention)

    def _ended(self, cell: Cell, reason: Exit, started: Promise[None]) -> None:
        """The top of the tree is gone: before it was up, or because it gave up."""
        if not self.ground.open or cell is not self._root:
            return
        self.failure = reason
        error = reason.error
        if not isinstance(error, StartFailed):
            error = StartFailed(cell.path, str(error or reason))
        if not started.fail(error):
            for listener in self._gave_up:
                listener(reason)

    def on_give_up(self, listener: Callable[[Exit], None]) -> None:
        """Call `listener(reason)` in the ground's thread if the tree's root gives up."""
        self._gave_up.append(listener)

    # -- talking to agents

    def ref(self, address: str) -> Ref:
        """The handle of an agent.

        Args:
            address: A path, a registered name, or the id of an agent directly
                below the top.

        Raises:
            UnknownAgent: If there is none.
        """
        cell = self.ground.registry.find(address)
        if cell is None:
            raise UnknownAgent(address, self.ground.registry.nearest(address, None))
        return cell.ref

    def tell(self, to: Ref | str, message: Any) -> Any:
        """Send a message from outside; see `Ref.tell`."""
        if isinstance(to, Ref):
            return to.tell(message)
        return self.ground.tell_name(caller(self.ground), to, message)

    def ask(
        self,
        to: Ref | str,
        message: Any,
        *,
        timeout: float | None = 5.0,
        correlation_id: str | None = None,
        idempotency_key: str | None = None,
        policy: Policy | None = None,
        work_budget: WorkBudget | None = None,
    ) -> Ask[Any]:
        """Send a message and get its answer: ``await`` it, or ``.result()`` in a thread.

        Args:
            to: A ref, a path, or a name.
            message: An instance of a `@message` class.
            timeout: Seconds until `AskTimeout`; None waits as long as it takes.
            correlation_id: The request's id, if it has one already.
            idempotency_key: Makes repeats of the same request recognisable.
            policy: What holds for it: retries, breaker and the like. Its own
                timeout, where it has one, takes the place of `timeout`.
            work_budget: How much work the answer may cost, all that it causes included.

        Raises:
            SystemStopped: If the system is stopping or has not started.
            ContractError: If it is no message, or not in a ref's contract.
        """
        ground = self.ground
        if not ground.open or self._root is None:
            raise SystemStopped(ground.name)
        context = None if correlation_id is None else ground.new_context(correlation_id)
        ask: Any = ground.ask
        if policy is not None or work_budget is not None:
            ask = partial(ground.ask_under, policy, work_budget=work_budget)
        answer: Ask[Any] = ask(
            caller(ground),
            to._cell if isinstance(to, Ref) else to,
            message,
            timeout=timeout,
            idempotency_key=idempotency_key,
            context=context,
        )
        return answer

    def stream(
        self,
        to: Ref | str,
        message: Any,
        *,
        timeout: float = 5.0,
        correlation_id: str | None = None,
        idempotency_key: str | None = None,
        buffer: int = BUFFER,
    ) -> Stream[Any]:
        """Ask, and get the result of each step as it ends; see `Stream`.

        Args:
            to: A coordinator: a ref, a path, or a name.
            message: Its request.
            timeout: Seconds until `AskTimeout`.
            correlation_id: The request's id, if it has one already.
            idempotency_key: Makes repeats of the same request recognisable.
            buffer: How many parts wait for a slow reader, at least 1.

        Raises:
            SystemStopped: If the system is stopping or has not started.
            ContractError: If it is no message, or not in a ref's contract.
        """
        ground = self.ground
        if not ground.open or self._root is None:
            raise SystemStopped(ground.name)
        return open_stream(
            ground,
            caller(ground),
            to._cell if isinstance(to, Ref) else to,
            message,
            timeout=timeout,
            idempotency_key=idempotency_key,
            context=None if correlation_id is None else ground.new_context(correlation_id),
            buffer=buffer,
        )

    def inbox(self, address: str) -> InboxCalls:
        """Give the calls of a person's inbox: list, show, answer, refuse.

        Args:
            address: The inbox's path, name or id.
        """
        from harmonium.supervisors.inbox import CALL, InboxCalls  # noqa: PLC0415 - an extra

        return InboxCalls(lambda message: self.ask(address, message, timeout=CALL))

    def publish(
        self, event: Any, *, topic: str | None = None, durable: bool = False
    ) -> Promise[int]:
        """Send an event from outside to everybody who subscribed to its class or to `topic`.

        Args:
            event: An instance of a `@message` class.
            topic: A name like ``orders.eu.created``; None for the class alone.
            durable: Put it into the store first, for durable subscribers too.

        Returns:
            How many subscribers there were, or a durable one's offset: ``await``
            it, or ``.result()`` in a thread.

        Raises:
            SystemStopped: If the system is stopping or has not started.

        Raises (when awaited):
            ContractError: If it is no message.
            SpecError: If the topic is no name.
        """
        ground = self.ground
        if not ground.open or self._root is None:
            raise SystemStopped(ground.name)

        def send() -> Promise[int] | int:
            if not is_message(event):
                ground.refuse("publish", event)
            if durable:
                context = ground.new_context()
                return ground.topics.durable.publish(None, event, topic, context)
            return ground.topics.publish(None, event, topic)

        return self._call_through(send)

    @property
    def topics(self) -> DurableTopics:
        """The durable topics: `subscriptions`, `rewind`, `trim`."""
        return self.ground.topics.durable

    # -- looking at it

    def account(self) -> Account:
        """Where every message is: sent = handled + failed + dead + in flight."""
        return (
            self._call(self.ground.account).result() if self._elsewhere() else self.ground.account()
        )

    @property
    def dead_letters(self) -> DeadLetters:
        """The dead letters, newest last: iterate, `list`, `show`, `edit`, `replay`, `drop`."""
        return self.ground.dead_letters

    def usage(self, scope: str) -> Usage | None:
        """What was used of a work budget; None where there is none.

        Args:
            scope: The path of the agent or supervisor that it was declared for, or
                the correlation id of a request that is under way.
        """
        budgets = self.ground.budgets
        return None if budgets is None else budgets.usage(scope)

    @property
    def restarts(self) -> int:
        """How often an agent has been restarted so far."""
        return self.ground.observers.restarts

    def listen(self, listener: Callable[[Any], None]) -> Callable[[], None]:
        """Call `listener(event)` for each crash, restart, exit and dead letter.

        It runs in the ground's thread and must not block. Returns how to end it.
        """
        return self.ground.observers.add(listener)

    def call(self, function: Callable[[Ground], T]) -> Promise[T]:
        """Run `function(ground)` in the ground's thread."""
        return self._call(lambda: function(self.ground))

    def _call_through(self, function: Callable[[], Promise[T] | T]) -> Promise[T]:
        """Run a function in the ground's thread, and wait for its promise as well."""
        promise: Promise[T] = Promise(self.ground)

        def over(done: Promise[T]) -> None:
            error = done.exception()
            if error is None:
                promise.settle(done.result())
            else:
                promise.fail(error)

        def begun(called: Promise[Any]) -> None:
            error = called.exception()
            result = None if error is not None else called.result()
            if isinstance(result, Promise):
                result.then(over)
            else:
                over(called)

        self._call(function).then(begun)
        return promise

    def _elsewhere(self) -> bool:
        return not self.ground.in_thread() and self.report is None

    def _call(self, function: Callable[[], T]) -> Promise[T]:
        promise: Promise[T] = Promise(self.ground)

        def run() -> None:
            try:
                promise.settle(function())
            except BaseException as error:  # it belongs to the caller's thread
                promise.fail(error)

        if self.ground.in_thread():
            run()
        else:
            self.ground.call_threadsafe(run)
        return promise


def _as_tree(tree: Tree) -> SupervisorSpec:
    if isinstance(tree, SupervisorSpec):
        return tree
    spec = tree if isinstance(tree, ChildSpec) else child(tree, id=tree.__name__.lower())
    return supervisor("system", children=[spec])


def _checked(retention: Retention) -> Retention:
    from harmonium.protocols.retention import Retention  # noqa: PLC0415 - an extra

    if not isinstance(retention, Retention):
        raise SpecError("System.topics", f"{retention!r} is no Retention", "give Retention(...)")
    return retention
