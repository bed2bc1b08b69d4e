"""Contracts: what is taken, answered and published, and what is refused."""

from __future__ import annotations

import attrs
import pytest

from harmonium.protocols.contract import Contract
from harmonium.protocols.errors import ContractError, MessageDefinitionError
from harmonium.protocols.message import message


@message(name="shop.CheckStock")
class CheckStock:
    sku: str


@message(name="shop.StockLevel")
class StockLevel:
    sku: str
    quantity: int


@message(name="shop.CheckStocks")
class CheckStocks:
    skus: tuple[str, ...]


@message(name="bank.Transfer")
class Transfer:
    amount: int


class Undecorated(CheckStock):
    """No message of its own."""


NoneType = type(None)
CONTRACT = Contract({CheckStock: [StockLevel, NoneType]}, publishes=[StockLevel])


def test_what_is_named_is_taken() -> None:
    """A message of a class that is named passes; only that class itself."""
    CONTRACT.check(CheckStock("a"))
    assert CONTRACT.takes(CheckStock)
    assert not CONTRACT.takes(StockLevel)
    assert {StockLevel, NoneType} == CONTRACT.answers
    assert CONTRACT.accepts == {CheckStock: (StockLevel, NoneType)}
    assert (StockLevel,) == CONTRACT.publishes


@pytest.mark.parametrize(
    ("sent", "text"),
    [
        (
            CheckStocks(("a",)),
            "/shop: it does not take shop.CheckStocks; did you mean 'shop.CheckStock'?",
        ),
        (Transfer(1), "/shop: it does not take bank.Transfer; known are shop.CheckStock"),
        (
            "text",
            "/shop: str is no message; send an instance of a class decorated with @message",
        ),
        (
            Undecorated("a"),
            "/shop: Undecorated is no message; send an instance of a class decorated with @message",
        ),
    ],
)
def test_what_is_outside_is_refused_with_the_nearest_name(sent: object, text: str) -> None:
    """The refusal names the receiver, what was sent, and what was most likely meant."""
    with pytest.raises(ContractError) as caught:
        CONTRACT.check(sent, "/shop")
    assert text == str(caught.value)


def test_anything_takes_every_message_but_only_messages() -> None:
    """A contract open to anything still refuses what is no message."""
    contract = Contract({CheckStock: ()}, anything=True)
    contract.check(Transfer(1))
    assert contract.takes(Transfer)
    with pytest.raises(ContractError, match="int is no message"):
        contract.check(5)


def test_refused_keeps_the_order() -> None:
    """Of several classes those outside the contract are given."""
    classes = [Transfer, CheckStock, StockLevel]
    assert (Transfer, StockLevel) == CONTRACT.refused(classes)


def test_an_empty_contract_says_so() -> None:
    """An agent without handlers takes nothing."""
    with pytest.raises(ContractError, match="it takes no messages at all"):
        Contract({}).check(CheckStock("a"))


def test_explain_has_a_line_for_each() -> None:
    """People read what is taken, answered and published."""
    assert CONTRACT.explain().splitlines() == [
        "takes shop.CheckStock, answers shop.StockLevel or None",
        "publishes shop.StockLevel",
    ]
    open_contract = Contract({CheckStock: (), Transfer: (object,)}, anything=True)
    assert open_contract.explain().splitlines() == [
        "takes shop.CheckStock, answers nothing",
        "takes bank.Transfer, answers any message",
        "takes any other message",
    ]


@pytest.mark.parametrize(
    "make",
    [
        lambda: Contract({str: ()}),
        lambda: Contract({Undecorated: ()}),
        lambda: Contract({CheckStock: (int,)}),
        lambda: Contract({}, publishes=[int]),
        lambda: Contract({"CheckStock": ()}),
    ],
)
def test_only_messages_can_be_named(make: object) -> None:
    """A contract with a class that is no message cannot be made."""
    with pytest.raises(ContractError, match="is no message class; decorate it with @message"):
        make()


def test_a_class_with_a_missing_name_is_refused() -> None:
    """What could not be checked at definition is checked in the contract."""

    @message
    class Broken:
        value: Nowhere  # noqa: F821

    with pytest.raises(MessageDefinitionError, match="Nowhere"):
        Contract({Broken: ()})


def test_it_is_a_value() -> None:
    """Contracts are frozen, and equal when they say the same."""
    assert Contract({CheckStock: (StockLevel, NoneType)}, (StockLevel,)) == CONTRACT
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        CONTRACT.anything = True
