"""The keys of a system file, each with the reader of its value."""

from __future__ import annotations

from collections.abc import Mapping

from harmonium.protocols.backoff import Backoff
from harmonium.protocols.budget import Budget
from harmonium.protocols.overflow import Overflow
from harmonium.protocols.reliability.dead_letter_office import DeadLetterOffice
from harmonium.protocols.reliability.work_budget import WorkBudget
from harmonium.protocols.retention import Retention
from harmonium.supervisors import words
from harmonium.supervisors.durable_layout import Keep
from harmonium.supervisors.mapping_values import (
    Reader,
    as_is,
    list_of,
    mail,
    money,
    partitions,
    record,
    seconds,
    seconds_or_never,
    shutdown,
    store_place,
    table,
    table_of,
    word,
)
from harmonium.supervisors.phase_spec import StopPhase
from harmonium.supervisors.poison import Poison
from harmonium.supervisors.shutdown import StopLimits

__all__ = [
    "AGENT",
    "CHILD",
    "COORDINATOR",
    "KINDS",
    "LEASE",
    "ONLY",
    "PHASE",
    "STARTS",
    "SUPERVISOR",
    "SYSTEM",
]

_BACKOFF: Mapping[str, Reader] = {
    "initial": seconds,
    "maximum": seconds,
    "factor": as_is,
    "jitter": as_is,
    "stable_for": seconds,
    "max_retries": as_is,
}
_backoff = record(Backoff, _BACKOFF)
_budget = record(Budget, {"max_restarts": as_is, "within": seconds})
_work_budget = record(
    WorkBudget,
    {
        "messages": as_is,
        "seconds": seconds,
        "concurrency": as_is,
        "money": money,
        "tokens": as_is,
        "warn_at": lambda place, value: tuple(list_of(place, value)),
        "stops": as_is,
    },
)
_poison = record(Poison, {"attempts": as_is, "age": seconds, "others": as_is})
PHASE = record(
    StopPhase,
    {"name": as_is, "after": as_is, "timeout": seconds, "recover": as_is, "enabled": as_is},
)

AGENT: Mapping[str, Reader] = {
    "args": as_is,
    "kwargs": table_of,
    "mailbox": as_is,
    "overflow": word(Overflow),
    "handler_limit": seconds_or_never,
    "keep_children": as_is,
    "stash": as_is,
    "retries": as_is,
    "work_budget": _work_budget,
}
CHILD: Mapping[str, Reader] = {
    "id": as_is,
    "restart": word(words.RestartType),
    "shutdown": shutdown,
    "significant": as_is,
    "start_timeout": seconds_or_never,
    "backoff": _backoff,
    "mail": mail,
    "directives": table,
    "budget": _budget,
    "quarantine": _backoff,
    "poison": _poison,
    "forced": as_is,
    "options": table_of,
}
SUPERVISOR: Mapping[str, Reader] = {
    "name": as_is,
    "strategy": word(words.Strategy),
    "max_restarts": as_is,
    "within": seconds,
    "per_child": as_is,
    "subtree": _budget,
    "work_budget": _work_budget,
    "auto_shutdown": word(words.AutoShutdown),
    "completed": word(words.Bystander),
    "held": word(words.Bystander),
    "directives": table,
    "exhausted": word(words.Exhausted),
    "on_root_exhausted": word(words.RootExhausted),
    "lost_grace": seconds,
    "keep_added": as_is,
    "kind": word(words.Kind),
    "max_children": as_is,
    "extra_args": list_of,
    "partitions": partitions,
}
COORDINATOR: Mapping[str, Reader] = {
    "pipeline": as_is,
    "messages": as_is,
    "limit": as_is,
    "keep": record(Keep, {"results": as_is, "results_for": seconds, "decisions": as_is}),
}
LEASE: Mapping[str, Reader] = {"seconds": seconds, "margin": as_is}
SYSTEM: Mapping[str, Reader] = {
    "store": store_place,
    "dead_letters": record(
        DeadLetterOffice, {"letters": as_is, "size": as_is, "keep_for": seconds_or_never}
    ),
    "topics": record(Retention, {"entries": as_is, "seconds": seconds_or_never, "every": seconds}),
    "limits": record(StopLimits, {"drain": seconds, "children": seconds}),
}
STARTS = ("agent", "supervisor", "pipeline")
"""What says of which kind a child is; each has one of them."""
KINDS = (*STARTS, "pool", "singleton", "messages", "limit", "keep")
ONLY = {
    **dict.fromkeys(("pool", "singleton"), ("agent", "an agent")),
    **dict.fromkeys(("messages", "limit", "keep"), ("pipeline", "a coordinator")),
}
"""What only one kind of child has: the key that makes it one, and its name."""
