"""Pools as specs: what is declared, what is refused, what is read from a file."""

from __future__ import annotations

import asyncio
import tomllib
from collections import Counter

import pytest
from loguru import logger

from harmonium import Agent, SpecError, System, handles, message, operate, supervisor
from harmonium.protocols.autoscale import Autoscale
from harmonium.protocols.backoff import Backoff
from harmonium.protocols.overflow import DEAD_LETTER
from harmonium.protocols.routing import (
    CONSISTENT_HASH,
    LEAST_LOADED,
    ROUND_ROBIN,
    STICKY,
    ConsistentHash,
    Router,
    ScatterFirst,
    Sticky,
)
from harmonium.supervisors.checks import find_mistakes
from harmonium.supervisors.lint import lint
from harmonium.supervisors.mapping import child_from_mapping, from_mapping
from harmonium.supervisors.pool import pool
from harmonium.supervisors.pool_sizing import change_size
from harmonium.supervisors.pool_spec import HAND_OVER
from harmonium.supervisors.to_mapping import to_mapping
from harmonium.supervisors.voters import voters_of
from harmonium.supervisors.words import TEMPORARY


@message
class Parcel:
    """Something to carry for a customer."""

    customer: str
    weight: int = 1


@message
class Rest:
    """A message that is about no customer."""


@message
class Carried:
    """Who carried it."""

    by: str


class Porter(Agent):
    """Carries parcels."""

    @handles
    def carry(self, parcel: Parcel) -> Carried:
        return Carried(self.path)


class Idler(Porter):
    """Rests, too."""

    @handles
    def rest(self, rest: Rest) -> None:
        pass


def heaviest(parcel):
    """Route by weight."""
    return parcel.weight


class Picky(Router[None]):
    """A router of somebody else's that wants to hear of finished messages."""

    tracks = True

    def start(self):
        return None

    def route(self, state, key, members, draw):
        return state, members.ids[-1:]


@pytest.fixture(autouse=True)
def _quiet():
    logger.disable("harmonium")
    yield
    logger.enable("harmonium")


def settings_of(spec):
    return spec.tree.pool


def test_a_pool_is_a_child_spec():
    """It stands among other children, its members are copies of its template."""
    spec = pool(Porter, id="porters", size=3, router=LEAST_LOADED)
    assert spec.is_supervisor
    assert spec.tree.is_dynamic
    assert [one.id for one in spec.tree.booted] == ["0", "1", "2"]
    assert all(one.start == spec.tree.template.start for one in spec.tree.booted)


def test_two_numbers_make_it_elastic():
    """A pair of sizes is autoscaling between them, beginning with the lower one."""
    settings = settings_of(pool(Porter, id="p", size=(2, 16)))
    assert settings.size == 2
    assert settings.autoscale == Autoscale(2, 16)
    assert settings_of(pool(Porter, id="p", autoscale=Autoscale(3, 9))).size == 3
    both = settings_of(pool(Porter, id="p", size=(1, 4), autoscale=Autoscale(depth=2.0)))
    assert both.autoscale == Autoscale(1, 4, depth=2.0)


def test_members_may_differ_by_their_number():
    """`with_arguments` gives each member its own arguments."""
    spec = pool(Porter, id="p", size=2, with_arguments=lambda n: (f"desk {n}",))
    assert [one.start.args for one in spec.tree.booted] == [("desk 0",), ("desk 1",)]


@pytest.mark.parametrize(
    ("fields", "place", "words"),
    [
        ({"size": 0}, "p.size", "0"),
        ({"size": (4, 2)}, "p.maximum", "2"),
        ({"size": (1, 2, 3)}, "p.size", "is no size"),
        ({"size": 9, "autoscale": Autoscale(1, 4)}, "p.size", "not from 1 to 4"),
        ({"router": "least"}, "p.router", "is no Router"),
        ({"router": STICKY}, "p.key", "goes by a key"),
        ({"router": STICKY, "key": "custommer"}, "p.key", "did you mean 'customer'"),
        ({"router": STICKY, "key": 5}, "p.key", "gives no key"),
        ({"router": Picky()}, "p.router", "wants to hear"),
        ({"on_member_crash": "keep"}, "p.on_member_crash", "is no MemberCrash"),
        ({"weights": ()}, "p.weights", "is no list of weights"),
        ({"weights": (1.0, -1.0)}, "p.weights", "is no list of weights"),
        ({"drain": -1.0}, "p.drain", "-1"),
        ({"mailbox": 0}, "p.mailbox", "0"),
        ({"restart": TEMPORARY}, "p.restart", "would leave its pool"),
        ({"restat": TEMPORARY}, "p", "did you mean 'restart'"),
        ({"max_restarts": -1}, "p.max_restarts", "-1"),
    ],
)
def test_what_is_wrong_is_refused_by_name(fields, place, words):
    """The error names the field and the remedy before anything starts."""
    with pytest.raises(SpecError) as caught:
        pool(Porter, id="p", **fields)
    assert caught.value.path == place
    assert words in str(caught.value)


def test_a_pool_of_pools_is_refused():
    """Members are agents."""
    with pytest.raises(SpecError, match="copies of one agent"):
        pool(supervisor("s"), id="p")


ROUND_TRIPS = [
    pool(Porter, id="p"),
    pool(Porter, id="p", size=4, router=LEAST_LOADED, mailbox=7, overflow=DEAD_LETTER),
    pool(Porter, id="p", size=(2, 6), router=STICKY, key="customer"),
    pool(Porter, id="p", router=Sticky(patience=3, place=CONSISTENT_HASH), key=heaviest),
    pool(Porter, id="p", router=ConsistentHash(load_bound=None), key="weight", weights=[1, 2]),
    pool(Porter, id="p", router=ScatterFirst(fan_out=2), on_member_crash=HAND_OVER, drain=None),
    pool(
        Porter,
        id="p",
        size=(1, 3),
        autoscale=Autoscale(depth=None, wait=0.5, period=0.2),
        max_restarts=9,
        within=60.0,
        backoff=Backoff(0.1, 1.0),
        retries=1,
    ),
]


@pytest.mark.parametrize("spec", ROUND_TRIPS, ids=lambda spec: repr(spec.tree.pool.router))
def test_a_pool_is_written_and_read_alike(spec):
    """What `to_mapping` writes, a system file gives back."""
    assert child_from_mapping(to_mapping(spec)) == spec


FILE = """
name = "yard"

[[children]]
id = "porters"
agent = "tests.supervisors.test_pool:Porter"
mailbox = 100
backoff = {initial = "100ms"}

[children.pool]
size = [2, 16]
router = {sticky = {patience = 10, place = "least_loaded"}}
key = "customer"
on_member_crash = "hand_over"
drain = "5s"
autoscale = {depth = 4, cooldown = "2s"}
"""


def test_a_pool_in_a_system_file():
    """The table `pool` makes an agent many."""
    (spec,) = from_mapping(tomllib.loads(FILE)).children
    settings = settings_of(spec)
    assert settings.router == Sticky(patience=10, place=LEAST_LOADED)
    assert settings.autoscale == Autoscale(2, 16, depth=4, cooldown=2.0)
    assert settings.on_member_crash is HAND_OVER
    assert settings.drain == 5.0
    assert spec.tree.template.backoff.initial == 0.1


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("size = [2, 16]", "sise = 3", "did you mean 'size'"),
        ("sticky = {", "stickey = {", "did you mean 'sticky'"),
        ("patience = 10", "patients = 10", "did you mean 'patience'"),
        ('"hand_over"', '"handover"', "did you mean 'hand_over'"),
        ("cooldown", "cool_down", "did you mean 'cooldown'"),
        ('key = "customer"', 'key = "client"', "no message of its contract has a field 'client'"),
        ('"5s"', '"5 parsecs"', "/yard/porters.pool.drain"),
    ],
)
def test_a_mistake_in_a_system_file_is_named(old, new, words):
    """Place and nearest word stand in the error."""
    with pytest.raises(SpecError) as caught:
        from_mapping(tomllib.loads(FILE.replace(old, new)))
    assert words in str(caught.value)
    assert "/yard/porters" in str(caught.value)


def test_check_finds_messages_without_the_key():
    """A message that lacks the field is placed anywhere: that may not be meant."""
    tree = supervisor("t", children=[pool(Idler, id="p", router=STICKY, key="customer")])
    (found,) = find_mistakes(tree)
    assert found.rule == "pool-key"
    assert "Rest" in found.sentence


def test_check_finds_keys_that_may_lose_their_order():
    """A load bound and a handover together let two members work for one key."""
    options = {"router": CONSISTENT_HASH, "key": "customer", "on_member_crash": HAND_OVER}
    tree = supervisor("t", children=[pool(Porter, id="p", **options)])
    assert [one.rule for one in lint(tree)] == ["pool-order"]
    assert lint(supervisor("t", children=[pool(Porter, id="p", size=(2, 99))])) == []


def test_drains_and_starts_by_number():
    """The highest numbers leave first, who drains comes back first, a number is given once."""
    assert change_size([0, 1, 2], [], 1).drain == (2, 1)
    assert change_size([0], [2, 1], 3).back == (1, 2)
    assert change_size([0], [], 3, taken=[1]).start == (2, 3)
    assert change_size([0, 1], [5], 2) == change_size([], [], 0)


def run(tree, scenario):
    async def main():
        async with System(tree, seed=1) as system:
            await scenario(system)

    asyncio.run(main())


def test_voters_are_the_configured_members():
    """A vote among a pool asks each member, those included that are down; not those that leave."""

    async def scenario(system):
        cell = system.ref("/t")._cell
        assert voters_of(cell, "p") == {"0": "/t/p/0", "1": "/t/p/1", "2": "/t/p/2"}
        assert (await operate(system.ref("p")).resize(2)).ok
        assert list(voters_of(cell, "p")) == ["0", "1"]

    run(supervisor("t", children=[pool(Porter, id="p", size=3)]), scenario)


def test_a_new_spec_is_taken_over_while_it_runs():
    """Size and router change in a running pool; its members stay."""

    async def scenario(system):
        desk = operate(system.ref("p"))
        members = system.ref("/t/p/0")
        new = pool(Porter, id="p", size=4, router=ROUND_ROBIN).tree
        assert (await desk.reconfigure(new)).ok
        got = Counter([(await system.ask("p", Parcel("c"))).by for _ in range(8)])
        assert set(got.values()) == {2}
        assert len(got) == 4
        assert system.ref("/t/p/0") == members

    run(supervisor("t", children=[pool(Porter, id="p", size=2, router=LEAST_LOADED)]), scenario)


def test_a_new_size_moves_no_session():
    """Where only the size of a pool is changed, its sessions stay where they are."""

    async def scenario(system):
        names = [f"c{n}" for n in range(20)]
        old = [(await system.ask("p", Parcel(name))).by for name in names]
        new = pool(Porter, id="p", size=(2, 8), router=STICKY, key="customer").tree
        assert (await operate(system.ref("p")).reconfigure(new)).ok
        assert system.ref("p")._cell.agent.about()["size"] == 3
        assert [(await system.ask("p", Parcel(name))).by for name in names] == old

    porters = pool(Porter, id="p", size=3, router=STICKY, key="customer")
    run(supervisor("t", children=[porters]), scenario)


@pytest.mark.parametrize("before", [1, 4, 9])
def test_few_keys_move_when_a_member_comes(before):
    """From N to N+1 members at most 1.3/(N+1) of the keys go elsewhere, all to the new one."""

    async def scenario(system):
        async def owners():
            return {n: (await system.ask("p", Parcel(f"c{n}"))).by for n in range(3_000)}

        old = await owners()
        assert (await operate(system.ref("p")).resize(before + 1)).ok
        new = await owners()
        moved = [n for n in old if old[n] != new[n]]
        assert 0 < len(moved) <= 1.3 / (before + 1) * len(old)
        assert {new[n] for n in moved} == {f"/t/p/{before}"}

    router = ConsistentHash(load_bound=None)
    run(
        supervisor(
            "t", children=[pool(Porter, id="p", size=before, router=router, key="customer")]
        ),
        scenario,
    )


def test_a_bounded_ring_keeps_the_load_near_the_mean():
    """With a bound no member has more than 1.25 times the mean, even of skewed keys."""

    class Slow(Agent):
        @handles
        async def carry(self, parcel: Parcel) -> None:
            await self.sleep(60)

    async def scenario(system):
        for n in range(2_000):
            await system.tell("p", Parcel(f"c{n * n % 37}"))
        loads = [one.load for one in system.ref("p")._cell.agent.traffic.members]
        assert sum(loads) == 2_000
        assert max(loads) <= 1.25 * 2_000 / 8 + 1
        for cell in system.ground.root.children.values():
            cell.ref.stop()

    tree = supervisor(
        "t", children=[pool(Slow, id="p", size=8, router=CONSISTENT_HASH, key="customer")]
    )
    from harmonium.supervisors.shutdown import StopLimits

    async def main():
        async with System(tree, limits=StopLimits(drain=0, children=0.2)) as system:
            await scenario(system)

    asyncio.run(main())
