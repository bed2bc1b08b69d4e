"""Workloads through Hypothesis: messages from their annotations, machines on a world."""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Mapping
from decimal import Decimal

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import rule, run_state_machine_as_test

from harmonium import Codec, field, message
from harmonium.actors.ref import Ref
from harmonium.protocols.errors import MessageDefinitionError
from harmonium.protocols.message import non_empty, positive
from harmonium.testing import Faults, PropertyViolated
from harmonium.testing.workloads import WorldMachine, from_message
from tests.testing.shop import Done, Place, build, fixed


class Color(enum.Enum):
    RED = 1
    BLUE = 2


@message
class Line:
    sku: str = field(validator=non_empty)
    quantity: int = field(validator=positive)


@message
class Rich:
    lines: tuple[Line, ...]
    color: Color
    price: Decimal
    at: dt.datetime
    tags: frozenset[str]
    by_name: Mapping[str, int]
    maybe: Line | None = None
    inner: Rich | None = None


@message
class Held:
    who: Ref


@settings(max_examples=60)
@given(from_message(Rich))
def test_a_message_is_made_up_from_its_annotations(drawn):
    """Every drawn message passes its validators and the codec."""
    codec = Codec([Rich, Line])
    assert all(line.quantity > 0 and line.sku for line in drawn.lines)
    assert codec.from_json(codec.to_json(drawn)) == drawn


@given(from_message(Line, sku="A1", quantity=st.integers(5, 6)))
def test_fields_can_be_overridden(drawn):
    """By a strategy, or by the value itself."""
    assert drawn.sku == "A1"
    assert drawn.quantity in (5, 6)


@pytest.mark.parametrize(
    ("cls", "overrides", "text"),
    [
        (int, {}, "is no message class"),
        (Line, {"units": 3}, "there is no such field"),
        (Held, {}, "cannot be made up"),
    ],
)
def test_what_cannot_be_made_up_is_refused(cls, overrides, text):
    """The error names the field and the remedy."""
    with pytest.raises(MessageDefinitionError, match=text):
        from_message(cls, **overrides).example()


class Shop(WorldMachine):
    faults = Faults(crash="payments")

    def prepare(self):
        self.orders = 0
        self.charges = self.world.ledger("charges")
        self.world.always(lambda: len(set(self.charges)) == len(self.charges), "charged once")
        self.world.eventually(
            lambda: len(self.world.probe("me").got(Done)) == self.orders, "all done", within=400
        )

    @rule()
    def place(self):
        self.orders += 1
        self.world.probe("me").ask("desk", Place(self.orders), timeout=300)

    @rule(seconds=st.integers(1, 10))
    def wait(self, seconds):
        self.world.advance(seconds)


class BrokenShop(Shop):
    system = staticmethod(build)


class FixedShop(Shop):
    system = staticmethod(fixed)


def test_a_machine_finds_the_bug():
    """Rules act, faults happen, and the property is checked."""
    with pytest.raises(PropertyViolated, match="charged once"):
        run_state_machine_as_test(
            BrokenShop,
            settings=settings(max_examples=500, database=None, phases=[Phase.generate]),
        )


def test_a_machine_passes_what_is_right():
    """The fixed shop stands all of it."""
    run_state_machine_as_test(FixedShop, settings=settings(max_examples=15, database=None))
