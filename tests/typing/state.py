"""What type checkers see of kept values, events and topics; read, never run."""

from __future__ import annotations

from typing import Any, assert_type

from harmonium import Agent, handles, message
from harmonium.actors.event_sourced import EventSourced
from harmonium.actors.promise import Promise
from harmonium.actors.stateful_keep import Kept


@message
class Cart:
    """What is kept."""

    items: tuple[str, ...] = ()


class Shopper(Agent):
    """Uses each call once."""

    publishes = (Cart,)

    @handles
    async def look(self, query: Cart) -> Cart:
        assert_type(await self.keep.get("cart"), Any)
        assert_type(await self.keep.get("cart", Cart), Cart | None)
        assert_type(await self.keep.item("cart"), Kept[Any] | None)
        assert_type(await self.keep.put("cart", query, ttl=1.0), int)
        assert_type(await self.keep.compare_and_set("cart", query, revision=None), int | None)
        assert_type(await self.keep.shared("carts").delete("cart"), bool)
        assert_type(self.publish(query, topic="carts"), int)
        assert_type(self.publish(query, durable=True), Promise[int])
        self.subscribe(3)  # type: ignore[arg-type]
        return assert_type(await self.keep.get("cart", Cart, query), Cart)


class Account(EventSourced):
    """Persists carts."""

    events = (Cart,)

    def apply(self, event: Cart) -> None:
        """Nothing to do."""

    @handles
    async def add(self, order: Cart) -> None:
        assert_type(await self.persist(order, order), int)
        assert_type(self.event_version, int)
