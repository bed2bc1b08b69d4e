"""The ports that keep what is so now: state, leases, idempotency keys.

`harmonium.actors.store.ports` says what is durable when.
"""

from __future__ import annotations

import builtins
from collections.abc import AsyncIterator, Callable
from typing import Protocol

from harmonium.actors.store.operations import Operation
from harmonium.actors.store.payload import Payload
from harmonium.actors.store.pending import Pending
from harmonium.actors.store.values import Change, Claim, Fence, Item, Lease
from harmonium.actors.store.watching import Watch

__all__ = ["IdempotencyKeys", "Leases", "StateStore"]


class StateStore(Protocol):
    """Keys and values of one namespace, with revisions, expiry and watches."""

    def get(self, key: str) -> Pending[Item | None]:
        """Read the value; None when it is not there or has expired."""
        ...

    def put(
        self, key: str, data: Payload, *, ttl: float | None = None, fence: Fence | None = None
    ) -> Pending[int]:
        """Write the value, whatever is there, and return its revision.

        Args:
            key: The key.
            data: The payload.
            ttl: After how many seconds it is gone, above 0; None keeps it.
            fence: The lease that must still be held.
        """
        ...

    def compare_and_set(
        self,
        key: str,
        data: Payload,
        *,
        revision: int | None,
        ttl: float | None = None,
        fence: Fence | None = None,
    ) -> Pending[int | None]:
        """Write the value if nobody has written since; returns its revision, else None.

        Args:
            key: The key.
            data: The payload.
            revision: What the value had when it was read; None: it must not be there.
            ttl: After how many seconds it is gone, above 0; None keeps it.
            fence: The lease that must still be held.
        """
        ...

    def delete(
        self, key: str, *, revision: int | None = None, fence: Fence | None = None
    ) -> Pending[bool]:
        """Delete the value; False when it was not there.

        Raises:
            VersionConflict: If `revision` is given and the value has another.
        """
        ...

    def list(
        self, prefix: str = "", *, after: str = "", limit: int = 1000
    ) -> Pending[builtins.list[Item]]:
        """List up to `limit` values, sorted by key, whose key begins with `prefix`.

        Args:
            prefix: What the keys begin with.
            after: Only keys above this: the last key of the page before.
            limit: Most values to return.
        """
        ...

    def watch(self, prefix: str, callback: Callable[[Change], object]) -> Pending[Watch]:
        """Call back for each change of a key that begins with `prefix`, until closed.

        From when the result is there, each change of this process is reported,
        in order, right after it is durable; of several changes of a key that were
        committed together, the last. A change of another process is found by
        polling: of several changes in one interval, the last. An expired value
        is reported when it is swept, not when it expires.

        The callback runs in the thread of the store (in the thread that writes,
        for the memory store): it must be short, must not wait for the store, and
        what it raises is logged and dropped.
        """
        ...

    def changes(self, prefix: str = "") -> AsyncIterator[Change]:
        """Iterate over the changes in an event loop, from the first step until the store is closed.

        A slow reader sees the last change of each key, not all of them, so what
        waits is bounded by the number of keys.
        """
        ...


class Leases(Protocol):
    """Who is the only one. The time is the store's; the token makes it safe."""

    def acquire(self, name: str, holder: str, ttl: float) -> Pending[Lease | None]:
        """Take the lease if it is free, has run out, or is this holder's already.

        A holder that acquires again gets a new token, so that what its former
        incarnation still writes is refused.

        Args:
            name: Name of the lease.
            holder: Who wants it: unique for each agent and process.
            ttl: After how many seconds without renewal others may take it.

        Returns:
            The lease, or None while somebody else has it.
        """
        ...

    def renew(self, lease: Lease, ttl: float) -> Pending[Lease]:
        """Keep the lease for `ttl` seconds from now, with the same token.

        A lease that has run out can still be renewed while nobody has taken it.

        Raises:
            StaleToken: If somebody has.
        """
        ...

    def release(self, lease: Lease) -> Pending[bool]:
        """Give the lease back; False when it was lost already."""
        ...

    def holder(self, name: str) -> Pending[Lease | None]:
        """Who has the lease; None when nobody has or it has run out."""
        ...


class IdempotencyKeys(Protocol):
    """Which requests were seen, and what was answered. Keys live in scopes."""

    def claim(
        self,
        scope: str,
        key: str,
        *,
        owner: str,
        ttl: float,
        instead_of: str | None = None,
        fence: Fence | None = None,
    ) -> Pending[Claim]:
        """Claim a key: of any number of callers at once, one gets it.

        Args:
            scope: Whose keys these are.
            key: The idempotency key.
            owner: Who would do the work: an incarnation of an agent.
            ttl: After how many seconds an unfinished claim is forgotten.
            instead_of: An owner that is known to be dead: its unfinished claim
                is taken over.
            fence: The lease that must still be held.
        """
        ...

    def finish(
        self, claim: Claim, reply: Payload, *, ttl: float, fence: Fence | None = None
    ) -> Pending[int]:
        """Store the reply, for all who claim the key within `ttl` seconds.

        Raises:
            VersionConflict: If the claim was taken over or has expired.
        """
        ...

    def finishing(self, claim: Claim, reply: Payload, *, ttl: float) -> Operation:
        """`finish` as an operation, to commit together with the effects."""
        ...

    def abandon(self, claim: Claim, *, fence: Fence | None = None) -> Pending[bool]:
        """Give the claim up, so that the key can be claimed again.

        Raises:
            VersionConflict: If the claim was taken over.
        """
        ...

    def find(self, scope: str, key: str) -> Pending[Claim | None]:
        """Read what is known of a key; None when it is new or expired."""
        ...

    def trim(self, scope: str, *, keep: int, limit: int = 10_000) -> Pending[int]:
        """Delete the oldest keys but the newest `keep`; returns how many, at most `limit`."""
        ...
