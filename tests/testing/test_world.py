"""The world of a test: what it shows, lets pass and holds to be true."""

from __future__ import annotations

import pytest

from harmonium import Agent, AskTimeout, child, handles, message, supervisor
from harmonium.actors.cell import CellState
from harmonium.protocols.errors import AgentDead, AskFailed, UnknownAgent
from harmonium.testing import (
    Buggify,
    Crash,
    Drop,
    Kill,
    Neutral,
    PropertyViolated,
    Replay,
    Scene,
    World,
    reached,
    run_once,
    sometimes,
)


@message
class Ping:
    n: int


@message
class Pong:
    n: int


@message
class Call:
    to: str


class Echo(Agent):
    @handles
    def ping(self, ping: Ping) -> Pong:
        reached("echo")
        if sometimes("wrong"):
            return Pong(-1)
        if ping.n == 13:
            raise ValueError("unlucky")
        return Pong(ping.n)

    @handles
    async def call(self, order: Call) -> Pong:
        return await self.ask(order.to, Call(self.path), timeout=500)


TREE = supervisor("top", max_restarts=50, children=[child(Echo, id="a"), child(Echo, id="b")])


@pytest.fixture
def world():
    """A world with two agents."""
    made = World(TREE)
    made.start()
    yield made
    made.close()


def outcome_of(body, *faults):
    """Run a body once on the tree."""
    return run_once(Scene(TREE, body), Replay(faults))


def violation_of(body, *faults):
    """Run a body that must fail; gives what it violates."""
    found = outcome_of(body, *faults).violation
    assert isinstance(found, PropertyViolated), found
    return found


def test_asks_from_outside_give_the_answer_or_raise(world):
    """`World.ask` lets time pass until the answer is there."""
    assert world.ask("a", Ping(1)) == Pong(1)
    with pytest.raises(AskFailed, match="unlucky"):
        world.ask("a", Ping(13))
    world.inject(Drop("b", nth=1))
    with pytest.raises(AskTimeout):
        world.ask("b", Ping(1), timeout=2.0)
    with pytest.raises(UnknownAgent):
        world.ask("nobody", Ping(1))


def test_time_passes_as_told(world):
    """`advance`, `run_until` and `run_until_quiet` move the one clock."""
    world.advance(10)
    assert world.now == 10.0
    assert not world.run_until(lambda: False, within=5)
    assert world.now == 15.0
    assert world.run_until(lambda: True)
    assert world.run_until_quiet()


def test_what_is_there_can_be_seen(world):
    """The tree, mailboxes, the agents themselves, and what happened."""
    assert world.tree() == ("/top", "/top/b", "/top/a")
    world.tell("a", Ping(1))
    assert world.mailbox("a") == ()
    world.ask("a", Ping(2))
    assert [entry.what for entry in world.history() if entry.kind == "handled"] == [
        Ping(1),
        Ping(2),
    ]
    assert world.log(Pong) == [Pong(2)]
    assert isinstance(world.agent("a"), Echo)
    before = world.agent("a")
    world.kill("a")
    world.run_until_quiet()
    assert isinstance(world.agent("a"), Echo)
    assert world.agent("a") is not before


def test_a_probe_plays_an_agent(world):
    """It sends, expects, fishes, answers, watches, and takes any message."""
    probe = world.probe("me")
    probe.tell("a", Ping(1))
    probe.expect_none(within=1)
    probe.ask("a", Ping(2))
    assert probe.expect(Pong) == Pong(2)
    probe.ask("a", Ping(3))
    with pytest.raises(AssertionError, match="expected Ping and got Pong"):
        probe.expect(Ping)
    with pytest.raises(AssertionError, match="got nothing in 2"):
        probe.expect(Ping, within=2)
    other = world.probe("other")
    other.ask(probe.ref, Ping(5))
    assert probe.expect(Ping) == Ping(5)
    probe.reply(Pong(55))
    assert other.expect(Pong) == Pong(55)
    probe.autopilot(lambda ping: Pong(ping.n * 2))
    other.ask(probe.ref, Ping(6))
    assert other.fish(lambda m: m.n > 10) == Pong(12)
    with pytest.raises(AssertionError, match="no message to answer"):
        probe.reply(Pong(1))


def test_a_probe_hears_of_ends_and_errors(world):
    """What its asks end in is kept, and an agent that it watches is told to be gone."""
    probe = world.probe("me")
    probe.ask("a", Ping(13))
    world.run_until_quiet()
    assert isinstance(probe.failures[0], AskFailed)
    ref = world.ref("b")
    probe.watch(ref)
    world.system.ground.request_stop(world.ref("/top")._cell)
    assert probe.expect_terminated(ref).path == "/top/b"
    with pytest.raises(AgentDead):
        raise AgentDead(ref.path)


def test_always_is_looked_at_after_each_step():
    """A condition that breaks in the middle is caught there, with the time."""

    def body(world):
        world.tell("a", Ping(1))
        world.tell("a", Ping(2))
        world.always(lambda: len(world.log(Ping)) < 2, "fewer than two")

    error = violation_of(body)
    assert error.name == "fewer than two"
    assert error.at == pytest.approx(0.001)


def test_a_condition_may_assert():
    """An AssertionError violates it, and its text says why; None counts as true."""

    def body(world):
        def check():
            assert not world.log(Ping), "there was a ping"

        world.always(check, "no ping")
        world.tell("a", Ping(1))

    assert "there was a ping" in str(violation_of(body))


def test_eventually_counts_from_when_faults_stop():
    """It may be false for long, and must be true in the end."""

    def body(world):
        world.advance(500)
        world.eventually(lambda: world.now >= 0, "at once", within=1)
        world.eventually(lambda: world.log(Pong), "a pong", within=7)

    error = violation_of(body)
    assert error.name == "a pong"


def test_leads_to_wants_an_effect_for_each_cause():
    """A cause without its effect in time is named."""

    def body(world):
        me = world.probe("me")
        for n in (1, 2):
            me.ask("a", Ping(n))
        world.leads_to(
            lambda m: isinstance(m, Ping),
            lambda m: isinstance(m, Pong),
            within=3,
            key="n",
            name="each ping has its pong",
        )

    assert outcome_of(body).violation is None
    assert "Ping(n=2)" in str(violation_of(body, Crash("a", on=2)))


def test_never_stuck_names_who_waits_for_whom():
    """Two agents that ask each other are found, long before their deadlines."""

    def body(world):
        world.tell("a", Call("b"))
        world.never_stuck()

    error = violation_of(body)
    assert "/top/a waits for /top/b" in str(error)
    assert "/top/b waits for /top/a" in str(error)


def test_quiet_conditions_wait_for_the_end():
    """`always_quiet` is looked at once, when nothing is under way."""

    def body(world):
        world.tell("a", Ping(1))
        world.always_quiet(lambda: world.log(Ping) == [], "nothing was sent")

    assert violation_of(body).name == "nothing was sent"


def test_endless_chatter_is_a_livelock():
    """A run with too many messages ends."""

    class Chatter(Agent):
        @handles
        def ping(self, ping: Ping) -> None:
            self.tell(self.path, Ping(ping.n + 1))

    scene = Scene(
        supervisor("top", children=[child(Chatter, id="c")]),
        lambda world: world.tell("c", Ping(0)),
        max_deliveries=500,
    )
    assert "no livelock" in str(run_once(scene).violation)


def test_sites_say_yes_where_a_fault_says_so():
    """`sometimes` is False but for a `Buggify`; `reached` counts."""

    def body(world):
        answers = [world.ask("a", Ping(n)).n for n in (1, 2, 3)]
        world.ledger("answers").extend(answers)

    assert not sometimes("wrong")
    outcome = outcome_of(body, Buggify("wrong", on=2))
    assert outcome.world.ledger("answers") == [1, -1, 3]
    assert outcome.world.reached == {"echo": 3}


def test_a_kill_by_the_clock_restarts_the_agent():
    """`Kill(at=...)` and `world.inject` work in the middle of a run."""

    def body(world):
        world.inject(Kill("a", at=5.0))
        world.advance(6.0)
        assert world.ref("a")._cell.incarnation == 2
        assert world.ask("a", Ping(1)) == Pong(1)

    assert outcome_of(body).violation is None


def test_neutral_choices_change_nothing():
    """The plain run is the run without choices."""

    def body(world):
        world.ask("a", Ping(1))

    scene = Scene(TREE, body)
    assert run_once(scene, Neutral()).hash() == run_once(scene).hash()


def test_nobody_crashes_in_a_run_without_faults():
    """Not even the guardian, which stands above everybody else and starts before the trace."""
    outcome = outcome_of(lambda world: world.tell("a", Ping(1)))
    ground = outcome.world.ground
    assert ground.root.state is CellState.RUNNING
    assert ground.observers.crashes == 0


def test_handlers_are_called_by_the_table_with_the_injector_before_each():
    """The same way through the scheduler as in production; no second look at each message."""

    def body(world):
        cell = world.ref("a")._cell
        assert set(cell.fast) == set(cell.agent.__table__.dispatch)
        assert cell.fast[Ping] is not None
        world.tell("a", Ping(1))

    outcome = outcome_of(body, Crash("a", on=1, where="before"))
    kinds = [entry.kind for entry in outcome.world.history() if entry.actor.endswith("/a")]
    assert kinds == ["started", "handled", "fault", "crashed", "started"]
    account = outcome.world.ground.account()
    assert account.balanced
    assert account.failed == 1
