"""Idempotency keys in a store: over crashes of the process, and between two at once."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from loguru import logger

from harmonium import Agent, AskFailed, System, child, handles, message, supervisor
from harmonium.actors.store import MemoryStore, open_store
from harmonium.protocols.reliability import InboxPolicy

ROOT = Path(__file__).resolve().parents[2]

PROGRAM = """
import os, sys
from harmonium import Agent, System, child, handles, message, supervisor
from harmonium.actors.store import PutItem
from harmonium.protocols.reliability import InboxPolicy

@message(name="keys.Pay")
class Pay:
    order: str

@message(name="keys.Paid")
class Paid:
    process: int

class Till(Agent):
    @handles(idempotent=True, inbox=InboxPolicy(runs=1, claim_for=0.5))
    async def pay(self, pay: Pay) -> Paid:
        if sys.argv[2] == "before":
            os._exit(7)
        charge = PutItem("charges", f"{pay.order}/{os.getpid()}", 1)
        if sys.argv[2] == "after":
            await self.sleep(0)
            store = self._cell.ground.store
            from harmonium.actors.inbox import finishing
            keeps = finishing(self._cell.current[2], Paid(os.getpid()))
            await store.commit(charge, *keeps)
            os._exit(7)
        await self.commit_reply(Paid(os.getpid()), charge)
        return Paid(0)

tree = supervisor("t", children=[child(Till, id="till")])
with System(tree, store=sys.argv[1]) as system:
    print(system.ask("till", Pay("a"), idempotency_key="a", timeout=20).result(20).process)
"""


@message
class Pay:
    """Charge an order."""

    order: str


@message
class Paid:
    """Who did it."""

    by: str


@pytest.fixture(autouse=True)
def _quiet() -> Any:
    logger.disable("harmonium")
    yield
    logger.enable("harmonium")


def start(directory: Path, place: str) -> subprocess.CompletedProcess[str]:
    program = directory / "program.py"
    program.write_text(PROGRAM, encoding="utf-8")
    return subprocess.run(
        [sys.executable, program, directory / "keys.db", place],
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("place", ["before", "after"])
def test_a_process_that_dies_in_the_handler_leaves_one_effect(tmp_path, place):
    """Before the commit the next process does the work; after it, it gives the kept answer."""
    assert start(tmp_path, place).returncode == 7
    answers = [start(tmp_path, "never") for _ in range(2)]
    assert [answer.returncode for answer in answers] == [0, 0], answers[0].stderr
    with open_store(str(tmp_path / "keys.db")) as store:
        charges = store.state("charges").list().result(5)
    assert len(charges) == 1
    done_by = charges[0].key.partition("/")[2]
    assert [answer.stdout.strip() for answer in answers] == [done_by] * 2


def test_two_systems_on_one_store_share_the_work_once():
    """Each request goes to both at the same time: one effect, one answer."""
    book: list[str] = []
    store = MemoryStore(time.monotonic)

    class Till(Agent):
        def __init__(self, name: str) -> None:
            self.name = name

        @handles(idempotent=True, reentrant=True, inbox=InboxPolicy(claim_for=0.4))
        async def pay(self, pay: Pay) -> Paid:
            await self.sleep(0.002)
            book.append(pay.order)
            return Paid(self.name)

    def system(name: str) -> System:
        return System(supervisor("t", children=[child(Till, name, id="till")]), store=store)

    async def main() -> None:
        async with system("one") as one, system("two") as two:
            asks = [
                (order, each.ask("till", Pay(order), idempotency_key=order, timeout=20))
                for order in map(str, range(50))
                for each in (one, two)
            ]
            answers: dict[str, set[str]] = {}
            for order, ask in asks:
                answers.setdefault(order, set()).add((await ask).by)
        assert {len(found) for found in answers.values()} == {1}

    asyncio.run(main())
    store.close()
    assert Counter(book) == {str(n): 1 for n in range(50)}


def test_a_message_that_is_retried_anyway_is_retried_in_each_run():
    """`child(retries=)` and the runs of an inbox go together: two runs of two tries each."""
    tries: list[str] = []

    class Till(Agent):
        @handles(idempotent=True, inbox=InboxPolicy(runs=2))
        def pay(self, pay: Pay) -> Paid:
            tries.append(pay.order)
            raise OSError("always")

    async def main() -> None:
        spec = child(Till, id="till", retries=1)
        async with System(supervisor("t", max_restarts=9, children=[spec])) as system:
            with pytest.raises(AskFailed, match="always"):
                await system.ask("till", Pay("a"), idempotency_key="a", timeout=20)
        assert system.account().in_flight == 0

    asyncio.run(main())
    assert tries == ["a"] * 4
