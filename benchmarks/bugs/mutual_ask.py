"""Two accounts that wait for each other.

To transfer money an account asks the other one to take it, and waits. While it
waits it takes no other message: its balance must not change under its hands.
If the other account begins a transfer in the opposite direction in the same
moment, each waits for an answer that the other cannot give. It takes one slow
message for the two transfers to meet.

The fixed account does not wait.
"""

from __future__ import annotations

from harmonium import Agent, SupervisorSpec, child, handles, message, supervisor
from harmonium.testing import Delay, Faults, World

from benchmarks.bugs.bug import Bug


@message
class Transfer:
    to: str
    amount: int


@message
class Deposit:
    amount: int


@message
class Deposited:
    pass


class Account(Agent):
    def __init__(self) -> None:
        self.balance = 100

    @handles
    def deposit(self, order: Deposit) -> Deposited:
        self.balance += order.amount
        return Deposited()


class WaitingAccount(Account):
    @handles
    async def transfer(self, order: Transfer) -> None:
        self.balance -= order.amount
        await self.ask(order.to, Deposit(order.amount), timeout=None)


class TrustingAccount(Account):
    @handles
    def transfer(self, order: Transfer) -> None:
        self.balance -= order.amount
        self.tell(order.to, Deposit(order.amount))


def build(_: World, *, fixed: bool = False) -> SupervisorSpec:
    account = TrustingAccount if fixed else WaitingAccount
    return supervisor("bank", children=[child(account, id="ann"), child(account, id="bob")])


def body(world: World) -> None:
    me = world.probe("me")
    world.never_stuck(idle=120.0)
    for amount in (1, 2):
        me.tell("ann", Transfer("bob", amount))
        world.advance(1.0)
        me.tell("bob", Transfer("ann", amount))
        world.advance(1.0)


BUG = Bug(
    name="mutual ask",
    build=build,
    body=body,
    violates="never stuck",
    faults=Faults(longest=10.0),
    pin=(Delay("bob", nth=1, secs=1.5),),
)
