"""Policies that keep a system up when its parts fail, are slow or are asked too much.

Its names are loaded from their homes when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harmonium.protocols.lazy_names import lazy_names

if TYPE_CHECKING:
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

_HOMES = {
    "breaker": (
        "BreakerPolicy",
        "BreakerState",
        "Phase",
    ),
    "bulkhead": (
        "BulkheadPolicy",
        "BulkheadState",
        "Entry",
    ),
    "dead_letter_filter": (
        "DeadLetterFilter",
        "Letter",
    ),
    "dead_letter_office": (
        "DeadLetterOffice",
        "Dropped",
        "OfficeState",
        "Replay",
    ),
    "hedge": (
        "HedgePolicy",
        "Latencies",
    ),
    "idempotency": (
        "Inbox",
        "InboxPolicy",
        "InboxState",
    ),
    "lease": (
        "Fence",
        "Grant",
        "Held",
        "LeasePolicy",
        "LeaseState",
    ),
    "policy": (
        "BreakerChanged",
        "Cancel",
        "Effect",
        "Finish",
        "Policy",
        "Retrying",
        "Send",
        "Wake",
    ),
    "policy_state": ("PolicyState",),
    "rate_limit": (
        "RateLimit",
        "RateState",
    ),
    "retry": (
        "Again",
        "Enough",
        "GiveUp",
        "RetryPolicy",
    ),
    "retry_budget": (
        "RetryBudget",
        "RetryLevel",
    ),
    "work_budget": (
        "Exceeded",
        "Ledger",
        "Refused",
        "Unit",
        "Usage",
        "Warned",
        "WorkBudget",
    ),
}

if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_names(__name__, _HOMES)
