"""Mail, tables, hooks, children and watches across a restart on the real runtime: S72 to S78."""

from __future__ import annotations

import pytest
from loguru import logger

from harmonium import ONE_FOR_ALL, Agent, AskFailed, Backoff, Ref, child, handles, message
from harmonium.actors.observer import AgentCrashed
from harmonium.protocols.errors import Unavailable
from harmonium.protocols.waiting import DROP, HOLD, Forward, Reply, Stash
from harmonium.supervisors.words import ESCALATE, RESTART, RESUME, STOP
from tests.supervisors.engine import Fail, Kid, Look, Note, Rule, Seen, Special, Watch, World

PAUSE = Backoff(5.0, 5.0, jitter=0.0)


@pytest.fixture(autouse=True)
def _quiet():
    logger.disable("harmonium")
    yield
    logger.enable("harmonium")


def numbers(world, name):
    return [n for who, _, n in world.handled if who == name and n >= 0]


@pytest.mark.parametrize(
    ("mail", "handled", "dead"),
    [
        (HOLD, [1, 2, 3, 4, 5, 6], 0),
        (DROP, [6], 5),
        (Stash(3), [1, 2, 3, 6], 2),
    ],
    ids=str,
)
def test_s72_mail_that_arrives_during_a_backoff(mail, handled, dead):
    """Held, dropped, or the first three stashed: in order, and before what is newer."""

    async def scenario(world):
        world.tell("/top/A", Fail())
        await world.pass_time(1.0)
        for n in range(1, 6):
            world.tell("/top/A", Note(n))
        await world.pass_time(5.0)
        await world.ask("/top/A", Note(6))
        assert numbers(world, "A") == handled
        assert len(world.system.dead_letters) == dead

    world = World()
    world.play(world.tree(world.kid("A", backoff=PAUSE, mail=mail)), scenario)


def test_s72_dropped_mail_answers_its_asker():
    """The asker hears Unavailable, with the time of the restart, at once."""

    async def scenario(world):
        world.tell("/top/A", Fail())
        await world.pass_time(1.0)
        with pytest.raises(Unavailable) as caught:
            await world.ask("/top/A", Note(1), timeout=1000.0)
        assert caught.value.until == pytest.approx(5.0, abs=0.1)

    world = World()
    world.play(world.tree(world.kid("A", backoff=PAUSE, mail=DROP)), scenario)


def test_s72_a_constant_reply_while_the_child_is_away():
    """Five askers, five constant answers; nothing waits for the child."""

    async def scenario(world):
        world.tell("/top/A", Fail())
        await world.pass_time(1.0)
        for n in range(5):
            assert await world.ask("/top/A", Note(n)) == Seen((), 0)
        await world.pass_time(5.0)
        assert numbers(world, "A") == []

    world = World()
    world.play(world.tree(world.kid("A", backoff=PAUSE, mail=Reply(Seen((), 0)))), scenario)


def test_s72_mail_is_forwarded_in_order_to_the_one_who_stands_in():
    """The handler got five in order, and their askers hear from it."""

    async def scenario(world):
        world.tell("/top/A", Fail())
        await world.pass_time(1.0)
        asks = [world.system.ask("/top/A", Note(n), timeout=60) for n in range(5)]
        for one in asks:
            await one
        assert numbers(world, "B") == [0, 1, 2, 3, 4]
        assert numbers(world, "A") == []

    world = World()
    world.play(world.tree(world.kid("A", backoff=PAUSE, mail=Forward("B")), "B"), scenario)


@pytest.mark.parametrize("rule", [Rule(fails=(2,)), Rule(builds=(2,))], ids=["start", "build"])
def test_s73_what_waits_survives_a_failed_start(rule):
    """The child fails again when it starts: nothing is lost or doubled, the order stays."""

    async def scenario(world):
        world.tell("/top/A", Fail())
        await world.pass_time(1.0)
        for n in range(3):
            world.tell("/top/A", Note(n))
        await world.pass_time(30.0)
        assert world.incarnation("/top/A") == 3
        assert numbers(world, "A") == [0, 1, 2]

    world = World(A=rule)
    tree = world.tree(world.kid("A", backoff=PAUSE, mail=Stash(3)), max_restarts=5, within=60.0)
    world.play(tree, scenario)


def test_s73_what_waits_survives_a_crash_on_the_first_of_it():
    """Only the failing message is gone."""

    async def scenario(world):
        world.tell("/top/A", Fail())
        await world.pass_time(1.0)
        world.tell("/top/A", Fail(), Note(1), Note(2))
        await world.pass_time(30.0)
        assert numbers(world, "A") == [1, 2]
        assert world.ground.account().failed == 2

    world = World()
    world.play(world.tree(world.kid("A", backoff=PAUSE, mail=Stash(3)), max_restarts=5), scenario)


TABLE = {KeyError: RESUME, ValueError: RESTART, OSError: STOP}


def test_s74_resume_keeps_the_state_and_goes_on():
    """The next message is handled by the same incarnation."""

    async def scenario(world):
        world.tell("/top/A", Note(1), Fail("KeyError"), Note(2))
        assert await world.ask("/top/A", Look()) == Seen((1, 2), 1)

    world = World()
    world.play(world.tree("A", directives=TABLE), scenario)


@pytest.mark.parametrize("error", ["ValueError", "Special"])
def test_s74_restart_makes_a_fresh_state(error):
    """The exception's own class, or the most specific base that has an entry."""

    async def scenario(world):
        world.tell("/top/A", Note(1), Fail(error), Note(2))
        assert await world.ask("/top/A", Look()) == Seen((2,), 2)

    world = World()
    world.play(world.tree("A", directives=TABLE), scenario)


def test_s74_the_most_specific_class_wins():
    """An entry for the subclass stands before that of its base."""

    async def scenario(world):
        world.tell("/top/A", Note(1), Fail("Special"))
        assert await world.ask("/top/A", Look()) == Seen((1,), 1)

    world = World()
    world.play(world.tree("A", directives={ValueError: RESTART, Special: RESUME}), scenario)


def test_s74_stop_ends_the_child_and_tells_its_watchers():
    """It is not started again."""

    async def scenario(world):
        await world.ask("/top/W", Watch("/top/A"))
        world.tell("/top/A", Fail("OSError"))
        await world.pass_time(1.0)
        assert not world.there("/top/A")
        assert world.notices == ["/top/A crash"]

    world = World()
    world.play(world.tree("A", "W", directives=TABLE), scenario)


def test_s74_escalate_fails_the_supervisor_with_the_very_same_exception():
    """The parent's table sees the child's own exception, and decides."""
    crashes = []

    async def scenario(world):
        world.system.listen(
            lambda event: crashes.append(event) if isinstance(event, AgentCrashed) else None
        )
        world.tell("/top/inner/A", Fail("SystemExit"))
        await world.pass_time(1.0)
        assert [crash.path for crash in crashes] == ["/top/inner/A", "/top/inner"]
        assert crashes[0].error is crashes[1].error
        assert world.incarnation("/top/inner") == 2
        assert world.incarnation("/top/inner/A") == 1
        assert world.log.count("started A") == 2

    world = World()
    inner = world.tree("A", name="inner", directives={ValueError: RESTART})
    world.play(world.tree(inner), scenario)


def test_s74_a_parent_may_resume_an_escalated_failure():
    """Then the child goes on with its state."""

    async def scenario(world):
        world.tell("/top/inner/A", Note(1), Fail("KeyError"), Note(2))
        assert await world.ask("/top/inner/A", Look()) == Seen((1, 2), 1)

    world = World()
    inner = world.tree("A", name="inner", directives={KeyError: ESCALATE})
    world.play(world.tree(inner, directives={KeyError: RESUME}), scenario)


def test_s75_the_failing_message_is_handled_once_and_the_rest_in_order():
    """m1 fails, m2 and m3 follow; the asker of m1 hears at once; nothing runs in between."""

    async def scenario(world):
        began = world.ground.now()
        failing = world.system.ask("/top/A", Fail(), timeout=1000.0)
        world.tell("/top/A", Note(2), Note(3))
        with pytest.raises(AskFailed):
            await failing
        assert world.ground.now() - began < 0.05
        await world.ask("/top/A", Look())
        assert world.handled == [("A", 1, -1), ("A", 2, 2), ("A", 2, 3)]

    world = World(A=Rule(start=0.5))
    world.play(world.tree("A"), scenario)


def test_s76_the_hooks_hear_the_cause_and_the_message():
    """The failed one hears cause and message, its sibling no message; both successors the cause."""

    async def scenario(world):
        world.tell("/top/A", Fail())
        await world.pass_time(1.0)
        cause = "ValueError('A')"
        assert sorted(world.hooks, key=str) == [
            ("after", "A", 2, cause, None),
            ("after", "B", 2, cause, None),
            ("before", "A", 1, cause, Fail()),
            ("before", "B", 1, cause, None),
        ]

    world = World()
    world.play(world.tree("A", "B", strategy=ONE_FOR_ALL), scenario)


def test_s76_a_before_restart_that_raises_is_logged_and_no_more():
    """The restart goes on."""

    class Sore(Kid):
        async def before_restart(self, cause, message):
            raise RuntimeError("in the hook")

    async def scenario(world):
        world.tell("/top/A", Fail())
        await world.pass_time(1.0)
        assert world.incarnation("/top/A") == 2
        assert len(world.cell("/top").agent.state.window) == 1

    world = World()
    world.play(world.tree(child(Sore, world, "A", id="A")), scenario)


def test_s76_an_after_restart_that_raises_is_a_new_failure():
    """It is charged."""

    async def scenario(world):
        world.tell("/top/A", Fail())
        await world.pass_time(1.0)
        assert world.incarnation("/top/A") == 4
        assert len(world.cell("/top").agent.state.window) == 3

    world = World(A=Rule(fails=(2, 3)))
    world.play(world.tree("A", max_restarts=3), scenario)


class Parent(Agent):
    """Has two children and a timer."""

    def __init__(self, world, keep):
        self.world = world
        self.keep = keep

    def started(self):
        if self.incarnation == 1 or not self.keep:
            self.spawn(Kid, self.world, "K1", id="K1")
            self.spawn(Kid, self.world, "K2", id="K2")
        if self.incarnation == 1:
            self.schedule(0.5, Note(99), every=0.5)
        self.world.log.append(f"parent {self.incarnation}")

    @handles
    def note(self, note: Note) -> None:
        self.world.handled.append(("P", self.incarnation, note.n))

    @handles
    def fail(self, fail: Fail) -> None:
        raise ValueError


def test_s77_children_are_stopped_before_the_next_instance_is_built():
    """K2, K1, then the new parent with children of its own; old timers never fire in it."""

    async def scenario(world):
        await world.pass_time(1.2)
        world.clear()
        world.tell("/top/P", Fail())
        await world.pass_time(5.0)
        assert world.log == ["stopped K2", "stopped K1", "started K1", "started K2", "parent 2"]
        assert {number for who, number, n in world.handled if who == "P"} == {1}

    world = World()
    world.play(world.tree(child(Parent, world, False, id="P")), scenario)


def test_s77_children_may_be_kept():
    """The same incarnations go on under the new parent."""

    async def scenario(world):
        kept = world.cell("/top/P/K1")
        await world.ask("/top/P/K1", Note(5))
        world.tell("/top/P", Fail())
        await world.pass_time(1.0)
        assert world.incarnation("/top/P") == 2
        assert world.cell("/top/P/K1") is kept
        assert await world.ask("/top/P/K1", Look()) == Seen((5,), 1)

    world = World()
    world.play(world.tree(child(Parent, world, True, id="P", keep_children=True)), scenario)


def test_s77_a_child_that_crashes_takes_its_parent_along():
    """Whoever is no supervisor shares its child's failure; its own supervisor decides."""

    async def scenario(world):
        world.tell("/top/P/K1", Fail())
        await world.pass_time(1.0)
        assert world.incarnation("/top/P") == 2
        assert world.incarnation("/top/P/K1") == 1
        assert world.ground.account().failed == 1

    world = World()
    world.play(world.tree(child(Parent, world, False, id="P")), scenario)


@message
class Rewatch:
    """Watch this agent."""

    ref: Ref


class Again(Kid):
    """Watches by ref, and takes a watch back when it gets a note."""

    @handles
    def rewatch(self, order: Rewatch) -> None:
        self.watched = order.ref
        self.watch(order.ref)

    @handles
    async def note(self, note: Note) -> None:
        await self.sleep(2.0)
        self.unwatch(self.watched)


def test_s78_a_watcher_hears_once_of_an_end_and_never_of_a_restart():
    """A restart: nothing. A stop: one notice. A watch of the dead: one at once."""

    async def scenario(world):
        await world.ask("/top/W", Watch("/top/A"))
        ref = world.system.ref("/top/A")
        world.tell("/top/A", Fail())
        await world.pass_time(1.0)
        assert world.notices == []
        await world.operate().stop_child("A")
        await world.pass_time(1.0)
        assert world.notices == ["/top/A shutdown"]
        await world.ask("/top/again", Rewatch(ref))
        await world.pass_time(0.1)
        assert world.notices == ["/top/A shutdown"] * 2
        await world.ask("/top/again", Rewatch(ref))
        await world.pass_time(0.1)
        assert world.notices == ["/top/A shutdown"] * 3

    world = World()
    world.play(world.tree("A", "W", child(Again, world, "again", id="again")), scenario)


def test_s78_no_notice_after_unwatch_even_if_it_waits_already():
    """The notice in the mailbox is void; it is a dead letter, not a silent loss."""

    async def scenario(world):
        await world.ask("/top/again", Rewatch(world.system.ref("/top/A")))
        waiting = world.system.ask("/top/again", Note(1), timeout=60.0)
        await world.pass_time(0.1)
        await world.operate().stop_child("A")
        await waiting
        await world.pass_time(1.0)
        assert world.notices == []
        assert [letter.reason for letter in world.system.dead_letters] == ["unwatched"]

    world = World()
    world.play(world.tree("A", child(Again, world, "again", id="again")), scenario)


def test_s78_the_watch_ends_with_the_watcher():
    """The next incarnation of a watcher hears nothing that it did not ask for."""

    async def scenario(world):
        await world.ask("/top/W", Watch("/top/A"))
        world.tell("/top/W", Fail())
        await world.pass_time(1.0)
        await world.operate().stop_child("A")
        await world.pass_time(1.0)
        assert world.notices == []

    world = World()
    world.play(world.tree("A", "W"), scenario)
