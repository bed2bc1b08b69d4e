"""Policies that keep a system up when its parts fail, are slow or are asked too much."""

from __future__ import annotations

from harmonium.protocols.reliability.breaker import BreakerPolicy, BreakerState, Phase
from harmonium.protocols.reliability.bulkhead import BulkheadPolicy, BulkheadState, Entry
from harmonium.protocols.reliability.dead_letter_filter import DeadLetterFilter, Letter
from harmonium.protocols.reliability.dead_letter_office import (
    DeadLetterOffice,
    Dropped,
    OfficeState,
    Replay,
)
from harmonium.protocols.reliability.hedge import HedgePolicy, Latencies
from harmonium.protocols.reliability.idempotency import Inbox, InboxPolicy, InboxState
from harmonium.protocols.reliability.lease import Fence, Grant, Held, LeasePolicy, LeaseState
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
from harmonium.protocols.reliability.work_budget import (
    Exceeded,
    Ledger,
    Refused,
    Unit,
    Usage,
    Warned,
    WorkBudget,
)

__all__ = [
    "Again",
    "BreakerChanged",
    "BreakerPolicy",
    "BreakerState",
    "BulkheadPolicy",
    "BulkheadState",
    "Cancel",
    "DeadLetterFilter",
    "DeadLetterOffice",
    "Dropped",
    "Effect",
    "Enough",
    "Entry",
    "Exceeded",
    "Fence",
    "Finish",
    "GiveUp",
    "Grant",
    "HedgePolicy",
    "Held",
    "Inbox",
    "InboxPolicy",
    "InboxState",
    "Latencies",
    "LeasePolicy",
    "LeaseState",
    "Ledger",
    "Letter",
    "OfficeState",
    "Phase",
    "Policy",
    "PolicyState",
    "RateLimit",
    "RateState",
    "Refused",
    "Replay",
    "RetryBudget",
    "RetryLevel",
    "RetryPolicy",
    "Retrying",
    "Send",
    "Unit",
    "Usage",
    "Wake",
    "Warned",
    "WorkBudget",
]
