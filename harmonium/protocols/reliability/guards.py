"""The parts of a policy that all its calls share, while one event is worked on."""

from __future__ import annotations

from collections.abc import Hashable

from harmonium.protocols.failure import describe
from harmonium.protocols.reliability.breaker import BreakerState, Phase
from harmonium.protocols.reliability.bulkhead import Entry
from harmonium.protocols.reliability.policy import BreakerChanged, Policy
from harmonium.protocols.reliability.policy_state import Flight, GuardStates

__all__ = ["Guards"]


class Guards:
    """A copy of the shared states that is changed by one event and then frozen.

    A part that the policy does not have lets everything through.
    """

    def __init__(self, policy: Policy, states: GuardStates, now: float, draw: float) -> None:
        self._policy = policy
        self._now = now
        self._draw = draw
        self._breaker = states.breaker
        self._bulkhead = states.bulkhead
        self._rate = states.rate
        self._level = states.level
        self._latencies = states.latencies
        self.entered: list[Hashable] = []
        """Tokens that came in from the bulkhead's queue."""
        self.changes: list[BreakerChanged] = []
        """Changes of the breaker's phase."""

    def states(self) -> GuardStates:
        """Freeze what came out."""
        return GuardStates(self._breaker, self._bulkhead, self._rate, self._level, self._latencies)

    # --- Breaker

    def refused_until(self) -> float | None:
        """Tell until when the breaker refuses; None if it would let a message through."""
        if self._policy.breaker is None or self._breaker is None:
            return None
        if not self._policy.breaker.would_refuse(self._breaker, self._now):
            return None
        return self._breaker.until

    def ticket(self) -> int | None:
        """Get the breaker's ticket for a message; it must not refuse now."""
        if self._policy.breaker is None or self._breaker is None:
            return None
        breaker, ticket = self._policy.breaker.admit(self._breaker, self._now)
        self._turn(breaker)
        return ticket

    def landed(self, flight: Flight, error: BaseException | None) -> None:
        """Tell breaker and hedge what became of a message."""
        seconds = self._now - flight.sent_at
        if self._policy.hedge and self._latencies and error is None:
            self._latencies = self._policy.hedge.answered(self._latencies, seconds)
        policy = self._policy.breaker
        if policy is None or self._breaker is None or flight.ticket is None:
            return
        failed = error is not None and policy.counts(describe(error))
        self._turn(
            policy.report(
                self._breaker,
                flight.ticket,
                self._now,
                failed=failed,
                seconds=seconds,
                draw=self._draw,
            )
        )

    def abandoned(self, flight: Flight) -> None:
        """Tell the breaker that a message was cancelled."""
        if self._policy.breaker and self._breaker and flight.ticket is not None:
            self._turn(self._policy.breaker.abandon(self._breaker, flight.ticket, self._now))

    def _turn(self, breaker: BreakerState) -> None:
        if self._breaker and breaker.phase is not self._breaker.phase:
            self.changes.append(BreakerChanged(breaker.phase, breaker.until, breaker.opened))
        self._breaker = breaker

    # --- Bulkhead and rate

    def enter(self, token: Hashable, until: float | None) -> Entry:
        """Ask the bulkhead for a place."""
        if self._policy.bulkhead is None or self._bulkhead is None:
            return Entry.ENTERED
        wait_until = float("inf") if until is None else until
        self._bulkhead, entry = self._policy.bulkhead.enter(self._bulkhead, token, wait_until)
        return entry

    def leave(self, token: Hashable) -> None:
        """Give a place back, or leave the queue; others may enter."""
        if self._policy.bulkhead and self._bulkhead:
            policy = self._policy.bulkhead
            self._bulkhead, entered = policy.leave(self._bulkhead, token, self._now)
            self.entered.extend(entered)

    def turn_in(self, max_wait: float | None) -> float | None:
        """Take a turn under the rate limit: seconds to wait, None if refused."""
        if self._policy.rate is None or self._rate is None:
            return 0.0
        self._rate, wait = self._policy.rate.take(self._rate, self._now, max_wait=max_wait)
        return wait

    def turn_free_at(self) -> float:
        """Tell from when on the rate limit would let a message through."""
        if self._policy.rate is None or self._rate is None:
            return self._now
        return self._policy.rate.free_at(self._rate)

    # --- Retries and copies

    def requested(self) -> None:
        """Count a call for the retry budget."""
        if self._policy.retry_budget and self._level:
            self._level = self._policy.retry_budget.requested(self._level, self._now)

    def spend_retry(self) -> bool:
        """Take one from the retry budget, if it has one left."""
        if self._policy.retry_budget is None or self._level is None:
            return True
        self._level, allowed = self._policy.retry_budget.retry(self._level, self._now)
        return allowed

    def hedge_delay(self) -> float | None:
        """Tell after how many seconds a copy is sent; None for never."""
        if self._policy.hedge is None or self._latencies is None:
            return None
        return self._policy.hedge.delay(self._latencies)

    def room_for_copy(self, token: Hashable) -> bool:
        """Take what a copy needs, if every rule has room for it at once."""
        if self._breaker and self._breaker.phase is not Phase.CLOSED:
            return False
        bulkhead = self._policy.bulkhead
        if bulkhead and self._bulkhead and len(self._bulkhead.inside) >= bulkhead.concurrent:
            return False
        rate = self._rate
        if self.turn_in(0.0) is None or not self.spend_retry():
            self._rate = rate
            return False
        self.enter(token, None)
        return True
