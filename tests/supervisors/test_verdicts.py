"""What a supervisor writes down of its decisions, and what it tells a person at once."""

from __future__ import annotations

import pytest

from harmonium.protocols.backoff import Backoff
from harmonium.protocols.budget import Budget
from harmonium.protocols.lifecycle import NORMAL, SHUTDOWN, Exit, Exited, ExitKind
from harmonium.supervisors.core import events as on
from harmonium.supervisors.core.effects import CancelTimer, SetTimer
from harmonium.supervisors.poison import Poison
from harmonium.supervisors.spec import child, partition_supervisor
from harmonium.supervisors.words import (
    ANY_SIGNIFICANT,
    ESCALATE,
    ONE_FOR_ALL,
    RESUME,
    STOP,
    TRANSIENT,
    RootExhausted,
)
from tests.supervisors.harness import KILLED, Mail, Script, World, kid, tree

SLOW = Backoff(5.0, 5.0, jitter=0.0)
LOST = Exit(ExitKind.LOST)


def written(world: World) -> list[tuple[str, str, str]]:
    """List the verdicts so far, without that of the boot."""
    found = [
        (one.child, one.choice, one.why) for record in world.top.records for one in record.verdicts
    ]
    return [one for one in found if one[1] != "ready"]


def poisoned() -> World:
    rule = Poison(attempts=2, age=1.0)
    world = World(tree(kid("A", poison=rule, retries=9), max_restarts=9)).boot()
    cell = world.top.cells["A"]
    cell.mailbox.extend([Mail("bad", error=ValueError("x")), Mail("good")])
    world.top.work(cell)
    return world.run(2)


def escalated() -> World:
    inner = tree(kid("K", directives={ValueError: ESCALATE}), name="inner")
    world = World(tree(child(inner, directives={ValueError: RESUME}))).boot().crash("K")
    world.top.records[:] = world.top.cells["inner"].node.records
    return world


def resized() -> World:
    world = World(partition_supervisor("top", kid("x"), partitions=2)).boot()
    world.order(on.Resize, 1)
    return world


def reconfigured() -> World:
    world = World(tree("A")).boot()
    world.order(on.Reconfigure, tree("A", within=9.0))
    return world


def killed() -> World:
    world = World(tree("A")).boot()
    world.top.feed(on.KillAll(KILLED))
    return world.run()


def amended() -> World:
    world = World(tree("A", lost_grace=0.0, max_restarts=3)).boot()
    world.top.cells["A"].state = "gone"
    world.top.feed(Exited("A", 1, LOST))
    world.top.feed(Exited("A", 1, Exit(ExitKind.CRASH, "boom")))
    return world.run()


def absorbed(how: str) -> World:
    spec = tree("A", "B", "C", strategy=ONE_FOR_ALL, max_restarts=3)
    world = World(spec, C=Script(stop=1.0)).boot().crash("A")
    world.crash("B") if how == "crash" else world.exit("B", KILLED)
    return world.run(2)


def held() -> World:
    world = World(tree("A", "B")).boot()
    world.stop("A")
    world.restart("A")
    world.stop("A")
    world.delete("A")
    world.start(kid("C"))
    return world


ENDED = "the significant child S ended"
STORIES = {
    "restart": (
        lambda: World(tree("A", max_restarts=3)).boot().crash("A"),
        [("A", "restart", "ValueError: A broke; 1 of 3 restarts within 5 s used.")],
    ),
    "give up": (
        lambda: World(tree("A", max_restarts=0)).boot().crash("A"),
        [
            (
                "",
                "give_up",
                "/top used up its 0 restarts within 5 s; the last cause was ValueError: A broke.",
            )
        ],
    ),
    "too slow to start": (
        lambda: World(tree(kid("A", start_timeout=1.0)), A=Script(start=9.0)).boot(2),
        [
            ("A", "kill", "It was not ready within 1 s."),
            ("A", "start_failed", "it was not ready within 1 s."),
        ],
    ),
    "too slow to stop": (
        lambda: World(tree(kid("A", shutdown=1.0)), A=Script(stop=None)).boot().shutdown(2),
        [
            ("", "shutdown", "It was told to stop: shutdown."),
            ("A", "kill", "It did not stop within 1 s."),
        ],
    ),
    "backoff": (
        lambda: World(tree(kid("A", backoff=SLOW))).boot().crash("A", seconds=6),
        [
            ("A", "restart", "ValueError: A broke; 1 of 1 restart within 5 s used."),
            ("A", "start", "Its backoff of 5 s is over."),
        ],
    ),
    "quarantine": (
        lambda: (
            World(tree(kid("A", budget=Budget(0, 5.0), quarantine=SLOW)))
            .boot()
            .crash("A", seconds=6)
            .crash("A")
        ),
        [
            ("A", "quarantine", "ValueError: A broke; 0 restarts within 5 s used up."),
            ("A", "try", "Its quarantine no. 1 is over."),
            ("A", "quarantine", "ValueError: A broke; its trial used up."),
        ],
    ),
    "resume": (
        lambda: World(tree(kid("A", directives={ValueError: RESUME}))).boot().crash("A"),
        [("A", "resume", "ValueError: A broke; its table says resume.")],
    ),
    "stop by its table": (
        lambda: World(tree(kid("A", directives={ValueError: STOP}))).boot().crash("A"),
        [("A", "retire", "ValueError: A broke; its table says stop.")],
    ),
    "escalate": (
        escalated,
        [
            ("K", "escalate", "ValueError: K broke; its table says escalate."),
            ("K", "resume", "The parent decided to resume."),
        ],
    ),
    "retire": (
        lambda: World(tree(kid("A", restart=TRANSIENT))).boot().exit("A", NORMAL),
        [("A", "retire", "normal; a transient child stays away then.")],
    ),
    "automatic shutdown": (
        lambda: (
            World(
                tree(kid("S", restart=TRANSIENT, significant=True), auto_shutdown=ANY_SIGNIFICANT)
            )
            .boot()
            .exit("S", NORMAL)
        ),
        [
            ("S", "retire", "normal; a transient child stays away then."),
            ("", "shutdown", f"{ENDED}, and auto_shutdown is any_significant."),
        ],
    ),
    "decline": (
        lambda: World(tree("A"), A=Script(declines=lambda _: True)).boot(),
        [("A", "decline", "it declined to start.")],
    ),
    "start failed": (
        lambda: World(tree("A"), A=Script(fails=lambda _: OSError("no"))).boot(),
        [("A", "start_failed", "OSError: no.")],
    ),
    "operator": (
        held,
        [
            ("A", "hold", "An operator stopped it."),
            ("A", "start", "An operator started it."),
            ("A", "hold", "An operator stopped it."),
            ("A", "delete", "An operator deleted it."),
            ("C", "add", "An operator added it."),
        ],
    ),
    "resize": (resized, [("", "resize", "An operator wants 1 of 2 partitions.")]),
    "reconfigure": (reconfigured, [("", "reconfigure", "An operator gave it a new spec.")]),
    "kill": (killed, [("", "kill", "It was told to end at once: killed.")]),
    "amend": (
        amended,
        [
            ("A", "restart", "lost; 1 of 3 restarts within 5 s used."),
            ("A", "amend", "Its last instance ended: crash: boom."),
        ],
    ),
    "absorbed crash": (
        lambda: absorbed("crash"),
        [
            ("A", "restart", "ValueError: A broke; 1 of 3 restarts within 5 s used."),
            ("B", "absorb", "ValueError: B broke; its group is being restarted anyway."),
        ],
    ),
    "absorbed exit": (
        lambda: absorbed("exit"),
        [
            ("A", "restart", "ValueError: A broke; 1 of 3 restarts within 5 s used."),
            ("B", "absorb", "killed; its group is being restarted anyway."),
        ],
    ),
    "poison": (
        poisoned,
        [
            ("A", "retry", "Message bad crashed it once (ValueError('x'))."),
            ("A", "restart", "ValueError: x; 1 of 9 restarts within 5 s used."),
            (
                "A",
                "set_aside",
                "Message bad crashed it 2 times in the same way (ValueError('x')).",
            ),
            ("A", "restart", "ValueError: x; the message has a limit of its own."),
            (
                "A",
                "quarantine",
                "Message bad crashed it 3 times in the same way (ValueError('x')).",
            ),
            ("A", "restart", "ValueError: x; the message has a limit of its own."),
        ],
    ),
    "overrun": (
        lambda: overran(),  # noqa: PLW0108 - it stands further down
        [("A", "report", "A handler is at work for 9 s, which is over its limit.")],
    ),
}


def overran() -> World:
    world = World(tree("A")).boot()
    world.top.feed(on.Overran("A", 1, 9.0))
    return world


@pytest.mark.parametrize("story", STORIES)
def test_every_decision_is_written_down_with_its_reason(story):
    """What was decided, about whom, and the figures that it rests on."""
    happens, expected = STORIES[story]
    assert written(happens()) == expected


def test_the_end_of_the_boot_is_written_down():
    """Once, when the last child is ready."""
    world = World(tree("A", "B")).boot().crash("A", seconds=1)
    assert [one.choice for record in world.top.records for one in record.verdicts] == [
        "ready",
        "restart",
    ]


NOTICES = {
    "too slow to start": (
        lambda: World(tree(kid("A", start_timeout=1.0)), A=Script(start=9.0)).boot(2),
        [("A", "It was not ready within 1 s.")],
    ),
    "too slow to stop": (
        lambda: World(tree(kid("A", shutdown=1.0)), A=Script(stop=None)).boot().shutdown(2),
        [("A", "It did not stop within 1 s: killed.")],
    ),
    "parked": (
        lambda: (
            World(tree("A", max_restarts=0, on_root_exhausted=RootExhausted.PARK)).boot().crash("A")
        ),
        [("", "It gave up and is parked: all children are held.")],
    ),
    "fine": (lambda: World(tree("A")).boot().shutdown(), []),
}


@pytest.mark.parametrize("story", NOTICES)
def test_a_person_is_told_at_once(story):
    """Of what nobody else hears."""
    happens, expected = NOTICES[story]
    assert happens().notices == expected


def test_only_timers_that_were_set_are_cancelled_and_only_once():
    """A timer that has fired, or is not set, is left alone; none stays set at the end."""
    spec = tree(
        kid("A", backoff=SLOW, start_timeout=3.0),
        kid("B", budget=Budget(0, 5.0), quarantine=SLOW, shutdown=1.0),
        max_restarts=99,
    )
    world = World(spec, B=Script(stop=None)).boot()
    world.crash("A", seconds=6).crash("B", seconds=6).exit("A", LOST, seconds=1)
    world.scripts["A"] = Script(start=9.0)
    world.run(20)
    world.stop("B", seconds=2)
    world.crash("A") if world.top.cells["A"].state == "running" else None
    world.shutdown(30)
    assert world.over
    pending: set = set()
    for record in world.top.records:
        if isinstance(record.event, on.TimerFired):
            pending.discard(record.event.token)
        for effect in record.effects:
            if isinstance(effect, SetTimer):
                pending.add(effect.token)
            elif isinstance(effect, CancelTimer):
                assert effect.token in pending
                pending.remove(effect.token)
    assert pending == set()


def test_a_start_that_is_too_late_is_not_ready():
    """The exit reason of the killed instance is kept for the list."""
    world = World(tree("A", max_restarts=9)).boot()
    world.stop("A")
    assert world.rows()["A"].reason == str(SHUTDOWN)
