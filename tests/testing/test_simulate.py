"""`run.py simulate`: orders under faults, a planted bug, bad usage."""

from __future__ import annotations

import json

import pytest

from examples.orders import system as shop
from examples.orders.agents import Payments
from examples.orders.messages import Charge, Charged, PaymentRefused
from examples.orders.till import Entry
from harmonium import Agent, child, handles, message, supervisor
from harmonium.cli.app import main
from harmonium.cli.simulated_runs import read_spec
from harmonium.protocols.errors import ConfigError
from harmonium.testing import Crash, Faults

ORDERS = "examples/orders"


@message
class Tick:
    """Once a second."""


class Ticker(Agent):
    def started(self):
        self.schedule(1.0, Tick(), every=1.0)

    @handles
    def tick(self, order: Tick) -> None:
        """Go on."""


class Moody(Ticker):
    def __init__(self):
        self.ticks = 0

    @handles
    def tick(self, order: Tick) -> None:
        self.ticks += 1
        if self.ticks > 5:
            raise ValueError("enough")


steady = supervisor("steady", max_restarts=1_000, children=[child(Ticker, id="ticker")])
moody = supervisor("moody", max_restarts=1, within=60.0, children=[child(Moody, id="moody")])


class Greedy(Payments):
    """Charges before it looks whether it has: wrong only when it is asked again."""

    @handles(reentrant=True)
    async def charge(self, command: Charge) -> Charged | PaymentRefused:
        if self._till.is_void(command.order_id):
            return PaymentRefused(command.order_id)
        self._keep(Entry(command.order_id, "charge", command.amount))
        await self._journal.saved()
        return Charged(command.order_id, command.amount)


def summary(capsys, *args):
    """Run it and give status and summary."""
    status = main(["simulate", *args, "--json"])
    return status, json.loads(capsys.readouterr().out)


def test_orders_hold_under_faults(capsys):
    """Crashes, kills, delays and duplicates: every rule of the example holds in each run."""
    status, data = summary(capsys, ORDERS, "--seeds", "3", "--for", "20")
    assert status == 0, data["failures"]
    assert data["runs"] == 3
    assert data["restarts"] > 10


def test_a_planted_bug_is_found(capsys, monkeypatch):
    """A charge before the idempotency check is found, and told with its faults."""
    monkeypatch.setattr(shop, "Payments", Greedy)
    args = ["simulate", ORDERS, "--for", "20", "--json"]
    assert main([*args, "--faults", "none"]) == 0
    capsys.readouterr()
    assert main([*args, "--faults", "crash=payments", "--seeds", "12"]) == 1
    printed = capsys.readouterr()
    data = json.loads(printed.out)
    assert data["failed"] >= 1
    assert "the job's own checks" in printed.err


def test_a_bare_tree_runs_for_its_time(capsys):
    """An hour of ticks passes in virtual time."""
    where = f"{__name__}:steady"
    status, data = summary(capsys, where, "--for", "3600", "--faults", "crash")
    assert status == 0
    assert data["virtual_seconds"] >= 3600
    assert data["deliveries"] >= 3000


def test_a_tree_that_gives_up_fails_the_run(capsys):
    """The violation and the seed are told."""
    status, data = summary(capsys, f"{__name__}:moody", "--for", "60", "--faults", "none")
    assert status == 1
    assert "gave up" in data["failures"][0]["violation"]


def test_faults_are_kinds_or_faults():
    """Kinds with patterns, none, or faults as a report prints them."""
    spec, fixed = read_spec("crash,kill=inventory,kill=payments")
    assert spec.crash is True
    assert spec.kill == ("inventory", "payments")
    assert not spec.delay
    assert fixed is None
    assert read_spec("none")[0].crash is False
    assert read_spec("Crash('pay', on=2)")[1] == (Crash("pay", on=2),)
    assert isinstance(read_spec("none")[0], Faults)


@pytest.mark.parametrize("text", ["crsh", "max", "Crash(3", "Crash('a', on=0)"])
def test_unknown_kinds_are_refused(text):
    """The error names what is wrong, and the nearest kind."""
    with pytest.raises(ConfigError):
        read_spec(text)
