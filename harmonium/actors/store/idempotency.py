"""Idempotency keys: one caller does the work, all others get its reply."""
# ruff: noqa: D102 - the port has the docstrings

from __future__ import annotations

import attrs

from harmonium.actors.store.core import Core
from harmonium.actors.store.draft import Draft, Keys
from harmonium.actors.store.items import (
    REVISIONS,
    DeleteItem,
    PutItem,
    TrimItems,
    check_ttl,
    live,
    write_item,
)
from harmonium.actors.store.operations import Operation
from harmonium.actors.store.payload import Payload, check_name, decode, encode
from harmonium.actors.store.pending import Pending
from harmonium.actors.store.rows import ItemRow
from harmonium.actors.store.state_ports import IdempotencyKeys
from harmonium.actors.store.values import Claim, ClaimStatus, Fence

__all__ = ["ClaimKey", "Idempotency"]

# A claim is an item of the state: the owner as JSON, a line feed (which JSON
# text escapes), and the encoded reply once there is one.
_END = b"\n"


def _stored(owner: str, reply: bytes = b"") -> bytes:
    return encode(owner) + _END + reply


def _namespace(scope: str) -> str:
    return f"$keys:{scope}"


def _claim_of(scope: str, key: str, row: ItemRow) -> Claim:
    revision, _, _, data = row
    place = f"idempotency key {scope}/{key}"
    owner, _, reply = bytes(decode(data, place, revision)).partition(_END)
    by = decode(owner, place, revision)
    if not reply:
        return Claim(scope, key, ClaimStatus.PENDING, by, revision)
    return Claim(scope, key, ClaimStatus.DONE, by, revision, decode(reply, place, revision))


@attrs.frozen(slots=True)
class ClaimKey:
    """Claim an idempotency key; the result is a `Claim`. See `IdempotencyKeys.claim`."""

    scope: str = attrs.field(validator=check_name)
    key: str = attrs.field(validator=check_name)
    owner: str = attrs.field(kw_only=True, validator=check_name)
    ttl: float = attrs.field(kw_only=True, validator=check_ttl)
    instead_of: str | None = attrs.field(default=None, kw_only=True)

    def ask(self, keys: Keys) -> None:
        keys.items.add((_namespace(self.scope), self.key))
        keys.counters.add(REVISIONS)

    def decide(self, draft: Draft, now: float) -> Claim:
        place = (_namespace(self.scope), self.key)
        row = live(draft, place, now)
        if row is not None:
            claim = _claim_of(self.scope, self.key, row)
            if claim.status is ClaimStatus.DONE or claim.owner != self.instead_of:
                return claim
        written = write_item(draft, place, encode(_stored(self.owner)), now, self.ttl)
        return Claim(self.scope, self.key, ClaimStatus.NEW, self.owner, written[0])


class Idempotency(IdempotencyKeys):
    """The idempotency keys of a store."""

    def __init__(self, core: Core) -> None:
        self._core = core

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
        operation = ClaimKey(scope, key, owner=owner, ttl=ttl, instead_of=instead_of)
        return self._core.write(operation, fence)

    def finish(
        self, claim: Claim, reply: Payload, *, ttl: float, fence: Fence | None = None
    ) -> Pending[int]:
        return self._core.write(self.finishing(claim, reply, ttl=ttl), fence)

    def finishing(self, claim: Claim, reply: Payload, *, ttl: float) -> Operation:
        data = _stored(claim.owner, encode(reply))
        return PutItem(_namespace(claim.scope), claim.key, data, revision=claim.revision, ttl=ttl)

    def abandon(self, claim: Claim, *, fence: Fence | None = None) -> Pending[bool]:
        operation = DeleteItem(_namespace(claim.scope), claim.key, revision=claim.revision)
        return self._core.write(operation, fence)

    def find(self, scope: str, key: str) -> Pending[Claim | None]:
        return self._core.read(
            lambda reader: reader.item(_namespace(scope), key),
            lambda row: None if row is None else _claim_of(scope, key, row),
        )

    def trim(self, scope: str, *, keep: int, limit: int = 10_000) -> Pending[int]:
        return self._core.write(TrimItems(_namespace(scope), keep, limit))
