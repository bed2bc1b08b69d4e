"""The store: durable streams, topics, state, leases, logs and idempotency keys.

`harmonium.actors.store.ports` says what is durable when.

Its names are loaded from their homes when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harmonium.protocols.lazy_names import lazy_names

if TYPE_CHECKING:
    from harmonium.actors.store.disk import Disk
    from harmonium.actors.store.idempotency import ClaimKey
    from harmonium.actors.store.items import ANY, DeleteItem, ExpireItems, PutItem, TrimItems
    from harmonium.actors.store.journal_ports import EventStreams, RecordLog, TopicJournal
    from harmonium.actors.store.leases import AcquireLease, ReleaseLease, RenewLease
    from harmonium.actors.store.logs import AppendRecords, DeleteRecords, TrimLog
    from harmonium.actors.store.memory import MemoryStore
    from harmonium.actors.store.opening import open_store
    from harmonium.actors.store.operations import Operation
    from harmonium.actors.store.payload import Payload
    from harmonium.actors.store.pending import Pending
    from harmonium.actors.store.ports import Store
    from harmonium.actors.store.state_ports import IdempotencyKeys, Leases, StateStore
    from harmonium.actors.store.streams import (
        AppendEvents,
        CompactStream,
        DeleteStream,
        SaveSnapshot,
    )
    from harmonium.actors.store.taken import TrimTaken
    from harmonium.actors.store.topics import PublishEntries
    from harmonium.actors.store.values import (
        Change,
        Claim,
        ClaimStatus,
        Entry,
        Event,
        Fence,
        Filter,
        Item,
        Lease,
        Page,
        Record,
        Recovered,
        Snapshot,
        Statistics,
        Stream,
    )
    from harmonium.actors.store.watching import Watch

__all__ = [
    "ANY",
    "AcquireLease",
    "AppendEvents",
    "AppendRecords",
    "Change",
    "Claim",
    "ClaimKey",
    "ClaimStatus",
    "CompactStream",
    "DeleteItem",
    "DeleteRecords",
    "DeleteStream",
    "Disk",
    "Entry",
    "Event",
    "EventStreams",
    "ExpireItems",
    "Fence",
    "Filter",
    "IdempotencyKeys",
    "Item",
    "Lease",
    "Leases",
    "MemoryStore",
    "Operation",
    "Page",
    "Payload",
    "Pending",
    "PublishEntries",
    "PutItem",
    "Record",
    "RecordLog",
    "Recovered",
    "ReleaseLease",
    "RenewLease",
    "SaveSnapshot",
    "Snapshot",
    "StateStore",
    "Statistics",
    "Store",
    "Stream",
    "TopicJournal",
    "TrimItems",
    "TrimLog",
    "TrimTaken",
    "Watch",
    "open_store",
]

_HOMES = {
    "disk": ("Disk",),
    "idempotency": ("ClaimKey",),
    "items": (
        "ANY",
        "DeleteItem",
        "ExpireItems",
        "PutItem",
        "TrimItems",
    ),
    "journal_ports": (
        "EventStreams",
        "RecordLog",
        "TopicJournal",
    ),
    "leases": (
        "AcquireLease",
        "ReleaseLease",
        "RenewLease",
    ),
    "logs": (
        "AppendRecords",
        "DeleteRecords",
        "TrimLog",
    ),
    "memory": ("MemoryStore",),
    "opening": ("open_store",),
    "operations": ("Operation",),
    "payload": ("Payload",),
    "pending": ("Pending",),
    "ports": ("Store",),
    "state_ports": (
        "IdempotencyKeys",
        "Leases",
        "StateStore",
    ),
    "streams": (
        "AppendEvents",
        "CompactStream",
        "DeleteStream",
        "SaveSnapshot",
    ),
    "taken": ("TrimTaken",),
    "topics": ("PublishEntries",),
    "values": (
        "Change",
        "Claim",
        "ClaimStatus",
        "Entry",
        "Event",
        "Fence",
        "Filter",
        "Item",
        "Lease",
        "Page",
        "Record",
        "Recovered",
        "Snapshot",
        "Statistics",
        "Stream",
    ),
    "watching": ("Watch",),
}

if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_names(__name__, _HOMES)
