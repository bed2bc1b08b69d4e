"""`FaultInjector`: carries a chaos plan out on the agents of one ground.

The plan decides, by agent path and number of the message; here the fault
happens. Each is logged with the correlation id that it touches. Supervisors
are spared: chaos is for what they look after.
"""

from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

import attrs
from loguru import logger

from harmonium.actors import burying
from harmonium.actors.account import every_cell
from harmonium.actors.cell import Cell
from harmonium.actors.execution import Execution
from harmonium.actors.promise import Promise
from harmonium.protocols.chaos import Chaos, Fault, Injection, Where
from harmonium.protocols.errors import AgentDead
from harmonium.protocols.lifecycle import Exit, ExitKind

if TYPE_CHECKING:
    from harmonium.actors.context import RawEnvelope
    from harmonium.actors.ground import Ground
    from harmonium.actors.handlers import Handler

__all__ = ["FaultInjector", "InjectedCrash"]


class InjectedCrash(Exception):
    """What a handler raises when a chaos plan says so."""


class FaultInjector:
    """Stands between the mailbox and the handlers while a plan is on.

    Args:
        ground: Whose agents.
        plan: What befalls them.
    """

    def __init__(self, ground: Ground, plan: Chaos) -> None:
        self.plan = plan
        self.injected: Counter[str] = Counter()
        self._ground = ground
        self._began = ground.clock()
        self._count: Counter[str] = Counter()
        self._released = threading.Event()

    def release(self) -> None:
        """Let hanging threads go; nothing else would end them."""
        self._released.set()

    def attach(self) -> None:
        """Begin; every message is looked at from now on."""
        self._ground.chaos = self
        self._ground.slow_down(every_cell(self._ground.root))

    def intercept(self, cell: Cell, handler: Handler, envelope: RawEnvelope) -> bool:
        """Let a fault happen to a message; False when it is to be handled as usual."""
        if cell.agent.supervises:
            return False
        path = cell.path
        self._count[path] += 1
        now = self._ground.clock() - self._began
        faults = self.plan.decide(path, self._count[path], now)
        if not faults:
            return False
        for fault in faults:
            self._note(cell, fault, envelope)
        return self._befall(cell, handler, envelope, {fault.fault: fault for fault in faults})

    def _befall(
        self, cell: Cell, handler: Handler, envelope: RawEnvelope, by: dict[Fault, Injection]
    ) -> bool:
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
        ground = self._ground
        if handler.blocking:
            perturbed = attrs.evolve(handler, function=_in_thread(handler, by, self._released))
            ground.begin_blocking(cell, perturbed, envelope)
            return True
        coroutine = self._perturbed(cell, handler, envelope, by)
        execution = Execution(cell, envelope, coroutine, ground.execution_done)
        ground.begin(cell, execution, reentrant=handler.reentrant)
        return True

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
        """Lose it as a network would: the asker hears nothing until its deadline."""
        unanswerable = (*envelope[:2], None, *envelope[3:])
        self._ground.dead_letter(cell, unanswerable, "dropped by chaos")

    def _kill(self, cell: Cell, envelope: RawEnvelope) -> None:
        reason = Exit(ExitKind.KILLED, "by chaos")
        self._ground.fail_message(cell, envelope, AgentDead(cell.path, str(reason)))
        burying.kill(cell, reason)

    def _duplicate(self, cell: Cell, envelope: RawEnvelope) -> None:
        ground = self._ground
        ground.sent += 1
        ground.deliver(cell, (*envelope[:3], ground.sent, *envelope[4:]), None)

    def _note(self, cell: Cell, fault: Injection, envelope: RawEnvelope) -> None:
        self.injected[fault.fault.value] += 1
        correlation_id = envelope[5].correlation_id
        logger.bind(path=cell.path, correlation_id=correlation_id).info(
            "chaos: {} on {} at {}", fault.rule, type(envelope[0]).__name__, cell.path
        )


def _in_thread(handler: Handler, by: dict[Fault, Injection], released: threading.Event) -> Any:
    """A blocking handler with its faults, which happen in its own thread."""
    crash = by.get(Fault.CRASH)

    def perturbed(agent: Any, message: Any) -> Any:
        for fault in (Fault.DELAY, Fault.HANG):
            if fault in by:
                released.wait(by[fault].seconds)
        if crash is not None and crash.where is Where.BEFORE:
            raise InjectedCrash(f"before the effect ({crash.rule})")
        answer = handler.function(agent, message)
        if crash is not None:
            raise InjectedCrash(f"after the effect ({crash.rule})")
        return answer

    return perturbed
