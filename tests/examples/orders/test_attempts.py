"""An order whose first attempt died: the second one leaves nothing of it behind."""

from __future__ import annotations

from decimal import Decimal

from examples.orders.domain import Order, OrderLine, Outcome
from examples.orders.messages import Charge, Charged, PlaceOrder, Release, Released, Reserve
from examples.orders.system import Shop
from harmonium import FrozenMap
from harmonium.testing import World

ORDER = Order("17", "4711", "France", (OrderLine("LAMP", 2, Decimal("3.50")),))


def test_what_an_attempt_that_died_has_charged_is_taken_back_where_the_goods_are_gone():
    """The attempt had reserved and charged; another one gave the goods back before it died, too."""
    shop = Shop()
    world = World(shop.tree())
    world.start()
    world.ask("inventory", Reserve("17", FrozenMap({"LAMP": 2})))
    assert world.ask("payments", Charge("17", Decimal("7.00"))) == Charged("17", Decimal("7.00"))
    assert world.ask("inventory", Release("17")) == Released("17")
    outcome = world.ask("orders", PlaceOrder(ORDER), timeout=60)
    assert outcome.outcome is Outcome.BACKORDERED
    assert shop.till().charged("17") is None
    assert shop.till().total("charge") == 0
    world.close()
