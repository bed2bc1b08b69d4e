"""Topics in memory: by class, by name, by pattern."""

from __future__ import annotations

from typing import Any

import pytest

from harmonium import Agent, AskFailed, child, handles, message, supervisor
from harmonium.protocols.errors import ContractError, SpecError, SystemStopped
from harmonium.supervisors.system import System


@message(name="orders.Placed")
class Placed:
    """An order was placed."""

    n: int


@message(name="orders.Paid")
class Paid:
    """An order was paid."""

    n: int


class Listener(Agent):
    """Keeps what it hears."""

    def __init__(self, book: list[int], *keys: Any) -> None:
        self.book = book
        self.keys = keys

    def started(self) -> None:
        for key in self.keys:
            self.subscribe(key)

    @handles
    def placed(self, event: Placed) -> None:
        self.book.append(event.n)
        if event.n < 0:
            self.unsubscribe(self.keys[0])
            raise ValueError("once")

    @handles
    def paid(self, event: Paid) -> None:
        self.book.append(event.n)


def hall(book: list[int], *keys: Any) -> Any:
    return supervisor("t", children=[child(Listener, book, *keys, id="one")], max_restarts=10)


@pytest.mark.parametrize(
    ("key", "heard"),
    [
        ("orders.eu", [1]),
        ("orders.*", [1, 2]),
        ("orders.>", [1, 2, 3]),
        ("*.eu", [1]),
        ("*.eu.>", [3]),
        (">", [1, 2, 3]),
        (Placed, [1, 2, 3, 4]),
        ("$type.orders.*", [1, 2, 3, 4, 5]),
        ("$type.orders.Paid", [5]),
    ],
)
def test_a_subscription_hears_what_matches(play, until, key, heard):
    """``*`` is one word, ``>`` the rest; a class is a topic of its own."""
    book: list[int] = []

    async def scenario(system):
        for n, topic in enumerate(["orders.eu", "orders.us", "orders.eu.berlin", None], 1):
            await system.publish(Placed(n), topic=topic)
        await system.publish(Paid(5))
        await until(lambda: len(book) == len(heard))

    play(hall(book, key), scenario)
    assert book == heard


def test_who_subscribes_in_several_ways_gets_one_copy(play, until):
    """Class, name and two patterns: one message."""
    book: list[int] = []

    async def scenario(system):
        assert await system.publish(Placed(1), topic="orders.eu") == 1
        await until(lambda: book)

    play(hall(book, Placed, "orders.eu", "orders.*", ">"), scenario)
    assert book == [1]


def test_subscriptions_end_with_the_incarnation_and_begin_anew(play, until):
    """After a crash the next one subscribes in `started`; nothing comes twice."""
    book: list[int] = []

    async def scenario(system):
        await system.publish(Placed(-1), topic="a.b")
        await until(lambda: system.restarts == 1)
        assert await system.publish(Placed(2), topic="a.b") == 1
        await until(lambda: len(book) == 2)
        await system.ref("one").stop()

    play(hall(book, "a.*"), scenario)
    assert book == [-1, 2]


@pytest.mark.parametrize("wrong", ["a..b", "a b", "", "a.>.b", "a*"])
def test_what_is_no_pattern_or_topic_is_refused(play, wrong):
    """The error names it, at the subscriber and at the publisher."""

    class Wrong(Listener):
        @handles
        def paid(self, event: Paid) -> None:
            self.subscribe(wrong)

    async def scenario(system):
        with pytest.raises(AskFailed, match="SpecError"):
            await system.ask("one", Paid(1))
        with pytest.raises(SpecError):
            await system.publish(Placed(1), topic=wrong)
        with pytest.raises(SpecError):
            await system.publish(Placed(1), topic="a.*")

    play(supervisor("t", children=[child(Wrong, [], id="one")]), scenario)


def test_only_a_running_system_publishes(play):
    """Before its start and after its stop it says so; and it publishes nothing but messages."""
    waiting = System(hall([], ">"))
    with pytest.raises(SystemStopped):
        waiting.publish(Placed(1))

    async def scenario(system):
        with pytest.raises(ContractError, match="no message"):
            await system.publish("hello")

    system = play(hall([], ">"), scenario)
    with pytest.raises(SystemStopped):
        system.publish(Placed(1))
