"""`Policies`: carries out what a `Policy` decides for asks, on the ground's clock and chance.

What holds is decided by the pure machine in `harmonium.protocols.reliability`; here
its messages are sent, its timers kept and its asker answered. The state belongs to
the pair of policy and target, not to the caller: all who ask one agent under equal
policies share its breaker, bulkhead, rate limit and retry budget, and the restart of a
caller or of the target changes nothing about them.
"""

from __future__ import annotations

from collections import deque
from itertools import count
from typing import TYPE_CHECKING, Any

import attrs
from loguru import logger

from harmonium.actors.ask import Ask
from harmonium.actors.cell import DEAD, WAITING, Cell
from harmonium.actors.handlers import lane_of
from harmonium.protocols.deadline import shrink
from harmonium.protocols.errors import HarmoniumError
from harmonium.protocols.reliability import policy_machine, policy_state
from harmonium.protocols.reliability.breaker import Phase
from harmonium.protocols.reliability.policy import (
    BreakerChanged,
    Cancel,
    Effect,
    Finish,
    Policy,
    Retrying,
    Send,
    Wake,
)

if TYPE_CHECKING:
    from harmonium.actors.asking import Asking
    from harmonium.actors.context import Context
    from harmonium.actors.timers import Timer

__all__ = ["AskRetried", "BreakerTurned", "Policies"]

SWEEP_FROM = 256
"""At how many pairs of policy and target those of agents that are gone are looked for."""


@attrs.frozen(slots=True)
class BreakerTurned:
    """A circuit breaker is in another phase; told to those who listen to the system.

    Args:
        path: The agent that it protects.
        phase: The new phase.
        until: When an open one lets a trial through, in seconds of the ground's clock.
        opened: How often in a row it has opened.
    """

    path: str
    phase: Phase
    until: float
    opened: int


@attrs.frozen(slots=True)
class AskRetried:
    """A failed attempt will be made again; told to those who listen to the system.

    Args:
        path: The agent that is asked.
        attempt: The number of the attempt to come, from 2.
        wait: Seconds until then.
        error: Name of the failure.
        correlation_id: The request.
    """

    path: str
    attempt: int
    wait: float
    error: str
    correlation_id: str


class _Call:
    """One ask under a policy: who asked, what, and the messages that are under way."""

    __slots__ = (
        "answer",
        "context",
        "incarnation",
        "key",
        "message",
        "outer",
        "sender",
        "target",
        "timer",
        "under_way",
    )

    def __init__(
        self,
        outer: Ask[Any],
        sender: Cell | None,
        target: Cell | str,
        message: Any,
        context: Context,
        key: str,
    ) -> None:
        self.outer = outer
        self.sender = sender
        self.incarnation = 0 if sender is None else sender.incarnation
        self.target = target
        self.message = message
        self.context = context
        self.key = key
        self.answer: Any = None
        self.timer: Timer | None = None
        self.under_way: dict[int, tuple[Ask[Any], Context]] = {}

    @property
    def orphaned(self) -> bool:
        """Whether the incarnation that asked is gone, so that nobody wants the answer."""
        sender = self.sender
        return sender is not None and (
            sender.incarnation != self.incarnation or sender.state in (WAITING, DEAD)
        )


class _Sent(Ask[Any]):
    """One message of a call. That nobody wants its answer any more is news for the call."""

    __slots__ = ()

    def drop(self) -> None:
        """Tell the call, which gives its places back."""
        self.cancel()


class Policies:
    """The policies of one ground and what they know of each agent.

    Args:
        ground: Whose asks.
    """

    def __init__(self, ground: Asking) -> None:
        self._ground = ground
        self._guards: dict[tuple[Policy, str], _Guard] = {}
        self._sweep_at = SWEEP_FROM
        self._keys = count(1)

    def ask(
        self,
        outer: Ask[Any],
        policy: Policy,
        sender: Cell | None,
        target: Cell | str,
        message: Any,
        context: Context,
        key: str | None,
    ) -> None:
        """Begin an ask, in the ground's thread; `outer` is settled when it has ended."""
        ground = self._ground
        now = ground.clock()
        timeout = outer.timeout if policy.timeout is None else policy.timeout
        deadline = shrink(context.deadline, now, timeout=timeout)
        key = key or f"{ground.prefix}k{next(self._keys)}"
        call = _Call(outer, sender, target, message, context, key)
        self.guard(policy, self._path(sender, target)).begin(call, deadline)

    def guard(self, policy: Policy, path: str) -> _Guard:
        """What a policy knows of an agent, made on first use."""
        guard = self._guards.get((policy, path))
        if guard is None:
            if len(self._guards) >= self._sweep_at:
                self._sweep()
            guard = self._guards[policy, path] = _Guard(self._ground, policy, path)
        return guard

    def _path(self, sender: Cell | None, target: Cell | str) -> str:
        if isinstance(target, Cell):
            return target.path
        cell = self._ground.registry.find(target, sender)
        return target if cell is None else cell.path

    def _sweep(self) -> None:
        """Forget what is known of agents that are gone, so that memory follows those that are."""
        find = self._ground.registry.find
        self._guards = {
            pair: guard
            for pair, guard in self._guards.items()
            if guard.busy or find(pair[1], None) is not None
        }
        self._sweep_at = max(SWEEP_FROM, 2 * len(self._guards))


class _Guard:
    """One policy before one agent: the machine's state, its calls, and its hands."""

    def __init__(self, ground: Asking, policy: Policy, path: str) -> None:
        self._ground = ground
        self._policy = policy
        self._path = path
        self._state = policy_state.start(policy)
        self._calls: dict[int, _Call] = {}
        self._numbers = count(1)
        self._todo: deque[Effect] = deque()
        self._at_work = False

    @property
    def busy(self) -> bool:
        """Whether a call is under way."""
        return bool(self._calls)

    # -- events

    def begin(self, call: _Call, deadline: float | None) -> None:
        """Begin a call."""
        number = next(self._numbers)
        self._calls[number] = call
        self._take(
            policy_machine.begin(
                self._policy,
                self._state,
                number,
                self._ground.clock(),
                path=self._path,
                deadline=deadline,
                draw=self._ground.random.random(),
            )
        )
        if number in self._calls:
            call.outer.then(lambda _: self._withdrawn(number))

    def _settled(self, number: int, send: int, ask: Any) -> None:
        """Hear what became of a message."""
        call = self._calls.get(number)
        if call is None or call.under_way.pop(send, None) is None:
            return
        error = None if ask.cancelled() else ask.exception()
        if ask.cancelled() or (error is not None and call.orphaned):
            call.outer.cancel()
            return
        if error is None:
            call.answer = ask.result()
        self._take(
            policy_machine.result(
                self._policy,
                self._state,
                number,
                send,
                self._ground.clock(),
                error=error,
                draw=0.0 if error is None else self._ground.random.random(),
            )
        )

    def _woken(self, number: int) -> None:
        call = self._calls.get(number)
        if call is None:
            return
        call.timer = None
        if call.orphaned:
            call.outer.cancel()
            return
        now, draw = self._ground.clock(), self._ground.random.random()
        self._take(policy_machine.wake(self._policy, self._state, number, now, draw=draw))

    def _withdrawn(self, number: int) -> None:
        """The asker gave up: so do we."""
        if number in self._calls:
            now = self._ground.clock()
            self._take(policy_machine.cancel(self._policy, self._state, number, now))
            self._forget(number)

    # -- effects

    def _take(self, outcome: tuple[policy_state.PolicyState, tuple[Effect, ...]]) -> None:
        """Carry the effects out in order, also those that come of carrying them out."""
        self._state, effects = outcome
        self._todo.extend(effects)
        if self._at_work:
            return
        self._at_work = True
        try:
            while self._todo:
                effect = self._todo.popleft()
                _METHODS[type(effect)](self, effect)
        finally:
            self._at_work = False

    def _send(self, effect: Send) -> None:
        call = self._calls.get(effect.call)  # type: ignore[call-overload]
        if call is None:
            return
        ground = self._ground
        ask = _Sent(ground, call.sender, call.target, None)
        context = call.context.child(effect.deadline, call.key)
        call.under_way[effect.send] = ask, context
        try:
            self._post(call, ask, context)
        except HarmoniumError as error:  # a full mailbox: the machine says what follows
            ask.fail(error)
        ask.then(lambda ask: self._settled(effect.call, effect.send, ask))  # type: ignore[arg-type]

    def _post(self, call: _Call, ask: Ask[Any], context: Context) -> None:
        ground, target = self._ground, call.target
        if isinstance(target, str):
            cell = ground.registry.find(target, call.sender)
            if cell is None:
                ground.to_nobody(target, call.sender, call.message, ask, context)
                return
            target = ask.target = cell
        lane = lane_of(type(call.message))
        ground.post(call.sender, target, call.message, ask, lane, context)

    def _wake(self, effect: Wake) -> None:
        call = self._calls.get(effect.call)  # type: ignore[call-overload]
        if call is None:
            return
        if call.timer is not None:
            call.timer.cancel()
        # At the very time, not after a difference that rounds to a little less.
        ground = self._ground
        call.timer = ground.timers.add(effect.at, self._woken, effect.call)
        if not ground.awake:
            ground.wake()

    def _cancel(self, effect: Cancel) -> None:
        call = self._calls.get(effect.call)  # type: ignore[call-overload]
        if call is not None and effect.send in call.under_way:
            ask, context = call.under_way.pop(effect.send)
            _take_back(ask, context, self._ground.clock())

    def _retrying(self, effect: Retrying) -> None:
        call = self._calls[effect.call]  # type: ignore[index]
        id = call.context.correlation_id
        logger.bind(path=self._path, correlation_id=id).debug(
            "attempt {} at {} in {:.3f} s: {}",
            effect.attempt,
            self._path,
            effect.wait,
            effect.failure,
        )
        event = AskRetried(self._path, effect.attempt, effect.wait, effect.failure.error, id)
        self._ground.observers.emit(event)

    def _changed(self, effect: BreakerChanged) -> None:
        level = "WARNING" if effect.phase is Phase.OPEN else "INFO"
        logger.bind(path=self._path).log(
            level, "circuit breaker of {} is {}", self._path, effect.phase.value
        )
        event = BreakerTurned(self._path, effect.phase, effect.until, effect.opened)
        self._ground.observers.emit(event)

    def _finish(self, effect: Finish) -> None:
        call = self._forget(effect.call)
        if call is None:
            return
        if effect.error is None:
            self._ground.settle(call.outer, call.answer, failed=False)
        else:
            self._ground.settle(call.outer, effect.error, failed=True)

    def _forget(self, number: Any) -> _Call | None:
        call = self._calls.pop(number, None)
        if call is not None and call.timer is not None:
            call.timer.cancel()
        return call


def _take_back(ask: Ask[Any], context: Context, now: float) -> None:
    """Want no answer any more; what waits in a mailbox yet expires there, and is not begun.

    A handler that is at it goes on: it got a context of its own, because ours has a key.
    """
    ask.cancel()
    context.expire(now)


_METHODS: dict[type, Any] = {
    Send: _Guard._send,
    Wake: _Guard._wake,
    Cancel: _Guard._cancel,
    Retrying: _Guard._retrying,
    BreakerChanged: _Guard._changed,
    Finish: _Guard._finish,
}
