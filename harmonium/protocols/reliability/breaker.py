"""The circuit breaker: ask no agent that keeps failing, and try it with one request at a time.

Nygard, "Release It!" (2007), with failure rates over a window and slow calls as
in Resilience4j. Where it differs from pybreaker: pybreaker opens at so many
failures in a row only (`BreakerPolicy.consecutive` is that rule); a result that
comes after the state changed counts for nothing here, as it belongs to a state
that is over; and a trial that never reports does not hold the breaker for ever.
"""

from __future__ import annotations

import enum

import attrs

from harmonium.protocols.backoff import Backoff
from harmonium.protocols.checks import check_count, check_seconds, check_share
from harmonium.protocols.errors import SpecError
from harmonium.protocols.failure import Failure, names_of
from harmonium.protocols.reliability.outcomes import LastCalls, LastSeconds, Outcomes

__all__ = ["BreakerPolicy", "BreakerState", "Phase"]


class Phase(enum.Enum):
    """What a breaker lets through."""

    CLOSED = "closed"
    """Everything."""
    OPEN = "open"
    """Nothing, until its time is over."""
    HALF_OPEN = "half-open"
    """One request, the trial; what becomes of it decides."""


@attrs.frozen
class BreakerState:
    """What a breaker knows.

    Args:
        phase: What it lets through.
        outcomes: The results that count, while closed.
        generation: Counts the changes of phase and the trials. A ticket is the
            generation that admitted a request; results of older ones are inert.
        until: Open: when a trial may begin. Half-open: when the running trial
            is given up for another. Seconds.
        opened: How often in a row it opened without having closed.
    """

    phase: Phase
    outcomes: Outcomes
    generation: int = 0
    until: float = 0.0
    opened: int = 0


@attrs.frozen
class BreakerPolicy:
    """When a breaker opens, for how long, and what closes it.

    It opens when the window has at least `minimum` results and the share of
    failures or of slow calls reaches its rate. After `open_for` the next request
    is the trial, and every other one is refused while it runs: a good result
    closes the breaker, a failed or slow one opens it again.

    Args:
        failure_rate: Share of failures that opens it, above 0 up to 1.
        minimum: Results that the window must have before it may open. At least
            1, and at most `calls`.
        calls: How many results the window holds. At least 1.
        seconds: Length of a window of time to use in place of `calls`; above 0.
        slow_after: From how many seconds on a call is slow; None to ignore it.
        slow_rate: Share of slow calls that opens it, above 0 up to 1.
        open_for: Seconds until a trial, above 0; or a `Backoff`, that makes
            each opening in a row longer.
        trial_timeout: Seconds after which a trial that has not reported is given
            up and another one admitted; above 0.
        ignore: Names or classes of failures that say nothing of the agent's
            health, as a refused order; they count as good results.

    Raises:
        SpecError: If a bound above does not hold.
    """

    failure_rate: float = attrs.field(default=0.5, kw_only=True)
    minimum: int = attrs.field(default=10, kw_only=True)
    calls: int = attrs.field(default=100, kw_only=True)
    seconds: float | None = attrs.field(default=None, kw_only=True)
    slow_after: float | None = attrs.field(default=None, kw_only=True)
    slow_rate: float = attrs.field(default=1.0, kw_only=True)
    open_for: float | Backoff = attrs.field(default=30.0, kw_only=True)
    trial_timeout: float = attrs.field(default=60.0, kw_only=True)
    ignore: tuple[str, ...] = attrs.field(default=(), kw_only=True, converter=names_of)

    def __attrs_post_init__(self) -> None:
        for name in ("failure_rate", "slow_rate"):
            check_share(f"BreakerPolicy.{name}", getattr(self, name), one=True)
        check_count("BreakerPolicy.calls", self.calls, least=1)
        check_count("BreakerPolicy.minimum", self.minimum, least=1)
        if self.seconds is None and self.minimum > self.calls:
            problem = f"a window of {self.calls} calls never holds {self.minimum}"
            raise SpecError("BreakerPolicy.minimum", problem, "give at most `calls`")
        check_seconds("BreakerPolicy.trial_timeout", self.trial_timeout, above=0.0)
        for name in ("seconds", "slow_after", "open_for"):
            value = getattr(self, name)
            if value is not None and not isinstance(value, Backoff):
                check_seconds(f"BreakerPolicy.{name}", value, above=0.0)

    @classmethod
    def consecutive(cls, failures: int, *, open_for: float | Backoff = 30.0) -> BreakerPolicy:
        """Open after so many failures in a row, as pybreaker does."""
        return cls(failure_rate=1.0, minimum=failures, calls=failures, open_for=open_for)

    def start(self) -> BreakerState:
        """Begin closed."""
        return BreakerState(Phase.CLOSED, self._window())

    def admit(self, state: BreakerState, now: float) -> tuple[BreakerState, int | None]:
        """Ask for a request to be let through.

        Returns:
            The new state, and the ticket to give back with the result; None when
            the request is refused, until ``state.until``.
        """
        if state.phase is Phase.CLOSED:
            return state, state.generation
        if now < state.until:
            return state, None
        ticket, until = state.generation + 1, now + self.trial_timeout
        trial = BreakerState(Phase.HALF_OPEN, state.outcomes, ticket, until, state.opened)
        return trial, ticket

    def would_refuse(self, state: BreakerState, now: float) -> bool:
        """Tell whether a request would be refused now, without asking for it."""
        return state.phase is not Phase.CLOSED and now < state.until

    def counts(self, failure: Failure) -> bool:
        """Tell whether a failure is held against the agent."""
        return not failure.is_any(self.ignore)

    def report(
        self,
        state: BreakerState,
        ticket: int,
        now: float,
        *,
        failed: bool,
        seconds: float = 0.0,
        draw: float = 0.0,
    ) -> BreakerState:
        """Take the result of an admitted request.

        Args:
            state: The state now.
            ticket: What `admit` gave for that request.
            now: The time, in seconds of the same monotonic clock.
            failed: Whether it failed.
            seconds: How long it took.
            draw: Chance for the jitter of `open_for`, in [0, 1).
        """
        if ticket != state.generation:
            return state
        slow = self.slow_after is not None and seconds >= self.slow_after
        if state.phase is Phase.HALF_OPEN:
            return self._open(state, now, draw) if failed or slow else self._close(state)
        outcomes = state.outcomes.add(now, failed=failed, slow=slow)
        state = BreakerState(state.phase, outcomes, ticket, state.until, state.opened)
        return self._open(state, now, draw) if self._is_bad(outcomes, now) else state

    def abandon(self, state: BreakerState, ticket: int, now: float) -> BreakerState:
        """Take back an admitted request that was cancelled and has no result."""
        if ticket != state.generation or state.phase is not Phase.HALF_OPEN:
            return state
        return BreakerState(Phase.OPEN, state.outcomes, ticket + 1, now, state.opened)

    def _is_bad(self, outcomes: Outcomes, now: float) -> bool:
        calls, failed, slow = outcomes.counts(now)
        if calls < self.minimum:
            return False
        # A quotient, because 0.07 * 100 is above 7.
        too_slow = self.slow_after is not None and slow / calls >= self.slow_rate
        return failed / calls >= self.failure_rate or too_slow

    def _open(self, state: BreakerState, now: float, draw: float) -> BreakerState:
        opened, wait = state.opened + 1, self.open_for
        seconds = wait.delay(opened, draw) if isinstance(wait, Backoff) else wait
        generation = state.generation + 1
        return BreakerState(Phase.OPEN, self._window(), generation, now + seconds, opened)

    def _close(self, state: BreakerState) -> BreakerState:
        return BreakerState(Phase.CLOSED, self._window(), state.generation + 1)

    def _window(self) -> Outcomes:
        return LastCalls(self.calls) if self.seconds is None else LastSeconds.of(self.seconds)
