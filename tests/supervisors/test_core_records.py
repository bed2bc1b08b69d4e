"""What a decision leaves in the journal: all of it but the exceptions."""

from __future__ import annotations

import attrs
import pytest

from harmonium.protocols.lifecycle import Exit, Exited, ExitKind
from harmonium.supervisors.core import effects, events
from harmonium.supervisors.core.cause import Cause
from harmonium.supervisors.core.journal import bare
from tests.supervisors.harness import World, kid, tree

ERROR = ValueError("x")
CAUSE, REASON = Cause.of(ERROR), Exit(ExitKind.CRASH, "x", ERROR)
CAUSE_OF_A = Cause("ValueError: A broke", ("ValueError", "Exception", "BaseException"))
FIELDS = {
    "child": "A",
    "incarnation": 1,
    "successor": 2,
    "spec": kid("A"),
    "cause": CAUSE,
    "reason": REASON,
}
KINDS = [
    kind
    for module in (effects, events)
    for name in module.__all__
    if attrs.has(kind := getattr(module, name))
    and {field.name: str(field.type) for field in attrs.fields(kind)}.items()
    & {("cause", "Cause"), ("cause", "Cause | None"), ("reason", "Exit")}
]


def test_the_kinds_that_may_hold_an_exception_are_known():
    """So that none is forgotten below."""
    names = {kind.__name__ for kind in KINDS}
    assert {"Start", "Restart", "Stop", "Escalate", "Release", "Finish"} <= names
    assert {"Failed", "Exited", "Ended", "StopAll", "KillAll"} <= names


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_an_exception_is_left_out_and_nothing_else(kind):
    """The words of it stay; the value is equal, as exceptions are no part of equality."""
    value = kind(**{f.name: FIELDS[f.name] for f in attrs.fields(kind) if f.name in FIELDS})
    again = bare(value)
    if kind is Exited:
        assert again == events.Ended("A", 1, REASON, CAUSE)
    elif kind not in (events.Ended, effects.Restart):  # which are made without one
        assert again == value
        assert type(again) is kind
        assert getattr(again, "cause", CAUSE.bare()).error is None
        assert getattr(again, "reason", Exit(ExitKind.CRASH)).error is None


@pytest.mark.parametrize(
    "value",
    [
        effects.Start("A", 1, kid("A")),
        effects.Stop("A", 1),
        effects.Stop("A", 1, keep=True, cause=CAUSE.bare()),
        effects.Finish(Exit(ExitKind.SHUTDOWN)),
        Exited("A", 1, Exit(ExitKind.NORMAL)),
        effects.Kill("A", 1),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_holds_no_exception_stays_as_it_is(value):
    """The same object."""
    assert bare(value) is value


def test_a_record_holds_what_was_ordered_and_what_the_window_held():
    """Also when older restarts have left the window."""
    world = World(tree("A", max_restarts=9, within=10.0)).boot()
    for _ in range(4):
        world.crash("A", seconds=1.0)
    world.run(7.5)
    world.crash("A")
    record = next(one for one in reversed(world.top.records) if one.verdicts)
    assert [type(one).__name__ for one in record.effects] == ["Restart"]
    assert record.effects[0].cause == CAUSE_OF_A
    assert record.effects[0].cause.error is None
    assert (record.before, record.after) == (2, 3)
    assert record.verdicts[0].why == "ValueError: A broke; 3 of 9 restarts within 10 s used."
