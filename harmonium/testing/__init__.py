"""Fault tests of agents in virtual time: worlds, faults, properties, and the search for bugs.

A test runs a real tree of agents on the simulated ground. Its *body* sends
messages and states what must hold; the search then runs that body a thousand
times, each time with other delays, orders and faults, and reduces what it
finds to the few faults that matter.

How a program to be tested looks: a *builder* of the tree and a *body*. The
builder may take the world, whose `World.ledger` holds effects on the world
outside of the agents, which no crash undoes::

    from harmonium import Agent, child, handles, message, supervisor
    from harmonium.testing import Faults, Rng, Scene, World, run_once

    class Payments(Agent):
        def __init__(self, ledger, seen): ...

        @handles
        def charge(self, order: Charge) -> Charged: ...

    def build(world, *, fixed=False):
        seen = world.ledger("seen") if fixed else None      # the bug: kept in memory
        return supervisor("shop", children=[
            child(Payments, world.ledger("charges"), seen, id="payments"),
            child(Coordinator, id="coordinator"),
        ])

    def body(world):
        me = world.probe("me")
        me.ask("coordinator", Place(1), timeout=30)         # the answer comes to me.inbox
        charges = world.ledger("charges")
        world.always(lambda: len(set(charges)) == len(charges), "an order is charged once")
        world.eventually(lambda: len(me.got(Done)) == 1, "every order is done", within=30)

    scene = Scene(build, body, horizon=60.0, settle=60.0)
    outcome = run_once(scene, Rng(seed=7, faults=Faults(crash="payments", drop=True)))
    outcome.violation, outcome.faults           # Replay(outcome.faults) shows it again

A fixed twin is the same body on `functools.partial(build, fixed=True)`. With
`@chaos_test` the same body is a pytest test.

Names of agents are tree paths or globs (`payments` means ``/shop/payments``);
messages are counted from 1, per agent, over restarts; durations are virtual
seconds. Nothing here imports pytest or Hypothesis until it is needed.
"""

from harmonium.actors.sites import reached, sometimes
from harmonium.testing.chaos import chaos_test, pinned
from harmonium.testing.choices import Choices, Neutral
from harmonium.testing.exhaust import exhaust
from harmonium.testing.faults import (
    OUTSIDE,
    Buggify,
    ClockJump,
    Crash,
    Delay,
    Drop,
    Duplicate,
    Fault,
    FullStore,
    Handled,
    Kill,
    Partition,
    Pause,
    SlowLink,
    SlowStore,
    TornWrite,
    handled,
)
from harmonium.testing.linearizable import Call, linearizable
from harmonium.testing.probe import Probe
from harmonium.testing.properties import (
    Verdict,
    at_most_once,
    bounded,
    conserved,
    exactly_once,
    monotonic,
    no_orphans,
    nothing_lost,
    one_leader,
    restarts_within,
)
from harmonium.testing.reduce import Reduced, reduce_faults
from harmonium.testing.replay import Replay
from harmonium.testing.schedule import Outcome, Scene, run_once
from harmonium.testing.search import Hunt, search
from harmonium.testing.spec import Faults
from harmonium.testing.strategies import Rng
from harmonium.testing.trace import Entry
from harmonium.testing.trial import ChaosFailure
from harmonium.testing.violation import PropertyViolated
from harmonium.testing.world import World

__all__ = [
    "OUTSIDE",
    "Buggify",
    "Call",
    "ChaosFailure",
    "Choices",
    "ClockJump",
    "Crash",
    "Delay",
    "Drop",
    "Duplicate",
    "Entry",
    "Fault",
    "Faults",
    "FullStore",
    "Handled",
    "Hunt",
    "Kill",
    "Neutral",
    "Outcome",
    "Partition",
    "Pause",
    "Probe",
    "PropertyViolated",
    "Reduced",
    "Replay",
    "Rng",
    "Scene",
    "SlowLink",
    "SlowStore",
    "TornWrite",
    "Verdict",
    "World",
    "at_most_once",
    "bounded",
    "chaos_test",
    "conserved",
    "exactly_once",
    "exhaust",
    "handled",
    "linearizable",
    "monotonic",
    "no_orphans",
    "nothing_lost",
    "one_leader",
    "pinned",
    "reached",
    "reduce_faults",
    "restarts_within",
    "run_once",
    "search",
    "sometimes",
]
