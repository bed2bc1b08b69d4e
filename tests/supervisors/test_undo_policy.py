"""The undo of a step under a policy of its own, on both grounds and over a crash."""

from __future__ import annotations

import asyncio
from typing import Any

import attrs
import pytest
from loguru import logger

from harmonium import (
    Agent,
    AskFailed,
    Pipeline,
    SpecError,
    Step,
    System,
    child,
    coordinator,
    handles,
    message,
    supervisor,
)
from harmonium.actors.policies import AskRetried, BreakerTurned
from harmonium.actors.simulated import SimulatedGround
from harmonium.protocols.backoff import Backoff
from harmonium.protocols.errors import ConfigError
from harmonium.protocols.fallback import Retry
from harmonium.protocols.pipeline.table import pipeline_from_table
from harmonium.protocols.reliability import BreakerPolicy, Policy, RetryPolicy
from harmonium.supervisors.coordinator_effects import StillStanding
from harmonium.supervisors.decision_records import read_records
from tests.supervisors.durable_desk import Back, Desk, Go


@message
class Charge:
    n: int


@message
class Refund:
    n: int


@message
class Ship:
    n: int


class Till(Agent):
    """Refunds after so many failures; a negative number says nothing at all."""

    def __init__(self, failures: list[int], book: list[str]) -> None:
        self._failures = failures
        self._book = book

    @handles
    def charge(self, charge: Charge) -> Charge:
        return charge

    @handles
    async def refund(self, refund: Refund) -> Refund:
        self._book.append(self._cell.more.key or "")
        if self._failures[0] < 0:
            await self.sleep(1e6)
        if self._failures[0]:
            self._failures[0] -= 1
            raise OSError("the bank is shut")
        return refund


class Courier(Agent):
    """Never takes anything."""

    @handles
    def ship(self, ship: Ship) -> Ship:
        raise ValueError("lost")


@attrs.define
class Seen:
    """What came of the requests."""

    book: list[str] = attrs.field(factory=list)
    errors: list[str] = attrs.field(factory=list)
    events: list[Any] = attrs.field(factory=list)
    took: float = 0.0

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


@pytest.fixture(autouse=True)
def _quiet() -> Any:
    logger.disable("harmonium")
    yield
    logger.enable("harmonium")


@pytest.fixture(params=["local", "simulated"])
def ground(request: pytest.FixtureRequest) -> str:
    return request.param


def run(ground: str, failures: int, requests: int = 1, **undo: Any) -> Seen:
    """Charge, fail to ship, and undo the charge."""
    seen = Seen()
    steps = [
        Step("charge", to="till", send=lambda c: Charge(c.request.n), undo=Refund, **undo),
        Step("ship", to="courier", after="charge", send=lambda c: Ship(1)),
    ]
    agents = [child(Till, [failures], seen.book, id="till"), child(Courier, id="courier")]
    tree = supervisor(
        "t",
        children=[*agents, coordinator(Pipeline(Go, steps, name="orders"))],
        max_restarts=1000,
        within=1.0,
    )

    async def main(system: System) -> None:
        async with system:
            system.listen(seen.events.append)
            begin = system.ground.clock()
            for n in range(requests):
                asked = system.ask("orders", Go(n), idempotency_key=f"r{n}", timeout=None)
                with pytest.raises(AskFailed) as failed:
                    await asked
                seen.errors.append(failed.value.error_type)
            seen.took = system.ground.clock() - begin

    if ground == "local":
        asyncio.run(main(System(tree)))
    else:
        simulated = SimulatedGround()
        simulated.play(main(System(tree, ground=simulated)))
        assert simulated.account().balanced
    return seen


QUICK = RetryPolicy(5, backoff=None)


def test_an_undo_is_retried_by_its_policy(ground):
    """What its policy repeats is one attempt for the pipeline, with one key."""
    seen = run(ground, 3, undo_policy=Policy(retry=QUICK), undo_fallback=[])
    assert seen.book == ["r0:charge:undo"] * 4
    assert len(seen.of(AskRetried)) == 3
    assert seen.errors == ["StepFailed"]
    assert seen.of(StillStanding) == []


def test_the_rules_of_the_undo_come_when_its_policy_has_given_up(ground):
    """Two attempts, each of three messages."""
    policy = Policy(retry=RetryPolicy(3, backoff=None))
    seen = run(ground, 100, undo_policy=policy, undo_fallback=[Retry(1, 0.0)])
    assert len(seen.book) == 6
    assert [one.step for one in seen.of(StillStanding)] == ["charge"]
    assert seen.errors == ["CompensationFailed"]


def test_an_open_breaker_spares_the_agent_and_counts_as_a_failed_undo(ground):
    """It is shared by all requests; what stands is told to who listens."""
    policy = Policy(breaker=BreakerPolicy.consecutive(2, open_for=60.0))
    seen = run(ground, 100, 4, undo_policy=policy, undo_fallback=[])
    assert len(seen.book) == 2
    assert len(seen.of(BreakerTurned)) == 1
    assert len(seen.of(StillStanding)) == 4


TWICE = RetryPolicy(2, backoff=None)


@pytest.mark.parametrize(
    ("policy", "seconds"),
    [
        (Policy(timeout=3.0), 3.0),
        (Policy(attempt_timeout=2.0, retry=TWICE), 4.0),
        (Policy(attempt_timeout=2.0, retry=TWICE, timeout=3.0), 3.0),
        (Policy(retry=TWICE), 60.0),
    ],
    ids=["timeout", "attempts", "both", "none"],
)
def test_the_timeout_of_the_policy_takes_the_place_of_the_undos(policy, seconds):
    """An agent that says nothing is given up when the one that is declared is over."""
    seen = run("simulated", -1, undo_policy=policy, undo_timeout=60.0, undo_fallback=[])
    assert seen.took == pytest.approx(seconds, abs=0.1)
    assert seen.errors == ["CompensationFailed"]


def test_the_policy_of_a_step_does_not_hold_for_its_undo(ground):
    """A breaker that the step's failures have opened would leave everything undone."""
    seen = run(ground, 1, policy=Policy(retry=QUICK), undo_fallback=[])
    assert len(seen.book) == 1
    assert len(seen.of(StillStanding)) == 1


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"undo": Refund, "undo_policy": 7}, "its policy is of another kind; give a Policy"),
        ({"undo_policy": Policy()}, "it says how to undo but not what; give undo="),
        ({"undo_timeout": 3.0}, "it says how to undo but not what; give undo="),
    ],
    ids=str,
)
def test_a_wrong_declaration_is_refused_where_it_is_made(options, problem):
    """With the pipeline and the step."""
    with pytest.raises(SpecError, match=problem):
        Pipeline(Go, [Step("charge", to="till", **options)])


def table(policy: Any) -> dict[str, Any]:
    step = {"name": "charge", "to": "till", "undo": "Refund", "undo_policy": policy}
    return {"request": "Charge", "steps": [step]}


def test_a_system_file_gives_undos_their_policies():
    """As a table under the step, with the names that `policy` has."""
    messages = {"Charge": Charge, "Refund": Refund}
    pipeline = pipeline_from_table(table({"timeout": "2s", "retry": {"attempts": 2}}), messages)
    assert pipeline.steps[0].undo_policy == Policy(timeout=2.0, retry=RetryPolicy(2))
    assert pipeline.steps[0].policy is None
    with pytest.raises(ConfigError, match=r"steps\[0\]\.undo_policy\.retri"):
        pipeline_from_table(table({"retri": {}}), messages)


class Undoing(Desk):
    """A desk where the undo of the first step has a policy, and no rules."""

    def tree(self) -> Any:
        tree = super().tree()
        steps = [
            Step(
                "a",
                to="a",
                timeout=1e5,
                undo=lambda c: Back(c["a"].n),
                undo_timeout=1e5,
                undo_fallback=[],
                undo_policy=Policy(retry=RetryPolicy(3, backoff=Backoff(1.0, 1.0, jitter=0.0))),
            ),
            Step("c", to="c", after="a", timeout=1e5),
        ]
        work = coordinator(Pipeline(Go, steps, name="work"), id="work")
        others = [one for one in tree.children if one.id != "work"]
        return attrs.evolve(tree, children=(work, *others))


def test_an_undo_goes_on_under_its_policy_after_a_crash():
    """Asked again with the same key; what the policy had spent is forgotten with the process."""
    desk = Undoing()
    desk.asked.broken.add("c")
    desk.asked.silent.add("a!undo")

    async def leave(system: System) -> None:
        system.ask("work", Go(1), idempotency_key="k", timeout=None)
        await asyncio.sleep(1.0)

    desk.play(leave)
    assert desk.asked.steps() == ["a", "c", "a!undo"]
    desk.asked.silent.clear()
    desk.asked.broken.add("a!undo")  # it fails now and after a second, then it is mended

    async def mend(system: System) -> None:
        await asyncio.sleep(1.5)
        desk.asked.broken.clear()
        await asyncio.sleep(1.0)

    desk.play(mend)
    assert desk.asked.steps() == ["a", "c", "a!undo", "a!undo", "a!undo", "a!undo"]
    assert {key for name, _, key in desk.asked.by if name == "a!undo"} == {"k:a:undo"}
    kinds = [one.kind for one in read_records(desk.store, "/top/work")]
    assert kinds.count("undone") == 1
    assert "standing" not in kinds
    assert desk.streams() == []
