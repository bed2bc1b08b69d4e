"""`FaultInjector`: carries a chaos plan out on the agents of one ground.

The plan decides, by agent path and number of the message; here the fault
happens. Each is logged with the correlation id that it touches, and told to those
who listen to the system. Supervisors are spared: chaos is for what they look after.

| fault | what happens to the message |
|---|---|
| crash | its handler raises `InjectedCrash`, before or after its effect |
| hang | its handler does not go on; a limit, a kill or the stop ends it |
| delay | it waits before its handler, and so does the mail behind it |
| kill | its agent is killed; the asker hears `AgentDead` |
| drop | it is a dead letter, and its asker hears nothing before its deadline |
| duplicate | it is delivered once more, as a message with a number of its own |
| slow_store | what the agent does in the store takes longer |
"""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import attrs
from loguru import logger

from harmonium.actors import burying
from harmonium.actors.account import every_cell
from harmonium.actors.cell import Cell
from harmonium.actors.execution import Execution
from harmonium.actors.promise import Promise
from harmonium.actors.slow_store import SlowStore, slow_store
from harmonium.protocols.chaos import Chaos, Fault, Injection, Where
from harmonium.protocols.errors import AgentDead, MailboxFull
from harmonium.protocols.lifecycle import Exit, ExitKind

if TYPE_CHECKING:
    from harmonium.actors.context import RawEnvelope
    from harmonium.actors.ground import Ground
    from harmonium.actors.handlers import Handler

__all__ = ["FaultInjected", "FaultInjector", "InjectedCrash"]


class InjectedCrash(Exception):
    """What a handler raises when a chaos plan says so."""


@attrs.frozen(slots=True)
class FaultInjected:
    """A fault befell a message or a store operation; told to those who listen.

    Args:
        path: The agent.
        fault: What happened.
        rule: The rule of the plan, as text.
        message: Name of the message's class; empty outside of any.
        correlation_id: The request that it touched; None outside of any.
    """

    path: str
    fault: Fault
    rule: str
    message: str
    correlation_id: str | None


class FaultInjector:
    """Stands between the mailbox and the handlers while a plan is on.

    Args:
        ground: Whose agents.
        plan: What befalls them. Its times count from here.

    Example:
        ``FaultInjector(system.ground, Chaos.parse("crash[pay*]=0.05", seed=7)).attach()``
        in the system's own loop; from another thread, within `System.call`.
    """

    def __init__(self, ground: Ground, plan: Chaos) -> None:
        self.plan = plan
        self.injected: Counter[str] = Counter()
        self._ground = ground
        self._began = ground.clock()
        self._count: Counter[str] = Counter()
        self._store_count: Counter[str] = Counter()
        self._copies: set[int] = set()

    def attach(self) -> None:
        """Begin; every message is looked at from now on."""
        ground = self._ground
        ground.chaos = self
        ground.slow_down(every_cell(ground.root))
        slows = any(rule.fault is Fault.SLOW_STORE for rule in self.plan.rules)
        if slows and ground.store is None:
            logger.warning("chaos: slow_store befalls nobody, because {} has no store", ground.name)
        elif slows and ground.store is not None and not isinstance(ground.store, SlowStore):
            ground.store = slow_store(ground, ground.store, self._slowness)

    def detach(self) -> None:
        """End it: from now on no fault is injected. What hangs goes on hanging."""
        self.release()
        if self._ground.chaos is self:
            self._ground.chaos = None
        store: Any = self._ground.store
        if isinstance(store, SlowStore):
            self._ground.store = store.inner

    def release(self) -> None:
        """Give what is held back outside of the ground's time; its clock is about to stop."""
        store: Any = self._ground.store
        if isinstance(store, SlowStore):
            store.release()

    def intercept(self, cell: Cell, handler: Handler, envelope: RawEnvelope) -> bool:
        """Let a fault happen to a message; False when it is to be handled as usual."""
        if cell.agent.supervises:
            return False
        path = cell.path
        self._count[path] += 1
        now = self._ground.clock() - self._began
        faults = self.plan.decide(path, self._count[path], now)
        if envelope[3] in self._copies:  # a copy is not copied again, or there would be no end
            self._copies.discard(envelope[3])
            faults = tuple(each for each in faults if each.fault is not Fault.DUPLICATE)
        if not faults:
            return False
        for fault in faults:
            self._note(cell, fault, envelope)
        return self._befall(cell, handler, envelope, {fault.fault: fault for fault in faults})

    def _befall(
        self, cell: Cell, handler: Handler, envelope: RawEnvelope, by: dict[Fault, Injection]
    ) -> bool:
        if by.keys() & {Fault.DROP, Fault.KILL} and self._ground.budgets is not None:
            self._ground.budgets.leave(envelope[3])  # its handler never runs
        if Fault.DROP in by:
            self._drop(cell, envelope)
            return True
        if Fault.KILL in by:
            self._kill(cell, envelope)
            return True
        if Fault.DUPLICATE in by:
            self._duplicate(cell, envelope)
        if not by.keys() & {Fault.DELAY, Fault.HANG, Fault.CRASH}:
            return False
        if handler.blocking:
            self._begin_blocking(cell, handler, envelope, by)
            return True
        ground = self._ground
        coroutine = self._perturbed(cell, handler, envelope, by)
        execution = Execution(cell, envelope, coroutine, ground.execution_done)
        ground.begin(cell, execution, reentrant=handler.reentrant)
        return True

    def _begin_blocking(
        self, cell: Cell, handler: Handler, envelope: RawEnvelope, by: dict[Fault, Injection]
    ) -> None:
        """Hold the mailbox as a blocking handler does, and start it now, later or never."""
        crash = by.get(Fault.CRASH)
        if crash is not None:
            handler = attrs.evolve(handler, function=_crashing(handler, crash))
        waits = [by[fault].seconds for fault in (Fault.DELAY, Fault.HANG) if fault in by]
        if not waits:
            self._ground.begin_blocking(cell, handler, envelope)
            return
        cell.busy += 1
        cell.offloop = True
        cell.more.blocking = envelope

        def start() -> None:
            if cell.offloop and cell.more.blocking is envelope:
                self._ground.run_blocking(cell, handler, envelope)

        if None not in waits:
            self._ground.after(sum(each or 0.0 for each in waits), start)

    async def _perturbed(
        self, cell: Cell, handler: Handler, envelope: RawEnvelope, by: dict[Fault, Injection]
    ) -> Any:
        delay, hang, crash = by.get(Fault.DELAY), by.get(Fault.HANG), by.get(Fault.CRASH)
        if delay is not None and delay.seconds:
            await self._pause(delay.seconds)
        if hang is not None:
            await self._pause(hang.seconds)
        if crash is not None and crash.where is Where.BEFORE:
            raise InjectedCrash(f"before the effect ({crash.rule})")
        answer = handler.function(cell.agent, envelope[0])
        if handler.is_async:
            answer = await answer
        if crash is not None:
            raise InjectedCrash(f"after the effect ({crash.rule})")
        return answer

    def _pause(self, seconds: float | None) -> Promise[None]:
        """A promise that is settled later, or never."""
        promise: Promise[None] = Promise(self._ground)
        if seconds is not None:
            self._ground.after(seconds, promise.settle, None)
        return promise

    def _drop(self, cell: Cell, envelope: RawEnvelope) -> None:
        """Lose it as a network would: the asker hears nothing until its deadline.

        The run of an idempotent handler is no message of the network: its inbox hears
        that it is lost, and sees to those who wait.
        """
        promise = envelope[2]
        if not getattr(promise, "inward", False):
            envelope = (*envelope[:2], None, *envelope[3:])
        self._ground.dead_letter(cell, envelope, "dropped by chaos")

    def _kill(self, cell: Cell, envelope: RawEnvelope) -> None:
        reason = Exit(ExitKind.KILLED, "by chaos")
        self._ground.fail_message(cell, envelope, AgentDead(cell.path, str(reason)))
        burying.kill(cell, reason)

    def _duplicate(self, cell: Cell, envelope: RawEnvelope) -> None:
        ground = self._ground
        ground.sent += 1
        with suppress(MailboxFull):  # which takes the count back: it was never sent
            number = ground.sent
            ground.deliver(cell, (*envelope[:3], number, *envelope[4:]), None)
            self._copies.add(number)

    def _slowness(self) -> float:
        """How much longer the store takes for what the agent at work does with it now."""
        cell = self._ground.active
        if cell is None or cell.agent is None or cell.agent.supervises:
            return 0.0
        path = cell.path
        self._store_count[path] += 1
        now = self._ground.clock() - self._began
        fault = self.plan.decide_store(path, self._store_count[path], now)
        if fault is None:
            return 0.0
        self._note(cell, fault, cell.current)
        return fault.seconds or 0.0

    def _note(self, cell: Cell, fault: Injection, envelope: RawEnvelope | None) -> None:
        self.injected[fault.fault.value] += 1
        id = None if envelope is None else envelope[5].correlation_id
        name = "" if envelope is None else type(envelope[0]).__name__
        path = cell.path
        logger.bind(path=path, correlation_id=id).info(
            "chaos: {} on {} at {} ({})", fault.rule, name or "the store", path, id
        )
        event = FaultInjected(path, fault.fault, fault.rule, name, id)
        self._ground.observers.emit(event)


def _crashing(handler: Handler, crash: Injection) -> Any:
    """A blocking handler that crashes in its own thread, before or after its effect."""

    def perturbed(agent: Any, message: Any) -> Any:
        if crash.where is Where.BEFORE:
            raise InjectedCrash(f"before the effect ({crash.rule})")
        handler.function(agent, message)
        raise InjectedCrash(f"after the effect ({crash.rule})")

    return perturbed
