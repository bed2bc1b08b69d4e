"""Pools that are allowed and still unwise."""

from __future__ import annotations

from collections.abc import Iterator

from harmonium.protocols.routing.consistent_hash import ConsistentHash
from harmonium.supervisors.finding import Finding
from harmonium.supervisors.pool import contract_of, fields_of
from harmonium.supervisors.pool_spec import HAND_OVER
from harmonium.supervisors.spec import SupervisorSpec

__all__ = ["no_key", "unordered"]


def no_key(path: str, spec: SupervisorSpec) -> Iterator[Finding]:
    """Messages without the field that a pool routes by."""
    settings, template = spec.pool, spec.template
    if settings is None or template is None or not isinstance(settings.key, str):
        return
    contract = contract_of(template)
    if contract is None or not settings.router.keyed:
        return
    without = [cls.__name__ for cls in contract.accepts if settings.key not in fields_of(cls)]
    if without:
        yield Finding(
            path,
            "pool-key",
            f"{', '.join(sorted(without))} has no field {settings.key!r}, so any member may get it",
            "give key= as a function that reads it from each message, if that is not meant",
        )


def unordered(path: str, spec: SupervisorSpec) -> Iterator[Finding]:
    """A bound on the load that hands the mail of a crashed member over by key."""
    settings = spec.pool
    if settings is None or settings.on_member_crash is not HAND_OVER:
        return
    router = settings.router
    if isinstance(router, ConsistentHash) and router.load_bound is not None:
        yield Finding(
            path,
            "pool-order",
            "with a bounded load the messages of one key may be worked on by two members at once",
            "use ConsistentHash(load_bound=None) or Sticky where their order matters",
        )
