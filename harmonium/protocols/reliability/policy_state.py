"""What a policy remembers: its calls, and what its parts know."""

from __future__ import annotations

import enum
from typing import NamedTuple

import attrs

from harmonium.protocols.persistent_map import PersistentMap
from harmonium.protocols.reliability.breaker import BreakerState
from harmonium.protocols.reliability.bulkhead import BulkheadState
from harmonium.protocols.reliability.hedge import Latencies
from harmonium.protocols.reliability.policy import CallId, Policy
from harmonium.protocols.reliability.rate_limit import RateState
from harmonium.protocols.reliability.retry_budget import RetryLevel

__all__ = ["Call", "Flight", "GuardStates", "PolicyState", "Stage", "start"]


class Stage(enum.Enum):
    """What a call waits for."""

    QUEUED = "queued"
    """For a place in the bulkhead."""
    PACED = "paced"
    """For its turn under the rate limit."""
    RESTING = "resting"
    """For the end of the wait before its next attempt."""
    RUNNING = "running"
    """For an answer."""


class Flight(NamedTuple):
    """A message that is under way: its number, the breaker's ticket, when it went."""

    send: int
    ticket: int | None
    sent_at: float


class Call(NamedTuple):
    """One call that has begun and is not over.

    A named tuple, because it changes several times in one event: replacing a
    field costs 1 us, `attrs.evolve` 5.

    Args:
        path: The agent that is asked, for errors.
        started: When it began, in seconds.
        deadline: When it ends at the latest; None for never.
        attempts: How many attempts were begun.
        sends: Number of the last message.
        stage: What it waits for.
        due: When that wait ends; None for when something comes.
        hedge_at: When a copy is sent; None for never.
        copies: How many copies this attempt has.
        flights: Its messages under way.
        woken: The time of its last `Wake`.
    """

    path: str
    started: float
    deadline: float | None
    attempts: int = 0
    sends: int = 0
    stage: Stage = Stage.RESTING
    due: float | None = None
    hedge_at: float | None = None
    copies: int = 0
    flights: tuple[Flight, ...] = ()
    woken: float | None = None


@attrs.frozen
class GuardStates:
    """What the parts know that all calls share; None where the policy has no such part."""

    breaker: BreakerState | None
    bulkhead: BulkheadState | None
    rate: RateState | None
    level: RetryLevel | None
    latencies: Latencies | None


@attrs.frozen
class PolicyState:
    """What a policy knows."""

    guards: GuardStates
    calls: PersistentMap[CallId, Call]


def start(policy: Policy) -> PolicyState:
    """Begin without calls."""
    guards = GuardStates(
        policy.breaker.start() if policy.breaker else None,
        policy.bulkhead.start() if policy.bulkhead else None,
        policy.rate.start() if policy.rate else None,
        policy.retry_budget.start() if policy.retry_budget else None,
        policy.hedge.start() if policy.hedge else None,
    )
    return PolicyState(guards, PersistentMap())
