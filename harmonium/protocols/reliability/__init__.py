"""Policies that keep a system up when its parts fail, are slow or are asked too much."""

from __future__ import annotations

from harmonium.protocols.reliability.breaker import BreakerPolicy, BreakerState, Phase
from harmonium.protocols.reliability.bulkhead import BulkheadPolicy, BulkheadState, Entry
from harmonium.protocols.reliability.hedge import HedgePolicy, Latencies
from harmonium.protocols.reliability.idempotency import Inbox, InboxPolicy, InboxState
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
from harmonium.protocols.reliability.policy_state import PolicyState
from harmonium.protocols.reliability.rate_limit import RateLimit, RateState
from harmonium.protocols.reliability.retry import Again, Enough, GiveUp, RetryPolicy
from harmonium.protocols.reliability.retry_budget import RetryBudget, RetryLevel

__all__ = [
    "Again",
    "BreakerChanged",
    "BreakerPolicy",
    "BreakerState",
    "BulkheadPolicy",
    "BulkheadState",
    "Cancel",
    "Effect",
    "Enough",
    "Entry",
    "Finish",
    "GiveUp",
    "HedgePolicy",
    "Inbox",
    "InboxPolicy",
    "InboxState",
    "Latencies",
    "Phase",
    "Policy",
    "PolicyState",
    "RateLimit",
    "RateState",
    "RetryBudget",
    "RetryLevel",
    "RetryPolicy",
    "Retrying",
    "Send",
    "Wake",
]
