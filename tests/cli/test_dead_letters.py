"""`run.py dead-letters`, on a running system and on what one that is down has left."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any

import pytest

from harmonium import Agent, System, child, handles, message, supervisor
from harmonium.supervisors.control import ControlServer
from harmonium.supervisors.operations import operate


@message
class Pay:
    """Pay so much."""

    amount: int


class Till(Agent):
    """Keeps what was paid."""

    paid: list[int]

    def __init__(self, paid: list[int]) -> None:
        self.paid = paid

    @handles
    def pay(self, order: Pay) -> None:
        self.paid.append(order.amount)


async def leave_letters(system: System) -> None:
    """Three letters to a till that is held down, which then is started again."""
    await operate(system.ref("/shop")).stop_child("till")
    for amount in (1, 2, 3):
        await system.tell("/shop/till", Pay(amount))
    await operate(system.ref("/shop")).restart_child("till")


@pytest.fixture
def shop(tmp_path):
    """A running shop with a store and a control socket, on a loop in another thread."""
    up, end, paid = threading.Event(), [], []
    place = {"control": tmp_path / "control", "store": tmp_path / "s.db", "paid": paid}

    async def main() -> None:
        loop, done = asyncio.get_running_loop(), asyncio.Event()
        tree = supervisor("shop", children=[child(Till, paid, id="till")])
        system = System(tree, store=place["store"])
        async with system, ControlServer(system, place["control"]):
            await leave_letters(system)
            end.append(lambda: loop.call_soon_threadsafe(done.set))
            up.set()
            await done.wait()

    thread = threading.Thread(target=lambda: asyncio.run(main()))
    thread.start()
    assert up.wait(20)

    def stop() -> None:
        if end:
            end.pop()()
            thread.join()

    yield {**place, "stop": stop}
    stop()


def ids_of(run: Any, *where: Any) -> list[str]:
    return [one["id"] for one in json.loads(run("dead-letters", "list", "--json", *where).out)]


def test_a_running_system_lists_shows_edits_and_replays(run, shop):
    """Each letter is sent once, as it was edited."""
    where = ("--control", shop["control"])
    ids = ids_of(run, *where)
    listed = run("dead-letters", "list", "--only", "path=/shop/* type=*Pay", *where)
    assert listed.out.count("Pay") == 3
    shown = run("dead-letters", "show", ids[0], *where)
    assert "to        /shop/till" in shown.out
    edited = run("dead-letters", "edit", ids[0], "amount=100", *where)
    assert json.loads(edited.out)["data"] == {"amount": 100}
    wrong = run("dead-letters", "edit", ids[0], 'amount="much"', *where)
    assert (wrong.status, "amount" in wrong.err) == (2, True)
    replayed = run("dead-letters", "replay", *ids[:2], *where)
    assert (replayed.status, replayed.out) == (0, f"{ids[0]}: sent\n{ids[1]}: sent\n")
    again = run("dead-letters", "replay", ids[0], *where)
    assert (again.status, again.out) == (1, f"{ids[0]}: replayed already\n")
    dropped = run("dead-letters", "drop", "--only", "path=/shop/till", *where)
    assert (dropped.status, dropped.out) == (0, "3 dropped\n")
    assert run("dead-letters", "drop", ids[0], *where).status == 1
    assert run("dead-letters", "show", ids[0], *where).status == 2
    shop["stop"]()
    assert sorted(shop["paid"]) == [2, 100]


def test_a_store_of_a_system_that_is_down_is_read_and_cleaned(run, shop):
    """Listing, showing and dropping need no agents; a replay says what it needs."""
    shop["stop"]()
    where = ("--store", shop["store"])
    ids = ids_of(run, *where)
    assert len(ids) == 3
    assert '"amount": 2' in run("dead-letters", "show", ids[1], *where).out
    assert run("dead-letters", "list", "--only", "older=1h", *where).out == ""
    for words in (("replay", ids[0]), ("edit", ids[0], "amount=1")):
        refused = run("dead-letters", *words, *where)
        assert refused.status == 2
        assert "needs the running system" in refused.err
    assert run("dead-letters", "drop", ids[0], *where).out == "1 dropped\n"
    assert ids_of(run, *where) == ids[1:]
    assert run("dead-letters", "drop", "--only", "type=*Pay", *where).out == "2 dropped\n"


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("list",), "either --control SOCKET or --store PLACE"),
        (("list", "--store", "/nowhere/s.db"), "no such file"),
        (("list", "--store", "memory:", "--only", "colour=red"), "colour"),
        (("drop", "--store", "memory:"), "names no letter"),
        (("edit", "x", "amount", "--control", "s"), "name=VALUE"),
        (("edit", "x", "amount=x", "--control", "s"), "no JSON"),
        (("replay", "x"), "needs the running system"),
    ],
)
def test_bad_words_are_refused_with_a_remedy(run, words, problem):
    """Exit status 2, one line on stderr."""
    ran = run("dead-letters", *words)
    assert ran.status == 2
    assert problem in ran.err
