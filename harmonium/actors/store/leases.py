"""Leases: who is the only one, with tokens that fence off who no longer is."""
# ruff: noqa: D102 - the port has the docstrings

from __future__ import annotations

import attrs

from harmonium.actors.store.core import Core, Reader
from harmonium.actors.store.draft import Draft, Keys
from harmonium.actors.store.items import check_ttl
from harmonium.actors.store.payload import check_name
from harmonium.actors.store.pending import Pending
from harmonium.actors.store.rows import LeaseRow, lease_of
from harmonium.actors.store.state_ports import Leases
from harmonium.actors.store.values import Lease
from harmonium.protocols.errors import StaleToken

__all__ = ["AcquireLease", "FencedLeases", "ReleaseLease", "RenewLease"]

TOKENS = "lease"
"""The counter that gives each acquisition its token, over all leases."""


def _hold(draft: Draft, name: str, row: LeaseRow) -> Lease:
    draft.leases.put(name, row)
    return lease_of(name, row)


@attrs.frozen(slots=True)
class AcquireLease:
    """Take a lease; the result is the `Lease`, or None while another has it."""

    name: str = attrs.field(validator=check_name)
    holder: str = attrs.field(validator=check_name)
    ttl: float = attrs.field(validator=check_ttl)

    def ask(self, keys: Keys) -> None:
        keys.leases.add(self.name)
        keys.counters.add(TOKENS)

    def decide(self, draft: Draft, now: float) -> Lease | None:
        row = draft.leases.get(self.name)
        if row is not None and row[0] != self.holder and now < row[2]:
            return None
        return _hold(draft, self.name, (self.holder, draft.next_number(TOKENS)[0], now + self.ttl))


@attrs.frozen(slots=True)
class RenewLease:
    """Keep a lease; the result is the `Lease` with its new end."""

    name: str = attrs.field(validator=check_name)
    token: int
    ttl: float = attrs.field(validator=check_ttl)

    def ask(self, keys: Keys) -> None:
        keys.leases.add(self.name)

    def decide(self, draft: Draft, now: float) -> Lease:
        row = draft.leases.get(self.name)
        if row is None or row[1] != self.token:
            raise StaleToken(self.name, self.token, None if row is None else row[1])
        return _hold(draft, self.name, (row[0], self.token, now + self.ttl))


@attrs.frozen(slots=True)
class ReleaseLease:
    """Give a lease back; True when it was still held."""

    name: str = attrs.field(validator=check_name)
    token: int

    def ask(self, keys: Keys) -> None:
        keys.leases.add(self.name)

    def decide(self, draft: Draft, now: float) -> bool:
        row = draft.leases.get(self.name)
        held = row is not None and row[1] == self.token
        if held:
            draft.leases.put(self.name, None)
        return held


class FencedLeases(Leases):
    """The leases of a store."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def acquire(self, name: str, holder: str, ttl: float) -> Pending[Lease | None]:
        return self._core.write(AcquireLease(name, holder, ttl))

    def renew(self, lease: Lease, ttl: float) -> Pending[Lease]:
        return self._core.write(RenewLease(lease.name, lease.token, ttl))

    def release(self, lease: Lease) -> Pending[bool]:
        return self._core.write(ReleaseLease(lease.name, lease.token))

    def holder(self, name: str) -> Pending[Lease | None]:
        def query(reader: Reader) -> Lease | None:
            row = reader.lease(name)
            return lease_of(name, row) if row is not None and reader.now() < row[2] else None

        return self._core.read(query)
