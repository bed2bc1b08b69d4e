"""What durable topics are described with, and what travels with their messages."""

from __future__ import annotations

import attrs

from harmonium.actors.context import Context
from harmonium.actors.store.payload import check_name
from harmonium.protocols.errors import SpecError
from harmonium.protocols.subscription import Durable, Slow, SlowPolicy

__all__ = ["StoredContext", "Subscription", "SubscriptionLost"]

_BEHIND = (Slow.PARK, Slow.WAIT, Slow.DROP_OLDEST)


def _one_by_one() -> Durable:
    return Durable(max_in_flight=1, ack_within=300.0)


def _parked() -> SlowPolicy:
    return SlowPolicy(1000, Slow.PARK)


@attrs.frozen
class Subscription:
    """A durable subscription: it remembers in the store how far it has come.

    Args:
        name: Under which it is remembered; one agent at a time may have it.
        after: Where a new one begins: behind this offset; 0 is the beginning.
        since: Where a new one begins: with the first entry of this time or
            later, in seconds of the store's clock. Goes before `after`.
        policy: How often a message is tried, and how many are under way at
            once. With one (the default) the order holds over all deliveries.
        slow: How far it may fall behind, and what happens then: `PARK` leaves
            the rest in the store until there is room, `WAIT` makes publishers of
            this system wait, `DROP_OLDEST` makes dead letters of the oldest.

    Raises:
        SpecError: If the policy for slow subscribers is another.
        StoreError: If the name cannot be kept.
    """

    name: str = attrs.field(validator=check_name)
    after: int = attrs.field(default=0, kw_only=True)
    since: float | None = attrs.field(default=None, kw_only=True)
    policy: Durable = attrs.field(factory=_one_by_one, kw_only=True)
    slow: SlowPolicy = attrs.field(factory=_parked, kw_only=True)

    def __attrs_post_init__(self) -> None:
        if self.slow.then not in _BEHIND:
            known = ", ".join(f"Slow.{one.name}" for one in _BEHIND)
            raise SpecError(
                f"subscription {self.name}",
                f"Slow.{self.slow.then.name} is not for durable subscribers",
                f"give one of {known}",
            )


@attrs.frozen(slots=True)
class SubscriptionLost:
    """Another system has taken a durable subscription over; it is delivered to no more.

    Args:
        name: Its name.
        path: The agent that had it here.
    """

    name: str
    path: str


class StoredContext(Context):
    """The context of a message that is in the journal, and comes again if it dies."""

    __slots__ = ()

    is_stored = True
