"""What a store gives back: frozen values, each a copy of what was durable when it was read."""

from __future__ import annotations

import enum

import attrs

from harmonium.actors.store.payload import Payload

__all__ = [
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
]


@attrs.frozen(slots=True)
class Event:
    """One event of a stream.

    Args:
        stream: Name of the stream.
        version: Its place there, from 1, without gaps.
        at: When it was committed, in seconds of the store's clock.
        data: The payload.
    """

    stream: str
    version: int
    at: float
    data: Payload


@attrs.frozen(slots=True)
class Snapshot:
    """What a stream's events up to `version` came to.

    Args:
        stream: Name of the stream.
        version: The last event that it covers.
        at: When it was committed, in seconds of the store's clock.
        data: The payload.
    """

    stream: str
    version: int
    at: float
    data: Payload


@attrs.frozen(slots=True)
class Recovered:
    """A snapshot and the events after it, read at one moment.

    Args:
        snapshot: The last snapshot, or None.
        events: The events after it, in order.
    """

    snapshot: Snapshot | None
    events: tuple[Event, ...]

    @property
    def version(self) -> int:
        """What to expect at the next append; 0 for a stream that is not there."""
        if self.events:
            return self.events[-1].version
        return self.snapshot.version if self.snapshot else 0


@attrs.frozen(slots=True)
class Stream:
    """Where a stream stands.

    Args:
        name: Its name.
        version: Version of its last event; 0 for a stream that is not there.
        compacted: Events up to this version are deleted.
        snapshot: The version that its snapshot covers; 0 without one.
    """

    name: str
    version: int = 0
    compacted: int = 0
    snapshot: int = 0


@attrs.frozen(slots=True)
class Record:
    """One record of a log.

    Args:
        id: Its number in the log, rising, never used twice.
        key: What it can be found by.
        at: When it was committed, in seconds; never less than the record's before it.
        data: The payload.
    """

    id: int
    key: str
    at: float
    data: Payload


@attrs.frozen(slots=True)
class Entry:
    """One entry of the topic journal.

    Args:
        offset: Its place in the journal, rising over all topics.
        topic: What it was published under.
        at: When it was committed, in seconds; never less than the entry's before it.
        data: The payload.
    """

    offset: int
    topic: str
    at: float
    data: Payload


@attrs.frozen(slots=True)
class Page:
    """Some entries, and where to read on.

    Args:
        entries: In order of their offsets.
        next: Hand it to the next read as `after`; it also skips what did not match.
    """

    entries: tuple[Entry, ...]
    next: int


@attrs.frozen(slots=True)
class Filter:
    """Which records to take; what is not given takes all.

    Args:
        key: Only records with exactly this key (an index finds them).
        prefix: Only records whose key begins with this.
        since: Only records committed at this time or later, in seconds.
        until: Only records committed before this time, in seconds.
        where: Only records whose payload is a dict with these values.
    """

    key: str | None = None
    prefix: str = ""
    since: float | None = None
    until: float | None = None
    where: dict[str, Payload] = attrs.field(factory=dict)

    def takes(self, data: Payload) -> bool:
        """Whether the payload agrees with `where`."""
        if not self.where:
            return True
        return isinstance(data, dict) and all(
            name in data and data[name] == value for name, value in self.where.items()
        )


@attrs.frozen(slots=True)
class Item:
    """A value of the state.

    Args:
        key: Its key in the namespace.
        revision: Unique over all writes to the state of this store, and rising; what
            compare-and-set compares. A key written again after a delete gets a new one.
        at: When it was committed, in seconds of the store's clock.
        expires_at: When it ends, or None.
        data: The payload.
    """

    key: str
    revision: int
    at: float
    expires_at: float | None
    data: Payload


@attrs.frozen(slots=True)
class Change:
    """What a watch reports.

    Args:
        namespace: Whose state changed.
        key: The key.
        item: The new value; None when it was deleted or expired.
    """

    namespace: str
    key: str
    item: Item | None


@attrs.frozen(slots=True)
class Fence:
    """A lease's name and token, carried by a write.

    The write is refused with `StaleToken` when the lease was released or
    acquired again since. (Kleppmann, "How to do distributed locking", 2016.)
    """

    lease: str
    token: int


@attrs.frozen(slots=True)
class Lease:
    """The right to be the only one, until it runs out.

    Args:
        name: Name of the lease.
        holder: Who has it.
        token: Rises with every acquisition of any lease in this store.
        expires_at: When others may take it, in seconds of the store's clock.
    """

    name: str
    holder: str
    token: int
    expires_at: float

    @property
    def fence(self) -> Fence:
        """What to hand to writes that only the holder may do."""
        return Fence(self.name, self.token)


class ClaimStatus(enum.Enum):
    """What a claim of an idempotency key found."""

    NEW = "new"
    """The key is yours: do the work, then `finish` or `abandon` the claim."""
    PENDING = "pending"
    """Somebody else does the work and has not finished."""
    DONE = "done"
    """The work was done; the claim holds its reply."""


@attrs.frozen(slots=True)
class Claim:
    """An idempotency key and what is known of it.

    Args:
        scope: Whose keys these are (an agent's path, for example).
        key: The key.
        status: What was found.
        owner: Who claimed it.
        revision: Which claim this is; a claim that was taken over cannot finish.
        reply: The stored reply when `status` is DONE, else None.
    """

    scope: str
    key: str
    status: ClaimStatus
    owner: str
    revision: int
    reply: Payload = None


@attrs.frozen(slots=True)
class Statistics:
    """What a store has done since it was opened.

    Args:
        commits: Groups that became durable, each with one sync.
        units: Writes in those groups (a refused one counts).
        largest: Units in the largest group.
        failures: Groups that the disk or the server refused.
        waiting: Units that wait for their group now.
    """

    commits: int = 0
    units: int = 0
    largest: int = 0
    failures: int = 0
    waiting: int = 0

    def plus(self, units: int, commits: int, failures: int) -> Statistics:
        """Count one more group."""
        return Statistics(
            commits=self.commits + commits,
            units=self.units + units,
            largest=max(self.largest, units),
            failures=self.failures + failures,
        )
